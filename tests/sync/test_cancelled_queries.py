"""Cancelled at whatever a database is doing: every connection is closed in the end."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
from contextlib import closing
from importlib import import_module
from typing import TYPE_CHECKING, Any

import aiosqlite
import anyio
import pytest
from support.client import until_answered

from scenario_async.sandbox import Catalogue
from scenario_async.sync import CatalogStore, sync
from scenario_async.sync._tables import metadata

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scenario_async import AsyncScenario

asyncpg: Any = import_module("asyncpg")  # it has no types

pytestmark = [pytest.mark.anyio, pytest.mark.one_loop]
ENOUGH = 2000  # operations; a run of a few models takes a tenth of that
TRIES = 16  # operations; to look for a lock takes a third of that
STEP = 7  # no multiple of the operations that make up one query: each kind has its turn


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue.seeded(private=3, public=0, odd=False)


class Operations:
    """Counts what a driver does, and cancels in the middle of one operation."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *watched: tuple[Any, str]) -> None:
        self.count = 0
        self._cancel_at = 0
        self._cancel: Callable[[], object] | None = None
        for owner, name in watched:
            monkeypatch.setattr(owner, name, self._watched(getattr(owner, name)))

    def begin(self, cancel: Callable[[], object], at: int) -> None:
        self.count = 0
        self._cancel, self._cancel_at = cancel, at

    def _watched(self, operation: Callable[..., Any]) -> Callable[..., Any]:
        async def operate(*arguments: Any, **options: Any) -> Any:
            self.count += 1
            if self.count == self._cancel_at and self._cancel is not None:
                # Not yet: when the operation is under way.
                asyncio.get_running_loop().call_soon(self._cancel)
            return await operation(*arguments, **options)

        return operate


class FileOperations(Operations):
    """Those in the threads of aiosqlite, and the connections that they make."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        connection = aiosqlite.Connection
        super().__init__(monkeypatch, (connection, "_connect"), (connection, "_execute"))
        self._connections: list[sqlite3.Connection] = []
        connect = sqlite3.connect

        def remember(*arguments: Any, **options: Any) -> sqlite3.Connection:
            connection: sqlite3.Connection = connect(*arguments, **options)
            self._connections.append(connection)
            return connection

        monkeypatch.setattr(sqlite3, "connect", remember)

    def begin(self, cancel: Callable[[], object], at: int) -> None:
        super().begin(cancel, at)
        self._connections.clear()

    def left_open(self) -> int:
        return sum(not is_closed(connection) for connection in self._connections)


@pytest.fixture
def server_operations(monkeypatch: pytest.MonkeyPatch) -> Operations:
    """Those of asyncpg."""
    names = {
        asyncpg: ("connect",),
        asyncpg.Connection: ("close", "executemany", "fetchval", "prepare"),
        asyncpg.prepared_stmt.PreparedStatement: ("fetch",),
        asyncpg.transaction.Transaction: ("start", "commit", "rollback"),
    }
    return Operations(monkeypatch, *((owner, name) for owner in names for name in names[owner]))


def is_closed(connection: sqlite3.Connection) -> bool:
    try:
        connection.in_transaction  # noqa: B018 - it is asked of an open one only
        connection.total_changes  # noqa: B018
    except sqlite3.ProgrammingError:
        return True
    return False


@pytest.mark.parametrize("how", ["task", "scope"])
async def test_no_connection_is_left_open(
    how: str,
    scenario: AsyncScenario,
    new_sqlite: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    operations = FileOperations(monkeypatch)
    scope = anyio.CancelScope()

    async def work() -> None:
        with scope:
            async with CatalogStore.open(url) as store:
                await sync(scenario, store)
                assert (await store.counts()).models == 3
                assert len([model async for model in store.models()]) == 3
                assert (await store.to_arrow(["id"], order_by="name")).num_rows == 3
                assert len(await store.runs()) == 1

    for at in range(1, ENOUGH, STEP):
        url, scope = new_sqlite(), anyio.CancelScope()
        task = asyncio.ensure_future(work())
        operations.begin(task.cancel if how == "task" else scope.cancel, at)
        _, unfinished = await asyncio.wait([task], timeout=30)

        assert not unfinished, f"cancelled at operation {at}, it does not end"
        assert operations.left_open() == 0, f"cancelled at operation {at}"
        if operations.count < at:
            task.result()
            return
        # Not always caught by the scope: the last operation ends under a shield, as does the work.
        assert task.cancelled() if how == "task" else scope.cancel_called
    raise AssertionError("the work takes more operations than expected")


@pytest.mark.parametrize("how", ["task", "scope"])
async def test_a_run_that_waits_for_another_is_cancelled_without_a_word(
    how: str,
    scenario: AsyncScenario,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    operations = FileOperations(monkeypatch)
    monkeypatch.setattr("scenario_async.sync._backends.database._LOOK_AGAIN", 0)
    path = tmp_path / "models.db"

    async def wait() -> None:
        with scope:
            await sync(scenario, store, wait=True)

    with closing(sqlite3.connect(f"{path}-lock")) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        async with CatalogStore.open(path) as store:
            for at in range(1, TRIES):
                scope = anyio.CancelScope()
                task = asyncio.ensure_future(wait())
                operations.begin(task.cancel if how == "task" else scope.cancel, at)
                _, unfinished = await asyncio.wait([task], timeout=30)

                assert not unfinished, f"cancelled at operation {at}, it does not end"
                assert task.cancelled() if how == "task" else scope.cancelled_caught
                assert operations.left_open() == 0, f"cancelled at operation {at}"

    assert not caplog.records


async def sessions(url: str) -> int:
    """How many others are connected to a database; the next one finds it empty."""
    connection = await asyncpg.connect(url)
    others = "datname = current_database() AND pid != pg_backend_pid()"
    count: int = await connection.fetchval(f"SELECT count(*) FROM pg_stat_activity WHERE {others}")  # noqa: S608 - ours
    await connection.execute(f"DROP TABLE IF EXISTS {', '.join(metadata.tables)}")
    await connection.close()
    return count


@pytest.mark.parametrize("how", ["task", "scope"])
async def test_no_session_is_left_and_nothing_is_logged(
    how: str,
    scenario: AsyncScenario,
    new_postgresql: Callable[[], str],
    server_operations: Operations,
    caplog: pytest.LogCaptureFixture,
) -> None:
    url, scope, done = new_postgresql(), anyio.CancelScope(), False

    async def work() -> None:
        nonlocal done
        with scope:
            async with CatalogStore.open(url) as store:
                await sync(scenario, store)
                assert (await store.counts()).models == 3
                assert len([model async for model in store.models()]) == 3
                assert (await store.to_arrow(["id"], order_by="name")).num_rows == 3
                done = True

    for at in range(1, ENOUGH, 2 * STEP):
        scope, done = anyio.CancelScope(), False
        task = asyncio.ensure_future(work())
        server_operations.begin(task.cancel if how == "task" else scope.cancel, at)
        _, unfinished = await asyncio.wait([task], timeout=60)

        assert not unfinished, f"cancelled at operation {at}, it does not end"
        # The server ends a session a moment after its connection.
        await until_answered(0, lambda: sessions(url))
        assert not caplog.records, f"cancelled at operation {at}"
        if server_operations.count < at:
            task.result()
            gc.collect()  # an error that nobody asks for is logged when it goes
            assert not caplog.records
            return
        assert done or (task.cancelled() if how == "task" else scope.cancelled_caught)
    raise AssertionError("the work takes more operations than expected")
