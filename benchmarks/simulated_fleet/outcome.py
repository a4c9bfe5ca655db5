"""What happened in a simulation, minute by minute."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .scene import MINUTE

if TYPE_CHECKING:
    from .scene import Scene

__all__ = ["Counts", "Outcome", "Sample", "Spread"]


@dataclass(slots=True)
class Counts:
    """What was done in one minute, or what there was on its average.

    Attributes:
        requests: Requests that were answered.
        failed_requests: Requests of runs that the service failed.
        rows: Models that were compared.
        written: Models that were written.
        log: Bytes of the write-ahead log.
        wire: Bytes that came from the service.
        worker: Seconds of work of all workers.
        database: Seconds of work of the cores of the database.
        disk: Seconds of work of the disk of the database.
        jobs: Jobs that ended.
    """

    requests: int = 0
    failed_requests: int = 0
    rows: int = 0
    written: int = 0
    log: float = 0.0
    wire: float = 0.0
    worker: float = 0.0
    database: float = 0.0
    disk: float = 0.0
    jobs: int = 0


@dataclass(frozen=True, slots=True)
class Spread:
    """Seconds, of all accounts but those that were set aside.

    Attributes:
        median: Half of them had less.
        most: 95 % of them had less.
        worst: The one that had most.
    """

    median: float
    most: float
    worst: float


@dataclass(frozen=True, slots=True)
class Sample:
    """How accounts stood at one moment.

    Attributes:
        at: When.
        lag: How long they were overdue, 0 for those that were not.
        age: How long ago the last run began that succeeded: how old their copies were.
        queued: How many jobs waited in the queue.
        working: How many jobs workers had.
        set_aside: How many accounts were set aside.
        behind: How many accounts had no full walk since the last happening that asked for one.
    """

    at: float
    lag: Spread
    age: Spread
    queued: int
    working: int
    set_aside: int
    behind: int


@dataclass(slots=True)
class Outcome:
    """A simulation that is over.

    Attributes:
        scene: What was simulated.
        minutes: What was done, by minute.
        samples: How accounts stood, now and then.
        runs: How many runs succeeded.
        full: How many of them were full walks.
        run_seconds: How long these took together.
        jobs: How many jobs ended.
        job_seconds: How long those took together.
        longest_run: The longest of the runs that succeeded, in seconds.
        cut: How many runs ended because their worker or the database did.
        failures: How many runs failed.
    """

    scene: Scene
    minutes: list[Counts]
    samples: list[Sample] = field(default_factory=list[Sample])
    runs: int = 0
    full: int = 0
    run_seconds: float = 0.0
    jobs: int = 0
    job_seconds: float = 0.0
    longest_run: float = 0.0
    cut: int = 0
    failures: int = 0

    def minute(self, now: float) -> Counts:
        """The counts of the minute of a moment."""
        return self.minutes[min(int(now // MINUTE), len(self.minutes) - 1)]

    def total(self, name: str, begin: float = 0.0, end: float | None = None) -> float:
        """The sum of a count, from one moment to another."""
        last = len(self.minutes) if end is None else int(end // MINUTE)
        return float(sum(getattr(one, name) for one in self.minutes[int(begin // MINUTE) : last]))

    def rate(self, name: str, begin: float = 0.0, end: float | None = None) -> float:
        """A count per second, from one moment to another."""
        seconds = (len(self.minutes) * MINUTE if end is None else end) - begin
        return self.total(name, begin, end) / seconds

    def peak(self, name: str) -> float:
        """A count per second in the minute that had most."""
        return float(max(getattr(one, name) for one in self.minutes)) / MINUTE
