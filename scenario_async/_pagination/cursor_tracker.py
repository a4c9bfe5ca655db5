"""What follows a page of a listing, by the service's own cursors. No I/O."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from scenario_async._errors import PaginationError
from scenario_async._query import PublicRoute

from .planner import PageRequest

if TYPE_CHECKING:
    from scenario_async._decoding import PageAnswer
    from scenario_async._query import ListingQuery

__all__ = ["CursorTracker"]


class CursorTracker:
    """Tells what follows a page, and whether cursors still lead on.

    The same page may be asked about again: the answer is the same.

    Args:
        query: What is listed.
        public_route: What is known of ``/models/public``, where several runs share it.
        begins_at: The depth of the first page.
    """

    def __init__(
        self, query: ListingQuery, public_route: PublicRoute | None = None, *, begins_at: int = 0
    ) -> None:
        self._public_route = PublicRoute() if public_route is None else public_route
        self._begins_at = begins_at
        # -1 is the token that the caller began with.
        self._depths: dict[str, int] = {}
        if query.pagination_token is not None:
            self._depths[query.pagination_token] = -1
        # What a run by row numbers needs to see that it gets nowhere.
        self._ids: dict[str, int] = {}
        self._barren: set[int] = set()
        self._told: dict[PageRequest, PageRequest | None] = {}

    def following(
        self, request: PageRequest, answer: PageAnswer
    ) -> PageRequest | PaginationError | None:
        """The request for the page after this one; ``None`` at the end.

        An empty page with a token is followed; the end is a page without one. A page that hands out
        a token that a page before it had handed out leads into an error.
        """
        if request in self._told:
            return self._told[request]
        by_tokens = request.query.route != "public"
        try:
            if by_tokens:
                query = self._by_token(request, answer.token)
            else:
                query = self._on_public_route(request, answer)
        except PaginationError as error:
            return error
        following = None if query is None else PageRequest(query, request.depth + 1)
        if not by_tokens:
            # What is known of the route changes on the way.
            self._told[request] = following
        return following

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

    def _on_public_route(self, request: PageRequest, answer: PageAnswer) -> ListingQuery | None:
        """By tokens where the route hands them out and takes them, else by row numbers.

        Where no token came, and it is not known that the route has any, a page that is not full is
        no end: a route that takes no notice of ``pageSize`` returns as many rows as it always does,
        and the largest ``limit`` is not documented. The end is an empty page then, or the second
        page in a row without a new row.
        """
        route, query, depth = self._public_route, request.query, request.depth
        # Behind the second page tokens are followed without a look at the rows.
        known = answer.token is not None and route.tokens and depth > self._begins_at + 1
        barren = not known and self._is_barren(request, answer)
        if barren and self._begins_again(request, answer):
            route.by_tokens_alone()
            return None
        if answer.token is not None and route.tokens is not False:
            again = self._depths.get(answer.token) == depth - 1 == self._begins_at
            if not (again and barren) or route.offsets is False:
                route.tokens = True
                return self._by_token(request, answer.token)
            # It hands out tokens and takes no notice of them: this page was the first one.
            route.tokens = False
            return query.at(len(answer.rows))
        if query.pagination_token is not None or route.tokens or not answer.rows:
            return None
        if {depth - 1, depth} <= self._barren:
            # A token that came before was the only other way.
            return self._by_token(request, answer.token)
        if depth > self._begins_at and not barren and route.offsets is None:
            route.by_offsets_alone()
        return query.at((query.offset or 0) + len(answer.rows))

    def _begins_again(self, request: PageRequest, answer: PageAnswer) -> bool:
        """Whether the page behind a first one without a token is that page again.

        A route that takes no notice of row numbers returns that: so it has tokens, and the first
        page was the last. A token with the first page would have told that it has them.
        """
        known = self._public_route.tokens is not None or self._public_route.offsets is not None
        if known or request.depth != self._begins_at + 1:
            return False
        first = [row for row, depth in self._ids.items() if depth == self._begins_at]
        ids = [row for row in answer.ids if row is not None]
        return ids == first[: len(ids)]

    def _is_barren(self, request: PageRequest, answer: PageAnswer) -> bool:
        """Whether all rows of a page came before."""
        depth = request.depth
        first_seen = [self._ids.setdefault(row, depth) for row in answer.ids if row is not None]
        if first_seen and max(first_seen) < depth:
            self._barren.add(depth)
        return depth in self._barren

    def back_to(self, depth: int) -> CursorTracker:
        """A tracker of its own for another way on from the page at this depth."""
        tracker = copy(self)
        tracker._depths = {token: at for token, at in self._depths.items() if at <= depth}  # noqa: SLF001 - its own kind
        tracker._ids = {model_id: at for model_id, at in self._ids.items() if at <= depth}  # noqa: SLF001 - its own kind
        tracker._barren = {at for at in self._barren if at <= depth}  # noqa: SLF001 - its own kind
        tracker._told = {page: on for page, on in self._told.items() if page.depth <= depth}  # noqa: SLF001 - its own kind
        return tracker

    def anew(self, query: ListingQuery, begins_at: int) -> CursorTracker:
        """A tracker for a run that begins the listing again."""
        return CursorTracker(query, self._public_route, begins_at=begins_at)
