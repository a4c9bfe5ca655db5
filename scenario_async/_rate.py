"""How many requests a second a client may send, as learned from 429s, and when the next is due.

Pure: times are given, in seconds of a monotonic clock, and nothing here waits.
"""

from __future__ import annotations

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

    Several clients with one key, in several processes, find their shares of one limit with it,
    although none knows of the others. A number of requests under way would be far too coarse for
    that: a single one at a time is fifty a second where an answer takes 20 ms.

    Without a 429 there is no limit. The first one begins a *search*: a low rate that grows by the
    same amount each second for every client, which is what makes them equal. (Who has had a steady
    rate for some seconds begins at a share of that.) The next 429 ends it.

    From then on the rate goes by a cubic curve, as in TCP CUBIC
    (https://www.rfc-editor.org/rfc/rfc9438) and in the adaptive retry mode of the AWS SDKs: down by
    a share, quickly back towards the plateau, slowly past it, and then ever faster, so that a limit
    that was lifted is found again. The more 429s have shown about the same plateau, the smaller the
    step down and the longer the stay: a 429 costs a pause of a second or more.
    ``FORGOTTEN_AFTER`` seconds without a 429 end the limit.
    """

    LEAST = 0.1
    MOST = 10_000.0
    FORGOTTEN_AFTER = 300.0

    # The figures below come from simulations of one to eight clients at a limit of 5 to 200
    # requests a second (tests/core/rate_simulation.py). None of them is sharp.
    SEARCH_FROM = 1.0
    SEARCH_GROWTH = 6.0  # requests a second, each second
    SEARCH_AT_LEAST = 1.0  # a 429 earlier than that comes of all having started at once
    SEARCH_CUT = 0.6  # a search overshoots: to this share of the rate at its end
    SEARCH_PLATEAU = 0.8  # of the rate at its end

    CUT = 0.3  # of the rate, times the step
    STEADIER = 0.8  # the next step beside this one, where a 429 tells nothing new
    STEADIEST = 0.3
    EARLY = 0.15  # of the way back to the plateau: a 429 here tells of a limit that has fallen
    BOLDER = 1.6
    OUTGROWN = 1.5  # times the plateau: a 429 here tells that it was out of date

    RECOVERY = 9.0  # seconds to the plateau after the largest step
    RECOVERY_RATE = 10.0  # above this rate it takes longer, by the cube root, as in CUBIC
    LEAST_RISE = 1.1  # from the rate after a cut to the plateau
    WINDOW = 5.0  # seconds over which good answers are counted

    def __init__(self) -> None:
        self._after_cut: float | None = None
        self._plateau: float | None = None  # None in a search
        self._first_search = True
        self._recovery = self.RECOVERY
        self._step = 1.0
        self._refused_at = float("-inf")
        self._grows_from = float("-inf")
        self._window = 0
        self._good = 0
        self._good_before = 0

    def limit(self, now: float) -> float | None:
        """Requests a second; ``None`` for no limit. Between two 429s it never falls."""
        if self._after_cut is None:
            return None
        seconds = max(0.0, now - self._grows_from)
        if seconds > self.FORGOTTEN_AFTER:
            return None
        if self._plateau is None:
            rate = self._after_cut + self.SEARCH_GROWTH * seconds
        else:
            rise = self._plateau - self._after_cut
            rate = self._plateau + rise * ((seconds - self._recovery) / self._recovery) ** 3
        return min(self.MOST, max(self.LEAST, rate))

    def answered(self, now: float) -> None:
        """A good answer came."""
        window = int(now // self.WINDOW)
        if window != self._window:
            self._good_before = self._good if window == self._window + 1 else 0
            self._window, self._good = window, 0
        self._good += 1

    def refused(self, sent_at: float, now: float) -> None:
        """A 429 came. One to a request that was under way at the last cut tells nothing new."""
        if sent_at <= self._refused_at:
            return
        limit = self.limit(now)
        if limit is None:
            self._search(max(self.SEARCH_FROM, self._measured(now) * self.SEARCH_CUT))
            self._first_search = True
        elif self._plateau is None:
            self._end_search(limit, now)
        else:
            self._cut(limit, self._plateau, now)
        self._refused_at = self._grows_from = now

    def paused(self, until: float) -> None:
        """Nothing goes out until then: the rate does not grow meanwhile."""
        self._grows_from = max(self._grows_from, until)

    def _search(self, rate: float) -> None:
        self._after_cut, self._plateau, self._step = rate, None, 1.0

    def _end_search(self, limit: float, now: float) -> None:
        rate = limit * self.SEARCH_CUT
        if self._first_search and now - self._grows_from < self.SEARCH_AT_LEAST:
            self._search(rate)
            self._first_search = False
        else:
            self._recover(rate, limit * self.SEARCH_PLATEAU)

    def _cut(self, limit: float, plateau: float, now: float) -> None:
        # A client that sends less than it may learns nothing about a limit that has grown since.
        limit = min(limit, max(plateau, self._measured(now)))
        if limit > self.OUTGROWN * plateau:
            self._step = 1.0
        elif now - self._grows_from < self.EARLY * self._recovery:
            self._step = min(self.STEADIER, self._step * self.BOLDER)
        else:
            self._step = max(self.STEADIEST, self._step * self.STEADIER)
        rate = limit * (1 - self.CUT * self._step)
        # A 429 below the plateau: somebody else wants a share. Leave them more than this one cut.
        self._recover(rate, limit if limit >= plateau else (limit + rate) / 2)

    def _recover(self, rate: float, plateau: float) -> None:
        self._after_cut = max(self.LEAST, rate)
        self._plateau = max(plateau, self._after_cut * self.LEAST_RISE)
        stretch = max(1.0, self._plateau / self.RECOVERY_RATE) ** (1 / 3)
        self._recovery = self.RECOVERY / self._step * stretch

    def _measured(self, now: float) -> float:
        """Good answers a second in the last whole window; 0 where there is none."""
        window = int(now // self.WINDOW)
        if window == self._window:
            return self._good_before / self.WINDOW
        return self._good / self.WINDOW if window == self._window + 1 else 0.0
