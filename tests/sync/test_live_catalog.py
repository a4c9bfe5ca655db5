"""A live catalogue in one process: what it has, how it starts, and what becomes of failures."""

from __future__ import annotations

import asyncio
import gc
from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast
from weakref import ref

import anyio
import msgspec
import pytest
from support.client import Leftovers, until, until_requests

from scenario_async import (
    APITimeoutError,
    AuthenticationError,
    EventHooks,
    InternalServerError,
    LiveEvent,
    ScenarioError,
    UsageError,
)
from scenario_async.live import Delta, LiveCatalog, NotLoadedError, Resync, Snapshot, StaleError
from scenario_async.sandbox import (
    BadRow,
    Catalogue,
    Delayed,
    Dropped,
    ExpiredToken,
    NotJSON,
    RateLimited,
    RepeatedRows,
    ServerError,
    Stalled,
    Truncated,
)
from scenario_async.sync import CatalogStore, StoreError, sync
from scenario_async.sync._store import database_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.client import Connect

    from scenario_async import AsyncScenario
    from scenario_async.sandbox import Fault, Sandbox

pytestmark = pytest.mark.anyio
# Far too long to pass in a test: what comes after it was asked for.
LATER = 3600.0
MODELS = 12


class Short(msgspec.Struct, rename="camel"):
    id: str
    name: str


class Referable(msgspec.Struct, weakref=True):
    id: str


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue.seeded(private=MODELS, public=30, collections=2, odd=False)


def on_server(sandbox: Sandbox, *scopes: Any) -> set[str]:
    return {model_id for scope in scopes for model_id in sandbox.catalogue.ids(scope)}


# Read anew each time, which type checkers do not see of a property.


def state(live: LiveCatalog[Any]) -> str:
    return live.status.state


def role(live: LiveCatalog[Any]) -> str:
    return live.status.role


def failures(live: LiveCatalog[Any]) -> int:
    return live.status.failures


async def refreshed(live: LiveCatalog[Any]) -> Snapshot[Any]:
    """Refresh until the client does not give up, as it may where the machine is busy."""
    with anyio.fail_after(30):
        while True:
            with suppress(APITimeoutError):
                return await live.refresh()


async def test_it_has_the_models_of_its_scopes_as_they_are_listed(
    sandbox: Sandbox, scenario: AsyncScenario
) -> None:
    listed = {model.id: model async for model in scenario.models.public()}
    async with LiveCatalog(scenario, scopes=["public", "private"], every=LATER) as live:
        assert set(live.now) == on_server(sandbox, "public", "private")
        some = next(iter(listed))
        assert live[some].name == listed[some].name
        assert live.get(some) is live[some]
        assert live.get("nobody", "else") == "else"
        assert some in live
        assert "nobody" not in live
        assert len(live) == MODELS + 30
        with pytest.raises(KeyError):
            _ = live["nobody"]
        newest = max(listed.values(), key=lambda model: (model.created_at, model.id))
        assert live.now.find(privacy="public", sort="-created_at", limit=1)[0].id == newest.id
        assert live.now.counts("privacy") == {"public": 30, "private": MODELS}


async def test_what_is_gone_through_is_a_snapshot(scenario: AsyncScenario) -> None:
    live: Any = LiveCatalog(scenario, every=LATER)
    with pytest.raises(NotLoadedError, match="before it is entered"):
        _ = live.now
    async with live:
        with pytest.raises(TypeError, match="'LiveCatalog' object is not iterable"):
            list(live)
        assert len(list(live.now)) == MODELS


async def test_models_come_without_their_bytes(scenario: AsyncScenario) -> None:
    async with LiveCatalog(scenario, every=LATER) as live:
        assert {model.raw for model in live.now.values()} == {b""}


async def test_models_come_as_the_type_that_was_asked_for(
    sandbox: Sandbox, scenario: AsyncScenario
) -> None:
    nameless, *others = sandbox.catalogue.ids("private")
    sandbox.catalogue.update(nameless, fields={"name": None})
    async with LiveCatalog(scenario, every=LATER, as_type=Short) as live:
        assert set(live.now) == set(others)
        assert {type(model) for model in live.now.values()} == {Short}
        assert live.status.invalid == 1
        sandbox.catalogue.update(others[0], status="training", name="Now")
        sandbox.catalogue.add(name="New")
        await live.refresh()
        assert live.status.invalid == 1
        assert len(live) == MODELS


async def test_a_snapshot_that_is_held_stays_and_the_next_one_has_what_changed(
    sandbox: Sandbox, scenario: AsyncScenario
) -> None:
    changed, gone, *_ = sandbox.catalogue.ids("private")
    sandbox.catalogue.update(changed, status="training")
    async with LiveCatalog(scenario, every=LATER) as live:
        held = live.now
        before = dict(held)
        sandbox.catalogue.update(changed, status="trained")
        sandbox.catalogue.delete(gone)
        new = sandbox.catalogue.add(name="New")
        after = await live.refresh()

        assert dict(held) == before
        assert after is live.now
        assert after.version != held.version
        assert set(after) == set(before) - {gone} | {new}
        assert after[changed].status == "trained"
        # What did not change is the same object.
        kept = next(one for one in after if one not in (changed, new))
        assert after[kept] is held[kept]
        assert await live.refresh() is after


async def test_new_signatures_are_no_new_version(sandbox: Sandbox, scenario: AsyncScenario) -> None:
    async with LiveCatalog(scenario, every=LATER, full_every=timedelta(0)) as live:
        before = live.now
        sandbox.catalogue.sign_again()
        assert await live.refresh() is before


async def test_a_refresh_of_public_models_takes_one_request(
    connect: Connect, scenario_sandbox_factory: Any
) -> None:
    sandbox = scenario_sandbox_factory(Catalogue.seeded(public=700, private=0))
    options = {"api_key": sandbox.api_key, "api_secret": sandbox.api_secret}
    async with (
        connect(base_url=sandbox.base_url, **options) as scenario,
        LiveCatalog(scenario, scopes=["public"], every=LATER) as live,
    ):
        for number in range(3):
            sandbox.catalogue.update(sandbox.catalogue.ids("public")[number], name="Changed")
            before = len(sandbox.requests)
            await live.refresh()
            assert len(sandbox.requests) - before == 1
        assert len(live.now.find(sort="name")) == 700
        assert len([model for model in live.now.values() if model.name == "Changed"]) == 3


async def test_it_refreshes_by_itself(sandbox: Sandbox, scenario: AsyncScenario) -> None:
    async with LiveCatalog(scenario, every=0.01) as live, aclosing(live.changes()) as changes:
        new = sandbox.catalogue.add(name="New")
        with anyio.fail_after(30):
            change = await anext(changes)
        assert isinstance(change, Delta)
        assert change.added.keys() == {new}


async def test_what_a_refresh_replaced_is_let_go_of_at_the_next_one(
    sandbox: Sandbox, scenario: AsyncScenario
) -> None:
    model_id = sandbox.catalogue.ids("public")[0]
    async with LiveCatalog(scenario, scopes=["public"], every=LATER, as_type=Referable) as live:
        before = ref(live[model_id])
        sandbox.catalogue.update(model_id, name="Changed")
        await live.refresh()
        # Not by whoever has the snapshot: thousands of them would hold the loop.
        assert before() is not None
        await live.refresh()
        assert before() is None


# How it starts


async def test_it_begins_with_what_the_store_has_and_asks_nothing_that_is_not_due(
    sandbox: Sandbox, scenario: AsyncScenario, new_store: Callable[[], str]
) -> None:
    async with CatalogStore.open(new_store()) as store:
        await sync(scenario, store)
        sandbox.requests.clear()
        async with LiveCatalog(scenario, store=store, every=LATER) as live:
            assert set(live.now) == on_server(sandbox, "private")
            age = live.status.age
            assert age is not None
            assert 0 <= age < 30
            await until(lambda: live.status.role == "leader")
            assert not sandbox.requests
            await live.refresh()
            assert sandbox.requests


async def test_a_stored_copy_that_is_old_is_refreshed_at_once(
    sandbox: Sandbox, scenario: AsyncScenario, new_sqlite: Callable[[], str]
) -> None:
    async with CatalogStore.open(new_sqlite()) as store:
        await sync(scenario, store)
        new = sandbox.catalogue.add(name="New")
        async with LiveCatalog(scenario, store=store, every=0.001, start="stored") as live:
            await until(lambda: new in live)


async def test_without_a_complete_copy_there_is_nothing_to_start_with(
    sandbox: Sandbox, scenario: AsyncScenario, new_sqlite: Callable[[], str]
) -> None:
    async with CatalogStore.open(new_sqlite()) as store:
        await sync(scenario, store, scopes=["private"])
        sandbox.requests.clear()
        live = LiveCatalog(scenario, store=store, scopes=["private", "public"], start="stored")
        with pytest.raises(NotLoadedError, match="no complete copy of private, public"):
            await live.__aenter__()
        assert not sandbox.requests


async def test_a_reader_sends_nothing_and_needs_no_client(
    sandbox: Sandbox, scenario: AsyncScenario, new_store: Callable[[], str]
) -> None:
    url = new_store()
    async with CatalogStore.open(url) as store, CatalogStore.open(url) as other:
        await sync(scenario, store)
        async with LiveCatalog(None, store=other, every=LATER, role="reader") as live:
            assert role(live) == "reader"
            new = sandbox.catalogue.add(name="New")
            await sync(scenario, store)
            sandbox.requests.clear()
            assert new in await live.refresh()
            assert not sandbox.requests


async def test_in_the_background_it_starts_with_nothing_and_says_so(
    sandbox: Sandbox, scenario: AsyncScenario
) -> None:
    sandbox.latency = 0.05
    async with LiveCatalog(scenario, every=LATER, start="background") as live:
        changes = live.changes()
        assert state(live) == "loading"
        assert (live.status.models, live.status.version, live.status.age) == (0, None, None)
        with pytest.raises(NotLoadedError, match="nothing was loaded yet"):
            _ = live["model"]
        with pytest.raises(NotLoadedError):
            live.check(max_age=LATER)
        snapshot = await live.refresh()
        assert state(live) == "current"
        live.check(max_age=LATER)
        first = await anext(changes)
        assert isinstance(first, Delta)
        assert first.added == dict(snapshot)
        await changes.aclose()


async def test_entering_raises_what_the_first_refresh_failed_with(
    sandbox: Sandbox, connect: Connect, leftovers: Leftovers
) -> None:
    sandbox.faults.add(ServerError(500), times=None)
    async with connect(max_retries=0) as scenario:
        live = LiveCatalog(scenario)
        with pytest.raises(InternalServerError):
            await live.__aenter__()
        assert state(live) == "closed"
    await leftovers.check()


async def test_refused_credentials_are_tried_again_when_that_is_asked_for(
    sandbox: Sandbox, connect: Connect
) -> None:
    async with connect(max_retries=0) as scenario:
        sandbox.faults.add(ServerError(401), times=1)
        async with LiveCatalog(scenario, every=0.001, start="background") as live:
            # As a failure is noted, its refresh is still under way, and would be joined.
            with pytest.raises(AuthenticationError):
                await live.refresh()
            assert isinstance(live.status.error, AuthenticationError)
            with pytest.raises(NotLoadedError, match="401"):
                _ = live.now
            await live.refresh()
            assert failures(live) == 0


# What fails


FAULTS: dict[str, Fault] = {
    "server error": ServerError(500),
    "limit": RateLimited(),
    "not JSON": NotJSON(),
    "truncated": Truncated(),
    "dropped": Dropped(),
    "stalled": Stalled(),
    "token": ExpiredToken(),
    "bad row": BadRow("not-an-object"),
    "repeated": RepeatedRows(),
    "delayed": Delayed(0.01),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_leaves_what_there_is_and_the_next_refresh_mends_it(
    name: str, sandbox: Sandbox, connect: Connect
) -> None:
    async with (
        connect(max_retries=0, timeout=0.5 if name == "stalled" else 30) as scenario,
        LiveCatalog(
            scenario, scopes=["private", "public"], every=LATER, start="background"
        ) as live,
    ):
        before = await refreshed(live)
        new = sandbox.catalogue.add(name="New")
        sandbox.faults.add(FAULTS[name], times=None)
        failed = False
        try:
            await live.refresh()
        except ScenarioError as error:
            failed = True
            assert live.now is before
            assert state(live) == "failing"
            status = live.status
            assert status.error is error  # noqa: PT017 - some faults end no refresh
            assert failures(live) == 1
        sandbox.faults.clear()
        after = await refreshed(live)

        assert failed is (name not in ("repeated", "delayed", "token", "bad row"))
        assert set(after) == on_server(sandbox, "private", "public")
        assert new in after
        assert state(live) == "current"


async def test_what_is_too_old_is_an_error_that_says_why(
    sandbox: Sandbox, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        connect(max_retries=0) as scenario,
        LiveCatalog(scenario, every=LATER) as live,
    ):
        sandbox.faults.add(ServerError(500), times=1)
        with pytest.raises(InternalServerError):
            await live.refresh()
        assert live._parts.reader is not None
        monkeypatch.setattr(live._parts.reader, "as_of", datetime.now(UTC) - timedelta(seconds=400))
        live.check(max_age=timedelta(hours=1))
        with pytest.raises(
            StaleError, match=r"is 4\d\d seconds old, and may be 300; .*500"
        ) as caught:
            live.check(max_age=300)
        assert caught.value.age == pytest.approx(400, abs=90)
        assert isinstance(caught.value.__cause__, InternalServerError)


async def test_a_database_that_fails_ends_no_task(
    sandbox: Sandbox, scenario: AsyncScenario, tmp_path: Any
) -> None:
    path = tmp_path / "models.db"
    async with CatalogStore.open(path) as store:
        async with LiveCatalog(scenario, store=store, every=LATER) as live:
            before = live.now
            moved = path.rename(tmp_path / "elsewhere.db")
            with pytest.raises(StoreError, match="removed or replaced"):
                await live.refresh()
            assert live.now is before
            assert role(live) == "follower"
            moved.rename(path)
            new = sandbox.catalogue.add(name="New")
            assert new in await live.refresh()
            assert role(live) == "leader"


async def test_a_cancellation_that_nobody_asked_for_ends_no_task(
    sandbox: Sandbox, connect: Connect
) -> None:
    def cancel(_: object) -> None:
        if odd:
            raise asyncio.CancelledError

    odd = False
    hooks = EventHooks(on_request=cancel)
    async with connect(event_hooks=hooks) as scenario, LiveCatalog(scenario, every=LATER) as live:
        odd = True
        with anyio.fail_after(30), pytest.raises(ScenarioError, match="was cancelled"):
            await live.refresh()
        assert state(live) == "failing"
        odd = False
        new = sandbox.catalogue.add(name="New")
        assert new in await live.refresh()


async def test_a_run_that_was_cut_short_is_not_seen_in_part(
    sandbox: Sandbox, connect: Connect, new_store: Callable[[], str]
) -> None:
    url = new_store()
    async with (
        connect(max_retries=0) as scenario,
        CatalogStore.open(url) as store,
        CatalogStore.open(url) as other,
    ):
        await sync(scenario, store, scopes=["private", "public"])
        async with LiveCatalog(
            None, store=other, scopes=["private", "public"], every=LATER, role="reader"
        ) as live:
            before = live.now
            sandbox.catalogue.add(name="New")
            sandbox.faults.add(
                ServerError(500),
                times=None,
                when=lambda request: request.query.get("privacy") == "public",
            )
            with pytest.raises(InternalServerError):
                await sync(scenario, store, scopes=["private", "public"])
            assert await live.refresh() is before
            sandbox.faults.clear()
            await sync(scenario, store, scopes=["private", "public"])
            assert set(await live.refresh()) == on_server(sandbox, "private", "public")


# Refreshes and those who wait for them


async def test_all_who_ask_for_a_refresh_at_once_get_the_same_one(
    sandbox: Sandbox, scenario: AsyncScenario
) -> None:
    async with LiveCatalog(scenario, scopes=["public"], every=LATER) as live:
        sandbox.requests.clear()
        sandbox.latency = 0.05
        snapshots = await asyncio.gather(*(live.refresh() for _ in range(20)))
        assert len({id(one) for one in snapshots}) == 1
        assert len(sandbox.requests) == 1


async def test_whoever_stops_waiting_does_not_end_the_refresh(
    sandbox: Sandbox, scenario: AsyncScenario
) -> None:
    async with LiveCatalog(scenario, every=LATER) as live:
        new = sandbox.catalogue.add(name="New")
        sandbox.latency = 0.05
        before = len(sandbox.requests)
        impatient = asyncio.create_task(live.refresh())
        await until_requests(sandbox, before + 1)
        patient = asyncio.create_task(live.refresh())
        await asyncio.sleep(0)
        impatient.cancel()
        assert new in await patient
        assert impatient.cancelled()


async def test_leaving_ends_everything_at_once(
    sandbox: Sandbox, connect: Connect, leftovers: Leftovers
) -> None:
    async with connect() as scenario:
        async with LiveCatalog(scenario, every=LATER) as live:
            changes = live.changes()
            sandbox.faults.add(Stalled(), times=None)
            before = len(sandbox.requests)
            waiting = asyncio.create_task(live.refresh())
            reading = asyncio.create_task(anext(changes, None))
            await until_requests(sandbox, before + 1)
        with pytest.raises(UsageError, match="was left before"):
            await waiting
        assert await reading is None
        assert state(live) == "closed"
        assert len(live.now) == MODELS
        with pytest.raises(UsageError, match="inside of its 'async with'"):
            await live.refresh()
        with pytest.raises(UsageError, match="entered once"):
            await live.__aenter__()
        assert [change async for change in live.changes()] == []
    await leftovers.check_connections()


async def test_an_error_inside_comes_out_as_itself(scenario: AsyncScenario) -> None:
    with pytest.raises(ZeroDivisionError):
        async with LiveCatalog(scenario, every=LATER):
            raise ZeroDivisionError


@pytest.mark.once
@pytest.mark.parametrize("start", ["wait", "background"])
async def test_a_cancellation_anywhere_leaves_nothing_behind(
    start: Any, sandbox: Sandbox, connect: Connect, leftovers: Leftovers
) -> None:
    async with connect() as scenario:

        async def use() -> None:
            async with LiveCatalog(scenario, scopes=["private", "public"], start=start) as live:
                await live.refresh()
                async for _ in live.changes():
                    pass

        for requests in range(4):
            for passes in (0, 7, 40):
                sandbox.requests.clear()
                task = asyncio.create_task(use())
                await until_requests(sandbox, requests)
                for _ in range(passes):
                    await asyncio.sleep(0)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
    await leftovers.check_connections()


@pytest.mark.once
async def test_a_cancellation_of_leaving_leaves_nothing_behind(
    sandbox: Sandbox, connect: Connect, leftovers: Leftovers
) -> None:
    sandbox.faults.add(Stalled(), times=None, when=lambda request: request.method == "POST")

    async def use() -> None:
        async with connect() as scenario, LiveCatalog(scenario, every=LATER) as live:
            before = len(sandbox.requests)
            waiting.append(asyncio.create_task(live.preview_url("model_of_nobody")))
            waiting.append(asyncio.create_task(anext(live.changes(), None)))
            await until_requests(sandbox, before + 1)
            leaving.set()

    for passes in range(6):
        waiting, leaving = list[asyncio.Task[Any]](), asyncio.Event()
        task = asyncio.create_task(use())
        await leaving.wait()
        for _ in range(passes):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with anyio.fail_after(30):
            told = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(one) for one in told] == [UsageError, type(None)]
    await leftovers.check_connections()


@pytest.mark.once
async def test_leaving_at_any_moment_loses_no_connection_and_no_lock(
    scenario: AsyncScenario, new_store: Callable[[], str]
) -> None:
    async with CatalogStore.open(new_store()) as store:
        await sync(scenario, store)
        for moment in range(30):
            async with LiveCatalog(scenario, store=store, every=LATER, start="background"):
                await asyncio.sleep(moment / 1000)
            async with database_of(store).lead("private"):
                pass
        assert (await store.counts()).models == MODELS


# Who follows the changes


async def test_changes_over_the_first_snapshot_give_the_last_one(
    sandbox: Sandbox, scenario: AsyncScenario
) -> None:
    async with LiveCatalog(scenario, every=LATER) as live:
        known, changes = dict(live.now), live.changes()
        for number in range(4):
            sandbox.catalogue.delete(sandbox.catalogue.ids("private")[number])
            sandbox.catalogue.add(name=f"New {number}")
            await live.refresh()
        last = dict(live.now)
    async for change in changes:
        assert isinstance(change, Delta)
        known = {key: one for key, one in known.items() if key not in change.removed}
        known |= {**change.added, **change.changed}
        assert known == dict(change.snapshot)
    assert known == last


async def test_whoever_is_too_slow_is_told_to_begin_anew_and_nobody_else_is(
    sandbox: Sandbox, scenario: AsyncScenario
) -> None:
    async with LiveCatalog(scenario, every=LATER) as live:
        slow, patient = live.changes(max_buffered=2), live.changes()
        for number in range(4):
            sandbox.catalogue.add(name=f"New {number}")
            await live.refresh()
        last = live.now
    resync, delta = [change async for change in slow]
    assert isinstance(resync, Resync)
    assert isinstance(delta, Delta)
    assert set(resync.snapshot) | delta.added.keys() == set(last)
    assert [type(change) for change in [one async for one in patient]] == [Delta] * 4


async def test_whoever_drops_the_changes_is_forgotten(
    sandbox: Sandbox, scenario: AsyncScenario
) -> None:
    async with LiveCatalog(scenario, every=LATER) as live:
        dropped = live.changes()
        assert len(live._parts.feed._consumers) == 1
        del dropped
        gc.collect()
        assert len(live._parts.feed._consumers) == 0


async def test_a_delta_shows_no_records(sandbox: Sandbox, scenario: AsyncScenario) -> None:
    async with LiveCatalog(scenario, every=LATER) as live:
        changes = live.changes()
        sandbox.catalogue.add(name="New")
        await live.refresh()
        assert repr(await anext(changes)) == "<Delta: 1 added, 0 changed, 0 removed>"
        await changes.aclose()
        assert repr(live) == "<LiveCatalog of private, current>"


# What users give


WRONG: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "scope": ({"scopes": ["publik"]}, ValueError, "a scope is"),
    "every": ({"every": 0}, ValueError, "every must be above zero"),
    "start": ({"start": "now"}, ValueError, "start must be one of"),
    "role": ({"role": "leader"}, ValueError, "role must be one of"),
    "full_every": ({"full_every": 60}, TypeError, "full_every must be a timedelta, not int"),
    "deletions": ({"max_deletions": 2.0}, ValueError, "max_deletions as a share"),
    "store": ({"store": "models.db"}, TypeError, "store must be a CatalogStore, not str"),
    "reader": ({"role": "reader"}, ValueError, "reads a store that others refresh"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_an_argument_that_fits_nothing_is_an_error_at_once(
    name: str, scenario: AsyncScenario
) -> None:
    options, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        LiveCatalog(scenario, **options)


async def test_all_but_a_reader_need_a_client() -> None:
    with pytest.raises(ValueError, match="a client is needed"):
        LiveCatalog(None)
    with pytest.raises(TypeError, match="scenario must be an AsyncScenario or None, not str"):
        LiveCatalog(cast("Any", "public"))


async def test_changes_are_buffered_one_at_least(scenario: AsyncScenario) -> None:
    live = LiveCatalog(scenario)
    with pytest.raises(ValueError, match="max_buffered"):
        live.changes(max_buffered=0)


async def test_a_store_has_to_be_open(
    scenario: AsyncScenario, new_sqlite: Callable[[], str]
) -> None:
    with pytest.raises(UsageError, match="is not open"):
        await LiveCatalog(scenario, store=CatalogStore.open(new_sqlite())).__aenter__()


async def test_failures_are_counted_on_where_timers_are_early(
    sandbox: Sandbox, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: list[int] = []
    enough = asyncio.Event()

    def on_live(event: LiveEvent) -> None:
        failures.append(event.failures)
        if len(failures) > 3:
            enough.set()

    move_on_after = anyio.move_on_after

    def early(delay: float) -> anyio.CancelScope:
        return move_on_after(0.9 * delay)

    monkeypatch.setattr(anyio, "move_on_after", early)
    async with connect(max_retries=0) as scenario, LiveCatalog(scenario, every=0.02) as live:
        scenario.add_event_hooks(EventHooks(on_live=on_live))
        sandbox.faults.add(ServerError(500), times=None)
        await enough.wait()
        assert isinstance(live.status.error, InternalServerError)

    assert failures[:4] in ([1, 2, 3, 4], [0, 1, 2, 3])
