"""Arrow: the columns of models and their types, for tables and for Parquet. No I/O."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from scenario_async._extras import need
from scenario_async._query import did_you_mean, given_texts, in_utc

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["ArrowColumns", "chosen_columns"]

_LISTS = ("capabilities", "tags", "collection_ids", "scopes")
_MOMENTS = ("created_at", "updated_at", "deleted_at", "first_seen_at")
_NEVER_NULL = ("id", "first_seen_at", "record", "scopes")


def chosen_columns(columns: Iterable[str] | None, known: Sequence[str]) -> tuple[str, ...]:
    """The columns that were asked for, in that order; all of them where none were.

    Raises:
        ValueError: There is no such column, one is named twice, or none is named.
        TypeError: It is one string, or there is something else among them.
        MissingExtraError: pyarrow is not installed.
    """
    need("to_arrow", "pyarrow", extra="export")
    if columns is None:
        return tuple(known)
    names = tuple(given_texts("columns", columns))
    there_are = f"there are {', '.join(known)}"
    if not names:
        raise ValueError(f"columns must name one at least; {there_are}")
    for name in names:
        if name not in known:
            meant = did_you_mean(name, known)
            raise ValueError(f"there is no column {name!r}{meant or ';'} {there_are}")
        if names.count(name) > 1:
            raise ValueError(f"columns must name each one once, and has {name!r} again")
    return names


class ArrowColumns:
    """Some columns of models, and how rows become tables of them.

    Importing pyarrow takes a tenth of a second, and a batch may take some milliseconds: both are
    done in a thread where there is an event loop.

    Args:
        names: Those of the columns, which are attributes of the rows.

    Attributes:
        schema: A ``pyarrow.Schema``: strings, lists of strings, and timestamps in UTC with
            milliseconds.
    """

    def __init__(self, names: Iterable[str]) -> None:
        # Only here: it takes long to import, and has no types.
        arrow: Any = import_module("pyarrow")
        types = {
            **dict.fromkeys(_LISTS, arrow.list_(arrow.string())),
            **dict.fromkeys(_MOMENTS, arrow.timestamp("ms", tz="UTC")),
        }
        self.schema: Any = arrow.schema(
            arrow.field(name, types.get(name, arrow.string()), nullable=name not in _NEVER_NULL)
            for name in names
        )
        self._arrow = arrow

    def batch(self, rows: Sequence[Any]) -> Any:  # noqa: ANN401 - pyarrow has no types
        """A ``pyarrow.RecordBatch`` of these rows."""
        columns = [
            self._arrow.array(_values(field.name, rows), field.type) for field in self.schema
        ]
        return self._arrow.record_batch(columns, schema=self.schema)

    def table(self, batches: Iterable[Any]) -> Any:  # noqa: ANN401 - as above
        """A ``pyarrow.Table`` of these batches, of which there may be none."""
        return self._arrow.Table.from_batches(batches, schema=self.schema)


def _values(name: str, rows: Sequence[Any]) -> list[Any]:
    values = [getattr(row, name) for row in rows]
    if name not in _MOMENTS:
        return values
    # Arrow would take one that is beyond the calendar in UTC, and could not give it back.
    return [None if moment is None else in_utc(moment) for moment in values]
