"""Time as the rest of the package sees it, so that tests can hold it."""

from __future__ import annotations

import time
from typing import Protocol

import anyio

__all__ = ["Clock", "Deadline", "SystemClock"]


class Clock(Protocol):
    """A monotonic clock that one can sleep by; both in seconds."""

    def now(self) -> float:
        """Seconds since some fixed moment."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Come back after so many seconds."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> float:
        """Seconds of the monotonic clock."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep on the running event loop."""
        await anyio.sleep(seconds)


class Deadline:
    """How much of a call's total limit is left. ``None`` as the total is no limit."""

    def __init__(self, clock: Clock, total: float | None) -> None:
        self._clock = clock
        self._end = None if total is None else clock.now() + total

    def remaining(self) -> float | None:
        """Seconds left, never below zero; ``None`` without limit."""
        return None if self._end is None else max(0.0, self._end - self._clock.now())

    def allows(self, seconds: float) -> bool:
        """Whether that long a pause would leave any time to go on after it."""
        left = self.remaining()
        return left is None or seconds < left

    def extend(self, seconds: float) -> None:
        """Do not count these seconds, such as those spent in a queue of our own."""
        if self._end is not None:
            self._end += seconds
