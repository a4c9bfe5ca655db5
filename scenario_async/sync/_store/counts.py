"""How much a store has, and of which scopes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import case, func, select, union

from scenario_async.sync._backends import in_own_task
from scenario_async.sync._tables import SCOPE_KEY

from .values import StoreCounts

if TYPE_CHECKING:
    from sqlalchemy import CompoundSelect

    from scenario_async.sync._backends import Database

__all__ = ["begun_scopes", "counts_of", "settled_run"]


@in_own_task
async def counts_of(database: Database) -> StoreCounts:
    """How much there is, all of the same moment.

    Raises:
        StoreError: The database failed.
    """
    models, memberships = database.tables.models, database.tables.memberships
    gone = models.c.deleted_at.is_not(None)
    by_scope = (
        select(memberships.c.scope, func.count())
        .join_from(memberships, models, models.c.id == memberships.c.model_id)
        .where(~gone)
        .group_by(memberships.c.scope)
    )
    count = select(func.count()).select_from
    async with database.transaction() as connection:
        await database.keep_moment(connection)
        scopes = dict.fromkeys((await connection.scalars(begun_scopes(database))).all(), 0)
        scopes |= {row[0]: row[1] for row in await connection.execute(by_scope)}
        return StoreCounts(
            models=await connection.scalar(count(models).where(~gone)) or 0,
            deleted=await connection.scalar(count(models).where(gone)) or 0,
            rejected=await connection.scalar(count(database.tables.rejected)) or 0,
            scopes=dict(sorted(scopes.items())),
        )


async def settled_run(database: Database) -> int | None:
    """The number of the last run: what the store has is the same as long as this is.

    ``None`` where there was none, or one is under way or was killed.

    Raises:
        StoreError: The database failed.
    """
    runs = database.tables.runs.c
    going = func.count(case((runs.status == "running", 1)))
    ((last, unsettled),) = await database.rows(select(func.max(runs.id), going))
    return None if unsettled else last


def begun_scopes(database: Database) -> CompoundSelect[Any]:
    """The query for the scopes that runs have begun to copy."""
    keys, memberships = database.tables.state.c.key, database.tables.memberships
    named = select(func.substr(keys, len(SCOPE_KEY) + 1)).where(keys.startswith(SCOPE_KEY))
    return union(named, select(memberships.c.scope))
