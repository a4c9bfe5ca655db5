"""CSV that every reader takes apart in the same way. No I/O."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from scenario_async._query import wire_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .records import Records, Style

__all__ = ["CSV", "as_text", "csv_row"]

# More than csv.writer quotes, and on every version of Python the same: whatever str.splitlines,
# a spreadsheet or an older csv.reader takes for the end of a line.
_QUOTED = re.compile('[",\n\r\v\f\x1c-\x1e\x85\u2028\u2029]')
# What spreadsheets take for a formula, also in the wide forms of some languages:
# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - meant


class CSV:
    """A line of column names, then a line for each model."""

    def __init__(self, records: Records[Any], style: Style) -> None:
        self._columns = records.columns
        self._safe = style.csv_safe
        self._header = csv_row(records.columns)

    def batch(self, models: Sequence[Any]) -> bytes:
        """The lines of these models."""
        rows = ((getattr(model, name) for name in self._columns) for model in models)
        return self.end() + "".join([csv_row(row, safe=self._safe) for row in rows]).encode()

    def end(self) -> bytes:
        """The column names, unless they were written."""
        header, self._header = self._header, ""
        return header.encode()


def csv_row(values: Iterable[object], *, safe: bool = False) -> str:
    """A row with its line break, each value as :func:`as_text` returns it.

    Args:
        values: Those of the row; two at least, as a row of one empty value would be an empty line.
        safe: Write an apostrophe before text that a spreadsheet would take for a formula.
    """
    return ",".join([_cell(value, safe=safe) for value in values]) + "\n"


def _cell(value: object, *, safe: bool) -> str:
    text = as_text(value)
    if safe and text.startswith(_FORMULA) and not isinstance(value, int | float):
        text = f"'{text}"
    if _QUOTED.search(text):
        return '"' + text.replace('"', '""') + '"'
    return text


def as_text(value: object) -> str:
    """A value as text: empty for nothing, lists comma separated, times as the service has them."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return wire_time(value)
    if isinstance(value, tuple | list):
        return ",".join(map(str, cast("Iterable[object]", value)))
    return str(value)
