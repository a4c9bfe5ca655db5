"""A job: the due accounts of one limit group, one after the other, each with one run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .scene import MINUTE
from .schedule import begin, failed, hit_by_outage, lost, refused, returned, succeeded
from .work import begun, completed, work_of

if TYPE_CHECKING:
    from .accounts import Account, Group
    from .fleet import Fleet, Worker

__all__ = ["Job"]


class Job:
    """What a slot of a worker does for a while.

    Args:
        fleet: Of which it is a part.
        worker: Whose slot it has.
        group: Whose accounts it runs.
    """

    def __init__(self, fleet: Fleet, worker: Worker, group: Group) -> None:
        self._fleet = fleet
        self._worker = worker
        self._group = group
        self._began = self._run_began = fleet.clock.now
        self._account: Account | None = None
        self._ended = False

    def begin(self) -> None:
        """Begin the run of the account that is due longest, or end."""
        if self._ended:
            return
        now = self._fleet.clock.now
        due = [one for one in self._group.accounts if one.due_at <= now and not one.set_aside]
        if not due or now - self._began > self._fleet.scene.workers.job:
            self._account = None
            # The next job of the group may be at another worker, which knows nothing of this pace.
            self._fleet.clock.at(max(now, self._group.turn_at), self._end)
            return
        account = min(due, key=lambda one: one.due_at)
        fleet = self._fleet
        if not begin(account, now):
            self.begin()
            return
        self._account, self._run_began = account, now
        work = self._work = work_of(account, now, fleet.scene, fleet.full_every, fleet.chance)
        begun(account, work, now)
        self._pages, self._others = work.pages, work.others
        self._under_way = self._numbered = 0
        # What every run takes, whatever it finds.
        measured = fleet.measured
        used = measured.database_run + measured.database_run_model * account.models
        self._use(measured.worker_run, used, measured.log_run)
        self._ask()

    def cut(self, *, in_order: bool) -> None:
        """End in the middle of a run; all pages that were written stay."""
        fleet, account = self._fleet, self._account
        self._ended = True
        self._worker.jobs.discard(self)
        if account is not None:
            fleet.outcome.cut += 1
        self._count_slot()
        now = fleet.clock.now
        if in_order:
            if account is not None:
                returned(account, now)
            fleet.release(self._group)
            return
        if account is not None:
            lost(account, now)
        # Nobody says so: it is known when the worker was not seen for a while.
        fleet.clock.at(now + fleet.scene.workers.beat, fleet.release, self._group)

    # One run

    def _ask(self) -> None:
        """Send as many requests as may be under way, each in its turn by the limit."""
        fleet, group = self._fleet, self._group
        service, work = fleet.scene.service, self._work
        at_once = fleet.scene.workers.pages_at_once if work.full else 1
        while self._under_way < at_once and self._pages + self._others:
            rows = 0
            if self._pages:
                self._numbered += 1
                share = work.rows * self._numbered // work.pages
                rows = share - work.rows * (self._numbered - 1) // work.pages
                self._pages -= 1
            else:
                self._others -= 1
            sent_at = max(fleet.clock.now, group.turn_at)
            group.turn_at = sent_at + MINUTE / service.requests_per_minute
            self._under_way += 1
            answer = sent_at + service.answer + service.answer_row * rows
            fleet.clock.at(answer, self._answered, rows, self._account)

    def _answered(self, rows: int, account: Account | None) -> None:
        """An answer comes, or none in a long while."""
        fleet = self._fleet
        now = fleet.clock.now
        if self._ended or account is not self._account or account is None:
            return
        minute = fleet.outcome.minute(now)
        if fleet.service_down:
            minute.failed_requests += 1
            patience = fleet.scene.service.patience * (0.5 + fleet.chance.random())
            fleet.clock.at(now + patience, self._gave_up, rows, account)
            return
        minute.requests += 1
        if account.kind != "sound":
            self._fail(account)
            return
        minute.wire += rows * fleet.measured.wire
        done = self._handle(rows) if rows else now
        fleet.clock.at(done, self._written, rows, account)

    def _handle(self, rows: int) -> float:
        """A page is read, compared and written; returns when that is done."""
        fleet, work = self._fleet, self._work
        measured, minute = fleet.measured, fleet.outcome.minute(fleet.clock.now)
        new = rows * work.new / work.rows
        changed = min(rows - new, rows * work.changed / work.rows)
        unchanged = rows - new - changed
        minute.rows += rows
        minute.written += round(new + changed)
        return self._use(
            *(
                new * by.new + changed * by.changed + unchanged * by.unchanged
                for by in (measured.worker, measured.database, measured.log)
            )
        )

    def _use(self, worker: float, database: float, log: float) -> float:
        """Take the worker, then the database, then its disk; returns when that is done."""
        fleet = self._fleet
        minute = fleet.outcome.minute(fleet.clock.now)
        minute.worker += worker
        minute.database += database
        minute.log += log
        writing = log * fleet.scene.database.written / fleet.scene.database.disk
        minute.disk += writing
        read = self._worker.processor.take(fleet.clock.now, worker)
        return fleet.disk.take(fleet.database.take(read, database), writing)

    def _written(self, rows: int, account: Account) -> None:
        """A page is committed."""
        if self._ended or account is not self._account:
            return
        self._under_way -= 1
        if self._work.full and rows:
            account.pages_left -= 1
        if self._pages + self._others:
            self._ask()
        elif not self._under_way:
            self._succeed(account)

    def _succeed(self, account: Account) -> None:
        fleet = self._fleet
        now, outcome = fleet.clock.now, fleet.outcome
        completed(account, self._work, self._run_began)
        succeeded(account, now)
        outcome.runs += 1
        outcome.full += self._work.full
        outcome.run_seconds += now - self._run_began
        outcome.longest_run = max(outcome.longest_run, now - self._run_began)
        self._account = None
        self.begin()

    def _gave_up(self, rows: int, account: Account) -> None:
        if self._ended or account is not self._account:
            return
        if self._fleet.service_down:
            self._fail(account)
        else:
            self._answered(rows, account)

    def _fail(self, account: Account) -> None:
        fleet = self._fleet
        now = fleet.clock.now
        if account.kind == "killing":
            fleet.stop(self._worker, in_order=False)
            fleet.clock.at(now + fleet.scene.workers.restart, fleet.start, self._worker)
            return
        self._account = None
        fleet.outcome.failures += 1
        if fleet.service_down:
            hit_by_outage(account, now)
        elif account.kind == "refused":
            refused(account, now)
        else:
            failed(account, now)
        self.begin()

    def _end(self) -> None:
        if self._ended:
            return
        self._ended = True
        self._worker.jobs.discard(self)
        self._count_slot()
        self._fleet.release(self._group)
        self._fleet.dispatch()

    def _count_slot(self) -> None:
        outcome, now = self._fleet.outcome, self._fleet.clock.now
        outcome.jobs += 1
        outcome.job_seconds += now - self._began
        outcome.minute(now).jobs += 1
