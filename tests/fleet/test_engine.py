"""The engine of fleets, on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import anyio
import pytest
from support.tcp_proxy import proxied

from scenario_async.fleet import _connection, _pgqueuer
from scenario_async.fleet._engine import EngineLostError
from scenario_async.fleet._pgqueuer import PgQueuerEngine
from scenario_async.sync._backends import database_url
from scenario_async.sync._backends.postgresql_engine import connected

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from support.postgresql import PostgreSQL

pytestmark = [pytest.mark.anyio, pytest.mark.one_loop]
SECRET = "s3cr3t"
CUT_ALL = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
AGE = "UPDATE fleet_pgqueuer SET heartbeat = heartbeat - interval '1 hour'"
SCHEDULED = "SELECT 1 FROM fleet_pgqueuer_schedules WHERE entrypoint = 'fleet_due'"
SET_BACK = """
    INSERT INTO fleet_pgqueuer
        (status, queue_manager_id, dedupe_key, payload, entrypoint, priority, created, updated,
        heartbeat, execute_after)
    SELECT status::fleet_pgqueuer_status, CASE status WHEN 'picked' THEN md5('gone')::uuid END,
        status, status::bytea, 'group', 0, at, at, at, at
    FROM (SELECT unnest(ARRAY['picked', 'queued']), now() + interval '1 hour') AS one (status, at);
    UPDATE fleet_pgqueuer_schedules SET status = 'picked', updated = now() + interval '1 hour',
        heartbeat = now() + interval '1 hour', next_run = now() + interval '1 hour'
"""
SCHEMAS = """
    SELECT DISTINCT schemaname, left(tablename, 14) FROM pg_tables
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
"""
LONG = 60  # seconds; what waits so long would wait for ever


class Jobs:
    """Jobs that are due until they are done, and a worker for them."""

    def __init__(self, *names: str) -> None:
        self.due_names = list(names)
        self.began: Counter[str] = Counter()
        self.cancelled: list[str] = []
        self.at_once = self.most_at_once = 0
        self.changed = anyio.Event()
        self.held = anyio.Event()
        self.later: dict[str, list[timedelta]] = {}
        self.asked = anyio.Event()
        self.queued: Mapping[str, bool] = {}

    async def due(self, queued: Mapping[str, bool]) -> Sequence[str]:
        self.asked.set()
        self.queued = queued
        self._tell()
        return [name for name in self.due_names if name not in queued]

    async def work(self, name: str) -> timedelta | None:
        self.began[name] += 1
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        self._tell()
        try:
            await self.held.wait()
        except anyio.get_cancelled_exc_class():
            self.cancelled.append(name)
            raise
        finally:
            self.at_once -= 1
        if self.later.get(name):
            return self.later[name].pop()
        # On a machine that stops for longer than a lease, a job may come twice.
        if name in self.due_names:
            self.due_names.remove(name)
        self._tell()
        return None

    async def until(self, condition: Callable[[], bool]) -> None:
        with anyio.fail_after(LONG):
            while not condition():
                changed = self.changed = anyio.Event()
                await changed.wait()

    def _tell(self) -> None:
        self.changed.set()


def engine_of(url: str, **options: timedelta) -> PgQueuerEngine:
    return PgQueuerEngine(partial(connected, database_url(url)), **options)


@asynccontextmanager
async def running(
    engine: PgQueuerEngine, jobs: Jobs, *, slots: int = 4
) -> AsyncGenerator[anyio.Event]:
    """A worker, which is told to stop in the end."""
    stop = anyio.Event()
    async with anyio.create_task_group() as workers:
        workers.start_soon(partial(engine.run, jobs.work, jobs.due, slots=slots, stop=stop))
        try:
            yield stop
        finally:
            stop.set()


async def query(postgresql: PostgreSQL, url: str, statement: str) -> list[str]:
    return await anyio.to_thread.run_sync(postgresql.query, statement, url.rpartition("/")[2])


async def test_what_is_due_is_done_by_as_many_at_once_as_there_are_slots(
    new_postgresql: Callable[[], str], postgresql: PostgreSQL, caplog: pytest.LogCaptureFixture
) -> None:
    url, names = new_postgresql(), [f"group {number}" for number in range(30)]
    jobs = Jobs(*names)
    async with running(engine_of(url), jobs, slots=3), running(engine_of(url), jobs, slots=4):
        await jobs.until(lambda: jobs.at_once == 7)
        jobs.held.set()
        await jobs.until(lambda: not jobs.due_names)

    assert jobs.began == dict.fromkeys(names, 1)
    assert jobs.most_at_once == 7
    assert await query(postgresql, url, "SELECT count(*) FROM fleet_pgqueuer") == ["0"]
    assert [one.message for one in caplog.records if one.levelno >= logging.WARNING] == []


async def test_one_slot_does_one_job_at_a_time(new_postgresql: Callable[[], str]) -> None:
    jobs = Jobs("a", "b", "c")
    jobs.held.set()
    async with running(engine_of(new_postgresql()), jobs, slots=1):
        await jobs.until(lambda: not jobs.due_names)

    assert jobs.most_at_once == 1


async def test_what_is_under_way_when_told_to_stop_is_cancelled_and_comes_again(
    new_postgresql: Callable[[], str], caplog: pytest.LogCaptureFixture
) -> None:
    url, jobs = new_postgresql(), Jobs("a", "b")
    async with running(engine_of(url), jobs):
        await jobs.until(lambda: jobs.at_once == 2)
    assert sorted(jobs.cancelled) == ["a", "b"]
    assert [one.message for one in caplog.records if one.levelno >= logging.WARNING] == []

    jobs.held.set()
    async with running(engine_of(url), jobs):
        await jobs.until(lambda: not jobs.due_names)
    assert jobs.began == {"a": 2, "b": 2}


async def test_a_job_that_asks_for_it_comes_again(new_postgresql: Callable[[], str]) -> None:
    jobs = Jobs("a")
    jobs.later["a"] = [timedelta(0)]
    jobs.held.set()
    async with running(engine_of(new_postgresql()), jobs):
        await jobs.until(lambda: not jobs.due_names)

    assert jobs.began == {"a": 2}


async def test_a_job_that_comes_later_is_known_as_that(new_postgresql: Callable[[], str]) -> None:
    jobs = Jobs("a")
    jobs.later["a"] = [timedelta(hours=1)]
    async with running(engine_of(new_postgresql()), jobs):
        await jobs.until(lambda: jobs.queued == {"a": False})
        jobs.held.set()
        await jobs.until(lambda: jobs.queued == {"a": True})

    assert jobs.began == {"a": 1}


async def test_an_error_of_a_job_comes_out_as_itself_and_stays_out_of_the_database(
    new_postgresql: Callable[[], str], postgresql: PostgreSQL, caplog: pytest.LogCaptureFixture
) -> None:
    url, error = new_postgresql(), ValueError(SECRET)
    jobs = Jobs("bad", "good")

    async def work(name: str) -> timedelta | None:
        if name == "bad":
            await jobs.until(lambda: jobs.at_once == 1)
            raise error
        return await jobs.work(name)

    with pytest.raises(ValueError, match=SECRET) as caught:
        await engine_of(url).run(work, jobs.due, slots=2, stop=anyio.Event())

    assert caught.value is error
    assert jobs.cancelled == ["good"]
    assert SECRET not in await anyio.to_thread.run_sync(postgresql.dump, url.rpartition("/")[2])
    assert SECRET not in caplog.text


async def test_an_error_of_asking_what_is_due_comes_out_as_itself(
    new_postgresql: Callable[[], str],
) -> None:
    async def due(_queued: Mapping[str, bool]) -> Sequence[str]:
        raise KeyError(SECRET)

    with pytest.raises(KeyError, match=SECRET):
        await engine_of(new_postgresql()).run(Jobs().work, due, slots=2, stop=anyio.Event())


async def test_the_tables_are_in_the_schema_of_the_store_whatever_the_environment_says(
    new_postgresql: Callable[[], str], postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CHANNEL", "FUNCTION", "TRIGGER", "QUEUE_TABLE", "PREFIX", "SCHEMA"):
        monkeypatch.setenv(name, "other")
        monkeypatch.setenv(f"PGQUEUER_{name}", "other")
    monkeypatch.setenv("PGQUEUER_DURABILITY", "nonsense")
    url, jobs = new_postgresql(), Jobs("a")
    await query(postgresql, url, 'CREATE SCHEMA "of models"')
    jobs.held.set()
    async with running(engine_of(f"{url}?options=-csearch_path%3D%22of%5C%20models%22"), jobs):
        await jobs.until(lambda: not jobs.due_names)

    assert await query(postgresql, url, SCHEMAS) == ["of models|fleet_pgqueuer"]


async def test_a_connection_that_ends_ends_the_jobs_and_the_next_one_goes_on_with_them(
    new_postgresql: Callable[[], str], postgresql: PostgreSQL, caplog: pytest.LogCaptureFixture
) -> None:
    url, jobs = new_postgresql(), Jobs("a", "b")
    engine = engine_of(url)

    async def cut_off() -> None:
        await jobs.until(lambda: jobs.at_once == 2)
        await query(postgresql, url, CUT_ALL)

    async with anyio.create_task_group() as beside:
        beside.start_soon(cut_off)
        with pytest.raises(EngineLostError, match="the queue of the fleet: "):
            await engine.run(jobs.work, jobs.due, slots=2, stop=anyio.Event())
    assert sorted(jobs.cancelled) == ["a", "b"]
    assert [one.message for one in caplog.records if one.levelno >= logging.WARNING] == []

    jobs.held.set()
    async with running(engine, jobs):
        await jobs.until(lambda: not jobs.due_names)
    assert jobs.began == {"a": 2, "b": 2}


async def test_jobs_of_a_worker_that_is_silent_are_done_by_another_one(
    new_postgresql: Callable[[], str], postgresql: PostgreSQL
) -> None:
    url, jobs = new_postgresql(), Jobs("a", "b")
    silent, other = (engine_of(url, lease=timedelta(seconds=3)) for _ in range(2))
    async with running(silent, jobs):
        await jobs.until(lambda: jobs.at_once == 2)
        async with running(other, jobs):
            with anyio.fail_after(LONG):
                # The silent one may see it first, and takes no job that it has.
                while jobs.at_once < 4:
                    await query(postgresql, url, AGE)
                    await anyio.sleep(0.02)
    assert set(jobs.cancelled) == {"a", "b"}


async def test_a_clock_that_was_set_back_stops_neither_the_queue_nor_what_is_in_it(
    new_postgresql: Callable[[], str], postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_pgqueuer, "_LOOK_AT_CLOCK", 0.1)
    url, jobs = new_postgresql(), Jobs("first")
    jobs.held.set()
    async with running(engine_of(url), jobs):
        await jobs.until(lambda: not jobs.due_names)
        with anyio.fail_after(LONG):
            while not await query(postgresql, url, SCHEDULED):  # noqa: ASYNC110 - the server tells nobody
                await anyio.sleep(0.02)
    await query(postgresql, url, SET_BACK)

    jobs.due_names = ["picked", "queued"]
    async with running(engine_of(url, lease=timedelta(seconds=1)), jobs):
        await jobs.until(lambda: not jobs.due_names)
        jobs.due_names.append("due later")
        await jobs.until(lambda: not jobs.due_names)
    assert jobs.began.keys() == {"first", "picked", "queued", "due later"}


async def test_what_was_logged_is_forgotten_after_an_hour(
    new_postgresql: Callable[[], str], postgresql: PostgreSQL
) -> None:
    url, jobs = new_postgresql(), Jobs("a")
    jobs.held.set()
    async with running(engine_of(url), jobs):
        await jobs.until(lambda: not jobs.due_names)
    logged = "SELECT count(*) FROM fleet_pgqueuer_log"
    assert await query(postgresql, url, logged) == ["3"]

    await query(postgresql, url, "UPDATE fleet_pgqueuer_log SET created = created - interval '1h'")
    await query(postgresql, url, "UPDATE fleet_pgqueuer_schedules SET next_run = now()")
    async with running(engine_of(url), jobs):
        with anyio.fail_after(LONG):
            while await query(postgresql, url, logged) != ["0"]:  # noqa: ASYNC110 - the server tells nobody
                await anyio.sleep(0.02)


async def test_a_server_that_does_not_answer_ends_the_jobs(
    new_postgresql: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = Jobs("a")

    async def cut_off() -> None:
        await jobs.until(lambda: jobs.at_once == 1)
        monkeypatch.setattr(_connection, "_COMMAND_TIMEOUT", 0.5)
        # One statement at a time: what is sent from then on has less time.
        jobs.queued = {}
        await jobs.until(lambda: bool(jobs.queued))
        proxy.hold()

    direct = new_postgresql()
    port = urlsplit(direct).port or 0
    async with proxied(port) as proxy, anyio.create_task_group() as beside:
        url = direct.replace(f":{port}/", f":{proxy.port}/")
        beside.start_soon(cut_off)
        with pytest.raises(EngineLostError, match="did not answer"):
            await engine_of(url).run(jobs.work, jobs.due, slots=2, stop=anyio.Event())
        beside.cancel_scope.cancel()
    assert jobs.cancelled == ["a"]


async def test_a_cancellation_ends_the_jobs_in_order(new_postgresql: Callable[[], str]) -> None:
    jobs = Jobs("a")
    async with anyio.create_task_group() as worker:
        worker.start_soon(
            partial(
                engine_of(new_postgresql()).run, jobs.work, jobs.due, slots=2, stop=anyio.Event()
            )
        )
        await jobs.until(lambda: jobs.at_once == 1)
        worker.cancel_scope.cancel()
    assert jobs.cancelled == ["a"]


@pytest.mark.parametrize(
    ("state", "outage"), [("40P01", True), ("55P03", True), ("57P01", True), ("42501", False)]
)
async def test_what_may_be_over_later_is_an_outage(*, state: str, outage: bool) -> None:
    class SaidError(Exception):
        sqlstate = state

    assert _connection.is_outage(SaidError()) is outage


async def test_what_the_database_says_of_jobs_that_are_queued_comes_out_as_itself(
    new_postgresql: Callable[[], str], postgresql: PostgreSQL
) -> None:
    url, jobs = new_postgresql(), Jobs()

    async def break_it() -> None:
        with anyio.fail_after(LONG):
            await jobs.asked.wait()
        await query(postgresql, url, "ALTER TABLE fleet_pgqueuer ADD CHECK (dedupe_key <> 'odd')")
        jobs.due_names.append("odd")

    async with anyio.create_task_group() as beside:
        beside.start_soon(break_it)
        with anyio.fail_after(LONG), pytest.raises(Exception, match="violates check constraint"):
            await engine_of(url).run(jobs.work, jobs.due, slots=2, stop=anyio.Event())


async def test_changes_of_the_queue_are_told_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    class Raw:
        def add_termination_listener(self, _listener: object) -> None: ...

        async def add_listener(self, _channel: str, notified: Callable[..., object]) -> None:
            # All at one time of the loop, however busy the machine is.
            loop = asyncio.get_running_loop()
            now = loop.time()
            with monkeypatch.context() as stopped:
                stopped.setattr(loop, "time", lambda: now)
                for number in range(3):
                    notified(self, 1, "queue", f"table_changed_event {number}")
                notified(self, 1, "queue", "health_check_event")

    monkeypatch.setattr(_connection, "_DEBOUNCE", 0.2)
    told: list[str] = []
    changed = anyio.Event()

    def listener(_connection: object, _pid: object, _channel: object, payload: str) -> None:
        told.append(payload)
        if "changed" in payload:
            changed.set()

    await _connection.Connection(Raw()).add_listener("queue", listener)
    with anyio.fail_after(LONG):
        await changed.wait()
    assert told == ["health_check_event", "table_changed_event 0"]
