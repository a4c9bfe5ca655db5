"""Locks in PostgreSQL, which end with their process however it ends: on one connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio
from sqlalchemy import text

from scenario_async.sync._errors import StoreBusyError, StoreError
from scenario_async.sync._tables import state

from .engine import database_errors, reason_of
from .postgresql_engine import close, connected

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from contextlib import AsyncExitStack

    from sqlalchemy.engine import URL
    from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = ["LEADS", "OWN", "RUNS", "Locks", "Session", "holders"]

OWN = 0x5CE7A810
"""Any number: it tells our locks in PostgreSQL from those of other programs."""

_BEGIN = "SELECT pg_backend_pid()"
# Stores in two schemas are two stores. Earlier releases locked in all of them what is now 'public'.
_KIND = f"""
    CASE nspname WHEN 'public' THEN {OWN} ELSE hashtext('scenario_async ' || nspname) & 2147483647
    END FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE pg_class.oid = to_regclass('{state.name}')
"""
RUNS = f"(SELECT {_KIND}), hashtext($1)"
"""The numbers of the lock of a scope, or of an account."""
LEADS = f"(SELECT {_KIND}) # 1, hashtext($1)"
"""Those of who leads under a name, who is not counted among the runs."""
_HOLDERS = text(
    "SELECT count(DISTINCT pid) FROM pg_locks WHERE locktype = 'advisory' "  # noqa: S608 - no values
    f"AND classid::bigint = (SELECT {_KIND}) AND objsubid = 2 AND database = "
    "(SELECT oid FROM pg_database WHERE datname = current_database())"
)


class Locks:
    """All locks of a process in one database, on a connection that is there while it has any.

    Args:
        name: What to call the database.
        url: Where it is.
    """

    def __init__(self, name: str, url: URL) -> None:
        self._name = name
        self._url = url
        self._session: Session | None = None
        self._using = anyio.Lock()

    async def take(
        self, kind: str, names: Collection[str], busy: Callable[[str], str], stack: AsyncExitStack
    ) -> Session:
        """Take locks of these names, and leave it to the stack to let go of them.

        Args:
            kind: ``RUNS`` or ``LEADS``.
            names: Of what is locked.
            busy: What to say where one of them is taken.
            stack: What is closed in the end.

        Returns:
            What holds them.

        Raises:
            StoreBusyError: One of them is taken, by another process or here.
        """
        async with self._using:
            session = await self._living()
            try:
                for name in sorted(names):
                    if not await session.take(kind, name):
                        session.check_held()
                        raise StoreBusyError(busy(name))
                    stack.push_async_callback(self._let_go, session, kind, name)
            finally:
                await session.end_if_idle()
        return session

    async def _living(self) -> Session:
        if self._session is not None:
            await self._session.look()
        if self._session is None or self._session.lost:
            self._session = await Session.begin(self._name, self._url, self._using)
        return self._session

    async def _let_go(self, session: Session, kind: str, name: str) -> None:
        async with self._using:
            await session.let_go(kind, name)
            await session.end_if_idle()


async def holders(connection: AsyncConnection) -> int:
    """How many sessions hold locks of runs of the store of a connection."""
    return await connection.scalar(_HOLDERS) or 0


@dataclass(slots=True, eq=False)
class Session:
    """A session of the server, which lets go of all its locks when it ends.

    Attributes:
        name: What to call the database.
        using: Held by whoever asks something in the session.
        connection: Of the driver. Nothing else is done with it.
        number: The process of the server.
        held: The kind and the name of each lock.
        looks: How often somebody began to look whether it is still there.
        lost: Why it is over; empty while it is not.
    """

    name: str
    using: anyio.Lock
    connection: Any
    number: int
    held: set[tuple[str, str]] = field(default_factory=set["tuple[str, str]"])
    looks: int = 0
    lost: str = ""

    @classmethod
    async def begin(cls, name: str, url: URL, using: anyio.Lock) -> Session:
        """A new session."""
        connection = await connected(url)
        try:
            return cls(name, using, connection, await connection.fetchval(_BEGIN))
        except BaseException:
            await close(connection)
            raise

    async def check(self) -> None:
        """See that it still holds its locks. Who asks meanwhile gets the next answer.

        Raises:
            StoreError: It is lost, and others are not kept away any more.
        """
        known = self.looks
        async with self.using:
            if self.looks == known:
                await self.look()
        self.check_held()

    def check_held(self) -> None:
        """Raises StoreError where it is known to be lost, and its locks with it."""
        if self.lost and self.held:
            raise StoreError(
                f"{self.name}: the connection that keeps other runs away was lost ({self.lost}); "
                "what was committed before is whole"
            )

    async def take(self, kind: str, name: str) -> bool:
        """Take a lock, unless it is taken, here or elsewhere, or the session is lost."""
        if (kind, name) in self.held:
            return False
        # The session may hold it by another name, of the same number: they are counted.
        taken = await self._ask(f"pg_try_advisory_lock({kind})", name)
        if taken:
            self.held.add((kind, name))
        return taken

    async def let_go(self, kind: str, name: str) -> None:
        """Let go of a lock."""
        self.held.remove((kind, name))
        if self.held:
            await self._ask(f"pg_advisory_unlock({kind})", name)

    async def look(self) -> None:
        """See whether it is there. That also keeps it from ending for idleness."""
        self.looks += 1
        await self._ask("true")

    async def end_if_idle(self) -> None:
        """End it where it holds no lock: what the server still has of it goes as well."""
        if not (self.held or self.lost):
            self.lost = "it held no lock"
            await close(self.connection)

    async def _ask(self, what: str, *arguments: str) -> bool:
        if self.lost:
            return False
        statement = f"SELECT pg_backend_pid(), {what}"
        try:
            number, answer = await self.connection.fetchrow(statement, *arguments)
        except database_errors() as error:
            reason = reason_of(error)
        else:
            if number == self.number:
                return bool(answer)
            reason = "a pooler answered with another session"
        # Asked again, it might begin another session, without locks.
        self.lost = reason
        await close(self.connection)
        return False
