"""What a run asks the service: parts of listings as raw pages, and records by their ids."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from scenario_async import APIError, APIStatusError, InvalidRow, RateLimitError
from scenario_async._decode import PageAnswer, decode_page
from scenario_async._events import emit
from scenario_async._fetcher import fetch_planned
from scenario_async._listing import Listing, begin
from scenario_async._planners.planner import PageRequest
from scenario_async._planners.records import Missing
from scenario_async._planners.time_windows import TimeWindows
from scenario_async._planners.timeline import Timeline
from scenario_async._query import LARGEST_PAGE
from scenario_async._requester import Call, RequestOptions
from scenario_async._retrieval import Retrieval, retrieve_many
from scenario_async._walk import Identity, WalkOptions

from ._rows import read_row

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from scenario_async import AsyncScenario, RequestEvent, RetryEvent
    from scenario_async._planners.choice import Strategy
    from scenario_async._planners.planner import ReleasedPage
    from scenario_async._query import ListingQuery
    from scenario_async._walk import PageSource

    from ._report import Counts
    from ._rows import ModelRow
    from ._windows import Window

__all__ = ["BULK", "Existing", "Lanes", "ListedPage", "NotByDateError", "counting"]

BULK = 50
"""How many records to ask for at once: no limit is documented, and this is what clients keep to."""

# Access without an account may not be allowed to ask for many at once.
_BULK_REFUSED = range(400, 500)
_NOT_DECODED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class NotByDateError(Exception):
    """A listing does not come by its dates, so that it has no windows."""


@dataclass(frozen=True, slots=True)
class ListedPage:
    """Rows of a listing.

    Attributes:
        rows: Those that fit.
        invalid: Those that do not.
        covers: The window of which nothing is missing with them; ``None`` where there is none.
    """

    rows: Sequence[ModelRow]
    invalid: Sequence[InvalidRow]
    covers: Window | None

    @property
    def ids(self) -> set[str]:
        """The ids of all rows, where they could be read."""
        ids = {row.id for row in self.rows}
        return ids | {row.id for row in self.invalid if row.id is not None}


@dataclass(frozen=True, slots=True)
class Existing:
    """Models that were asked for by their ids, and exist.

    Attributes:
        ids: Their ids.
        rows: Their rows as in a listing, where the service gave them in that form.
        invalid: Those of them that do not fit.
    """

    ids: set[str]
    rows: Sequence[ModelRow] = ()
    invalid: Sequence[InvalidRow] = ()


class Lanes:
    """Asks one client.

    Args:
        client: Which one.
        most: How many pages may be under way.

    Attributes:
        most: The same, below the bound of the client.
    """

    def __init__(self, client: AsyncScenario, most: int) -> None:
        self._source = _page_source(client)
        self.most: int = self._source.at_once(most)

    async def windows(
        self, query: ListingQuery, windows: Sequence[Window], *, most: int = 1
    ) -> AsyncGenerator[ListedPage, None]:
        """Windows of a listing by date, page by page as they arrive.

        Args:
            query: The listing, in ascending order.
            windows: Which parts of it.
            most: How many pages may be under way; with one, they come from the first to the last.

        Raises:
            NotByDateError: The service does not list by date, or does not heed the bounds.
        """
        if not windows:
            return
        fetched = fetch_planned(
            _ByDate(query, windows, most),
            self._fetch,
            concurrency=most,
            lifetime=self._source.lifetime,
        )
        async with aclosing(fetched) as pages:
            async for page in pages:
                yield await self._read(page.answer, page.covers)

    async def first_page(self, query: ListingQuery, windows: Sequence[Window]) -> ListedPage | None:
        """The first page of the first window, and no request for another one.

        ``None``, where it is all of one millisecond and leads on by its cursor alone: whoever goes
        on by date gets all of it again.

        Raises:
            NotByDateError: As for :meth:`windows`.
        """
        planner = _ByDate(query, windows, 1)
        (request,) = planner.requests(1, 0)
        try:
            answer = await self._fetch(request)
        except APIError as error:
            planner.failed(request, error)
            raise
        (page,) = planner.receive(request, answer)
        if any(behind.query.pagination_token for behind in planner.requests(1, 0)):
            return None
        return await self._read(page.answer, page.covers)

    async def listing(self, query: ListingQuery, *, by_cursor: bool) -> AsyncGenerator[ListedPage]:
        """A whole listing, page by page, however it comes."""
        strategy: Strategy = "cursor" if by_cursor else "auto"
        listing = Listing(self._source, query, WalkOptions(type_=Identity, strategy=strategy))
        begun = begin(listing)
        planner = begun.walk.planner(begun.first, ordered=False, most=self.most)
        async with aclosing(begun.walk.released(planner)) as pages:
            async for page in pages:
                yield await self._read(page.answer, None)

    async def page(self, query: ListingQuery) -> PageAnswer:
        """The first page of a listing alone."""
        return await self._fetch(PageRequest(query))

    async def existing(self, ids: Sequence[str]) -> Existing:
        """Those of at most :data:`BULK` models that exist and may be read."""
        call = Call(path="/models/get-bulk", parameters={}, method="POST")
        options = RequestOptions(extra_body={"modelIds": list(ids)})
        try:
            answer = await self._source.requester.call(call, decode_page, options)
        except APIStatusError as error:
            if error.status_code not in _BULK_REFUSED or isinstance(error, RateLimitError):
                raise
            return await self._existing_one_by_one(ids)
        rows = [raw for raw in answer.rows if not _is_deleted(raw)]
        page = await self._read(PageAnswer(rows, None), None)
        if any(row.id is None for row in page.invalid):
            # It is one of these models, and nobody can tell which.
            return await self._existing_one_by_one(ids)
        # A row that does not fit exists as well.
        rows_wanted = [row for row in page.rows if row.id in ids]
        return Existing(
            page.ids & set(ids), rows_wanted, [row for row in page.invalid if row.id in ids]
        )

    async def details(self, ids: Sequence[str]) -> AsyncGenerator[tuple[str, str]]:
        """Of these models the full records that can be read, each with its id, as they arrive."""
        async with aclosing(self._records(ids)) as records:
            async for record in records:
                if isinstance(record, Missing):
                    continue
                try:
                    detail = _identity.decode(record).id, bytes(record).decode()
                except _NOT_DECODED:
                    continue
                yield detail

    async def _existing_one_by_one(self, ids: Sequence[str]) -> Existing:
        async with aclosing(self._records(ids)) as records:
            gone = {record.id async for record in records if isinstance(record, Missing)}
        return Existing(set(ids) - gone)

    def _records(self, ids: Sequence[str]) -> AsyncGenerator[msgspec.Raw | Missing, None]:
        """What comes for each id, as it arrives, but for answers that are no record."""
        retrieval = Retrieval(type_=msgspec.Raw, on_invalid=lambda _: None)
        return retrieve_many(self._source, ids, retrieval, ordered=False)

    async def _read(self, answer: PageAnswer, covers: Window | None) -> ListedPage:
        """Read the rows of a page, with the loop given back every millisecond."""
        turn = self._source.new_slice()
        rows: list[ModelRow] = []
        invalid: list[InvalidRow] = []
        for raw in answer.rows:
            if turn.over():
                await turn.give_back()
            row = read_row(raw)
            if isinstance(row, InvalidRow):
                invalid.append(row)
            else:
                rows.append(row)
        return ListedPage(rows, invalid, covers)

    async def _fetch(self, request: PageRequest) -> PageAnswer:
        return await self._source.fetch(request, RequestOptions())


def counting(client: AsyncScenario, counts: Counts) -> AsyncScenario:
    """The same client, with its requests counted."""
    hooks = _page_source(client).event_hooks

    def on_request(event: RequestEvent) -> None:
        counts.requests += 1
        emit(hooks.on_request, event)

    def on_retry(event: RetryEvent) -> None:
        counts.retries += 1
        emit(hooks.on_retry, event)

    return client.with_options(event_hooks=replace(hooks, on_request=on_request, on_retry=on_retry))


def _page_source(client: AsyncScenario) -> PageSource:
    return begin(client.models.list()).walk.source


class _ByDate:
    """Windows that fail where the listing has none."""

    def __init__(self, query: ListingQuery, windows: Sequence[Window], most: int) -> None:
        self._windows = TimeWindows(Timeline(query), windows, rows_per_page=LARGEST_PAGE, most=most)

    def requests(self, room: int, waiting: int) -> Sequence[PageRequest]:
        return self._windows.requests(room, waiting)

    def receive(self, request: PageRequest, answer: PageAnswer) -> Sequence[ReleasedPage]:
        released = self._windows.receive(request, answer)
        if self._windows.unusable is not None:
            raise NotByDateError(self._windows.unusable)
        return released

    def failed(self, request: PageRequest, error: APIError) -> Sequence[ReleasedPage]:
        released = self._windows.failed(request, error)
        if self._windows.unusable is not None:
            raise NotByDateError(self._windows.unusable) from error
        return released

    def finished(self) -> bool:
        return self._windows.finished()


_identity = msgspec.json.Decoder(Identity)


class _Fate(msgspec.Struct, rename="camel"):
    deleted_at: object = None
    status: object = None


_fate = msgspec.json.Decoder(_Fate)


def _is_deleted(raw: msgspec.Raw | bytes) -> bool:
    try:
        fate = _fate.decode(raw)
    except _NOT_DECODED:
        return False
    return fate.deleted_at is not None or fate.status == "deleted"
