"""Many accounts in one database: each has a store of its own in it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import anyio
import pytest
from sqlalchemy import text
from support.client import until_answered

from scenario_async import UsageError
from scenario_async.live import LiveCatalog
from scenario_async.sandbox import Catalogue
from scenario_async.sync import (
    CatalogStore,
    FleetStore,
    StoreBusyError,
    StoreError,
    StoreVersionError,
    export,
    sync,
)
from scenario_async.sync._comparison import Coverage
from scenario_async.sync._store import Members, database_of, fleet_database_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.client import Connect
    from support.command_line import Run
    from support.postgresql import PostgreSQL

    from scenario_async import AsyncScenario
    from scenario_async.pytest_plugin import SandboxFactory
    from scenario_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio


async def ids(store: CatalogStore) -> list[str]:
    return [model.id async for model in store.models()]


async def test_accounts_share_a_database_and_nothing_in_it(
    sandbox: Sandbox,
    scenario: AsyncScenario,
    scenario_sandbox_factory: SandboxFactory,
    connect: Connect,
    new_postgresql: Callable[[], str],
) -> None:
    url = new_postgresql()
    service = scenario_sandbox_factory(Catalogue.seeded(private=7, public=0, seed=3))
    keys = {"api_key": service.api_key, "api_secret": service.api_secret}
    async with (
        FleetStore.open(url, connections=2, partitions=2) as fleet,
        connect(base_url=service.base_url, **keys) as other_client,
    ):
        one, other = fleet.account("one"), fleet.account("other")
        first = await sync(scenario, one, scopes=["private", "public"])
        second = await sync(other_client, other)

        assert (first.new, second.new) == (len(await ids(one)), 7)
        assert await ids(other) == sorted(service.catalogue.ids("private"))
        again = await sync(scenario, one, full=True, scopes=["private", "public"])
        assert (again.new, again.changed, again.deleted) == (0, 0, 0)
        await fleet.delete("one")
        assert (await ids(one), len(await ids(other))) == ([], 7)
    async with CatalogStore.open(url, account="other", create=False) as alone:
        assert (await alone.counts()).scopes == {"private": 7}


async def test_tables_of_a_newer_release_are_told_by_the_versions_of_their_own_layout(
    new_postgresql: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scenario_async.sync._backends.schema.MIGRATIONS", (None,))
    url = new_postgresql()
    async with FleetStore.open(url, partitions=2) as fleet:
        async with fleet_database_of(fleet).transaction() as connection:
            await connection.execute(text("UPDATE state SET version = 2"))
    with pytest.raises(StoreVersionError, match=r"of version 2, .* knows them up to version 1"):
        async with FleetStore.open(url):
            pytest.fail("it opens")


async def test_a_store_is_not_taken_for_one_with_accounts_nor_the_other_way_round(
    new_postgresql: Callable[[], str],
) -> None:
    plain, fleet = new_postgresql(), new_postgresql()
    async with CatalogStore.open(plain), FleetStore.open(fleet, partitions=2):
        pass
    with pytest.raises(StoreVersionError, match="has a store without accounts"):
        async with FleetStore.open(plain):
            pytest.fail("it opens")
    with pytest.raises(StoreVersionError, match="has a store without accounts"):
        async with CatalogStore.open(plain, account="one"):
            pytest.fail("it opens")
    with pytest.raises(StoreVersionError, match="has many accounts: name one"):
        async with CatalogStore.open(fleet):
            pytest.fail("it opens")


async def test_one_run_at_a_time_is_at_work_on_an_account(
    new_postgresql: Callable[[], str],
) -> None:
    url = new_postgresql()
    async with FleetStore.open(url, partitions=2) as fleet, FleetStore.open(url) as elsewhere:
        async with database_of(fleet.account("one")).lock(["private"]):
            for store in (fleet, elsewhere):
                with pytest.raises(StoreBusyError):
                    async with database_of(store.account("one")).lock(["public"]):
                        pytest.fail("it has the lock")
                async with database_of(store.account("other")).lock(["private"]):
                    pass
        async with database_of(elsewhere.account("one")).lock(["public"]):
            pass


async def test_accounts_whose_locks_have_one_number_wait_and_lose_no_lock(
    new_postgresql: Callable[[], str], postgresql: PostgreSQL
) -> None:
    url = new_postgresql()
    first, second = "studio-51817", "studio-80940"
    database = url.rpartition("/")[2]
    assert postgresql.query(f"SELECT hashtext('{first}') = hashtext('{second}')", database) == ["t"]
    async with FleetStore.open(url, partitions=2) as fleet, FleetStore.open(url) as elsewhere:
        async with database_of(fleet.account(first)).lock(["private"]):
            async with database_of(fleet.account(second)).lock(["private"]):
                pass  # of the same session
            # What the second has let go of was not the first one's.
            for name in (first, second):
                with pytest.raises(StoreBusyError, match=name):
                    async with database_of(elsewhere.account(name)).lock(["private"]):
                        pytest.fail("it has the lock")
        async with database_of(elsewhere.account(second)).lock(["private"]):
            pass


async def test_an_account_that_came_after_the_statistics_does_not_count_as_empty(
    new_postgresql: Callable[[], str],
) -> None:
    rows = """
        INSERT INTO models (account, id, first_seen_at, content_hash, record)
        SELECT 'earlier', number, now(), '', '' FROM generate_series(1, 4000) AS number;
        INSERT INTO memberships (account, scope, model_id)
        SELECT account, 'private', id FROM models
    """
    async with (
        FleetStore.open(new_postgresql(), partitions=1) as fleet,
        fleet_database_of(fleet).transaction() as connection,
    ):
        for statement in (*rows.split(";"), "ANALYZE models", "ANALYZE memberships"):
            await connection.exec_driver_sql(statement)
        for table in ("models", "memberships"):
            of_later = text(f"EXPLAIN SELECT FROM {table} WHERE account = 'later'")
            plan: str = (await connection.scalars(of_later)).first() or ""
            # Where one row is expected, all of one table are gone through for each of another.
            assert int(plan.partition(" rows=")[2].partition(" ")[0]) >= 10, plan


async def test_a_page_of_a_full_walk_does_not_go_through_all_members_for_each_model(
    new_postgresql: Callable[[], str],
) -> None:
    on_page = 200
    date = datetime(2026, 1, 1, tzinfo=UTC)
    rows = """
        INSERT INTO models (account, id, created_at, first_seen_at, content_hash, record)
        SELECT 'one', number, timestamptz '2026-01-01T00:00:00Z' + number * interval '1s',
        now(), '', '' FROM generate_series(0, 1999) AS number;
        INSERT INTO memberships (account, scope, model_id)
        SELECT account, 'private', id FROM models
    """
    read = text("SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables")
    async with FleetStore.open(new_postgresql(), partitions=1) as fleet:
        async with fleet_database_of(fleet).transaction() as connection:
            for statement in rows.split(";"):
                await connection.exec_driver_sql(statement)
        listed = Coverage(
            after=date,
            before=date + timedelta(seconds=on_page),
            seen=[str(number) for number in range(1, on_page)],
        )
        database = database_of(fleet.account("one"))
        found = Members(database, "private")
        async with database.transaction() as connection:
            await found.miss(connection, listed, run=1)
            assert (await connection.scalar(read) or 0) < 20_000
        assert await found.missing() == ["0"]


async def test_the_store_of_an_account_is_open_as_long_as_that_of_all(
    new_postgresql: Callable[[], str],
) -> None:
    fleet = FleetStore.open(new_postgresql(), partitions=2)
    store = fleet.account("one")
    assert repr(fleet).startswith("<FleetStore postgresql://127.0.0.1:")
    assert repr(store).endswith(", account 'one'>")
    with pytest.raises(UsageError, match=r"the store is not open: .* FleetStore\.open\("):
        await store.counts()
    with pytest.raises(TypeError, match="store must be a FleetStore, not CatalogStore"):
        fleet_database_of(store)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    async with fleet:
        with pytest.raises(UsageError, match="the store is open: enter it once"):
            await fleet.__aenter__()
        with pytest.raises(UsageError, match="use it without 'async with'"):
            async with store:
                pytest.fail("it is entered")
        assert (await store.counts()).models == 0


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("", ValueError),
        ("a\0", ValueError),
        ("é" * 101, ValueError),
        (7, TypeError),
        (None, TypeError),
    ],
)
def test_what_cannot_be_an_account_is_refused(name: object, error: type[Exception]) -> None:
    with pytest.raises(error, match="account"):
        FleetStore.open("postgresql://host/database").account(name)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def test_sqlite_has_no_accounts(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="in SQLite each account has a file of its own"):
        CatalogStore.open(tmp_path / "models.db", account="one")


async def test_collections_of_an_account_are_read_from_what_its_models_say(
    sandbox: Sandbox, scenario: AsyncScenario, new_postgresql: Callable[[], str], tmp_path: Path
) -> None:
    first, second, *_ = sandbox.catalogue.collection_ids
    async with FleetStore.open(new_postgresql(), partitions=2) as fleet:
        store = fleet.account("one")
        scopes = [f"collection:{first}", f"public:collection:{first},{second}"]
        for scope in scopes:
            with pytest.raises(ValueError, match=f"an account has no copy of '{scope}'"):
                await sync(scenario, store, scopes=[scope])
        with pytest.raises(ValueError, match="the store has no scope"):
            await export(store, tmp_path / "none.jsonl", scope=scopes[0])
        before = len(sandbox.requests)
        await sync(scenario, store, scopes=["private", "public"])
        asked = len(sandbox.requests)

        of_scopes = [[one.id async for one in store.models(scope=scope)] for scope in scopes]
        # Public models that are only in the second scope are no private ones of the first.
        private = sandbox.catalogue.ids("private", collection_id=first)
        public = {*sandbox.catalogue.ids("public", collection_id=first)}
        public |= {*sandbox.catalogue.ids("public", collection_id=second)}
        assert private
        assert public
        assert of_scopes == [sorted(private), sorted(public)]
        assert await export(store, tmp_path / "one.jsonl", scope=scopes[0]) == len(private)
        async with LiveCatalog(scenario, store=store, scopes=scopes, role="reader") as live:
            assert {*live.now} == {*private, *public}
        assert before < asked == len(sandbox.requests)


async def sessions(fleet: FleetStore) -> tuple[int, int]:
    """How many connections hold locks, and how many there are."""
    ask = text(
        "SELECT count(DISTINCT l.pid), count(DISTINCT a.pid) FROM pg_stat_activity a "
        "LEFT JOIN pg_locks l ON l.pid = a.pid AND locktype = 'advisory' "
        "WHERE datname = current_database() AND backend_type = 'client backend'"
    )
    async with fleet_database_of(fleet).transaction() as connection:
        holding, all_of_them = (await connection.execute(ask)).one()
    return holding, all_of_them


async def test_runs_of_many_accounts_share_a_few_connections_and_one_for_all_locks(
    scenario: AsyncScenario, new_postgresql: Callable[[], str]
) -> None:
    counts: list[tuple[int, int]] = []

    async def copy(store: CatalogStore) -> None:
        await sync(scenario, store)
        counts.append(await sessions(fleet))

    async with FleetStore.open(new_postgresql(), connections=2, partitions=2) as fleet:
        stores = [fleet.account(f"studio-{number}") for number in range(5)]
        async with fleet_database_of(fleet).lead("group"), anyio.create_task_group() as at_once:
            for store in stores:
                at_once.start_soon(copy, store)
        assert max(counts) == (1, 3)
        assert {(await store.counts()).models for store in stores} == {len(await ids(stores[0]))}
        await until_answered((0, 2), lambda: sessions(fleet))


async def test_a_lost_connection_is_noticed_by_all_whose_lock_it_held_and_by_no_later_one(
    new_postgresql: Callable[[], str],
) -> None:
    end = text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
    async with FleetStore.open(new_postgresql(), partitions=2) as fleet:
        every = fleet_database_of(fleet)
        one, other, later = (database_of(fleet.account(name)) for name in ("1", "2", "3"))
        async with every.lead("group"), one.lock(["private"]), other.lock(["private"]):
            for database in (every, one, other):
                async with database.writing():
                    pass
            async with every.transaction() as connection:
                await connection.execute(end)
            async with later.lock(["private"]), later.writing():
                pass
            for database in (every, one, other):
                with pytest.raises(StoreError, match="keeps other runs away was lost"):
                    async with database.writing():
                        pytest.fail("it writes")
        async with every.lead("group"), one.lock(["private"]), one.writing(), every.writing():
            pass


@pytest.mark.parametrize("step", ["locks._BEGIN", "postgresql_engine._KEEPALIVE"])
async def test_locks_that_cannot_be_had_leave_no_connection(
    step: str, new_postgresql: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with FleetStore.open(new_postgresql(), partitions=2) as fleet:
        before = await sessions(fleet)
        monkeypatch.setattr(f"scenario_async.sync._backends.{step}", "SELECT unknown")
        with pytest.raises(StoreError, match='column "unknown" does not exist'):
            await fleet.delete("one")
        # The server ends a session a moment after its connection.
        await until_answered(before, lambda: sessions(fleet))


async def test_accounts_of_two_schemas_do_not_exclude_each_other(
    new_postgresql: Callable[[], str], postgresql: PostgreSQL
) -> None:
    url = new_postgresql()
    for name in ("first", "second"):
        postgresql.query(f"CREATE SCHEMA {name}", url.rpartition("/")[2])
    first, second = (f"{url}?options=-csearch_path%3D{name}" for name in ("first", "second"))
    async with (
        FleetStore.open(first, partitions=2) as one,
        FleetStore.open(second, partitions=2) as other,
        FleetStore.open(first) as same,
    ):
        async with fleet_database_of(one).lead("group"), fleet_database_of(other).lead("group"):
            with pytest.raises(StoreBusyError):
                async with fleet_database_of(same).lead("group"):
                    pytest.fail("two of them lead")
        held = [database_of(store.account("studio-7")) for store in (one, other)]
        async with held[0].lock(["private"]), held[1].lock(["private"]):
            with pytest.raises(StoreBusyError, match="at work on the account 'studio-7'"):
                await same.delete("studio-7")


def test_the_command_line_takes_an_account(
    ask: Run, sandbox: Sandbox, new_postgresql: Callable[[], str]
) -> None:
    url = new_postgresql()
    (first, *_) = sandbox.catalogue.collection_ids

    async def count() -> int:
        async with CatalogStore.open(url, account="one", create=False) as store:
            return (await store.counts()).models

    assert ask("sync", url, "--account", "one", "--private", "--quiet").code == 0
    models = asyncio.run(count())
    for account, number in (("one", models), ("other", 0)):
        stats = ask("stats", url, "--account", account, "--json")
        status = ask("status", url, "--account", account, "--json")
        assert (stats.report()["models"], status.report()["models"]) == (number, number)
    exported = ask("export", url, "-", "--format", "jsonl", "--account", "one")
    assert exported.out.count(b"\n") == models > 0

    for command in ("status", "stats"):
        ran = ask(command, url)
        assert (ran.code, "has many accounts: name one with account=" in ran.err) == (1, True)
    ran = ask("sync", url, "--account", "one", "--collection", first)
    assert (ran.code, ran.err[:33]) == (2, "Error: of an account collections ")
    ran = ask("status", "models.db", "--account", "one")
    assert (ran.code, "in SQLite each account has a file" in ran.err) == (2, True)
