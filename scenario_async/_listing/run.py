"""One way through a listing: what is fetched for it, typed and given so far."""

from __future__ import annotations

import logging
import warnings
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Generic, TypeVar, get_args

from scenario_async._context import PAGES_AT_ONCE
from scenario_async._decoding import PageReader, SeenIds
from scenario_async._errors import ScenarioWarning
from scenario_async._events import check_callback, emit
from scenario_async._http import RequestOptions
from scenario_async._options import check_count
from scenario_async._pagination import AdaptivePlanner, Strategy, fetch_planned
from scenario_async._query import wire_value

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Hashable

    from scenario_async._context import Context
    from scenario_async._decoding import InvalidRow, PageAnswer, RowDecoder
    from scenario_async._pagination import CursorTracker, EmittedPage, PageRequest
    from scenario_async._query import ListingQuery, RowCheck


__all__ = ["Identity", "ListingOptions", "ListingRun", "warn_of"]

_log = logging.getLogger("scenario_async")
RowT = TypeVar("RowT")


@dataclass(frozen=True, slots=True)
class Identity:
    """The least that a row can be decoded into."""

    id: str


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


@dataclass(frozen=True, slots=True)
class ListingRun(Generic[RowT]):
    """One way through a listing: what was followed and given so far."""

    context: Context
    options: ListingOptions[RowT]
    decoder: RowDecoder[RowT]
    tracker: CursorTracker
    check: RowCheck | None = None
    seen: SeenIds = field(default_factory=SeenIds)
    told: set[str] = field(default_factory=set[str])  # what was logged, which is once for a walk

    def back_to(self, depth: int) -> ListingRun[RowT]:
        """A walk of its own for another way on from the page at this depth.

        By the service's cursors, whose tokens its pages can give.
        """
        options = replace(self.options, strategy="cursor")
        tracker, seen = self.tracker.back_to(depth), self.seen.back_to(depth)
        return replace(self, options=options, tracker=tracker, seen=seen)

    @property
    def most(self) -> int:
        """How many pages may be under way."""
        return self.context.at_once(self.options.max_concurrency or PAGES_AT_ONCE)

    def planner(self, first: PageRequest, *, ordered: bool, most: int) -> AdaptivePlanner:
        """A planner for this page and all after it."""
        strategy = self.options.strategy if self._foreseeable(first.query) else "cursor"
        return AdaptivePlanner(
            first,
            self.tracker,
            strategy=strategy,
            limit=most,
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
        """Remember where the models lie, for the next walk: nothing is left of this one to come."""
        histogram = planner.histogram
        if histogram is not None:
            self.context.learned.histograms.keep(self._listing(planner.query), histogram)

    def _listing(self, query: ListingQuery) -> Hashable:
        """What is listed, however it is gone through."""
        extra = self.options.request.extra_query.items()
        return (query.whole(), frozenset((name, wire_value(value)) for name, value in extra))

    async def fetch(self, request: PageRequest) -> PageAnswer:
        """Fetch one page."""
        return await self.context.fetch(request, self.options.request)

    async def emitted(self, planner: AdaptivePlanner) -> AsyncGenerator[EmittedPage, None]:
        """The pages that a planner of this walk releases."""
        self.context.requester.check_usable()
        fetched = fetch_planned(
            planner, self.fetch, concurrency=self.most, lifetime=self.context.lifetime
        )
        async with aclosing(fetched) as pages:
            async for emitted in pages:
                warn_of(emitted)
                yield emitted
        self.over(planner)

    async def models(self, planner: AdaptivePlanner) -> AsyncGenerator[RowT, None]:
        """The models of what a planner releases, each typed when it is asked for."""
        turn = self.context.new_slice()
        async with aclosing(self.emitted(planner)) as pages:
            async for emitted in pages:
                reader = self.reader(emitted)
                for raw in emitted.answer.rows:
                    if turn.over():
                        await turn.give_back()
                    row = reader.take(raw)
                    if row is not None:
                        yield row
                self.report(reader, emitted)
                if reader.error is not None:
                    raise reader.error

    async def read(self, emitted: EmittedPage) -> tuple[list[RowT], PageReader[RowT]]:
        """The models of a page, and what reading them found."""
        turn = self.context.new_slice()
        reader = self.reader(emitted)
        models: list[RowT] = []
        for raw in emitted.answer.rows:
            if turn.over():
                await turn.give_back()
            row = reader.take(raw)
            if row is not None:
                models.append(row)
        self.report(reader, emitted)
        return models, reader

    def reader(self, emitted: EmittedPage) -> PageReader[RowT]:
        """What types the rows of a page."""
        depth = emitted.request.depth
        on_invalid = self.options.on_invalid
        return PageReader(self.decoder, on_invalid, self.seen, depth, check=self.check)

    def report(self, reader: PageReader[RowT], emitted: EmittedPage, *, repeated: int = 0) -> None:
        """Tell the hooks of a page; so many rows of it never came to the reader."""
        event = reader.event(last=emitted.following is None)
        event = replace(event, repeated=event.repeated + repeated)
        if event.filtered and not self.told:
            self.told.add("filtered")
            path = emitted.request.query.path
            _log.debug("GET %s gave models that were not asked for: they are left out", path)
        emit(self.context.event_hooks.on_page, event)


def warn_of(page: EmittedPage) -> None:
    """Warn where the service does not list by date, and a listing begins again with this page."""
    if page.begins_again is not None:
        message = f"{page.begins_again}: the listing is gone through page after page"
        warnings.warn(message, ScenarioWarning, stacklevel=3)
