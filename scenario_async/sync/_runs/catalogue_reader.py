"""What a run asks the service: parts of listings as raw pages, and records by their ids."""

from __future__ import annotations

from contextlib import aclosing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from scenario_async import APIError, APIResponseValidationError, APIStatusError, InvalidRow
from scenario_async._context import context_of
from scenario_async._decoding import Identity, PageReader, read_id
from scenario_async._http import RequestOptions
from scenario_async._listing import ListingOptions, ListingRun
from scenario_async._pagination import PageRequest, Timeline, WindowPlanner, fetch_planned
from scenario_async._query import LARGEST_PAGE
from scenario_async._retrieval import (
    MODELS,
    Retrieval,
    fetch_bulk,
    refuses_bulk,
    refuses_ids,
    retrieve_one,
)
from scenario_async.sync._rows import is_deleted, model_rows, with_storable_id
from scenario_async.types._decoding import NOT_DECODED

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Sequence

    from scenario_async import AsyncScenario, Operation
    from scenario_async._decoding import PageAnswer
    from scenario_async._pagination import Strategy
    from scenario_async._query import ListingQuery, RowCheck
    from scenario_async.sync._rows import ModelRow
    from scenario_async.sync._scopes import Scope
    from scenario_async.sync._windows import Window

__all__ = ["CatalogueReader", "Existing", "ListedPage"]

# What a model is answered with that does not exist or may not be read.
_MISSING = frozenset({403, 404, 410})


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

    @property
    def deleted(self) -> dict[str, str | None]:
        """The ids of the rows that are of deleted models, with the date where it could be read.

        A service that ignores a status lists the others as well.
        """
        rows = {
            row.id: row.deleted_at for row in self.rows if row.deleted_at or row.status == "deleted"
        }
        return rows | {row.id: None for row in self.invalid if row.id and is_deleted(row.raw)}


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


class CatalogueReader:
    """Asks one client.

    Args:
        client: Which one.
        most: How many pages may be under way.
        within: The operation that all of it is a part of.

    Attributes:
        most: The same, below the bound of the client.
    """

    def __init__(self, client: AsyncScenario, most: int, within: Operation | None = None) -> None:
        self._context = replace(context_of(client), within=within)
        self.most: int = self._context.at_once(most)

    @contextmanager
    def reading(self, scope: Scope) -> Generator[None]:
        """Tell of the reading of a scope; what is asked meanwhile is a part of it."""
        outside = self._context
        with outside.operation("scope", str(scope)) as inside:
            self._context = inside
            try:
                yield
            finally:
                self._context = outside

    @property
    def bulk_refused(self) -> bool:
        """Whether the service has refused to return many models by their ids."""
        return MODELS.path in self._context.learned.refused

    async def windows(
        self, query: ListingQuery, windows: Sequence[Window], *, most: int = 1
    ) -> AsyncGenerator[ListedPage, None]:
        """Windows of a listing by date, page by page as they arrive.

        Args:
            query: The listing, in ascending order.
            windows: Which parts of it.
            most: How many pages may be under way; with one, they come from the first to the last.

        Raises:
            NotByDateError: The service does not list by date, or does not respect the bounds.
        """
        if not windows:
            return
        fetched = fetch_planned(
            WindowPlanner(Timeline(query), windows, rows_per_page=LARGEST_PAGE, limit=most),
            self._fetch,
            concurrency=most,
            lifetime=self._context.lifetime,
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
        planner = WindowPlanner(Timeline(query), windows, rows_per_page=LARGEST_PAGE, limit=1)
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
        run = ListingRun(self._context, ListingOptions(type_=Identity, strategy=strategy), query)
        planner = run.planner(ordered=False, most=self.most)
        async with aclosing(run.emitted(planner)) as pages:
            async for page in pages:
                yield await self._read(page.answer, None)

    async def page(self, query: ListingQuery) -> PageAnswer:
        """The first page of a listing alone."""
        return await self._context.fetch(PageRequest(query), RequestOptions())

    async def first(self, query: ListingQuery) -> ListedPage:
        """The same with its rows read."""
        return await self._read(await self.page(query), None)

    async def in_bulk(self, ids: Sequence[str]) -> Existing | None:
        """Those of some models, no more than ``BULK``, that exist and may be read.

        ``None`` where the service refuses to say, or its answer does not tell: then each has to be
        asked for by itself.
        """
        if self.bulk_refused:
            return None
        try:
            answer = await fetch_bulk(self._context, MODELS, ids)
        except APIStatusError as error:
            # Access without an account may not be allowed to ask for many at once.
            if not (refuses_bulk(error) or refuses_ids(error)):
                raise
            return None
        page = await self._read(answer, None, check=lambda raw: not is_deleted(raw))
        if any(row.id is None for row in page.invalid):
            # It is one of these models, and nobody can tell which.
            return None
        # A row that does not fit exists as well.
        rows_wanted = [row for row in page.rows if row.id in ids]
        return Existing(
            page.ids & set(ids), rows_wanted, [row for row in page.invalid if row.id in ids]
        )

    async def exists(self, model_id: str) -> bool:
        """Whether a model exists and may be read; also where its record does not fit."""
        try:
            record = await self._retrieve(model_id)
        except APIResponseValidationError:
            return True
        return record is not None and not is_deleted(record)

    async def record(self, model_id: str) -> str | None:
        """The full record of a model, where it can be read."""
        try:
            record = await self._retrieve(model_id)
            if record is None or read_id(record) != model_id:
                return None
            return record.decode()
        except (APIResponseValidationError, *NOT_DECODED):
            return None

    async def _retrieve(self, model_id: str) -> bytes | None:
        """What the service answers for a model; ``None`` where there is none to read."""
        try:
            return bytes(await retrieve_one(self._context, model_id, Retrieval(type_=msgspec.Raw)))
        except APIStatusError as error:
            if error.status_code not in _MISSING:
                raise
            return None

    async def _read(
        self, answer: PageAnswer, covers: Window | None, *, check: RowCheck | None = None
    ) -> ListedPage:
        invalid: list[InvalidRow] = []
        page = PageReader(model_rows, answer.rows, on_invalid=invalid.append, check=check)
        rows = await self._context.read(page)
        return ListedPage([*rows.values()], [*map(with_storable_id, invalid)], covers)

    async def _fetch(self, request: PageRequest) -> PageAnswer:
        return await self._context.fetch(request, RequestOptions(), dated=True)
