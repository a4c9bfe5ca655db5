"""Hooks beside hooks, what is around operations, and what is told beside their ends."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from contextlib import aclosing, contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import pytest

from scenario_async import (
    AsyncScenario,
    EventHooks,
    LiveEvent,
    Operation,
    RequestEvent,
    ScenarioError,
    ScopeEvent,
    StartEvent,
    WaitEvent,
)
from scenario_async.live import LiveCatalog
from scenario_async.sandbox import RateLimited, ServerError
from scenario_async.sync import CatalogStore, sync

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from pathlib import Path

    from support.client import Connect
    from support.clocks import FakeClock

    from scenario_async.sandbox import Sandbox

    Way = Callable[[AsyncScenario, Sandbox], AsyncGenerator[object, None]]

pytestmark = pytest.mark.anyio
CURRENT: ContextVar[Operation | None] = ContextVar("CURRENT", default=None)


class Around:
    """Sets a context variable while an operation does its work."""

    def __init__(self) -> None:
        self.began: dict[int, tuple[Operation, Operation | None]] = {}
        self.stretches: Counter[int] = Counter()
        self.hooks = EventHooks(on_start=self._begin, on_request=self._begin, around=self._stretch)

    def _begin(self, event: StartEvent | RequestEvent) -> None:
        assert event.operation is not None
        self.began[event.operation.id] = (event.operation, CURRENT.get())

    @contextmanager
    def _stretch(self, operation: Operation) -> Generator[None]:
        assert operation.id in self.began
        self.stretches[operation.id] += 1
        token = CURRENT.set(operation)
        try:
            yield
        finally:
            CURRENT.reset(token)

    def check(self) -> None:
        for operation, outside in self.began.values():
            if operation.parent is not None:
                # Also in the tasks that fetch what is asked for.
                assert outside is not None
                assert outside.id == operation.parent
            assert self.stretches[operation.id] > 0


def ids(sandbox: Sandbox) -> list[str]:
    return sandbox.catalogue.ids("private")[:5]


WAYS: dict[str, Way] = {
    "models": lambda client, _: aiter(client.models.private(page_size=30)),
    "pages": lambda client, _: client.models.public(page_size=30, strategy="cursor").pages(),
    "details": lambda client, _: client.models.private(page_size=50).with_details(),
    "merge": lambda client, _: aiter(
        client.models.merge(client.models.private(page_size=50), client.models.public())
    ),
    "many": lambda client, sandbox: client.models.retrieve_many(ids(sandbox)),
    "previews": lambda client, sandbox: client.models.previews(ids(sandbox)),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("most", [1, 10_000])
async def test_what_is_set_around_an_operation_is_set_for_its_parts_and_not_for_its_caller(
    way: Way, most: int, connect: Connect, sandbox: Sandbox
) -> None:
    around = Around()
    mine = Operation(kind="page", name="of the caller")
    CURRENT.set(mine)
    async with connect(event_hooks=around.hooks) as client, aclosing(way(client, sandbox)) as steps:
        count = 0
        async for _ in steps:
            assert CURRENT.get() is mine
            # Each step may be taken in another context.
            await asyncio.create_task(anyio.lowlevel.checkpoint())
            count += 1
            if count == most:
                break
    assert CURRENT.get() is mine
    around.check()
    assert any(operation.kind == "request" for operation, _ in around.began.values())


async def test_a_generator_that_is_dropped_is_left_in_another_context(connect: Connect) -> None:
    around = Around()
    mine = Operation(kind="page", name="of the caller")
    CURRENT.set(mine)
    async with connect(event_hooks=around.hooks) as client:
        async for _ in client.models.private(page_size=30):
            break
        assert CURRENT.get() is mine
    around.check()


async def test_hooks_are_added_to_a_client_and_to_those_derived_from_it(
    connect: Connect, sandbox: Sandbox
) -> None:
    own: list[RequestEvent] = []
    added: list[RequestEvent] = []
    others: list[RequestEvent] = []
    async with connect(event_hooks=EventHooks(on_request=own.append)) as client:
        before = client.with_options(timeout=60)
        remove = client.add_event_hooks(EventHooks(on_request=added.append))
        client.add_event_hooks(EventHooks(on_request=added.append))
        after = before.with_options(event_hooks=EventHooks(on_request=others.append))
        before.add_event_hooks(EventHooks(on_request=others.append))
        await client.models.private(page_size=5)
        assert (len(own), len(added), len(others)) == (1, 2, 0)
        await before.models.private(page_size=5)
        assert (len(own), len(added), len(others)) == (2, 4, 1)
        await after.models.private(page_size=5)
        assert (len(own), len(added), len(others)) == (2, 6, 3)
        remove()
        remove()
        await after.models.private(page_size=5)
        assert (len(own), len(added), len(others)) == (2, 7, 5)
        with pytest.raises(TypeError, match="hooks must be EventHooks, not function"):
            client.add_event_hooks(print_event)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def print_event(_: object) -> None:
    raise ZeroDivisionError


async def test_hooks_that_fail_cost_the_others_nothing_and_swallow_nothing(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    @contextmanager
    def swallowing(_: Operation) -> Generator[None]:
        with suppress(BaseException):  # what nobody should do
            yield

    class Leaving:
        def __enter__(self) -> None:
            """Nothing."""

        def __exit__(self, *_: object) -> None:
            raise ZeroDivisionError

    around, seen = Around(), list[RequestEvent]()
    async with connect(event_hooks=around.hooks, max_retries=0) as client:
        client.add_event_hooks(EventHooks(around=swallowing))
        client.add_event_hooks(EventHooks(around=print_event))
        client.add_event_hooks(EventHooks(around=lambda _: Leaving(), on_request=print_event))
        client.add_event_hooks(EventHooks(on_request=seen.append))
        with caplog.at_level(logging.CRITICAL, "scenario_async"):
            await client.models.private().collect(limit=3)
            with pytest.raises(TypeError), anyio.fail_after(5):
                await client.models.retrieve(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        await client.models.private(page_size=5)
    around.check()
    assert len(seen) == 2
    failed = Counter(record.getMessage() for record in caplog.records)
    assert set(failed) == {
        "a context manager around a page failed",
        "a context manager around a call failed",
        "a context manager around a request failed",
        "an event hook failed on RequestEvent",
    }


async def test_a_pause_of_the_service_and_one_before_a_retry_are_waits(
    connect: Connect, sandbox: Sandbox, clock: FakeClock
) -> None:
    sandbox.faults.add(ServerError(503))
    sandbox.faults.add(RateLimited(retry_after=2))
    waits: list[WaitEvent] = []
    async with connect(event_hooks=EventHooks(on_wait=waits.append)) as client:
        await client.models.private(page_size=5)
    assert [wait.reason for wait in waits] == ["retry", "pause"]
    assert [wait.seconds for wait in waits] == pytest.approx([one for one in clock.slept if one])
    assert {wait.operation.kind for wait in waits} == {"call"}


async def test_a_request_tells_the_template_of_its_path_and_the_server(
    connect: Connect, sandbox: Sandbox
) -> None:
    requests: list[RequestEvent] = []
    async with connect(event_hooks=EventHooks(on_request=requests.append)) as client:
        await client.models.retrieve(ids(sandbox)[0])
        with pytest.raises(ValueError, match="model_id"):
            await client.models.retrieve("")
        await client.models.private(page_size=5)
    assert [one.template for one in requests] == ["/models/{modelId}", "/models"]
    assert {f"http://{one.host}:{one.port}/v1" for one in requests} == {sandbox.base_url}


async def test_a_secret_that_the_service_calls_a_request_by_is_not_told(
    connect: Connect, sandbox: Sandbox
) -> None:
    sandbox.api_secret = "sandbox-1"  # what it calls the first request
    told: list[str | None] = []
    hooks = EventHooks(on_response=lambda event: told.append(event.request_id))
    async with connect(
        api_key=sandbox.api_key, api_secret=sandbox.api_secret, event_hooks=hooks
    ) as scenario:
        await scenario.models.private()
    assert told == ["***"]


async def test_a_sync_tells_what_became_of_the_models_of_each_scope(
    connect: Connect, sandbox: Sandbox, tmp_path: Path
) -> None:
    scopes: list[ScopeEvent] = []
    starts: list[StartEvent] = []
    hooks = EventHooks(on_scope=scopes.append, on_start=starts.append)
    async with connect(event_hooks=hooks, max_retries=0) as client:
        async with CatalogStore.open(tmp_path / "models.db") as store:
            report = await sync(client, store, scopes=["private", "public"])
            sandbox.faults.add(ServerError(500), times=None)
            with pytest.raises(Exception, match="500"):
                await sync(client, store)
    runs = [start.operation.id for start in starts if start.operation.kind == "sync"]
    told = [(one.scope, one.new, one.complete, one.sync) for one in scopes]
    private, public = report.scopes
    assert told == [
        ("private", private.new, True, runs[0]),
        ("public", public.new, True, runs[0]),
        ("private", 0, False, runs[1]),
    ]


async def test_a_refresh_of_a_live_catalogue_has_its_sync_and_tells_what_there_is(
    connect: Connect, sandbox: Sandbox
) -> None:
    told: list[LiveEvent] = []
    starts: list[Operation] = []
    hooks = EventHooks(on_live=told.append, on_start=lambda event: starts.append(event.operation))
    async with connect(event_hooks=hooks) as client:
        async with LiveCatalog(client, every=3600.0) as live:
            await live.refresh()
            as_of, models = live.status.as_of, len(live)
        assert [one.closed for one in told] == [False] * (len(told) - 1) + [True]
    refreshes = [one for one in starts if one.kind == "refresh"]
    assert [(one.name, one.parent) for one in refreshes] == [("private", None)] * len(refreshes)
    syncs = [one for one in starts if one.kind == "sync"]
    assert [one.parent for one in syncs] == [one.id for one in refreshes]
    assert len({one.catalog for one in told}) == 1
    last: Any = told[-1]
    assert (last.as_of, last.models, last.failures, last.scopes) == (as_of, models, 0, "private")


class Stop(BaseException):
    """As what a test fails with, or an interrupt."""


@pytest.mark.parametrize("hook", ["on_live", "on_scope"])
async def test_a_hook_that_stops_a_live_catalogue_leaves_nobody_waiting_and_the_lead_to_others(
    hook: str, connect: Connect, sandbox: Sandbox, tmp_path: Path
) -> None:
    stops = False

    def stop(_: object) -> None:
        if stops:
            raise Stop

    hooks = EventHooks(**{hook: stop})
    async with CatalogStore.open(tmp_path / "models.db") as store, connect() as other:
        async with connect(event_hooks=hooks) as client:
            async with LiveCatalog(client, store=store, every=3600.0) as live:
                stops = True
                for _ in range(2):
                    with pytest.raises(ScenarioError, match="all refreshes were ended by"):
                        await live.refresh()
        before = len(sandbox.requests)
        async with LiveCatalog(other, store=store, every=3600.0) as live:
            await live.refresh()
        assert len(sandbox.requests) > before
