"""What a database has to do in its own way for a store to be in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from contextlib import AbstractAsyncContextManager, AsyncExitStack

    from sqlalchemy import ColumnElement, FromClause, Index, Select, Table
    from sqlalchemy.dialects.postgresql import Insert
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from .store_file import StoreFile

__all__ = ["Backend", "Lock"]


class Lock(Protocol):
    """What keeps others away from something."""

    async def check(self) -> None:
        """Raises StoreError where it is lost, and others are not kept away any more."""
        ...


class Backend(Protocol):
    """One database. What its driver raises comes out as it is.

    Attributes:
        name: What to call it in a message: a path, or where it is.
        engine: What connects to it; another one once it was looked at.
        one_run: Whether it has one run at a time, and not one for each scope.
    """

    name: str
    engine: AsyncEngine
    one_run: bool

    @property
    def only_read(self) -> str | None:
        """Why it cannot be written, as of its opening; ``None`` where it can."""
        ...

    @property
    def new_file(self) -> StoreFile | None:
        """The file that was made when it was opened, if it was and is still the same."""
        ...

    async def look(self, *, create: bool) -> None:
        """Before it is used: raises StoreError where it is not there, or cannot have a store."""
        ...

    async def begin(self) -> None:
        """Begin to use it: it has a store."""
        ...

    def check_same(self) -> None:
        """Raises StoreError where it is not the one that was opened."""
        ...

    def check_writable(self) -> None:
        """Raises StoreError where not all that the service sends can be stored."""
        ...

    async def lock(
        self, scopes: Collection[str], held: AsyncExitStack, *, account: str | None
    ) -> Lock:
        """Keep other runs away from these scopes, or from all, until the stack is closed.

        In tables that have accounts, from all of an account.

        Raises StoreBusyError where another run has the lock.
        """
        ...

    async def lead(self, name: str, held: AsyncExitStack) -> Lock:
        """Keep others from leading under this name, until the stack is closed.

        Raises:
            StoreBusyError: Another one leads.
        """
        ...

    async def is_ours_alone(self, connection: AsyncConnection) -> bool:
        """Whether no other process has a run at work on any scope, for one that has."""
        ...

    def upgrade(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A transaction that changes the tables; raises StoreBusyError where a run is at work."""
        ...

    async def change_schema(self, connection: AsyncConnection) -> None:
        """Let this transaction change the tables, all or nothing, and no other one meanwhile."""
        ...

    async def keep_moment(self, connection: AsyncConnection) -> None:
        """Let all that this transaction reads be of one moment. It has read nothing yet."""
        ...

    async def make_index(self, connection: AsyncConnection, index: Index) -> None:
        """Make an index where it is not there yet."""
        ...

    def insert(self, table: Table) -> Insert:
        """An ``INSERT`` that knows ``ON CONFLICT``."""
        ...

    def listed(self, values: Sequence[str]) -> FromClause:
        """These values as a table with one column, ``value``."""
        ...

    def among(
        self, column: ColumnElement[Any], values: Sequence[str] | Select[tuple[str]]
    ) -> ColumnElement[bool]:
        """Whether a column has one of these values: one parameter, however many there are.

        Those of a query are read once, and then looked up.
        """
        ...

    def has(self, column: ColumnElement[Any], value: str) -> ColumnElement[bool]:
        """Whether a list has this value."""
        ...

    def values(self, column: ColumnElement[Any]) -> FromClause:
        """What a list has as a table with one column, ``value``; to be joined without a condition.

        Nothing where it is not a list.
        """
        ...

    def month(self, column: ColumnElement[Any]) -> ColumnElement[str]:
        """The month of a moment in UTC, as ``2026-10``."""
        ...

    def octets(self, column: ColumnElement[Any]) -> ColumnElement[int]:
        """How many bytes a text has in UTF-8."""
        ...

    def size(self, tables: Iterable[FromClause]) -> ColumnElement[int]:
        """How many bytes these tables take, with their indexes; in SQLite the file.

        What is not a whole table has the bytes of its rows.
        """
        ...
