"""Work that holds the event loop: a millisecond at a time, and one piece of it at a time.

What is promised is under "Quiet on the loop" in ``docs/explanation/promises.md``.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["LoopBudget", "TimeSlice"]

ResultT = TypeVar("ResultT")


class LoopBudget:
    """Lets others run between two pieces of work, also when many are ready at the same moment.

    Eight pages that arrive at once would otherwise be put together, taken apart and typed in one
    pass of the loop. Whoever takes the loop has the rest of that pass; nobody else does.
    """

    LARGE = 64 * 1024

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()

    async def take(self) -> None:
        """Wait behind those who came before. Does not wait where nobody else works."""
        await self._one_at_a_time.acquire()
        # It ends by itself: what follows may be in the hands of a caller who does not come back.
        asyncio.get_running_loop().call_soon(self._one_at_a_time.release)

    async def run(self, work: Callable[[], ResultT], size: int) -> ResultT:
        """Do a piece of work on so many bytes; at once if that takes no time worth speaking of."""
        if size >= self.LARGE:
            await self.take()
        return work()

    async def finish(self, steps: Generator[None, None, ResultT]) -> ResultT:
        """Do work that consists of small steps, about a millisecond of them at a time."""
        time_slice = TimeSlice(self)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                result: ResultT = end.value
                return result
            if time_slice.over():
                await time_slice.give_back()


class TimeSlice:
    """A share of the event loop of about a millisecond."""

    SECONDS = 0.001
    # So many take a small part of a slice, and the clock as good as nothing.
    MOST_ROWS = 32

    def __init__(self, loop_budget: LoopBudget) -> None:
        self._loop_budget = loop_budget
        self._rows = 1
        self._asked = time.perf_counter()
        self._end = self._asked + self.SECONDS

    def over(self) -> bool:
        """Whether it is time to let others run."""
        return time.perf_counter() >= self._end

    async def give_back(self) -> None:
        """Let others run, and begin a new slice."""
        await asyncio.sleep(0)
        await self._loop_budget.take()
        self._asked = time.perf_counter()
        self._end = self._asked + self.SECONDS

    async def rows(self) -> int:
        """How many rows to read now: others run first where it is time for that.

        As many as take a part of a slice, by the time that passed since it was asked before.
        """
        now = time.perf_counter()
        if now - self._asked > self.SECONDS:
            self._rows = max(1, self._rows // 2)
        elif now - self._asked < self.SECONDS / 2:
            self._rows = min(self.MOST_ROWS, self._rows * 2)
        self._asked = now
        if now >= self._end:
            await self.give_back()
        return self._rows
