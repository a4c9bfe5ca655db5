"""Rows by the hundred into a database, without what an ORM does for each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Dialect
    from sqlalchemy.dialects.postgresql import Insert
    from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = ["ManyRows"]


class ManyRows:
    """One statement, compiled once, for rows that are tuples of text.

    The usual way, through a dict for each row and a conversion of each value, takes as long as the
    database itself. Here dates are text as the API writes it and lists are JSON already.

    Args:
        statement: What to execute for each row.
        columns: What is in a row, in the order of the table.
        dialect: Of the database.
        first: What the first columns have, the same in each row; a row has the others.
    """

    def __init__(
        self,
        statement: Insert,
        columns: Sequence[str],
        dialect: Dialect,
        *,
        first: tuple[object, ...] = (),
    ) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=list(columns))
        if compiled.positiontup != list(columns):
            raise ValueError(f"columns must be in the order of the table, not {columns}")
        self._first = first
        self._sql = str(compiled)

    async def write(self, connection: AsyncConnection, rows: Sequence[tuple[object, ...]]) -> None:
        """Execute the statement for these rows."""
        await connection.exec_driver_sql(self._sql, [(*self._first, *row) for row in rows])
