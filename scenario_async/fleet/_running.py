"""A worker of a fleet: from its first look at the accounts until it is told to end."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import secrets
import socket
import threading
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

import anyio

from scenario_async._pauses import doubled
from scenario_async._signals import ending_signals_taken
from scenario_async.sync import StoreError, StoreVersionError, sync
from scenario_async.sync._store import connected_to

from ._engine import EngineLostError
from ._pgqueuer import PgQueuerEngine
from ._worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from types import FrameType

    from scenario_async import AsyncScenario
    from scenario_async.sync import FleetStore, SyncReport

    from ._credentials import Resolver
    from ._engine import Engine
    from ._status import Account
    from ._worker_accounts import WorkerAccounts

__all__ = ["ended_by_signals", "keep_serving", "pause_before", "run_fleet"]

_log = logging.getLogger("scenario_async")

_BEAT = 10.0  # seconds
_SHORTEST, _LONGEST = 0.5, 30.0
_STEADY = 60.0
_LEAVE_TIMEOUT = 2.0


async def run_fleet(
    store: FleetStore,
    accounts: WorkerAccounts,
    credentials: Resolver,
    *,
    client: AsyncScenario,
    concurrency: int,
    requests_per_minute: float,
) -> None:
    """Be a worker of a fleet until a signal comes, or it is cancelled.

    Args:
        store: Where the models are.
        accounts: Whose.
        credentials: Finds those of an account.
        client: Whose session, timeouts and hooks all requests have.
        concurrency: How many accounts are synced at once.
        requests_per_minute: The limit of the service for a limit group.

    Raises:
        StoreError: The database cannot be written.
        Exception: Anything but an outage of the database or a failure of an account.
    """

    async def sync_account(asking: AsyncScenario, account: Account) -> SyncReport:
        return await sync(asking, store.account(account.name), scopes=account.scopes)

    worker = Worker(
        accounts,
        credentials,
        client,
        sync=sync_account,
        requests_per_minute=requests_per_minute,
    )
    engine = PgQueuerEngine(partial(connected_to, store))
    # A write that changes nothing: a role that may not write ends the worker here, with its error.
    await accounts.leave("")
    with ended_by_signals() as stop:
        await keep_serving(engine, accounts, worker, slots=concurrency, stop=stop)


def pause_before(attempt: int, chance: float) -> float:
    """Seconds to wait before a database that was away is asked again: twice as long each time.

    Args:
        attempt: How many attempts failed before.
        chance: From 0 to 1. All workers lose it in one moment, and are not to come back in one.
    """
    return min(_LONGEST, doubled(_SHORTEST, attempt + 1)) * (1 + chance) / 2


async def keep_serving(
    engine: Engine, accounts: WorkerAccounts, worker: Worker, *, slots: int, stop: anyio.Event
) -> None:
    """Serve until told to stop, also where the database is away in between.

    Raises:
        Exception: Anything but an outage of the database.
    """
    name: str = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    attempt = 0
    while not stop.is_set():
        began = anyio.current_time()
        try:
            await _serve(engine, accounts, worker, name, slots=slots, stop=stop)
        except StoreVersionError:
            raise
        except (EngineLostError, StoreError) as error:
            attempt = 0 if anyio.current_time() - began > _STEADY else attempt
            pause = pause_before(attempt, random.random())  # noqa: S311 - no secret
            attempt += 1
            _log.warning("%s; the fleet goes on as soon as it is back", error)
            with anyio.move_on_after(pause):
                await stop.wait()


async def _serve(
    engine: Engine,
    accounts: WorkerAccounts,
    worker: Worker,
    name: str,
    *,
    slots: int,
    stop: anyio.Event,
) -> None:
    """Serve until told to stop, or the database is away."""
    failures: list[Exception] = []
    end = anyio.Event()

    async def pass_on() -> None:
        await stop.wait()
        end.set()

    async def beat() -> None:
        try:
            while True:
                await anyio.sleep(_BEAT)
                await accounts.beat(name, slots)
                with suppress(StoreError):  # told again at the next beat, which says if it lasts
                    await worker.tell_again()
        except Exception as error:  # noqa: BLE001 - raised again as itself, outside the group
            failures.append(error)
            end.set()

    async def due(queued: Mapping[str, bool]) -> Sequence[str]:
        # Enough for the next jobs, and no more than can be done soon. Those that somebody else is
        # at work on do not count.
        with suppress(StoreError):  # asked again a second later; the next beat says if it lasts
            bound, later = 2 * await accounts.slots(), sum(queued.values())
            free = bound - (len(queued) - later)
            if free > 0:
                found = await accounts.overdue(bound + later)
                return [group for group in found if group not in queued][:free]
        return ()

    await accounts.beat(name, slots)
    await worker.tell_again()
    try:
        async with anyio.create_task_group() as beside:
            beside.start_soon(pass_on)
            beside.start_soon(beat)
            try:
                await engine.run(worker.work, due, slots=slots, stop=end)
            except Exception as error:  # noqa: BLE001 - raised again as itself, outside the group
                failures.insert(0, error)
            finally:
                beside.cancel_scope.cancel()
    finally:
        with anyio.move_on_after(_LEAVE_TIMEOUT, shield=True), suppress(StoreError):
            await accounts.leave(name)
    if failures:
        raise failures[0]


# A signal is for the whole process, and there may be workers of several fleets in it.
_taken = ExitStack()
_ends: set[Callable[[], object]] = set()


@contextmanager
def ended_by_signals() -> Generator[anyio.Event]:
    """An event that the first Ctrl-C or SIGTERM sets. The next one does what it did before."""
    stop = anyio.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    end = partial(asyncio.get_running_loop().call_soon_threadsafe, stop.set)
    if not _ends:
        _taken.enter_context(ending_signals_taken(_end_all))
    _ends.add(end)
    try:
        yield stop
    finally:
        _ends.remove(end)
        if not _ends:
            _taken.close()


def _end_all(_number: int, _frame: FrameType | None) -> None:
    _taken.close()
    for end in _ends:
        end()
