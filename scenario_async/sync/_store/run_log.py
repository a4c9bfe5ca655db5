"""The table of runs: when each began, how it ended, and what it did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import or_, select

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenario_async.sync._backends import Database
    from scenario_async.sync._report import SyncReport

__all__ = ["RunLog"]


@dataclass(frozen=True, slots=True)
class RunLog:
    """One line of the table of runs.

    Attributes:
        database: Of the store.
        run: Its number.
        started_at: When it began, by the clock of this machine.
    """

    database: Database
    run: int
    started_at: datetime

    @classmethod
    async def begin(cls, database: Database, scopes: Sequence[str]) -> RunLog:
        """Begin a run, and note which of those before were killed.

        Whoever holds the lock of these scopes knows that no other run goes on with any of them, and
        in SQLite none at all.

        Raises:
            StoreError: The database failed.
        """
        now = datetime.now(UTC)
        runs, read = database.stored.runs, database.tables.runs
        async with database.writing() as connection:
            killed = runs.c.status == "running"
            if not database.one_run:
                killed &= or_(*(database.has(runs.c.scopes, scope) for scope in scopes))
            interrupted = database.update(runs).where(killed).values(status="interrupted")
            await connection.execute(interrupted)
            row = {"started_at": now, "status": "running", "scopes": list(scopes)}
            # Not with RETURNING, which SQLite knows since 3.35 only.
            inserted = await connection.execute(database.insert(runs).values(row))
            *_, run = inserted.inserted_primary_key or (0,)
            old = select(read.c.id).order_by(read.c.id.desc()).offset(database.kept_runs).limit(1)
            forgotten = runs.c.id <= old.correlate(None).scalar_subquery()
            await connection.execute(database.delete(runs).where(forgotten))
        return cls(database, run, now)

    async def end(self, status: str, report: SyncReport, error: str | None) -> None:
        """Keep how it ended.

        Raises:
            StoreError: The database failed.
        """
        # Also where the run has lost its lock, and another one may have called it interrupted.
        runs = self.database.stored.runs
        async with self.database.writing(locked=False) as connection:
            await connection.execute(
                self.database.update(runs)
                .where(runs.c.id == self.run, runs.c.status == "running")
                .values(
                    finished_at=datetime.now(UTC),
                    status=status,
                    report=msgspec.to_builtins(report),
                    error=error,
                )
            )
