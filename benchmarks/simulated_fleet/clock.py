"""Simulated time: what happens next, and who is served when."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any, TypeVarTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Clock", "Servers"]

ArgumentsT = TypeVarTuple("ArgumentsT")


class Clock:
    """Calls functions in the order of the moments that they are due at, in seconds from 0.

    Attributes:
        now: The moment of the call that is under way.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Callable[..., object], tuple[Any, ...]]] = []
        self._number = 0

    def at(
        self, when: float, call: Callable[[*ArgumentsT], object], *arguments: *ArgumentsT
    ) -> None:
        """Call a function at a moment; those of the same moment in the order of this."""
        self._number += 1
        heapq.heappush(self._due, (when, self._number, call, arguments))

    def run(self, until: float) -> None:
        """Let time pass up to a moment."""
        due = self._due
        while due and due[0][0] <= until:
            self.now, _, call, arguments = heapq.heappop(due)
            call(*arguments)
        self.now = until


class Servers:
    """Some that do one piece of work after the other, each for whoever came first.

    Args:
        number: How many there are.

    Attributes:
        busy: For how many seconds they worked, all of them together.
    """

    def __init__(self, number: int) -> None:
        self._free_at = [0.0] * number
        self.busy = 0.0

    def take(self, now: float, seconds: float) -> float:
        """Give them a piece of work; returns when it is done."""
        done = max(now, self._free_at[0]) + seconds
        heapq.heapreplace(self._free_at, done)
        self.busy += seconds
        return done

    def forget(self, now: float) -> None:
        """Drop all work that is not done."""
        self.busy -= sum(max(0.0, at - now) for at in self._free_at)
        self._free_at = [min(at, now) for at in self._free_at]
