"""What closed formulas say of a day without incidents, to check the simulation against."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from scenario_async.sync._runs.costs import requests_for_walk

from .accounts import sizes
from .scene import MINUTE

if TYPE_CHECKING:
    from .inputs import Measured
    from .scene import Scene

__all__ = ["Expected", "expected"]


class Expected(NamedTuple):
    """Means over a day, where nothing waits for anything but the limit and the service.

    Attributes:
        requests: Requests a second, without those for models in training or missing.
        rows: Models compared a second, in full walks.
        slots: Slots that have a job (Little's law: jobs a second times seconds a job).
        worker: Cores of workers that are busy.
        database: Cores of the database that are busy.
    """

    requests: float
    rows: float
    slots: float
    worker: float
    database: float


def expected(scene: Scene, measured: Measured) -> Expected:
    """Sums over all accounts."""
    service = scene.service
    spacing = MINUTE / service.requests_per_minute
    models = sizes(scene)
    walks = 1 / scene.full_every
    others = 1 / scene.every - walks
    pages = [requests_for_walk(size) for size in models]
    requests = sum(walks * (number + 1) + others * 2 for number in pages)
    rows = sum(walks * size for size in models)
    # A job ends when all is answered, and not before the next request could go out.
    pickup = scene.workers.pickup
    short = max(2 * spacing, max(spacing, service.answer) + service.answer) + pickup
    slots = others * short * len(models)
    for number, size in zip(pages, models, strict=True):
        answers = max(service.answer, service.answer + service.answer_row * size / number - spacing)
        slots += walks * (number * spacing + max(spacing, answers) + pickup)
    runs = len(models) / scene.every
    by_model = sum(models) / scene.every * measured.database_run_model
    return Expected(
        requests=requests,
        rows=rows,
        slots=slots,
        worker=runs * measured.worker_run + rows * measured.worker.unchanged,
        database=runs * measured.database_run + by_model + rows * measured.database.unchanged,
    )
