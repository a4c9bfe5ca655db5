"""What was measured, as it is kept in ``results.json``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from cases import CASES, Case
from environment import Environment  # noqa: TC002 - msgspec reads it
from measure import Mode  # noqa: TC002 - msgspec reads it

if TYPE_CHECKING:
    from pathlib import Path


class Run(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One contender, once. ``measure`` says what the figures mean.

    Attributes:
        contender: Who.
        turn: In which turn, from 1.
        mode: What was measured.
        wall: Seconds.
        cpu: Seconds.
        memory: Bytes.
        hold: Seconds.
        requests: How many requests the service got.
        server_cpu: Seconds of processor time of the service; near ``wall`` it would be the limit.
    """

    contender: str
    turn: int
    mode: Mode
    wall: float | None = None
    cpu: float | None = None
    memory: int | None = None
    hold: float | None = None
    requests: int
    server_cpu: float


class CaseResult(msgspec.Struct, kw_only=True):
    """One case, measured to its end.

    Attributes:
        case: What was measured.
        environment: Where.
        date: When, as YYYY-MM-DD (UTC).
        runs: The runs, in their order.
    """

    case: Case
    environment: Environment
    date: str
    runs: list[Run]

    def values(self, contender: str, figure: str) -> dict[int, float]:
        """A figure of a contender by turn."""
        return {
            run.turn: value
            for run in self.runs
            if run.contender == contender and (value := getattr(run, figure)) is not None
        }


class Results(msgspec.Struct, kw_only=True):
    """All cases that were measured, and what other scripts report.

    Attributes:
        cases: By name.
        shared_rate: What ``shared_rate.py`` wrote, if it ran.
    """

    cases: dict[str, CaseResult] = {}
    shared_rate: dict[str, Any] | None = None


def is_whole(results: Results) -> bool:
    """Whether all cases were measured as they are meant, with all their turns or more."""
    return all(
        (known := results.cases.get(case.name)) is not None
        and known.case == msgspec.structs.replace(case, turns=max(case.turns, known.case.turns))
        for case in CASES
    )


def load(path: Path) -> Results:
    """The results in a file; none if there is no such file."""
    if not path.exists():
        return Results()
    return msgspec.json.decode(path.read_bytes(), type=Results)


def save(results: Results, path: Path) -> None:
    """Write the file in one step, so that an interruption leaves the old one or the new one."""
    order = {case.name: place for place, case in enumerate(CASES)}
    results.cases = dict(sorted(results.cases.items(), key=lambda item: order[item[0]]))
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")
    unfinished.replace(path)
