"""What instruments of OpenTelemetry keep of what is under way: nothing, once it has ended."""

from __future__ import annotations

import asyncio
import gc
import os
import random
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.metrics._internal import _ProxyMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from support.client import until

from scenario_async import AsyncScenario, EventHooks
from scenario_async.live import LiveCatalog
from scenario_async.otel import instrument
from scenario_async.otel._metrics import Instruments, Metrics
from scenario_async.otel._spans import Spans
from scenario_async.sandbox import ServerError, Stalled

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from support.client import Connect
    from support.clocks import FakeClock

    from scenario_async.sandbox import Sandbox

    Way = Callable[[AsyncScenario, list[str]], AsyncGenerator[object, None]]

pytestmark = pytest.mark.anyio

AGE = "scenario_async.live.age"
ACTIVE = "http.client.active_requests"
HOOKS = ("on_request", "on_response", "on_retry", "on_page", "on_start", "on_end", "on_failure")
WAYS: list[Way] = [
    lambda client, _: aiter(client.models.private(page_size=30)),
    lambda client, _: client.models.private(page_size=30).pages(),
    lambda client, _: client.models.private(page_size=50).with_details(),
    lambda client, _: aiter(
        client.models.merge(client.models.private(page_size=50), client.models.public())
    ),
    lambda client, ids: client.models.retrieve_many(ids),
    lambda client, ids: client.models.previews(ids),
]


class Watched:
    """What watches a client, and what its metrics say."""

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        self.meters = MeterProvider([self._reader], shutdown_on_exit=False)
        self.instruments = Instruments(self.meters.get_meter("endings"))
        self.spans = Spans(trace.get_tracer("endings", tracer_provider=trace.NoOpTracerProvider()))
        self.metrics = Metrics(self.instruments)

    def add_to(self, client: AsyncScenario) -> Callable[[], None]:
        removes = [client.add_event_hooks(one.hooks) for one in (self.spans, self.metrics)]

        def remove_all() -> None:
            for remove in removes:
                remove()

        return remove_all

    def instrument(self, client: AsyncScenario) -> Callable[[], None]:
        return instrument(client, meter_provider=self.meters)

    @property
    def kept(self) -> int:
        """How much of what is under way is remembered."""
        spans: Any = self.spans
        return len(spans._open) + len(spans._calls) + len(self.instruments.under_way)

    def values(self, name: str) -> list[float]:
        data: Any = self._reader.get_metrics_data()
        return [
            point.value
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]


class Ending:
    """Ends tasks at some of the events, by a cancellation or by what a hook raises."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - no secret
        self.cancelled = 0
        self.tasks: set[asyncio.Task[None]] = set()
        self.hooks = EventHooks(**dict.fromkeys(HOOKS, self._at))

    def _at(self, _: object) -> None:
        if self.chance.random() < 0.05:
            raise asyncio.CancelledError
        if self.tasks and self.chance.random() < 0.3:
            self.cancelled += self.chance.choice([*self.tasks]).cancel()

    async def go(self, steps: AsyncGenerator[object, None]) -> None:
        most, closes = self.chance.choice([1, 35, 1000]), self.chance.random() < 0.5
        async for _ in steps:
            most -= 1
            if not most:
                break
        if closes:
            await steps.aclose()

    def start(self, steps: AsyncGenerator[object, None]) -> None:
        task = asyncio.ensure_future(self.go(steps))
        self.tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        _ = task.cancelled() or task.exception()


@pytest.mark.one_loop
async def test_a_thousand_cancellations_leave_nothing_behind(
    connect: Connect, sandbox: Sandbox, clock: FakeClock
) -> None:
    first, between, last = Watched(), Watched(), Watched()
    ending, ids = Ending(seed=14), sandbox.catalogue.ids("private")[:5]
    sandbox.faults.add(ServerError(503), times=50)
    async with connect(max_concurrency=6) as client:
        first.add_to(client)
        client.add_event_hooks(ending.hooks)
        last.add_to(client)
        while ending.cancelled < 1000:
            remove = between.add_to(client)
            for _ in range(20):
                ending.start(ending.chance.choice(WAYS)(client, ids))
            await asyncio.wait(ending.tasks, return_when=asyncio.FIRST_COMPLETED)
            remove()
        while ending.tasks:
            await asyncio.wait(ending.tasks)
        gc.collect()  # what was left, and not closed
        await until(lambda: not first.kept)
        assert [one.kept for one in (first, between, last)] == [0, 0, 0]
    assert clock.slept
    assert [set(one.values(ACTIVE)) for one in (first, between, last)] == [{0}] * 3


async def test_an_age_is_there_as_long_as_anybody_measures_it(connect: Connect) -> None:
    watched = Watched()
    async with connect() as client:
        first, second = watched.instrument(client), watched.instrument(client)
        async with LiveCatalog(client, every=3600.0) as live:
            first()
            assert len(watched.values(AGE)) == 1
            second()
            assert watched.values(AGE) == []
            watched.instrument(client)
            await live.refresh()
            second()
            assert len(watched.values(AGE)) == 1
        assert watched.values(AGE) == []


async def test_an_instrumentation_that_is_undone_by_a_hook_is_undone_at_once(
    connect: Connect,
) -> None:
    watched, undo = Watched(), list["Callable[[], None]"]()
    hooks = EventHooks(on_live=lambda _: [one() for one in undo])
    async with connect(event_hooks=hooks) as client:
        undo.append(watched.instrument(client))
        async with LiveCatalog(client, every=3600.0) as live:
            assert len(live) > 0
            assert watched.values(AGE) == []


async def test_instruments_from_before_the_global_provider_was_set_are_those_from_after_it(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched, stand_in = Watched(), _ProxyMeterProvider()
    async with connect() as early, connect() as late:
        instrument(early, meter_provider=stand_in)
        for name in ("opentelemetry.metrics", "scenario_async.otel._metrics"):
            monkeypatch.setattr(f"{name}.get_meter_provider", lambda: watched.meters)
        stand_in.on_set_meter_provider(watched.meters)
        instrument(late)
        async with LiveCatalog(late, every=3600.0):
            assert len(watched.values(AGE)) == 1


@pytest.mark.one_loop
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are systems without")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # as the sandbox has a thread
async def test_a_fork_measures_nothing_of_what_goes_on_in_its_parent(
    connect: Connect, sandbox: Sandbox
) -> None:
    watched, under_way = Watched(), asyncio.Event()
    sandbox.faults.add(Stalled(), times=None, when=lambda request: "public" in request.path)
    async with connect() as client:
        watched.instrument(client)
        async with LiveCatalog(client, every=3600.0):
            client.add_event_hooks(EventHooks(on_request=lambda _: under_way.set()))
            stalled = asyncio.ensure_future(client.models.public().collect())
            await under_way.wait()
            assert (len(watched.values(AGE)), watched.values(ACTIVE)) == (1, [1])
            child = os.fork()
            if not child:  # pragma: no cover - in another process
                seen = (watched.values(AGE), watched.values(ACTIVE))
                os._exit(seen != ([], [0]))
            assert os.waitpid(child, 0)[1] == 0  # noqa: ASYNC222 - it waits for nobody
            assert (len(watched.values(AGE)), watched.values(ACTIVE)) == (1, [1])
            stalled.cancel()
            await asyncio.wait([stalled])
    assert (watched.values(AGE), watched.values(ACTIVE)) == ([], [0])
