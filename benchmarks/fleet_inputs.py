"""What a model and a run cost a worker and PostgreSQL: what the simulation of a fleet begins with.

Starts a PostgreSQL server of its own, with its defaults for durability, copies invented accounts
of a sandbox into a store of many accounts, and writes processor times and sizes to
``docs/benchmarks/fleet-inputs.json``. The service is in a process of its own, and its work is not
counted. Takes some minutes, and 8 GB of disk for a million models:
``PYTHONPATH=tests python benchmarks/fleet_inputs.py``.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import subprocess
import sys
import time
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from environment import this_processor
from server_cost import ServerCost
from simulated_fleet.inputs import MEASURED, Measured, Rows
from support.postgresql import PostgreSQL, binaries

from scenario_async import AsyncScenario
from scenario_async.sandbox import Catalogue, Sandbox
from scenario_async.sync import FleetStore, sync

if TYPE_CHECKING:
    from collections.abc import Generator

    from scenario_async.sync import CatalogStore, SyncReport

SMALL = 500
TURNS = 3
RUNS = 30
FIRST = "studio-1"
TABLES = ("models", "memberships")
# The server runs without fear of a crash in tests, and here as it does by itself.
DURABLE = ("fsync", "synchronous_commit", "full_page_writes")


class Used(NamedTuple):
    """Seconds of processor time, and bytes of the write-ahead log."""

    worker: float
    database: float
    log: float

    def less(self, other: Used, by: float) -> Used:
        """What is left without the other one, divided."""
        return Used(*((mine - its) / by for mine, its in zip(self, other, strict=True)))


class Service:
    """A sandbox with the models of one account, in a process of its own."""

    def __init__(self, models: int) -> None:
        command = [sys.executable, __file__, "--serve", str(models)]
        self._process = subprocess.Popen(  # noqa: S603 - ours
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.base_url, self.api_key, self.api_secret = self._line()

    def rename_all(self) -> None:
        """Change the record of each model."""
        assert self._process.stdin is not None  # noqa: S101 - for the type checker
        self._process.stdin.write("rename\n")
        self._process.stdin.flush()
        self._line()

    def end(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()

    def _line(self) -> list[str]:
        assert self._process.stdout is not None  # noqa: S101 - for the type checker
        return self._process.stdout.readline().split()


async def serve(models: int) -> None:
    """Be that process."""
    # Created far apart, and trained: what a run reads of them again is a page of one row.
    catalogue = Catalogue.seeded(public=0, private=models, burst=1, odd=False)
    for model_id in catalogue.ids("private"):
        catalogue.update(model_id, status="trained")
    loop = asyncio.get_running_loop()
    async with Sandbox(catalogue) as sandbox:
        print(sandbox.base_url, sandbox.api_key, sandbox.api_secret, flush=True)
        while await loop.run_in_executor(None, sys.stdin.readline):
            for model_id in catalogue.ids("private"):
                catalogue.update(model_id, name=f"name {random.random()}")  # noqa: S311 - no secret
            print("done", flush=True)


@dataclass(slots=True)
class Account:
    """One account of the service and its copy, and what its runs take."""

    service: Service
    scenario: AsyncScenario
    store: CatalogStore
    cost: ServerCost
    used: dict[str, list[Used]] = field(default_factory=dict[str, list[Used]])

    async def run(self, kind: str, *, full: bool | None, runs: int = 1) -> SyncReport:
        """Run it, some times, and note the mean of what that takes."""
        worker, database = time.process_time(), self.cost.processor_seconds()
        log = self.cost.log_bytes()
        for _ in range(runs):
            report = await sync(self.scenario, self.store, full=full)
        worker = time.process_time() - worker
        taken = Used(
            worker / runs,
            (self.cost.processor_seconds() - database) / runs,
            (self.cost.log_bytes() - log) / runs,
        )
        self.used.setdefault(kind, []).append(taken)
        return report

    def median(self, kind: str) -> Used:
        """Of the runs of a kind."""
        return Used(*(statistics.median(one) for one in zip(*self.used[kind], strict=True)))


async def measure(server: PostgreSQL, models: int, others: int) -> Measured:
    """All of it: a small account and one of so many models, among others."""
    database = server.create()
    async with FleetStore.open(server.url(database)) as fleet:
        await measure_account(server, fleet, FIRST, models, turns=0)
        multiply(server, database, others)
        stored = sizes(server, database)
        small = await measure_account(server, fleet, "studio-small", SMALL)
        large = await measure_account(server, fleet, "studio-large", models)
    nothing, by = large.median("nothing"), dict[str, Used]()
    for kind in ("new", "changed", "unchanged"):
        by[kind] = large.median(kind).less(nothing, models)
    of_model = large.median("nothing").less(small.median("nothing"), models - SMALL).database
    (record,) = server.query("SELECT avg(octet_length(record)) FROM models", database)
    return Measured(
        date=datetime.now(UTC).date().isoformat(),
        server=server.query("SHOW server_version")[0].partition(" ")[0],
        processor=this_processor(),
        models=models,
        among=others * models,
        worker=Rows(**{kind: one.worker for kind, one in by.items()}),
        database=Rows(**{kind: one.database for kind, one in by.items()}),
        log=Rows(**{kind: one.log for kind, one in by.items()}),
        worker_run=nothing.worker,
        database_run=small.median("nothing").database - SMALL * of_model,
        database_run_model=of_model,
        log_run=nothing.log,
        record=float(record),
        wire=float(record) * compressed(server, database),
        stored=stored,
        stored_lz4=with_lz4(server, database),
    )


async def measure_account(
    server: PostgreSQL, fleet: FleetStore, name: str, models: int, turns: int = TURNS
) -> Account:
    """One account, from its first run on."""
    service = Service(models)
    try:
        async with AsyncScenario(
            base_url=service.base_url, api_key=service.api_key, api_secret=service.api_secret
        ) as scenario:
            account = Account(service, scenario, fleet.account(name), ServerCost(server))
            report = await account.run("new", full=None)
            assert report.new == models  # noqa: S101 - otherwise the figures mean nothing
            for _ in range(turns):
                report = await account.run("unchanged", full=True)
                assert report.unchanged == models  # noqa: S101 - as above
            for _ in range(turns):
                await account.run("nothing", full=False, runs=RUNS)
            for _ in range(turns):
                service.rename_all()
                report = await account.run("changed", full=True)
                assert report.changed == models  # noqa: S101 - as above
    finally:
        service.end()
    return account


def multiply(server: PostgreSQL, database: str, others: int) -> None:
    """Give the models of the first account to other accounts, each of them a copy."""
    for table in TABLES:
        listed = "SELECT attname FROM pg_attribute WHERE attnum > 0 AND attname <> 'account'"
        columns = server.query(f"{listed} AND attrelid = '{table}'::regclass", database)
        names = ", ".join(columns)
        for number in range(2, others + 1):
            server.query(
                f"INSERT INTO {table} (account, {names}) SELECT 'studio-{number}', {names}"  # noqa: S608 - ours
                f" FROM {table} WHERE account = '{FIRST}'",
                database,
            )
    server.query("VACUUM ANALYZE", database)


def sizes(server: PostgreSQL, database: str) -> dict[str, float]:
    """Bytes of a model in each table and index, all their partitions together."""
    (models,) = server.query("SELECT count(*) FROM models", database)
    lines = server.query(
        "SELECT r.relname, sum(pg_relation_size(p.relid)),"
        " sum(coalesce(pg_total_relation_size(c.reltoastrelid), 0))"
        " FROM pg_class r, pg_partition_tree(r.oid) p JOIN pg_class c ON c.oid = p.relid"
        " WHERE r.relnamespace = 'public'::regnamespace AND r.relkind IN ('p', 'I') AND"
        " NOT r.relispartition GROUP BY r.relname ORDER BY r.relname",
        database,
    )
    stored: dict[str, float] = {}
    for line in lines:
        name, main, toast = line.split("|")
        stored[name] = int(main) / int(models)
        if int(toast) > int(main) / 10:  # less is what each partition begins with
            stored[f"{name}, out of line"] = int(toast) / int(models)
    return stored


def with_lz4(server: PostgreSQL, database: str) -> float:
    """Bytes of a model in its table where records are compressed in that way."""
    server.query(
        "CREATE TABLE packed (LIKE models);"
        " ALTER TABLE packed ALTER record SET COMPRESSION lz4;"
        " INSERT INTO packed SELECT * FROM models LIMIT 10000",
        database,
    )
    size = "SELECT pg_total_relation_size('packed') / count(*) FROM packed"
    return float(server.query(size, database)[0])


def compressed(server: PostgreSQL, database: str) -> float:
    """What share is left of a page of records on the wire."""
    text = "\n".join(server.query("SELECT record FROM models LIMIT 500", database)).encode()
    return len(zlib.compress(text)) / len(text)


@contextmanager
def durable_server() -> Generator[PostgreSQL]:
    """A server that keeps what it has committed."""
    folder = binaries()
    if folder is None:
        sys.exit("PostgreSQL is not installed")
    server = PostgreSQL(folder)
    try:
        server.start()
        for setting in DURABLE:
            server.query(f"ALTER SYSTEM SET {setting} = on")
        server.stop()
        server.start()
        yield server
    finally:
        server.remove()


def main() -> None:
    """Measure, or play a role of that."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=10_000)
    parser.add_argument("--others", type=int, default=100, help="accounts that are there before")
    parser.add_argument("--into", type=Path, default=MEASURED)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        asyncio.run(serve(options.serve))
        return
    with durable_server() as server:
        measured = asyncio.run(measure(server, options.models, options.others))
    text = msgspec.json.format(msgspec.json.encode(measured), indent=1)
    options.into.write_bytes(text + b"\n")
    print(text.decode())


if __name__ == "__main__":
    main()
