"""Keeps a store fresh while it is shown."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

import anyio

from scenario_async._http import until_done
from scenario_async._pauses import after_failure, until_due
from scenario_async.sync import StoreBusyError, sync
from scenario_async.sync._store import copy_status, scopes_of

if TYPE_CHECKING:
    from scenario_async import AsyncScenario
    from scenario_async.sync import CatalogStore

__all__ = ["Refresher"]


class Refresher:
    """Copies the scopes of a store again and again, with :func:`sync`. Used with ``async with``.

    A copy that somebody else keeps fresh is left to them. A failure is kept to be shown, and the
    next try comes later each time, as in a live catalogue.

    Args:
        store: An open store.
        scenario: Who is asked.
        every: How old the copy may become, in seconds.

    Attributes:
        error: Why the copy is not fresh, where the last try failed.
    """

    def __init__(self, store: CatalogStore, scenario: AsyncScenario, every: float) -> None:
        self._store = store
        self._scenario = scenario
        self._every = every
        self._task: asyncio.Task[None] | None = None
        self.error: str | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="gallery refresher")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await until_done((self._task,))

    async def _run(self) -> None:
        failures = 0
        while True:
            try:
                pause = await self._refresh()
                failures, self.error = 0, None
            except StoreBusyError:
                pause = self._every  # somebody else is at it
            except Exception as error:  # noqa: BLE001 - it is shown
                failures += 1
                self.error = str(error)
                pause = after_failure(self._every, failures, error, random.random())  # noqa: S311 - it is no secret
            await anyio.sleep(pause)

    async def _refresh(self) -> float:
        """Bring the store up to date where that is due; returns how long to rest."""
        scopes = await scopes_of(self._store)
        as_of = (await copy_status(self._store, scopes)).as_of if scopes else None
        age = None if as_of is None else (datetime.now(UTC) - as_of).total_seconds()
        due = until_due(self._every, age)
        if scopes and due <= 0:
            await sync(self._scenario, self._store, scopes=scopes)
        return due or self._every
