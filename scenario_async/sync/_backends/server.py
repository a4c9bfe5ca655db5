"""A database of PostgreSQL: whether a store can be kept there, and what stands in front of it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import anyio

from scenario_async.sync._errors import StoreError

from .postgresql_engine import GOODBYE, connected

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from sqlalchemy.engine import URL

__all__ = ["Server"]

# The latter keeps bytes as they come, and these are UTF-8.
_ANY_TEXT = ("UTF8", "SQL_ASCII")
_LOOKS = 3
# Seconds for a pooler to find a second session. With none to spare it lets one wait for ever.
_PATIENCE = 30.0


class Server:
    """A database of PostgreSQL, and the pooler that may stand in front of it.

    A store holds locks and prepared statements in sessions, and keeps text in any language.

    Args:
        name: What to call it in a message.
        url: As :func:`database_url` returns it.
    """

    def __init__(self, name: str, url: URL) -> None:
        self._name = name
        self._url = url
        self._encoding = _ANY_TEXT[0]

    async def look(self) -> None:
        """Look at it before it is used.

        Raises:
            StoreError: A pooler gives each transaction another session, or has too few of them.
        """
        looking = asyncio.ensure_future(self._look())
        try:
            await asyncio.shield(looking)
        finally:
            with anyio.CancelScope(shield=True):
                await _ended(looking)

    async def _look(self) -> None:
        async with self._connection() as connection:
            self._encoding = connection.get_settings().server_encoding
            session = await _session(connection)
            # A pooler answers with a number of its own.
            if session != connection.get_server_pid():
                await self._check_kept(connection, session)

    def check_writable(self) -> None:
        """See that whatever the service sends can be stored.

        Raises:
            StoreError: It cannot.
        """
        if self._encoding not in _ANY_TEXT:
            raise StoreError(
                f"{self._name}: the encoding of this database is {self._encoding}, and models have "
                "text in any language: a store needs one that was made with ENCODING 'UTF8'"
            )

    async def _check_kept(self, connection: Any, session: int) -> None:  # noqa: ANN401 - the driver has no types
        """See that a pooler leaves a connection its session while others ask as well."""
        try:
            async with asyncio.timeout(_PATIENCE):
                async with self._connection() as other:
                    for _ in range(_LOOKS):
                        # What the first one has let go of is the first to be given away.
                        async with other.transaction():
                            kept = await _pid(other) != session
                            kept = kept and await _session(connection) == session
                        if not kept:
                            raise StoreError(
                                f"{self._name}: a pooler in front of this database gives each "
                                "transaction another session, and locks get lost: let it keep "
                                "sessions (PgBouncer: pool_mode = session), or connect to the "
                                "server itself"
                            )
        except TimeoutError:
            raise StoreError(
                f"{self._name}: the pooler in front of this database has no second session to "
                "spare (PgBouncer: default_pool_size): a run needs one for its lock and one for "
                "each of its scopes"
            ) from None

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator[Any]:
        connection = await connected(self._url)
        try:
            yield connection
        finally:
            with suppress(Exception):
                await connection.close(timeout=GOODBYE)


async def _ended(task: asyncio.Task[None]) -> None:
    """Wait until a task is over, but not long.

    The driver complains in the log where it is cancelled while it connects: it may finish that, if
    the server answers.
    """
    await asyncio.wait([task], timeout=GOODBYE)
    task.cancel()
    await asyncio.wait([task])


async def _session(connection: Any) -> int:  # noqa: ANN401 - the driver has no types
    """The process that serves a transaction of this connection."""
    async with connection.transaction():
        return await _pid(connection)


async def _pid(connection: Any) -> int:  # noqa: ANN401 - the driver has no types
    pid: int = await connection.fetchval("SELECT pg_backend_pid()")
    return pid
