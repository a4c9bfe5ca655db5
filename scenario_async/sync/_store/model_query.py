"""The models of a store that are asked for, in batches: no connection is held between two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from scenario_async.sync._backends import in_own_task
from scenario_async.sync._tables import models

from .values import StoredModel, as_stored, read_stored

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from sqlalchemy import ColumnElement, Select

    from scenario_async.sync._backends import Database

    from .filters import OrderBy

__all__ = ["ModelQuery"]

_BATCH = 500
_COLUMNS = as_stored(models, StoredModel)


@dataclass(frozen=True, slots=True)
class ModelQuery:
    """Which models of a store, and in which order.

    Attributes:
        database: Of the store.
        conditions: What holds for them.
        ids: Only models with one of these.
        order_by: The column, with a minus for the other way round.
        offset: How many of the first are left out.
        limit: How many come at most.
    """

    database: Database
    conditions: Sequence[ColumnElement[bool]]
    ids: Sequence[str] | None = None
    order_by: OrderBy = "id"
    offset: int = 0
    limit: int | None = None

    def run(self) -> AsyncGenerator[StoredModel, None]:
        """The models.

        Raises:
            StoreError: The database failed, or a model in it cannot be read.
        """
        return self._by_key() if self.ids is None and self.order_by == "id" else self._by_position()

    async def _by_key(self) -> AsyncGenerator[StoredModel, None]:
        """In the order of the key, each batch from the last one on: memory does not grow."""
        query = select(*_COLUMNS).where(*self.conditions).order_by(models.c.id)
        batch = query.offset(self.offset)
        left = self.limit
        while left is None or left > 0:
            size = _BATCH if left is None else min(_BATCH, left)
            rows = await self._rows(batch.limit(size))
            for row in rows:
                yield self._read(row)
            if len(rows) < size:
                return
            left = None if left is None else left - len(rows)
            batch = query.where(models.c.id > rows[-1][0])

    async def _by_position(self) -> AsyncGenerator[StoredModel, None]:
        """The ids at first, in their order, and then what the store has of so many of them."""
        ids = [row[0] for row in await self._rows(self._ids())]
        for start in range(0, len(ids), _BATCH):
            batch = ids[start : start + _BATCH]
            among = self.database.among(models.c.id, batch)
            rows = await self._rows(select(*_COLUMNS).where(*self.conditions, among))
            found = {row[0]: row for row in rows}
            for model_id in batch:
                # Unless it was changed meanwhile, and is none of them any more.
                if model_id in found:
                    yield self._read(found[model_id])

    def _ids(self) -> Select[Any]:
        column = models.c[self.order_by.removeprefix("-")]
        ordered = column.desc() if self.order_by.startswith("-") else column
        query = select(models.c.id).where(*self.conditions)
        if self.ids is not None:
            query = query.where(self.database.among(models.c.id, self.ids))
        # The databases do not agree on where nulls come.
        query = query.order_by(column.is_(None), ordered, models.c.id).offset(self.offset)
        return query if self.limit is None else query.limit(self.limit)

    @in_own_task
    async def _rows(self, query: Select[Any]) -> Sequence[Any]:
        async with self.database.transaction() as connection:
            rows: Sequence[Any] = (await connection.execute(query)).all()
        return rows

    def _read(self, row: Sequence[Any]) -> StoredModel:
        return read_stored(row, StoredModel, self.database.name)
