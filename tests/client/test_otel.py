"""Spans and metrics of OpenTelemetry, as its SDK gives them to an exporter."""

from __future__ import annotations

import asyncio
import gc
import importlib
import sys
import weakref
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from scenario_async import (
    APIConnectionError,
    APIResponseValidationError,
    AsyncScenario,
    EndEvent,
    EventHooks,
    FailureEvent,
    FleetEvent,
    InternalServerError,
    LiveEvent,
    Operation,
    PageEvent,
    RequestEvent,
    ResponseEvent,
    RetryEvent,
    ScopeEvent,
    WaitEvent,
)
from scenario_async._context import context_of, operation_of
from scenario_async.live import LiveCatalog
from scenario_async.otel import instrument
from scenario_async.otel._names import known_scopes
from scenario_async.sandbox import BadRow, Dropped, RateLimited, ServerError, Stalled
from scenario_async.sync import CatalogStore, sync

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Mapping
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan
    from support.client import Connect
    from support.clocks import FakeClock

    from scenario_async.sandbox import Sandbox

    Way = Callable[[AsyncScenario, Sandbox], AsyncGenerator[object, None]]

pytestmark = pytest.mark.anyio
REQUEST = "http.client.request.duration"


class Watched:
    """What a program exports that instruments its client."""

    def __init__(self) -> None:
        self.tracers = TracerProvider(shutdown_on_exit=False)
        self._exporter = InMemorySpanExporter()
        self.tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        self._reader = InMemoryMetricReader()
        self.meters = MeterProvider([self._reader], shutdown_on_exit=False)
        self.tracer = self.tracers.get_tracer("of the user")

    def instrument(self, client: AsyncScenario) -> Callable[[], None]:
        return instrument(client, tracer_provider=self.tracers, meter_provider=self.meters)

    @property
    def spans(self) -> list[ReadableSpan]:
        """Those that have ended, in the order in which they began."""
        return sorted(self._exporter.get_finished_spans(), key=lambda span: span.start_time or 0)

    def tree(self) -> list[str]:
        """The spans with their parents, each line once."""
        spans = {span.context.span_id: span for span in self.spans if span.context is not None}

        def path(span: ReadableSpan) -> str:
            if span.parent is None:
                return span.name
            return f"{path(spans[span.parent.span_id])} > {span.name}"

        return list(dict.fromkeys(map(path, self.spans)))

    def points(self, name: str) -> list[tuple[dict[str, object], Any]]:
        """What a metric says, with its attributes."""
        return [
            (dict(point.attributes), point)
            for metric in self._metrics()
            if metric.name == name
            for point in metric.data.data_points
        ]

    def names(self) -> set[str]:
        return {metric.name for metric in self._metrics()}

    def _metrics(self) -> Generator[Any]:
        data: Any = self._reader.get_metrics_data()
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                yield from scope.metrics

    def all_values(self) -> Generator[str]:
        """Each name and value of whatever is exported."""
        for span in self.spans:
            yield span.name
            yield str(span.status.description)
            yield from _texts(span.attributes or {})
            for event in span.events:
                yield event.name
                yield from _texts(event.attributes or {})
        for metric in self._metrics():
            yield from (metric.name, metric.description, metric.unit)
            for point in metric.data.data_points:
                yield from _texts(point.attributes)


def _texts(attributes: Mapping[str, object]) -> Generator[str]:
    for name, value in attributes.items():
        yield name
        yield str(value)


@pytest.fixture
def watched() -> Watched:
    return Watched()


def attributes(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})


def ids(sandbox: Sandbox) -> list[str]:
    return sandbox.catalogue.ids("private")[:5]


PAGE = "GET /models"
WAYS: dict[str, tuple[Way, list[str]]] = {
    "models": (
        lambda client, _: aiter(client.models.private(page_size=30)),
        ["listing private", f"listing private > {PAGE}"],
    ),
    "pages": (
        lambda client, _: client.models.public(page_size=30, strategy="cursor").pages(),
        ["listing public", f"listing public > {PAGE}"],
    ),
    "merge": (
        lambda client, _: aiter(
            client.models.merge(client.models.private(page_size=50), client.models.public())
        ),
        ["listing private public", f"listing private public > {PAGE}"],
    ),
    "many": (
        lambda client, sandbox: client.models.retrieve_many(ids(sandbox)),
        [
            "retrieval /models/{modelId}",
            "retrieval /models/{modelId} > GET /models/{modelId}",
        ],
    ),
    "details": (
        lambda client, _: client.models.private(page_size=200).with_details(),
        [
            "retrieval /models/{modelId}",
            "retrieval /models/{modelId} > listing private",
            f"retrieval /models/{{modelId}} > listing private > {PAGE}",
            "retrieval /models/{modelId} > GET /models/{modelId}",
        ],
    ),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("most", [3, 10_000])
async def test_a_span_is_the_parent_of_what_it_caused_and_current_in_no_code_of_the_user(
    way: tuple[Way, list[str]], most: int, connect: Connect, sandbox: Sandbox, watched: Watched
) -> None:
    go_through, tree = way
    async with connect() as client:
        watched.instrument(client)
        with watched.tracer.start_as_current_span("mine") as mine:
            count = 0
            async with aclosing(go_through(client, sandbox)) as steps:
                async for _ in steps:
                    assert trace.get_current_span() is mine
                    count += 1
                    if count == most:
                        break
            assert trace.get_current_span() is mine
    assert set(watched.tree()) - {"mine"} <= {f"mine > {line}" for line in tree}
    if most > count:
        assert set(watched.tree()) == {"mine", *(f"mine > {line}" for line in tree)}
    kinds = {span.name.split()[0]: span.kind for span in watched.spans if span.name != "mine"}
    assert kinds.pop("GET") is SpanKind.CLIENT
    assert set(kinds.values()) == {SpanKind.INTERNAL}
    (whole,) = (span for span in watched.spans if span.name == tree[0])
    assert whole.status.status_code is StatusCode.UNSET
    left = not attributes(whole).get("scenario_async.complete", True)
    assert left is (count == most)


async def test_what_one_asks_for_while_a_listing_goes_on_is_no_part_of_it(
    connect: Connect, sandbox: Sandbox, watched: Watched
) -> None:
    async with connect() as client:
        watched.instrument(client)
        async for model in client.models.private(page_size=50):
            await client.models.retrieve(model.id)
            with watched.tracer.start_as_current_span("mine"):
                await client.models.private(page_size=5)
            break
    assert {
        "listing private",
        f"listing private > {PAGE}",
        "retrieval /models/{modelId}",
        "retrieval /models/{modelId} > GET /models/{modelId}",
        "mine",
        "mine > page /models",
        f"mine > page /models > {PAGE}",
    } == set(watched.tree())


async def test_a_request_has_the_attributes_of_the_conventions(
    connect: Connect, sandbox: Sandbox, watched: Watched
) -> None:
    async with connect(base_url=f"{sandbox.base_url}") as client:
        watched.instrument(client)
        await client.models.retrieve(ids(sandbox)[0])
    retrieval, request = watched.spans
    server = {
        "http.request.method": "GET",
        "server.address": "127.0.0.1",
        "server.port": int(sandbox.base_url.split(":")[2].split("/")[0]),
        "url.template": "/models/{modelId}",
    }
    answered = {"http.response.status_code": 200}
    request_id = attributes(request)["scenario_async.request_id"]
    assert isinstance(request_id, str)
    assert attributes(request) == {
        **server,
        **answered,
        "scenario_async.request_id": request_id,
    }
    assert attributes(retrieval) == {"url.template": "/models/{modelId}"}
    scope = request.instrumentation_scope
    assert scope is not None
    assert scope.name == "scenario_async"

    ((measured, duration),) = watched.points(REQUEST)
    assert measured == {**server, **answered}
    assert duration.count == 1
    assert list(duration.explicit_bounds[:3]) == [0.005, 0.01, 0.025]
    assert watched.points("http.client.active_requests")[0][0] == server
    assert watched.names() == {REQUEST, "http.client.active_requests"}


async def test_each_attempt_is_a_request_and_says_which_one_it_is(
    connect: Connect, sandbox: Sandbox, watched: Watched, clock: FakeClock
) -> None:
    # What is dropped is repeated by aiohttp itself, once.
    for fault in (ServerError(503), Dropped(), Dropped(), RateLimited(retry_after=2)):
        sandbox.faults.add(fault)
    async with connect() as client:
        watched.instrument(client)
        await client.models.private(page_size=5)
    page, *requests = watched.spans
    assert [
        (
            attributes(one).get("http.request.resend_count"),
            attributes(one).get("http.response.status_code"),
            attributes(one).get("error.type"),
            one.status.status_code,
        )
        for one in requests
    ] == [
        (None, 503, "503", StatusCode.ERROR),
        (1, None, "APIConnectionError", StatusCode.ERROR),
        (2, 429, "429", StatusCode.ERROR),
        (3, 200, None, StatusCode.UNSET),
    ]
    assert attributes(requests[3])["scenario_async.wait.pause"] == pytest.approx(clock.slept[-1])
    assert page.status.status_code is StatusCode.UNSET
    retries = [dict(event.attributes or {}) for event in page.events]
    errors = ["503", "APIConnectionError", "429"]
    assert [one["error.type"] for one in retries] == errors
    assert [one["scenario_async.attempt"] for one in retries] == [1, 2, 3]
    counted = {
        point[0]["error.type"]: point[1].value for point in watched.points("scenario_async.retries")
    }
    assert counted == dict.fromkeys(errors, 1)
    waits = {
        point[0]["scenario_async.wait.reason"]: point[1]
        for point in watched.points("scenario_async.wait.duration")
    }
    assert {reason: point.count for reason, point in waits.items()} == {"retry": 2, "pause": 1}
    assert sum(point.sum for point in waits.values()) == pytest.approx(sum(clock.slept))
    assert len(watched.points(REQUEST)) == 4


async def test_what_fails_says_so_up_to_what_was_asked_for(
    connect: Connect, sandbox: Sandbox, watched: Watched
) -> None:
    sandbox.faults.add(ServerError(500), times=None)
    async with connect(max_retries=0) as client:
        watched.instrument(client)
        with pytest.raises(InternalServerError):
            await client.models.private().collect()
        sandbox.faults.clear()
        sandbox.faults.add(BadRow("wrong-type"))
        with pytest.raises(APIResponseValidationError):
            await client.models.public().collect()
    failed = [span for span in watched.spans if span.status.status_code is StatusCode.ERROR]
    assert [(span.name, attributes(span)["error.type"]) for span in failed] == [
        ("listing private", "500"),
        (PAGE, "500"),
        ("listing public", "APIResponseValidationError"),
    ]
    assert {span.status.description for span in failed} == {None}


async def test_a_cancellation_is_no_failure(
    connect: Connect, sandbox: Sandbox, watched: Watched
) -> None:
    sandbox.faults.add(Stalled(), times=None)
    under_way = asyncio.Event()
    hooks = EventHooks(on_request=lambda _: under_way.set())
    async with connect(event_hooks=hooks) as client:
        watched.instrument(client)
        task = asyncio.ensure_future(client.models.private().collect())
        await under_way.wait()
        ((_, active),) = watched.points("http.client.active_requests")
        assert active.value == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert [attributes(span)["error.type"] for span in watched.spans] == ["CancelledError"] * 2
    assert {span.status.status_code for span in watched.spans} == {StatusCode.UNSET}
    ((measured, _),) = watched.points(REQUEST)
    assert measured["error.type"] == "CancelledError"
    ((_, active),) = watched.points("http.client.active_requests")
    assert active.value == 0


async def test_a_sync_has_its_scopes_and_counts_models_by_what_became_of_them(
    connect: Connect, sandbox: Sandbox, watched: Watched, tmp_path: Path
) -> None:
    collection = f"public:collection:{sandbox.catalogue.collection_ids[0]}"
    async with connect() as client, CatalogStore.open(tmp_path / "models.db") as store:
        watched.instrument(client)
        with watched.tracer.start_as_current_span("mine"):
            report = await sync(client, store, scopes=["private", collection])
    name = "mine > sync private public:collection"
    assert {
        "mine",
        name,
        f"{name} > scope private",
        f"{name} > scope private > {PAGE}",
        f"{name} > scope public:collection",
        f"{name} > scope public:collection > {PAGE}",
    } <= set(watched.tree())
    (run,) = (span for span in watched.spans if span.name.startswith("sync"))
    assert attributes(run)["scenario_async.models.new"] == report.new > 0
    counted = {
        (point[0]["scenario_async.scope"], point[0]["scenario_async.outcome"]): point[1].value
        for point in watched.points("scenario_async.sync.models")
    }
    private, public = report.scopes
    assert counted["private", "new"] == private.new
    assert counted["public:collection", "new"] == public.new


async def test_a_refresh_begins_a_trace_and_an_age_is_that_of_an_open_catalogue(
    connect: Connect, sandbox: Sandbox, watched: Watched
) -> None:
    async with connect() as client:
        undo = watched.instrument(client)
        with watched.tracer.start_as_current_span("mine"):
            live = LiveCatalog(client, scopes=["private"], every=3600.0)
            async with live:
                await live.refresh()
                ((scope, age),) = watched.points("scenario_async.live.age")
                assert scope == {"scenario_async.scope": "private"}
                assert 0 <= age.value <= (live.status.age or 0)
                urls = await live.preview_urls(list(live.now))
                assert len(urls) == len(live)
        assert watched.points("scenario_async.live.age") == []
        gone = weakref.ref(live)
        del live
        gc.collect()
        assert gone() is None
        async with LiveCatalog(client, scopes=["private"], every=3600.0):
            undo()
            assert watched.points("scenario_async.live.age") == []
    tree = watched.tree()
    assert {
        "refresh private",
        "refresh private > sync private",
        "refresh private > sync private > scope private",
        f"refresh private > sync private > scope private > {PAGE}",
        "mine > retrieval /assets/get-bulk > POST /assets/get-bulk",
    } <= set(tree)
    assert not [line for line in tree if "mine > refresh" in line]


async def test_a_fleet_is_measured_and_a_run_for_an_account_begins_a_trace(
    connect: Connect, watched: Watched
) -> None:
    told: dict[str, Any] = {"waiting": 7, "running": 2, "refused": 1, "set_aside": 3, "failing": 4}
    told |= {"overdue": 5, "lag_median": 0.0, "lag_p95": 8.0, "lag_worst": 9.5, "workers": 2}
    told |= {"rows_per_second": 1.5, "slots": 100}
    async with connect() as client:
        undo = watched.instrument(client)
        hooks: Any = context_of(client).event_hooks
        for fleet in (1, 2):
            hooks.on_fleet(FleetEvent(**told, fleet=fleet, closed=False))
        with watched.tracer.start_as_current_span("mine"):
            with operation_of(client, "account", "studio-7") as inside:
                await inside.models.private(page_size=5)
            with pytest.raises(ValueError, match="poison"):
                with operation_of(client, "account", "studio-8"):
                    raise ValueError("poison")

        def values(name: str) -> dict[str, float]:
            points = watched.points(f"scenario_async.fleet.{name}")
            return {" ".join(map(str, one.values())): point.value for one, point in points}

        assert values("accounts") == {"waiting": 7, "running": 2, "refused": 1, "set aside": 3}
        assert values("lag") == {"0.5": 0.0, "0.95": 8.0, "1": 9.5}
        counts = ("overdue", "failing", "workers", "slots", "row_rate")
        assert [values(name) for name in counts] == [{"": one} for one in (5, 4, 2, 100, 1.5)]
        runs = watched.points("scenario_async.fleet.run.duration")
        assert [(one, point.count) for one, point in runs] == [
            ({}, 1),
            ({"error.type": "ValueError"}, 1),
        ]
        hooks.on_fleet(FleetEvent(**told, fleet=2, closed=True))
        assert values("workers") == {"": 2}
        undo()
        assert values("workers") == {}
        hooks.on_fleet(FleetEvent(**told, fleet=3, closed=False))
        assert values("workers") == {}
    assert watched.tree() == ["mine", "account", f"account > {PAGE}"]
    accounts = [span for span in watched.spans if span.name == "account"]
    assert [attributes(span)["scenario_async.account"] for span in accounts] == [
        "studio-7",
        "studio-8",
    ]


async def test_several_clients_have_one_set_of_instruments(
    connect: Connect, watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    async with connect() as one, connect() as other:
        undo = watched.instrument(one)
        watched.instrument(other)
        derived = one.with_options(timeout=60)
        for client in (one, other, derived):
            await client.models.private(page_size=5)
        undo()
        undo()
        for client in (one, derived):
            await client.models.private(page_size=5)
    assert caplog.records == []
    ((_, duration),) = watched.points(REQUEST)
    assert duration.count == 3
    assert len(watched.spans) == 6


async def test_what_is_undone_meanwhile_still_ends(connect: Connect, watched: Watched) -> None:
    async with connect() as client:
        undo = watched.instrument(client)
        models = aiter(client.models.private(page_size=30))
        await anext(models)
        undo()
        late = watched.instrument(client)
        assert len([model async for model in models]) > 30
        late()
    (listing,) = (span for span in watched.spans if span.name == "listing private")
    assert listing.end_time is not None


async def test_what_began_before_or_elsewhere_is_measured_as_far_as_it_can_be(
    watched: Watched,
) -> None:
    async with AsyncScenario(public=True, event_hooks=EventHooks()) as client:
        watched.instrument(client)
        hooks: Any = context_of(client).event_hooks
        call = Operation(kind="call", name="GET /models", parent=1)
        request = Operation(kind="request", name="GET /models", parent=call.id)
        named: dict[str, Any] = {"method": "GET", "path": "/models", "attempt": 1}
        error = InternalServerError("no", status_code=500)
        answer: dict[str, Any] = {**named, "status_code": 200, "seconds": 1.0, "size": 1}
        page: dict[str, Any] = {"models": 1, "repeated": 0, "invalid": 0, "last": True}
        for operation in (None, request):
            hooks.on_response(ResponseEvent(**answer, sends=1, operation=operation))
        hooks.on_request(RequestEvent(**named))
        hooks.on_retry(RetryEvent(**named, wait=1.0, error=error, operation=call))
        hooks.on_retry(RetryEvent(**named, wait=1.0, error=error))
        hooks.on_wait(WaitEvent(reason="slot", seconds=1.0, operation=call))
        hooks.on_page(PageEvent(**page, listing=1))
        counts: dict[str, Any] = {"new": 1, "changed": 0, "unchanged": 0, "deleted": 0}
        hooks.on_scope(ScopeEvent(scope="public", **counts, rejected=0, complete=True, sync=1))
        hooks.on_failure(FailureEvent(operation=call, seconds=1.0, error=error))
        hooks.on_end(EndEvent(operation=Operation(kind="listing", name="public"), seconds=1.0))
        live: dict[str, Any] = {"catalog": -1, "scopes": "public", "models": 0, "failures": 1}
        for closed in (False, True):
            hooks.on_live(LiveEvent(**live, as_of=None, closed=closed))
        assert watched.spans == []
        hooks.on_request(RequestEvent(**named, operation=request))
        hooks.on_response(ResponseEvent(**answer, sends=2, operation=request))
    assert watched.tree() == ["GET /models"]
    assert watched.names() == {
        REQUEST,
        "http.client.active_requests",
        "scenario_async.retries",
        "scenario_async.sync.models",
        "scenario_async.wait.duration",
    }


async def test_only_a_client_is_instrumented() -> None:
    with pytest.raises(TypeError, match="client must be an AsyncScenario, not str"):
        instrument("client")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


MINE = ("key_of_mine", "secret_of_mine", "hunter2", "proxy.invalid")


@pytest.mark.usefixtures("clock")
async def test_nothing_that_is_exported_has_a_secret_or_an_id(
    connect: Connect,
    sandbox: Sandbox,
    watched: Watched,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    secrets = [*sandbox.catalogue.ids("private"), *sandbox.catalogue.ids("public")]
    secrets += [*sandbox.catalogue.collection_ids, sandbox.api_key, sandbox.api_secret]
    secrets += [*MINE, "sc:scenario", "Signature", "/v1", "?", "http:"]
    collection = sandbox.catalogue.collection_ids[0]
    async with connect() as client:
        watched.instrument(client)
        previews = [one async for one in client.models.previews(ids(sandbox))]
        assert any("Signature" in str(getattr(one, "url", "")) for one in previews)
        await client.models.retrieve(ids(sandbox)[0])
        await client.models.public(tags=["sc:scenario"]).collect(limit=3)
        await client.models.list(collection_id=collection, page_size=5).collect()
        for fault in (ServerError(503), Dropped(), RateLimited(retry_after=2)):
            sandbox.faults.add(fault)
        await client.models.private(page_size=5)
        async with CatalogStore.open(tmp_path / "models.db") as store:
            await sync(client, store, scopes=["private", f"collection:{collection}"])
        async with LiveCatalog(client, scopes=[f"collection:{collection}"]):
            values = list(watched.all_values())
    key, secret, password, proxy = MINE
    monkeypatch.setenv("HTTP_PROXY", f"http://someone:{password}@{proxy}:3128")
    async with connect(
        api_key=key, api_secret=secret, base_url="http://nowhere.invalid/v1"
    ) as lost:
        watched.instrument(lost)
        with pytest.raises(APIConnectionError, match="proxy"):
            await lost.models.retrieve(ids(sandbox)[0])
    values += watched.all_values()
    assert len(values) > 500
    found = {secret for secret in secrets for value in set(values) if secret in value}
    assert found == set()


WORDS = {"private", "public", "unlisted", "collection", "public:collection", "unlisted:collection"}


@given(st.lists(st.sampled_from(sorted(WORDS)) | st.text(), max_size=8), st.text(max_size=3))
def test_a_scope_has_no_more_names_than_there_are_kinds_of_scopes(
    scopes: list[str], collection: str
) -> None:
    named = [f"{scope}:{collection}" if "collection" in scope else scope for scope in scopes]
    known = known_scopes(" ".join(named)).split()
    assert set(known) <= WORDS | {"private:collection"}
    assert len(set(known)) == len(known)
    assert {"private", "public", "unlisted"}.intersection(named) <= set(known)


def test_what_it_needs_is_said(
    monkeypatch: pytest.MonkeyPatch, forget_modules: Callable[[str], None]
) -> None:
    forget_modules("scenario_async.otel")
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'scenario-async\[otel\]'"):
        importlib.import_module("scenario_async.otel")
