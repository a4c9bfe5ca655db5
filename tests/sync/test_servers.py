"""Servers of PostgreSQL as others set them up: poolers, schemas, isolation, encodings."""

from __future__ import annotations

from collections import deque
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from support.catalogue_copies import copying
from support.pgbouncer import binary, pooled
from support.store_contents import contents_of

from scenario_async.sandbox import Catalogue
from scenario_async.sync import CatalogStore, StoreBusyError, StoreError, sync
from scenario_async.sync._backends import postgresql as backends
from scenario_async.sync._backends.locks import Session
from scenario_async.sync._backends.urls import database_url
from scenario_async.sync._store.catalog_store import database_of
from scenario_async.sync._store.identity import claim, identity_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from support.postgresql import PostgreSQL

    from scenario_async import AsyncScenario

pytestmark = [pytest.mark.anyio, pytest.mark.one_loop]
_SOON = 60  # seconds; what takes longer would wait for ever
WITH_POOLER = pytest.mark.skipif(
    binary() is None, reason="PgBouncer is not installed: apt-get install pgbouncer"
)


def name_in(url: str) -> str:
    return url.rpartition("/")[2]


def locks(server: PostgreSQL) -> list[str]:
    return server.query("SELECT pid FROM pg_locks WHERE locktype = 'advisory'")


@WITH_POOLER
class TestAPooler:
    @pytest.mark.parametrize(
        "settings",
        [
            {},
            {"default_pool_size": 1},
            {"server_round_robin": 1, "min_pool_size": 3},
        ],
        ids=repr,
    )
    async def test_that_shares_sessions_is_recognised_before_anything_is_made(
        self,
        settings: dict[str, object],
        new_postgresql: Callable[[], str],
        postgresql: PostgreSQL,
    ) -> None:
        url = new_postgresql()
        with pooled(url, pool_mode="transaction", **settings) as through, anyio.fail_after(_SOON):
            for _ in range(2):
                with pytest.raises(StoreError, match="PgBouncer: pool_mode = session"):
                    async with CatalogStore.open(through):
                        pytest.fail("it is opened")
            tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
            assert postgresql.query(tables, name_in(url)) == ["0"]
            assert locks(postgresql) == []

    async def test_that_shares_sessions_is_recognised_in_front_of_a_store_in_use(
        self, scenario: AsyncScenario, new_postgresql: Callable[[], str], postgresql: PostgreSQL
    ) -> None:
        url = new_postgresql()
        with pooled(url, pool_mode="transaction") as through, anyio.fail_after(_SOON):
            async with CatalogStore.open(url) as store:
                await sync(scenario, store)
                async with database_of(store).lock(["private"]):
                    held = locks(postgresql)
                    with pytest.raises(StoreError, match="locks get lost"):
                        async with CatalogStore.open(through, create=False):
                            pytest.fail("it is opened")
                    assert locks(postgresql) == held

    async def test_that_shares_single_statements_is_an_error(
        self, new_postgresql: Callable[[], str]
    ) -> None:
        with (
            pooled(new_postgresql(), pool_mode="statement") as through,
            anyio.fail_after(_SOON),
            pytest.raises(StoreError, match="statement pooling mode"),
        ):
            async with CatalogStore.open(through):
                pytest.fail("it is opened")

    async def test_that_keeps_sessions_does(
        self, scenario: AsyncScenario, new_postgresql: Callable[[], str], postgresql: PostgreSQL
    ) -> None:
        url = new_postgresql()
        with pooled(url, pool_mode="session") as through, anyio.fail_after(_SOON):
            for _ in range(2):
                async with CatalogStore.open(through) as store, CatalogStore.open(url) as other:
                    await sync(scenario, store, scopes=["private", "public"])
                    async with database_of(other).lock(["private"], wait=True):
                        with pytest.raises(StoreBusyError, match="'private'"):
                            await sync(scenario, store)
                    assert (await sync(scenario, store, full=True, wait=True)).deleted == 0
                # A pooler ends a session a moment after the connection.
                while locks(postgresql):  # noqa: ASYNC110 - a server sets no event
                    await anyio.sleep(0.01)

    async def test_that_has_one_session_is_an_error(
        self, new_postgresql: Callable[[], str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("scenario_async.sync._backends.postgresql._SESSION_TIMEOUT", 0.2)
        settings: dict[str, object] = {"pool_mode": "session", "default_pool_size": 1}
        with (
            pooled(new_postgresql(), **settings) as through,
            anyio.fail_after(_SOON),
            pytest.raises(StoreError, match="no second session to spare"),
        ):
            async with CatalogStore.open(through):
                pytest.fail("it is opened")


class Pooler:
    """Gives a transaction the session that is free for the longest time, or for the shortest."""

    def __init__(self, sessions: int, *, latest_first: bool) -> None:
        self._free = deque(range(1, sessions + 1))
        self._latest_first = latest_first
        self._clients = 0

    async def connect(self, *_: object) -> PooledConnection:
        self._clients += 1
        return PooledConnection(self, self._clients)

    def take(self) -> int:
        return self._free.pop() if self._latest_first else self._free.popleft()

    def give_back(self, session: int) -> None:
        self._free.append(session)


class PooledConnection:
    """As far as it is asked of one that belongs to the driver."""

    server_encoding = "UTF8"

    def __init__(self, pooler: Pooler, client: int) -> None:
        self._pooler = pooler
        self._client = client
        self._session = 0

    def get_settings(self) -> PooledConnection:
        return self

    def get_server_pid(self) -> int:
        return -self._client

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[None]:
        self._session = self._pooler.take()
        yield
        self._pooler.give_back(self._session)

    async def fetchval(self, _: str) -> int:
        return self._session

    async def close(self, **_: float) -> None:
        assert self._session


@pytest.mark.parametrize("latest_first", [True, False])
@pytest.mark.parametrize("sessions", [1, 2, 3, 7])
async def test_a_pooler_that_shares_sessions_is_recognised_by_how_it_gives_them_away(
    sessions: int, monkeypatch: pytest.MonkeyPatch, *, latest_first: bool
) -> None:
    pooler = Pooler(sessions, latest_first=latest_first)
    monkeypatch.setattr("scenario_async.sync._backends.postgresql.connected", pooler.connect)
    with pytest.raises(StoreError, match="gives each transaction another session"):
        await backends.PostgreSQL(database_url("postgresql://host/models")).look(create=True)


async def test_a_run_whose_lock_went_to_another_session_writes_nothing_more(
    new_postgresql: Callable[[], str],
) -> None:
    async with CatalogStore.open(new_postgresql()) as store:
        database = database_of(store)
        async with database.lock(["private"]):
            (lock,) = database._locks
            assert isinstance(lock, Session)
            lock.number += 1
            for _ in range(2):
                with pytest.raises(StoreError, match=r"was lost \(a pooler answered"):
                    async with database.writing():
                        pytest.fail("it writes")


def in_schema(url: str, name: str) -> str:
    return f"{url}?options=-csearch_path%3D{name}"


class TestTwoSchemas:
    @pytest.fixture
    def urls(self, new_postgresql: Callable[[], str], postgresql: PostgreSQL) -> list[str]:
        url = new_postgresql()
        for name in ("one", "other"):
            postgresql.query(f"CREATE SCHEMA {name}", name_in(url))
        return [in_schema(url, "one"), in_schema(url, "other"), url]

    async def test_of_a_database_have_stores_of_their_own_that_are_copied_at_once(
        self, scenario: AsyncScenario, urls: list[str]
    ) -> None:
        for held in urls:
            async with CatalogStore.open(held) as holder, database_of(holder).lock(["private"]):
                for url in urls:
                    async with CatalogStore.open(url) as store:
                        if url == held:
                            with pytest.raises(StoreBusyError):
                                await sync(scenario, store)
                        else:
                            await sync(scenario, store)

        contents = [await contents_of(url) for url in urls]
        assert len({frozenset(one.models) for one in contents}) == 1

    async def test_do_not_keep_a_store_from_being_claimed(
        self, scenario: AsyncScenario, urls: list[str]
    ) -> None:
        others = scenario.with_options(project_id="proj_other")
        one, other, _ = urls
        async with CatalogStore.open(one) as store, CatalogStore.open(other) as busy:
            async with database_of(store).lock(["private"]):
                await claim(database_of(store), identity_of(scenario))
            async with database_of(busy).lock(["private"]), database_of(store).lock(["public"]):
                await claim(database_of(store), identity_of(others))

    async def test_of_which_both_are_searched_have_one_store_and_one_lock(
        self, scenario: AsyncScenario, urls: list[str]
    ) -> None:
        searched = in_schema(urls[2], "missing,one")
        async with CatalogStore.open(urls[0]), CatalogStore.open(searched) as store:
            async with CatalogStore.open(urls[0]) as holder, database_of(holder).lock(["private"]):
                with pytest.raises(StoreBusyError):
                    await sync(scenario, store)


@pytest.mark.parametrize("level", ["serializable", "repeatable read"])
async def test_two_runs_at_once_finish_whatever_isolation_the_server_has_by_default(
    level: str, scenario: AsyncScenario, new_postgresql: Callable[[], str], postgresql: PostgreSQL
) -> None:
    url = new_postgresql()
    default = f"ALTER DATABASE {name_in(url)} SET default_transaction_isolation = '{level}'"
    await anyio.to_thread.run_sync(postgresql.query, default)
    async with CatalogStore.open(url) as store, CatalogStore.open(url) as other:
        async with anyio.create_task_group() as at_once:
            for one, scope in ((store, "private"), (other, "public")):
                at_once.start_soon(partial(sync, scenario, one, scopes=[scope]))
        async with database_of(store).transaction() as connection:
            shown: Any = await connection.exec_driver_sql("SHOW transaction_isolation")
            assert shown.scalar() == "read committed"
        assert {run.status for run in await store.runs()} == {"finished"}


@pytest.fixture
def new_encoded(postgresql: PostgreSQL) -> Generator[Callable[[str], str]]:
    """Makes a database with an encoding, and gives its name."""
    made: list[str] = []

    def make(encoding: str) -> str:
        made.append(f"encoded_{encoding.lower()}")
        postgresql.query(
            f"CREATE DATABASE {made[-1]} ENCODING '{encoding}' TEMPLATE template0 LOCALE 'C'"
        )
        return made[-1]

    yield make
    for name in made:
        postgresql.drop(name)


async def test_a_database_that_cannot_keep_every_text_is_refused_before_anything_is_made(
    postgresql: PostgreSQL, new_encoded: Callable[[str], str]
) -> None:
    name = new_encoded("LATIN1")
    with pytest.raises(StoreError, match=r"is LATIN1, .* ENCODING 'UTF8'"):
        async with CatalogStore.open(postgresql.url(name)):
            pytest.fail("it is opened")
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    assert postgresql.query(tables, name) == ["0"]


async def test_a_database_that_keeps_bytes_as_they_come_keeps_every_text(
    postgresql: PostgreSQL, new_encoded: Callable[[str], str]
) -> None:
    name = "\N{GRINNING FACE} \N{LATIN SMALL LETTER SHARP S} \N{CJK UNIFIED IDEOGRAPH-6F22}"
    catalogue = Catalogue()
    catalogue.add(name=name, tags=[name])
    async with copying(catalogue, postgresql.url(new_encoded("SQL_ASCII"))) as copy:
        for full in (None, True):
            await sync(copy.scenario, copy.store, full=full)
        (model,) = [one async for one in copy.store.models(tags=[name])]
    assert (model.name, model.tags) == (name, [name])


async def test_a_store_of_an_earlier_release_in_such_a_database_can_still_be_read(
    postgresql: PostgreSQL,
    new_encoded: Callable[[str], str],
    scenario: AsyncScenario,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = postgresql.url(new_encoded("LATIN1"))
    with monkeypatch.context() as earlier:
        earlier.setattr("scenario_async.sync._backends.postgresql._ANY_TEXT", ("LATIN1",))
        async with CatalogStore.open(url):
            pass
    async with CatalogStore.open(url) as store:
        assert (await store.counts()).models == 0
        with pytest.raises(StoreError, match="is LATIN1"):
            await sync(scenario, store)
