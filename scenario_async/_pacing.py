"""How fast a client may ask: slots, the pause after a 429, and the share of retries (P6, P7)."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio

from ._errors import RateLimitError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from ._clock import Clock, Deadline

__all__ = ["Concurrency", "Pacer", "RetryBudget"]


class Concurrency:
    """How many requests may be under way: halved on a 429, one more after each good round. Pure.

    Requests that were already under way when a 429 came tell nothing new: only an answer to a
    request of the present generation (``generation``) halves again.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.limit = most
        self.generation: int = 0
        self._good = 0

    def succeeded(self, generation: int) -> None:
        """A good answer came, to a request that was sent in this generation."""
        if generation != self.generation or self.limit >= self.most:
            return
        self._good += 1
        if self._good >= self.limit:
            self._good = 0
            self.limit += 1

    def refused(self, generation: int) -> None:
        """A 429 came, to a request that was sent in this generation."""
        if generation != self.generation:
            return
        self.generation += 1
        self._good = 0
        self.limit = max(1, self.limit // 2)


class RetryBudget:
    """Bounds retries to one for each call, over a reserve for a short outage. Pure.

    Without it, a service that is down gets several times its usual load from those who wait for it:
    https://sre.google/sre-book/handling-overload/
    """

    RESERVE = 50

    def __init__(self) -> None:
        self._left = self.RESERVE

    def called(self) -> None:
        """A call begins: it earns one retry, up to the reserve."""
        self._left = min(self.RESERVE, self._left + 1)

    def take(self) -> bool:
        """Whether one more retry is within the budget; if so, it is spent."""
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Pacer:
    """Hands out the slots of one client, or of several that share it.

    Waiting for a slot does not count against the deadline of a call; waiting for the end of a pause
    does, because the service asked for it.
    """

    def __init__(self, clock: Clock, max_concurrency: int) -> None:
        self._clock = clock
        self._concurrency = Concurrency(max_concurrency)
        self._limiter = anyio.CapacityLimiter(max_concurrency)
        self._paused_until = float("-inf")
        self.retries: RetryBudget = RetryBudget()

    @asynccontextmanager
    async def slot(self, deadline: Deadline) -> AsyncGenerator[int, None]:
        """Hold one slot; gives the generation that the request is sent in.

        Raises:
            RateLimitError: The client is paused for longer than the deadline allows.
        """
        borrower = object()
        while True:
            await self._outlast_pause(deadline)
            queued_at = self._clock.now()
            await self._limiter.acquire_on_behalf_of(borrower)
            deadline.extend(self._clock.now() - queued_at)
            if self.pause_left() <= 0:
                break
            self._limiter.release_on_behalf_of(borrower)
        try:
            yield self._concurrency.generation
        finally:
            self._limiter.release_on_behalf_of(borrower)

    def pause_left(self) -> float:
        """Seconds until requests may go out again; 0 or less when they may."""
        return self._paused_until - self._clock.now()

    def pause(self, seconds: float) -> None:
        """Let no request of this client go out for so long. A pause never gets shorter."""
        self._paused_until = max(self._paused_until, self._clock.now() + seconds)

    def succeeded(self, generation: int) -> None:
        """A good answer came, to a request that was sent in this generation."""
        self._concurrency.succeeded(generation)
        self._apply_limit()

    def refused(self, generation: int) -> None:
        """A 429 came, to a request that was sent in this generation."""
        self._concurrency.refused(generation)
        self._apply_limit()

    @property
    def limit(self) -> int:
        """How many requests may be under way now."""
        return self._concurrency.limit

    def _apply_limit(self) -> None:
        if self._limiter.total_tokens != self._concurrency.limit:
            self._limiter.total_tokens = self._concurrency.limit

    async def _outlast_pause(self, deadline: Deadline) -> None:
        while (left := self.pause_left()) > 0:
            if not deadline.allows(left):
                raise RateLimitError(
                    f"the service asked this client to pause, for {left:.1f} s more: "
                    "longer than this call may take (timeout.total)",
                    status_code=429,
                    retry_after=left,
                )
            await self._clock.sleep(left)
