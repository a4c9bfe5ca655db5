"""The tables of a store in a database: whether they are there, made, and of which version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, inspect, select, update
from sqlalchemy.schema import CreateIndex, CreateTable

from scenario_async.sync._errors import StoreVersionError
from scenario_async.sync._layouts import PLAIN, Layout
from scenario_async.sync._migrations import MIGRATIONS, MIGRATIONS_WITH_ACCOUNTS
from scenario_async.sync._tables import SCOPE_KEY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Select
    from sqlalchemy.ext.asyncio import AsyncConnection

    from scenario_async.sync._layouts import Tables
    from scenario_async.sync._migrations import Migration

__all__ = ["has_tables", "is_empty", "make_tables", "migrate", "schema_version", "version_of"]


def schema_version(layout: Layout = PLAIN) -> int:
    """The version of the tables that this release writes."""
    return 1 + len(_migrations(layout))


async def has_tables(connection: AsyncConnection, layout: Layout, name: str) -> bool:
    """Whether a database has the tables of a store.

    Raises:
        StoreVersionError: It has those of the other layout, or some that are not of this package.
    """
    names, columns = await connection.run_sync(_tables_there)
    if not set(PLAIN.tables.state.c.keys()) <= columns:
        taken = sorted(names & {table.name for table in layout.tables})
        if taken:
            raise StoreVersionError(
                f"{name}: there is a table {taken[0]!r} that is not of this package"
            )
        return False
    has_accounts = "account" in columns
    if has_accounts and not layout.has_accounts:
        raise StoreVersionError(
            f"{name}: this database has many accounts: name one with account= (--account), or open "
            "it with FleetStore"
        )
    if layout.has_accounts and not has_accounts:
        raise StoreVersionError(
            f"{name}: this database has a store without accounts: give accounts a database, or a "
            "schema, of their own"
        )
    return True


def _tables_there(connection: Any) -> tuple[set[str], set[str]]:  # noqa: ANN401 - a synchronous Connection
    """The names of all tables, and the columns of the one that says what they are."""
    found = inspect(connection)
    names = set(found.get_table_names())
    state = PLAIN.tables.state.name
    return names, {one["name"] for one in found.get_columns(state)} if state in names else set()


async def make_tables(connection: AsyncConnection, layout: Layout) -> None:
    """Make the tables of a store, unless somebody else just has."""
    for table in layout.tables:
        await connection.execute(CreateTable(table, if_not_exists=True))
        parts = layout.parts(table)
        for number, part in enumerate(parts):
            of = f"MODULUS {len(parts)}, REMAINDER {number}"
            made = f"CREATE TABLE IF NOT EXISTS {part} PARTITION OF {table.name}"
            await connection.exec_driver_sql(f"{made} FOR VALUES WITH ({of})")
        if parts:
            # An account that came after the statistics were made would count as one without rows,
            # and its tables be joined by going through all of one for each row of the other.
            unknown = f"ALTER TABLE {table.name} ALTER account SET STATISTICS 0"
            await connection.exec_driver_sql(unknown)
        for index in table.indexes - {layout.later}:
            await connection.execute(CreateIndex(index, if_not_exists=True))
    if await connection.scalar(_version(layout)) is None:
        row = {"key": layout.version_key, "version": schema_version(layout)}
        own = {"account": ""} if layout.has_accounts else {}
        await connection.execute(insert(layout.tables.state).values({**row, **own}))


async def migrate(connection: AsyncConnection, layout: Layout, found: int) -> None:
    """Change tables of an earlier version into those of this release."""
    for step in _migrations(layout)[found - 1 :]:
        await step(connection)
    state = layout.tables.state
    made = update(state).where(state.c.key == layout.version_key)
    await connection.execute(made.values(version=schema_version(layout)))


async def is_empty(connection: AsyncConnection, tables: Tables[Any]) -> bool:
    """Whether nothing was copied into a store yet."""
    keys = tables.state.c.key
    copied = select(keys).where(keys.startswith(SCOPE_KEY))
    stored = select(tables.models.c.id)
    found = [await connection.scalar(one.limit(1)) for one in (copied, stored)]
    return found == [None, None]


async def version_of(connection: AsyncConnection, layout: Layout, name: str) -> int:
    """The version of the tables: of this release, or an earlier one.

    Args:
        connection: To the database.
        layout: How they lie.
        name: What to call it in a message.

    Raises:
        StoreVersionError: A newer release has made them, or they are not of this package.
    """
    found: int | None = await connection.scalar(_version(layout))
    if found is None or found < 1:
        raise StoreVersionError(f"{name}: its table 'state' is not of this package")
    if found > schema_version(layout):
        raise StoreVersionError(
            f"{name}: its tables are of version {found}, and this release of scenario-async knows "
            f"them up to version {schema_version(layout)}: update it"
        )
    return found


def _version(layout: Layout) -> Select[Any]:
    state = layout.tables.state
    return select(state.c.version).where(state.c.key == layout.version_key)


def _migrations(layout: Layout) -> Sequence[Migration]:
    return MIGRATIONS_WITH_ACCOUNTS if layout.has_accounts else MIGRATIONS
