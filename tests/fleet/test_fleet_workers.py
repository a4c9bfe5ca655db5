"""Workers of a fleet against a sandbox with many accounts, and a PostgreSQL that fails."""

from __future__ import annotations

import logging
import os
import signal
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import anyio
import pytest
from support.pgbouncer import binary, pooled
from support.tcp_proxy import proxied

from scenario_async import AsyncScenario
from scenario_async.fleet import Credentials, Fleet, _connection, _running
from scenario_async.sandbox import SandboxAccounts, seeded_accounts
from scenario_async.sync import FleetStore, StoreError
from scenario_async.sync._store import database_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from support.postgresql import PostgreSQL

pytestmark = [pytest.mark.anyio, pytest.mark.one_loop]
LONG = 60  # seconds; what waits so long would wait for ever
CUT_ALL = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


class Studios:
    """A fleet of accounts of a sandbox, and whoever looks at what its workers do."""

    def __init__(self, sandbox: SandboxAccounts) -> None:
        self.sandbox = sandbox
        self.asked = self.cancelled = 0
        self.held = anyio.Event()
        self.held.set()
        self._changed = anyio.Event()

    async def resolve(self, account: str, reference: str) -> Credentials:
        assert reference == f"ref {account}"
        self.asked += 1
        self._changed.set()
        try:
            await self.held.wait()
        except anyio.get_cancelled_exc_class():
            self.cancelled += 1
            self._changed.set()
            raise
        found = self.sandbox[account]
        return Credentials(api_key=found.api_key, api_secret=found.api_secret)

    async def at_work(self, begun: int, *, cancelled: int = 0) -> None:
        """Wait until so many accounts were begun and cancelled."""
        with anyio.fail_after(LONG):
            while self.asked < begun or self.cancelled < cancelled:
                changed = self._changed = anyio.Event()
                await changed.wait()

    @asynccontextmanager
    async def fleet(self, url: str) -> AsyncGenerator[tuple[FleetStore, Fleet]]:
        async with (
            FleetStore.open(url) as store,
            AsyncScenario(public=True, base_url=self.sandbox.base_url) as client,
        ):
            yield (
                store,
                Fleet(store, credentials=self.resolve, scenario=client, requests_per_minute=60_000),
            )

    async def enrol(self, fleet: Fleet, limit_group: str | None = None) -> None:
        for name in self.sandbox:
            await fleet.add(name, credential_ref=f"ref {name}", limit_group=limit_group)

    async def all_fresh(self, fleet: Fleet) -> None:
        """Wait until all accounts were synced, and none has failed."""
        with anyio.fail_after(LONG):
            while (status := await fleet.status()).overdue or status.states["running"]:  # noqa: ASYNC110
                await anyio.sleep(0.05)
        for name in self.sandbox:
            account = await fleet.account(name)
            assert account is not None
            assert (account.failures, account.last_error) == (0, None)
            assert account.last_success_at is not None

    async def assert_copied(self, store: FleetStore) -> None:
        for name, account in self.sandbox.items():
            copied = {model.id async for model in store.account(name).models()}
            assert copied == set(account.catalogue.ids(privacy="private"))


@pytest.fixture
async def studios() -> AsyncGenerator[Studios]:
    async with SandboxAccounts(seeded_accounts(6, private=(3, 9))) as sandbox:
        yield Studios(sandbox)


async def test_a_signal_ends_a_worker_in_order_and_another_one_does_the_rest(
    studios: Studios,
    new_postgresql: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(_running, "_LEAVE_TIMEOUT", LONG)
    async with studios.fleet(new_postgresql()) as (store, fleet):
        await studios.enrol(fleet)
        studios.held = anyio.Event()
        async with anyio.create_task_group() as worker:
            worker.start_soon(partial(fleet.run, concurrency=4))
            await studios.at_work(4)
            assert (await fleet.status()).states["running"] == 4
            os.kill(os.getpid(), signal.SIGTERM)

        status = await fleet.status()
        assert (status.states["running"], status.overdue, status.failing) == (0, 6, 0)
        assert (status.workers, caplog.messages) == (0, [])

        studios.held.set()
        async with anyio.create_task_group() as worker:
            worker.start_soon(fleet.run)
            await studios.all_fresh(fleet)
            worker.cancel_scope.cancel()
        await studios.assert_copied(store)


async def test_accounts_of_a_group_are_synced_one_after_the_other(
    studios: Studios, new_postgresql: Callable[[], str]
) -> None:
    async with studios.fleet(new_postgresql()) as (store, fleet):
        first, scopes = next(iter(studios.sandbox)), "private"
        await studios.enrol(fleet, limit_group=f"{first!r} {scopes}")
        studios.held = anyio.Event()
        async with anyio.create_task_group() as workers:
            for _ in range(2):
                workers.start_soon(fleet.run)
            await studios.at_work(1)
            # Whatever the group is called, it keeps no live catalogue from leading.
            async with database_of(store.account(first)).lead(scopes):
                pass
            for asked in range(1, 7):
                await studios.at_work(asked)
                assert (studios.asked, (await fleet.status()).states["running"]) == (asked, 1)
                held, studios.held = studios.held, anyio.Event()
                held.set()
            studios.held.set()
            await studios.all_fresh(fleet)
            workers.cancel_scope.cancel()
        await studios.assert_copied(store)


async def cut(server: PostgreSQL, url: str) -> None:
    await anyio.to_thread.run_sync(server.query, CUT_ALL, url.rpartition("/")[2])


async def restart(server: PostgreSQL, _url: str) -> None:
    await anyio.to_thread.run_sync(server.stop, "immediate")
    await anyio.to_thread.run_sync(server.start)


@pytest.mark.once
@pytest.mark.parametrize("fail", [cut, restart])
async def test_a_worker_outlives_its_database(
    fail: Callable[[PostgreSQL, str], Awaitable[None]],
    studios: Studios,
    new_postgresql: Callable[[], str],
    postgresql: PostgreSQL,
    caplog: pytest.LogCaptureFixture,
) -> None:
    url = new_postgresql()
    async with studios.fleet(url) as (store, fleet):
        await studios.enrol(fleet)
        studios.held = anyio.Event()
        async with anyio.create_task_group() as worker:
            worker.start_soon(partial(fleet.run, concurrency=4))
            await studios.at_work(4)
            await fail(postgresql, url)
            studios.held.set()
            await studios.all_fresh(fleet)
            worker.cancel_scope.cancel()
        await studios.assert_copied(store)
    assert {one.name for one in caplog.records if one.levelno >= logging.WARNING} == {
        "scenario_async"
    }


@pytest.mark.once
async def test_a_worker_that_was_cut_off_goes_on_when_it_is_let_back(
    studios: Studios,
    new_postgresql: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(_connection, "_COMMAND_TIMEOUT", 0.5)
    direct = new_postgresql()
    port = urlsplit(direct).port or 0
    async with (
        proxied(port) as proxy,
        studios.fleet(direct.replace(f":{port}/", f":{proxy.port}/")) as (store, fleet),
    ):
        await studios.enrol(fleet)
        studios.held = anyio.Event()
        async with anyio.create_task_group() as worker:
            worker.start_soon(partial(fleet.run, concurrency=4))
            await studios.at_work(4)
            proxy.hold()
            await studios.at_work(4, cancelled=4)
            monkeypatch.undo()  # from now on the machine may be slow
            proxy.go_on()
            studios.held.set()
            await studios.all_fresh(fleet)
            worker.cancel_scope.cancel()
        await studios.assert_copied(store)


@pytest.mark.once
@pytest.mark.skipif(binary() is None, reason="PgBouncer is not installed")
async def test_a_pooler_has_to_keep_sessions(
    studios: Studios, new_postgresql: Callable[[], str]
) -> None:
    url = new_postgresql()
    with pooled(url, pool_mode="transaction") as shared:
        with pytest.raises(StoreError, match="a pooler in front of this database"):
            async with studios.fleet(shared):
                pass
    with pooled(url, pool_mode="session") as kept:
        async with studios.fleet(kept) as (store, fleet):
            await studios.enrol(fleet)
            async with anyio.create_task_group() as worker:
                worker.start_soon(fleet.run)
                await studios.all_fresh(fleet)
                worker.cancel_scope.cancel()
            await studios.assert_copied(store)
