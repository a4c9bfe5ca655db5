"""What this project aims at, held against what was measured.

The aims are not promises. A ratio is taken turn by turn, from runs that followed each other, and
judged by its median.
"""

from __future__ import annotations

import statistics
import sys
from math import ceil
from typing import TYPE_CHECKING

import msgspec
from contenders import AT_ONCE, LARGEST_PAGE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cases import Case
    from results import CaseResult, Results

_AN_ID = "model_" + "0" * 24


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """An aim and what was measured.

    Attributes:
        compared: What is compared with what.
        aim: The limit.
        measured: The median, and the smallest and largest turn.
        reached: Whether the median keeps the limit.
    """

    compared: str
    aim: str
    measured: str
    reached: bool


class Ratio(msgspec.Struct, frozen=True, kw_only=True):
    """An aim about two contenders of one case.

    Attributes:
        compared: What is compared with what.
        case: The case.
        figure: What is compared.
        ours: Who has less of it.
        other: Who has more of it.
        less: How many times less at least; or
        within: at most how many times as much.
    """

    compared: str
    case: str
    figure: str
    other: str
    ours: str = "ours"
    less: float | None = None
    within: float | None = None


RATIOS = (
    Ratio(
        compared="10,000 private models, 300 ms a page: time, to the official SDK as it comes",
        case="plain-300ms",
        figure="wall",
        other="official-100",
        less=25,
    ),
    Ratio(
        compared="10,000 private models, 300 ms a page: time, to the official SDK, pages of 500",
        case="plain-300ms",
        figure="wall",
        other="official-500",
        less=5,
    ),
    Ratio(
        compared="10,000 public models, 300 ms a page: time, to the official SDK as it comes",
        case="public-300ms",
        figure="wall",
        other="official-100",
        less=25,
    ),
    Ratio(
        compared="10,000 public models, 300 ms a page: time, to the official SDK, pages of 500",
        case="public-300ms",
        figure="wall",
        other="official-500",
        less=5,
    ),
    Ratio(
        compared="10,000 models, plain answers: processor time, to the official SDK, pages of 500",
        case="plain",
        figure="cpu",
        other="official-500",
        less=20,
    ),
    Ratio(
        compared="10,000 models, gzipped answers: processor time, "
        "to the official SDK, pages of 500",
        case="gzip",
        figure="cpu",
        other="official-500",
        less=12,
    ),
    Ratio(
        compared="10,000 models, plain answers: processor time, to the hand-written loop",
        case="plain",
        figure="cpu",
        other="hand-written",
        within=1.25,
    ),
    Ratio(
        compared="10,000 models, gzipped answers: processor time, to the hand-written loop",
        case="gzip",
        figure="cpu",
        other="hand-written",
        within=1.25,
    ),
    Ratio(
        compared="streaming one page at a time: memory over idle, "
        "to the official SDK, pages of 500",
        case="plain",
        figure="memory",
        ours="ours-one-at-a-time",
        other="official-500",
        less=7,
    ),
    Ratio(
        compared="pages of 500: longest hold of the loop, to reading the bytes and no more",
        case="plain",
        figure="hold",
        other="bytes-only",
        within=1.5,
    ),
    Ratio(
        compared="pages of 500: longest hold of the loop, to the official SDK",
        case="plain",
        figure="hold",
        other="official-500",
        less=25,
    ),
    Ratio(
        compared="keeping 10,000 models: longest hold of the loop, to Structs with plain lists",
        case="kept",
        figure="hold",
        ours="ours-kept",
        other="plain-lists-kept",
        less=3,
    ),
    Ratio(
        compared="700 models by id, 100 ms an answer: time, to one after the other",
        case="retrieved-100ms",
        figure="wall",
        ours="ours-retrieved",
        other="ours-retrieved-one-by-one",
        less=10,
    ),
    Ratio(
        compared="loading 10,000 models into SQLite: time, to the hand-written loop",
        case="load",
        figure="wall",
        ours="ours-sync",
        other="bare-load",
        within=1.5,
    ),
    Ratio(
        compared="loading 100,000 models into SQLite: time, to the hand-written loop",
        case="load-many",
        figure="wall",
        ours="ours-sync",
        other="bare-load",
        within=1.5,
    ),
    Ratio(
        compared="loading 10,000 models into SQLite: time, to dlt as it comes",
        case="load",
        figure="wall",
        ours="ours-sync",
        other="dlt-sqlite",
        less=12,
    ),
    Ratio(
        compared="loading 10,000 models into SQLite: processor time, to dlt as it comes",
        case="load",
        figure="cpu",
        ours="ours-sync",
        other="dlt-sqlite",
        less=12,
    ),
    Ratio(
        compared="loading 100,000 models into SQLite: time, to dlt as it comes",
        case="load-many",
        figure="wall",
        ours="ours-sync",
        other="dlt-sqlite",
        less=12,
    ),
    Ratio(
        compared="loading 100,000 models into SQLite: processor time, to dlt as it comes",
        case="load-many",
        figure="cpu",
        ours="ours-sync",
        other="dlt-sqlite",
        less=12,
    ),
)
# Where a client has gone through the listing before, for the same aims.
AGAIN = "ours-again"
AGAIN_IN = frozenset({"plain", "gzip", "plain-300ms"})
IDEAL_WITHIN = 1.3


class Growth(msgspec.Struct, frozen=True, kw_only=True):
    """The aim that more models take hardly more memory, but for the ids seen.

    Attributes:
        doing: What is done with the models, with a place for how many.
        few: The case with few models.
        many: The case with many.
        ours: Who does it.
        within: At most how many times as much memory over idle.
    """

    doing: str
    few: str
    many: str
    ours: str
    within: float = 1.3


GROWTHS = (
    Growth(
        doing=f"streaming {{:,}} models, {AT_ONCE} at once",
        few="plain",
        many="many",
        ours="ours",
    ),
    Growth(
        doing="loading {:,} models into SQLite",
        few="load",
        many="load-many",
        ours="ours-sync",
    ),
)


def judge(results: Results) -> list[Bar]:
    """The bars that the results tell something about."""
    bars = [
        _judge_ideal("plain-300ms", results),
        _judge_ideal("plain-300ms", results, AGAIN),
        _judge_ideal("public-300ms", results),
    ]
    for ratio in RATIOS:
        bars.append(_judge_ratio(ratio, results))
        if ratio.ours == "ours" and ratio.case in AGAIN_IN:
            bars.append(_judge_ratio(_again(ratio), results))
    bars += [_judge_growth(growth, results) for growth in GROWTHS]
    return [bar for bar in bars if bar is not None]


def median(result: CaseResult, contender: str, figure: str) -> float | None:
    """The median of a figure over all turns, ``None`` if it was not measured."""
    values = result.values(contender, figure).values()
    return statistics.median(values) if values else None


def _again(ratio: Ratio) -> Ratio:
    """The aim for a later listing."""
    return msgspec.structs.replace(ratio, compared=_of_later_walk(ratio.compared), ours=AGAIN)


def _of_later_walk(compared: str) -> str:
    return f"a later listing: {compared}"


def _judge_ratio(ratio: Ratio, results: Results) -> Bar | None:
    result = results.cases.get(ratio.case)
    if result is None:
        return None
    ours = result.values(ratio.ours, ratio.figure)
    others = result.values(ratio.other, ratio.figure)
    turns = sorted(ours.keys() & others.keys())
    if not turns:
        return None
    if ratio.less is not None:
        ratios = [others[turn] / ours[turn] for turn in turns]
        aim, reached = f"{ratio.less:g} times less", statistics.median(ratios) >= ratio.less
    else:
        ratios = [ours[turn] / others[turn] for turn in turns]
        within = ratio.within or 1.0
        aim, reached = f"at most {within:g} times", statistics.median(ratios) <= within
    return Bar(compared=ratio.compared, aim=aim, measured=_spread(ratios), reached=reached)


def ideal(case: Case) -> float:
    """The seconds of the fewest round trips: one page alone, then the others eight at once."""
    pages = ceil(case.models / LARGEST_PAGE)
    return case.latency * (1 + ceil((pages - 1) / AT_ONCE))


def _judge_ideal(name: str, results: Results, ours: str = "ours") -> Bar | None:
    result = results.cases.get(name)
    if result is None:
        return None
    seconds = ideal(result.case)
    ratios = [wall / seconds for wall in result.values(ours, "wall").values()]
    if not ratios:
        return None
    compared = (
        f"10,000 {result.case.privacy} models, 300 ms a page: time, to the fewest round "
        f"trips with {AT_ONCE} at once ({seconds:.1f} s)"
    )
    return Bar(
        compared=_of_later_walk(compared) if ours == AGAIN else compared,
        aim=f"at most {IDEAL_WITHIN:g} times",
        measured=_spread(ratios),
        reached=statistics.median(ratios) <= IDEAL_WITHIN,
    )


def _judge_growth(growth: Growth, results: Results) -> Bar | None:
    """Ten times as many models must not take more memory, but for the ids seen."""
    few, many = results.cases.get(growth.few), results.cases.get(growth.many)
    if few is None or many is None:
        return None
    memory_few = median(few, growth.ours, "memory")
    memory_many = median(many, growth.ours, "memory")
    if memory_few is None or memory_many is None:
        return None
    ratio = (memory_many - ids_seen(many.case.models)) / (memory_few - ids_seen(few.case.models))
    return Bar(
        compared=f"{growth.doing.format(many.case.models)}: memory over idle, to "
        f"{few.case.models:,} (ids seen aside)",
        aim=f"at most {growth.within:g} times",
        measured=f"{ratio:.2f} ({memory_many / 1e6:.1f} MB and {memory_few / 1e6:.1f} MB, "
        f"of which ids {ids_seen(many.case.models) / 1e6:.1f} MB "
        f"and {ids_seen(few.case.models) / 1e6:.1f} MB)",
        reached=ratio <= growth.within,
    )


def ids_seen(models: int) -> int:
    """The bytes that a dict with so many ids takes: what no walk without repetitions can avoid."""
    return sys.getsizeof(dict.fromkeys(range(models))) + models * sys.getsizeof(_AN_ID)


def _spread(ratios: Iterable[float]) -> str:
    values = sorted(ratios)
    middle = statistics.median(values)
    if len(values) == 1:
        return f"{_short(middle)} (one turn)"
    return f"{_short(middle)} ({_short(values[0])} to {_short(values[-1])})"


def _short(value: float) -> str:
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"  # noqa: PLR2004 - three figures
