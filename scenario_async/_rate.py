"""How many requests a second a client may send, as learned from 429s, and when the next is due.

Pure: times are given, in seconds of a monotonic clock, and nothing here waits.
"""

from __future__ import annotations

import math
import random

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

    Without a 429 there is no limit. The first one stops everything, and from then on one request at
    a time asks whether the service takes requests again, after the service's hint or after waits
    that grow. When it does, a *cycle* ends. What was taken in a cycle, by its length, is the rate
    of the next one: a little less for whoever had much, a little more for whoever had little, so
    that clients with one key come to equal shares without knowing of each other. Within a cycle the
    rate grows, slowly while the cycle is no longer than the last one and then ever faster, until
    the next 429.

    That is enough for each way in which a service may count. A fixed or a sliding window lets
    through so many requests by its length, whatever became of them, and a bucket is filled at a
    rate: in each case what was taken between two 429s is what is allowed. Requests that go out
    evenly and only a little too fast meet a 429 near the end of a window, where waiting for its end
    costs little. Neither the length of a window nor its size has to be known.

    Who had next to nothing before the first 429 came late to a window that others had used up. It
    has measured nothing, and *searches*: its rate grows quickly until it meets a 429 of its own.
    """

    # Found by simulation (tests/core/rate_simulation.py); none of these is sharp.
    FIRST_WAIT = 1.5  # seconds, where no rate is known yet
    WAIT_SHARE = 1 / 15  # of the cycle: what a later first wait has at least
    WAIT_FACTOR = 1.35
    LONGEST_WAIT = 60.0  # seconds: the limit is documented for a minute
    LATE = 0.7  # a window opened about so late between the last refusal and its end

    SHARE = 0.95  # of what was measured, for whoever had much
    EXTRA = 0.75  # requests a cycle on top, the same for everybody
    FEW = 20  # requests in the first cycle: with less, search
    SEARCH_FROM = 4.0  # requests in as long as the first pause was
    SEARCH_GROWTH = 8.0  # times e in that time
    ENOUGH = 25.0  # requests: less in a cycle say little, so it counts as longer
    STAY = 2.2  # cycles until the rate is e times as high
    FAR = 2.0  # times the rate at the begin of the cycle
    IDLE_AFTER = 1.0  # seconds without a request: then nobody waits for one

    def __init__(self) -> None:
        self._rate: float | None = None  # at the begin of the cycle
        self._growth = 0.0  # seconds until it is e times as high
        self._searching = False
        self._begin: float | None = None  # of the cycle, idle time left out
        self._taken = 0  # in the cycle
        self._last_sent = float("-inf")
        self._paused_until = float("-inf")
        # Of the 429s that nothing came after yet:
        self._refusals = 0
        self._first_refusal = self._last_refusal = float("-inf")
        self._first_wait = 0.0
        self._refused_rate: float | None = None
        self._hinted: float | None = None  # when the service takes requests again, as it says

    @property
    def probing(self) -> bool:
        """Whether the service has taken no request since the last 429: one at a time goes out."""
        return self._refusals > 0

    def limit(self, now: float) -> float | None:
        """Requests a second; ``None`` for no limit. Between two 429s it never falls."""
        if self._rate is None or self._begin is None:
            return None
        passed = max(0.0, now - self._begin - self._idle(now)) / self._growth
        return self._rate * math.exp(min(9.0, passed if self._searching else passed**3))

    def sent(self, now: float) -> None:
        """A request goes out now."""
        self._begin = now if self._begin is None else self._begin + self._idle(now)
        self._last_sent = now

    def taken(self, sent_at: float) -> None:
        """The service took the request that was sent then."""
        self._taken += 1
        if self.probing and sent_at > self._last_refusal:
            self._end_cycle(sent_at)

    def refused(self, sent_at: float, now: float, hint: float | None) -> float:
        """A 429 came, with a hint in seconds or without; gives the seconds to pause.

        The hint is a floor. One that is not true does not make the waits any shorter: from the
        second 429 in a row on they grow as without a hint.
        """
        limit = self.limit(now)
        spacing = self.FIRST_WAIT if limit is None else 1 / limit
        wait = 0.0
        if sent_at > self._last_refusal:
            if not self.probing:
                busy = now - (now if self._begin is None else self._begin)
                self._first_refusal, self._refused_rate = now, limit
                self._first_wait = max(spacing, busy * self.WAIT_SHARE)
            if self.probing or hint is None:
                wait = min(
                    self.LONGEST_WAIT,
                    self._first_wait * self.WAIT_FACTOR ** min(self._refusals, 99),
                )
            # Requests that were under way at a 429 tell nothing new, so they do not count again.
            self._refusals += 1
            self._last_refusal = now
        if hint is not None:
            wait = max(wait, hint)
        self._hinted = None if hint is None else now + hint
        # Not all clients at the same moment; little, because nothing gets done in that time.
        wait += random.uniform(0, min(spacing, 1.0, wait / 10 + 0.05))  # noqa: S311 - no secret
        self._paused_until = max(self._paused_until, now + wait)
        return wait

    def _end_cycle(self, now: float) -> None:
        """The service takes requests again, with the one that was sent now."""
        begin = now if self._begin is None else self._begin
        opened = self._opened(now)
        first, pause = self._rate is None, max(0.05, opened - self._first_refusal)
        seconds = max(0.05, opened - begin)
        searched, self._searching = self._searching, first and self._taken < self.FEW
        if self._searching:
            self._rate, self._growth = self.SEARCH_FROM / pause, pause / self.SEARCH_GROWTH
        else:
            share = self.SHARE + self.EXTRA / max(self._taken, self.ENOUGH)
            rate = share * self._taken / seconds
            grown = self._refused_rate or 0.0
            if not searched and self._rate is not None and grown > self.FAR * self._rate:
                # A limit was lifted, or others have left: the mean of the cycle says little then.
                rate = max(rate, grown / 2)
            self._rate = rate
            long = min(self.LONGEST_WAIT, self.ENOUGH / self._rate)
            self._growth = self.STAY * max(seconds, long)
        self._begin, self._taken, self._refusals = now, 0, 0

    def _opened(self, now: float) -> float:
        """Since when the service has taken requests again, as near as one can tell."""
        if self._hinted is not None:
            return min(now, self._hinted)
        if self._rate is None and self._taken >= self.FEW:
            # The first waits are long. Take the shortest window that is possible: what was lost by
            # coming late can be made up for in the second one, and the third one is measured.
            return self._last_refusal
        return self._last_refusal + self.LATE * (now - self._last_refusal)

    def _idle(self, now: float) -> float:
        """Seconds of late in which a request could have gone out, and nobody had one."""
        spacing = 0.0 if self._rate is None else 1 / self._rate
        due = max(self._last_sent + spacing, self._paused_until)
        return max(0.0, now - due - self.IDLE_AFTER)
