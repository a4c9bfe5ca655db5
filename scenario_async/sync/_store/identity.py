"""Whose models a store has: those of one service, and there of one project."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
from sqlalchemy import select

from scenario_async.sync._backends import is_empty
from scenario_async.sync._errors import StoreError

from .catalog_store import database_of

if TYPE_CHECKING:
    from scenario_async import AsyncScenario
    from scenario_async.sync._backends import Database

    from .catalog_store import CatalogStore

__all__ = ["StoreIdentity", "claim", "identity_of", "stored_identity"]

_KEY = "source"
_THIS_MACHINE = "this machine"


class StoreIdentity(msgspec.Struct, frozen=True):
    """Who is asked, as far as a later run has to ask the same.

    Not by which key: keys are replaced. Whose private models these are is known to :class:`Owners`.

    Attributes:
        service: The base URL. A service on this machine has another port each time.
        project: The ``project_id`` of the client.
    """

    service: str
    project: str | None = None

    def __str__(self) -> str:
        return self.service if self.project is None else f"{self.service}, project {self.project}"


def identity_of(client: AsyncScenario) -> StoreIdentity:
    """Who is asked by a client."""
    local = _is_local(urlsplit(client.base_url).hostname or "")
    return StoreIdentity(_THIS_MACHINE if local else client.base_url, client.project_id)


async def stored_identity(store: CatalogStore) -> StoreIdentity | None:
    """What a store is a copy of; ``None`` where no run has begun, or nobody can tell.

    Raises:
        StoreError: The database failed.
    """
    database = database_of(store)
    state = database.tables.state
    return _read(await database.scalar(select(state.c.value).where(state.c.key == _KEY)))


async def claim(database: Database, identity: StoreIdentity) -> None:
    """Make a new store a copy of this; another one has to be that already.

    Models of two accounts in one store would be taken for deleted in turns.

    Raises:
        StoreError: It is a copy of something else, or nobody can tell of what.
    """
    state, stored = database.tables.state, database.stored.state
    row = {"key": _KEY, "version": 1, "value": msgspec.to_builtins(identity)}
    async with database.writing() as connection:
        await connection.execute(database.insert(stored).values(row).on_conflict_do_nothing())
        value = await connection.scalar(select(state.c.value).where(state.c.key == _KEY))
        there = _read(value)
        if there is None:
            raise StoreError(
                f"{database.name}: what this is a copy of cannot be read: delete the row {_KEY!r} "
                "of the table 'state'"
            )
        empty = there != identity and await is_empty(connection, database.tables)
        if empty and await database.is_ours_alone(connection):
            # Nothing came of a run before, as of one with a wrong base_url.
            claimed = database.update(stored).where(stored.c.key == _KEY)
            await connection.execute(claimed.values(value=row["value"]))
            there = identity
    if there != identity:
        raise StoreError(
            f"{database.name}: this is a copy of {there}, and the run asks {identity}: "
            "give that a store of its own"
        )


def _read(value: object) -> StoreIdentity | None:
    try:
        return msgspec.convert(value, StoreIdentity)
    except msgspec.ValidationError:
        return None


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
