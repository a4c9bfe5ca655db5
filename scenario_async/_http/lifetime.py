"""Whether a client is still open, and what of it is under way."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING
from weakref import WeakSet

import anyio

from scenario_async._errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterator

__all__ = ["Lifetime", "until_done"]


class Lifetime:
    """The open span of one client, inside that of the client it was derived from.

    Args:
        parent: That of the client it was derived from.
        check: Raises UsageError where requests cannot be sent; else they belong to this loop.
    """

    def __init__(
        self, parent: Lifetime | None = None, check: Callable[[], None] | None = None
    ) -> None:
        self._parent = parent
        self._check = check
        self._root: Lifetime = self if parent is None else parent._root  # noqa: SLF001 - its own kind
        self._tasks: set[asyncio.Task[None]] = set()
        self._calls: set[anyio.CancelScope] = set()
        self._closed = False
        # Of all clients on one session, those that were used and are open; kept by the root, and
        # weakly: a derived client is often made for one request and then just dropped.
        self._in_use: WeakSet[Lifetime] = WeakSet()

    @property
    def owns_session(self) -> bool:
        """Whether closing this client closes the session.

        A derived client leaves it to the one it was derived from, unless nobody else uses it: then
        nobody else would close it, as in ``AsyncScenario().with_options(timeout=5)``.
        """
        return self._root is self or set(self._root._in_use) <= {self}  # noqa: SLF001 - its own kind

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
        self._root._in_use.add(self)  # noqa: SLF001 - its own kind

    def begin(self) -> None:
        """Note that something begins that takes requests.

        Raises:
            UsageError: The client is closed, or cannot be used on this event loop.
        """
        self.use()
        if self._check is not None:
            self._check()

    def start(self, task: asyncio.Task[None]) -> None:
        """Keep a task until it is done, so that closing the client can end it."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self._parent is not None:
            self._parent.start(task)

    @contextmanager
    def call(self) -> Generator[None, None, None]:
        """Run a single call, wherever it waits, no longer than the client is open.

        Raises:
            UsageError: As for :meth:`begin`, or the client is closed meanwhile.
        """
        self.begin()
        scope = anyio.CancelScope()
        holders = tuple(self._line())
        for lifetime in holders:
            lifetime._calls.add(scope)  # noqa: SLF001 - its own kind
        try:
            with scope:
                yield
        finally:
            for lifetime in holders:
                lifetime._calls.discard(scope)  # noqa: SLF001 - its own kind
        if scope.cancelled_caught:
            raise UsageError("the client was closed while a request was under way")

    async def aclose(self) -> None:
        """End all tasks and calls, and come back when nothing of the tasks is left.

        But for the task that closes: one that reads ids may do so, and would wait for itself.
        """
        self._closed = True
        self._root._in_use.discard(self)  # noqa: SLF001 - its own kind
        tasks = self._tasks - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        for scope in tuple(self._calls):
            scope.cancel()
        await until_done(tasks)

    def _line(self) -> Iterator[Lifetime]:
        lifetime: Lifetime | None = self
        while lifetime is not None:
            yield lifetime
            lifetime = lifetime._parent  # noqa: SLF001 - its own kind


async def until_done(tasks: Collection[asyncio.Task[object]]) -> None:
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
