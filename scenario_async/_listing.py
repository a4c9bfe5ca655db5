"""A listing: what is listed, and every way to go through it."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ._decode import RowDecoder, decode_page
from ._errors import PaginationError, UsageError
from ._events import check_callback, emit
from ._fetcher import fetch_pages
from ._planner import CursorWalk, PageChain, PageRequest
from ._query import LARGEST_PAGE
from ._reader import PageReader, SeenIds, Slice
from ._requester import Call

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from ._decode import InvalidRow, PageAnswer
    from ._events import EventHooks
    from ._lifetime import Lifetime
    from ._planner import Planner
    from ._query import ListingQuery
    from ._requester import Requester, RequestOptions

__all__ = ["Listing", "Page", "PageSource"]

RowT = TypeVar("RowT")
OtherT = TypeVar("OtherT")


@dataclass(frozen=True, slots=True)
class PageSource:
    """Where pages come from: one client, seen by its listings."""

    requester: Requester
    lifetime: Lifetime
    event_hooks: EventHooks
    max_concurrency: int

    async def fetch(self, request: PageRequest, options: RequestOptions) -> PageAnswer:
        """Fetch one page and take it apart."""
        call = Call(path=request.query.path, parameters=request.query.parameters())
        return await self.requester.call(call, decode_page, options)


@dataclass(frozen=True, slots=True)
class _Walk(Generic[RowT]):
    """One way through a listing: what was fetched, followed and given so far."""

    source: PageSource
    options: RequestOptions
    decoder: RowDecoder[RowT]
    on_invalid: Callable[[InvalidRow], object] | None
    chain: PageChain
    seen: SeenIds = field(default_factory=SeenIds)

    def back_to(self, depth: int) -> _Walk[RowT]:
        """A walk of its own for another way on from the page at this depth."""
        return replace(self, chain=self.chain.back_to(depth), seen=self.seen.back_to(depth))

    async def page(self, request: PageRequest) -> Page[RowT]:
        """Fetch one page, and no other."""
        answer = await self.source.fetch(request, self.options)
        page, reader = await self._read(request, answer, walked_on=False)
        if reader.error is not None:
            raise reader.error
        return page

    async def pages(self, first: PageRequest) -> AsyncGenerator[Page[RowT], None]:
        """This page and all after it."""
        async with aclosing(self._fetched(first)) as fetched:
            async for request, answer in fetched:
                page, reader = await self._read(request, answer, walked_on=True)
                yield page
                if reader.error is not None:
                    raise reader.error

    async def models(self, first: PageRequest) -> AsyncGenerator[RowT, None]:
        """The models of this page and all after it, each typed when it is asked for."""
        turn = Slice()
        async with aclosing(self._fetched(first)) as fetched:
            async for request, answer in fetched:
                reader = self._reader(request)
                for raw in answer.rows:
                    if turn.over():
                        await turn.give_back()
                    row = reader.take(raw)
                    if row is not None:
                        yield row
                self._report(reader, request, answer)
                if reader.error is not None:
                    raise reader.error

    def _fetched(self, first: PageRequest) -> AsyncGenerator[tuple[PageRequest, PageAnswer], None]:
        self.source.requester.check_usable()
        planner: Planner = CursorWalk(first, self.chain)

        async def fetch(request: PageRequest) -> PageAnswer:
            return await self.source.fetch(request, self.options)

        return fetch_pages(
            planner, fetch, concurrency=self.source.max_concurrency, lifetime=self.source.lifetime
        )

    async def _read(
        self, request: PageRequest, answer: PageAnswer, *, walked_on: bool
    ) -> tuple[Page[RowT], PageReader[RowT]]:
        turn = Slice()
        reader = self._reader(request)
        models: list[RowT] = []
        for raw in answer.rows:
            if turn.over():
                await turn.give_back()
            row = reader.take(raw)
            if row is not None:
                models.append(row)
        self._report(reader, request, answer)
        return Page(self, request, answer, models, walked_on=walked_on), reader

    def _reader(self, request: PageRequest) -> PageReader[RowT]:
        return PageReader(self.decoder, self.on_invalid, self.seen, request.depth)

    def _report(self, reader: PageReader[RowT], request: PageRequest, answer: PageAnswer) -> None:
        try:
            last = self.chain.following(request, answer) is None
        except PaginationError:
            last = False
        emit(self.source.event_hooks.on_page, reader.event(last=last))


class Page(Generic[RowT]):
    """One page of a listing.

    Iterating it with ``async for`` gives its models and those of all pages after it, as a page of
    the official SDK does.

    Attributes:
        models: The models of this page alone. Rows whose id a page before had given are left out.
        next_pagination_token: The service's token for the next page; ``None`` on the last one.
    """

    def __init__(
        self,
        walk: _Walk[RowT],
        request: PageRequest,
        answer: PageAnswer,
        models: list[RowT],
        *,
        walked_on: bool,
    ) -> None:
        self._walk = walk
        self._depth = request.depth
        self._walked_on = walked_on
        self._broken: PaginationError | None = None
        self._next: PageRequest | None = None
        self.models = models
        self.next_pagination_token: str | None = answer.token
        try:
            self._next = walk.chain.following(request, answer)
        except PaginationError as error:
            self._broken = error

    def __repr__(self) -> str:
        return f"<Page of {len(self.models)} models, {'more' if self.has_next_page() else 'last'}>"

    def has_next_page(self) -> bool:
        """Whether the listing goes on, also behind an empty page."""
        return self._next is not None or self._broken is not None

    async def get_next_page(self) -> Page[RowT]:
        """Fetch the next page.

        Raises:
            UsageError: This is the last page.
            PaginationError: The service sends the listing round in a circle.
            APIError: The page could not be fetched.
        """
        return await self._onward().page(self._following())

    async def iter_pages(self) -> AsyncGenerator[Page[RowT], None]:
        """This page and all after it, the next one fetched while the caller handles one."""
        yield self
        if self.has_next_page():
            async with aclosing(self._onward().pages(self._following())) as pages:
                async for page in pages:
                    yield page

    async def __aiter__(self) -> AsyncGenerator[RowT, None]:
        for model in self.models:
            yield model
        if self.has_next_page():
            async with aclosing(self._onward().models(self._following())) as models:
                async for model in models:
                    yield model

    def _onward(self) -> _Walk[RowT]:
        """The walk to go on with: the one that led here, or one of its own if another has it."""
        if self._walked_on:
            return self._walk.back_to(self._depth)
        self._walked_on = True
        return self._walk

    def _following(self) -> PageRequest:
        if self._broken is not None:
            raise self._broken
        if self._next is None:
            raise UsageError("this is the last page: ask has_next_page() before get_next_page()")
        return self._next


class Listing(Generic[RowT]):
    """The models that a query finds. Nothing is requested before it is used.

    It can be used any number of times, also at once; each use begins at the start and has a cursor
    of its own. ``await`` gives the first page and requests no other; ``async for`` gives every
    model, typed one by one, with the next page requested while the caller handles this one.

    Without ``page_size``, ``await`` leaves the size of the page to the service (100), and whatever
    goes through the whole listing asks for pages of 500, the largest.
    """

    def __init__(
        self,
        source: PageSource,
        query: ListingQuery,
        options: RequestOptions,
        type_: type[RowT],
        on_invalid: Callable[[InvalidRow], object] | None,
    ) -> None:
        self._source = source
        self._query = query
        self._options = options
        self._type = type_
        self._on_invalid = on_invalid
        check_callback("on_invalid", on_invalid)

    def __repr__(self) -> str:
        parameters = ", ".join(f"{k}={v}" for k, v in self._query.parameters().items())
        return f"<Listing of {self._query.path}: {parameters or 'all'}>"

    def __await__(self) -> Generator[Any, Any, Page[RowT]]:
        return self._walk().page(PageRequest(self._query)).__await__()

    def __aiter__(self) -> AsyncGenerator[RowT, None]:  # noqa: PYI058 - so that callers can aclose
        return self._walk().models(self._first())

    def pages(self) -> AsyncGenerator[Page[RowT], None]:
        """All pages, in listing order, the next one fetched while the caller handles one."""
        return self._walk().pages(self._first())

    def unordered(self) -> AsyncGenerator[RowT, None]:
        """All models as they arrive: in listing order, or in another where that is faster."""
        return self.__aiter__()

    async def collect(self) -> list[RowT]:
        """All models, in listing order. They stay in memory: about 15 KB each with their bytes.

        Raises:
            APIError: As any walk. There is no partial result.
        """
        return [model async for model in self]

    def as_type(self, type_: type[OtherT]) -> Listing[OtherT]:
        """The same listing, with rows decoded into the caller's own type.

        A smaller ``msgspec.Struct`` that declares only the fields it needs decodes several times
        faster. Field names are those on the wire (``rename="camel"`` helps). Rows of another type
        than :class:`Model` have no ``raw``.
        """
        return Listing(self._source, self._query, self._options, type_, self._on_invalid)

    def _first(self) -> PageRequest:
        if self._query.rows_per_page is not None:
            return PageRequest(self._query)
        return PageRequest(self._query.with_rows_per_page(LARGEST_PAGE))

    def _walk(self) -> _Walk[RowT]:
        return _Walk(
            self._source,
            self._options,
            RowDecoder(self._type),
            self._on_invalid,
            PageChain(self._query),
        )
