"""The accounts of a fleet in its database: added, released, removed and looked at.

All moments are of the clock of the database, as those of machines differ. What changes an account
locks its row first, so several programs may do anything of this at once.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from scenario_async.sync._backends import in_own_task

from . import _schedule
from ._errors import UnknownAccountError
from ._statements import STATUS, change, status_of
from ._status import Account
from ._tables import accounts, make_tables

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from contextlib import AbstractAsyncContextManager

    from sqlalchemy import Select
    from sqlalchemy.ext.asyncio import AsyncConnection

    from scenario_async.sync._backends import Database

    from ._settings import Settings
    from ._status import FleetStatus

__all__ = ["ACCOUNT", "Accounts"]

ACCOUNT = [accounts.c[name] for name in Account.__struct_fields__]
"""What is read of an account."""


class Accounts:
    """The accounts of a fleet. Each method raises StoreError where the database fails.

    Args:
        database: Of the store.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._made = False

    @in_own_task
    async def add(self, settings: Settings) -> None:
        """Add an account that is due now, or replace the settings of one that is there.

        What is known of one that is there stays. It is due now where its scopes are others, or
        where its credentials are others and were refused before.
        """
        row = {**msgspec.structs.asdict(settings), "scopes": list(settings.scopes)}
        added = insert(accounts).values(row).on_conflict_do_nothing().returning(accounts.c.name)
        before = select(accounts.c.credential_ref, accounts.c.scopes).where(
            accounts.c.name == settings.name
        )
        async with self._begun() as connection:
            # Somebody may remove it in between.
            while await connection.scalar(added) is None:
                there = (await connection.execute(before.with_for_update())).one_or_none()
                if there is not None:
                    settle = partial(
                        _schedule.settled,
                        every=settings.every,
                        other_scopes=set(there.scopes) != set(settings.scopes),
                        other_credentials=there.credential_ref != settings.credential_ref,
                    )
                    await change(connection, settings.name, settle, more=row)
                    return

    @in_own_task
    async def get(self, name: str) -> Account | None:
        """The account of this name, ``None`` where there is none."""
        return await self._account(select(*ACCOUNT).where(accounts.c.name == name))

    @in_own_task
    async def release(self, name: str) -> None:
        """Let an account be due now, as if it had never failed.

        Raises:
            UnknownAccountError: There is none of this name.
        """
        async with self._begun() as connection:
            if await change(connection, name, _schedule.released) is None:
                raise self._unknown(name)

    @in_own_task
    async def remove(self, name: str) -> str | None:
        """Remove an account.

        Returns:
            Its limit group where it is running: the worker that has the lock of this group may
            still write models of the account.

        Raises:
            UnknownAccountError: There is none of this name.
        """
        async with self._begun() as connection:
            removed = delete(accounts).where(accounts.c.name == name)
            found = removed.returning(accounts.c.limit_group, accounts.c.state)
            row = (await connection.execute(found)).one_or_none()
        if row is None:
            raise self._unknown(name)
        return row.limit_group if row.state == "running" else None

    @in_own_task
    async def status(self) -> FleetStatus:
        """How the fleet is."""
        async with self._begun() as connection:
            row = (await connection.execute(STATUS)).mappings().one()
        return status_of(row)

    def lead(self, group: str) -> AbstractAsyncContextManager[None]:
        """Keep all others from a limit group, until left or killed.

        Raises:
            StoreBusyError: Another one has it.
        """
        # A group may have any name, also one that live catalogues of an account lead under.
        return self._database.lead(f"group {group}")

    async def check_lead(self) -> None:
        """Raises StoreError where others may not be kept from a group any more."""
        await self._database.check_locks()

    async def _account(self, query: Select[Any]) -> Account | None:
        async with self._begun() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        if row is None:
            return None
        found: dict[str, Any] = {**row, "scopes": tuple(row["scopes"])}
        return Account(**found)

    @asynccontextmanager
    async def _begun(self) -> AsyncGenerator[AsyncConnection]:
        """A transaction in a database that has the tables of a fleet."""
        async with self._database.transaction() as connection:
            if not self._made:
                await make_tables(connection, self._database.name)
            yield connection
        self._made = True

    def _unknown(self, name: str) -> UnknownAccountError:
        return UnknownAccountError(f"{self._database.name}: the fleet has no account {name!r}")
