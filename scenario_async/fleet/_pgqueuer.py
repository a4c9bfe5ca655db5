"""The engine: PgQueuer, on one connection of its own to the database of the store.

Only this module knows it. It reads no variable of the environment here: it would take names of
tables from ones such as ``CHANNEL`` and ``FUNCTION``. It logs as ``pgqueuer``.
"""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import anyio
from pgqueuer import AsyncpgDriver, Job, PgQueuer, Queries, RetryRequested
from pgqueuer.adapters.persistence.qb import (
    DBSettings,
    Durability,
    QueryBuilderEnvironment,
    QueryQueueBuilder,
    QuerySchedulerBuilder,
)
from pgqueuer.domain.errors import FailingListenerError
from pgqueuer.domain.types import Channel

from scenario_async._http import until_done
from scenario_async.sync._backends import reason_of

from ._connection import Connection, is_outage
from ._engine import EngineLostError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from uuid import UUID

    from ._engine import Due, Work

__all__ = ["PgQueuerEngine"]

_PREFIX = "fleet_"
_JOB = "group"
_DUE = f"{_PREFIX}due"
# Beats come twice in a lease, and a quarter of that late: whoever is cut off has 15 seconds until
# others may get its jobs, and knows it after 12.
_LEASE = timedelta(seconds=40)
_BATCH = 10
_EACH_SECOND = "* * * * * *"
_EACH_TEN_MINUTES = "*/10 * * * *"
_LOG_KEPT = timedelta(hours=1)
_LOOK_AT_CLOCK = 10.0  # seconds
# A time ahead of the server's clock is from before that was set back. Until it is reached, neither
# schedules nor jobs would go on, and with the schedules nothing that is due.
_SET_RIGHT = """
    UPDATE {schedules} SET status = 'queued', next_run = now(), heartbeat = now(), updated = now()
    WHERE greatest(heartbeat, updated) > now() + interval '10 seconds'
        OR next_run > now() + interval '20 minutes'
        OR entrypoint = '{due}' AND next_run > now() + interval '10 seconds';
    UPDATE {jobs} SET execute_after = now(), heartbeat = now(), updated = now()
    WHERE greatest(heartbeat, updated) > now() + interval '10 seconds'
"""
# Where more is queued than there are slots for, a slot that becomes free tells by itself.
_LOOK_AGAIN = timedelta(seconds=1)


class PgQueuerEngine:
    """Jobs in tables whose names begin with ``fleet_``, in the schema of the connection.

    What is queued follows from what is due: the tables are not logged by the server, and empty
    after a crash of it.

    Args:
        connect: Makes a connection of asyncpg.
        lease: How long a worker may be silent before others get its jobs.
    """

    def __init__(
        self, connect: Callable[[], Awaitable[Any]], *, lease: timedelta | None = None
    ) -> None:
        self._connect = connect
        self._lease = _LEASE if lease is None else lease
        self._ended: UUID | None = None

    async def run(self, work: Work, due: Due, *, slots: int, stop: anyio.Event) -> None:
        """Work on jobs until told to stop: see :class:`Engine`."""
        try:
            connection = Connection(await self._connect())
            try:
                queries = await _installed(connection)
                await self._let_go(connection, queries)
                run = _Run(connection, queries, work, due, slots=slots, lease=self._lease)
                self._ended = run.id
                await run.until(stop)
            finally:
                with suppress(Exception):
                    await connection.close()
        except Exception as error:
            if not (is_outage(error) or isinstance(error, FailingListenerError)):
                raise
            # Not chained: it comes and goes, and there is nothing to be found in the traceback.
            raise EngineLostError(f"the queue of the fleet: {reason_of(error)}") from None

    async def _let_go(self, connection: Connection, queries: Queries) -> None:
        """Let others have the jobs of a run that could not say that it has ended."""
        table = queries.qbe.settings.qualified.queue_table
        mine = f"DELETE FROM {table} WHERE queue_manager_id = $1"  # noqa: S608 - our own name
        await connection.execute(mine, self._ended)


class _Run:
    """One run of PgQueuer, on one connection."""

    def __init__(
        self,
        connection: Connection,
        queries: Queries,
        work: Work,
        due: Due,
        *,
        slots: int,
        lease: timedelta,
    ) -> None:
        self._connection = connection
        self._queries = queries
        self._work = work
        self._due = due
        self._slots = slots
        self._free = anyio.CapacityLimiter(slots)
        self._lease = lease
        self._scopes: set[anyio.CancelScope] = set()
        self._stopping = False
        self._failed: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        channel = queries.qbe.settings.channel
        self._pgqueuer = PgQueuer(queries.driver, channel=channel, queries=queries)
        self._pgqueuer.qm.min_dequeue_poll_interval = _LOOK_AGAIN
        self.id: UUID = self._pgqueuer.qm.queue_manager_id
        self._pgqueuer.entrypoint(_JOB)(self._do)
        self._pgqueuer.schedule(_DUE, _EACH_SECOND)(self._queue_what_is_due)
        self._pgqueuer.schedule(f"{_PREFIX}log", _EACH_TEN_MINUTES)(self._prune_log)

    async def until(self, stop: anyio.Event) -> None:
        self._connection.quiet = True
        running = asyncio.create_task(self._run())
        beside = [asyncio.create_task(stop.wait()), asyncio.create_task(self._look_at_clock())]
        try:
            ends: tuple[asyncio.Future[Any], ...] = (running, *beside, self._failed)
            ends += (self._connection.lost,)
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in beside:
                task.cancel()
            self._end()
            await until_done([running, *beside])
        if self._failed.done():
            raise self._failed.result()
        if stop.is_set():
            return
        if self._connection.lost.done():
            raise self._connection.lost.result()
        running.result()

    async def _run(self) -> None:
        # The first second is not waited for.
        await self._queue_what_is_due()
        # PgQueuer needs slots for two batches: a batch has one job at least.
        at_once = max(2, self._slots)
        await self._pgqueuer.run(
            dequeue_timeout=self._lease / 6,
            batch_size=min(_BATCH, at_once // 2),
            max_concurrent_tasks=at_once,
            shutdown_on_listener_failure=True,
            heartbeat_timeout=self._lease,
            # Nobody asks for statistics of its log.
            log_aggregation_interval=timedelta(0),
        )

    def _end(self) -> None:
        self._stopping = True
        self._pgqueuer.shutdown.set()
        for scope in self._scopes:
            scope.cancel()

    async def _do(self, job: Job) -> None:
        name = (job.payload or b"").decode()
        again: timedelta | None = None
        with anyio.CancelScope() as scope:
            self._scopes.add(scope)
            try:
                async with self._free:
                    if not self._stopping:
                        again = await self._work(name)
            except Exception as error:  # noqa: BLE001 - raised again by `until`, and not seen by PgQueuer
                self._fail(error)
            finally:
                self._scopes.discard(scope)
        if again is not None:
            raise RetryRequested(again)

    async def _queue_what_is_due(self, _schedule: object = None) -> None:
        if self._stopping:
            return
        try:
            await self._queue(await self._due(await self._queued()))
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(error)

    async def _queued(self) -> dict[str, bool]:
        table = self._queries.qbe.settings.qualified.queue_table
        later = "status = 'queued' AND execute_after > now() AS later"
        rows = await self._connection.fetch(f"SELECT dedupe_key, {later} FROM {table}")  # noqa: S608 - as above
        return {str(row["dedupe_key"]): bool(row["later"]) for row in rows}

    async def _queue(self, names: Sequence[str]) -> None:
        if names:
            await self._queries.enqueue(
                [_JOB] * len(names),
                [name.encode() for name in names],
                [0] * len(names),
                dedupe_key=list(names),
                on_conflict="skip",
            )

    async def _look_at_clock(self) -> None:
        settings = self._queries.qbe.settings
        tables = settings.qualified
        set_right = _SET_RIGHT.format(
            schedules=tables.schedules_table, jobs=tables.queue_table, due=_DUE
        )
        try:
            while True:
                await asyncio.sleep(_LOOK_AT_CLOCK)
                await self._connection.execute(set_right)
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(error)

    async def _prune_log(self, _schedule: object) -> None:
        table = self._queries.qbe.settings.qualified.queue_table_log
        pruned = f"DELETE FROM {table} WHERE created < now() - $1::interval"  # noqa: S608 - as above
        await self._connection.execute(pruned, _LOG_KEPT)

    def _fail(self, error: Exception) -> None:
        if not self._failed.done():
            self._failed.set_result(error)


async def _installed(connection: Connection) -> Queries:
    """The statements of PgQueuer on its tables, which are made, or brought up to date."""
    (row,) = await connection.fetch("SELECT current_schema() AS name")
    settings = _settings(str(row["name"]))
    queries = Queries(
        AsyncpgDriver(cast("Any", connection)),
        QueryBuilderEnvironment(settings),
        QueryQueueBuilder(settings),
        QuerySchedulerBuilder(settings),
    )
    await queries.upgrade()
    return queries


def _settings(schema: str) -> DBSettings:
    # A channel is one for all schemas of a database.
    channel = hashlib.sha256(schema.encode()).hexdigest()[:16]
    return DBSettings.model_construct(
        prefix=_PREFIX,
        db_schema=None,
        channel=Channel(f"{_PREFIX}{channel}"),
        function=f"{_PREFIX}pgqueuer_changed",
        statistics_table=f"{_PREFIX}pgqueuer_statistics",
        queue_status_type=f"{_PREFIX}pgqueuer_status",
        queue_table=f"{_PREFIX}pgqueuer",
        queue_table_log=f"{_PREFIX}pgqueuer_log",
        trigger=f"{_PREFIX}pgqueuer_changed",
        schedules_table=f"{_PREFIX}pgqueuer_schedules",
        durability=Durability.volatile,
        widen_id=True,
    )
