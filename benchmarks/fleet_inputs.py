"""What a model and a run cost a worker and PostgreSQL: what the simulation of a fleet begins with.

Starts a PostgreSQL server of its own, with its defaults for durability, copies invented accounts
of a sandbox into it, and writes processor times and sizes to
``docs/benchmarks/fleet-inputs.json``. The service is in a process of its own, and its work is not
counted. Takes a minute or two: ``PYTHONPATH=tests python benchmarks/fleet_inputs.py``.
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
from server_cost import ServerCost
from simulated_fleet.inputs import MEASURED, Measured, Rows
from support.postgresql import PostgreSQL, binaries

from scenario_async import AsyncScenario
from scenario_async.sandbox import Catalogue, Sandbox
from scenario_async.sync import CatalogStore, sync

if TYPE_CHECKING:
    from collections.abc import Generator

    from scenario_async.sync import SyncReport

SMALL = 500
TURNS = 3
RUNS = 30
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


async def measure(server: PostgreSQL, models: int) -> Measured:
    """All of it: a small account and one of so many models."""
    small, large = [await measure_account(server, size) for size in (SMALL, models)]
    nothing, by = large.median("nothing"), {}
    for kind in ("new", "changed", "unchanged"):
        by[kind] = large.median(kind).less(nothing, models)
    of_model = large.median("nothing").less(small.median("nothing"), models - SMALL).database
    database = server.query("SELECT max(datname) FROM pg_database WHERE datname LIKE 'store%'")[0]
    stored, lz4, record, wire = sizes(server, database, models)
    return Measured(
        date=datetime.now(UTC).date().isoformat(),
        machine=f"{models:,} models; {server.query('SHOW server_version')[0]}",
        worker=Rows(**{kind: one.worker for kind, one in by.items()}),
        database=Rows(**{kind: one.database for kind, one in by.items()}),
        log=Rows(**{kind: one.log for kind, one in by.items()}),
        worker_run=nothing.worker,
        database_run=small.median("nothing").database - SMALL * of_model,
        database_run_model=of_model,
        log_run=nothing.log,
        record=record,
        wire=wire,
        stored=stored,
        stored_lz4=lz4,
    )


async def measure_account(server: PostgreSQL, models: int) -> Account:
    """One account, from its first run on."""
    service = Service(models)
    name = server.create()
    try:
        async with (
            AsyncScenario(
                base_url=service.base_url, api_key=service.api_key, api_secret=service.api_secret
            ) as scenario,
            CatalogStore.open(server.url(name)) as store,
        ):
            account = Account(service, scenario, store, ServerCost(server))
            report = await account.run("new", full=None)
            assert report.new == models  # noqa: S101 - otherwise the figures mean nothing
            server.query("VACUUM ANALYZE", name)
            for _ in range(TURNS):
                report = await account.run("unchanged", full=True)
                assert report.unchanged == models  # noqa: S101 - as above
            for _ in range(TURNS):
                await account.run("nothing", full=False, runs=RUNS)
            for _ in range(TURNS):
                service.rename_all()
                report = await account.run("changed", full=True)
                assert report.changed == models  # noqa: S101 - as above
    finally:
        service.end()
    return account


def sizes(
    server: PostgreSQL, database: str, models: int
) -> tuple[dict[str, float], float, float, float]:
    """Bytes of a model: in each table and index, in all with lz4, as sent, and on the wire."""
    # Written once, as by a first run: what changed since has left space behind.
    server.query("VACUUM FULL", database)
    lines = server.query(
        "SELECT relname, pg_relation_size(oid),"
        " coalesce(pg_total_relation_size(reltoastrelid), 0)"
        " FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i')"
        " AND relname ~ '^(models|memberships)' ORDER BY relname",
        database,
    )
    stored: dict[str, float] = {}
    for line in lines:
        name, main, toast = line.split("|")
        stored[name] = int(main) / models
        if int(toast) > models:
            stored[f"{name}, out of line"] = int(toast) / models
    server.query(
        "CREATE TABLE packed (LIKE models INCLUDING ALL);"
        " ALTER TABLE packed ALTER record SET COMPRESSION lz4;"
        " INSERT INTO packed SELECT * FROM models",
        database,
    )
    (packed,) = server.query("SELECT pg_total_relation_size('packed')", database)
    (record,) = server.query("SELECT avg(octet_length(record)) FROM models", database)
    text = "\n".join(server.query("SELECT record FROM models LIMIT 500", database)).encode()
    ratio = len(zlib.compress(text)) / len(text)
    others = sum(size for name, size in stored.items() if name.startswith("memberships"))
    return stored, int(packed) / models + others, float(record), float(record) * ratio


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
    parser.add_argument("--into", type=Path, default=MEASURED)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        asyncio.run(serve(options.serve))
        return
    with durable_server() as server:
        measured = asyncio.run(measure(server, options.models))
    text = msgspec.json.format(msgspec.json.encode(measured), indent=1)
    options.into.write_bytes(text + b"\n")
    print(text.decode())


if __name__ == "__main__":
    main()
