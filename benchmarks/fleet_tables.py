"""What a simulation of a fleet showed, as the tables of the page about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fleet_scenes import AT
from markdown_table import table
from simulated_fleet import Outage, expected
from simulated_fleet.scene import DAY, HOUR, MINUTE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from simulated_fleet import Measured, Outcome, Scene

__all__ = ["assumptions", "incidents", "measurements", "periods", "resyncs", "storage", "usual_day"]

# Of 10,000 accounts: those that are under way when all are asked for are done an hour later.
_NEARLY_ALL = 0.999


def usual_day(outcome: Outcome, measured: Measured) -> str:
    """What a day without incidents takes of each thing that there is."""
    scene, counts = outcome.scene, outcome.rate
    groups = scene.accounts * (1 - scene.shared) + scene.accounts * scene.shared / 3
    allowed = groups * scene.service.requests_per_minute / MINUTE
    formula = expected(scene, measured)
    slots = scene.workers.number * scene.workers.slots

    def row(
        title: str, mean: float, peak: float, there: float | None, by_formula: float | None
    ) -> tuple[str, ...]:
        share = "" if there is None else f"{mean / there:.2%}"
        shown = "" if there is None else _short(there)
        return title, _short(mean), _short(peak), shown, share, _short(by_formula)

    working = [one.working for one in outcome.samples]
    busiest = outcome.peak
    return table(
        ("", "mean", "busiest minute", "there is", "used", "by formula"),
        [
            row("requests a second", counts("requests"), busiest("requests"), allowed,
                formula.requests),
            row("jobs of the queue a second", outcome.jobs / scene.seconds, _jobs(outcome), None,
                scene.accounts / scene.every),
            row("slots with a job", outcome.job_seconds / scene.seconds, max(working), slots,
                formula.slots),
            row("cores of workers", counts("worker"), busiest("worker"), scene.workers.number,
                formula.worker),
            row("cores of PostgreSQL", counts("database"), busiest("database"),
                scene.database.cores, formula.database),
            row("models compared a second", counts("rows"), busiest("rows"), None, formula.rows),
            row("models written a second", counts("written"), busiest("written"), None, None),
            row("MB a second from the service", counts("wire") / 1e6, busiest("wire") / 1e6, None,
                None),
            row("MB a second of write-ahead log", counts("log") / 1e6, busiest("log") / 1e6,
                scene.database.disk / scene.database.written / 1e6, None),
        ],
        "lrrrrr",
    )  # fmt: skip


def periods(outcomes: Mapping[str, Outcome]) -> str:
    """What another period takes."""
    rows = [
        (
            name,
            _short(one.rate("requests")),
            _short(one.jobs / one.scene.seconds),
            _short(one.job_seconds / one.scene.seconds),
            _short(one.rate("worker")),
            _short(one.rate("database")),
            _time(max(sample.lag.most for sample in one.samples)),
            _time(max(sample.age.most for sample in one.samples)),
        )
        for name, one in outcomes.items()
    ]
    header = (
        "`every`",
        "requests a second",
        "jobs a second",
        "slots",
        "cores of workers",
        "cores of PostgreSQL",
        "lag, 95 %",
        "age of a copy, 95 %",
    )
    return table(header, rows, "lrrrrrrr")


def incidents(outcomes: Mapping[str, Outcome]) -> str:
    """What happens when something happens."""
    rows = []
    for name, one in outcomes.items():
        over = AT + sum(what.seconds for what in one.scene.happenings if isinstance(what, Outage))
        usual = max(sample.age.most for sample in one.samples if sample.at < AT)
        rows.append(
            (
                name,
                str(one.cut),
                _time(max(sample.lag.most for sample in one.samples)),
                _time(max(sample.age.most for sample in one.samples)),
                _until(one, over, [sample.lag.most > MINUTE for sample in one.samples]),
                _until(one, over, [sample.age.most > 1.02 * usual for sample in one.samples]),
                _short(one.peak("requests")),
                _short(one.peak("rows")),
                str(one.samples[-1].set_aside),
            )
        )
    header = (
        "",
        "runs cut",
        "largest lag, 95 %",
        "largest age, 95 %",
        "until the lag is as before",
        "until the age is",
        "requests a second, most",
        "models a second, most",
        "set aside",
    )
    return table(header, rows, "lrrrrrrrr")


def resyncs(outcomes: Mapping[tuple[str, str], Outcome]) -> str:
    """How long everything takes, and what there is too little of meanwhile."""
    rows = []
    for (name, kind), one in outcomes.items():
        done = next(
            (
                sample.at
                for sample in one.samples[1:]
                if sample.behind <= one.scene.accounts * (1 - _NEARLY_ALL)
            ),
            one.scene.seconds,
        )
        used = _used(one, 2 * MINUTE, max(3 * MINUTE, done / 2))
        rows.append(
            (
                name,
                kind,
                _time(done),
                _short(one.rate("rows", 0, done)),
                _short(one.rate("requests", 0, done)),
                _short(one.rate("wire", 0, done) / 1e6),
                *(f"{min(1.0, share):.0%}" for share in used),
            )
        )
    header = (
        "workers x slots",
        "",
        "done",
        "models a second",
        "requests a second",
        "MB a second from the service",
        "slots used",
        "cores of workers",
        "cores of PostgreSQL",
        "its disk",
    )
    return table(header, rows, "llrrrrrrrr")


def storage(scene: Scene, measured: Measured) -> str:
    """What the models take on disk."""
    parts = measured.stored
    indexes = sum(size for name, size in parts.items() if name.partition(",")[0] != "models")
    rows = [
        (f"`{name}`", f"{size:,.0f}", _short(size * scene.models / 1e9))
        for name, size in parts.items()
    ]
    for title, size in (
        ("**in all**", sum(parts.values())),
        ("in all, with `record` compressed by lz4", indexes + measured.stored_lz4),
        ("what a run without changes reads", sum(_read(parts).values())),
    ):
        rows.append((title, f"{size:,.0f}", _short(size * scene.models / 1e9)))
    return table(("table or index", "bytes a model", "GB in all"), rows, "lrr")


def measurements(measured: Measured) -> str:
    """What the simulation was given that was measured."""
    rows = [
        (
            f"a model that is {kind}",
            f"{getattr(measured.worker, kind) * 1e6:,.0f}",
            f"{getattr(measured.database, kind) * 1e6:,.0f}",
            f"{getattr(measured.log, kind):,.0f}",
        )
        for kind in ("new", "changed", "unchanged")
    ]
    of_model = f"{measured.database_run_model * 1e6:.2f} for each model of the account"
    rows.append(
        (
            "a run, whatever it finds",
            f"{measured.worker_run * 1e6:,.0f}",
            f"{measured.database_run * 1e6:,.0f}, and {of_model}",
            f"{measured.log_run:,.0f}",
        )
    )
    return table(("", "worker, µs", "PostgreSQL, µs", "write-ahead log, bytes"), rows, "lrrr")


def assumptions(scene: Scene) -> str:
    """What the simulation was given that is documented, chosen or assumed."""
    service, workers, database = scene.service, scene.workers, scene.database
    told = {
        "accounts": f"{scene.accounts:,}; {scene.shared:.0%} share a limit, three each",
        "models": f"{scene.models:,}; bounded Pareto from {scene.least} to {scene.most:,}",
        "new models": f"{scene.new:.1%} a day, in training for {scene.training / MINUTE:g} minutes",
        "edited, deleted": f"{scene.edited:.1%} and {scene.deleted:.2%} a day",
        "the limit": f"{service.requests_per_minute:g} requests a minute, evenly spaced",
        "an answer": f"{service.answer:g} s; a page of 500 {500 * service.answer_row:g} s more",
        "a service that is down": f"a client gives up after about {service.patience:g} s",
        "workers": f"{workers.number}, with {workers.slots} slots and one core each",
        "a full run": f"{workers.pages_at_once} requests at once",
        "the queue": f"filled each {workers.cron:g} s; {workers.pickup * 1000:g} ms to a worker",
        "a worker that dies": f"missed after {workers.beat:g} s, replaced in {workers.restart:g} s",
        "PostgreSQL": f"{database.cores} cores; a disk for {database.disk / 1e6:g} MB a second",
        "the disk": f"writes {database.written:g} bytes for each of the log: its own, and tables",
    }
    return table(("", ""), list(told.items()), "ll")


def _used(outcome: Outcome, begin: float, end: float) -> tuple[float, ...]:
    """What share was used of slots, workers, the database and its disk."""
    workers, database = outcome.scene.workers, outcome.scene.database
    working = [one.working for one in outcome.samples if begin <= one.at <= end]
    return (
        sum(working) / len(working) / workers.number / workers.slots,
        outcome.rate("worker", begin, end) / workers.number,
        outcome.rate("database", begin, end) / database.cores,
        outcome.rate("disk", begin, end),
    )


def _read(parts: Mapping[str, float]) -> dict[str, float]:
    return {name: size for name, size in parts.items() if "out of line" not in name}


def _until(outcome: Outcome, after: float, unusual: Sequence[bool]) -> str:
    """How long after a moment the last sample is that is out of the usual."""
    late = [
        sample.at - after
        for sample, is_unusual in zip(outcome.samples, unusual, strict=True)
        if is_unusual and sample.at >= after
    ]
    # They are two minutes apart.
    return _time(late[-1]) if late and late[-1] >= 2 * MINUTE else "at once"


def _jobs(outcome: Outcome) -> float:
    return max(one.jobs for one in outcome.minutes) / MINUTE


def _short(value: float | None) -> str:
    """Two or three digits that count."""
    if value is None:
        return ""
    if value >= 100:  # noqa: PLR2004 - three digits
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{float(f'{value:.2g}'):g}"


def _time(seconds: float) -> str:
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    if seconds < 2 * HOUR:
        return f"{seconds / MINUTE:.0f} min"
    return f"{seconds / HOUR:.1f} h" if seconds < 2 * DAY else f"{seconds / DAY:.1f} days"
