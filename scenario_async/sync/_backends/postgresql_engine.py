"""An engine for a database of PostgreSQL, through asyncpg."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from sqlalchemy import event
from sqlalchemy.exc import InvalidatePoolError

from scenario_async.sync._dependencies import need

from .engine import database_errors, new_engine

if TYPE_CHECKING:
    from sqlalchemy.engine import URL
    from sqlalchemy.ext.asyncio import AsyncEngine

__all__ = ["CLOSE_TIMEOUT", "close", "connected", "postgresql_engine"]

CLOSE_TIMEOUT = 2.0
"""Seconds for a server to see a connection closed."""

# Seconds for it to answer a command, many times what any takes: a write cannot be cancelled.
_COMMAND_TIMEOUT = 120.0
# A machine that loses power says no goodbye. By itself the server would look after two hours
# whether it is still there, or a quarter of an hour where it has just sent something, and keep its
# locks and transactions until then
# (https://www.postgresql.org/docs/current/runtime-config-connection.html). Not all releases know
# all of these, and a pooler takes none of them when a connection begins.
_KEEPALIVE = """
    SELECT set_config(name, value, false) FROM pg_settings JOIN (VALUES
        ('tcp_keepalives_idle', '30'), ('tcp_keepalives_interval', '10'),
        ('tcp_keepalives_count', '3'), ('tcp_user_timeout', '60000')
    ) AS wanted (name, value) USING (name)
"""
# What the driver is told in another way, or not at all.
_TOLD_OTHERWISE = frozenset({"channel_binding", "connect_timeout"})


def postgresql_engine(url: URL, *, most: int | None = None) -> AsyncEngine:
    """An engine for PostgreSQL.

    Args:
        url: As :func:`database_url` returns it.
        most: How many connections there are at once: whoever wants another one waits for it. As
            SQLAlchemy does it without.

    Raises:
        ModuleNotFoundError: The driver is not installed.
    """
    need("asyncpg")
    pool = {"pool_size": most, "max_overflow": 0, "pool_timeout": _COMMAND_TIMEOUT}
    engine = new_engine(
        url.set(query={}),
        connect_args=_connect_arguments(url),
        # What a transaction reads may be changed by others: a stricter default would end runs.
        isolation_level="READ COMMITTED",
        **({} if most is None else pool),
    )
    event.listen(engine.sync_engine, "connect", _begin_session)
    event.listen(engine.sync_engine, "checkout", _check)
    event.listen(engine.sync_engine, "close", _close_in_time)
    return engine


async def connected(url: URL, *, statements: int = 0) -> Any:  # noqa: ANN401 - the driver has no types
    """A connection of the driver of PostgreSQL itself, which no pool has.

    The server notices within a minute where the machine at this end is gone.

    Args:
        url: As :func:`database_url` returns it.
        statements: How many statements the session keeps prepared, where nobody takes it away.
    """
    driver: Any = import_module("asyncpg")  # it has no types
    where = url.set(query={}).translate_connect_args(username="user")
    # Statements without names: a pooler may have given the name to somebody else's.
    arguments = _connect_arguments(url)
    connection = await driver.connect(**where, **arguments, statement_cache_size=statements)
    await _keep_alive(connection)
    return connection


async def close(connection: Any) -> None:  # noqa: ANN401 - the driver has no types
    """Close a connection of the driver, also where the server does not answer any more."""
    # What goes wrong ends it at once.
    with suppress(Exception):
        await connection.close(timeout=CLOSE_TIMEOUT)


def _connect_arguments(url: URL) -> dict[str, Any]:
    """The parameters of a URL as the driver of PostgreSQL takes them."""
    parameters = {name: one for name, one in url.query.items() if name not in _TOLD_OTHERWISE}
    arguments: dict[str, Any] = {"command_timeout": _COMMAND_TIMEOUT}
    if parameters:
        # It knows them from URLs only, and this one says nothing else.
        arguments["dsn"] = f"postgresql://?{urlencode(parameters)}"
    timeout = url.query.get("connect_timeout")
    if timeout is not None:
        arguments["timeout"] = int(str(timeout)) or None
    return arguments


def _begin_session(connection: Any, _record: object) -> None:  # noqa: ANN401 - as SQLAlchemy has it
    connection.run_async(_keep_alive)


async def _keep_alive(driver: Any) -> None:  # noqa: ANN401 - it has no types
    """Let the server notice soon where this machine is gone."""
    try:
        await driver.execute(_KEEPALIVE)
    except BaseException:
        # Nobody has it yet, or will close it.
        driver.terminate()
        raise


def _check(connection: Any, *_: object) -> None:  # noqa: ANN401 - as SQLAlchemy has it
    """Let the pool connect anew where a connection is gone: workers go on after a restart.

    In one round trip: with ``pool_pre_ping`` each transaction would begin with three.
    """
    try:
        connection.run_async(_answered)
    except TimeoutError:  # a new one would wait as long
        raise
    except database_errors() as error:
        raise InvalidatePoolError("the connection is gone") from error


async def _answered(driver: Any) -> None:  # noqa: ANN401 - it has no types
    await driver.execute("SELECT 1")


def _close_in_time(connection: Any, _record: object) -> None:  # noqa: ANN401 - as SQLAlchemy has it
    """Close a connection before SQLAlchemy does, which finds it closed."""
    with suppress(Exception):
        connection.run_async(close)
