"""Standard output: bytes, and nothing else than what was asked for."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import sys
from typing import TYPE_CHECKING

import anyio.to_thread

if TYPE_CHECKING:
    from typing import TextIO

__all__ = [
    "OutputClosedError",
    "OutputError",
    "OutputFailedError",
    "is_pipe",
    "is_terminal",
    "write_out",
]


class OutputError(Exception):
    """Standard output does not do."""


class OutputClosedError(OutputError):
    """Whoever read standard output has gone, as ``head`` does."""


class OutputFailedError(OutputError):
    """Standard output takes nothing more, such as on a full disk."""


async def write_out(data: bytes) -> None:
    """Write to standard output, all of it also where this is cancelled meanwhile.

    In a thread: a pager may leave a pipe full for minutes, and requests under way would time out
    if the event loop waited for it.

    Raises:
        OutputClosedError: Nobody reads any more.
        OutputFailedError: It cannot be written.
    """
    if not data:
        return
    writing = asyncio.create_task(anyio.to_thread.run_sync(_write, data))
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        await asyncio.gather(writing, return_exceptions=True)
        raise


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody looks at this stream. A process may have been started without it."""
    return stream is not None and stream.isatty()


def is_pipe(stream: TextIO | None) -> bool:
    """Whether another program reads this stream."""
    if stream is None:
        return False
    try:
        return stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode)
    except OSError:  # a stream of Python alone has no number
        return False


def _write(data: bytes) -> None:
    if sys.stdout is None:
        raise OutputFailedError("there is no standard output")
    # Exceptions of our own, because any other OSError would be taken for something else.
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except OSError as error:
        # Windows has another word for a broken pipe.
        if isinstance(error, BrokenPipeError) or (os.name == "nt" and error.errno == errno.EINVAL):
            raise OutputClosedError from error
        reason = error.strerror or error
        raise OutputFailedError(f"cannot write to standard output: {reason}") from error
