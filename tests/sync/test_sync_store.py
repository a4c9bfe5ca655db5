"""What a store can be asked, and what its writes leave."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast
from unittest.mock import AsyncMock, patch

import anyio
import pytest
from sqlalchemy import update
from support.catalogue_copies import row

from scenario_async._decoding.envelope import decode_page
from scenario_async.sandbox import Catalogue
from scenario_async.sync import CatalogStore, ScopeReport, StoreVersionError, sync
from scenario_async.sync._comparison import Coverage, ScopePage
from scenario_async.sync._runs.catalogue_reader import CatalogueReader
from scenario_async.sync._runs.details import fetch_details
from scenario_async.sync._state import ScopeState
from scenario_async.sync._store.catalog_store import database_of
from scenario_async.sync._store.members import Members
from scenario_async.sync._store.run_log import RunLog
from scenario_async.sync._store.writer import ScopeWriter
from scenario_async.sync._tables import state

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.postgresql import PostgreSQL

    from scenario_async import AsyncScenario
    from scenario_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 10, 15, tzinfo=UTC)


@pytest.fixture
def catalogue() -> Catalogue:
    catalogue = Catalogue.seeded(private=0, public=4, collections=1)
    (collection,) = catalogue.collection_ids
    catalogue.add("a", name="A", type="custom", tags=["x", "y"], created_at=NOW)
    catalogue.add("b", type="flux.1-lora", tags=["x"], created_at=NOW + timedelta(seconds=1))
    catalogue.add("c", status="failed", collection_ids=[collection], created_at=NOW)
    catalogue.add("d", name="nul \0 inside", tags=["\0t", "quote ' and \" inside"], created_at=NOW)
    return catalogue


async def ids(store: CatalogStore, **filters: object) -> list[str]:
    return [model.id async for model in store.models(**filters)]  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


async def test_models_are_found_by_each_filter_and_by_all_of_them(
    sandbox: Sandbox, scenario: AsyncScenario, new_store: Callable[[], str]
) -> None:
    (collection,) = sandbox.catalogue.collection_ids
    async with CatalogStore.open(new_store()) as store:
        await sync(scenario, store, scopes=["private", "public", f"collection:{collection}"])

        assert await ids(store, scope="private") == ["a", "b", "c", "d"]
        assert await ids(store, scope=f"collection:{collection}") == ["c"]
        assert await ids(store, scope=f"collection: {collection}") == ["c"]
        assert await ids(store, collection=collection) == ["c"]
        assert await ids(store, privacy="private", type="custom") == ["a"]
        assert await ids(store, privacy="private", status="failed") == ["c"]
        assert await ids(store, tags=["x"], scope="private") == ["a", "b"]
        assert await ids(store, tags=["y", "x"]) == ["a", "b"]
        assert await ids(store, tags=["y", "quote ' and \" inside", "z"]) == ["a", "d"]
        assert await ids(store, tags=["X"]) == []
        assert await ids(store, tags=["x"], type="custom") == ["a"]
        assert await ids(store, tags=["quote ' and \" inside"]) == ["d"]
        assert await ids(store, scope="private", created_after=NOW) == ["b"]
        assert await ids(store, scope="private", created_before=NOW + timedelta(seconds=1)) == [
            "a",
            "c",
            "d",
        ]
        assert len(await ids(store)) == 8
        assert await ids(store, limit=2) == (await ids(store))[:2]
        assert await ids(store, limit=0) == []
        assert await ids(store, deleted=True) == []


async def test_dates_finer_than_a_millisecond_keep_what_they_should(
    sandbox: Sandbox, scenario: AsyncScenario, new_store: Callable[[], str]
) -> None:
    little = timedelta(microseconds=1)
    async with CatalogStore.open(new_store()) as store:
        await sync(scenario, store)

        assert await ids(store, created_before=NOW + little) == ["a", "c", "d"]
        assert await ids(store, created_before=NOW) == []
        assert await ids(store, created_after=NOW - little) == ["a", "b", "c", "d"]
        assert await ids(store, created_after=NOW + little) == ["b"]


async def test_deleted_models_are_given_where_they_are_wanted(
    sandbox: Sandbox, scenario: AsyncScenario, new_store_or_account: Callable[[], str]
) -> None:
    async with CatalogStore.open(new_store_or_account()) as store:
        await sync(scenario, store)
        sandbox.catalogue.delete("a")
        await sync(scenario, store)

        assert await ids(store) == ["b", "c", "d"]
        assert await ids(store, deleted=True) == ["a"]
        assert await ids(store, deleted=None) == ["a", "b", "c", "d"]
        counts = await store.counts()

    assert (counts.models, counts.deleted, counts.scopes) == (3, 1, {"private": 3})


async def test_records_are_stored_as_they_were_sent(
    sandbox: Sandbox, scenario: AsyncScenario, new_store: Callable[[], str]
) -> None:
    async with CatalogStore.open(new_store()) as store:
        await sync(scenario, store)
        stored = {model.id: model async for model in store.models()}
        sent = {model.id: model async for model in scenario.models.private()}

    assert {one: model.record.encode() for one, model in stored.items()} == {
        one: model.raw for one, model in sent.items()
    }
    assert stored["a"].model() == sent["a"]
    assert stored["a"].tags == ["x", "y"]
    assert stored["a"].created_at == NOW
    assert stored["d"].name == "nul  inside"
    assert repr(stored["a"]) == "<StoredModel a 'A'>"


async def test_runs_are_kept_with_what_they_did(
    scenario: AsyncScenario, new_store_or_account: Callable[[], str]
) -> None:
    async with CatalogStore.open(new_store_or_account()) as store:
        first = await sync(scenario, store)
        second = await sync(scenario, store, full=True)
        last, before = await store.runs()

    assert (before.id, before.status, before.report) == (first.run, "finished", first)
    assert (last.id, last.scopes, last.report) == (second.run, ["private"], second)
    assert last.finished_at is not None
    assert last.started_at <= last.finished_at


@pytest.mark.parametrize(
    ("kind", "scopes", "status"),
    [
        *((kind, ["public"], "interrupted") for kind in ("sqlite", "postgresql")),
        *((kind, ["collection:c", "private"], "interrupted") for kind in ("sqlite", "postgresql")),
        # It has one run at a time.
        ("sqlite", ["collection:private"], "interrupted"),
        ("postgresql", ["collection:private"], "running"),
    ],
)
async def test_a_killed_run_is_interrupted_when_a_run_begins_that_it_would_keep_away(
    request: pytest.FixtureRequest, kind: str, scopes: list[str], status: str
) -> None:
    async with CatalogStore.open(request.getfixturevalue(f"new_{kind}")()) as store:
        database = database_of(store)
        await RunLog.begin(database, ["private", "public"])
        await RunLog.begin(database, scopes)
        assert [run.status for run in await store.runs()] == ["running", status]


async def test_a_model_found_by_its_id_may_still_have_left_its_scope(
    new_store_or_account: Callable[[], str],
) -> None:
    """Who is killed between asking for it and taking it out has to ask again."""
    async with CatalogStore.open(new_store_or_account()) as store:
        writer = ScopeWriter(database_of(store), "collection:c", run=1, now=NOW)
        members = Members(database_of(store), "collection:c")
        await writer.write(ScopePage(rows=[row("a")], state=ScopeState()))
        await writer.write(ScopePage(rows=(), coverage=Coverage(None, None, set())))
        await writer.write(ScopePage(rows=[row("a")], joins=False))

        assert await members.missing() == ["a"]


async def test_a_model_that_is_listed_is_not_missing_any_more(
    new_store_or_account: Callable[[], str],
) -> None:
    async with CatalogStore.open(new_store_or_account()) as store:
        writer = ScopeWriter(database_of(store), "private", run=1, now=NOW)
        members = Members(database_of(store), "private")
        await writer.write(ScopePage(rows=[row("a"), row("b")]))
        await writer.write(ScopePage(rows=(), coverage=Coverage(NOW, None, {"b"})))
        assert await members.missing() == ["a"]
        await writer.write(ScopePage(rows=[row("a")]))

        assert await members.missing() == []


async def test_rows_are_written_in_the_order_of_their_ids_whatever_is_new(
    new_sqlite: Callable[[], str],
) -> None:
    """Two programs that write the same rows must lock them in the same order."""
    async with CatalogStore.open(new_sqlite()) as store:
        writer = ScopeWriter(database_of(store), "private", run=1, now=NOW)
        await writer.write(ScopePage(rows=[row("a"), row("c")]))
        await log_order(store, "")
        await writer.write(
            ScopePage(rows=[row("d"), row("c", name="C"), row("b"), row("a", name="A")])
        )
        assert await logged_order(store) == ["a", "b", "c", "d"]


class Together:
    """Gives records when so many are asked for, so that they are written at once."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._asked = 0
        self._all = anyio.Event()

    async def record(self, model_id: str) -> str:
        self._asked += 1
        if self._asked == self.most:
            self._all.set()
        await self._all.wait()
        return f'{{"id":"{model_id}"}}'


async def test_details_are_written_in_the_order_of_pages_whatever_order_the_database_has(
    sandbox: Sandbox, scenario: AsyncScenario, postgresql: PostgreSQL
) -> None:
    given = ["model_a", "model_B", "model_c", "model_Z", "model-Y"]
    for model_id in given:
        sandbox.catalogue.add(model_id, collection_ids=sandbox.catalogue.collection_ids)
    collated = postgresql.create(icu_locale="en-US")
    scope = f"collection:{sandbox.catalogue.collection_ids[0]}"
    try:
        async with CatalogStore.open(postgresql.url(collated)) as store:
            await sync(scenario, store, scopes=[scope])
            await log_order(store, "details")
            together = cast("CatalogueReader", Together(len(given) + 1))
            report = ScopeReport(scope=scope)
            await fetch_details(database_of(store), together, scope, report, lambda: None)
            order = await logged_order(store)
            by_database = [one.id async for one in store.models(scope=scope)]
    finally:
        postgresql.drop(collated)

    assert order == sorted([*given, "c"])
    assert by_database != order


async def log_order(store: CatalogStore, column: str) -> None:
    """From now on, the database keeps in which order rows are written, or one column of them."""
    database = database_of(store)
    async with database.writing() as connection:
        run = connection.exec_driver_sql
        if database.name.startswith("postgresql"):
            await run("CREATE TABLE written (number serial, id text)")
            await run(
                "CREATE FUNCTION log() RETURNS trigger LANGUAGE plpgsql AS "
                "'BEGIN INSERT INTO written (id) VALUES (NEW.id); RETURN NEW; END'"
            )
            await run(
                f"CREATE TRIGGER log AFTER UPDATE OF {column} ON models "
                "FOR EACH ROW EXECUTE FUNCTION log()"
            )
            return
        await run("CREATE TABLE written (number INTEGER PRIMARY KEY, id TEXT)")
        for event in ("INSERT", "UPDATE"):
            await run(
                f"CREATE TRIGGER log_{event} AFTER {event} ON models "  # noqa: S608 - a word of ours
                "BEGIN INSERT INTO written (id) VALUES (NEW.id); END"
            )


async def logged_order(store: CatalogStore) -> list[str]:
    async with database_of(store).transaction() as connection:
        found = await connection.exec_driver_sql("SELECT id FROM written ORDER BY number")
        return [row[0] for row in found]


async def test_a_state_of_a_newer_release_is_not_misread(new_store: Callable[[], str]) -> None:
    async with CatalogStore.open(new_store()) as store:
        writer = ScopeWriter(database_of(store), "private", run=1, now=NOW)
        await writer.save(ScopeState())
        async with database_of(store).writing() as connection:
            await connection.execute(update(state).values(version=99))

        with pytest.raises(StoreVersionError, match="version 99"):
            await writer.load()


@pytest.mark.parametrize(
    "answer",
    [b'{"models": [{"id": 5}]}', b'{"models": [{"name": "who am I"}]}'],
    ids=["an id that is none", "no id"],
)
async def test_what_cannot_be_told_apart_is_asked_for_one_by_one_before_it_counts_as_gone(
    answer: bytes, sandbox: Sandbox, scenario: AsyncScenario, new_sqlite: Callable[[], str]
) -> None:
    async with CatalogStore.open(new_sqlite()) as store:
        await sync(scenario, store)
        catalogue = CatalogueReader(scenario, 2)
        page = AsyncMock(return_value=decode_page(answer))
        with patch("scenario_async.sync._runs.catalogue_reader.fetch_bulk", page):
            assert await catalogue.in_bulk(["a", "no such model"]) is None
        assert await catalogue.exists("a")
        assert not await catalogue.exists("no such model")
