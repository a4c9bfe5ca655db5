"""Watching a store: each change is given at least once, and none is lost."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, aclosing
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import msgspec
import pytest
from sqlalchemy import delete, func, select, update
from support.catalogue_copies import row
from support.client import until

from scenario_async import InternalServerError, Model, UsageError
from scenario_async.sandbox import Catalogue, ServerError
from scenario_async.sync import (
    Added,
    CatalogStore,
    Change,
    Changed,
    Removed,
    StoreBusyError,
    StoreError,
    TooManyDeletionsError,
    sync,
    unwatch,
    watch,
)
from scenario_async.sync._comparison import ScopePage
from scenario_async.sync._store.catalog_store import database_of
from scenario_async.sync._store.writer import ScopeWriter
from scenario_async.sync._tables import changes, models

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import ColumnElement
    from support.client import Connect

    from scenario_async import AsyncScenario
    from scenario_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio
MODELS = 12
# Far too long to pass in a test: whatever comes after it was not waited for.
SOON, LATER = 0.001, 3600


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue.seeded(private=MODELS, public=3, odd=False)


async def take(
    scenario: AsyncScenario, store: CatalogStore, count: int, *, every: float = SOON
) -> list[Change]:
    """The next changes, of which the last one is not done with."""
    taken: list[Change] = []
    with anyio.fail_after(30):
        async with aclosing(watch(scenario, store, every=every)) as watched:
            async for change in watched:
                taken.append(change)
                if len(taken) == count:
                    return taken
    raise AssertionError("a watch does not end")


async def waiting(store: CatalogStore) -> int:
    database = database_of(store)
    noted = select(func.count()).select_from(database.tables.changes)
    async with database.transaction() as connection:
        count = await connection.scalar(noted)
    return count or 0


async def test_what_changes_later_is_given_with_the_names_of_its_fields(
    sandbox: Sandbox, connect: Connect, new_store_or_account: Callable[[], str]
) -> None:
    added, gone, trained, *_ = sorted(sandbox.catalogue.ids("private"))
    sandbox.catalogue.update(trained, status="training")
    async with connect() as scenario, CatalogStore.open(new_store_or_account()) as store:
        await sync(scenario, store)
        async with aclosing(watch(scenario, store, every=SOON)) as watched:
            with anyio.fail_after(30):
                # The first watch begins with a run that finds nothing new.
                sandbox.catalogue.update(trained, status="trained")
                sandbox.catalogue.delete(gone)
                new = sandbox.catalogue.add(name="New")
                taken = [await anext(watched) for _ in range(3)]

    assert added not in {change.id for change in taken}
    assert [change.id for change in taken if isinstance(change, Added)] == [new]
    assert Removed(gone) in taken
    (changed,) = (change for change in taken if isinstance(change, Changed))
    assert changed.id == trained
    assert "status" in changed.fields


async def test_a_change_is_given_again_until_the_next_one_is_asked_for(
    scenario: AsyncScenario, new_store_or_account: Callable[[], str]
) -> None:
    async with CatalogStore.open(new_store_or_account()) as store:
        first = await take(scenario, store, 3)
        again = await take(scenario, store, MODELS - 2)

    assert again[0] == first[-1]
    assert not {change.id for change in again} & {change.id for change in first[:-1]}


async def test_what_is_noted_is_given_before_the_service_is_asked(
    sandbox: Sandbox, scenario: AsyncScenario, new_store: Callable[[], str]
) -> None:
    async with CatalogStore.open(new_store()) as store:
        await take(scenario, store, 1)
        asked = len(sandbox.requests)
        await take(scenario, store, MODELS)

    assert len(sandbox.requests) == asked


async def test_a_run_that_was_under_way_notes_its_changes_from_the_first_watch_on(
    scenario: AsyncScenario, new_store_or_account: Callable[[], str]
) -> None:
    url = new_store_or_account()
    async with CatalogStore.open(url) as store, CatalogStore.open(url) as other:
        new = partial(row, createdAt=None)
        writer = ScopeWriter(database_of(other), "public", run=1, now=datetime.now(UTC))
        await writer.load()
        await writer.write(ScopePage(rows=[new("before", name="A"), new("gone", name="A")]))
        await take(scenario, store, MODELS)
        await writer.write(ScopePage(rows=[new("before", name="B"), new("new", name="A")]))
        await writer.remove(["gone"], {})
        taken = await take(scenario, store, 4)

    assert taken[1:] == [
        Added("new", Model(id="new", name="A")),
        Changed("before", ("name",), Model(id="before", name="B")),
        Removed("gone"),
    ]


async def test_nothing_is_noted_where_nobody_watches(
    sandbox: Sandbox, scenario: AsyncScenario, new_store_or_account: Callable[[], str]
) -> None:
    async with CatalogStore.open(new_store_or_account()) as store:
        await sync(scenario, store)
        assert await waiting(store) == 0

        async with aclosing(watch(scenario, store, every=LATER)) as watched:
            sandbox.catalogue.add(name="New")
            await anext(watched)
        assert await waiting(store) == 1

        await unwatch(store)
        sandbox.catalogue.add(name="Newer")
        await sync(scenario, store)
        assert await waiting(store) == 0


async def test_a_failure_is_raised_and_loses_no_change(
    sandbox: Sandbox, connect: Connect, new_store: Callable[[], str]
) -> None:
    async with connect(max_retries=0) as scenario, CatalogStore.open(new_store()) as store:
        await take(scenario, store, MODELS)
        sandbox.faults.add(ServerError(), times=1)
        with pytest.raises(InternalServerError):
            await take(scenario, store, 2)
        new = sandbox.catalogue.add(name="New")
        (change,) = await take(scenario, store, 1)

    assert isinstance(change, Added)
    assert change.id == new


async def test_changes_carry_the_model_as_the_store_has_it(
    sandbox: Sandbox, scenario: AsyncScenario, new_store_or_account: Callable[[], str]
) -> None:
    renamed, *_ = sorted(sandbox.catalogue.ids("private"))
    async with CatalogStore.open(new_store_or_account()) as store:
        added = await take(scenario, store, MODELS)
        sandbox.catalogue.update(renamed, name="Renamed")
        await sync(scenario, store, full=True)
        _, changed = await take(scenario, store, 2)
        stored = {model.id: model.model() async for model in store.models()}

    assert {change.id for change in added} == set(sandbox.catalogue.ids("private"))
    models_of = {one.id: one.model for one in added if isinstance(one, Added)}
    assert {name for name, model in models_of.items() if model != stored[name]} == {renamed}
    assert isinstance(changed, Changed)
    assert changed.model == stored[renamed]
    assert "name" in changed.fields
    assert changed.model is not None
    assert changed.model.name == "Renamed"
    assert "Signature" not in repr([*added, changed])


async def test_the_model_of_a_change_is_the_full_record_where_that_was_fetched(
    scenario: AsyncScenario, new_sqlite: Callable[[], str]
) -> None:
    async with CatalogStore.open(new_sqlite()) as store:
        async with aclosing(watch(scenario, store, every=LATER, details=True)) as watched:
            change = await anext(watched)

    assert isinstance(change, Added)
    assert change.model is not None
    assert change.model.inputs


async def test_a_record_that_does_not_fit_or_is_not_there_costs_no_change(
    scenario: AsyncScenario, new_store: Callable[[], str]
) -> None:
    async with CatalogStore.open(new_store()) as store:
        await take(scenario, store, 1)
        async with database_of(store).writing() as connection:
            first, second, third, *_ = (
                await connection.scalars(select(changes.c.model_id).order_by(changes.c.id))
            ).all()
            unfit = msgspec.json.encode({"id": second, "epochs": "none"}).decode()
            await connection.execute(update(models).values(record=unfit).where(of(second)))
            await connection.execute(delete(models).where(of(third)))
        taken = await take(scenario, store, 4)

    assert taken[1:3] == [Added(second), Added(third)]
    assert [change.model is None for change in taken if isinstance(change, Added)] == [
        False,
        True,
        True,
        False,
    ]
    assert taken[0].id == first


def of(model_id: str) -> ColumnElement[bool]:
    return models.c.id == model_id


async def test_with_a_function_for_errors_a_watch_outlives_an_outage(
    sandbox: Sandbox, connect: Connect, new_store: Callable[[], str]
) -> None:
    errors: list[Exception] = []
    async with connect(max_retries=0) as scenario, CatalogStore.open(new_store()) as store:
        sandbox.faults.add(ServerError(), times=None)

        def note(error: Exception) -> None:
            errors.append(error)
            if len(errors) == 3:
                sandbox.faults.clear()

        async with aclosing(watch(scenario, store, every=SOON, on_error=note)) as watched:
            with anyio.fail_after(30):
                taken = [await anext(watched) for _ in range(MODELS)]

    assert {type(error) for error in errors} == {InternalServerError}
    assert len(errors) == 3
    assert {change.id for change in taken} == set(sandbox.catalogue.ids("private"))


async def test_what_a_failed_run_changed_is_given_although_nothing_else_follows(
    sandbox: Sandbox, connect: Connect, new_sqlite: Callable[[], str]
) -> None:
    errors: list[Exception] = []
    async with connect(max_retries=0) as scenario, CatalogStore.open(new_sqlite()) as store:
        sandbox.faults.add(
            ServerError(), times=None, when=lambda one: one.query.get("privacy") == "public"
        )
        with anyio.fail_after(30):
            both = ["private", "public"]
            watched = watch(scenario, store, every=LATER, scopes=both, on_error=errors.append)
            async with aclosing(watched):
                taken = [await anext(watched) for _ in range(MODELS)]

    assert len(taken) == MODELS
    assert len(errors) == 1


async def test_a_store_that_is_busy_and_too_many_deletions_pass_as_well(
    sandbox: Sandbox, scenario: AsyncScenario, new_sqlite: Callable[[], str]
) -> None:
    errors: list[Exception] = []
    async with CatalogStore.open(new_sqlite()) as store, AsyncExitStack() as other:
        await sync(scenario, store, scopes=["public"])
        await take(scenario, store, MODELS)
        await other.enter_async_context(database_of(store).lock(["public"]))

        async def note(error: Exception) -> None:
            errors.append(error)

        def go_on(error: Exception) -> None:
            errors.append(error)
            if len(errors) == 1:
                assert isinstance(error, StoreBusyError)
                for model_id in tuple(sandbox.catalogue.ids("public")):
                    sandbox.catalogue.delete(model_id)
            else:
                raise LookupError("mine")

        watched = watch(
            scenario,
            store,
            every=SOON,
            scopes=["public"],
            full_every=timedelta(0),
            max_deletions=2,
            on_error=go_on,
        )
        async with aclosing(watched):
            await anext(watched)
            step = asyncio.ensure_future(anext(watched))
            await until(lambda: bool(errors))
            await other.aclose()
            with pytest.raises(LookupError, match="mine"):
                await step
        with pytest.raises(TypeError, match="on_error must be a plain function"):
            watch(scenario, store, every=SOON, on_error=note)

    assert [type(error) for error in errors] == [StoreBusyError, TooManyDeletionsError]


@pytest.mark.parametrize("error", [StoreError("gone"), ValueError("scope"), LookupError("bug")])
async def test_other_errors_always_come_out(
    error: Exception,
    scenario: AsyncScenario,
    new_sqlite: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("scenario_async.sync._watch.sync", fails)
    async with CatalogStore.open(new_sqlite()) as store:
        watched = watch(scenario, store, every=SOON, on_error=lambda _: None)
        with pytest.raises(type(error)):
            await anext(watched)
        with pytest.raises(UsageError, match="watch was ended by"):
            await anext(watched)


async def test_a_watch_that_was_cancelled_says_so_and_a_new_one_loses_nothing(
    sandbox: Sandbox, scenario: AsyncScenario, new_store: Callable[[], str]
) -> None:
    async with CatalogStore.open(new_store()) as store:
        watched = watch(scenario, store, every=LATER)
        first = [await anext(watched) for _ in range(MODELS)]
        step = asyncio.ensure_future(anext(watched))
        # It has begun.
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(step, 0)
        with pytest.raises(UsageError, match="this watch was cancelled before its end"):
            await anext(watched)
        new = sandbox.catalogue.add(name="New")
        again: set[str] = set()
        with anyio.fail_after(30):
            async with aclosing(watch(scenario, store, every=LATER)) as watched:
                while new not in again:
                    again.add((await anext(watched)).id)

    # Whether the last one was done with when its successor was cancelled is a race.
    assert again <= {first[-1].id, new}


@pytest.mark.parametrize("every", [True, "60", None])
async def test_a_pause_of_another_type_is_refused_at_once(
    every: Any, scenario: AsyncScenario, new_sqlite: Callable[[], str]
) -> None:
    with pytest.raises(TypeError, match="every must be seconds or a timedelta, not"):
        watch(scenario, CatalogStore.open(new_sqlite()), every=every)


@pytest.mark.parametrize("name", ["details", "wait"])
async def test_a_word_for_a_flag_of_a_watch_is_refused_at_once(
    name: str, scenario: AsyncScenario, new_sqlite: Callable[[], str]
) -> None:
    flags: dict[str, Any] = {name: "no"}
    with pytest.raises(TypeError, match=f"{name} must be True or False, not str"):
        watch(scenario, CatalogStore.open(new_sqlite()), every=LATER, **flags)


@pytest.mark.parametrize("every", [0, -1, timedelta(0)])
async def test_a_pause_that_is_none_is_refused(
    every: float | timedelta, scenario: AsyncScenario, new_sqlite: Callable[[], str]
) -> None:
    async with CatalogStore.open(new_sqlite()) as store:
        with pytest.raises(ValueError, match="every must be above zero"):
            await anext(watch(scenario, store, every=every))


@pytest.mark.parametrize("wait", [False, True])
async def test_where_another_run_is_at_work_a_watch_ends_or_waits(
    wait: bool,
    scenario: AsyncScenario,
    new_sqlite: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with CatalogStore.open(new_sqlite()) as store, AsyncExitStack() as other:
        await other.enter_async_context(database_of(store).lock(["private"]))

        async def until_it_ends(_: float) -> None:
            await other.aclose()

        monkeypatch.setattr(anyio, "sleep", until_it_ends)
        async with aclosing(watch(scenario, store, every=LATER, wait=wait)) as watched:
            if wait:
                assert isinstance(await anext(watched), Added)
            else:
                with pytest.raises(StoreBusyError):
                    await anext(watched)
