"""Ctrl-C and SIGTERM: once to end in order, twice to end at once."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NoReturn

import asyncclick as click

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import FrameType

__all__ = ["InterruptedRunError", "Interruption"]

_ENDING = (signal.SIGINT, signal.SIGTERM)


class InterruptedRunError(click.Abort):
    """Ctrl-C or SIGTERM where there is more to say of it.

    Args:
        sentence: What has become of the work, and how to go on.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Interruption:
    """What Ctrl-C and SIGTERM did to a run.

    Attributes:
        signal: The first of them, where one came.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None

    @contextmanager
    def heeded(self) -> Generator[None]:
        """Cancel the running task at the first signal, and end the process at the next.

        The first one sees a page through that is on its way out, and may so wait for a reader that
        does not read. By itself asyncio would answer a second Ctrl-C with an exception wherever the
        program happens to be, and Python would then wait for the thread that writes. To SIGTERM it
        has no answer at all, and a process with number 1, as in a container, is deaf to what it
        has not asked for.

        Raises:
            click.Abort: A signal came.
        """
        task = asyncio.current_task()
        if task is None or threading.current_thread() is not threading.main_thread():
            yield  # signals are not ours to take
            return
        loop = asyncio.get_running_loop()

        def interrupted(number: int, _frame: FrameType | None) -> None:
            if self.signal is not None:
                _end_at_once(number)
            self.signal = signal.Signals(number)
            task.cancel()
            loop.call_soon_threadsafe(lambda: None)  # it may be asleep

        before = {number: signal.getsignal(number) for number in _ENDING}
        # Ctrl-C is ignored from the start in a job in the background.
        taken = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
        for number in taken:
            signal.signal(number, interrupted)
        try:
            yield
        except asyncio.CancelledError as error:
            if self.signal is None:
                raise
            task.uncancel()
            raise click.Abort from error
        finally:
            for number in taken:
                signal.signal(number, before[number])


def _end_at_once(number: int) -> NoReturn:
    for other in _ENDING:
        signal.signal(other, signal.SIG_IGN)
    with suppress(OSError):
        # Progress hides the cursor and stays on its line. Not through `sys.stderr`, which may be in
        # the middle of anything.
        os.write(2, b"\x1b[?25h\nInterrupted.\n" if os.isatty(2) else b"Interrupted.\n")
    os._exit(128 + number)
