"""Fetching a page of a listing, where the service may not take requests as documented.

All pages of listings are fetched by this, and nobody else knows of it. What the answers show is
decided in pure code: :class:`TagIndex` and :class:`PublicRoute`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from scenario_async._decoding import PageAnswer
from scenario_async._errors import APIStatusError, PaginationError
from scenario_async._pagination.windows.histogram import Histograms
from scenario_async._query import PublicRoute, TagIndex, first_row

from .planner import PageRequest, is_refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from scenario_async._http import RequestOptions
    from scenario_async._query import ListingQuery

__all__ = ["Learned", "PageFetcher"]

_log = logging.getLogger("scenario_async")


@dataclass(frozen=True, slots=True)
class Learned:
    """What a client has found out of its service, for as long as it lives.

    Attributes:
        tags: Which tags can be selected by.
        public_route: How ``/models/public`` is gone through.
        histograms: Where the models of listings lie.
        refused: The paths that the service refuses to these credentials, so that what can be had in
            another way is not asked for by them again.
    """

    tags: TagIndex = field(default_factory=TagIndex)
    public_route: PublicRoute = field(default_factory=PublicRoute)
    histograms: Histograms = field(default_factory=Histograms)
    refused: set[str] = field(default_factory=set[str])


@dataclass(frozen=True, slots=True)
class PageFetcher:
    """Asks for the pages of listings of one client.

    Attributes:
        send: Sends one request.
        learned: What is known of the service.
        options: What each request for a page adds. What is only asked to find something out adds
            nothing to the query, because that could be a filter.
    """

    send: Callable[[ListingQuery, RequestOptions], Awaitable[PageAnswer]]
    learned: Learned
    options: RequestOptions

    async def page(self, request: PageRequest) -> PageAnswer:
        """A page, by its tags if the service has an index of them, otherwise among all others.

        The first page of a listing tells most of what has to be known. What it leaves open, or has
        to be known where a run goes on from a token, is asked by a request of its own.

        Raises:
            APIError: A request failed.
        """
        query, index = request.query, self.learned.tags
        added = self.options.extra_query
        if query.tags is None or "tags" in added:
            return await self._on_route(request)
        known = index.probe(query) is None
        begins = query.pagination_token is None and not query.offset
        answer = None
        if begins and not known:
            answer = await self._on_route(request)
            index.saw(query, answer, filtered=bool(added))
        bare = replace(self, options=replace(self.options, extra_query={}))
        while probe := index.probe(query):
            found = await bare._on_route(PageRequest(probe))  # noqa: SLF001 - its own kind
            index.saw(probe, found)
        sendable = index.sendable(query)
        if answer is not None and sendable == query:
            return answer
        if not known and sendable != query:
            _log.debug(
                "GET %s selects nothing by tags=%s: such listings are gone through without it from "
                "now on, and give the rows that carry one of the tags",
                query.path,
                query.tags,
            )
        return await self._on_route(replace(request, query=sendable))

    async def _on_route(self, request: PageRequest) -> PageAnswer:
        query, route = request.query, self.learned.public_route
        if query.route != "public" or query.pagination_token is not None:
            return await self.send(query, self.options)
        if query.offset:
            if request.depth > 0:
                return await self._behind(query)
            return await self._from_row(query, query.offset)
        form = route.form(query)
        try:
            return await self.send(form, self.options)
        except APIStatusError as error:
            other = route.other_form(form)
            if other is None or not is_refusal(error):
                raise
            refusal = error
        try:
            answer = await self.send(other, self.options)
        except APIStatusError as error:
            # Not for the names of its parameters.
            raise (refusal if is_refusal(error) else error) from None
        route.by_offsets_alone()
        return answer

    async def _behind(self, query: ListingQuery) -> PageAnswer:
        """The page behind the rows received, where no token tells whether there is one."""
        known = self.learned.public_route.offsets is not None
        # Also without a size: it may be the size that is refused.
        for asked in (query, query.with_rows_per_page(None)):
            try:
                return await self.send(asked, self.options)
            except APIStatusError as error:
                if known or not is_refusal(error):
                    raise
        self.learned.public_route.by_tokens_alone()
        return PageAnswer((), None)

    async def _from_row(self, query: ListingQuery, offset: int) -> PageAnswer:
        """The first page from a row on; where no row numbers are taken, those before it are read.

        Raises:
            PaginationError: The service sends the listing round in a circle.
        """
        route = self.learned.public_route
        if route.offsets is None:
            answer = await self._if_row_numbers_are_taken(query)
            if answer is not None:
                return answer
        elif route.offsets:
            return await self.send(query, self.options)
        answer = await self.send(query.after(None), self.options)
        route.by_tokens_alone()
        followed: set[str] = set()
        while answer.token is not None and offset >= len(answer.rows):
            if answer.token in followed:
                raise PaginationError(
                    "the service handed out the same token twice: following it would never end"
                )
            followed.add(answer.token)
            offset -= len(answer.rows)
            answer = await self.send(query.after(answer.token), self.options)
        return replace(answer, rows=answer.rows[offset:])

    async def _if_row_numbers_are_taken(self, query: ListingQuery) -> PageAnswer | None:
        """The page, if ``limit`` has an effect on the first row, and ``offset`` leads behind it."""
        try:
            first = await self.send(first_row(query), self.options)
            if not first.rows and first.token is None:
                return first
            if len(first.rows) != 1:
                return None
            answer = await self.send(query, self.options)
        except APIStatusError as error:
            if not is_refusal(error):
                raise
            return None
        if answer.ids[:1] == first.ids:
            return None
        self.learned.public_route.offsets = True
        return answer
