"""Writes what was measured as Markdown tables, and has the plot drawn."""

from __future__ import annotations

import json
import statistics
from typing import TYPE_CHECKING, Any

from bars import ideal, judge, median
from markdown_table import table
from plot import write_plot
from results import is_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from environment import Environment
    from results import CaseResult, Results

NAMES = {
    "ours": "scenario-async",
    "ours-again": "scenario-async, a later listing",
    "ours-one-at-a-time": "scenario-async, one page at a time",
    "ours-kept": "scenario-async, kept by `collect()`",
    "plain-lists-kept": "the same with plain lists in the Structs",
    "ours-retrieved": "scenario-async, `retrieve_many`",
    "ours-retrieved-one-by-one": "scenario-async, `retrieve` one after the other",
    "hand-written": "hand-written aiohttp + msgspec",
    "bytes-only": "reading the bytes, no more",
    "official-100": "scenario-sdk as it comes",
    "official-500": "scenario-sdk, pages of 500",
    "official-100-aiohttp": "scenario-sdk[aiohttp] as it comes",
    "official-500-aiohttp": "scenario-sdk[aiohttp], pages of 500",
    "official-500-kept": "scenario-sdk, pages of 500, kept",
    "ours-sync": "scenario-async, `sync` into SQLite",
    "bare-load": "hand-written aiohttp + msgspec + sqlite3",
    "dlt-sqlite": "dlt into SQLite",
    "dlt-duckdb-parquet": "dlt into DuckDB, by Parquet",
}
_FIGURES: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("wall", "time (s)", lambda seconds: f"{seconds:.3f}"),
    ("cpu", "processor time (s)", lambda seconds: f"{seconds:.3f}"),
    ("memory", "memory over idle (MB)", lambda size: f"{size / 1e6:.1f}"),
    ("hold", "longest hold (ms)", lambda seconds: f"{seconds * 1e3:.2f}"),
    ("requests", "requests", lambda number: f"{number:.0f}"),
)


def write_report(results: Results, folder: Path) -> None:
    """Write the tables and the plot."""
    text = "\n\n".join(_parts(results)) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table.inc").write_text(text, "utf-8")
    write_plot(results, folder / "plot.svg")


def bars_table(results: Results) -> str:
    """What this project aims at, and what was measured."""
    bars = judge(results)
    if not bars:
        return "Nothing was measured that there is an aim for."
    rows = [
        (bar.compared, bar.aim, bar.measured, "yes" if bar.reached else "**no**") for bar in bars
    ]
    return table(("compared", "aim", "median (range of the turns)", "reached"), rows, "llll")


def _parts(results: Results) -> Iterable[str]:
    if not is_whole(results):
        yield "**Not the whole measurement:** fewer cases, models or turns than are meant."
    yield "## Aims and measurements"
    yield (
        "The aims are this project's own. They are not promises: the last column says which of "
        "them it reaches."
    )
    yield bars_table(results)
    if results.shared_rate is not None:
        yield "## Several processes under one rate limit"
        yield from _shared_rate(results.shared_rate)
    yield "## All figures"
    yield (
        "Medians. *Ratio* is the time, to that of scenario-async: the median of the turns' ratios."
    )
    for result in results.cases.values():
        yield f"### {result.case.title}"
        yield _case(result)
    yield "## The machine and the versions"
    yield from _environments(results)


def _shared_rate(report: dict[str, Any]) -> Iterable[str]:
    """What ``shared_rate.py`` measured: its scene, then each of its figures."""
    yield (
        "Promised is that the processes keep to the limit together, and not that their shares are "
        "equal. *Shares of fair share* has the requests of each process, to an equal share."
    )
    scene = ", ".join(
        f"{_words(name)} {json.dumps(value)}" for name, value in report["scene"].items()
    )
    yield f"Counts, rates in requests a second, times in seconds: {scene}."
    figures = {name: value for name, value in report.items() if name not in {"scene", "processes"}}
    rows = [(_words(name), json.dumps(value).strip("[]")) for name, value in figures.items()]
    yield table(("figure", "measured"), rows, "ll")


def _words(name: str) -> str:
    return name.replace("_", " ")


def _case(result: CaseResult) -> str:
    measured = [
        (figure, title, show)
        for figure, title, show in _FIGURES
        if any(result.values(contender, figure) for contender in result.case.contenders)
    ]
    rows = []
    for contender in result.case.contenders:
        cells = [NAMES[contender]]
        for figure, _, show in measured:
            value = median(result, contender, figure)
            cells.append("" if value is None else show(value))
        turns = len({run.turn for run in result.runs if run.contender == contender})
        rows.append((*cells, _ratio(result, contender), str(turns)))
    header = ("", *(title for _, title, _ in measured), "ratio", "turns")
    text = table(header, rows, "l" + "r" * (len(header) - 1))
    if result.case.latency and not result.case.retrieved:
        text += f"\n\nThe fewest round trips, eight at once, would take {ideal(result.case):.2f} s."
    return text


def _ratio(result: CaseResult, contender: str) -> str:
    ours = result.values(result.case.contenders[0], "wall")
    others = result.values(contender, "wall")
    ratios = [others[turn] / ours[turn] for turn in ours.keys() & others.keys()]
    return f"{statistics.median(ratios):.2f}" if ratios else ""


def _environments(results: Results) -> Iterable[str]:
    """Each environment once, with the cases that it holds for where there are several."""
    found: list[tuple[Environment, list[CaseResult]]] = []
    for result in results.cases.values():
        same = next((known for env, known in found if env == result.environment), None)
        if same is None:
            found.append((result.environment, [result]))
        else:
            same.append(result)
    for environment, held in found:
        if len(found) > 1:
            yield "For " + ", ".join(f"*{result.case.title}*" for result in held) + ":"
        dates = sorted({result.date for result in held})
        rows = [
            ("measured on", " to ".join(dict.fromkeys((dates[0], dates[-1])))),
            ("processor", f"{environment.processor}, {environment.cores} cores"),
            ("memory", f"{environment.memory} GiB"),
            ("system", environment.system),
            ("Python", environment.python),
            ("zlib", environment.zlib),
            *([("SQLite", environment.sqlite)] if environment.sqlite else ()),
            *environment.packages.items(),
        ]
        yield table(("", ""), rows, "ll")
