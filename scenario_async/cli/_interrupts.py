"""Ctrl-C and SIGTERM: once to end in order, twice to end at once."""

from __future__ import annotations

import asyncio
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import asyncclick as click

from scenario_async._signals import ending_signals_taken

from ._signals import end_at_once

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import FrameType

__all__ = ["InterruptedRunError", "Interruption"]


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
        has no answer at all.

        Raises:
            click.Abort: A signal came.
        """
        task = asyncio.current_task()
        if task is None:
            yield
            return
        loop = asyncio.get_running_loop()

        def interrupted(number: int, _frame: FrameType | None) -> None:
            if self.signal is not None:
                end_at_once(number)
            self.signal = signal.Signals(number)
            task.cancel()
            loop.call_soon_threadsafe(lambda: None)  # it may be asleep

        try:
            with ending_signals_taken(interrupted):
                yield
        except asyncio.CancelledError as error:
            if self.signal is None:
                raise
            task.uncancel()
            raise click.Abort from error
