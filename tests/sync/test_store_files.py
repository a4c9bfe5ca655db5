"""The file of a store in SQLite: gone, replaced, linked, read-only, or somebody else's."""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import stat
import sys
import threading
from contextlib import aclosing, closing
from typing import TYPE_CHECKING, Any

import aiosqlite
import anyio
import anyio.to_thread
import pytest

from scenario_async import AuthenticationError
from scenario_async.sandbox import Catalogue
from scenario_async.sync import CatalogStore, ScopeReport, StoreBusyError, StoreError, sync, watch
from scenario_async.sync._backends.sqlite_engine import sqlite_engine
from scenario_async.sync._backends.store_file import StoreFile

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from support.client import Connect

    from scenario_async import AsyncScenario

pytestmark = [
    pytest.mark.one_loop,
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform == "win32", reason="files as POSIX has them"),
]


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue.seeded(private=300, public=0, odd=False)


async def made(path: Path) -> None:
    """Make a store without models."""
    async with CatalogStore.open(path):
        pass


def bytes_of(path: Path) -> bytes:
    return path.read_bytes()


def names_in(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def journal_mode(path: Path) -> str:
    with closing(sqlite3.connect(path)) as database:
        mode: str = database.execute("PRAGMA journal_mode").fetchone()[0]
    return mode


def forbid_writing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rights mean nothing to root, so what they forbid is told in another way."""

    def why_only_read(_file: StoreFile, _folder: Path) -> str:
        return "the file is read-only"

    monkeypatch.setattr(StoreFile, "_why_only_read", why_only_read)


class TestAFileThatGoesAway:
    @pytest.mark.parametrize("how", ["removed", "replaced"])
    async def test_in_a_run_is_an_error(
        self, how: str, scenario: AsyncScenario, tmp_path: Path
    ) -> None:
        path = tmp_path / "models.db"
        other = tmp_path / "other.db"
        await made(other)

        def take_away(report: ScopeReport) -> None:
            if report.pages and path.exists():
                if how == "removed":
                    path.unlink()
                else:
                    other.replace(path)

        async with CatalogStore.open(path) as store:
            with pytest.raises(StoreError, match=r"removed or replaced while it was open"):
                await sync(scenario, store, on_progress=take_away)

        assert path.exists() == (how == "replaced")

    async def test_between_two_runs_is_an_error_and_no_file_is_made(
        self, scenario: AsyncScenario, tmp_path: Path
    ) -> None:
        path = tmp_path / "models.db"
        async with CatalogStore.open(path) as store:
            await sync(scenario, store)
            path.unlink()
            for work in (sync(scenario, store), store.counts(), store.runs()):
                with pytest.raises(StoreError, match=r"removed or replaced while it was open"):
                    await work

        assert not path.exists()


async def test_a_link_leads_to_the_lock_of_the_file(
    scenario: AsyncScenario, tmp_path: Path
) -> None:
    path, link = tmp_path / "models.db", tmp_path / "folder" / "link.db"
    link.parent.mkdir()
    link.symlink_to(path)
    await made(path)
    with closing(sqlite3.connect(f"{path}-lock")) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        async with CatalogStore.open(link) as store:
            with pytest.raises(StoreBusyError, match=r"link\.db: another run is at work"):
                await sync(scenario, store)

    assert names_in(link.parent) == ["link.db"]


class TestADatabaseOfSomebodyElse:
    @pytest.mark.parametrize(
        ("table", "create"),
        [("theirs", False), ("models", False), ("models", True), ("state", True)],
    )
    async def test_that_is_refused_stays_the_same_to_the_byte(
        self, table: str, tmp_path: Path, *, create: bool
    ) -> None:
        path = tmp_path / "other.db"
        with closing(sqlite3.connect(path)) as database:
            database.execute(f"CREATE TABLE {table} (id INTEGER)")
        before = path.read_bytes()

        with pytest.raises(StoreError):
            async with CatalogStore.open(path, create=create):
                pass

        assert path.read_bytes() == before
        assert names_in(tmp_path) == ["other.db"]

    async def test_that_is_empty_stays_empty(self, tmp_path: Path) -> None:
        path = tmp_path / "empty.db"
        path.touch()
        with pytest.raises(StoreError, match="this database has no store"):
            async with CatalogStore.open(path, create=False):
                pass
        assert path.read_bytes() == b""


async def test_a_store_lets_readers_go_on_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "models.db"
    await made(path)
    assert journal_mode(path) == "wal"
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA page_size").fetchone() == (16384,)
        # As a kill leaves it between the making and this.
        database.execute("PRAGMA journal_mode=DELETE")

    await made(path)
    assert journal_mode(path) == "wal"


async def test_a_store_that_is_read_at_that_moment_is_opened_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_engine, "__kwdefaults__", {"timeout": 0.01})
    path = tmp_path / "models.db"
    await made(path)
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=DELETE")
        database.execute("BEGIN")
        database.execute("SELECT count(*) FROM models").fetchone()
        await made(path)
    assert journal_mode(path) == "delete"


class TestAFileThatIsOnlyRead:
    @pytest.fixture
    def only_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        forbid_writing(monkeypatch)

    @pytest.fixture
    async def path(self, tmp_path: Path, scenario: AsyncScenario) -> Path:
        # What means something else in a URI is in the name.
        path = tmp_path / "50% #1?.db"
        async with CatalogStore.open(path) as store:
            await sync(scenario, store)
        return path

    @pytest.mark.usefixtures("only_read")
    async def test_can_be_asked_and_nothing_is_left_beside_it(self, path: Path) -> None:
        before = names_in(path.parent), bytes_of(path)
        async with CatalogStore.open(path) as store:
            assert (await store.counts()).models == 300
            assert len([model async for model in store.models()]) == 300
        assert (names_in(path.parent), bytes_of(path)) == before

    @pytest.mark.usefixtures("only_read")
    async def test_is_not_written(self, path: Path, scenario: AsyncScenario) -> None:
        async with CatalogStore.open(path) as store:
            with pytest.raises(StoreError, match=r"\.db: the file is read-only$"):
                await sync(scenario, store)
            assert len(await store.runs()) == 1

    @pytest.mark.usefixtures("only_read")
    async def test_that_has_no_store_gets_none(self, tmp_path: Path) -> None:
        path = tmp_path / "empty.db"
        path.touch()
        with pytest.raises(StoreError, match="the file is read-only"):
            await made(path)
        assert path.read_bytes() == b""

    async def test_shows_what_its_writer_has_still_in_the_log(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with CatalogStore.open(path) as writer:
            await writer.counts()
            with closing(sqlite3.connect(path)) as database, database:
                database.execute("DELETE FROM models WHERE id = (SELECT min(id) FROM models)")
                forbid_writing(monkeypatch)
                async with CatalogStore.open(path) as store:
                    before = (await store.counts()).models
            async with CatalogStore.open(path) as store:
                after = (await store.counts()).models
        assert (before, after) == (300, 299)

    async def test_and_is_written_meanwhile_is_an_error(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patched:
            forbid_writing(patched)
            store = CatalogStore.open(path)
            await store.__aenter__()
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("DELETE FROM models")
        with pytest.raises(StoreError, match="the file was changed while it was read; try again"):
            await store.counts()
        await store.__aexit__(None, None, None)


async def test_a_run_whose_lock_fails_says_nothing_of_what_is_kept(
    scenario: AsyncScenario, tmp_path: Path
) -> None:
    path = tmp_path / "models.db"
    (tmp_path / "models.db-lock").mkdir()
    async with CatalogStore.open(path) as store:
        with pytest.raises(StoreError, match=r"unable to open database file$"):
            await sync(scenario, store)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class TestOthersOnTheMachine:
    @pytest.fixture(autouse=True)
    def lenient(self) -> Generator[None]:
        """As most machines are set up."""
        before = os.umask(0o022)
        yield
        os.umask(before)

    async def test_cannot_read_a_new_store_nor_what_is_beside_it(
        self, scenario: AsyncScenario, tmp_path: Path
    ) -> None:
        path, link = tmp_path / "models.db", tmp_path / "link.db"
        link.symlink_to(path)
        modes: dict[str, int] = {}

        def look(_: ScopeReport) -> None:
            modes.update({one.name: mode(one) for one in tmp_path.iterdir() if one != link})

        async with CatalogStore.open(link) as store:
            await sync(scenario, store, on_progress=look)
        names = {f"models.db{more}" for more in ("", "-lock", "-lock-journal", "-shm", "-wal")}
        # Two of them go with the last connection, which older versions of SQLAlchemy do not keep.
        assert names - {"models.db-shm", "models.db-wal"} <= modes.keys() <= names
        assert set(modes.values()) == {0o600}

    async def test_share_a_store_whose_mode_lets_them(
        self, scenario: AsyncScenario, tmp_path: Path
    ) -> None:
        path = tmp_path / "models.db"
        await made(path)
        path.chmod(0o664)
        os.umask(0o002)
        async with CatalogStore.open(path) as store:
            await sync(scenario, store)
        assert [mode(path), mode(tmp_path / "models.db-lock")] == [0o664, 0o664]


@pytest.mark.parametrize(
    ("name", "said"),
    [("folder", "a folder"), ("folder/", "a folder"), ("new/", "a folder"), ("pipe", "a device")],
)
async def test_what_is_no_file_is_refused_and_stays(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    before = names_in(tmp_path)
    for create in (True, False):
        with pytest.raises(StoreError, match=f"this is {said}"):
            await CatalogStore.open(f"{tmp_path}/{name}", create=create).__aenter__()
    assert names_in(tmp_path) == before


async def test_a_device_is_refused() -> None:
    with pytest.raises(StoreError, match="/dev/null: this is a device or a pipe"):
        await CatalogStore.open("/dev/null").__aenter__()


class TestARunThatStoresNothing:
    async def test_leaves_no_new_file(self, connect: Connect, tmp_path: Path) -> None:
        async with connect(api_key="key", api_secret="wrong") as stranger:
            async with CatalogStore.open(tmp_path / "models.db") as store:
                with pytest.raises(AuthenticationError):
                    await sync(stranger, store)
                assert [run.status for run in await store.runs()] == ["failed"]
        assert names_in(tmp_path) == []

    async def test_leaves_a_file_that_was_there(self, connect: Connect, tmp_path: Path) -> None:
        path = tmp_path / "models.db"
        await made(path)
        async with connect(api_key="key", api_secret="wrong") as stranger:
            async with CatalogStore.open(path) as store:
                with pytest.raises(AuthenticationError):
                    await sync(stranger, store)
        async with CatalogStore.open(path, create=False) as store:
            assert len(await store.runs()) == 1

    async def test_leaves_what_another_run_is_at_work_on(
        self, connect: Connect, tmp_path: Path
    ) -> None:
        path = tmp_path / "models.db"
        async with connect(api_key="key", api_secret="wrong") as stranger:
            with closing(sqlite3.connect(f"{path}-lock")) as lock:
                async with CatalogStore.open(path) as store:
                    with pytest.raises(AuthenticationError):
                        await sync(stranger, store)
                    lock.execute("BEGIN EXCLUSIVE")
        await made(path)
        assert "models.db" in names_in(tmp_path)

    async def test_of_an_empty_service_leaves_its_store(
        self, connect: Connect, catalogue: Catalogue, tmp_path: Path
    ) -> None:
        for model_id in tuple(catalogue.ids()):
            catalogue.delete(model_id)
        async with connect() as scenario, CatalogStore.open(tmp_path / "models.db") as store:
            assert (await sync(scenario, store)).new == 0
        async with CatalogStore.open(tmp_path / "models.db", create=False) as store:
            assert len(await store.runs()) == 1


async def test_a_store_that_cannot_be_made_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("scenario_async.sync._backends.connections.make_tables", fail)
    with pytest.raises(StoreError, match="no space left"):
        await made(tmp_path / "models.db")
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("name", ["models.db", ":memory:"])
async def test_an_old_sqlite_is_refused_at_once(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 30, 1))
    monkeypatch.setattr(sqlite3, "sqlite_version", "3.30.1")
    with pytest.raises(StoreError, match=r"has SQLite 3\.30\.1, and .* needs 3\.31\.0 or later"):
        await CatalogStore.open(name).__aenter__()
    assert names_in(tmp_path) == []


async def test_sqlite_is_asked_for_nothing_that_the_oldest_one_does_not_know(
    scenario: AsyncScenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The words are those of https://www.sqlite.org/changes.html since 3.32."""
    asked: list[str] = []
    execute = aiosqlite.Cursor.execute
    executemany = aiosqlite.Cursor.executemany

    async def one(self: aiosqlite.Cursor, sql: str, *given: Any) -> Any:
        asked.append(sql)
        return await execute(self, sql, *given)

    async def many(self: aiosqlite.Cursor, sql: str, *given: Any) -> Any:
        asked.append(sql)
        return await executemany(self, sql, *given)

    monkeypatch.setattr(aiosqlite.Cursor, "execute", one)
    monkeypatch.setattr(aiosqlite.Cursor, "executemany", many)
    async with CatalogStore.open(tmp_path / "models.db") as store:
        async with aclosing(watch(scenario, store, every=60)) as changes:
            await anext(changes)
        for full in (True, False):
            await sync(scenario, store, full=full, details=full)
        await store.counts()
        await store.runs()
        found = store.models(tags=["a"], capabilities=["b"], collection="c", scope="private")
        assert [model async for model in found] == []
    newer = r"\b(RETURNING|MATERIALIZED|STRICT|UPDATE .* FROM|iif|jsonb|DROP COLUMN|DISTINCT)\b|->"
    assert len(asked) > 50
    assert [sql for sql in asked if re.search(newer, sql)] == []


class StopsWhenWaitedFor(logging.Handler):
    """Keeps a thread of the driver from stopping until somebody waits for it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.waited_for = threading.Event()
        join = threading.Thread.join

        def joined(thread: threading.Thread, timeout: float | None = None) -> None:
            self.waited_for.set()
            join(thread, timeout)

        monkeypatch.setattr(threading.Thread, "join", joined)

    def emit(self, record: logging.LogRecord) -> None:
        if "stop" in record.getMessage():
            self.waited_for.wait(30)


async def test_a_file_that_cannot_be_opened_leaves_no_thread_of_the_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "aiosqlite")
    stopping = StopsWhenWaitedFor(monkeypatch)
    monkeypatch.setattr(logging.getLogger("aiosqlite"), "handlers", [stopping])
    (tmp_path / "models.db").mkdir()

    def not_seen(_: StoreFile, *, create: bool) -> None:
        assert create

    monkeypatch.setattr(StoreFile, "look", not_seen)  # as if it came afterwards
    # anyio keeps a thread of its own for later.
    await anyio.to_thread.run_sync(bool)
    before = set(threading.enumerate())
    try:
        with pytest.raises(StoreError, match="unable to open database file"):
            await CatalogStore.open(tmp_path / "models.db").__aenter__()
        assert set(threading.enumerate()) <= before
    finally:
        stopping.waited_for.set()


async def test_a_failure_outside_of_a_run_says_nothing_of_what_is_kept(
    scenario: AsyncScenario, new_sqlite: Callable[[], str]
) -> None:
    url = new_sqlite()
    async with CatalogStore.open(url) as store:
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
            database.execute("DROP TABLE memberships")
        with pytest.raises(StoreError, match=r"no such table: memberships$"):
            await store.counts()
        with pytest.raises(StoreError, match=r"memberships; what was committed before is whole"):
            await sync(scenario, store)


async def test_a_program_may_go_to_another_folder(
    scenario: AsyncScenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    async with CatalogStore.open("models.db") as store:
        monkeypatch.chdir(tmp_path / "elsewhere")
        with anyio.fail_after(60):
            await sync(scenario, store)
    assert names_in(tmp_path / "elsewhere") == []
