"""How a fleet grows with its workers: accounts a minute for 1, 2 and 4 processes, as ratios.

All of it is on one machine, so the service answers after a while, as one across a network does, and
each worker has few slots: what limits it is its slots and not the processors. How busy those are is
printed as well; above half the ratios say more about the machine.

The share of the queue is the time that the database needs for the statements of the queue, as its
extension ``pg_stat_statements`` counts it, of the time that all runs took. Run it with
``PYTHONPATH=tests``, or with ``nox -s bench``.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from support.fleet_child import Job
from support.fleet_process import Workers, until
from support.fleet_service import Member, Studios, connected, studios
from support.postgresql import PostgreSQL, binaries

LATENCY = 2.0  # seconds
SLOTS = 8
PROCESSES = (1, 2, 4, 4, 2, 1)
ACCOUNTS = 300
WARM = 2  # runs of each slot

_SETTINGS = {
    "max_connections": "200",
    "synchronous_commit": "on",
    "shared_preload_libraries": "pg_stat_statements",
}
_QUEUE = "SELECT sum(total_exec_time) FROM pg_stat_statements WHERE query LIKE '%fleet_pgqueuer%'"
_ALL = "SELECT sum(total_exec_time) FROM pg_stat_statements"
_RUNS = """
    SELECT sum(extract(epoch FROM finished_at - started_at))::float8, count(*)
    FROM runs WHERE status = 'finished' AND finished_at > to_timestamp($1)
"""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What some workers did.

    Attributes:
        processes: How many there were.
        per_minute: Accounts a minute.
        run: How long a run takes, in seconds.
        queue: The share of the queue.
        database: The share of all statements, those of the queue included.
        busy: The share of the time in which the processors were busy, with whatever.
    """

    processes: int
    per_minute: float
    run: float
    queue: float
    database: float
    busy: float


async def measure(fleet: Studios, processes: int, seconds: float) -> Measured:
    """Let so many workers work for a while, once all their slots are in use."""
    job = Job(worker="w", url=fleet.url, base_url=fleet.sandbox.base_url, concurrency=SLOTS)
    workers = Workers(job)
    try:
        for _ in range(processes):
            await workers.start()
        for worker in workers.alive:
            await workers.journal.more_of(worker.name, WARM * SLOTS)
        async with connected(fleet.url) as connection:
            await connection.execute("SELECT pg_stat_statements_reset()")
            begun, ticks = len(workers.journal.begun), _ticks()
            wall, moment = time.time(), time.monotonic()
            await asyncio.sleep(seconds)
            runs, elapsed = len(workers.journal.begun) - begun, time.monotonic() - moment
            busy, total = (now - before for now, before in zip(_ticks(), ticks, strict=True))
            queue = await connection.fetchval(_QUEUE) / 1000
            database = await connection.fetchval(_ALL) / 1000
            worked, finished = await connection.fetchrow(_RUNS, wall)
        await workers.end()
    finally:
        await workers.close()
    return Measured(
        processes=processes,
        per_minute=60 * runs / elapsed,
        run=worked / finished,
        queue=queue / worked,
        database=database / worked,
        busy=busy / total,
    )


def _ticks() -> tuple[int, int]:
    """How long the processors were busy, and how long there were any."""
    with Path("/proc/stat").open() as file:
        numbers = [int(word) for word in file.readline().split()[1:9]]
    idle = numbers[3] + numbers[4]
    return sum(numbers) - idle, sum(numbers)


async def compare(server: PostgreSQL, folder: Path, seconds: float, latency: float) -> None:
    """Measure in turns, and print what came out."""
    url = server.url(server.create())
    members = [Member(f"account-{number}", models=20, every=1) for number in range(ACCOUNTS)]
    found: defaultdict[int, list[Measured]] = defaultdict(list)
    async with studios(members, url, folder) as fleet:
        await fleet.execute("CREATE EXTENSION pg_stat_statements")
        await first_copies(fleet)
        fleet.sandbox.latency = latency
        for processes in PROCESSES:
            one = await measure(fleet, processes, seconds)
            found[processes].append(one)
            print(one, flush=True)
    single = statistics.mean(one.per_minute for one in found[1])
    for processes, measured in found.items():
        each = statistics.mean(one.per_minute for one in measured)
        queue = max(one.queue for one in measured)
        busy = max(one.busy for one in measured)
        print(
            f"{processes} workers: {each:.0f} accounts a minute,"
            f" {each / single / processes:.3f} of linear,"
            f" the queue {queue:.2%} of the time of runs, processors {busy:.0%} busy"
        )


async def first_copies(fleet: Studios) -> None:
    """Let each account be copied once: later runs are all alike."""
    job = Job(worker="first", url=fleet.url, base_url=fleet.sandbox.base_url, concurrency=20)
    workers = Workers(job)
    since = time.time()
    try:
        for _ in range(2):
            await workers.start()
        await until(lambda: len(workers.journal.counts) == ACCOUNTS, lambda: workers.journal.counts)
        while await fleet.behind(since):
            await workers.journal.more(5)
        await workers.end()
    finally:
        await workers.close()


def main() -> None:
    """Measure, with a server of our own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=40, help="of each measurement")
    parser.add_argument("--latency", type=float, default=LATENCY, help="seconds before answers")
    options = parser.parse_args()
    folder = binaries()
    if folder is None:
        parser.error("PostgreSQL is not installed: apt-get install postgresql")
    server = PostgreSQL(folder, **_SETTINGS)
    try:
        server.start()
        with tempfile.TemporaryDirectory() as keys:
            asyncio.run(compare(server, Path(keys), options.seconds, options.latency))
    finally:
        server.remove()


if __name__ == "__main__":
    main()
