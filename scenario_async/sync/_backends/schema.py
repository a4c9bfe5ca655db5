"""The tables of a store in a database: whether they are there, made, and of which version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, inspect, select, update
from sqlalchemy.schema import CreateTable

from scenario_async.sync._errors import StoreVersionError
from scenario_async.sync._migrations import MIGRATIONS
from scenario_async.sync._tables import SCOPE_KEY, metadata, state

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from scenario_async.sync._tables import Tables

__all__ = ["is_empty", "make_tables", "migrate", "schema_version", "tables_there", "version_of"]

_KEY = "schema"


def schema_version() -> int:
    """The version of the tables that this release writes."""
    return 1 + len(MIGRATIONS)


def tables_there(connection: Any) -> tuple[set[str], bool]:  # noqa: ANN401 - a synchronous Connection
    """The names of all tables, and whether they are those of a store."""
    found = inspect(connection)
    names = set(found.get_table_names())
    if state.name not in names:
        return names, False
    return names, set(state.c.keys()) <= {one["name"] for one in found.get_columns(state.name)}


async def make_tables(connection: AsyncConnection) -> None:
    """Make the tables of a store, unless somebody else just has."""
    for table in metadata.sorted_tables:
        await connection.execute(CreateTable(table, if_not_exists=True))
    if await connection.scalar(_version) is None:
        await connection.execute(insert(state).values(key=_KEY, version=schema_version()))


async def migrate(connection: AsyncConnection, found: int) -> None:
    """Change tables of an earlier version into those of this release."""
    for step in MIGRATIONS[found - 1 :]:
        await step(connection)
    await connection.execute(
        update(state).where(state.c.key == _KEY).values(version=schema_version())
    )


async def is_empty(connection: AsyncConnection, tables: Tables[Any]) -> bool:
    """Whether nothing was copied into a store yet."""
    keys = tables.state.c.key
    copied = select(keys).where(keys.startswith(SCOPE_KEY))
    stored = select(tables.models.c.id)
    found = [await connection.scalar(one.limit(1)) for one in (copied, stored)]
    return found == [None, None]


async def version_of(connection: AsyncConnection, name: str) -> int:
    """The version of the tables: of this release, or an earlier one.

    Args:
        connection: To the database.
        name: What to call it in a message.

    Raises:
        StoreVersionError: A newer release has made them, or they are not of this package.
    """
    found: int | None = await connection.scalar(_version)
    if found is None or found < 1:
        raise StoreVersionError(f"{name}: its table 'state' is not of this package")
    if found > schema_version():
        raise StoreVersionError(
            f"{name}: its tables are of version {found}, and this release of scenario-async knows "
            f"them up to version {schema_version()}: update it"
        )
    return found


_version = select(state.c.version).where(state.c.key == _KEY)
