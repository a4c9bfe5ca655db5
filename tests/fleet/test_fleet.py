"""A fleet as programs use it."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from scenario_async import AsyncScenario, EventHooks, FleetEvent
from scenario_async._events import NO_HOOKS
from scenario_async.fleet import Credentials, Fleet, UnknownAccountError
from scenario_async.fleet._telling import keep_telling
from scenario_async.fleet._worker_accounts import WorkerAccounts
from scenario_async.sync import CatalogStore, FleetStore, StoreError, sync
from scenario_async.sync._store import fleet_database_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

HOUR = timedelta(hours=1)


@pytest.fixture
async def store(new_postgresql: Callable[[], str]) -> AsyncGenerator[FleetStore, None]:
    async with FleetStore.open(new_postgresql(), partitions=1) as store:
        yield store


async def anything(account: str, reference: str) -> Credentials:
    return Credentials(api_key=account, api_secret=reference)


@pytest.mark.anyio
@pytest.mark.one_loop
async def test_accounts_are_added_shown_released_and_removed(store: FleetStore) -> None:
    fleet = Fleet(store)
    await fleet.add("studio-7", credential_ref="env:STUDIO_7", every=HOUR, limit_group="project-9")
    found = await fleet.account("studio-7")
    assert found is not None
    assert (found.scopes, found.limit_group, found.state) == (("private",), "project-9", "waiting")
    await fleet.release("studio-7")
    assert (await fleet.status()).accounts == 1
    word: Any = "no"
    with pytest.raises(TypeError, match="delete_copy must be True or False, not str"):
        await fleet.remove("studio-7", delete_copy=word)
    await fleet.remove("studio-7")
    assert await fleet.account("studio-7") is None
    with pytest.raises(UnknownAccountError):
        await fleet.remove("studio-7", delete_copy=True)
    assert "127.0.0.1" in repr(fleet)


@pytest.mark.anyio
@pytest.mark.one_loop
async def test_an_account_may_have_any_name_on_one_line(store: FleetStore) -> None:
    fleet = Fleet(store)
    names = ["it's", 'say "so"', "%s%(x)s", "{0}{x}", "$1", ":name", "a;--", "private", "A", "a"]
    names += ["collection:c1", "\u00fc", "u\u0308", "NULL", "\\x00", "x" * 200, "\u540d" * 66]
    for name in names:
        await fleet.add(name, credential_ref="env:X", limit_group=name)
    for name in names:
        found = await fleet.account(name)
        assert found is not None
        assert (found.name, found.limit_group) == (name, name)
        await fleet.release(name)
        assert (await store.account(name).counts()).models == 0
        await fleet.remove(name, delete_copy=True)
    assert (await fleet.status()).accounts == 0


@pytest.mark.anyio
@pytest.mark.one_loop
async def test_a_name_that_no_account_can_have_is_said(store: FleetStore) -> None:
    fleet = Fleet(store)
    given: Any
    for given, kind in (
        ("a\0b", ValueError),
        ("\ud800", ValueError),
        ("", ValueError),
        (7, TypeError),
    ):
        for ask in (fleet.account, fleet.release, fleet.remove):
            with pytest.raises(kind, match="account"):
                await ask(given)


@pytest.mark.anyio
@pytest.mark.one_loop
async def test_what_a_reference_means_is_checked_where_the_fleet_knows_it(
    store: FleetStore,
) -> None:
    with pytest.raises(ValueError, match="is not the credentials"):
        await Fleet(store).add("a", credential_ref="vault:a")
    await Fleet(store, credentials=anything).add("a", credential_ref="vault:a")
    with pytest.raises(ValueError, match="leave that scope out"):
        await Fleet(store).add("a", credential_ref="env:A", scopes=["public"])


@pytest.mark.anyio
@pytest.mark.one_loop
async def test_a_copy_is_deleted_once_no_run_is_at_work_on_it(
    store: FleetStore, scenario: AsyncScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = Fleet(store)
    await fleet.add("a", credential_ref="env:A")
    await sync(scenario, store.account("a"))
    assert (await store.account("a").counts()).models > 0

    busy = anyio.Event()

    async def slept(_: float) -> None:
        busy.set()
        await anyio.lowlevel.checkpoint()

    monkeypatch.setattr("scenario_async.fleet._fleet.anyio.sleep", slept)
    async with anyio.create_task_group() as tasks:
        async with _run_at_work(store):
            tasks.start_soon(lambda: fleet.remove("a", delete_copy=True))
            await busy.wait()
            assert await fleet.account("a") is None
            assert (await store.account("a").counts()).models > 0
    assert (await store.account("a").counts()).models == 0


@pytest.mark.anyio
@pytest.mark.one_loop
async def test_a_copy_is_deleted_after_a_run_that_has_begun_and_has_no_lock_yet(
    store: FleetStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet, database = Fleet(store), fleet_database_of(store)
    await fleet.add("a", credential_ref="env:A", limit_group="group")
    deleted: list[str] = []
    waiting = anyio.Event()

    async def delete(name: str) -> None:
        deleted.append(name)
        await anyio.lowlevel.checkpoint()

    async def slept(_: float) -> None:
        waiting.set()
        await anyio.lowlevel.checkpoint()

    monkeypatch.setattr(store, "delete", delete)
    monkeypatch.setattr("scenario_async.fleet._fleet.anyio.sleep", slept)
    async with anyio.create_task_group() as tasks:
        async with WorkerAccounts(database).lead("group"):
            assert await WorkerAccounts(database).begin("a")
            tasks.start_soon(lambda: fleet.remove("a", delete_copy=True))
            with anyio.fail_after(60):
                await waiting.wait()
            assert (await fleet.account("a"), deleted) == (None, [])
    assert deleted == ["a"]


@pytest.mark.anyio
@pytest.mark.one_loop
async def test_a_copy_that_was_left_can_be_deleted_later(
    store: FleetStore, scenario: AsyncScenario
) -> None:
    fleet = Fleet(store)
    await fleet.add("a", credential_ref="env:A")
    await sync(scenario, store.account("a"))
    await fleet.remove("a")
    with pytest.raises(UnknownAccountError):
        await fleet.remove("a")
    assert (await store.account("a").counts()).models > 0

    await fleet.remove("a", delete_copy=True)
    assert (await store.account("a").counts()).models == 0
    with pytest.raises(UnknownAccountError):
        await fleet.remove("a", delete_copy=True)


def _run_at_work(store: FleetStore) -> Any:
    from scenario_async.sync._store import database_of  # noqa: PLC0415 - what a run holds

    return database_of(store.account("a")).lock(["private"])


@pytest.mark.anyio
@pytest.mark.one_loop
async def test_hooks_are_told_how_the_fleet_is_until_its_worker_ends(store: FleetStore) -> None:
    accounts = WorkerAccounts(fleet_database_of(store))
    await Fleet(store).add("a", credential_ref="env:A")
    told: list[FleetEvent] = []
    several = anyio.Event()

    def note(event: FleetEvent) -> None:
        told.append(event)
        if len(told) == 2:
            several.set()

    # Somebody begins to listen after a while.
    hooks = iter([NO_HOOKS, NO_HOOKS])
    noting = EventHooks(on_fleet=note)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: keep_telling(accounts, lambda: next(hooks, noting), every=0))
        await several.wait()
        tasks.cancel_scope.cancel()

    assert {event.fleet for event in told} == {told[0].fleet}
    assert [event.closed for event in told[-2:]] == [False, True]
    assert (told[0].waiting, told[0].overdue, told[0].workers) == (1, 1, 0)
    assert told[0].lag_worst == told[0].lag_median > 0


@pytest.mark.anyio
@pytest.mark.one_loop
async def test_nobody_is_told_anything_of_a_fleet_whose_database_is_away() -> None:
    told: list[FleetEvent] = []
    hooks = EventHooks(on_fleet=told.append)
    asked = anyio.Event()

    async def status() -> None:
        asked.set()
        raise StoreError("the database is away")

    accounts: Any = SimpleNamespace(status=status)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: keep_telling(accounts, lambda: hooks))
        await asked.wait()
        tasks.cancel_scope.cancel()
    assert told == []


@pytest.mark.anyio
@pytest.mark.one_loop
async def test_what_no_fleet_can_be_made_of_is_refused(store: FleetStore) -> None:
    wrong: Any = CatalogStore.open("models.db")
    with pytest.raises(TypeError, match="must be a FleetStore, not CatalogStore"):
        Fleet(wrong)
    given: Any
    for given, kind in ((0, ValueError), (float("inf"), ValueError), (True, TypeError)):
        with pytest.raises(kind, match="requests_per_minute must be"):
            Fleet(store, requests_per_minute=given)
    with pytest.raises(ValueError, match="concurrency must be 1 or more"):
        await Fleet(store).run(concurrency=0)


@pytest.mark.anyio
@pytest.mark.one_loop
async def test_a_worker_has_a_client_of_its_own_unless_it_is_given_one(
    store: FleetStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients: list[AsyncScenario] = []

    async def run_fleet(*_: Any, client: AsyncScenario, **__: Any) -> None:
        clients.append(client)
        assert not client.is_closed()
        await anyio.lowlevel.checkpoint()

    monkeypatch.setattr("scenario_async.fleet._running.run_fleet", run_fleet, raising=False)
    async with AsyncScenario(public=True) as mine:
        for scenario in (None, mine):
            await Fleet(store, scenario=scenario).run()
        assert clients[1] is mine
        assert [client.is_closed() for client in clients] == [True, False]


@pytest.mark.anyio
@pytest.mark.one_loop
async def test_a_worker_without_the_engine_is_told_what_to_install(
    store: FleetStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scenario_async._extras.find_spec", _nothing_found)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'scenario-async\[fleet\]'"):
        await Fleet(store).run()


@pytest.mark.anyio
@pytest.mark.one_loop
async def test_a_worker_that_may_not_write_ends_at_once(new_postgresql: Callable[[], str]) -> None:
    url = new_postgresql()
    async with FleetStore.open(url, partitions=1) as store:
        await Fleet(store).status()
    read_only = f"{url}?options=-cdefault_transaction_read_only%3Don"
    async with FleetStore.open(read_only, partitions=1) as store:
        with anyio.fail_after(30), pytest.raises(StoreError, match="read-only transaction"):
            await Fleet(store).run()


def _nothing_found(_: str) -> None:
    return None
