"""Metrics: of requests, waits, syncs, live catalogues and fleets."""

from __future__ import annotations

import os
import threading
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar, TypeAlias
from weakref import WeakKeyDictionary

from opentelemetry.metrics import Observation, get_meter_provider

from scenario_async import EventHooks

from ._fleet_gauges import FleetGauges
from ._names import (
    ERROR_TYPE,
    METHOD,
    OUTCOME,
    OUTCOMES,
    PORT,
    SCOPE,
    SERVER,
    TEMPLATE,
    WAIT_REASON,
    error_type,
    known_scopes,
    status_attributes,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider

    from scenario_async import (
        EndEvent,
        FailureEvent,
        FleetEvent,
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
# From a few pages to all of a large catalogue at a hundred requests a minute.
_RUNS = [0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600]
_Request: TypeAlias = tuple[str, str, str, int]


class Instruments:
    """What is measured by one provider, for all clients that it measures.

    Clients may be in several threads, and whoever collects metrics in yet another one. So what is
    observed is kept as one entry of a dictionary each, which comes and goes in one step.

    Attributes:
        under_way: The requests that are under way, by who measures them and their operation.
        ages: Of each live catalogue, its scopes and what it is the outcome of; by who measures it
            and its number.
        fleet: What is told of fleets.
    """

    _all: ClassVar[WeakKeyDictionary[MeterProvider, Instruments]] = WeakKeyDictionary()
    _making: ClassVar = threading.Lock()

    def __init__(self, meter: Meter) -> None:
        self.under_way: dict[tuple[Metrics, int], _Request] = {}
        self.ages: dict[tuple[object, int], tuple[str, datetime]] = {}
        self._seen: dict[_Request, None] = {}
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
        self.fleet = FleetGauges(meter)
        self.runs = meter.create_histogram(
            "scenario_async.fleet.run.duration",
            unit="s",
            description="How long runs for accounts of a fleet took.",
            explicit_bucket_boundaries_advisory=_RUNS,
        )

    @classmethod
    def of(cls, provider: MeterProvider, make: Callable[[MeterProvider], Meter]) -> Instruments:
        """Those of a provider, which wants each of them to be made once."""
        with cls._making:
            instruments = cls._all.get(provider)
            if instruments is None:
                meter = make(provider)
                others = list(cls._all.items()) if provider is get_meter_provider() else []
                # What stood for the global one until that was set has the same meter by now.
                same = (one for other, one in others if make(other) is meter)
                instruments = cls._all[provider] = next(same, None) or cls(meter)
            return instruments

    @classmethod
    def forget_all(cls) -> None:
        """Forget what is under way and who is fresh: in a fork of a process it never ends."""
        cls._making = threading.Lock()
        for instruments in cls._all.values():
            instruments.under_way.clear()
            instruments.ages.clear()
            instruments.fleet.told.clear()

    def begin(self, key: tuple[Metrics, int], request: _Request) -> None:
        """Note that a request is under way, until it is taken out again."""
        self._seen[request] = None
        self.under_way[key] = request

    def _observe_active(self, _: CallbackOptions) -> Iterator[Observation]:
        active = Counter(self.under_way.copy().values())
        for request in self._seen.copy():
            yield Observation(active[request], _attributes(request))

    def _observe_ages(self, _: CallbackOptions) -> Iterator[Observation]:
        """The oldest of each set of scopes."""
        now, oldest = datetime.now(UTC), dict[str, float]()
        for scopes, as_of in self.ages.copy().values():
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
        self._undone = False
        self.hooks: EventHooks = EventHooks(
            on_request=self._request,
            on_response=self._response,
            on_end=self._end,
            on_failure=self._failure,
            on_retry=self._retry,
            on_wait=self._wait,
            on_scope=self._scope,
            on_live=self._live,
            on_fleet=self._fleet,
        )

    def forget(self) -> None:
        """Forget the live catalogues and fleets it knows of: nobody tells of them any more.

        But for an event that is being told, as where one of its other hooks has undone this.
        """
        self._undone = True
        for told in (self._to.ages, self._to.fleet.told):
            for key in [key for key in told.copy() if key[0] is self]:
                told.pop(key, None)

    def _request(self, event: RequestEvent) -> None:
        if event.operation is not None:
            request = (event.method, event.template, event.host, event.port)
            self._to.begin((self, event.operation.id), request)

    def _response(self, event: ResponseEvent) -> None:
        if event.operation is not None:
            self._ended(event.operation.id, event.seconds, status_attributes(event.status_code))

    def _end(self, event: EndEvent) -> None:
        if event.operation.kind == "account":
            self._to.runs.record(event.seconds)

    def _failure(self, event: FailureEvent) -> None:
        more: dict[str, str | int] = {ERROR_TYPE: error_type(event.error)}
        if event.operation.kind == "account":
            self._to.runs.record(event.seconds, more)
        self._ended(event.operation.id, event.seconds, more)

    def _ended(self, operation: int, seconds: float, more: dict[str, str | int]) -> None:
        request = self._to.under_way.pop((self, operation), None)
        if request is not None:
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
            self._to.ages.pop((self, event.catalog), None)
        elif event.as_of is not None and not self._undone:
            self._to.ages[self, event.catalog] = (known_scopes(event.scopes), event.as_of)

    def _fleet(self, event: FleetEvent) -> None:
        # The one that told last is the last of them.
        self._to.fleet.told.pop((self, event.fleet), None)
        if not event.closed and not self._undone:
            self._to.fleet.told[self, event.fleet] = event


def _attributes(request: _Request) -> dict[str, str | int]:
    method, template, server, port = request
    return {METHOD: method, TEMPLATE: template, SERVER: server, PORT: port}


if hasattr(os, "register_at_fork"):  # pragma: no branch - there are systems without
    os.register_at_fork(after_in_child=Instruments.forget_all)
