"""Standard output: bytes, and nothing else than what was asked for."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import stat
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import anyio.to_thread

from scenario_async._formats import escaped

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from typing import TextIO

    from scenario_async._formats import Format

__all__ = [
    "OutputClosedError",
    "OutputError",
    "OutputFailedError",
    "abandon",
    "is_pipe",
    "is_terminal",
    "terminal_width",
    "write_data",
    "write_lines",
    "write_out",
    "writer_of",
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


async def write_data(data: bytes) -> None:
    """Write what the service said, as it is; on a terminal it is shown and does not steer it.

    Names are other people's, and may have sequences that clear the screen, set its title or turn
    the direction of text around. JSON shows such a character in the same way, as an escape.

    Raises:
        OutputClosedError: Nobody reads any more.
        OutputFailedError: It cannot be written.
    """
    await write_out(escaped(data) if is_terminal(sys.stdout) else data)


async def write_lines(lines: Iterable[str]) -> None:
    """Write lines of our own.

    Raises:
        OutputClosedError: Nobody reads any more.
        OutputFailedError: It cannot be written.
    """
    await write_out("".join(f"{line}\n" for line in lines).encode(errors="surrogateescape"))


def writer_of(format_: Format) -> Callable[[bytes], Awaitable[None]]:
    """What writes a format: a layout for terminals has no character that would steer one."""
    return write_out if format_.kind == "layout" else write_data


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody looks at this stream. A process may have been started without it."""
    return stream is not None and stream.isatty()


def terminal_width() -> int | None:
    """How wide the terminal is that shows standard output; ``None`` where there is none.

    Nothing needs to be shortened then.
    """
    return shutil.get_terminal_size().columns if is_terminal(sys.stdout) else None


def is_pipe(stream: TextIO | None) -> bool:
    """Whether another program reads this stream."""
    if stream is None:
        return False
    try:
        return stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode)
    except OSError:  # a stream of Python alone has no number
        return False


def abandon(stream: TextIO | None) -> None:
    """Drop what a stream has not taken: at its end Python would try again, and complain."""
    # What has been put in the place of such a stream, as by tests, is none of ours.
    if stream is not None and any(stream is own for own in (sys.__stdout__, sys.__stderr__)):
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def _write(data: bytes) -> None:
    if sys.stdout is None:
        raise OutputFailedError("there is no standard output")
    # Exceptions of our own, because any other OSError would be taken for something else.
    try:
        # With PYTHONUNBUFFERED, as in many containers, it may take a part alone, such as what a
        # disk has room for; the next write says what is wrong.
        left = memoryview(data)
        while left:
            left = left[sys.stdout.buffer.write(left) :]
        sys.stdout.buffer.flush()
    except OSError as error:
        # Windows has another word for a broken pipe.
        if isinstance(error, BrokenPipeError) or (os.name == "nt" and error.errno == errno.EINVAL):
            raise OutputClosedError from error
        reason = error.strerror or error
        raise OutputFailedError(f"cannot write to standard output: {reason}") from error
