"""Which page requests to make, and which received pages are known good. No I/O, no clock.

A planner is a state machine: a fetcher asks it what may go out, tells it what came back, and gives
the caller what the planner releases. Every walk over a listing has a planner of its own.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ._errors import PaginationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._decode import PageAnswer
    from ._errors import APIError
    from ._query import ListingQuery

__all__ = ["CursorWalk", "PageChain", "PageRequest", "Planner"]

_DEFAULT_ROWS = 100  # of a page where none are asked for (API reference, `pageSize`)


@dataclass(frozen=True, slots=True)
class PageRequest:
    """One page to fetch. The query says all of it; ``depth`` counts the pages before it."""

    query: ListingQuery
    depth: int = 0


class Planner(Protocol):
    """Decides how the pages of one listing are fetched."""

    def requests(self, room: int) -> Sequence[PageRequest]:
        """The requests that may go out now, at most ``room``; each is named once."""
        ...

    def receive(
        self, request: PageRequest, answer: PageAnswer
    ) -> Sequence[tuple[PageRequest, PageAnswer]]:
        """Take an answer in, and release the pages that are now known good, in listing order."""
        ...

    def failed(self, request: PageRequest, error: APIError) -> None:
        """Take a failed request in. Raises the error unless the walk can go on without the page."""
        ...

    def finished(self) -> bool:
        """Whether all pages were released.

        Raises:
            PaginationError: The chain of pages is broken behind the pages released so far.
        """
        ...


class PageChain:
    """What follows a page, and whether the chain still leads on.

    The same page may be asked about again: the answer is the same.
    """

    def __init__(self, query: ListingQuery) -> None:
        # -1 is the token that the caller began with.
        self._depths: dict[str, int] = {}
        if query.pagination_token is not None:
            self._depths[query.pagination_token] = -1
        # What the walk by offset needs to see that it gets nowhere.
        self._first_token: str | None = None
        self._ids: dict[str, int] = {}
        self._barren: set[int] = set()

    def following(self, request: PageRequest, answer: PageAnswer) -> PageRequest | None:
        """The request for the page after this one; ``None`` at the end.

        An empty page with a token is followed; the end is a page without one.

        Raises:
            PaginationError: The page hands out a token that a page before it had handed out.
        """
        if request.query.by_offset:
            query = self._by_offset(request, answer)
        else:
            query = self._by_token(request, answer.token)
        return None if query is None else PageRequest(query, request.depth + 1)

    def _by_token(self, request: PageRequest, token: str | None) -> ListingQuery | None:
        if token is None:
            return None
        first = self._depths.setdefault(token, request.depth)
        if first < request.depth:
            raise PaginationError(
                f"the service handed out the same token with page {request.depth + 1} as "
                + (f"with page {first + 1}" if first >= 0 else "the listing began with")
                + ": following it would never end"
            )
        return request.query.after(token)

    def _by_offset(self, request: PageRequest, answer: PageAnswer) -> ListingQuery | None:
        """By row numbers, as long as the service heeds them.

        Whether it also hands out tokens on this route is not documented. Where it hands out none, a
        page that is not full is no end either, because the largest ``limit`` is not documented: the
        end is an empty page, or the second page in a row without a new row. A service that has
        tokens and gets nowhere by row numbers is followed by its tokens.
        """
        query, rows, depth = request.query, len(answer.rows), request.depth
        if depth == 0:
            self._first_token = answer.token
        first_seen = [self._ids.setdefault(row, depth) for row in answer.ids if row is not None]
        if first_seen and max(first_seen) < depth:
            self._barren.add(depth)
        if self._first_token is not None:
            if depth in self._barren or (depth > 0 and answer.token == self._first_token):
                return self._by_token(request, self._first_token)
            if answer.token is None:
                return None
        elif answer.token is None and (rows == 0 or {depth - 1, depth} <= self._barren):
            return None
        return query.at((query.offset or 0) + (rows or query.rows_per_page or _DEFAULT_ROWS))

    def back_to(self, depth: int) -> PageChain:
        """A chain of its own for another way on from the page at this depth."""
        chain = copy(self)
        chain._depths = {token: at for token, at in self._depths.items() if at <= depth}  # noqa: SLF001 - its own kind
        chain._ids = {model_id: at for model_id, at in self._ids.items() if at <= depth}  # noqa: SLF001 - its own kind
        chain._barren = {at for at in self._barren if at <= depth}  # noqa: SLF001 - its own kind
        return chain


class CursorWalk:
    """Page n+1 after page n: always right, whatever the tokens are."""

    def __init__(self, first: PageRequest, chain: PageChain) -> None:
        self._chain = chain
        self._next: PageRequest | None = first
        self._under_way = False
        self._broken: PaginationError | None = None

    def requests(self, room: int) -> Sequence[PageRequest]:
        """The next page, once it is known how to ask for it."""
        if self._next is None or self._under_way or room < 1:
            return ()
        self._under_way = True
        return (self._next,)

    def receive(
        self, request: PageRequest, answer: PageAnswer
    ) -> Sequence[tuple[PageRequest, PageAnswer]]:
        """Every page is known good as it comes."""
        self._under_way = False
        try:
            self._next = self._chain.following(request, answer)
        except PaginationError as error:
            self._broken = error
            self._next = None
        return ((request, answer),)

    def failed(self, request: PageRequest, error: APIError) -> None:  # noqa: ARG002 - the protocol
        """There is no way around a page."""
        raise error

    def finished(self) -> bool:
        """Whether the last page came."""
        if self._broken is not None:
            raise self._broken
        return self._next is None
