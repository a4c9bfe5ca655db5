"""Locks that keep other runs away from a store, and that end with their process however it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError

from ._engines import new_engine
from ._errors import StoreBusyError

if TYPE_CHECKING:
    from collections.abc import Collection
    from contextlib import AsyncExitStack
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

__all__ = ["OWN", "lock_file", "lock_scopes"]

OWN = 0x5CE7A810
"""Any number: it tells our locks in PostgreSQL from those of other programs."""


async def lock_file(name: str, path: Path, stack: AsyncExitStack) -> None:
    """Hold a transaction in a file beside: the operating system lets go with the process.

    Args:
        name: What to call the store.
        path: The file beside it.
        stack: What lets go of the lock.

    Raises:
        StoreBusyError: Another run holds it.
    """
    engine = new_engine(URL.create("sqlite+aiosqlite", database=str(path)), patience=0)
    stack.push_async_callback(engine.dispose)
    connection = await stack.enter_async_context(engine.connect())
    try:
        await connection.exec_driver_sql("BEGIN EXCLUSIVE")
    except OperationalError as error:
        if "locked" not in str(error.orig):
            raise
        raise StoreBusyError(f"{name}: another run is at work on it") from None


async def lock_scopes(
    name: str, engine: AsyncEngine, scopes: Collection[str], stack: AsyncExitStack
) -> AsyncConnection:
    """Advisory locks of one session of PostgreSQL: the server lets go when the session ends.

    Args:
        name: What to call the store.
        engine: Of its database.
        scopes: What others are kept away from.
        stack: What lets go of the locks.

    Returns:
        The connection of the session.

    Raises:
        StoreBusyError: Another run holds one of them.
    """
    connection = await stack.enter_async_context(engine.connect())
    # Not back to the pool: with the session the locks end as well.
    stack.push_async_callback(connection.invalidate)
    for scope in sorted(scopes):
        taken = func.pg_try_advisory_lock(OWN, func.hashtext(scope))
        if not await connection.scalar(select(taken)):
            raise StoreBusyError(f"{name}: another run is at work on the scope {scope!r}")
    await connection.commit()
    return connection
