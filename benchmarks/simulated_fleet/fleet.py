"""The fleet: what is overdue goes into the queue, and workers take jobs from it."""

from __future__ import annotations

import heapq
import random
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from .accounts import accounts_of
from .clock import Clock, Servers
from .happenings import plan_happenings
from .job import Job
from .outcome import Counts, Outcome
from .sampling import sample
from .scene import MINUTE

if TYPE_CHECKING:
    from .accounts import Account, Group
    from .inputs import Measured
    from .scene import Scene

__all__ = ["Fleet", "Worker", "simulate"]

_SAMPLED = 2 * MINUTE


def simulate(scene: Scene, measured: Measured) -> Outcome:
    """Simulate a scene; the same one has the same outcome."""
    fleet = Fleet(scene, measured)
    plan_happenings(fleet)
    fleet.look_for_overdue()
    sample(fleet, _SAMPLED)
    fleet.clock.run(scene.seconds)
    return fleet.outcome


@dataclass(slots=True, eq=False)
class Worker:
    """One process.

    Attributes:
        processor: Its core.
        running: Whether it is there.
        counted: Whether its slots count: for a while also when it is gone without a word.
        jobs: What it works on.
    """

    processor: Servers
    running: bool = True
    counted: bool = True
    jobs: set[Job] = field(default_factory=set["Job"])


class Fleet:
    """All that there is in a simulation.

    Args:
        scene: What is simulated.
        measured: How long things take.

    Attributes:
        clock: The time.
        chance: All chance but that of sizes.
        accounts: Whom it runs.
        workers: Who runs them.
        database: The cores of the database.
        disk: Its disk.
        queue: The groups that wait for a worker.
        picked: How many jobs workers have, or had until they were gone.
        service_down: Whether the service does not answer.
        database_down: Whether the database does not.
        walks_wanted_at: When all accounts were last asked for a full walk.
    """

    def __init__(self, scene: Scene, measured: Measured) -> None:
        self.scene = scene
        self.measured = measured
        self.full_every = timedelta(seconds=scene.full_every)
        self.clock = Clock()
        self.chance = random.Random(scene.seed)  # noqa: S311 - no secret
        self.accounts = accounts_of(scene)
        self.workers = [Worker(Servers(1)) for _ in range(scene.workers.number)]
        self.database = Servers(scene.database.cores)
        self.disk = Servers(1)
        self.queue: deque[Group] = deque()
        self.picked = 0
        self.service_down = self.database_down = False
        self.walks_wanted_at = float("-inf")
        self.outcome = Outcome(scene, [Counts() for _ in range(-int(-scene.seconds // MINUTE))])
        self._due = [(one.due_at, number, one) for number, one in enumerate(self.accounts)]
        self._number = len(self._due)
        heapq.heapify(self._due)

    def add_due(self, account: Account) -> None:
        """Note from when on a run of an account is wanted."""
        self._number += 1
        heapq.heappush(self._due, (account.due_at, self._number, account))

    def look_for_overdue(self) -> None:
        """Put groups into the queue, twice as many as there are slots; then again, and again.

        It is the cron job of the engine, which runs once over all workers.
        """
        if not self.database_down and any(worker.running for worker in self.workers):
            slots = sum(worker.counted for worker in self.workers) * self.scene.workers.slots
            free = 2 * slots - len(self.queue) - self.picked
            while free > 0 and self._due and self._due[0][0] <= self.clock.now:
                due_at, _, account = heapq.heappop(self._due)
                if account.due_at == due_at and not account.group.taken and not account.set_aside:
                    account.group.taken = True
                    self.queue.append(account.group)
                    free -= 1
            self.dispatch()
        self.clock.at(self.clock.now + self.scene.workers.cron, self.look_for_overdue)

    def dispatch(self) -> None:
        """Give jobs to free slots, to the worker with the fewest jobs first."""
        slots = self.scene.workers.slots
        while self.queue and not self.database_down:
            running = [one for one in self.workers if one.running and len(one.jobs) < slots]
            if not running:
                return
            worker = min(running, key=lambda one: len(one.jobs))
            job = Job(self, worker, self.queue.popleft())
            worker.jobs.add(job)
            self.picked += 1
            self.clock.at(self.clock.now + self.scene.workers.pickup, job.begin)

    def release(self, group: Group) -> None:
        """A job of a group has ended: what is due of it can be put into the queue again."""
        self.picked -= 1
        group.taken = False
        for account in group.accounts:
            if not account.set_aside:
                self.add_due(account)

    # What happens to workers

    def stop(self, worker: Worker, *, in_order: bool) -> None:
        """A worker ends: on request, or as if its machine had lost its power."""
        worker.running = False
        worker.counted = not in_order
        for job in list(worker.jobs):
            job.cut(in_order=in_order)
        worker.processor.forget(self.clock.now)
        if not in_order:
            self.clock.at(self.clock.now + self.scene.workers.beat, self._count_out, worker)

    def start(self, worker: Worker) -> None:
        """A worker is back."""
        worker.running = worker.counted = True
        self.dispatch()

    def _count_out(self, worker: Worker) -> None:
        worker.counted = worker.running
