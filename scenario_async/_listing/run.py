"""One way through a listing: what is fetched for it, typed and given so far."""

from __future__ import annotations

import logging
import warnings
from contextlib import aclosing, asynccontextmanager
from copy import copy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar, get_args

from scenario_async._argument_errors import check_count
from scenario_async._context import PAGES_AT_ONCE
from scenario_async._decoding import PageReader, RowDecoder
from scenario_async._errors import ScenarioWarning
from scenario_async._events import check_callback, emit
from scenario_async._http import RequestOptions
from scenario_async._pagination import (
    AdaptivePlanner,
    CursorTracker,
    PageRequest,
    Strategy,
    fetch_planned,
    sorted_by_date,
)
from scenario_async._query import LARGEST_PAGE, row_check, wire_value

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Collection, Hashable, Iterable, Iterator

    from scenario_async._context import Context
    from scenario_async._decoding import InvalidRow, PageAnswer, Sighted
    from scenario_async._pagination import EmittedPage
    from scenario_async._query import ListingQuery

__all__ = ["KeyedSlice", "ListingOptions", "ListingRun", "PageKey", "key_of", "warn_of"]

_log = logging.getLogger("scenario_async")
RowT = TypeVar("RowT")

PageKey: TypeAlias = tuple[bool, int]
"""Sorts the pages of a run into listing order."""

KeyedSlice: TypeAlias = "tuple[PageKey, Iterator[Sighted[RowT]]]"
"""Some rows, with the key of their page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingOptions(Generic[RowT]):
    """How a listing is gone through.

    Attributes:
        type_: What rows are decoded into.
        on_invalid: Takes the rows that do not fit.
        strategy: How pages are fetched at once.
        max_concurrency: How many requests may be under way, below the bound of the client.
            Default: :data:`PAGES_AT_ONCE`.
        request: What each request adds.
    """

    type_: type[RowT]
    on_invalid: Callable[[InvalidRow], object] | None = None
    strategy: Strategy = "auto"
    max_concurrency: int | None = None
    request: RequestOptions = field(default_factory=RequestOptions)

    def __post_init__(self) -> None:
        check_callback("on_invalid", self.on_invalid)
        if self.strategy not in get_args(Strategy):
            choices = ", ".join(map(repr, get_args(Strategy)))
            raise ValueError(f"strategy must be one of {choices}, not {self.strategy!r}")
        if self.max_concurrency is not None:
            check_count("max_concurrency", self.max_concurrency, least=1)


# What a planner asks by, and what it takes from the query of the listing for a fact.
_PLANNED = {
    "createdAfter",
    "createdBefore",
    "limit",
    "offset",
    "pageSize",
    "paginationToken",
    "privacy",
    "sortBy",
    "sortDirection",
}


class ListingRun(Generic[RowT]):
    """One way through a listing: what was followed and given so far.

    Attributes:
        context: What the client shares.
        options: How the listing is gone through.
        first: The page that going through all of it begins with.
        tracker: What follows each page.
        seen: The ids given so far, each with the depth of its page.
    """

    def __init__(
        self, context: Context, options: ListingOptions[RowT], query: ListingQuery
    ) -> None:
        self.context = context
        self.options = options
        sized = query.rows_per_page is not None
        self.first: PageRequest = PageRequest(
            query if sized else query.with_rows_per_page(LARGEST_PAGE)
        )
        self.tracker: CursorTracker = CursorTracker(query, context.learned.public_route)
        self.seen: dict[str | bytes, int] = {}
        self._decoder = RowDecoder(options.type_)
        self._check = row_check(query, replaced=options.request.extra_query)
        self._dated = False
        self._logged = False  # what is said once for a run

    def back_to(self, depth: int) -> ListingRun[RowT]:
        """A run of its own for another way on from the page at this depth.

        By the service's cursors, whose tokens its pages can give.
        """
        run = copy(self)
        run.options = replace(self.options, strategy="cursor")
        run.tracker = self.tracker.back_to(depth)
        run._dated = False  # noqa: SLF001 - its own kind
        run.seen = {model_id: at for model_id, at in self.seen.items() if at <= depth}
        return run

    def within(self, context: Context) -> ListingRun[RowT]:
        """The same run as a part of an operation."""
        run = copy(self)
        run.context = context
        return run

    @property
    def most(self) -> int:
        """How many pages may be under way."""
        return self.context.at_once(self.options.max_concurrency or PAGES_AT_ONCE)

    def planner(
        self, *, ordered: bool, first: PageRequest | None = None, most: int | None = None
    ) -> AdaptivePlanner:
        """A planner for this page and all after it, or for the whole listing."""
        first = first or self.first
        strategy = self.options.strategy if self._foreseeable(first.query) else "cursor"
        self._dated = strategy in {"auto", "windows"} and sorted_by_date(first.query)
        return AdaptivePlanner(
            first,
            self.tracker,
            strategy=strategy,
            limit=min(self.most, most or self.most),
            ordered=ordered,
            histogram=self.context.learned.histograms.of(self._listing(first.query)),
            scarce=lambda: self.context.requester.scarce,
        )

    def _foreseeable(self, query: ListingQuery) -> bool:
        """Whether nothing that the caller adds to requests replaces what a planner would ask."""
        added = {**self.context.default_query}
        for name in query.parameters():
            added.pop(name, None)
        added |= self.options.request.extra_query
        return not any(value is not None and name in _PLANNED for name, value in added.items())

    def over(self, planner: AdaptivePlanner) -> None:
        """Remember where the models lie, for the next run: nothing is left of this one to come."""
        histogram = planner.histogram
        if histogram is not None:
            self.context.learned.histograms.keep(self._listing(planner.query), histogram)

    def _listing(self, query: ListingQuery) -> Hashable:
        """What is listed, however it is gone through."""
        extra = self.options.request.extra_query.items()
        return (query.whole(), frozenset((name, wire_value(value)) for name, value in extra))

    async def fetch(self, request: PageRequest) -> PageAnswer:
        """Fetch one page."""
        return await self.context.fetch(request, self.options.request, dated=self._dated)

    @asynccontextmanager
    async def under_way(
        self, planner: AdaptivePlanner
    ) -> AsyncGenerator[tuple[ListingRun[RowT], AsyncGenerator[EmittedPage, None]]]:
        """This run as an operation, from its start to its end, and the pages that it emits."""
        with self.context.stepwise("listing", planner.query.scope) as context:
            told = self.within(context)
            async with aclosing(context.steps(told.emitted(planner))) as pages:
                yield told, pages

    async def emitted(self, planner: AdaptivePlanner) -> AsyncGenerator[EmittedPage, None]:
        """The pages that a planner of this run releases."""
        fetched = fetch_planned(
            planner, self.fetch, concurrency=self.most, lifetime=self.context.lifetime
        )
        async with aclosing(fetched) as pages:
            async for emitted in pages:
                warn_of(emitted)
                yield emitted
        self.over(planner)

    async def slices(self, planner: AdaptivePlanner) -> AsyncGenerator[KeyedSlice[RowT], None]:
        """The rows of what a planner releases, in slices of a millisecond.

        Each row is typed when it is asked for, and all of a slice before the next one is.

        Raises:
            APIResponseValidationError: A row does not fit; after the others of its page.
        """
        time_slice = self.context.new_slice()
        async with self.under_way(planner) as (told, pages):
            async for emitted in pages:
                reader = self.reader(emitted)
                while reader.left:
                    yield key_of(emitted), reader.take(await time_slice.rows())
                told.report(reader, emitted)
                if reader.error is not None:
                    raise reader.error

    async def rows(self, planner: AdaptivePlanner) -> AsyncGenerator[Iterable[RowT], None]:
        """The models of what a planner releases, some at a time; each typed when asked for."""
        async with aclosing(self.slices(planner)) as slices:
            async for _, rows in slices:
                yield (row for _, row in rows if row is not None)

    async def read(self, emitted: EmittedPage) -> tuple[list[RowT], PageReader[RowT]]:
        """The models of a page, and what reading them found."""
        reader = self.reader(emitted)
        rows = await self.context.read(reader)
        self.report(reader, emitted)
        return list(rows.values()), reader

    def reader(self, emitted: EmittedPage, known: Collection[str] = ()) -> PageReader[RowT]:
        """What reads the rows of a page; those of ``known`` ids are not typed."""
        return PageReader(
            self._decoder,
            emitted.answer.rows,
            on_invalid=self.options.on_invalid,
            check=self._check,
            seen=self.seen,
            depth=emitted.request.depth,
            known=known,
        )

    def report(self, reader: PageReader[RowT], emitted: EmittedPage) -> None:
        """Tell the hooks of a page."""
        event = reader.event(last=emitted.following is None, listing=self.context.within_id)
        if event.filtered and not self._logged:
            self._logged = True
            path = emitted.request.query.path
            _log.debug("GET %s gave models that were not asked for: they are left out", path)
        emit(self.context.event_hooks.on_page, event)


def warn_of(page: EmittedPage) -> None:
    """Warn where the service does not list by date, and a listing begins again with this page."""
    if page.begins_again is not None:
        message = f"{page.begins_again}: the listing is gone through page after page"
        warnings.warn(message, ScenarioWarning, stacklevel=3)


def key_of(page: EmittedPage) -> PageKey:
    """The sort key of a page among those of its run.

    Where a run by windows had to begin again by cursor, that one has the order.
    """
    return page.covers is not None, page.sort_key
