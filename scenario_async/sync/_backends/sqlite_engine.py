"""An engine for a file of SQLite, through aiosqlite."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio.to_thread
from sqlalchemy import event
from sqlalchemy.pool import AsyncAdaptedQueuePool

from scenario_async.sync._dependencies import need

from .engine import new_engine
from .urls import in_memory

if TYPE_CHECKING:
    from sqlalchemy.engine import URL
    from sqlalchemy.ext.asyncio import AsyncEngine

__all__ = ["sqlite_engine"]


def sqlite_engine(url: URL, *, timeout: float = 30) -> AsyncEngine:
    """An engine for SQLite.

    Args:
        url: As :func:`database_url` returns it.
        timeout: How long a connection waits for a lock, in seconds; with 0 it is for the lock
            alone, and the database is left as it is.

    Raises:
        ModuleNotFoundError: The driver is not installed.
    """
    need("aiosqlite")
    options: dict[str, Any] = {"connect_args": {"timeout": timeout}}
    if in_memory(url):
        # One connection, as each has a database of its own, and one transaction at a time.
        options |= {"poolclass": AsyncAdaptedQueuePool, "pool_size": 1, "max_overflow": 0}
    engine = new_engine(url, **options)
    logging.getLogger("aiosqlite").addFilter(_without_arguments)
    event.listen(engine.sync_engine, "do_connect", _connect_to_its_end)
    if timeout:
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    return engine


def _without_arguments(record: logging.LogRecord) -> bool:
    """Let the driver of SQLite log what it does, and not the records that it does it with.

    Their URLs are signed.
    """
    if isinstance(record.args, tuple):
        record.args = tuple(one.func if isinstance(one, partial) else one for one in record.args)
    return True


def _connect_to_its_end(
    _dialect: object, _record: object, _arguments: object, options: dict[str, Any]
) -> None:
    options["async_creator_fn"] = _connected_to_file


async def _connected_to_file(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - as the driver has it
    """A connection of the driver, or an error after which its thread is gone.

    The driver does not wait for the thread where a file cannot be opened, and the thread writes a
    traceback when it finds the loop closed.
    """
    import aiosqlite  # noqa: PLC0415 - an extra has it

    connection: Any = aiosqlite.connect(*arguments, **options)
    # Until 0.22 it is its thread. What nobody closes must not keep the interpreter from ending.
    thread = getattr(connection, "_thread", connection)
    thread.daemon = True
    opening = asyncio.ensure_future(connection)
    try:
        # To its end: the driver loses a file that is opened for somebody who was cancelled.
        return await asyncio.shield(opening)
    except BaseException:
        with anyio.CancelScope(shield=True):
            await asyncio.wait([opening])
            if opening.cancelled() or opening.exception() is not None:
                await anyio.to_thread.run_sync(thread.join)
            else:
                await connection.close()
        raise


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - as SQLAlchemy has it
    try:
        _set_pragmas(connection)
    except BaseException:
        # Nobody else would: the engine does not know the connection yet.
        connection.close()
        raise


def _set_pragmas(connection: Any) -> None:  # noqa: ANN401 - as SQLAlchemy has it
    """What holds for this connection alone: the database may be somebody else's."""
    cursor = connection.cursor()
    # Most records do not fit into the usual 4 KiB (this is of a new file only), and the index of
    # 100,000 ids not into the usual 2 MB: together that is a third of the time of a write.
    cursor.execute("PRAGMA page_size=16384")
    cursor.execute("PRAGMA cache_size=-8000")
    # In WAL mode a power cut may take the last commits with it, as a whole: rows and the progress
    # that they stand for (https://www.sqlite.org/wal.html#performance_considerations).
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()
