"""How long it takes to import each package, in fresh processes that take turns.

Prints the median of each contender and its ratio to ours. Run it with ``nox -s bench``.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys

CONTENDERS = {
    "scenario_async": "import scenario_async",
    "scenario_sdk": "import scenario_sdk",
    "scenario_sdk to its first .models": (
        "import scenario_sdk; scenario_sdk.AsyncScenario(api_key='k', api_secret='s').models"
    ),
    "scenario_async to its first .models": (
        "import scenario_async; scenario_async.AsyncScenario(api_key='k', api_secret='s').models"
    ),
    "our four dependencies alone": "import aiohttp, anyio, msgspec, tenacity",
}
PROGRAM = """
import time
start = time.perf_counter()
{statement}
print(time.perf_counter() - start)
"""


def seconds(statement: str) -> float:
    """One fresh process."""
    program = PROGRAM.format(statement=statement)
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - ours
    return float(done.stdout)


def main() -> None:
    """Take turns, so that a slow moment of the machine meets everybody."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=9)
    turns: int = parser.parse_args().turns

    taken: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for _ in range(turns):
        for name, statement in CONTENDERS.items():
            taken[name].append(seconds(statement))

    ours = statistics.median(taken["scenario_async"])
    print(f"median of {turns} fresh processes, Python {sys.version.split()[0]}")
    for name, values in taken.items():
        median = statistics.median(values)
        print(f"{name:<38} {median * 1000:7.0f} ms   {median / ours:5.2f} x scenario_async")


if __name__ == "__main__":
    main()
