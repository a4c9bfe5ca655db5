"""Reading a store that others write to meanwhile, or that has odd things in it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import anyio
import msgspec
import pytest
from sqlalchemy import update

from scenario_async.live import LiveCatalog, NotLoadedError, _reader
from scenario_async.live._reader import StoreReader
from scenario_async.sandbox import Catalogue
from scenario_async.sync import CatalogStore, sync
from scenario_async.sync._store.catalog_store import database_of
from scenario_async.sync._store.copies import contents, records
from scenario_async.sync._tables import state

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from scenario_async import AsyncScenario
    from scenario_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio
LATER = 3600.0


class Short(msgspec.Struct):
    id: str


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue.seeded(private=12, public=30, odd=False)


async def test_what_a_run_changes_while_it_is_read_is_not_taken_in_part(
    sandbox: Sandbox,
    scenario: AsyncScenario,
    new_store_or_account: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = new_store_or_account()
    runs = 1
    read: list[str] = []

    async def contents_with_a_run(*arguments: Any) -> AsyncGenerator[Any, None]:
        nonlocal runs
        async for part in contents(*arguments):
            yield part
        if runs:
            runs -= 1
            sandbox.catalogue.delete(sandbox.catalogue.ids("private")[0])
            await sync(scenario, store)

    def noted(store: CatalogStore, ids: Sequence[str]) -> AsyncGenerator[Any, None]:
        read.extend(ids)
        return records(store, ids)

    async with CatalogStore.open(url) as store, CatalogStore.open(url) as other:
        await sync(scenario, store)
        live = LiveCatalog(None, store=other, every=LATER, role="reader", start="background")
        monkeypatch.setattr(_reader, "contents", contents_with_a_run)
        monkeypatch.setattr(_reader, "records", noted)
        async with live:
            with pytest.raises(NotLoadedError):
                await live.refresh()
            assert len(await live.refresh()) == 11
    # What had been read was not read again.
    assert len(read) == 12


@pytest.mark.parametrize("role", ["auto", "reader"])
async def test_a_refresh_that_is_asked_for_during_a_look_comes_after_it(
    role: Any,
    sandbox: Sandbox,
    scenario: AsyncScenario,
    new_sqlite: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = StoreReader[Any].read
    # Of what is stored, of whoever begins to lead, and the first look.
    seen, looks = 0, 2 if role == "reader" else 3
    looked, go_on = anyio.Event(), anyio.Event()

    async def read_slowly(self: StoreReader[Any], **options: Any) -> bool:
        nonlocal seen
        found = await read(self, **options)
        seen += 1
        if seen == looks:
            looked.set()
            await go_on.wait()
        return found

    monkeypatch.setattr(StoreReader, "read", read_slowly)
    async with CatalogStore.open(new_sqlite()) as store:
        await sync(scenario, store)
        async with LiveCatalog(scenario, store=store, every=LATER, role=role) as live:
            with anyio.fail_after(30):
                await looked.wait()
            new = sandbox.catalogue.add(name="New")
            if role == "reader":
                await sync(scenario, store)
            asked = asyncio.create_task(live.refresh())
            await asyncio.sleep(0)
            go_on.set()
            assert new in await asked


async def test_a_description_that_is_no_text_is_found_by_the_rest(
    sandbox: Sandbox, scenario: AsyncScenario
) -> None:
    odd = sandbox.catalogue.add(name="Odd", fields={"shortDescription": 1})
    async with LiveCatalog(scenario, every=LATER, as_type=Short) as live:
        assert [model.id for model in await live.now.search("odd")] == [odd]


async def test_a_copy_whose_state_cannot_be_read_is_none(
    scenario: AsyncScenario, new_store: Callable[[], str]
) -> None:
    async with CatalogStore.open(new_store()) as store:
        await sync(scenario, store)
        async with database_of(store).writing() as connection:
            await connection.execute(update(state).where(state.c.key != "source").values(value=1))
        with pytest.raises(NotLoadedError, match="no complete copy"):
            await LiveCatalog(scenario, store=store, start="stored").__aenter__()
