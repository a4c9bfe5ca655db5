"""The rate limit of a sandbox."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How many requests a sandbox takes; the others get a 429 with ``Retry-After``.

    Attributes:
        requests_per_second: The steady rate.
        burst: How many requests may come at once after a rest.

    Raises:
        ValueError: One of them would let no request through.
    """

    requests_per_second: float
    burst: int = 1

    def __post_init__(self) -> None:
        if self.requests_per_second <= 0 or self.burst < 1:
            raise ValueError("requests_per_second must be above 0 and burst at least 1")


class TokenBucket:
    """Counts requests against a rate limit.

    Args:
        limit: The limit.
        now: The time in seconds, by whatever clock ``wait`` is asked with.
    """

    def __init__(self, limit: RateLimit, now: float) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._full = float(limit.burst)
        self._level = self._full
        self._at = now

    def wait(self, now: float) -> int | None:
        """Count a request. ``None`` lets it pass; else the whole seconds until one may pass."""
        rate = self._limit.requests_per_second
        with self._lock:
            self._level = min(self._full, self._level + (now - self._at) * rate)
            self._at = now
            if self._level >= 1:
                self._level -= 1
                return None
            return max(1, math.ceil((1 - self._level) / rate))
