"""What the models of a store are like, in bars for people. No I/O.

Only who draws them imports this module: rich takes long to import.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from scenario_async._formats import printable

from .messages import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from scenario_async.sync import RunTotals, StoreSizes, StoreStatistics

__all__ = ["lines", "svg"]

_GAP = 2
_LABEL = 28
_BAR = 40
_WORTH_SHOWING = 6
_LEAST_LABEL = 4
_MONTHS = 24
_WIDTH = 80
_EIGHTHS = " ▏▎▍▌▋▊▉"
_FULL = "█"
_TITLE = "bold"
_COLOR = "cyan"

# That of rich takes its font from another host.
_SVG = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: monospace; font-size: {char_height}px; }}
.{unique_id}-title {{ font-family: sans-serif; font-size: 18px; font-weight: bold; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def lines(found: StoreStatistics, *, width: int | None, top: int) -> list[str]:
    """Facts, and a bar for each group, in color where the terminal and the user have it so.

    Args:
        found: Of a store.
        width: Of the terminal; ``None`` where the output goes elsewhere.
        top: Of how many groups of a kind there is a bar.
    """
    terminal = width is not None
    console = Console(file=io.StringIO(), force_terminal=terminal, legacy_windows=False)
    shown: list[str] = []
    for line in _lines(found, width=width, top=top):
        with console.capture() as captured:
            console.print(line, soft_wrap=True, end="")
        shown.append(captured.get())
    return shown


def svg(found: StoreStatistics, *, top: int) -> str:
    """The same as a picture, which needs nothing from elsewhere."""
    console = Console(
        file=io.StringIO(),
        record=True,
        width=_WIDTH,
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
        no_color=False,
    )
    for line in _lines(found, width=_WIDTH, top=top):
        console.print(line, soft_wrap=True)
    return console.export_svg(title="Models", code_format=_SVG)


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of a block.

    Attributes:
        label: What it is about.
        number: How many models; ``None`` where that is not known.
        bar: Whether there is a bar; there is none for what is left.
    """

    label: str
    number: int | None
    bar: bool = True

    @property
    def shown(self) -> str:
        """The number."""
        return "" if self.number is None else f"{self.number:,}"


def _lines(found: StoreStatistics, *, width: int | None, top: int) -> Iterator[Text]:
    facts = [("Models", f"{found.models:,}"), *_sizes(found.sizes), ("Runs", _runs(found.runs))]
    label = max(len(name) for name, _ in facts) + _GAP
    for name, words in facts:
        text = Text.assemble((name.ljust(label), _TITLE), words)
        yield text if width is None else _cut(text, width)
    kinds = {
        "Type": found.by_type,
        "Status": found.by_status,
        "Privacy": found.by_privacy,
        "Capability": found.by_capability,
        "Tag": found.by_tag,
    }
    blocks = {title: _top(groups, top) for title, groups in kinds.items() if groups}
    if found.by_month:
        blocks["Created"] = _months(found.by_month)
    rows = [row for block in blocks.values() for row in block]
    layout = _Layout.of(rows, width)
    for title, block in blocks.items():
        yield Text()
        yield _cut(Text(title, _TITLE), width or _WIDTH)
        most = max(row.number or 0 for row in block if row.bar)
        yield from (layout.line(row, most) for row in block)


def _top(groups: Mapping[str, int], top: int) -> list[_Row]:
    """The first groups, and how many more there are: of how many models one cannot say."""
    rows = [
        _Row(printable(name) or repr(name), number) for name, number in islice(groups.items(), top)
    ]
    left = len(groups) - len(rows)
    return [*rows, _Row(f"{left:,} more", None, bar=False)] if left else rows


def _months(by_month: Mapping[str, int]) -> list[_Row]:
    """The last months, those without models between them included."""
    last = _number(max(by_month))
    first = max(_number(min(by_month)), last - _MONTHS + 1)
    months = [f"{number // 12:04}-{number % 12 + 1:02}" for number in range(first, last + 1)]
    rows = [_Row(month, by_month.get(month, 0)) for month in months]
    before = sum(number for month, number in by_month.items() if month < months[0])
    return [_Row("before", before, bar=False), *rows] if before else rows


def _number(month: str) -> int:
    year, of_year = map(int, month.split("-"))
    return year * 12 + of_year - 1


@dataclass(frozen=True, slots=True)
class _Layout:
    """How wide the columns are, the same for all blocks.

    Attributes:
        label: Of what a row is about.
        number: Of the number.
        bar: Of the longest bar; 0 where there is no room for one.
    """

    label: int
    number: int
    bar: int

    @classmethod
    def of(cls, rows: Sequence[_Row], width: int | None) -> _Layout:
        label = max((cell_len(row.label) for row in rows), default=0)
        number = max((len(row.shown) for row in rows), default=0)
        if width is None:
            return cls(label, number, _BAR)
        left = width - number - _GAP
        wanted = min(label, _LABEL)
        bar = min(left - wanted - _GAP, _BAR)
        if bar < _WORTH_SHOWING:
            return cls(max(_LEAST_LABEL, min(label, left)), number, 0)
        return cls(wanted, number, bar)

    def line(self, row: _Row, most: int) -> Text:
        label = row.label
        if cell_len(label) > self.label:
            label = set_cell_size(label, self.label - 1) + "…"
        if row.number is None:
            return Text(label)
        text = Text(set_cell_size(label, self.label) + " " * _GAP)
        text.append(row.shown.rjust(self.number))
        if self.bar and row.bar and row.number:
            text.append(" " * _GAP)
            text.append(_bar(row.number / most * self.bar), _COLOR)
        return text


def _bar(cells: float) -> str:
    """A bar of so many cells; a short one where there would be none."""
    eighths = max(1, round(cells * len(_EIGHTHS)))
    whole, part = divmod(eighths, len(_EIGHTHS))
    return _FULL * whole + _EIGHTHS[part].strip()


def _sizes(sizes: StoreSizes) -> Iterator[tuple[str, str]]:
    yield "Records", f"{_bytes(sizes.records)}, the largest {_bytes(sizes.largest_record)}"
    if sizes.detailed:
        models = counted(sizes.detailed, "model")
        yield "Details", f"{_bytes(sizes.details)} of {models}"
    yield "Store", _bytes(sizes.store)


def _bytes(number: int) -> str:
    size, unit = float(number), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 1000:  # noqa: PLR2004 - as units go
            break
        size, unit = size / 1000, larger
    return f"{number} B" if unit == "B" else f"{size:.1f} {unit}"


def _runs(runs: RunTotals) -> str:
    if not runs.runs:
        return "none"
    ended = ", ".join(
        f"{number:,} {printable(status)}" for status, number in runs.by_status.items()
    )
    when = ""
    if runs.first_at is not None and runs.last_at is not None:
        days = dict.fromkeys(f"{moment:%Y-%m-%d}" for moment in (runs.first_at, runs.last_at))
        when = f", {' to '.join(days)}"
    retries = f", {counted(runs.work.retries, 'retry', 'retries')}" if runs.work.retries else ""
    return f"{runs.runs:,} ({ended}), {counted(runs.work.requests, 'request')}{retries}{when}"


def _cut(text: Text, width: int) -> Text:
    text.truncate(width, overflow="ellipsis")
    return text
