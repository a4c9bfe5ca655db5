"""Whether a database has the tables of a store, and of which version they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import inspect, select

from scenario_async.sync._errors import StoreVersionError
from scenario_async.sync._tables import SCHEMA_VERSION, state

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = ["SCHEMA", "check_version", "tables_there"]

SCHEMA = "schema"
"""The key of ``state`` whose row has the version."""


def tables_there(connection: Any) -> tuple[set[str], bool]:  # noqa: ANN401 - a synchronous Connection
    """The names of all tables, and whether they are those of a store."""
    found = inspect(connection)
    names = set(found.get_table_names())
    if state.name not in names:
        return names, False
    return names, set(state.c.keys()) <= {one["name"] for one in found.get_columns(state.name)}


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
