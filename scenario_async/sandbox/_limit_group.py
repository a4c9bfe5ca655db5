"""A rate limit that accounts share, as the keys of one project do."""

from __future__ import annotations

import heapq
from operator import attrgetter
from typing import TYPE_CHECKING

from . import _traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from scenario_async.sandbox._api import RateLimit

    from ._account import SandboxAccount
    from ._requests import Request


class LimitGroup:
    """Accounts with one rate limit for all of them, as the keys of one project have.

    Attributes:
        name: Its name.
        accounts: Its accounts.
    """

    def __init__(self, name: str, accounts: Iterable[SandboxAccount]) -> None:
        self.name: str = name
        self.accounts: tuple[SandboxAccount, ...] = tuple(accounts)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} of {len(self.accounts)} accounts>"

    @property
    def rate_limit(self) -> RateLimit | None:
        """How many requests are taken of all its accounts together, ``None`` for all.

        Can be changed while requests come.
        """
        return self.accounts[0].rate_limit

    @rate_limit.setter
    def rate_limit(self, limit: RateLimit | None) -> None:
        self.accounts[0].rate_limit = limit

    @property
    def requests(self) -> list[Request]:
        """The requests of all its accounts so far, in order of arrival."""
        return list(heapq.merge(*(one.requests for one in self.accounts), key=attrgetter("number")))

    def most_within(self, seconds: float = 60.0) -> int:
        """Return the largest number of requests that arrived in any span of so many seconds.

        As ``RequestLog.most_within``, for all accounts together.
        """
        return _traffic.most_within(self.requests, seconds)

    def overlaps(
        self, *, gap: float = 0.0, by: Callable[[Request], Hashable] | None = None
    ) -> list[tuple[Request, Request]]:
        """Return the requests with which a client began while another one was at work.

        As ``RequestLog.overlaps``, for all accounts together.
        """
        return _traffic.overlaps(self.requests, gap=gap, by=by)
