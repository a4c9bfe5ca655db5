"""How long something waits, and what for."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from scenario_async._events import WaitReason

    from .clock import Clock

__all__ = ["Waits"]


class Waits:
    """Sums of the seconds that something has waited, by reasons; it waits for one at a time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seconds: dict[WaitReason, float] = {}
        self._now: tuple[WaitReason, float] | None = None

    @contextmanager
    def waiting(self, reason: WaitReason) -> Generator[None]:
        """Wait for something, until it came or the waiting was given up."""
        self._now = (reason, self._clock.now())
        try:
            yield
        finally:
            self._seconds = self.seconds()
            self._now = None

    def seconds(self) -> dict[WaitReason, float]:
        """The sums up to now, without those that are nothing."""
        sums = dict(self._seconds)
        if self._now is not None:
            reason, since = self._now
            sums[reason] = sums.get(reason, 0.0) + self._clock.now() - since
        return sums

    def tell(self, tell: Callable[[WaitReason, float], None] | None) -> None:
        """Call a function, if there is one, with each of the sums."""
        if tell is not None:
            for reason, seconds in self.seconds().items():
                tell(reason, seconds)

    def add_since(self, before: Mapping[WaitReason, float], others: Waits) -> None:
        """Wait for what others have waited for since they had these sums."""
        for reason, seconds in others.seconds().items():
            if (more := seconds - before.get(reason, 0.0)) > 0:
                self._seconds[reason] = self._seconds.get(reason, 0.0) + more
