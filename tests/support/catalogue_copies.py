"""What the tests of copies share: the service in small pages, and how a copy is looked at."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from scenario_async import AsyncScenario
from scenario_async.sandbox import Catalogue, Sandbox
from scenario_async.sandbox._api.tokens import KeyPlace
from scenario_async.sandbox._catalogue.rows import Row
from scenario_async.sandbox._faults.page_faults import PageFault
from scenario_async.sync import CatalogStore, StoredModel, SyncReport, sync
from scenario_async.sync._rows import ModelRow, read_row
from scenario_async.sync._scopes import Scope
from scenario_async.sync._store.catalog_store import database_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from scenario_async.sandbox import Request
    from scenario_async.sandbox._api.pages import Page


@dataclass(frozen=True, slots=True)
class Capped(PageFault):
    """Gives fewer rows in a page than were asked for, and the token to match.

    Attributes:
        rows: At most so many.
        by_update: Of the listings that go by update, or of all others.
    """

    rows: int
    by_update: bool

    def concerns(self, request: Request) -> bool:
        return (request.query.get("sortBy") == "updatedAt") is self.by_update

    def fits(self, page: Page) -> bool:
        return len(page.rows) > self.rows and isinstance(page.place, KeyPlace)

    def change(self, page: Page) -> Page:
        rows = page.rows[: self.rows]
        last = rows[-1]
        assert isinstance(last, Row)
        assert isinstance(page.place, KeyPlace)
        following = KeyPlace(
            value=last.updated if self.by_update else last.created,
            id=last.id,
            limit=page.place.limit,
            binding=page.place.binding,
            page=page.number + 1,
        )
        return replace(page, rows=rows, following=following)


def cap(sandbox: Sandbox, rows: int) -> None:
    """From now on, pages of models have at most so many rows."""
    for by_update in (False, True):
        sandbox.faults.add(Capped(rows, by_update), times=None)


@dataclass(frozen=True, slots=True)
class Copy:
    """A service, a client of it, and a store that is to be like it."""

    sandbox: Sandbox
    scenario: AsyncScenario
    store: CatalogStore

    @property
    def catalogue(self) -> Catalogue:
        return self.sandbox.catalogue

    async def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """What a query of the database gives."""
        async with database_of(self.store).transaction() as connection:
            found = await connection.exec_driver_sql(sql, values)
            return [tuple(row) for row in found]

    async def execute(self, sql: str, *values: object) -> None:
        """Change something behind the back of the package."""
        async with database_of(self.store).transaction() as connection:
            await connection.exec_driver_sql(sql, values)

    async def alive(self) -> set[str]:
        """The models that the store has, and not as deleted."""
        return {*await self.stored()}

    async def deleted(self) -> set[str]:
        """The models that the store has as deleted."""
        return {*await self.stored(deleted=True)}

    async def stored(self, **filters: Any) -> dict[str, StoredModel]:
        """The models of the store that fit, by their ids."""
        return {model.id: model async for model in self.store.models(**filters)}

    async def full(self, **options: Any) -> SyncReport:
        """List everything."""
        return await sync(self.scenario, self.store, full=True, **options)

    async def members(self, scope: str) -> set[str]:
        """The existing models that the store has in a scope."""
        return {*await self.stored(scope=scope)}

    async def count_writes(self) -> None:
        """Begin to count the rows of models that are written, for :meth:`writes`."""
        await self.execute("CREATE TABLE writes (id TEXT)")
        for event, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
            await self.execute(
                f"CREATE TRIGGER count_{event} AFTER {event} ON models "  # noqa: S608 - two words of ours
                f"BEGIN INSERT INTO writes VALUES ({row}.id); END"
            )

    async def writes(self) -> list[str]:
        """The ids of the rows that were written since the last call."""
        rows = await self.rows("SELECT id FROM writes ORDER BY id")
        await self.execute("DELETE FROM writes")
        return [row[0] for row in rows]


@asynccontextmanager
async def copying(
    catalogue: Catalogue, store: str | Path, *, sandbox: Sandbox | None = None, **options: Any
) -> AsyncGenerator[Copy, None]:
    """A service of this catalogue, a client and a store, all in the running loop."""
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(sandbox or Sandbox(catalogue))
        options = {"max_retries": 0, "max_concurrency": 4, **options}
        scenario = await stack.enter_async_context(
            AsyncScenario(
                api_key=sandbox.api_key,
                api_secret=sandbox.api_secret,
                base_url=sandbox.base_url,
                **options,
            )
        )
        yield Copy(sandbox, scenario, await stack.enter_async_context(CatalogStore.open(store)))


def all_trained(catalogue: Catalogue) -> Catalogue:
    """The same catalogue, with no model that is still changing."""
    for row in list(catalogue):
        catalogue.update(row.id, status="trained", touch=False)
    return catalogue


def row(model_id: str, **fields: object) -> ModelRow:
    """A row of a listing as the store has it."""
    record = {"id": model_id, "createdAt": "2026-10-15T00:00:00.000Z", **fields}
    read = read_row(msgspec.json.encode(record))
    assert isinstance(read, ModelRow)
    return read


def on_server(catalogue: Catalogue, scope: str) -> set[str]:
    """The models that exist in a scope."""
    wanted = Scope.parse(scope)
    return {
        row.id
        for row in catalogue
        if row.privacy == wanted.privacy
        and (not wanted.collections or set(wanted.collections) & set(row.collections))
    }
