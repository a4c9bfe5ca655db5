"""Metrics: of requests, waits, syncs and live catalogues."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar, TypeAlias
from weakref import WeakKeyDictionary

from opentelemetry.metrics import Observation

from scenario_async import EventHooks

from ._names import (
    ERROR_TYPE,
    METHOD,
    OUTCOME,
    OUTCOMES,
    PORT,
    SCOPE,
    SERVER,
    STATUS,
    TEMPLATE,
    WAIT_REASON,
    error_type,
    known_scopes,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider

    from scenario_async import (
        FailureEvent,
        LiveEvent,
        RequestEvent,
        ResponseEvent,
        RetryEvent,
        ScopeEvent,
        WaitEvent,
    )

__all__ = ["Instruments", "Metrics"]

# As the conventions advise:
# https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#metric-httpclientrequestduration
_DURATIONS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
# A window of the service's limit is a minute.
_WAITS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120]
_FIRST_ERROR = 400
_Request: TypeAlias = tuple[str, str, str, int]


class Instruments:
    """What is measured by one provider, for all clients that it measures.

    Attributes:
        active: How many requests are under way, by the values of their attributes.
        ages: Of each live catalogue, its scopes and what it is the outcome of.
    """

    _all: ClassVar[WeakKeyDictionary[MeterProvider, Instruments]] = WeakKeyDictionary()

    def __init__(self, meter: Meter) -> None:
        self.active: Counter[_Request] = Counter()
        self.ages: dict[int, tuple[str, datetime]] = {}
        self.duration = meter.create_histogram(
            "http.client.request.duration",
            unit="s",
            description="Duration of HTTP client requests.",
            explicit_bucket_boundaries_advisory=_DURATIONS,
        )
        # Observed, which costs nothing at each request.
        meter.create_observable_up_down_counter(
            "http.client.active_requests",
            [self._observe_active],
            unit="{request}",
            description="Number of active HTTP requests.",
        )
        self.retries = meter.create_counter(
            "scenario_async.retries",
            unit="{retry}",
            description="Attempts that failed and were followed by another one.",
        )
        self.waits = meter.create_histogram(
            "scenario_async.wait.duration",
            unit="s",
            description="How long calls waited before a request went out.",
            explicit_bucket_boundaries_advisory=_WAITS,
        )
        self.models = meter.create_counter(
            "scenario_async.sync.models",
            unit="{model}",
            description="What syncs found of models.",
        )
        meter.create_observable_gauge(
            "scenario_async.live.age",
            [self._observe_ages],
            unit="s",
            description="How long ago the refresh began that a live catalogue is the outcome of.",
        )

    @classmethod
    def of(cls, provider: MeterProvider, make: Callable[[], Meter]) -> Instruments:
        """Those of a provider, which wants each of them to be made once."""
        instruments = cls._all.get(provider)
        if instruments is None:
            instruments = cls._all[provider] = cls(make())
        return instruments

    # Whoever collects metrics may do so in any thread.

    def _observe_active(self, _: CallbackOptions) -> Iterator[Observation]:
        for request, number in tuple(self.active.items()):
            yield Observation(number, _attributes(request))

    def _observe_ages(self, _: CallbackOptions) -> Iterator[Observation]:
        """The oldest of each set of scopes."""
        now, oldest = datetime.now(UTC), dict[str, float]()
        for scopes, as_of in tuple(self.ages.values()):
            age = max(0.0, (now - as_of).total_seconds())
            oldest[scopes] = max(age, oldest.get(scopes, 0.0))
        for scopes, age in oldest.items():
            yield Observation(age, {SCOPE: scopes})


class Metrics:
    """Measures what hooks are told of.

    Args:
        instruments: What it is measured by.
    """

    def __init__(self, instruments: Instruments) -> None:
        self._to = instruments
        self._under_way: dict[int, _Request] = {}
        self._catalogues: set[int] = set()
        self.hooks: EventHooks = EventHooks(
            on_request=self._request,
            on_response=self._response,
            on_failure=self._failure,
            on_retry=self._retry,
            on_wait=self._wait,
            on_scope=self._scope,
            on_live=self._live,
        )

    def forget(self) -> None:
        """Forget the live catalogues that it knows of: nobody tells of them any more."""
        for catalog in self._catalogues:
            self._to.ages.pop(catalog, None)

    def _request(self, event: RequestEvent) -> None:
        if event.operation is not None:
            request = (event.method, event.template, event.host, event.port)
            self._under_way[event.operation.id] = request
            self._to.active[request] += 1

    def _response(self, event: ResponseEvent) -> None:
        if event.operation is not None:
            more: dict[str, str | int] = {STATUS: event.status_code}
            if event.status_code >= _FIRST_ERROR:
                more[ERROR_TYPE] = str(event.status_code)
            self._ended(event.operation.id, event.seconds, more)

    def _failure(self, event: FailureEvent) -> None:
        more: dict[str, str | int] = {ERROR_TYPE: error_type(event.error)}
        self._ended(event.operation.id, event.seconds, more)

    def _ended(self, operation: int, seconds: float, more: dict[str, str | int]) -> None:
        request = self._under_way.pop(operation, None)
        if request is not None:
            self._to.active[request] -= 1
            self._to.duration.record(seconds, {**_attributes(request), **more})

    def _retry(self, event: RetryEvent) -> None:
        self._to.retries.add(1, {METHOD: event.method, ERROR_TYPE: error_type(event.error)})

    def _wait(self, event: WaitEvent) -> None:
        self._to.waits.record(event.seconds, {WAIT_REASON: event.reason})

    def _scope(self, event: ScopeEvent) -> None:
        for outcome in OUTCOMES:
            if models := getattr(event, outcome):
                attributes = {OUTCOME: outcome, SCOPE: known_scopes(event.scope)}
                self._to.models.add(models, attributes)

    def _live(self, event: LiveEvent) -> None:
        if event.closed:
            self._catalogues.discard(event.catalog)
            self._to.ages.pop(event.catalog, None)
        elif event.as_of is not None:
            self._catalogues.add(event.catalog)
            self._to.ages[event.catalog] = (known_scopes(event.scopes), event.as_of)


def _attributes(request: _Request) -> dict[str, str | int]:
    method, template, server, port = request
    return {METHOD: method, TEMPLATE: template, SERVER: server, PORT: port}
