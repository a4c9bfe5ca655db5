"""An engine that reaches the database of a URL."""

from __future__ import annotations

import asyncio
import logging
import sys
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import anyio.to_thread
import msgspec
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from scenario_async.sync._dependencies import need

from .urls import in_memory

if TYPE_CHECKING:
    from sqlalchemy.engine import URL
    from sqlalchemy.ext.asyncio import AsyncEngine

__all__ = ["GOODBYE", "connected", "database_errors", "json_text", "new_engine"]

GOODBYE = 2.0
"""Seconds for a server to see a connection closed."""

# Seconds for it to answer a command, many times what any takes: a write cannot be cancelled.
_ANSWER = 120.0
_LOG = "scenario_async"
# What the driver is told in another way, or not at all.
_TOLD_OTHERWISE = frozenset({"channel_binding", "connect_timeout"})


def new_engine(url: URL, *, patience: float = 30) -> AsyncEngine:
    """An engine whose errors and logs show no rows.

    Args:
        url: As :func:`database_url` gives it.
        patience: How long a connection to SQLite waits for a lock, in seconds; with 0 it is for
            the lock alone, and the database is left as it is.

    Raises:
        ModuleNotFoundError: The driver is not installed.
    """
    sqlite = url.get_backend_name() == "sqlite"
    need("aiosqlite" if sqlite else "asyncpg")
    options: dict[str, Any] = {}
    if sqlite:
        options["connect_args"] = {"timeout": patience}
    else:
        options["connect_args"] = _connect_arguments(url)
        # A worker goes on after a restart of the server.
        options["pool_pre_ping"] = True
        # What a transaction reads may be changed by others: a stricter default would end runs.
        options["isolation_level"] = "READ COMMITTED"
        url = url.set(query={})
    if in_memory(url):
        # One connection, as each has a database of its own, and one transaction at a time.
        options |= {"poolclass": AsyncAdaptedQueuePool, "pool_size": 1, "max_overflow": 0}
    engine = create_async_engine(
        url,
        # Parameters are records, whose URLs are signed. So are rows that are read, in a log of
        # our own, as other engines of the program may show theirs.
        hide_parameters=True,
        logging_name=_LOG,
        json_serializer=json_text,
        json_deserializer=msgspec.json.decode,
        **options,
    )
    logging.getLogger(f"sqlalchemy.engine.Engine.{_LOG}").addFilter(_is_no_row)
    if sqlite:
        logging.getLogger("aiosqlite").addFilter(_without_arguments)
        event.listen(engine.sync_engine, "do_connect", _connect_to_its_end)
        if patience:
            event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    else:
        event.listen(engine.sync_engine, "close", _close_in_time)
    return engine


async def connected(url: URL) -> Any:  # noqa: ANN401 - the driver has no types
    """A connection of the driver of PostgreSQL itself, which no pool has."""
    driver: Any = import_module("asyncpg")  # it has no types
    where = url.set(query={}).translate_connect_args(username="user")
    # Statements without names: a pooler may have given the name to somebody else's.
    return await driver.connect(**where, **_connect_arguments(url), statement_cache_size=0)


def database_errors() -> tuple[type[Exception], ...]:
    """What a failing database may raise.

    The driver of PostgreSQL raises errors of the operating system and its own. SQLAlchemy 2.0 does
    not translate these before there is a connection, and no release does so while one is prepared.
    """
    driver = sys.modules.get("asyncpg")
    own = () if driver is None else (driver.PostgresError, driver.InterfaceError)
    return SQLAlchemyError, OSError, *own


def json_text(value: object) -> str:
    """A value as databases store it."""
    return msgspec.json.encode(value).decode()


def _is_no_row(record: logging.LogRecord) -> bool:
    """Let SQLAlchemy log what it does, and not the rows that it gets."""
    return not str(record.msg).startswith("Row ")


def _without_arguments(record: logging.LogRecord) -> bool:
    """Let the driver of SQLite log what it does, and not the records that it does it with.

    Their URLs are signed.
    """
    if isinstance(record.args, tuple):
        record.args = tuple(one.func if isinstance(one, partial) else one for one in record.args)
    return True


def _connect_arguments(url: URL) -> dict[str, Any]:
    """The parameters of a URL as the driver of PostgreSQL takes them."""
    parameters = {name: one for name, one in url.query.items() if name not in _TOLD_OTHERWISE}
    arguments: dict[str, Any] = {"command_timeout": _ANSWER}
    if parameters:
        # It knows them from URLs only, and this one says nothing else.
        arguments["dsn"] = f"postgresql://?{urlencode(parameters)}"
    timeout = url.query.get("connect_timeout")
    if timeout is not None:
        arguments["timeout"] = int(str(timeout)) or None
    return arguments


def _close_in_time(connection: Any, _record: object) -> None:  # noqa: ANN401 - as SQLAlchemy has it
    """Close a connection to PostgreSQL, also where the server does not answer any more."""
    # What goes wrong ends it at once, and SQLAlchemy finds it closed.
    with suppress(Exception):
        connection.run_async(_closed)


async def _closed(driver: Any) -> None:  # noqa: ANN401 - it has no types
    await driver.close(timeout=GOODBYE)


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
