"""What is asked of the tables of a fleet, each in one statement, and how one account is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import func, select, text, update

from ._schedule import Standing
from ._status import FleetStatus, Lag
from ._tables import accounts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

    from ._status import AccountState

__all__ = [
    "FORGET_WORKERS",
    "LOST",
    "OVERDUE",
    "OWN_RUNS",
    "PLANNED_ANEW",
    "SLOTS",
    "STATUS",
    "change",
    "status_of",
]

# In the words of the index, or it would not be used.
OVERDUE = text("""
    SELECT limit_group FROM fleet_accounts
    WHERE state IN ('waiting', 'refused') AND due_at <= now()
    GROUP BY limit_group ORDER BY min(due_at), limit_group LIMIT :limit
""")
"""The limit groups with an account that is due."""

# Either way: the clock may have been set back.
_ALIVE = "seen_at BETWEEN now() - interval '30 seconds' AND now() + interval '30 seconds'"

SLOTS = text(f"SELECT sum(slots) FROM fleet_workers WHERE {_ALIVE}")  # noqa: S608 - no values
"""How many accounts are synced at once."""

FORGET_WORKERS = text("DELETE FROM fleet_workers WHERE seen_at < now() - interval '1 day'")
"""Forget those that have ended long ago."""

LOST = text(f"""
    SELECT name FROM fleet_accounts
    WHERE state = 'running' AND NOT EXISTS (
        SELECT FROM fleet_workers WHERE fleet_workers.name = fleet_accounts.worker AND {_ALIVE}
    )
    FOR UPDATE SKIP LOCKED
""")  # noqa: S608 - no values
"""The accounts that are running at workers which have ended; locked, so that each is told once."""

OWN_RUNS = text("SELECT name, run FROM fleet_accounts WHERE state = 'running' AND worker = :worker")
"""The runs that a worker has begun."""

PLANNED_ANEW = text("""
    UPDATE fleet_accounts SET due_at = now() WHERE name IN (
        SELECT name FROM fleet_accounts
        WHERE state IN ('waiting', 'refused') AND due_at > now() + interval '27 hours'
            AND due_at > now() + every * 1.6
        FOR UPDATE SKIP LOCKED
    )
""")
"""Let accounts be due now whose due time is later than any that is planned.

The clock was set back since they were planned.
"""

STATUS = text(f"""
    WITH told AS (
        SELECT name, state, due_at, failures + outages > 0 AS failing,
            CASE WHEN state IN ('waiting', 'refused')
                THEN greatest(0, extract(epoch FROM now() - due_at)) ELSE 0 END::float8 AS lag,
            CASE WHEN last_success_at > now() - interval '5 minutes'
                THEN rows / least(300, extract(epoch FROM every)) END::float8 AS pace
        FROM fleet_accounts
    )
    SELECT now() AS as_of, count(*) AS accounts,
        count(*) FILTER (WHERE state = 'waiting') AS "waiting",
        count(*) FILTER (WHERE state = 'running') AS "running",
        count(*) FILTER (WHERE state = 'refused') AS "refused",
        count(*) FILTER (WHERE state = 'set aside') AS "set aside",
        count(*) FILTER (WHERE lag > 0) AS overdue,
        count(*) FILTER (WHERE failing AND state = 'waiting') AS failing,
        percentile_cont(ARRAY[0.5, 0.95, 1.0]) WITHIN GROUP (ORDER BY lag)
            FILTER (WHERE state <> 'set aside') AS lag,
        coalesce(sum(pace), 0) AS rows_per_second,
        (SELECT (name, due_at) FROM told WHERE lag > 0 ORDER BY due_at LIMIT 1) AS oldest,
        ARRAY(SELECT name FROM told WHERE state = 'set aside' ORDER BY name LIMIT 100)
            AS set_aside_names,
        ARRAY(SELECT name FROM told WHERE state = 'refused' ORDER BY name LIMIT 100)
            AS refused_names,
        (SELECT count(*) FROM fleet_workers WHERE {_ALIVE}) AS workers,
        (SELECT coalesce(sum(slots), 0) FROM fleet_workers WHERE {_ALIVE}) AS slots
    FROM told
""")  # noqa: S608 - no values
"""How the fleet is; see :func:`status_of`."""

_STATES: tuple[AccountState, ...] = ("waiting", "running", "refused", "set aside")
_STANDING = [accounts.c[name] for name in Standing.__struct_fields__]


def status_of(row: RowMapping) -> FleetStatus:
    """What the answer to :data:`STATUS` says."""
    median, p95, worst = row["lag"] or (0.0, 0.0, 0.0)
    oldest_due, oldest_due_at = row["oldest"] or (None, None)
    return FleetStatus(
        as_of=row["as_of"],
        accounts=row["accounts"],
        states={state: row[state] for state in _STATES},
        overdue=row["overdue"],
        failing=row["failing"],
        lag=Lag(median=median, p95=p95, worst=worst),
        oldest_due=oldest_due,
        oldest_due_at=oldest_due_at,
        set_aside=tuple(row["set_aside_names"]),
        refused=tuple(row["refused_names"]),
        rows_per_second=row["rows_per_second"],
        workers=row["workers"],
        slots=row["slots"],
    )


async def change(
    connection: AsyncConnection,
    name: str,
    decide: Callable[[Standing, datetime], Standing | None],
    *,
    run: int | None = None,
    more: Mapping[str, Any] | None = None,
) -> int | None:
    """Change how an account stands, which nobody else changes meanwhile.

    Args:
        connection: In a transaction.
        name: Which account.
        decide: What becomes of it at this moment; ``None`` where nothing does.
        run: Only where this is its last run.
        more: What else is written.

    Returns:
        The number of its last run, ``None`` where nothing was changed.
    """
    query = select(*_STANDING, func.now().label("at")).where(accounts.c.name == name)
    if run is not None:
        query = query.where(accounts.c.run == run)
    row = (await connection.execute(query.with_for_update())).mappings().one_or_none()
    if row is None:
        return None
    standing = Standing(**{key: row[key] for key in Standing.__struct_fields__})
    changed = decide(standing, row["at"])
    if changed is None:
        return None
    written = update(accounts).where(accounts.c.name == name).returning(accounts.c.run)
    values = {**msgspec.structs.asdict(changed), **(more or {})}
    number: int | None = await connection.scalar(written.values(values))
    return number
