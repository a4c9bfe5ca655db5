"""The tables of a store in a database: whether they are there, of which version, and made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, inspect, select
from sqlalchemy.schema import CreateTable

from scenario_async.sync._errors import StoreVersionError
from scenario_async.sync._tables import SCHEMA_VERSION, SCOPE_KEY, metadata, models, state

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = [
    "OWN",
    "SCHEMA",
    "change_alone",
    "check_version",
    "is_empty",
    "make_tables",
    "tables_there",
]

OWN = 0x5CE7A810
"""Any number: it tells our locks in PostgreSQL from those of other programs."""

SCHEMA = "schema"
"""The key of ``state`` whose row has the version."""


def tables_there(connection: Any) -> tuple[set[str], bool]:  # noqa: ANN401 - a synchronous Connection
    """The names of all tables, and whether they are those of a store."""
    found = inspect(connection)
    names = set(found.get_table_names())
    if state.name not in names:
        return names, False
    return names, set(state.c.keys()) <= {one["name"] for one in found.get_columns(state.name)}


async def make_tables(connection: AsyncConnection) -> None:
    """Make the tables of a store, all or none."""
    if connection.dialect.name == "sqlite":
        # Python begins a transaction by itself before rows only, and each table would be
        # committed alone: a kill between two would leave something that is no store.
        await connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        await change_alone(connection)
    for table in metadata.sorted_tables:
        await connection.execute(CreateTable(table, if_not_exists=True))


async def change_alone(connection: AsyncConnection) -> None:
    """Keep others from changing the schema in PostgreSQL until the end of this transaction.

    Two processes may do so at once, and ``IF NOT EXISTS`` does not cover that.
    """
    await connection.execute(select(func.pg_advisory_xact_lock(OWN)))


async def is_empty(connection: AsyncConnection) -> bool:
    """Whether nothing was copied into a store yet."""
    copied = select(state.c.key).where(state.c.key.startswith(SCOPE_KEY))
    stored = select(models.c.id)
    found = [await connection.scalar(one.limit(1)) for one in (copied, stored)]
    return found == [None, None]


async def check_version(connection: AsyncConnection, name: str) -> None:
    """See that this release knows the tables.

    Args:
        connection: To the database.
        name: What to call it in a message.

    Raises:
        StoreVersionError: A newer release has made them, or they are not of this package.
    """
    found = await connection.scalar(select(state.c.version).where(state.c.key == SCHEMA))
    if found is None:
        raise StoreVersionError(f"{name}: its table 'state' is not of this package")
    if found > SCHEMA_VERSION:
        raise StoreVersionError(
            f"{name}: its tables are of version {found}, and this release of scenario-async knows "
            f"them up to version {SCHEMA_VERSION}: update it"
        )
