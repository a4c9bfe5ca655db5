"""Measures all cases, the contenders of each in turns, and writes results, tables and a plot.

Prints a line for each run. Results are saved after each case: ``--resume`` goes on with what is
missing. Run it with ``nox -s bench``; everything behind ``--`` goes to this script.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from itertools import groupby
from pathlib import Path

import msgspec
from cases import CASES, QUICK, TURNS, Case, quick, with_turns
from contenders import Target
from environment import Environment, this_environment
from measure import Job, Mode, Result
from processes import Service, WrongResultError, run_contender
from report import bars_table, write_report
from results import CaseResult, Results, Run, load, save

HERE = Path(__file__).parent
DOCS = HERE.parent / "docs"
SHARED_RATE = HERE / "shared_rate.py"
WARM_UP_PAGE = 10
# Turns begin at different points of the collector's cycle: 1, 3, 5, 7, 9, 0, 2, ...
COLLECTOR_CYCLE = 11
# Which pages these ask for depends on when answers come, so that the server is made ready for them
# at the very latency of the case.
ADAPTIVE = frozenset({"ours", "ours-again", "ours-kept", "plain-lists-kept", "ours-sync"})


class Progress:
    """Says what is going on, with the time since the start."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def say(self, text: str) -> None:
        """Print one line."""
        passed = int(time.monotonic() - self._start)
        now = datetime.now(UTC).strftime("%H:%M:%S")
        print(f"{now} +{passed // 60:02}:{passed % 60:02}  {text}", flush=True)


class Bench:
    """Runs cases against one service after the other.

    Args:
        environment: Where it runs.
        progress: What to tell of it.
    """

    def __init__(self, environment: Environment, progress: Progress) -> None:
        self._environment = environment
        self._progress = progress
        # Listings that were walked before, with their size: their pages are ready in the server.
        self._ready: dict[object, int | None] = {}

    def measure(self, case: Case, service: Service) -> CaseResult:
        """Measure one case.

        Raises:
            WrongResultError: Some contender failed or did not see what the service has.
        """
        for contender in case.contenders:
            self._prepare(case, contender, service)
        runs = []
        for turn in range(1, case.turns + 1):
            for contender in _in_turn(case, turn):
                for mode in case.modes:
                    run = self._run(case, contender, service, turn, mode)
                    self._progress.say(f"{case.name} {turn}/{case.turns} {_describe(run)}")
                    runs.append(run)
        date = datetime.now(UTC).date().isoformat()
        return CaseResult(case=case, environment=self._environment, date=date, runs=runs)

    def _prepare(self, case: Case, contender: str, service: Service) -> None:
        """Walk once without counting, so that the server has every page ready."""
        adaptive = contender in ADAPTIVE
        ready = self._key(case, contender) in self._ready and not adaptive
        # Who runs but once would only run twice that way; the server keeps the rows ready anyway.
        if ready or case.at_most.get(contender) == 1:
            return
        service.order(case.latency if adaptive else 0.0)
        result = run_contender(_job(case, contender, "time", service, verify=True))
        _check_models(case, contender, service, result)
        self._ready[self._key(case, contender)] = result.size
        self._progress.say(f"{case.name} made ready for {contender}")

    def _run(self, case: Case, contender: str, service: Service, turn: int, mode: Mode) -> Run:
        service.order(case.latency)
        job = _job(case, contender, mode, service, verify=False)
        collections = (2 * turn - 1) % COLLECTOR_CYCLE
        result = run_contender(msgspec.structs.replace(job, collections=collections))
        work = service.order(case.latency)
        if result.models is not None:
            _check_models(case, contender, service, result)
        elif result.size != self._ready[self._key(case, contender)]:
            raise WrongResultError(f"{case.name}: {contender} read {result.size} bytes")
        return Run(
            contender=contender,
            turn=turn,
            mode=mode,
            wall=result.wall,
            cpu=result.cpu,
            memory=result.memory,
            hold=result.hold,
            requests=work.requests - result.before,
            server_cpu=work.cpu,
        )

    @staticmethod
    def _key(case: Case, contender: str) -> object:
        return (case.models, case.privacy, case.compression, case.retrieved, contender)


def _in_turn(case: Case, turn: int) -> list[str]:
    """Who runs in this turn: each turn begins with another one."""
    start = (turn - 1) % len(case.contenders)
    order = (*case.contenders[start:], *case.contenders[:start])
    return [contender for contender in order if turn <= case.at_most.get(contender, turn)]


def _job(case: Case, contender: str, mode: Mode, service: Service, *, verify: bool) -> Job:
    at = service.announcement
    gzip = case.compression == "gzip"
    target = Target(
        base_url=at.gzip if gzip else at.plain,
        api_key=at.api_key,
        api_secret=at.api_secret,
        privacy=case.privacy,
        ids=at.ids[: case.retrieved],
        verify=verify,
    )
    warm_up = msgspec.structs.replace(
        target,
        base_url=at.warm_up_gzip if gzip else at.warm_up_plain,
        ids=at.warm_up_ids,
        page_size=WARM_UP_PAGE,
    )
    return Job(contender=contender, mode=mode, warm_up=warm_up, target=target)


def _check_models(case: Case, contender: str, service: Service, result: Result) -> None:
    there = case.retrieved or service.announcement.models
    if result.models != there:
        raise WrongResultError(f"{case.name}: {contender} saw {result.models} models of {there}")


def _describe(run: Run) -> str:
    parts = [run.contender]
    if run.wall is not None and run.cpu is not None and run.memory is not None:
        parts.append(f"{run.wall:.3f} s wall, {run.cpu:.3f} s CPU, {run.memory / 1e6:.1f} MB")
    if run.hold is not None:
        parts.append(f"{run.hold * 1e3:.2f} ms hold")
    parts.append(f"{run.requests} requests, server {run.server_cpu:.3f} s CPU")
    return ": ".join((parts[0], ", ".join(parts[1:])))


def measure_shared_rate(progress: Progress) -> dict[str, object]:
    """What the script for several processes under one rate limit reports."""
    progress.say("shared rate")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "shared_rate.json"
        command = [sys.executable, str(SHARED_RATE), "--json", str(report)]
        subprocess.run(command, check=True)  # noqa: S603 - ours
        return msgspec.json.decode(report.read_bytes(), type=dict[str, object])


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    names = ", ".join(case.name for case in CASES)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=TURNS, help=f"default: {TURNS}")
    parser.add_argument("--quick", action="store_true", help="small and fast, to see if it works")
    parser.add_argument(
        "--only",
        action="append",
        metavar="NAME",
        help=f"only this case, merged into the results; may be repeated, * matches: {names}, "
        "shared-rate",
    )
    parser.add_argument("--resume", action="store_true", help="keep cases measured the same way")
    parser.add_argument("--report", action="store_true", help="measure nothing, write the report")
    parser.add_argument("--output", type=Path, help="folder; default: docs/benchmarks")
    return parser.parse_args()


def main() -> None:
    """Measure and report."""
    given = arguments()
    output: Path = given.output or (
        DOCS / "_build" / "benchmarks-quick" if given.quick else DOCS / "benchmarks"
    )
    file = output / "results.json"
    progress = Progress()
    wanted = given.only or (QUICK if given.quick else ["*"])
    results = load(file) if given.only or given.resume or given.report else Results()
    environment = this_environment()
    cases = []
    for one in () if given.report else CASES:
        case = quick(one) if given.quick else with_turns(one, given.turns)
        known = results.cases.get(case.name)
        if given.resume and known and (known.case, known.environment) == (case, environment):
            progress.say(f"{case.name} is known")
        elif any(fnmatchcase(case.name, name) for name in wanted):
            cases.append(case)
    bench = Bench(environment, progress)
    for models, group in groupby(sorted(cases, key=lambda case: case.models), lambda c: c.models):
        with ExitStack() as stack:
            progress.say(f"the server begins, with {models} models of each kind")
            service = stack.enter_context(Service(models))
            for case in group:
                results.cases[case.name] = bench.measure(case, service)
                save(results, file)
    write_report(results, output)
    known_rate = given.report or (given.resume and results.shared_rate is not None)
    if not known_rate and any(fnmatchcase("shared-rate", name) for name in wanted):
        results.shared_rate = measure_shared_rate(progress)
        save(results, file)
        write_report(results, output)
    print(bars_table(results))
    progress.say(f"results, tables and plot are in {output}")


if __name__ == "__main__":
    main()
