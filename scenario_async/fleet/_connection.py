"""The connection of the engine to PostgreSQL, given up at the first sign that it is lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import anyio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Connection", "is_outage"]

# Seconds. Statements here take milliseconds, and whoever is cut off has to know it before others
# get its jobs.
_COMMAND_TIMEOUT = 10.0
_CLOSE_TIMEOUT = 2.0
_DEBOUNCE = 0.25
_CHANGED = "table_changed_event"
# https://www.postgresql.org/docs/current/errcodes-appendix.html
# The last two: another session is in the way of this one now.
_OUTAGES = ("08", "53", "57", "40", "55P03")
_READ_ONLY = "25006"  # what was the primary server is a standby now


class Connection:
    """One connection of asyncpg, with one statement at a time.

    What was sent is waited for even where its caller is cancelled: to call it off, asyncpg would
    open another connection.

    Args:
        raw: The connection of asyncpg.

    Attributes:
        quiet: Whether a statement on a lost connection returns no rows in place of an error.
            PgQueuer would log the error, and try again ten times a second until all jobs end.
        lost: Done when the connection is lost, with the error that said so.
    """

    def __init__(self, raw: Any) -> None:  # noqa: ANN401 - the driver has no types
        self._raw = raw
        self.quiet = False
        self._debounced: asyncio.TimerHandle | None = None
        self._lock = asyncio.Lock()
        self._under_way: set[asyncio.Task[Any]] = set()
        self.lost: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        raw.add_termination_listener(self._terminated)

    async def fetch(self, query: str, *arguments: object) -> Any:  # noqa: ANN401 - rows of the driver
        """The rows that a statement returns."""
        return await self._whole(self._raw.fetch, query, *arguments)

    async def execute(self, query: str, *arguments: object) -> Any:  # noqa: ANN401 - as above
        """Execute a statement."""
        return await self._whole(self._raw.execute, query, *arguments)

    async def add_listener(self, channel: str, listener: Callable[..., object]) -> None:
        """Call a function with the notifications of a channel.

        Those that say that the queue has changed are told as one, a quarter of a second later:
        PgQueuer looks at the queue after each one, and every worker gets those of all workers.
        """

        def notified(connection: object, pid: int, channel: str, payload: str) -> None:
            if _CHANGED not in payload:
                listener(connection, pid, channel, payload)
            elif self._debounced is None or self._debounced.when() < loop.time():
                self._debounced = loop.call_later(
                    _DEBOUNCE, listener, connection, pid, channel, payload
                )

        loop = asyncio.get_running_loop()
        await self._whole(self._raw.add_listener, channel, notified)

    async def close(self) -> None:
        """Wait until what was sent is answered, and close the connection."""
        if self._debounced is not None:
            self._debounced.cancel()
        with anyio.CancelScope(shield=True):
            while self._under_way:
                await asyncio.wait(self._under_way)
            self._raw.remove_termination_listener(self._terminated)
            if not self.lost.done():
                await self._raw.close(timeout=_CLOSE_TIMEOUT)

    async def _whole(self, send: Callable[..., Awaitable[Any]], *arguments: object) -> Any:  # noqa: ANN401 - as above
        task = asyncio.ensure_future(self._answered(send, *arguments))
        self._under_way.add(task)
        task.add_done_callback(self._through)
        await asyncio.wait([task])
        if self.quiet and self.lost.done():
            return []
        return task.result()

    async def _answered(self, send: Callable[..., Awaitable[Any]], *arguments: object) -> Any:  # noqa: ANN401 - as above
        async with self._lock:
            try:
                async with asyncio.timeout(_COMMAND_TIMEOUT):
                    return await send(*arguments)
            except Exception as error:
                if is_outage(error):
                    self._lose(error)
                raise

    def _through(self, task: asyncio.Task[Any]) -> None:
        self._under_way.discard(task)
        # Whoever asked may be gone.
        if not task.cancelled():
            task.exception()

    def _terminated(self, _connection: object) -> None:
        self._lose(ConnectionResetError("the connection was lost"))

    def _lose(self, error: Exception) -> None:
        if not self.lost.done():
            self.lost.set_result(error)
            self._raw.terminate()


def is_outage(error: Exception) -> bool:
    """Whether an error says that the database is away, and may be back later."""
    if isinstance(error, OSError):
        return True
    state: str | None = getattr(error, "sqlstate", None)
    if state is not None:
        return state == _READ_ONLY or state.startswith(_OUTAGES)
    # Such as what asyncpg itself says of a connection that is closed.
    return type(error).__module__.startswith("asyncpg.")
