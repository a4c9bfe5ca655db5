"""Ctrl-C: once to end in order, twice to end at once."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NoReturn

import asyncclick as click

from ._exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import FrameType

__all__ = ["InterruptedRunError", "second_interrupt_ends_at_once"]


class InterruptedRunError(click.Abort):
    """Ctrl-C where there is more to say of it.

    Args:
        sentence: What has become of the work, and how to go on.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@contextmanager
def second_interrupt_ends_at_once() -> Generator[None]:
    """Leave the first Ctrl-C to the event loop, which cancels the command, and take the next.

    The first one sees a page through that is on its way out, and may so wait for a reader that does
    not read. By itself asyncio would answer the second one with an exception wherever the program
    happens to be, and Python would then wait for the thread that writes.
    """
    first = signal.getsignal(signal.SIGINT)
    if not callable(first) or threading.current_thread() is not threading.main_thread():
        yield  # ignored from the start, as for a job in the background, or not ours to take
        return
    pressed = False

    def interrupted(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        if pressed:
            _end_at_once()
        pressed = True
        first(number, frame)

    signal.signal(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, first)


def _end_at_once() -> NoReturn:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(OSError):
        # Progress hides the cursor and stays on its line. Not through `sys.stderr`, which may be in
        # the middle of anything.
        os.write(2, b"\x1b[?25h\nInterrupted.\n" if os.isatty(2) else b"Interrupted.\n")
    os._exit(ExitCode.INTERRUPTED)
