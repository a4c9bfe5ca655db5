"""How long the gallery takes for a page of a large store, and how much memory.

Each page is asked for over HTTP on loopback by a client in another process, in turns with a plain
SELECT of 48 such rows and a count of all that fit, by the standard library's sqlite3. Prints
medians: how long a page takes, and how much processor time it and the plain queries take. Run it
by itself: ``python benchmarks/gallery.py``.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import anyio
from memory import peak_of

from scenario_async import AsyncScenario
from scenario_async.sandbox import Catalogue, Sandbox
from scenario_async.sync import CatalogStore, sync

LIVING = "deleted_at IS NULL"
HAS = f"{LIVING} AND (name LIKE :word OR id LIKE :word OR type LIKE :word OR tags LIKE :word)"
TAGGED = (
    f"{LIVING} AND type = 'custom'"  # noqa: S608 - ours
    " AND EXISTS (SELECT 1 FROM json_each(tags) WHERE value = 'Textures')"
)
# The page, the condition of the same rows in SQL, their order.
PAGES = {
    "first page": ("/", LIVING, "created_at DESC"),
    "by name": ("/?sort=name", LIVING, "name"),
    "search, many found": ("/results?q=vega", HAS, "created_at DESC"),
    "search, few found": ("/results?q=vega+palette+12", HAS, "created_at DESC"),
    "a type and a tag": ("/results?type=custom&tag=Textures", TAGGED, "created_at DESC"),
    "tenth page, all before": ("/?page=10", LIVING, "created_at DESC"),
    "next page while scrolling": ("/cards?page=2", LIVING, "created_at DESC"),
    "page 1,000": ("/cards?page=1000", LIVING, "created_at DESC"),
}


async def fill(file: Path, models: int) -> None:
    """Copy a sandbox with so many models."""
    catalogue = Catalogue.seeded(public=models // 2, private=models - models // 2, collections=3)
    with Sandbox(catalogue).in_thread() as sandbox:
        key = {"api_key": sandbox.api_key, "api_secret": sandbox.api_secret}
        async with (
            AsyncScenario(base_url=sandbox.base_url, **key) as scenario,
            CatalogStore.open(file) as store,
        ):
            await sync(scenario, store, scopes=["public", "private"])


def select(connection: sqlite3.Connection, condition: str, order: str) -> None:
    """The rows that a page shows, and how many there are."""
    word = {"word": "%vega%"}
    rows = f"SELECT * FROM models WHERE {condition} ORDER BY {order} LIMIT 48"  # noqa: S608 - ours
    connection.execute(rows, word).fetchall()
    count = f"SELECT count(*) FROM models WHERE {condition}"  # noqa: S608 - as above
    connection.execute(count, word).fetchall()


def get(connection: HTTPConnection, path: str) -> None:
    """A page to its end."""
    connection.request("GET", path)
    response = connection.getresponse()
    if not response.read() or response.status != 200:  # noqa: PLR2004 - OK
        raise RuntimeError(f"{path}: status {response.status}")


def processor_time(process: int) -> float:
    """How many seconds the threads of a process have run, as Linux counts it."""
    threads = Path(f"/proc/{process}/task").glob("*/schedstat")
    return sum(int(one.read_text().split()[0]) for one in threads) / 1e9


def taken(turns: int, process: int, connection: HTTPConnection, store: sqlite3.Connection) -> None:
    """Ask in turns, and print a line for each page."""
    print(f"{'':<28} {'median':>10} {'processor':>10} {'plain':>10}   ratio of processor times")
    for name, (path, condition, order) in PAGES.items():
        pages: list[float] = []
        processor: list[float] = []
        plain: list[float] = []
        for _ in range(turns):
            start, before = time.perf_counter(), processor_time(process)
            get(connection, path)
            pages.append(time.perf_counter() - start)
            processor.append(processor_time(process) - before)
            start = time.process_time()
            select(store, condition, order)
            plain.append(time.process_time() - start)
        medians = [statistics.median(one) for one in (pages, processor, plain)]
        shown = " ".join(f"{median * 1000:7.1f} ms" for median in medians)
        print(f"{name:<28} {shown}   {medians[1] / medians[2]:6.1f}")


def main() -> None:
    """Fill a store, run the command on it, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=50_000)
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--store", type=Path, help="a store in SQLite that is there already")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file: Path = given.store or Path(folder) / "models.db"
        if given.store is None:
            anyio.run(fill, file, given.models)
        command = [sys.executable, "-m", "scenario_async", "gallery", str(file), "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ours
            try:
                line = process.stdout.readline() if process.stdout else ""
                place = line.partition("://")[2].partition("/")[0]
                print(f"{file.stat().st_size / 1e6:,.0f} MB, Python {sys.version.split()[0]}")
                with (
                    closing(HTTPConnection(place)) as connection,
                    closing(sqlite3.connect(file)) as store,
                ):
                    get(connection, "/")
                    before = peak_of(process.pid)
                    taken(given.turns, process.pid, connection, store)
                    more = peak_of(process.pid) - before
                print(f"peak of memory: {before / 1e6:.0f} MB at first, {more / 1e6:.0f} MB more")
            finally:
                process.terminate()


if __name__ == "__main__":
    main()
