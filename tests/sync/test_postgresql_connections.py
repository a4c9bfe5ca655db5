"""Connections to PostgreSQL: what a URL says of them, and how they end."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from sqlalchemy import text

from scenario_async.sync import CatalogStore, StoreError, sync
from scenario_async.sync._backends.locks import Session
from scenario_async.sync._state import ScopeState
from scenario_async.sync._store.catalog_store import database_of
from scenario_async.sync._store.identity import claim, identity_of
from scenario_async.sync._store.writer import ScopeWriter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.postgresql import PostgreSQL

    from scenario_async import AsyncScenario
    from scenario_async.sync import ScopeReport

pytestmark = [pytest.mark.anyio, pytest.mark.one_loop]
_LONG = 60  # seconds; what waits so long would wait for ever
PASSWORD = "s3cr3tpw"
KEEPALIVE = """
    SELECT current_setting(name) FROM pg_settings
    WHERE name LIKE 'tcp_keepalives%' OR name = 'tcp_user_timeout' ORDER BY name
"""
END_OF_LOCKS = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_locks
    WHERE locktype = 'advisory' AND database =
        (SELECT oid FROM pg_database WHERE datname = current_database())
"""


async def setting(store: CatalogStore, name: str) -> str | None:
    async with database_of(store).transaction() as connection:
        value: str | None = await connection.scalar(text(f"SHOW {name}"))
    return value


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
async def test_an_sslmode_that_lets_the_server_do_without_is_accepted(
    mode: str, new_postgresql: Callable[[], str]
) -> None:
    url = f"{new_postgresql()}?sslmode={mode}&channel_binding=prefer&connect_timeout=20"
    async with CatalogStore.open(url) as store:
        assert (await store.counts()).models == 0


async def test_an_sslmode_that_wants_encryption_gets_no_connection_without(
    new_postgresql: Callable[[], str],
) -> None:
    with pytest.raises(StoreError, match="rejected SSL upgrade"):
        async with CatalogStore.open(f"{new_postgresql()}?sslmode=require"):
            pass


async def test_certificates_are_looked_for_where_the_url_says(
    new_postgresql: Callable[[], str], tmp_path: Path
) -> None:
    url = f"{new_postgresql()}?sslmode=verify-full&sslrootcert={tmp_path / 'none.crt'}"
    with pytest.raises(StoreError, match="No such file"):
        async with CatalogStore.open(url):
            pass


async def test_settings_of_the_url_are_those_of_the_session(
    new_postgresql: Callable[[], str],
) -> None:
    options = "application_name=nightly%20copy&options=-c%20statement_timeout%3D4711"
    async with CatalogStore.open(f"{new_postgresql()}?{options}") as store:
        assert await setting(store, "application_name") == "nightly copy"
        assert await setting(store, "statement_timeout") == "4711ms"


async def test_a_password_in_a_parameter_is_kept_nowhere(
    scenario: AsyncScenario, new_postgresql: Callable[[], str], postgresql: PostgreSQL
) -> None:
    url = new_postgresql()
    async with CatalogStore.open(f"{url}?password={PASSWORD}") as store:
        await database_drops(postgresql, url, "memberships")
        with pytest.raises(StoreError) as caught:
            await sync(scenario, store)
        (run,) = await store.runs()

    assert run.error is not None
    assert "memberships" in run.error
    for said in (repr(store), str(caught.value), run.error):
        assert url.rpartition("/")[2] in said
        assert PASSWORD not in said


async def test_a_password_that_the_url_does_not_have_comes_from_the_environment(
    new_postgresql: Callable[[], str], postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    await anyio.to_thread.run_sync(postgresql.require_password, "copyist", PASSWORD)
    url = new_postgresql().replace("postgres@", "copyist@")
    monkeypatch.setenv("PGPASSWORD", "another one")
    with pytest.raises(StoreError, match="password authentication failed"):
        async with CatalogStore.open(url):
            pass

    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    async with CatalogStore.open(url) as store:
        assert (await store.counts()).models == 0


async def test_a_server_that_does_not_let_anybody_in_is_an_error_of_the_store(
    new_postgresql: Callable[[], str],
) -> None:
    url = new_postgresql()
    for refused, said in (
        (f"{url}_gone", "does not exist"),
        (url.replace("postgres@", "nobody@"), 'role "nobody" does not exist'),
    ):
        with pytest.raises(StoreError, match=said) as caught:
            async with CatalogStore.open(refused):
                pass
        assert caught.value.__cause__ is None


@pytest.mark.parametrize("name", ["TooManyConnectionsError", "InterfaceError"])
async def test_what_the_driver_raises_by_itself_is_an_error_of_the_store(
    new_postgresql: Callable[[], str], name: str
) -> None:
    """As while a new connection is prepared."""
    async with CatalogStore.open(new_postgresql()) as store:
        error = getattr(sys.modules["asyncpg"], name)
        with pytest.raises(StoreError, match="for today"):
            async with database_of(store).transaction():
                raise error("for today")


async def test_a_password_that_the_url_does_not_have_comes_from_a_file(
    new_postgresql: Callable[[], str],
    postgresql: PostgreSQL,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    await anyio.to_thread.run_sync(postgresql.require_password, "filed", PASSWORD)
    url = new_postgresql().replace("postgres@", "filed@")
    passwords = tmp_path / "passwords"
    passwords.write_text(f"127.0.0.1:*:*:filed:{PASSWORD}\n")
    passwords.chmod(0o600)
    monkeypatch.delenv("PGPASSWORD", raising=False)
    async with CatalogStore.open(f"{url}?passfile={passwords}") as store:
        assert (await store.counts()).models == 0


async def database_drops(server: PostgreSQL, url: str, table: str) -> None:
    await anyio.to_thread.run_sync(server.query, f"DROP TABLE {table}", url.rpartition("/")[2])


async def test_two_copies_that_are_complete_at_the_same_moment_both_finish(
    new_postgresql: Callable[[], str], postgresql: PostgreSQL
) -> None:
    url, now = new_postgresql(), datetime.now(UTC)
    many = """
        INSERT INTO models (id, created_at, first_seen_at, content_hash, record)
        SELECT 'model_' || number, now(), now(), '', '{}' FROM generate_series(1, 5000) number
    """
    async with CatalogStore.open(url) as one, CatalogStore.open(url) as other:
        await anyio.to_thread.run_sync(postgresql.query, many, url.rpartition("/")[2])
        async with anyio.create_task_group() as at_once:
            for store, scope in ((one, "private"), (other, "public")):
                writer = ScopeWriter(database_of(store), scope, run=1, now=now)
                at_once.start_soon(writer.finish_walk, ScopeState(full_at=now), 1)
        for scope in ("private", "public"):
            writer = ScopeWriter(database_of(one), scope, run=2, now=now)
            assert (await writer.load()).full_at is not None


async def test_a_worker_goes_on_after_a_restart_of_the_server(
    scenario: AsyncScenario, new_postgresql: Callable[[], str], postgresql: PostgreSQL
) -> None:
    async with CatalogStore.open(new_postgresql()) as store:
        copied = await sync(scenario, store)
        await anyio.to_thread.run_sync(postgresql.stop)
        await anyio.to_thread.run_sync(postgresql.start)
        again = await sync(scenario, store)

    assert copied.new > 0
    assert (again.new, again.deleted) == (0, 0)


async def test_a_transaction_takes_one_round_trip_more_to_see_that_its_connection_is_there(
    new_postgresql: Callable[[], str],
) -> None:
    said: list[object] = []
    async with CatalogStore.open(new_postgresql()) as store:
        async with database_of(store).transaction() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
        driver.add_query_logger(said.append)
        async with database_of(store).transaction() as connection:
            await connection.exec_driver_sql("SELECT 2")
    # With the beginning and the end; what is prepared is not told.
    assert len(said) == 3, said


async def test_a_run_that_lost_its_lock_writes_nothing_more(
    new_postgresql: Callable[[], str], postgresql: PostgreSQL
) -> None:
    url = new_postgresql()
    async with CatalogStore.open(url) as store:
        database = database_of(store)
        async with database.lock(["private"]):
            await anyio.to_thread.run_sync(postgresql.query, END_OF_LOCKS, url.rpartition("/")[2])
            for _ in range(2):
                with pytest.raises(StoreError, match="keeps other runs away was lost"):
                    async with database.writing():
                        pytest.fail("it writes")
        async with database.lock(["private"]), database.writing():
            pass


async def test_a_run_that_lost_its_lock_is_one_that_failed_and_says_why(
    scenario: AsyncScenario, new_postgresql: Callable[[], str], postgresql: PostgreSQL
) -> None:
    url = new_postgresql()
    async with CatalogStore.open(f"{url}?password={PASSWORD}") as store:

        def lose(_: ScopeReport) -> None:
            postgresql.query(END_OF_LOCKS, url.rpartition("/")[2])

        with pytest.raises(StoreError, match=r"runs away was lost \(.+\); what") as caught:
            await sync(scenario, store, on_progress=lose)
        (run,) = await store.runs()

    assert (run.status, run.finished_at is not None) == ("failed", True)
    assert run.error == str(caught.value)
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))


async def test_a_store_is_not_taken_from_a_run_that_has_nothing_yet(
    scenario: AsyncScenario, new_postgresql: Callable[[], str]
) -> None:
    url = new_postgresql()
    async with CatalogStore.open(url) as store, CatalogStore.open(url) as other:
        others = scenario.with_options(project_id="proj_other")
        async with database_of(store).lock(["private"]):
            await claim(database_of(store), identity_of(scenario))
            for opened in (store, other):
                with pytest.raises(StoreError, match="this is a copy of"):
                    await sync(others, opened, scopes=["public"])
        # A run that was over before it had anything keeps nobody away.
        async with database_of(other).lock(["public"]):
            await claim(database_of(other), identity_of(others))


async def test_the_server_soon_looks_for_a_run_whose_machine_has_lost_power(
    new_postgresql: Callable[[], str],
) -> None:
    async with CatalogStore.open(new_postgresql()) as store:
        database = database_of(store)
        async with database.lock(["private"]):
            (lock,) = database._locks
            assert isinstance(lock, Session)
            async with database.transaction() as connection:
                pooled = (await connection.execute(text(KEEPALIVE))).all()
            for shown in (await lock.connection.fetch(KEEPALIVE), pooled):
                count, idle, interval, unanswered = (int(one[0]) for one in shown)
                assert 0 < idle + interval * count <= 60
                assert 0 < unanswered <= 60_000


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")
async def test_a_server_that_does_not_answer_ends_a_write(
    new_postgresql: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_postgresql()
    async with CatalogStore.open(url):
        pass  # its tables are made in as long as that takes
    monkeypatch.setattr("scenario_async.sync._backends.postgresql_engine._COMMAND_TIMEOUT", 1.0)
    async with CatalogStore.open(url) as store:
        process = 0
        watchdog = threading.Timer(_LONG, lambda: os.kill(process, signal.SIGCONT))
        watchdog.start()
        try:
            with pytest.raises(StoreError, match="did not answer in time"):
                async with database_of(store).writing() as connection:
                    process = await connection.scalar(text("SELECT pg_backend_pid()")) or 0
                    os.kill(process, signal.SIGSTOP)
                    await connection.execute(text("SELECT 1"))
            assert watchdog.is_alive(), "it has waited for the server"
        finally:
            watchdog.cancel()
            os.kill(process, signal.SIGCONT)


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")
async def test_a_server_that_does_not_answer_does_not_hold_the_closing_up(
    new_postgresql: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("scenario_async.sync._backends.postgresql_engine.CLOSE_TIMEOUT", 0.05)
    store = CatalogStore.open(new_postgresql())
    await store.__aenter__()
    async with database_of(store).transaction() as connection:
        process = await connection.scalar(text("SELECT pg_backend_pid()"))
    assert isinstance(process, int)
    # Nobody could cancel it.
    watchdog = threading.Timer(_LONG, os.kill, (process, signal.SIGCONT))
    watchdog.start()
    os.kill(process, signal.SIGSTOP)
    try:
        await store.__aexit__(None, None, None)
        assert watchdog.is_alive(), "it has waited for the server"
    finally:
        watchdog.cancel()
        os.kill(process, signal.SIGCONT)

    assert not caplog.records
