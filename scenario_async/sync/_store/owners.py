"""Whose models a store has: by the owner that private rows carry, as keys are replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import msgspec
from sqlalchemy import and_, exists, select

from scenario_async.sync._errors import StoreError
from scenario_async.sync._rows import ModelRow, read_row

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from sqlalchemy import ColumnElement

    from scenario_async.sync._backends import Database

__all__ = ["Owners", "owners_of"]

_KEY = "owners"
# A store of an earlier release has them in its records.
_SAMPLE = 200
# A team may share models of many owners; a few are enough to know it again.
_MOST = 100


class Owners:
    """The owners of the private models of a store, for one run.

    ``ownerId`` names the project or the team that a model belongs to, and not who made it or with
    which key (``authorId``). A listing may hold models of several owners, where some are shared:
    rows are refused only where none of them, and none of those that were created last, belongs to
    an owner that the store has seen.

    Args:
        database: The store.
        replaced: Whether other owners may take their place.
    """

    def __init__(self, database: Database, *, replaced: bool) -> None:
        self._database = database
        self._replaced = replaced
        self._known: set[str] | None = None
        self._kept: set[str] = set()
        self._met = False
        self._looking = anyio.Lock()  # the scopes of a run come here at once

    async def check(
        self, rows: Sequence[ModelRow], latest: Callable[[], Awaitable[Sequence[ModelRow]]]
    ) -> None:
        """See that private rows belong to whom the store belongs to, before they are written.

        Args:
            rows: Some of a listing.
            latest: Lists those that were created last, for one request.

        Raises:
            StoreError: They are another's, or the database failed.
        """
        owners = owners_of(rows)
        if not owners:
            return
        async with self._looking:
            if self._known is None:
                self._known = await self._load()
            if not (self._met or owners & self._known or not self._known):
                owners |= owners_of(await latest())
                if not owners & self._known:
                    await self._check_replaced(self._known, owners)
                    self._known = set()
            self._met = True
            new = sorted(owners - self._known)[: _MOST - len(self._known)]
            self._known |= set(new)
            if self._known != self._kept:
                await self._keep(sorted(self._known))
                self._kept = set(self._known)

    async def _load(self) -> set[str]:
        """Those that the store has seen; one of an earlier release has them in its records."""
        models, state = self._database.tables.models, self._database.tables.state
        query = select(models.c.record).where(self._is_private_member()).limit(_SAMPLE)
        async with self._database.transaction() as connection:
            value = await connection.scalar(select(state.c.value).where(state.c.key == _KEY))
            records: Sequence[str] = ()
            if value is None:
                records = (await connection.scalars(query)).all()
        if value is None:
            rows = (read_row(record.encode()) for record in records)
            return owners_of(row for row in rows if isinstance(row, ModelRow))
        try:
            self._kept = set(msgspec.convert(value, list[str]))
        except msgspec.ValidationError:
            raise StoreError(
                f"{self._database.name}: whose models these are cannot be read: delete the row "
                f"{_KEY!r} of the table 'state'"
            ) from None
        return set(self._kept)

    async def _check_replaced(self, known: set[str], owners: set[str]) -> None:
        if not self._replaced and await self._has_private():
            raise StoreError(
                f"{self._database.name}: its private models belong to {_shown(known)}, and the "
                f"service lists those of {_shown(owners)}: give them a store of their own, or say "
                "that they take their place with new_owner=True (--new-owner)"
            )

    async def _keep(self, known: Sequence[str]) -> None:
        kept = self._database.upsert(self._database.stored.state, ["value"])
        async with self._database.writing() as connection:
            await connection.execute(kept.values(key=_KEY, version=1, value=known))

    async def _has_private(self) -> bool:
        ids = self._database.tables.models.c.id
        query = select(ids).where(self._is_private_member()).limit(1)
        return await self._database.scalar(query) is not None

    def _is_private_member(self) -> ColumnElement[bool]:
        models, memberships = self._database.tables.models, self._database.tables.memberships
        seen = memberships.c.model_id == models.c.id
        private = exists().where(seen, ~memberships.c.scope.startswith("public"))
        return and_(models.c.deleted_at.is_(None), private)


def owners_of(rows: Iterable[ModelRow]) -> set[str]:
    """Whose the private ones of these rows are, as far as they say."""
    return {row.owner_id for row in rows if row.owner_id and row.privacy != "public"}


def _shown(owners: Iterable[str]) -> str:
    first, *others = sorted(owners)
    return f"{first!r}" if not others else f"{first!r} and {len(others)} more"
