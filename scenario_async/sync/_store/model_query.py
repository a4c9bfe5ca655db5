"""The models of a store that are asked for, in batches: no connection is held between two."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from sqlalchemy import select

from scenario_async._query import given_choice
from scenario_async.sync._backends import in_own_task

from .filters import OrderBy, conditions_of, count_of, ids_of
from .values import StoredModel, as_stored, read_stored

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from typing import Unpack

    import msgspec
    from sqlalchemy import ColumnElement, Select

    from scenario_async.sync._backends import Database

    from .filters import ModelSelection

__all__ = ["ModelQuery", "query_of"]

_BATCH = 500


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

    async def run(self) -> AsyncGenerator[StoredModel, None]:
        """The models.

        Raises:
            StoreError: The database failed, or a model in it cannot be read.
        """
        async with aclosing(self.batches(StoredModel)) as batches:
            async for rows in batches:
                for row in rows:
                    yield read_stored(row, StoredModel, self.database.name)

    def batches(self, kind: type[msgspec.Struct]) -> AsyncGenerator[Sequence[Any], None]:
        """The rows of the models, for :func:`read_stored` of this kind, which begins with the id.

        Raises:
            StoreError: The database failed.
        """
        columns = select(*as_stored(self.database.tables.models, kind)).where(*self.conditions)
        by_key = self.ids is None and self.order_by == "id"
        return self._by_key(columns) if by_key else self._by_position(columns)

    async def _by_key(self, columns: Select[Any]) -> AsyncGenerator[Sequence[Any], None]:
        """In the order of the key, each batch from the last one on: memory does not grow."""
        ids = self.database.tables.models.c.id
        query = columns.order_by(ids)
        batch = query.offset(self.offset)
        left = self.limit
        while left is None or left > 0:
            size = _BATCH if left is None else min(_BATCH, left)
            rows = await self.database.rows(batch.limit(size))
            yield rows
            if len(rows) < size:
                return
            left = None if left is None else left - len(rows)
            batch = query.where(ids > rows[-1][0])

    async def _by_position(self, columns: Select[Any]) -> AsyncGenerator[Sequence[Any], None]:
        """The ids at first, in their order, and then what the store has of so many of them."""
        key = self.database.tables.models.c.id
        ids = await self._all(self._ids())
        for start in range(0, len(ids), _BATCH):
            batch = ids[start : start + _BATCH]
            rows = await self.database.rows(columns.where(self.database.among(key, batch)))
            found = {row[0]: row for row in rows}
            # Without those that were changed meanwhile, and are none of them any more.
            yield [found[model_id] for model_id in batch if model_id in found]

    def _ids(self) -> Select[Any]:
        models = self.database.tables.models
        column = models.c[self.order_by.removeprefix("-")]
        ordered = column.desc() if self.order_by.startswith("-") else column
        query = select(models.c.id).where(*self.conditions)
        if self.ids is not None:
            query = query.where(self.database.among(models.c.id, self.ids))
        # The databases do not agree on where nulls come. Said like this, SQLite uses an index.
        query = query.order_by(ordered.nulls_last(), models.c.id).offset(self.offset)
        return query if self.limit is None else query.limit(self.limit)

    @in_own_task
    async def _all(self, ids: Select[Any]) -> list[str]:
        """Ids, however many there are: the loop goes on between two parts of them."""
        async with self.database.transaction() as connection:
            parts = (await connection.stream_scalars(ids)).partitions(_BATCH)
            return [one async for part in parts for one in part]


def query_of(database: Database, **selection: Unpack[ModelSelection]) -> ModelQuery:
    """What :meth:`CatalogStore.models` asks, which says what the filters mean.

    Raises:
        ValueError: A value that fits nothing.
        TypeError: A value of the wrong type.
    """
    return ModelQuery(
        database,
        conditions_of(database, selection),
        ids=ids_of(selection.get("ids")),
        order_by=given_choice("order_by", selection.get("order_by", "id"), get_args(OrderBy)),
        offset=count_of("offset", selection.get("offset", 0)) or 0,
        limit=count_of("limit", selection.get("limit")),
    )
