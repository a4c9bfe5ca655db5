"""A store that an earlier version has written is brought up to date, and its next run goes on."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from support.catalogue_copies import copying
from support.written_stores import STORES, catalogue

from scenario_async.sync import (
    Added,
    CatalogStore,
    FleetStore,
    Removed,
    StoreBusyError,
    StoreError,
    StoreVersionError,
    sync,
    watch,
)
from scenario_async.sync._backends import schema
from scenario_async.sync._store.catalog_store import database_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.ext.asyncio import AsyncConnection

    from scenario_async.sync._migrations import Migration

pytestmark = [pytest.mark.anyio, pytest.mark.one_loop]


@pytest.fixture
def written(request: pytest.FixtureRequest, new_store: Callable[[], str]) -> Callable[[int], str]:
    """Makes the store that a version has written, in both kinds of databases in turn."""

    def make(version: int = 1) -> str:
        url = new_store()
        kind, _, where = url.partition(":///" if url.startswith("sqlite") else "://")
        sql = (STORES / f"version_{version}.{kind}.sql").read_text()
        if kind == "sqlite":
            with closing(sqlite3.connect(where)) as database:
                database.executescript(sql)
        else:
            request.getfixturevalue("postgresql").query(sql, where.rpartition("/")[2])
        return url

    return make


@pytest.fixture
def next_version(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets this release have these migrations."""

    def have(*steps: Migration) -> None:
        monkeypatch.setattr(schema, "MIGRATIONS", steps)

    return have


async def add_colour(connection: AsyncConnection) -> None:
    await connection.execute(text("ALTER TABLE models ADD COLUMN colour TEXT"))
    await connection.execute(text("UPDATE models SET colour = 'red'"))


async def repaint(connection: AsyncConnection) -> None:
    await connection.execute(text("UPDATE models SET colour = 'blue'"))


async def fail(connection: AsyncConnection) -> None:
    await connection.execute(text("ALTER TABLE nothing ADD COLUMN colour TEXT"))


async def colours(store: CatalogStore) -> tuple[int, set[str]]:
    """The version of the tables, and what the column of the step has."""
    async with database_of(store).transaction() as connection:
        version = await connection.scalar(text("SELECT version FROM state WHERE key = 'schema'"))
        return version, set(await connection.scalars(text("SELECT colour FROM models")))


@pytest.mark.parametrize("version", range(1, schema.schema_version() + 1))
async def test_a_store_of_each_version_goes_on(written: Callable[[int], str], version: int) -> None:
    ours = catalogue()
    unfit, gone, *_ = ours.ids("private")
    ours.delete(gone)
    ours.add()
    async with copying(ours, written(version)) as copy:
        assert [run.status for run in await copy.store.runs()] == ["failed", "finished", "finished"]
        report = await sync(copy.scenario, copy.store, scopes=["private", "public"])
        private, public = report.scopes
        assert (private.new, private.changed, private.deleted) == (1, 0, 0)
        # The walk that was broken off had written two of five.
        assert (public.mode, public.new, public.changed) == ("resumed", 3, 0)
        assert await copy.alive() == {*ours.ids("private"), *ours.ids("public")} - {unfit}
        assert await copy.deleted() == {gone}
        changes = watch(copy.scenario, copy.store, every=60)
        noted = [type(await anext(changes)) for _ in range(8)]
        await changes.aclose()
        assert noted == [Added] * 4 + [Removed] + [Added] * 3


async def test_each_step_is_done_once(
    written: Callable[[], str], next_version: Callable[..., None]
) -> None:
    url = written()
    for steps, colour in [((add_colour,), "red"), ((add_colour, repaint), "blue")]:
        next_version(*steps)
        for _ in range(2):
            async with CatalogStore.open(url) as store:
                assert await colours(store) == (1 + len(steps), {colour})
                assert (await store.counts()).models == 5


async def test_the_steps_of_tables_with_accounts_are_counted_by_themselves(
    new_postgresql: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_postgresql()
    async with FleetStore.open(url, partitions=1):
        pass
    with monkeypatch.context() as later:
        later.setattr(schema, "MIGRATIONS_WITH_ACCOUNTS", (add_colour,))
        for _ in range(2):
            async with FleetStore.open(url) as fleet:
                assert (await fleet.account("one").counts()).models == 0
    with pytest.raises(StoreVersionError, match=r"of version 2, .* knows them up to version 1"):
        async with FleetStore.open(url):
            pytest.fail("it opens")


async def test_a_new_store_needs_no_step(
    new_store: Callable[[], str], next_version: Callable[..., None]
) -> None:
    url = new_store()
    next_version(fail)
    for _ in range(2):
        async with CatalogStore.open(url) as store:
            assert (await store.counts()).models == 0


async def test_a_step_that_fails_leaves_the_store_as_it_was(
    written: Callable[[], str], next_version: Callable[..., None]
) -> None:
    url = written()
    next_version(add_colour, fail)
    with pytest.raises(StoreError, match="nothing"):
        async with CatalogStore.open(url):
            pytest.fail("it opens")
    # What was done before it would fail here.
    next_version(add_colour)
    async with CatalogStore.open(url) as store:
        assert await colours(store) == (2, {"red"})


async def test_a_reader_of_an_earlier_version_is_told_what_to_run(
    written: Callable[[], str], next_version: Callable[..., None]
) -> None:
    url = written()
    next_version(fail)
    with pytest.raises(StoreVersionError, match=r"version 1.*reads version 2: a sync brings them"):
        async with CatalogStore.open(url, create=False):
            pytest.fail("it opens")


async def test_nothing_is_changed_under_a_run(
    written: Callable[[], str], next_version: Callable[..., None]
) -> None:
    url = written()
    async with CatalogStore.open(url) as store, database_of(store).lock(["private"]):
        next_version(add_colour)
        with pytest.raises(StoreBusyError, match="another run is at work"):
            async with CatalogStore.open(url):
                pytest.fail("it opens")


async def test_a_run_that_comes_after_a_later_release_begins_nothing(
    written: Callable[[], str], next_version: Callable[..., None]
) -> None:
    url = written()
    async with CatalogStore.open(url) as store:
        next_version(add_colour)
        async with CatalogStore.open(url):
            pass
        next_version()
        with pytest.raises(StoreVersionError, match=r"of version 2, .* up to version 1: update it"):
            async with database_of(store).lock(["private"]):
                pytest.fail("it begins")
        next_version(add_colour)
        async with database_of(store).lock(["private"]):
            assert await colours(store) == (2, {"red"})
