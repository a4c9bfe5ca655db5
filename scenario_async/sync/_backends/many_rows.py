"""Rows by the hundred into a database, without what an ORM does for each of them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from scenario_async.sync._tables import Moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Column, Dialect
    from sqlalchemy.dialects.postgresql import Insert
    from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = ["ManyRows"]


class ManyRows:
    """One statement, compiled once, for rows that are tuples of text.

    The usual way, through a dict for each row and a conversion of each value, takes as long as the
    database itself. Here dates are text as the API writes it and lists are JSON already, which is
    what SQLite stores.

    Args:
        statement: What to execute for each row.
        columns: What is in a row, in the order of the table.
        dialect: Of the database.
    """

    def __init__(self, statement: Insert, columns: Sequence[Column[Any]], dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=[one.name for one in columns])
        names = [column.name for column in columns]
        if compiled.positiontup != names:
            raise ValueError(f"columns must be in the order of the table, not {names}")
        self._sql = str(compiled)
        dates = [place for place, one in enumerate(columns) if isinstance(one.type, Moment)]
        self._dates = dates if dialect.name == "postgresql" else []

    async def write(self, connection: AsyncConnection, rows: Sequence[tuple[object, ...]]) -> None:
        """Execute the statement for these rows."""
        given = [self._converted(row) for row in rows] if self._dates else list(rows)
        await connection.exec_driver_sql(self._sql, given)

    def _converted(self, row: tuple[object, ...]) -> tuple[object, ...]:
        values = list(row)
        for place in self._dates:
            date = values[place]
            values[place] = datetime.fromisoformat(date) if isinstance(date, str) else date
        return tuple(values)
