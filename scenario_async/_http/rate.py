"""How many requests a second a client may send, as learned from 429s, and when the next is due.

Pure: times are given, in seconds of a monotonic clock, and nothing here waits.
"""

from __future__ import annotations

import math
import random
from collections import deque

__all__ = ["EvenSpacing", "LearnedRate"]


class EvenSpacing:
    """When the next request is due, so that requests go out evenly and not in bursts.

    Two requests are never closer than the rate says: nothing is saved up by a client that was idle,
    and a request that went out late, as timers are, is not made up for. A service that counts
    strictly would refuse that.
    """

    SHORTEST = 1e-6  # seconds: less is a matter of rounding

    def __init__(self) -> None:
        self._last = float("-inf")

    def wait(self, now: float, rate: float | None) -> float:
        """Seconds until a request is due at this many a second; 0 if it is, or without a rate."""
        left = 0.0 if rate is None else self._last + 1 / rate - now
        return left if left > self.SHORTEST else 0.0

    def sent(self, now: float) -> None:
        """A request goes out now."""
        self._last = now


class LearnedRate:
    """The requests a second that the service seems to allow to this client, learned from its 429s.

    Without a 429 there is no limit. A *cycle* lasts from when the service takes requests to when it
    takes them again after a 429. What was taken in a cycle, by its length, is what is allowed: a
    window lets through so many requests by its length, whatever became of them, and a bucket is
    filled at a rate. The next cycle begins with a little less than that, stays there for about two
    windows and then grows ever faster until the next 429.

    That is enough. Neither how the service counts nor how long its window is has to be known,
    because a rate that is a little too low wastes little, and evenly spaced requests that are a
    little too many meet their 429 near the end of a window, where waiting costs little. Such a 429
    comes once in some windows, as one refused request and one or two more that ask whether the
    service takes requests again, one at a time. Clients with one key adapt alike without knowing
    of each other: each takes the same part less, and the same number of requests more. That moves
    their shares towards each other, but slowly: after minutes they are far from equal
    (``docs/explanation/benchmarks.md``).

    The first 429 costs most, as all requests under way are refused with it. The documented limit
    makes it cheap: near it, requests go out two at a time, until the limit is met or has proven to
    be another one. And a minute after the begin of the cycle is one of the times to ask again; the
    others come after waits that grow.
    """

    # What is documented:
    REQUESTS = 100
    SECONDS = 60.0

    # Found by simulation (tests/support/rate_simulation.py); none of these is sharp.
    NEAR = 5  # requests below the documented limit, and beyond it
    FEW = 2  # requests under way there
    SHARE = 0.95  # of what was measured, at the begin of a cycle
    EXTRA = 0.75  # requests a cycle on top, the same for everybody
    ENOUGH = 20  # requests: less in a cycle say little, so it goes on after a 429
    STAY = 6.0  # cycles until the rate is e times as high
    FIRST_WAIT = 3.0  # times the time between two requests
    LEAST_WAIT = 0.3  # seconds
    WAIT_FACTOR = 1.5
    IDLE_AFTER = 1.0  # seconds without a request: then nobody waits for one

    def __init__(self) -> None:
        self._rate: float | None = None  # at the begin of the cycle
        self._growth = 0.0  # seconds until it is e times as high
        self._begin = 0.0  # of the cycle, idle time left out
        self._taken = 0  # in the cycle
        self._latest: deque[float] = deque(maxlen=self.REQUESTS + self.NEAR)  # when sent
        self._beyond = False  # the documented limit, without a 429
        self._paused_until = float("-inf")
        # Of the 429s that nothing came after yet:
        self._refusals = 0
        self._last_refusal = float("-inf")
        self._refused_rate = 0.0
        self._hinted: float | None = None  # when the service takes requests again, as it says

    @property
    def probing(self) -> bool:
        """Whether the service has taken no request since the last 429: one at a time goes out."""
        return self._refusals > 0

    def at_once(self, now: float, most: int) -> int:
        """How many requests may be under way, of ``most`` that there are slots for.

        All that are under way at the first 429 are refused. So they become fewer on the way to the
        documented limit: half of them after a tenth of it, two near it, so that one without an
        answer holds nobody up.
        """
        if self.probing:
            return 1
        if self._rate is not None or self._beyond:
            return most
        if self._sent_within(now, self.REQUESTS + self.NEAR):
            self._beyond = True
            return most
        if self._sent_within(now, self.REQUESTS - self.NEAR):
            return min(self.FEW, most)
        return max(1, most // 2) if self._sent_within(now, self.REQUESTS // 10) else most

    def limit(self, now: float) -> float | None:
        """Requests a second; ``None`` for no limit. Between two 429s it never falls."""
        if self._rate is None:
            return None
        passed = max(0.0, now - self._begin - self._idle(now)) / self._growth
        return self._rate * math.exp(min(9.0, passed**3))

    def sent(self, now: float) -> None:
        """A request goes out now. Time in which nobody had one is left out of all that is kept."""
        if not self._latest:
            self._begin = now
        else:
            idle = self._idle(now)
            self._begin += idle
            self._last_refusal += idle
            self._hinted = None if self._hinted is None else self._hinted + idle
        self._latest.append(now)

    def taken(self, sent_at: float) -> None:
        """The service took the request that was sent then."""
        self._taken += 1
        if self.probing and sent_at > self._last_refusal:
            self._end_cycle(sent_at)

    def refused(self, sent_at: float, now: float, hint: float | None) -> float:
        """A 429 came, with a hint in seconds or without; gives the seconds to pause.

        The hint is a floor. It is the wait after a cycle that was long enough; where 429s follow
        each other closely, waits grow as without a hint. They do not depend on it being true then,
        and clients that got the same hint do not all ask for the one request that may pass.
        """
        limit = self.limit(now)
        spacing = self.SECONDS / self.REQUESTS if limit is None else 1 / limit
        wait = 0.0 if hint is None else hint
        # Requests that were under way at a 429 tell nothing new, so they do not count again.
        if sent_at > self._last_refusal:
            if hint is None or self.probing or self._taken < self.ENOUGH:
                wait = max(wait, self._growing_wait(now, spacing))
            if not self.probing:
                self._refused_rate = limit or 0.0
            self._refusals += 1
            self._last_refusal = now
        self._hinted = None if hint is None else now + hint
        # Not all clients at the same moment; little, because nothing gets done in that time.
        wait += random.uniform(0, min(spacing, 1.0, wait / 20 + 0.02))  # noqa: S311 - no secret
        self._paused_until = max(self._paused_until, now + wait)
        return wait

    def _growing_wait(self, now: float, spacing: float) -> float:
        first = max(self.LEAST_WAIT, self.FIRST_WAIT * spacing)
        wait = min(self.SECONDS, first * self.WAIT_FACTOR ** min(self._refusals, 99))
        window = self._begin + self.SECONDS + spacing - now  # until it is over, if it began there
        return min(wait, max(first, window)) if window > 0 else wait

    def _end_cycle(self, now: float) -> None:
        """The service takes requests again, with the one that was sent now."""
        seconds = max(0.05, self._opened(now) - self._begin)
        # Who had next to nothing before the first 429 came late to a window that others had used
        # up. It has measured nothing, and tries what is little enough.
        taken = self._taken if self._rate is not None else max(self._taken, self.ENOUGH)
        rate = (self.SHARE + self.EXTRA / max(taken, self.ENOUGH)) * taken / seconds
        if self._rate is not None and self._refused_rate / 2 > self._rate:
            # A limit was lifted, or others have left: the mean of the cycle says little then.
            rate = max(rate, self._refused_rate / 2)
        if self._rate is None or self._taken >= self.ENOUGH:
            self._begin, self._taken = now, 0
        self._rate = rate
        self._growth = self.STAY * min(self.SECONDS, max(seconds, self.ENOUGH / rate))
        self._refusals = 0

    def _opened(self, now: float) -> float:
        """Since when the service has taken requests again, as near as one can tell."""
        if self._hinted is not None:
            return min(now, self._hinted)
        if self._rate is None and self._taken >= self.ENOUGH:
            # The first waits are long. Take the shortest window that is possible: what was lost by
            # coming late can be made up for in the second one, and the third one is measured.
            return self._last_refusal
        return (self._last_refusal + now) / 2

    def _sent_within(self, now: float, requests: int) -> bool:
        """Whether so many requests went out within the documented time."""
        sent = self._latest
        return len(sent) >= requests and now - sent[-requests] < self.SECONDS

    def _idle(self, now: float) -> float:
        """Seconds of late in which a request could have gone out, and nobody had one."""
        spacing = 0.0 if self._rate is None else 1 / self._rate
        due = max(self._latest[-1] + spacing, self._paused_until)
        return max(0.0, now - due - self.IDLE_AFTER)
