"""How fast a client may ask: slots, turns, the pause after a 429, the share of retries.

What is promised is under "Polite" and "Finite" in ``docs/explanation/promises.md``.
"""

from __future__ import annotations

from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from scenario_async._errors import RateLimitError

from .rate import EvenSpacing, LearnedRate
from .waits import Waits

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from scenario_async._events import WaitReason

    from .clock import Clock, Deadline

__all__ = ["Concurrency", "Pacer", "RetryBudget", "Turn"]

_SCARCE_AFTER_429 = 300.0  # seconds: some windows of a minute


class Concurrency:
    """How many requests may be under way: halved on overload, one more after each good round. Pure.

    A 429 and a timeout are signs of overload. Requests that were already under way when one came
    tell nothing new: only what becomes of a request of the present generation (``generation``)
    halves again.
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

    def overloaded(self, generation: int) -> None:
        """A 429 or a timeout came, to a request that was sent in this generation."""
        if generation != self.generation:
            return
        self.generation += 1
        self._good = 0
        self.limit = max(1, self.limit // 2)


class RetryBudget:
    """Bounds retries to one for each call, over a reserve for a short outage. Pure.

    Without it, a service that is down gets several times its usual load from those who wait for it:
    https://sre.google/sre-book/handling-overload/

    Attributes:
        left: How many retries there may be.
    """

    RESERVE = 50

    def __init__(self) -> None:
        self.left: int = self.RESERVE

    def called(self) -> None:
        """A call begins: it earns one retry, up to the reserve."""
        self.left = min(self.RESERVE, self.left + 1)

    def retried(self) -> None:
        """A retry begins: it is spent."""
        self.left -= 1


@dataclass(frozen=True, slots=True)
class Turn:
    """When a request went out: the generation of the slots, and the time of the clock."""

    generation: int
    sent_at: float


class Pacer:
    """Says when the requests of one client go out, or of several that share it.

    Each takes a slot (``max_concurrency``) at its turn (``requests_per_second``, and the rate that
    was learned from 429s), first come, first served. Waiting for those does not count against the
    deadline of a call; waiting for the end of a pause does, because the service asked for it.
    """

    def __init__(
        self, clock: Clock, max_concurrency: int, requests_per_second: float | None = None
    ) -> None:
        self._clock = clock
        self._concurrency = Concurrency(max_concurrency)
        self._limiter = anyio.CapacityLimiter(max_concurrency)
        self._fixed_rate = requests_per_second
        self._learned_rate = LearnedRate()
        self._spacing = EvenSpacing()
        # Only who is first in the queue waits for a turn and a slot. With nothing reserved, it can
        # be cancelled at any time, and what changes meanwhile holds for everybody.
        self._queue = anyio.Lock(fast_acquire=True)
        self._first_waits = Waits(clock)
        self._paused_until = float("-inf")
        self._taken = 0
        self._refused_at = float("-inf")
        self.retries: RetryBudget = RetryBudget()

    @asynccontextmanager
    async def slot(
        self, deadline: Deadline, tell: Callable[[WaitReason, float], None] | None = None
    ) -> AsyncGenerator[Turn, None]:
        """Hold one slot, from the moment on at which a request may go out.

        Args:
            deadline: Of the call.
            tell: Called with what was waited for, and for how many seconds.

        Raises:
            RateLimitError: The client is paused for longer than the deadline allows.
        """
        borrower, waits = object(), Waits(self._clock)
        try:
            await self._take_turn(borrower, deadline, waits)
        except BaseException:
            waits.tell(tell)
            raise
        try:
            waits.tell(tell)
            yield Turn(self._concurrency.generation, self._clock.now())
        finally:
            self._limiter.release_on_behalf_of(borrower)

    def pause_left(self) -> float:
        """Seconds until requests may go out again; 0 or less when they may."""
        return self._paused_until - self._clock.now()

    def pause(self, seconds: float) -> None:
        """Let no request of this client go out for so long. A pause never gets shorter."""
        self._paused_until = max(self._paused_until, self._clock.now() + seconds)

    def succeeded(self, turn: Turn) -> None:
        """The service took the request of this turn, whatever it answered."""
        self._taken += 1
        self._learned_rate.taken(turn.sent_at)
        self._concurrency.succeeded(turn.generation)
        self._apply_limit()

    def refused(self, turn: Turn, hint: float | None) -> None:
        """A 429 came, to the request of this turn; ``hint`` is how long the service asks to wait.

        For everyone, also where the call gives up.
        """
        now = self._clock.now()
        self._refused_at = now
        if not self._learned_rate.probing:
            # A request that goes out alone tells nothing about how many are too many.
            self._concurrency.overloaded(turn.generation)
        self.pause(self._learned_rate.refused(turn.sent_at, now, hint))
        self._apply_limit()

    def timed_out(self, turn: Turn) -> None:
        """The request of this turn was given up. A rate cannot be learned from that."""
        self._concurrency.overloaded(turn.generation)
        self._apply_limit()

    @property
    def limit(self) -> int:
        """How many requests may be under way now."""
        if self._fixed_rate is not None and not self._learned_rate.probing:
            return self._concurrency.limit
        return self._learned_rate.at_once(self._clock.now(), self._concurrency.limit)

    @property
    def scarce(self) -> bool:
        """Whether requests are the scarce good: nothing should be asked for that may not be needed.

        So it is with ``requests_per_second``, and for some minutes after a 429.
        """
        return (
            self._fixed_rate is not None or self._clock.now() - self._refused_at < _SCARCE_AFTER_429
        )

    @property
    def rate(self) -> float | None:
        """How many requests a second may go out now; ``None`` for any number."""
        learned = self._learned_rate.limit(self._clock.now())
        if learned is None or self._fixed_rate is None:
            return self._fixed_rate if learned is None else learned
        return min(learned, self._fixed_rate)

    def until_due(self) -> float:
        """Seconds until the next request may go out by the rate; 0 if it may."""
        return self._spacing.wait(self._clock.now(), self.rate)

    def _apply_limit(self) -> None:
        if self._limiter.total_tokens != self.limit:
            self._limiter.total_tokens = self.limit

    async def _take_turn(self, borrower: object, deadline: Deadline, waits: Waits) -> None:
        """Come back with a slot, as a request may go out."""
        paused, taken_before, taken = 0.0, self._taken, False
        while not taken:
            began = self._clock.now()
            await self._outlast_pause(deadline, waits)
            queued_at = self._clock.now()
            paused += queued_at - began
            before = self._first_waits.seconds()
            try:
                async with self._queue:
                    taken = await self._as_the_first(borrower)
            finally:
                waits.add_since(before, self._first_waits)
            deadline.extend(self._clock.now() - queued_at)
            if self._taken != taken_before:
                # Others of this client got through meanwhile: this was a queue, and no outage.
                deadline.extend(paused)
                paused, taken_before = 0.0, self._taken

    async def _as_the_first(self, borrower: object) -> bool:
        """Wait for a turn and a slot. False where a pause has begun: everybody waits for its end.

        No slot is held while waiting for the turn, and no turn is taken while waiting for a slot.
        """
        while self.pause_left() <= 0:
            if (wait := self.until_due()) > 0:
                with self._first_waits.waiting("pace"):
                    await self._clock.sleep(wait)
                continue
            self._apply_limit()
            free = self._limiter.available_tokens > 0
            with nullcontext() if free else self._first_waits.waiting("slot"):
                await self._limiter.acquire_on_behalf_of(borrower)
            if self.pause_left() <= 0 and self.until_due() <= 0:
                self._spacing.sent(self._clock.now())
                self._learned_rate.sent(self._clock.now())
                self._apply_limit()
                return True
            self._limiter.release_on_behalf_of(borrower)
        return False

    async def _outlast_pause(self, deadline: Deadline, waits: Waits) -> None:
        while (left := self.pause_left()) > 0:
            if not deadline.allows(left):
                raise RateLimitError(
                    f"the service asked this client to pause, for {left:.1f} s more: "
                    "longer than this call may take (timeout.total)",
                    status_code=429,
                    retry_after=left,
                )
            with waits.waiting("pause"):
                await self._clock.sleep(left)
