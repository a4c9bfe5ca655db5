"""The accounts of a fleet for one worker: which are due, which it has begun, how that went."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from scenario_async.sync._backends import in_own_task

from . import _schedule
from ._accounts import ACCOUNT, Accounts
from ._errors import in_short
from ._schedule import MOST_FAILURES
from ._statements import (
    FORGET_WORKERS,
    LOST,
    OVERDUE,
    OWN_RUNS,
    PLANNED_ANEW,
    SLOTS,
    change,
)
from ._tables import accounts, workers

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from scenario_async.sync import SyncReport
    from scenario_async.sync._backends import Database

    from ._schedule import Standing
    from ._status import Account

__all__ = ["WorkerAccounts"]

# Also where a run ends: an end that was committed and not answered is told again, and changes
# nothing then.
_NEXT_RUN = {"run": accounts.c.run + 1}


class WorkerAccounts(Accounts):
    """The accounts of a fleet, for one worker, which knows what it has begun.

    What ends a run (:meth:`succeeded`, :meth:`failed`, :meth:`returned`) is of the run that
    :meth:`begin` of this object began. It returns whether that was still the last one of the
    account: another worker may have begun anew, where this one was cut off.

    Args:
        database: Of the store.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._worker: str | None = None
        self._beginning: set[str] = set()
        self._runs: dict[str, int] = {}

    @in_own_task
    async def overdue(self, limit: int) -> list[str]:
        """The limit groups with an account that is due, the one that is overdue longest first.

        Not of accounts that are set aside, nor of those that a worker is at work on.
        """
        if limit <= 0:
            return []
        async with self._begun() as connection:
            return list((await connection.scalars(OVERDUE, {"limit": limit})).all())

    @in_own_task
    async def next_due(self, group: str, *, after: Account | None = None) -> Account | None:
        """The account of a limit group that is overdue longest; ``None`` where none is due.

        Whoever asks has the lock of the group. So an account that is running has lost its worker,
        and is due again when its pause is over.

        Args:
            group: The limit group.
            after: Only those that were due after this one: one that was returned, or is busy, is
                not repeated at once.
        """
        order = accounts.c.due_at, accounts.c.name
        query = (
            select(*ACCOUNT)
            .where(accounts.c.limit_group == group, accounts.c.due_at <= func.now())
            .where(accounts.c.state != "set aside", accounts.c.failures <= MOST_FAILURES)
            .order_by(*order)
            .limit(1)
        )
        if after is not None:
            query = query.where(tuple_(*order) > tuple_(after.due_at, after.name))
        return await self._account(query)

    @in_own_task
    async def begin(self, name: str) -> bool:
        """Begin a run, which is counted as a failure until it ends. It is committed at once.

        Returns:
            Whether it was begun: not where it was removed or set aside in the meantime.
        """
        more = {**_NEXT_RUN, "worker": self._worker}
        self._beginning.add(name)
        try:
            async with self._begun() as connection:
                run = await change(connection, name, _schedule.begun, more=more)
            if run is not None:
                self._runs[name] = run
        finally:
            self._beginning.discard(name)
        return run is not None

    @in_own_task
    async def succeeded(self, name: str, report: SyncReport) -> bool:
        """The run did well: earlier failures do not count any more."""
        more = {
            "last_success_at": func.now(),
            "last_error": None,
            "rows": report.new + report.changed + report.unchanged + report.rejected,
            "changes": report.new + report.changed + report.deleted,
            "requests": report.requests,
            "seconds": report.seconds,
        }
        return await self._end(name, _schedule.succeeded, more)

    @in_own_task
    async def failed(self, name: str, error: BaseException) -> bool:
        """The run failed, by the credentials or otherwise. Nothing secret is kept."""
        decide = partial(_schedule.failed, error=error)
        return await self._end(name, decide, {"last_error": in_short(error)})

    @in_own_task
    async def returned(self, name: str) -> bool:
        """The run was ended in order: it does not count, and the account is due as before."""
        return await self._end(name, _schedule.returned, {})

    @in_own_task
    async def beat(self, worker: str, slots: int) -> None:
        """Say each 10 seconds or so that a worker is there, and how many accounts it syncs at once.

        All runs that begin from now on are of this worker. Runs of workers that were not seen for
        30 seconds are given up: their accounts are due again, or set aside. A run of this worker
        whose beginning was committed but not answered is taken back. Accounts that are due later
        than any is planned are due now: the clock of the database was set back.
        """
        self._worker = worker
        row = insert(workers).values(name=worker, slots=slots, seen_at=func.now())
        seen = row.on_conflict_do_update(
            index_elements=[workers.c.name],
            set_={"slots": row.excluded.slots, "seen_at": row.excluded.seen_at},
        )
        async with self._begun() as connection:
            await connection.execute(seen)
        async with self._begun() as connection:
            await connection.execute(FORGET_WORKERS)
            for name in (await connection.scalars(LOST)).all():
                more = {"last_error": "its worker ended without a word"}
                await change(connection, name, _schedule.lost, more=more)
            for name, run in (await connection.execute(OWN_RUNS, {"worker": worker})).all():
                if self._runs.get(name) != run and name not in self._beginning:
                    await change(connection, name, _schedule.returned, run=run, more=_NEXT_RUN)
            await connection.execute(PLANNED_ANEW)

    @in_own_task
    async def leave(self, worker: str) -> None:
        """A worker has ended in order."""
        async with self._begun() as connection:
            await connection.execute(delete(workers).where(workers.c.name == worker))

    @in_own_task
    async def slots(self) -> int:
        """How many accounts are synced at once by the workers seen in the last 30 seconds."""
        async with self._begun() as connection:
            return int(await connection.scalar(SLOTS) or 0)

    async def _end(
        self,
        name: str,
        decide: Callable[[Standing, datetime], Standing | None],
        more: dict[str, Any],
    ) -> bool:
        run = self._runs.get(name)
        if run is None:
            return False
        async with self._begun() as connection:
            ended = await change(connection, name, decide, run=run, more={**more, **_NEXT_RUN})
        # Only now: whoever could not reach the database may try again.
        if self._runs.get(name) == run:
            del self._runs[name]
        return ended is not None
