"""Which models of a store come, in which order, by which ids."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Any, get_args

import pytest
from sqlalchemy import delete

from scenario_async import UsageError
from scenario_async.sandbox import Catalogue
from scenario_async.sync import CatalogStore, FleetStore, sync
from scenario_async.sync._comparison import ScopePage
from scenario_async.sync._rows import ModelRow, read_row
from scenario_async.sync._store.catalog_store import database_of
from scenario_async.sync._store.filters import OrderBy
from scenario_async.sync._store.writer import ScopeWriter
from scenario_async.sync._tables import models

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenario_async import AsyncScenario
    from scenario_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 10, 15, tzinfo=UTC)
MANY = 1203  # more than two batches


@pytest.fixture
def catalogue() -> Catalogue:
    catalogue = Catalogue.seeded(private=0, public=0)
    for number, name in enumerate(["b", "a", "c", "a"]):
        catalogue.add(f"m{number}", name=name, created_at=NOW - timedelta(seconds=number))
    return catalogue


async def ids(store: CatalogStore, **filters: Any) -> list[str]:
    return [model.id async for model in store.models(**filters)]


async def fill(store: CatalogStore, count: int) -> list[str]:
    """So many models, of which every third has no date."""
    writer = ScopeWriter(database_of(store), "private", run=1, now=NOW)
    await writer.load()
    rows: list[ModelRow] = []
    for number in range(count):
        date = f', "createdAt": "2026-10-15T00:{number % 60:02}:00.000Z"' if number % 3 else ""
        row = read_row(f'{{"id": "m{number:05}", "name": "n{number % 7}"{date}}}'.encode())
        assert isinstance(row, ModelRow)
        rows.append(row)
    await writer.write(ScopePage(rows=rows))
    return [row.id for row in rows]


async def test_models_come_in_each_order_with_those_without_a_value_last(
    new_store_or_account: Callable[[], str],
) -> None:
    async with CatalogStore.open(new_store_or_account()) as store:
        await fill(store, MANY)
        whole = [model async for model in store.models()]
        for order in get_args(OrderBy):
            column = order.removeprefix("-")
            value = attrgetter(column)
            valued = [model for model in whole if value(model) is not None]
            valued.sort(key=value, reverse=order.startswith("-"))
            expected = [model.id for model in valued]
            expected += [model.id for model in whole if value(model) is None]

            assert await ids(store, order_by=order) == expected, order
            assert await ids(store, order_by=order, offset=700, limit=510) == expected[700:1210]


async def test_an_offset_leaves_out_the_first_ones_and_may_be_behind_the_last(
    new_store: Callable[[], str],
) -> None:
    async with CatalogStore.open(new_store()) as store:
        whole = await fill(store, MANY)

        assert await ids(store, offset=3) == whole[3:]
        assert await ids(store, offset=600, limit=520) == whole[600:1120]
        assert await ids(store, offset=MANY) == []
        assert await ids(store, offset=10**30, limit=10**30, order_by="-id") == []


@pytest.mark.parametrize("order", ["id", "-id", "created_at"])
async def test_only_models_with_these_ids_come_however_many_ids_there_are(
    order: OrderBy, new_store_or_account: Callable[[], str]
) -> None:
    async with CatalogStore.open(new_store_or_account()) as store:
        whole = await fill(store, MANY)
        unknown = (f"unknown{number}" for number in range(50_000))
        wanted = {*whole[100:1150], *unknown}
        found = await ids(store, ids=wanted, order_by=order)

        assert found == [one for one in await ids(store, order_by=order) if one in wanted]
        assert len(found) == 1050
        assert await ids(store, ids=wanted, order_by=order, offset=20, limit=7) == found[20:27]


async def test_ids_are_one_filter_among_others(
    scenario: AsyncScenario, new_store_or_account: Callable[[], str], sandbox: Sandbox
) -> None:
    async with CatalogStore.open(new_store_or_account()) as store:
        await sync(scenario, store)
        sandbox.catalogue.delete("m1")
        await sync(scenario, store)

        assert await ids(store, ids=["m3", "m1", "m0", "m3", "other"]) == ["m0", "m3"]
        assert await ids(store, ids=(one for one in ("m1", "m0")), deleted=None) == ["m0", "m1"]
        assert await ids(store, ids=["m0", "m2"], created_before=NOW) == ["m2"]
        assert await ids(store, order_by="name") == ["m3", "m0", "m2"]
        assert await ids(store, order_by="-created_at", limit=2) == ["m0", "m2"]


@pytest.mark.parametrize("none", [[], ["\0"], ["\ud800"], ["m0 "], [""]])
async def test_ids_that_no_model_has_are_no_model(none: list[str], new_store: Any) -> None:
    async with CatalogStore.open(new_store()) as store:
        await fill(store, 3)

        assert await ids(store, ids=none) == []
        assert await ids(store, ids=[*none, "m00001"]) == ["m00001"]


async def test_values_that_no_store_can_have_are_met_by_no_model(new_store: Any) -> None:
    async with CatalogStore.open(new_store()) as store:
        await fill(store, 3)

        for none in ("\0", "\ud800"):
            for name in ("type", "status", "privacy", "collection"):
                assert await ids(store, **{name: none}) == []
            for name in ("tags", "capabilities"):
                assert await ids(store, **{name: [none]}) == []
        assert await ids(store, scope="collection:\0") == []


async def test_what_a_run_takes_away_meanwhile_is_left_out(new_sqlite: Callable[[], str]) -> None:
    async with CatalogStore.open(new_sqlite()) as store:
        whole = await fill(store, 600)
        async with aclosing(store.models(order_by="-id")) as found:
            first = await anext(found)
            async with database_of(store).writing() as connection:
                await connection.execute(delete(models).where(models.c.id == whole[0]))
            rest = [model.id async for model in found]

    assert [first.id, *rest] == whole[:0:-1]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"ids": "abc"}, TypeError, r"ids must be several, such as \['abc'\], and not one str"),
        ({"order_by": "size"}, ValueError, "order_by must be one of 'id', '-id', .* not 'size'"),
        ({"order_by": 5}, TypeError, "order_by must be a str"),
        ({"order_by": ""}, ValueError, "order_by is empty"),
        ({"order_by": None}, ValueError, "order_by must be one of"),
        ({"offset": -1}, ValueError, "offset must be 0 or more, not -1"),
        ({"offset": "1"}, TypeError, "offset must be an int"),
        ({"tags": "abc"}, TypeError, r"tags must be several, such as \['abc'\]"),
        ({"capabilities": "abc"}, TypeError, "capabilities must be several"),
        ({"limit": -1}, ValueError, "limit must be 0 or more"),
        ({"limit": "5"}, TypeError, "limit must be an int"),
        ({"created_after": NOW.date()}, TypeError, "created_after must be a datetime"),
        ({"updated_before": NOW.replace(tzinfo=None)}, ValueError, "without time zone"),
        ({"status": ["trained"]}, TypeError, "status must be a str"),
        ({"collection": ""}, ValueError, "collection is empty"),
        ({"deleted": "no"}, TypeError, "deleted must be True or False, not str"),
        ({"scope": 5}, TypeError, "scope must be a str"),
        ({"scope": "privat"}, ValueError, "a scope is .* not 'privat'"),
        ({"offset": True}, TypeError, "offset must be an int"),
    ],
)
async def test_an_argument_that_fits_nothing_is_refused_at_once(
    arguments: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        CatalogStore.open("sqlite://").models(**arguments)


@pytest.mark.parametrize("kind", [CatalogStore, FleetStore])
def test_a_word_for_whether_to_make_tables_is_refused(
    kind: type[CatalogStore | FleetStore],
) -> None:
    word: Any = "no"
    with pytest.raises(TypeError, match="create must be True or False, not str"):
        kind.open("postgresql://localhost/models", create=word)


async def test_a_model_is_found_by_its_id_also_where_it_is_deleted(
    scenario: AsyncScenario, sandbox: Sandbox, new_store_or_account: Callable[[], str]
) -> None:
    async with CatalogStore.open(new_store_or_account()) as store:
        await sync(scenario, store)
        sandbox.catalogue.delete("m2")
        await sync(scenario, store)
        found, gone = await store.get("m0"), await store.get("m2")

        assert found is not None
        assert (found.name, found.deleted_at) == ("b", None)
        assert gone is not None
        assert gone.deleted_at is not None
        for other in ("m", "M0", "\0", "\ud800", "m0' OR '1'='1"):
            assert await store.get(other) is None


@pytest.mark.parametrize(
    ("model_id", "error", "words"),
    [
        ("", ValueError, "model_id must be the id of a model, not ''"),
        (5, TypeError, "model_id must be a str, not int"),
        (None, TypeError, "model_id must be a str, not NoneType"),
    ],
)
async def test_what_is_no_id_is_refused(
    model_id: Any, error: type[Exception], words: str, new_sqlite: Callable[[], str]
) -> None:
    async with CatalogStore.open(new_sqlite()) as store:
        with pytest.raises(error, match=words):
            await store.get(model_id)


@pytest.mark.parametrize("order", ["id", "-id"])
async def test_a_query_that_was_cancelled_does_not_look_complete(
    order: OrderBy, new_store: Callable[[], str]
) -> None:
    async with CatalogStore.open(new_store()) as store:
        whole = await fill(store, 3)
        found = store.models(order_by=order)
        step = asyncio.ensure_future(anext(found))
        # No database answers in one pass of the loop.
        await asyncio.sleep(0)
        step.cancel()
        with pytest.raises(asyncio.CancelledError):
            await step
        with pytest.raises(UsageError, match="query of the store was cancelled before its end"):
            await anext(found)

        assert sorted(await ids(store)) == whole
