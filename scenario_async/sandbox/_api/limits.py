"""The rate limit of a sandbox. Pure: times are given, in seconds of whatever clock."""

from __future__ import annotations

import math
import threading
from collections import deque
from dataclasses import InitVar, dataclass
from typing import Literal

from scenario_async.sandbox._faults import RateLimited


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """How many requests a sandbox takes in which time; the others get a 429.

    The documentation of the service names 100 requests a minute. How it counts them, and whether
    its 429 says how long to wait, is not documented. Only requests that were taken are counted.

    Args:
        requests_per_second: In place of ``requests`` and ``seconds``: a bucket filled at this rate.
        burst: With ``requests_per_second``: how many requests the bucket holds.

    Attributes:
        requests: How many are taken.
        seconds: In how many seconds.
        window: ``"fixed"`` begins anew every so many seconds, ``"sliding"`` looks back so many
            seconds from each request. ``"bucket"`` holds as many requests and is filled evenly in
            so many seconds, so that twice as many may come in the first of them.
        hint: How long to wait: ``Retry-After`` in whole seconds, ``retry-after-ms``, a
            ``Retry-After`` date, ``remainingSeconds`` in the body, or no word of it.
        fixed_from: Where a fixed window begins: anywhere, as with a clock that does not know the
            client (``"clock"``), or with the first request after the end of the last one
            (``"request"``).
        clock_offset: Seconds by which the clock behind a date is ahead of this machine's. The
            ``Date`` of the answer goes by that clock as well.

    Raises:
        ValueError: No request would get through, or the time is not a length of time.
    """

    requests: int = 100
    seconds: float = 60.0
    window: Literal["fixed", "sliding", "bucket"] = "fixed"
    hint: Literal["seconds", "milliseconds", "date", "body", "none"] = "seconds"
    fixed_from: Literal["clock", "request"] = "clock"
    clock_offset: float = 0.0
    requests_per_second: InitVar[float | None] = None
    burst: InitVar[int] = 1

    def __post_init__(self, requests_per_second: float | None, burst: int) -> None:
        if requests_per_second is not None:
            if requests_per_second <= 0:
                raise ValueError("requests_per_second must be above 0")
            object.__setattr__(self, "requests", burst)
            object.__setattr__(self, "seconds", burst / requests_per_second)
            object.__setattr__(self, "window", "bucket")
        if self.requests < 1:
            raise ValueError("requests and burst must be at least 1")
        if not 0 < self.seconds < math.inf:
            raise ValueError("seconds must be above 0")


class Limiter:
    """Counts requests against a rate limit. Safe from any thread.

    Args:
        limit: The limit, ``None`` for none; can be replaced while requests come.
        now: The time, by whatever clock ``refusal`` is asked with.
    """

    def __init__(self, limit: RateLimit | None, now: float) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._taken: deque[float] = deque()
        self._level = math.inf
        self._filled_at = now

    @property
    def limit(self) -> RateLimit | None:
        """The limit, ``None`` for none.

        Raises:
            TypeError: It is set to something else.
        """
        return self._limit

    @limit.setter
    def limit(self, limit: RateLimit | None) -> None:
        if not (limit is None or isinstance(limit, RateLimit)):  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
            raise TypeError(
                "rate_limit must be a RateLimit or None, such as RateLimit(requests=100, "
                f"seconds=60), not {type(limit).__name__}"
            )
        self._limit = limit

    def clear(self) -> None:
        """Forget the requests so far."""
        with self._lock:
            self._taken.clear()
            self._level = math.inf

    def refusal(self, now: float) -> RateLimited | None:
        """Count a request. ``None`` lets it pass."""
        limit = self.limit
        if limit is None:
            return None
        with self._lock:
            wait = self._wait(now, limit)
        if wait is None:
            return None
        if limit.hint in {"seconds", "body"}:
            wait = math.ceil(wait)
        return RateLimited(retry_after=wait, hint=limit.hint, clock_offset=limit.clock_offset)

    def _wait(self, now: float, limit: RateLimit) -> float | None:
        """Seconds until a request may pass; ``None`` counts this one."""
        if limit.window == "bucket":
            rate = limit.requests / limit.seconds
            level = self._level + (now - self._filled_at) * rate
            self._level, self._filled_at = min(float(limit.requests), level), now
            if self._level < 1:
                return (1 - self._level) / rate
            self._level -= 1
            return None
        begin = self._window_begin(now, limit)
        while self._taken and self._taken[0] < begin:
            self._taken.popleft()
        if len(self._taken) >= limit.requests:
            if limit.window == "sliding":
                begin = self._taken[-limit.requests]
            return max(begin + limit.seconds - now, 0.001)
        self._taken.append(now)
        return None

    def _window_begin(self, now: float, limit: RateLimit) -> float:
        if limit.window == "sliding":
            return now - limit.seconds
        if limit.fixed_from == "clock":
            return now // limit.seconds * limit.seconds
        first = self._taken[0] if self._taken else now
        return first if now < first + limit.seconds else now
