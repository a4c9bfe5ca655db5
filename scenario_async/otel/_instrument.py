"""Where OpenTelemetry is tied to a client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import metrics, trace

from scenario_async import AsyncScenario, __version__

from ._metrics import Instruments, Metrics
from ._spans import Spans

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.metrics import Meter, MeterProvider
    from opentelemetry.trace import TracerProvider

__all__ = ["instrument"]

_NAME = "scenario_async"
_SCHEMA = "https://opentelemetry.io/schemas/1.34.0"


def instrument(
    client: AsyncScenario,
    *,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
) -> Callable[[], None]:
    """Make spans and metrics of what a client does, and those derived from it.

    Spans are those of listings, retrievals, syncs with their scopes, refreshes of live catalogues,
    and of each request, as the conventions for HTTP clients have it. Each is the parent of what it
    caused, and the current one while it does its own work: never in the code of whoever goes
    through a listing. No span and no metric has a query, a URL, an id of a model or what an error
    says. Requests carry no trace context: the service is somebody else's.

    Args:
        client: Which one, at any time before it is closed, and once: each further time makes spans
            of its own and counts everything again.
        tracer_provider: Of the SDK; the global one by default.
        meter_provider: Of the SDK; the global one by default.

    Returns:
        A function that undoes it. What is under way then still ends its spans.

    Raises:
        TypeError: ``client`` is something else.
    """
    if not isinstance(client, AsyncScenario):  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
        raise TypeError(f"client must be an AsyncScenario, not {type(client).__name__}")
    meters = metrics.get_meter_provider() if meter_provider is None else meter_provider
    spans = Spans(trace.get_tracer(_NAME, __version__, tracer_provider, _SCHEMA))
    measured = Metrics(Instruments.of(meters, _meter_of))
    removes = [client.add_event_hooks(spans.hooks), client.add_event_hooks(measured.hooks)]

    def undo() -> None:
        for remove in removes:
            remove()
        measured.forget()

    return undo


def _meter_of(provider: MeterProvider) -> Meter:
    return provider.get_meter(_NAME, __version__, _SCHEMA)
