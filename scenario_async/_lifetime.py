"""Whether a client is still open, and what of it is under way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import anyio

from ._errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["Lifetime", "until_done"]


class Lifetime:
    """The open span of one client, inside that of the client it was derived from."""

    def __init__(self, parent: Lifetime | None = None) -> None:
        self._parent = parent
        self._tasks: set[asyncio.Task[None]] = set()
        self._used = False
        self._closed = False

    @property
    def owns_session(self) -> bool:
        """Whether closing this client closes the session.

        A derived client leaves it to the one it was derived from, unless that was never used: then
        nobody else would close it, as in ``AsyncScenario().with_options(timeout=5)``.
        """
        return self._parent is None or not self._parent.used

    @property
    def used(self) -> bool:
        """Whether this client, or one that it was derived from, was entered or sent anything."""
        return self._used or (self._parent is not None and self._parent.used)

    @property
    def closed(self) -> bool:
        """Whether this client or the one it was derived from was closed."""
        return self._closed or (self._parent is not None and self._parent.closed)

    def use(self) -> None:
        """Note that the client is used.

        Raises:
            UsageError: It is closed.
        """
        if self.closed:
            raise UsageError("this client is closed: make a new one")
        self._used = True

    def start(self, task: asyncio.Task[None]) -> None:
        """Keep a task until it is done, so that closing the client can end it."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self._parent is not None:
            self._parent.start(task)

    async def aclose(self) -> None:
        """End all tasks, and come back when nothing of them is left."""
        self._closed = True
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await until_done(tasks)


async def until_done(tasks: Collection[asyncio.Task[None]]) -> None:
    """Wait for tasks that were told to end; a cancellation waits until they have, and then goes on.

    A shield of anyio keeps its own cancellations away, and not those of asyncio.
    """
    cancelled: asyncio.CancelledError | None = None
    with anyio.CancelScope(shield=True):
        while not all(task.done() for task in tasks):
            try:
                await asyncio.wait(tasks)
            except asyncio.CancelledError as error:
                cancelled = error
    if cancelled is not None:
        raise cancelled
