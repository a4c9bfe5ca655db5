"""Work that holds the loop for a millisecond or two: one piece at a time (P8)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Turns"]

ResultT = TypeVar("ResultT")


class Turns:
    """Lets others run between two pieces of work, also when many are ready at the same moment.

    Eight pages that arrive at once would otherwise be put together and taken apart in one go.
    """

    LARGE = 64 * 1024

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()

    async def run(self, work: Callable[[], ResultT], size: int) -> ResultT:
        """Do a piece of work on so many bytes; at once if that takes no time worth speaking of."""
        if size < self.LARGE:
            return work()
        async with self._one_at_a_time:
            result = work()
            await asyncio.sleep(0)
            return result
