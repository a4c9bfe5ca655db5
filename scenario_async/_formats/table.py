"""Tables that people look at: what fits the terminal, a line for each row. No I/O.

The layout is done here and not by a ``rich.table.Table``, which takes half a millisecond for each
row: seconds without a sign of life for a few thousand.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from .csv_rows import as_text
from .terminal_text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from scenario_async.types import Model

    from .records import Records, Style

__all__ = ["Column", "Table", "fitting_widths", "lines_of"]

_GAP = "  "
_WORTH_SHOWING = 6
"""Of a second column, where no third one has room: the beginning of a name is better than none."""


@dataclass(slots=True)
class Column:
    """A column.

    Attributes:
        title: What stands above it.
        least: How wide it is at least where it is shortened; ``None`` if it never is.
        right: Whether its cells end at the same place, as numbers do.
        cells: What stands below the title, on one line each.
    """

    title: str
    least: int | None = None
    right: bool = False
    cells: list[str] = field(default_factory=list[str])

    def fitted(self, width: int) -> list[str]:
        """The title and all cells, so wide."""
        return [self._fitted(cell, width) for cell in (self.title, *self.cells)]

    def _fitted(self, cell: str, width: int) -> str:
        if self.right:
            return cell.rjust(width)
        if cell_len(cell) > width:
            return set_cell_size(cell, width - 1) + "…"
        return set_cell_size(cell, width)


def lines_of(
    columns: Sequence[Column], width: int | None, *, first_out: Iterable[int] | None = None
) -> list[str]:
    """The lines of a table, the titles first.

    Args:
        columns: All of them, with as many cells each.
        width: Of the terminal; ``None`` where the output goes elsewhere and nothing is shortened.
        first_out: Which columns are left out first in a narrow terminal; default: the last ones.
            The first column, which says what a row is about, always stays.
    """
    widths = [max(map(cell_len, (one.title, *one.cells))) for one in columns]
    if width is not None:
        order = range(len(columns) - 1, 0, -1) if first_out is None else first_out
        widths = fitting_widths(widths, [one.least for one in columns], width, order)
    shown = [one.fitted(room) for one, room in zip(columns, widths, strict=True) if room]
    head, *lines = (_GAP.join(cells).rstrip() for cells in zip(*shown, strict=True))
    return [_heading(head, terminal=width is not None), *lines]


def fitting_widths(
    natural: Sequence[int], least: Sequence[int | None], room: int, first_out: Iterable[int]
) -> list[int]:
    """The widths of as many columns as fit; 0 is for those that do not.

    Args:
        natural: What each column would like.
        least: What it can do with; ``None`` for all of it.
        room: For all columns and the gaps between them.
        first_out: Which columns go first. Where that is all but the first, and the second can be
            shortened, that one gets what is left, if it is worth showing.
    """
    widths = [
        wanted if few is None else min(wanted, few)
        for wanted, few in zip(natural, least, strict=True)
    ]
    for column in first_out:
        if _left(widths, room) >= 0:
            break
        widths[column] = 0
    left = max(0, _left(widths, room))
    may_be_cut = any(few is not None for few in least[1:2])
    if may_be_cut and not any(widths[1:]) and left - len(_GAP) >= _WORTH_SHOWING:
        widths[1] = left - len(_GAP)
    for column, width in enumerate(widths):
        if width:
            more = max(0, min(natural[column] - width, _left(widths, room)))
            widths[column] += more
    return widths


def _left(widths: Sequence[int], room: int) -> int:
    shown = [width for width in widths if width]
    return room - sum(shown) - len(_GAP) * (len(shown) - 1)


def _heading(line: str, *, terminal: bool) -> str:
    """The titles, in bold where the terminal and the user (``NO_COLOR``, ``TERM``) have it so."""
    console = Console(file=io.StringIO(), force_terminal=terminal, legacy_windows=False)
    with console.capture() as captured:
        console.print(Text(line, style="bold"), soft_wrap=True, end="")
    return captured.get()


def _created(model: Model) -> str:
    return as_text(model.created_at)[:16].replace("T", " ")


# The most useful ones first: in a narrow terminal the last ones are left out.
_COLUMNS: tuple[tuple[str, int | None, Callable[[Model], str]], ...] = (
    ("ID", None, lambda model: model.id),
    ("Name", 16, lambda model: model.name or ""),
    ("Type", None, lambda model: model.type or ""),
    ("Status", None, lambda model: model.status or ""),
    ("Created (UTC)", None, _created),
    ("Tags", 16, lambda model: ", ".join(model.tags or ())),
)


class Table:
    """Collects cells, not models, and lays them out once all widths are known."""

    def __init__(self, _: Records[Any], style: Style) -> None:
        self._width = style.width
        self._columns = [Column(title, least) for title, least, _ in _COLUMNS]

    def batch(self, models: Sequence[Model]) -> bytes:
        """Nothing yet."""
        for column, (*_, cell) in zip(self._columns, _COLUMNS, strict=True):
            column.cells.extend(printable(cell(model)) for model in models)
        return b""

    def end(self) -> bytes:
        """The whole table."""
        return "".join(f"{line}\n" for line in lines_of(self._columns, self._width)).encode()
