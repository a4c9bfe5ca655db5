"""Ctrl-C and SIGTERM as the process gets them. It imports little: it is there before the rest."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import FrameType

__all__ = ["ENDING_SIGNALS", "ending_signals_taken"]

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""What a program is asked to end with."""


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
    before = {number: signal.getsignal(number) for number in ENDING_SIGNALS}
    taken = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    for number in taken:
        signal.signal(number, by)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, before[number])
