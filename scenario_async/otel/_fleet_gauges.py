"""Gauges of whole fleets: any of the workers of a fleet says the same of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.metrics import Observation

from ._names import QUANTILE, STATE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from opentelemetry.metrics import CallbackOptions, Meter

    from scenario_async import FleetEvent

__all__ = ["FleetGauges"]

# By what they are called: their unit, what they are, and the attributes of what is in an event.
_GAUGES: Mapping[str, tuple[str, str, Mapping[str, Mapping[str, str]]]] = {
    "accounts": (
        "{account}",
        "How many accounts a fleet has.",
        {
            "waiting": {STATE: "waiting"},
            "running": {STATE: "running"},
            "refused": {STATE: "refused"},
            "set_aside": {STATE: "set aside"},
        },
    ),
    "lag": (
        "s",
        "How long the accounts of a fleet are overdue.",
        {
            "lag_median": {QUANTILE: "0.5"},
            "lag_p95": {QUANTILE: "0.95"},
            "lag_worst": {QUANTILE: "1"},
        },
    ),
    "overdue": ("{account}", "How many accounts are overdue.", {"overdue": {}}),
    "failing": (
        "{account}",
        "How many accounts failed in their last run and are tried again.",
        {"failing": {}},
    ),
    "row_rate": ("{row}/s", "How many rows are read in a second.", {"rows_per_second": {}}),
    "workers": ("{worker}", "How many workers a fleet has.", {"workers": {}}),
    "slots": ("{account}", "How many accounts the workers sync at once.", {"slots": {}}),
}


class FleetGauges:
    """What workers of this process have told of their fleet.

    Attributes:
        told: What each of them told last, by who measures it and its number; taken out when it has
            ended.
    """

    def __init__(self, meter: Meter) -> None:
        self.told: dict[tuple[object, int], FleetEvent] = {}
        for name, (unit, description, observed) in _GAUGES.items():
            meter.create_observable_gauge(
                f"scenario_async.fleet.{name}",
                [self._observing(observed)],
                unit=unit,
                description=description,
            )

    def _observing(
        self, observed: Mapping[str, Mapping[str, str]]
    ) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observe(_: CallbackOptions) -> Iterator[Observation]:
            for event in list(self.told.values())[-1:]:
                for name, attributes in observed.items():
                    yield Observation(getattr(event, name), dict(attributes))

        return observe
