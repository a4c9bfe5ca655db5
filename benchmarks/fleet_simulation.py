"""10,000 keys and 50 million models on paper: what they take, and what happens when something does.

A simulation in simulated time. Which requests a run makes is decided by the package's own
functions; how long things take was measured by ``fleet_inputs.py``, or is assumed in
``simulated_fleet/scene.py``. Prints the tables of the page about it, and with ``--write`` puts them
and the plot into ``docs/benchmarks``. Takes two minutes: ``python benchmarks/fleet_simulation.py``.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import fleet_tables
from fleet_scenes import INCIDENTS, PERIODS, RESYNCS, USUAL
from simulated_fleet import Measured, Outcome, load_measured, simulate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from simulated_fleet import Scene

DOCS = Path(__file__).parent.parent / "docs" / "benchmarks"


def outcomes(scenes: Iterable[Scene], measured: Measured, processes: int) -> list[Outcome]:
    """Simulate some scenes, several at once."""
    with ProcessPoolExecutor(processes) as pool:
        return list(pool.map(partial(simulate, measured=measured), scenes))


def tables(found: list[Outcome], measured: Measured) -> dict[str, str]:
    """All tables, by the names of their files."""
    usual, found = found[0], found[1:]
    periods = dict(zip(PERIODS, found, strict=False))
    incidents = dict(zip(INCIDENTS, found[len(periods) :], strict=False))
    resyncs = dict(zip(RESYNCS, found[len(periods) + len(incidents) :], strict=True))
    return {
        "fleet-day": fleet_tables.usual_day(usual, measured),
        "fleet-periods": fleet_tables.periods(periods),
        "fleet-incidents": fleet_tables.incidents(incidents),
        "fleet-resyncs": fleet_tables.resyncs(resyncs),
        "fleet-storage": fleet_tables.storage(USUAL, measured),
        "fleet-measured": fleet_tables.measurements(measured),
        "fleet-assumed": fleet_tables.assumptions(USUAL),
    }


def main() -> None:
    """Simulate everything, and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks")
    options = parser.parse_args()
    measured = load_measured()
    scenes = [USUAL, *PERIODS.values(), *INCIDENTS.values(), *RESYNCS.values()]
    found = outcomes(scenes, measured, options.processes)
    for name, text in tables(found, measured).items():
        print(f"{name}\n\n{text}\n")
        if options.write:
            (DOCS / f"{name}.inc").write_text(f"{text}\n", "utf-8")
    if options.write:
        # Only here: the rest needs nothing but the package.
        from fleet_plot import write_plot  # noqa: PLC0415 - see above

        shown = found[1 + len(PERIODS) : 1 + len(PERIODS) + len(INCIDENTS)]
        write_plot(dict(zip(INCIDENTS, shown, strict=True)), DOCS / "fleet.svg")


if __name__ == "__main__":
    main()
