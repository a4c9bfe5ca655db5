"""The table that people look at: what fits the terminal, one line for each model. No I/O."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from scenario_async._csv_rows import as_text

from .messages import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scenario_async import Model

__all__ = ["Table", "fitting_widths", "heading"]

_GAP = "  "
_WORTH_SHOWING = 6
"""Of a second column, where no third one has room: the beginning of a name is better than none."""


@dataclass(frozen=True, slots=True)
class _Column:
    """A column. Cells wider than ``least`` may be shortened; those of a column without it never."""

    title: str
    cell: Callable[[Model], str]
    least: int | None = None


def _created(model: Model) -> str:
    return as_text(model.created_at)[:16].replace("T", " ")


# In the order of their worth: the last ones go where there is no room.
_COLUMNS = (
    _Column("ID", lambda model: model.id),
    _Column("Name", lambda model: model.name or "", least=16),
    _Column("Type", lambda model: model.type or ""),
    _Column("Status", lambda model: model.status or ""),
    _Column("Created (UTC)", _created),
    _Column("Tags", lambda model: ", ".join(model.tags or ()), least=16),
)


@dataclass(slots=True)
class Table:
    """Collects the cells, not the models, and lays them out once all widths are known.

    The layout is done here and not by a ``rich.table.Table``, which takes half a millisecond for
    each row: seconds without a sign of life for a few thousand.

    Attributes:
        width: Of the terminal; ``None`` where the output goes elsewhere and nothing is shortened.
    """

    width: int | None
    _rows: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])

    def page(self, models: Sequence[Model]) -> bytes:
        """Nothing yet."""
        for model in models:
            self._rows.append(tuple(printable(column.cell(model)) for column in _COLUMNS))
        return b""

    def end(self) -> bytes:
        """The whole table."""
        titles = tuple(column.title for column in _COLUMNS)
        natural = [max(map(cell_len, cells)) for cells in zip(titles, *self._rows, strict=True)]
        least = [column.least for column in _COLUMNS]
        widths = natural if self.width is None else fitting_widths(natural, least, self.width)
        lines = [heading(_line(titles, widths), terminal=self.width is not None)]
        lines.extend(_line(row, widths) for row in self._rows)
        return "".join(f"{line}\n" for line in lines).encode()


def fitting_widths(natural: Sequence[int], least: Sequence[int | None], room: int) -> list[int]:
    """The widths of as many columns as fit, the first always and whole.

    Where the second does not, it gets what is left, if that is worth showing.

    Args:
        natural: What each column would like.
        least: What it can do with; ``None`` for all of it.
        room: For all columns and the gaps between them.
    """
    smallest = [
        wanted if few is None else min(wanted, few)
        for wanted, few in zip(natural, least, strict=True)
    ]
    widths = [natural[0]]
    left = room - natural[0]
    for width in smallest[1:]:
        if width + len(_GAP) > left:
            break
        widths.append(width)
        left -= width + len(_GAP)
    may_be_cut = any(one is not None for one in least[1:2])
    if len(widths) == 1 and may_be_cut and left - len(_GAP) >= _WORTH_SHOWING:
        widths.append(left - len(_GAP))
        left = 0
    for index, width in enumerate(widths):
        more = max(0, min(natural[index] - width, left))
        widths[index] += more
        left -= more
    return widths


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    # Not strict: columns without room have no width.
    fitted = (_fitted(cell, width) for cell, width in zip(cells, widths, strict=False))
    return _GAP.join(fitted).rstrip()


def _fitted(cell: str, width: int) -> str:
    if cell_len(cell) > width:
        return set_cell_size(cell, width - 1) + "…"
    return set_cell_size(cell, width)


def heading(line: str, *, terminal: bool) -> str:
    """The titles, in bold where the terminal and the user (``NO_COLOR``, ``TERM``) have it so."""
    console = Console(file=io.StringIO(), force_terminal=terminal, legacy_windows=False)
    with console.capture() as captured:
        console.print(Text(line, style="bold"), soft_wrap=True, end="")
    return captured.get()
