"""The models of listings as a table of Arrow."""

from __future__ import annotations

from contextlib import aclosing
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import anyio.to_thread

from scenario_async._decoding import ListedRow
from scenario_async._formats import ArrowColumns, chosen_columns

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Sequence

    from scenario_async._decoding import Sighted

__all__ = ["arrow_table", "listed_columns"]

_SCOPES = "scopes"


def listed_columns(columns: Iterable[str] | None, *, several: bool = False) -> tuple[str, ...]:
    """The columns that were asked for, of one listing or of several ones.

    Raises:
        ValueError: There is no such column.
        TypeError: A column is not a string.
        MissingExtraError: pyarrow is not installed.
    """
    known = ListedRow.__struct_fields__
    return chosen_columns(columns, (*known, _SCOPES) if several else known)


async def arrow_table(
    slices: AsyncGenerator[tuple[Any, Iterable[Sighted[ListedRow]]], None],
    names: Sequence[str],
    found: Callable[[str], Any] | None = None,
) -> Any:  # noqa: ANN401 - pyarrow has no types
    """A ``pyarrow.Table`` of slices: a record batch for each page, in the order of their keys.

    Args:
        slices: Rows, with a key that they are sorted by.
        names: Those of the columns.
        found: Returns what has the ``scopes`` of a model, by its id. Asked in the end, as the
            scopes of a model are not known before.

    Raises:
        APIError: A page could not be fetched.
    """
    of_rows = [name for name in names if name != _SCOPES]
    # A table without columns would have no rows.
    arrow = await anyio.to_thread.run_sync(ArrowColumns, of_rows or ["id"])
    keyed: list[tuple[Any, Any, list[str]]] = []
    async with aclosing(_pages(slices)) as pages:
        async for key, rows in pages:
            batch = await anyio.to_thread.run_sync(arrow.batch, list(rows.values()))
            keyed.append((key, batch, list(rows)))
    keyed.sort(key=itemgetter(0))
    table = arrow.table([batch for _, batch, _ in keyed])
    if found is None or _SCOPES not in names:
        return table
    ids = [ids for _, _, ids in keyed]
    return await anyio.to_thread.run_sync(_with_scopes, table, ids, found, names)


async def _pages(
    slices: AsyncGenerator[tuple[Any, Iterable[Sighted[ListedRow]]], None],
) -> AsyncGenerator[tuple[Any, dict[str, ListedRow]], None]:
    """The rows of slices page by page, by their ids, each page with its key.

    A row may be repeated with a page before the one that it came with. It is not given twice.
    """
    key: Any = None
    given: set[str] = set()
    page: dict[str, ListedRow] = {}
    async with aclosing(slices):
        async for here, rows in slices:
            if page and here != key:
                yield key, page
                page = {}
            key = here
            new = {one: row for one, row in rows if row is not None and one not in given}
            given |= new.keys()
            page |= new
    if page:
        yield key, page


def _with_scopes(
    table: Any,  # noqa: ANN401 - pyarrow has no types
    pages: Sequence[Sequence[str]],
    found: Callable[[str], Any],
    names: Sequence[str],
) -> Any:  # noqa: ANN401 - as above
    """The table with the column of the scopes, of the same pages."""
    arrow = ArrowColumns([_SCOPES])
    column = arrow.table([arrow.batch([found(one) for one in ids]) for ids in pages])[_SCOPES]
    return table.append_column(arrow.schema.field(_SCOPES), column).select(list(names))
