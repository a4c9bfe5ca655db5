"""Models of a store as a table of Arrow."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import anyio.to_thread

from scenario_async._formats import ArrowColumns, chosen_columns

from .values import StoredModel, part_of_model, read_stored

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .model_query import ModelQuery

__all__ = ["table_of"]


async def table_of(query: ModelQuery, columns: Iterable[str] | None) -> Any:  # noqa: ANN401 - pyarrow has no types
    """A ``pyarrow.Table`` of what is asked for; see :meth:`CatalogStore.to_arrow`.

    Raises:
        ValueError: There is no such column.
        TypeError: A column is not a string.
        MissingExtraError: pyarrow is not installed.
        StoreError: The database failed, or a model in it cannot be read.
    """
    names = chosen_columns(columns, StoredModel.__struct_fields__)
    kind = part_of_model(names)
    arrow = await anyio.to_thread.run_sync(ArrowColumns, names)

    def batch(rows: Sequence[Any]) -> Any:  # noqa: ANN401 - as above
        return arrow.batch([read_stored(row, kind, query.database.name) for row in rows])

    async with aclosing(query.batches(kind)) as parts:
        return arrow.table([await anyio.to_thread.run_sync(batch, rows) async for rows in parts])
