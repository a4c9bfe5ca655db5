"""The worker of the documentation that puts changes into a queue, killed while it does."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from support.sync_process import environment_of

from scenario_async.sandbox import Catalogue
from scenario_async.sync import Added, Changed, Removed

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from scenario_async.sandbox import Sandbox

WORKER = Path(__file__).parents[2] / "docs" / "examples" / "queue_worker.py"
LONG = 120  # seconds; nothing here takes a tenth of that
MODELS = 100
_job = msgspec.json.Decoder(Added | Changed | Removed)


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue.seeded(private=MODELS, public=0, odd=False)


@contextmanager
def working(sandbox: Sandbox, store: str, queue: Path) -> Generator[None]:
    """The worker, which is killed in the end."""
    arguments = [sys.executable, str(WORKER), store, str(queue), "0.1"]
    with subprocess.Popen(arguments, env=environment_of(sandbox)) as process:  # noqa: S603 - our own
        try:
            yield
        finally:
            process.kill()


def jobs_in(queue: Path) -> list[Added | Changed | Removed]:
    if not queue.exists():
        return []
    with closing(sqlite3.connect(queue)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            return []
        rows = connection.execute("SELECT job FROM queue ORDER BY id").fetchall()
    return [_job.decode(row[0]) for row in rows]


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.once
def test_a_worker_that_is_killed_loses_no_change(
    sandbox: Sandbox, new_store: Callable[[], str], tmp_path: Path
) -> None:
    store, queue = new_store(), tmp_path / "queue.db"
    first = sandbox.catalogue.ids("private")
    with closing(sqlite3.connect(queue, isolation_level=None, timeout=LONG)) as busy:
        with working(sandbox, store, queue):
            until(lambda: len(jobs_in(queue)) > 2)
            busy.execute("BEGIN IMMEDIATE")
            # From here on it has a change in its hands that it cannot put there.
            known = busy.execute("SELECT count(*) FROM queue").fetchone()[0]
    assert len(jobs_in(queue)) == known <= MODELS
    sandbox.catalogue.delete(first[0])
    new = sandbox.catalogue.add(name="New")

    with working(sandbox, store, queue):
        until(lambda: Removed(first[0]) in jobs_in(queue))
        until(lambda: new in {job.id for job in jobs_in(queue)})
    added = [job.id for job in jobs_in(queue) if isinstance(job, Added)]
    assert set(added) == {*first, new}
    # It may have put one there just before, and was not yet heard of it.
    assert len(added) - len(set(added)) <= 1
