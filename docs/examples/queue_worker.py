"""Puts what changes in the catalogue into a queue, each change at least once.

    python queue_worker.py STORE QUEUE SECONDS

The queue is a table of SQLite, which any number of consumers take from. A change counts as handled
when it is in there: whoever kills this program at any moment starts it again, and nothing is lost.
"""

import asyncio
import logging
import sqlite3
import sys
from contextlib import closing

import msgspec

from scenario_async import AsyncScenario
from scenario_async.sync import CatalogStore, Change, watch

log = logging.getLogger("queue_worker")


def put(queue: sqlite3.Connection, change: Change) -> None:
    """Put one change into the queue."""
    with queue:  # it is committed in the end
        queue.execute("INSERT INTO queue (job) VALUES (?)", [msgspec.json.encode(change)])


async def main(store_url: str, queue_path: str, every: float) -> None:
    """Put all that changes into the queue, until it is ended."""
    with closing(sqlite3.connect(queue_path, check_same_thread=False)) as queue:
        queue.execute("CREATE TABLE IF NOT EXISTS queue (id INTEGER PRIMARY KEY, job BLOB)")
        async with AsyncScenario() as scenario, CatalogStore.open(store_url) as store:
            # The store forgets a change when the next one is asked for.
            async for change in watch(
                scenario, store, every=every, wait=True, on_error=log.warning
            ):
                await asyncio.to_thread(put, queue, change)


if __name__ == "__main__":
    logging.basicConfig()
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
