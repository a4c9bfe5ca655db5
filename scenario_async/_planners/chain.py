"""What follows a page of a listing, by the service's own cursors. No I/O."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from scenario_async._errors import PaginationError
from scenario_async._planners.planner import PageRequest

if TYPE_CHECKING:
    from scenario_async._decode import PageAnswer
    from scenario_async._query import ListingQuery

__all__ = ["PageChain"]

_DEFAULT_ROWS = 100  # of a page where none are asked for (API reference, `pageSize`)


class PageChain:
    """What follows a page, and whether the chain still leads on.

    The same page may be asked about again: the answer is the same.
    """

    def __init__(self, query: ListingQuery, *, begins_at: int = 0) -> None:
        self._begins_at = begins_at  # the depth of its first page
        # -1 is the token that the caller began with.
        self._depths: dict[str, int] = {}
        if query.pagination_token is not None:
            self._depths[query.pagination_token] = -1
        # What the walk by offset needs to see that it gets nowhere.
        self._first_token: str | None = None
        self._ids: dict[str, int] = {}
        self._barren: set[int] = set()

    def following(
        self, request: PageRequest, answer: PageAnswer
    ) -> PageRequest | PaginationError | None:
        """The request for the page after this one; ``None`` at the end.

        An empty page with a token is followed; the end is a page without one. A page that hands out
        a token that a page before it had handed out leads into an error.
        """
        try:
            if request.query.by_offset:
                query = self._by_offset(request, answer)
            else:
                query = self._by_token(request, answer.token)
        except PaginationError as error:
            return error
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
        if depth == self._begins_at:
            self._first_token = answer.token
        first_seen = [self._ids.setdefault(row, depth) for row in answer.ids if row is not None]
        if first_seen and max(first_seen) < depth:
            self._barren.add(depth)
        if self._first_token is not None:
            if depth in self._barren or (
                depth > self._begins_at and answer.token == self._first_token
            ):
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
