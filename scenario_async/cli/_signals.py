"""Ctrl-C and SIGTERM as the process gets them. It imports little: it is there before the rest."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import FrameType

__all__ = ["end_at_once", "ending_signals_taken"]

_ENDING = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def ending_signals_taken(by: Callable[[int, FrameType | None], None]) -> Generator[None]:
    """Let this function handle Ctrl-C and SIGTERM meanwhile.

    Process number 1, as in a container, is deaf to what it has no handler for. What is ignored from
    the start stays so, as Ctrl-C is in a job in the background of a shell. In another thread than
    the main one signals are not ours to take.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _ENDING}
    taken = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    for number in taken:
        signal.signal(number, by)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, before[number])


def end_at_once(number: int, _frame: FrameType | None = None) -> NoReturn:
    """End the process as one that this signal has ended, without cleaning up."""
    for other in _ENDING:
        signal.signal(other, signal.SIG_IGN)
    with suppress(OSError):
        # Progress hides the cursor and stays on its line. Not through `sys.stderr`, which may be in
        # the middle of anything.
        os.write(2, b"\x1b[?25h\nInterrupted.\n" if os.isatty(2) else b"Interrupted.\n")
    os._exit(128 + number)
