"""Clocks that tests hold, and a pause for the loop."""

from __future__ import annotations

import heapq

import anyio
import anyio.lowlevel

__all__ = ["FakeClock", "HeldClock", "settle"]


class FakeClock:
    """A clock on which each sleep is over at once, and time has moved on by it."""

    def __init__(self, start: float = 1000.0) -> None:
        self.time: float = start
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds
        await anyio.lowlevel.checkpoint()


class HeldClock(FakeClock):
    """A clock that stands still until a test lets it go on."""

    def __init__(self, start: float = 1000.0) -> None:
        super().__init__(start)
        self._sleepers: list[tuple[float, int, anyio.Event]] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        wake = anyio.Event()
        heapq.heappush(self._sleepers, (self.time + seconds, len(self.slept), wake))
        await wake.wait()

    async def advance(self, seconds: float) -> None:
        """Let time go on, wake who is due, and let them run."""
        self.time += seconds
        while self._sleepers and self._sleepers[0][0] <= self.time:
            heapq.heappop(self._sleepers)[2].set()
        await settle()


async def settle(turns: int = 30) -> None:
    """Let every task run until it waits for something that a test has in its hands."""
    for _ in range(turns):
        await anyio.lowlevel.checkpoint()
