"""Databases that fail: a clear error, a whole store, and a next run that finishes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import traceback
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import pytest
from sqlalchemy import inspect, text
from sqlalchemy.ext.asyncio import create_async_engine
from support.store_contents import Contents, assert_same, assert_whole, contents_of, read
from support.sync_child import Job
from support.sync_process import SyncProcess, copy

from scenario_async.sandbox import Catalogue, Sandbox
from scenario_async.sync import CatalogStore, ScopeReport, StoreError, StoreVersionError, sync
from scenario_async.sync._backends.urls import database_url

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncConnection
    from support.client import Connect
    from support.postgresql import PostgreSQL

pytestmark = [
    pytest.mark.one_loop,
    pytest.mark.once,
    pytest.mark.skipif(sys.platform == "win32", reason="limits and rights as POSIX has them"),
]

SCOPES = ["private", "public"]
PASSWORD = "invented-password-4711"


@pytest.fixture(scope="module")
def sandbox() -> Generator[Sandbox]:
    catalogue = Catalogue.seeded(public=200, private=1100, collections=2, odd=False)
    with Sandbox(catalogue).in_thread() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def small_rights() -> list[str]:
    """What to put before a command so that permissions count for it."""
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("permissions mean nothing to root, and there is no setpriv to change that")
    return [setpriv, "--bounding-set=-dac_override,-dac_read_search"]


@pytest.fixture(scope="module")
def undisturbed(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Contents:
    """What a store has in the end, whatever went wrong before."""
    url = f"sqlite:///{tmp_path_factory.mktemp('undisturbed') / 'models.db'}"
    copy(sandbox, Job(url=url, scopes=SCOPES))
    return read(url)


def file_of(url: str) -> str:
    return url.removeprefix("sqlite:///")


def assert_says_nothing_secret(said: str) -> None:
    for secret in (PASSWORD, "Signature=", '"createdAt"', '"thumbnail"'):
        assert secret not in said


def assert_finishes(sandbox: Sandbox, url: str, undisturbed: Contents) -> None:
    """What failed has left a whole store, which the next run finishes."""
    assert_whole(read(url), SCOPES, sandbox.catalogue)
    copy(sandbox, Job(url=url, scopes=SCOPES))
    assert_same(read(url), undisturbed)


def test_a_full_disk_is_an_error_and_the_next_run_finishes(
    sandbox: Sandbox, new_sqlite: Callable[[], str], undisturbed: Contents
) -> None:
    url = new_sqlite()
    # As much as three pages take, or so: with their log they are there twice.
    job = Job(url=url, scopes=SCOPES, file_limit=4_000_000)
    with SyncProcess(sandbox, job) as process:
        failure, said = process.fail()

    assert failure.startswith(f"StoreError {file_of(url)}: ")
    assert "committed before is whole" in failure
    assert_says_nothing_secret(failure + said)
    assert process.pages
    assert_finishes(sandbox, url, undisturbed)


def test_a_disk_that_was_full_from_the_start_is_an_error(
    sandbox: Sandbox, new_sqlite: Callable[[], str]
) -> None:
    url = new_sqlite()
    with SyncProcess(sandbox, Job(url=url, scopes=SCOPES, file_limit=10_000)) as process:
        failure, said = process.fail()

    assert failure.startswith(f"StoreError {file_of(url)}: ")
    assert_says_nothing_secret(failure + said)
    copy(sandbox, Job(url=url, scopes=SCOPES))


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("file", "the file is read-only"),
        ("folder", "its folder is read-only, and SQLite keeps a log beside the file"),
    ],
)
def test_what_may_only_be_read_is_an_error_and_stays_as_it_is(
    what: str, sentence: str, sandbox: Sandbox, tmp_path: Path, small_rights: list[str]
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    url = f"sqlite:///{folder / 'models.db'}"
    copy(sandbox, Job(url=url, scopes=["public"]))
    before = read(url)
    names = {path.name for path in folder.iterdir()}
    path = folder if what == "folder" else folder / "models.db"
    mode = path.stat().st_mode
    path.chmod(mode & 0o555)
    try:
        with SyncProcess(sandbox, Job(url=url, scopes=SCOPES), wrapper=small_rights) as process:
            failure, said = process.fail()
        status = subprocess.run(  # noqa: S603 - our own command
            [*small_rights, sys.executable, "-m", "scenario_async.cli", "status", file_of(url)],
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        path.chmod(mode)

    assert failure == f"StoreError {file_of(url)}: {sentence}"
    assert_says_nothing_secret(failure + said)
    assert (status.returncode, status.stderr) == (0, "")
    assert "public" in status.stdout
    # Nothing is left that would be read-only for the next run.
    assert {path.name for path in folder.iterdir()} == names
    assert_same(read(url), before)
    copy(sandbox, Job(url=url, scopes=SCOPES))


@pytest.mark.anyio
@pytest.mark.parametrize("how", ["connections", "server"])
async def test_a_server_that_goes_away_is_an_error_and_the_next_run_finishes(
    how: str,
    sandbox: Sandbox,
    connect: Connect,
    postgresql: PostgreSQL,
    undisturbed: Contents,
) -> None:
    url = postgresql.url(postgresql.create(), password=PASSWORD)
    pages = 0

    def take_away(report: ScopeReport) -> None:
        nonlocal pages
        pages += report.pages > 0
        if pages != 2:
            return
        if how == "server":
            postgresql.stop("immediate")
        else:
            postgresql.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname != current_database()"
            )

    try:
        async with connect() as scenario, CatalogStore.open(url) as store:
            with pytest.raises(StoreError) as caught:
                await sync(scenario, store, scopes=SCOPES, on_progress=take_away)
    finally:
        if how == "server":
            postgresql.start()

    assert caught.value.report is not None
    assert caught.value.report.pages
    assert str(caught.value).startswith("postgresql://127.0.0.1:")
    assert str(caught.value).endswith("what was committed before is whole")
    assert_says_nothing_secret("".join(traceback.format_exception(caught.value)))
    assert_whole(await contents_of(url), SCOPES, sandbox.catalogue)
    async with connect() as scenario, CatalogStore.open(url) as store:
        await sync(scenario, store, scopes=SCOPES)
    assert_same(await contents_of(url), undisturbed)


@pytest.mark.anyio
async def test_a_server_that_cannot_be_reached_is_an_error(postgresql: PostgreSQL) -> None:
    for url in (
        postgresql.url("nowhere", password=PASSWORD),
        f"postgresql://postgres:{PASSWORD}@127.0.0.1:1/store",
    ):
        with pytest.raises(StoreError) as caught:
            async with CatalogStore.open(url):
                pass
        assert str(caught.value).startswith("postgresql://127.0.0.1:")
        assert_says_nothing_secret("".join(traceback.format_exception(caught.value)))


@pytest.mark.anyio
async def test_tables_of_a_newer_release_are_left_alone(new_store: Callable[[], str]) -> None:
    url = new_store()
    async with CatalogStore.open(url):
        await _execute(url, "UPDATE state SET version = 2 WHERE key = 'schema'")

    with pytest.raises(StoreVersionError, match=r"of version 2.*up to version 1: update it"):
        async with CatalogStore.open(url):
            pass


@pytest.mark.anyio
@pytest.mark.parametrize("table", ["models", "runs", "state"])
async def test_tables_of_another_program_are_left_alone(
    table: str, new_store: Callable[[], str]
) -> None:
    url = new_store()
    await _execute(url, f"CREATE TABLE {table} (id INTEGER, name TEXT)")
    await _execute(url, f"INSERT INTO {table} VALUES (1, 'theirs')")  # noqa: S608 - our names

    with pytest.raises(StoreVersionError, match=f"'{table}'.* not of this package"):
        async with CatalogStore.open(url):
            pass

    async with _connected(url) as connection:
        names = await connection.run_sync(lambda sync_one: inspect(sync_one).get_table_names())
        theirs = await connection.execute(text(f"SELECT * FROM {table}"))  # noqa: S608 - our names
        assert [tuple(row) for row in theirs] == [(1, "theirs")]
    assert names == [table]


@pytest.mark.anyio
async def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    words = b"Some notes that are no database. " * 100
    path.write_bytes(words)

    with pytest.raises(StoreError, match=r"notes\.txt: file is not a database"):
        async with CatalogStore.open(path):
            pass

    assert path.read_bytes() == words
    await no_thread_is_left()


@pytest.mark.anyio
async def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"models\.db: there is no folder"):
        async with CatalogStore.open(tmp_path / "nowhere" / "models.db"):
            pass

    await no_thread_is_left()


async def no_thread_is_left() -> None:
    """The driver has a thread for each connection, which must end before the loop does."""
    with anyio.fail_after(30):
        while any(  # noqa: ASYNC110 - a thread sets no event
            "_connection_worker" in thread.name for thread in threading.enumerate()
        ):
            await anyio.sleep(0.001)


@asynccontextmanager
async def _connected(url: str) -> AsyncGenerator[AsyncConnection]:
    """A transaction of another program."""
    engine = create_async_engine(database_url(url))
    async with engine.begin() as connection:
        yield connection
    await engine.dispose()


async def _execute(url: str, statement: str) -> None:
    async with _connected(url) as connection:
        await connection.execute(text(statement))
