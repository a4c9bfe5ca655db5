"""The task that keeps a store fresh, or follows one that is, and all that it reads into memory."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import AsyncExitStack, suppress
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import anyio

from scenario_async import LiveEvent, ScenarioError, UsageError
from scenario_async._context import context_of, operation_of
from scenario_async._events import emit
from scenario_async._http import until_done
from scenario_async._pauses import (
    after_failure,
    jittered,
    look_again,
    refuses_credentials,
    until_due,
)
from scenario_async.sync import StoreBusyError, StoreError, sync
from scenario_async.sync._backends import in_own_task
from scenario_async.sync._store import copied_as, database_of

from ._errors import NotLoadedError

if TYPE_CHECKING:
    from scenario_async.sync import CatalogStore
    from scenario_async.sync._store import CopyStatus

    from ._arguments import Settings
    from ._reader import StoreReader

__all__ = ["Refresher"]

_numbers = count(1)


class Refresher:
    """Refreshes a store again and again, unless another one does, and reads it after each time.

    Args:
        settings: Who is asked, if anybody is, for what and when.
        store: What is refreshed; open.
        reader: What reads it.

    Attributes:
        failures: How many refreshes have failed since one did not.
        error: What the last one failed with.
    """

    def __init__(self, settings: Settings, store: CatalogStore, reader: StoreReader[Any]) -> None:
        self._database = database_of(store)
        self._reader = reader
        self._name = " ".join(settings.scopes)
        self._number = next(_numbers)
        self._every = settings.every
        self._client = settings.client
        self._sync = partial(
            sync,
            store=store,
            scopes=copied_as(self._database, settings.scopes),
            full_every=settings.full_every,
            wait=True,
            max_deletions=settings.max_deletions,
        )
        self._lead: AsyncExitStack | None = None
        self._task: asyncio.Task[None] | None = None
        self._refresh = _Refresh()
        self._wanted = anyio.Event()
        self._due = 0.0
        self._refused_until = 0.0
        self.failures = 0
        self.error: Exception | None = None

    @property
    def leads(self) -> bool:
        """Whether it is this one that refreshes the store."""
        return self._lead is not None

    def start(self) -> None:
        """Begin, with a refresh where one is due."""
        self._task = asyncio.create_task(self._run(), name="live catalogue")

    async def stop(self) -> None:
        """End at once; who waits for a refresh is told so."""
        try:
            if self._task is not None:
                self._task.cancel()
                await until_done([self._task])
        finally:
            left = UsageError("the live catalogue was left before the refresh ended")
            self._refresh.end(left)

    def want(self) -> None:
        """Let the next refresh begin now, unless one is under way."""
        self._wanted.set()

    async def joined(self) -> None:
        """Wait for the refresh that is under way, or else for the next one.

        Raises:
            UsageError: It was stopped.
            ScenarioError: The refresh failed.
        """
        await self._refresh.wait()

    async def loaded(self, seen: CopyStatus) -> None:
        """Wait until there is a snapshot.

        Args:
            seen: How far the store was before; that a run failed until then means nothing.

        Raises:
            NotLoadedError: Another one refreshes the store, and failed.
            UsageError: As for :meth:`joined`.
            ScenarioError: As for :meth:`joined`.
        """
        while self._reader.as_of is None:
            await self.joined()
            status = await self._reader.status()
            if status.error is not None and status.runs != seen.runs:
                raise NotLoadedError(f"the first refresh failed elsewhere: {status.error}")

    async def _run(self) -> None:
        """Refresh again and again. Nothing but a cancellation ends it."""
        pause = 0.0
        try:
            while True:
                await self._rest(pause)
                refresh = self._refresh
                error: Exception | None = None
                try:
                    pause = await self._refreshed()
                except Exception as failure:  # noqa: BLE001 - kept, and raised to those who wait
                    error = failure
                except asyncio.CancelledError:
                    if _is_cancelled():
                        raise
                    # Nobody ends this task: a future below was cancelled, or a hook raised it.
                    error = ScenarioError("something that the refresh waited for was cancelled")
                if error is not None:
                    pause = await self._failed(error)
                self._tell(closed=False)
                self._refresh, self._wanted = _Refresh(), anyio.Event()
                refresh.end(error)
        except BaseException as stop:
            if not isinstance(stop, asyncio.CancelledError):
                # It ends the program, or a hook raised it: nobody is to wait for what never comes.
                name = type(stop).__name__
                self._refresh.end(ScenarioError(f"all refreshes were ended by {name}"))
            raise
        finally:
            try:
                self._tell(closed=True)
            finally:
                with anyio.CancelScope(shield=True):
                    await self._stop_leading()

    async def _rest(self, seconds: float) -> None:
        """Wait so long, or until a refresh is wanted.

        Not a moment less, though timers may be early, as those of uvloop are: what is not due yet
        is not refreshed, and would count as if it were.
        """
        end = time.monotonic() + seconds
        while not self._wanted.is_set() and (left := end - time.monotonic()) > 0:
            with anyio.move_on_after(left):
                await self._wanted.wait()

    async def _refreshed(self) -> float:
        """Refresh the store where that is up to this one, and read it. Returns how long to rest."""
        asked, before = self._wanted.is_set(), self._reader.as_of
        synced = await self._brought_up_to_date()
        current = await self._reader.read()
        if self._wanted.is_set() and not asked and not synced:
            # It was asked for while there was only a look at the store, which is not a refresh.
            synced = await self._brought_up_to_date()
            current = await self._reader.read()
        if synced or not self._refused_until or self._reader.as_of != before:
            # Else it only looked at a store that it may not refresh, nor did anybody else.
            self.failures, self.error, self._refused_until = 0, None, 0.0
        if self._lead is not None and current:
            return max(0.0, self._due - time.monotonic())
        return look_again(self._every, _chance(), loaded=self._reader.as_of is not None)

    async def _brought_up_to_date(self) -> bool:
        """Refresh the store where that is due and up to this one. Returns whether it was."""
        if self._client is None:
            return False
        if self._lead is None:
            if not self._wanted.is_set() and time.monotonic() < self._refused_until:
                return False
            if not await self._has_lead():
                return False
            await self._reader.read()
            self._due = time.monotonic() + until_due(self._every, self._reader.age())
        if not self._wanted.is_set() and time.monotonic() < self._due:
            return False
        with operation_of(self._client, "refresh", self._name) as client:
            report = await self._sync(client)
            if any(scope.mode == "resumed" for scope in report.scopes):
                # It finished what one that failed had begun, and is as old as that one.
                await self._sync(client)
        self._due = time.monotonic() + jittered(self._every, _chance())
        return True

    async def _failed(self, error: Exception) -> float:
        """Note that a refresh failed. Returns how long to rest."""
        self.failures += 1
        # Without its frames, which hold what the refresh had in memory.
        self.error = error.with_traceback(None)
        if isinstance(error, StoreError | UsageError):
            # The lock may be lost with the database; and a client that is closed stays so.
            await self._stop_leading()
        pause = after_failure(self._every, self.failures, error, _chance())
        self._due = time.monotonic() + pause
        if refuses_credentials(error):
            # The others may have credentials that are not refused, or else say so to those who
            # wait for them. This one goes on as one of them.
            await self._stop_leading()
            self._refused_until = self._due
            pause = min(pause, look_again(self._every, _chance(), loaded=True))
        return pause

    def _tell(self, *, closed: bool) -> None:
        """Tell the hooks of the client what there is now."""
        if self._client is None or (hook := context_of(self._client).event_hooks.on_live) is None:
            return
        event = LiveEvent(
            catalog=self._number,
            scopes=self._name,
            as_of=self._reader.as_of,
            models=len(self._reader.snapshot),
            failures=self.failures,
            closed=closed,
        )
        # It does not wait, so that no cancellation of this task comes out of it.
        with suppress(asyncio.CancelledError):
            emit(hook, event)

    @in_own_task
    async def _has_lead(self) -> bool:
        """Be the one who refreshes the store for these scopes, unless another one is."""
        lead = AsyncExitStack()
        try:
            await lead.enter_async_context(self._database.lead(self._name))
        except StoreBusyError:
            return False
        self._lead = lead
        return True

    @in_own_task
    async def _stop_leading(self) -> None:
        lead, self._lead = self._lead, None
        if lead is not None:
            await lead.aclose()


class _Refresh:
    """One refresh, for all who wait for it."""

    def __init__(self) -> None:
        self._done = anyio.Event()
        self._error: Exception | None = None

    def end(self, error: Exception | None) -> None:
        self._error = error
        self._done.set()

    async def wait(self) -> None:
        await self._done.wait()
        if self._error is not None:
            # Several raise it, and none of them the frames of the others.
            raise self._error.with_traceback(None)


def _is_cancelled() -> bool:
    """Whether somebody told this task to end."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def _chance() -> float:
    return random.random()  # noqa: S311 - it is no secret
