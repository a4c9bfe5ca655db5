"""Locks that keep other runs away from scopes, and that end with their process however it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select, text

from scenario_async.sync._errors import StoreBusyError, StoreError
from scenario_async.sync._tables import state

from .engine import database_errors

if TYPE_CHECKING:
    from collections.abc import Collection
    from contextlib import AsyncExitStack

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

__all__ = ["OWN", "ScopesLock"]

OWN = 0x5CE7A810
"""Any number: it tells our locks in PostgreSQL from those of other programs."""

# A machine that loses power says no goodbye. By itself the server would look after two hours
# whether it is still there (https://www.postgresql.org/docs/current/runtime-config-connection.html).
_KEEPALIVE = {
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
_NOT_LOCAL = False  # to a transaction, but for the session
_SESSION = select(func.pg_backend_pid())
# Stores in two schemas are two stores. Earlier releases locked in all of them what is now 'public'.
_KIND = f"""
    CASE nspname WHEN 'public' THEN {OWN} ELSE hashtext('scenario_async ' || nspname) & 2147483647
    END FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE pg_class.oid = to_regclass('{state.name}')
"""
_TAKE = text(f"SELECT pg_try_advisory_lock((SELECT {_KIND}), hashtext(:scope))")
# Who leads is not counted among those who hold the lock of a scope.
_LEAD = text(f"SELECT pg_try_advisory_lock((SELECT {_KIND}) # 1, hashtext(:name))")
_HOLDERS = text(
    "SELECT count(DISTINCT pid) FROM pg_locks WHERE locktype = 'advisory' "  # noqa: S608 - no values
    f"AND classid::bigint = (SELECT {_KIND}) AND objsubid = 2 AND database = "
    "(SELECT oid FROM pg_database WHERE datname = current_database())"
)


class ScopesLock:
    """Advisory locks of one session of PostgreSQL: the server lets go when the session ends.

    Args:
        name: What to call the store.
        connection: Whose session nobody else uses.
        session: The number of that session.
    """

    def __init__(self, name: str, connection: AsyncConnection, session: int) -> None:
        self._name = name
        self._connection = connection
        self._session = session
        self._lost = False

    @classmethod
    async def take(
        cls, name: str, engine: AsyncEngine, scopes: Collection[str], stack: AsyncExitStack
    ) -> ScopesLock:
        """Take the locks of these scopes, and leave it to the stack to let go of them.

        Raises:
            StoreBusyError: Another run holds one of them.
        """
        lock = await cls._begin(name, engine, stack)
        for scope in sorted(scopes):
            if not await lock._connection.scalar(_TAKE, {"scope": scope}):  # noqa: SLF001 - its own kind
                raise StoreBusyError(f"{name}: another run is at work on the scope {scope!r}")
        return lock

    @classmethod
    async def take_lead(
        cls, name: str, engine: AsyncEngine, led: str, stack: AsyncExitStack
    ) -> ScopesLock:
        """Take the lock of who leads under this name, and leave it to the stack to let go of it.

        Raises:
            StoreBusyError: Another one leads.
        """
        lock = await cls._begin(name, engine, stack)
        if not await lock._connection.scalar(_LEAD, {"name": led}):  # noqa: SLF001 - its own kind
            raise StoreBusyError(f"{name}: another one leads")
        return lock

    @classmethod
    async def _begin(cls, name: str, engine: AsyncEngine, stack: AsyncExitStack) -> ScopesLock:
        """A session of its own, without a lock yet."""
        connection = await stack.enter_async_context(engine.connect())
        # Not back to the pool: with the session the locks end as well.
        stack.push_async_callback(connection.invalidate)
        # Nothing is under way between two looks at it.
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        settings = (func.set_config(*one, _NOT_LOCAL) for one in _KEEPALIVE.items())
        await connection.execute(select(*settings))
        session = await connection.scalar(_SESSION)
        return cls(name, connection, session or 0)

    @staticmethod
    async def holders(connection: AsyncConnection) -> int:
        """How many sessions hold such locks of the store of a connection."""
        return await connection.scalar(_HOLDERS) or 0

    async def check(self) -> None:
        """Look whether the session is still there. That also keeps it from ending for idleness.

        Raises:
            StoreError: It is not, and others are not kept away any more.
        """
        if not self._lost:
            try:
                # A pooler may have given it to others.
                self._lost = await self._connection.scalar(_SESSION) != self._session
            except database_errors():
                # Asked again, it would begin another session, without locks.
                self._lost = True
        if self._lost:
            raise StoreError(
                f"{self._name}: the connection that keeps other runs away was lost; what was "
                "committed before is whole"
            )
