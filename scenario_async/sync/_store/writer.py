"""What a run writes: each page with the progress that it stands for, in one transaction."""

from __future__ import annotations

from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Text, cast, select

from scenario_async._http import LoopBudget
from scenario_async._query import wire_time
from scenario_async.sync._comparison import Comparison, Known, compare, without_same
from scenario_async.sync._errors import StoreError, StoreVersionError
from scenario_async.sync._rows import content_hash
from scenario_async.sync._state import ScopeState
from scenario_async.sync._tables import SCOPE_KEY

from .members import Members

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from scenario_async import InvalidRow
    from scenario_async.sync._backends import Database, ManyRows
    from scenario_async.sync._comparison import ScopePage
    from scenario_async.sync._rows import ModelRow

__all__ = ["WATCH", "ScopeWriter"]

_STATE_VERSION = 1
WATCH = "watch"
_WRITTEN_LATER = ("details", "details_hash")
_KEPT = ("account", "id", "first_seen_at")
_by_id = itemgetter(0)
_state = msgspec.json.Decoder(ScopeState)


class ScopeWriter:
    """Writes for one scope of one run.

    Args:
        database: Where to.
        scope: Which one.
        run: The number of the run.
        now: When it began, by the clock of the machine.
        loop_budget: What its work on the loop is held to; one of its own without.
    """

    def __init__(
        self,
        database: Database,
        scope: str,
        *,
        run: int,
        now: datetime,
        loop_budget: LoopBudget | None = None,
    ) -> None:
        self._database = database
        self._scope = scope
        self._members = Members(database, scope)
        self._run = run
        self._now = now
        self._seen_at = wire_time(now)
        self._loop_budget = loop_budget or LoopBudget()
        self._empty = False

    @cached_property
    def _upsert(self) -> ManyRows:
        # Compiled by the first page that has something to write: most runs have none.
        columns = self._database.stored.models.c.keys()
        written = [name for name in columns if name not in _WRITTEN_LATER]
        replaced = [name for name in written if name not in _KEPT]
        upsert = self._database.upsert(self._database.stored.models, replaced)
        return self._database.many(upsert, written)

    async def load(self) -> ScopeState:
        """How far the copy of the scope is.

        Also looks whether the store has any model.

        Raises:
            StoreVersionError: A newer release has written it in another way.
            StoreError: It cannot be read.
        """
        state = self._database.tables.state
        value = cast(state.c.value, Text).label("value")
        query = select(state.c.version, value).where(state.c.key == self._key)
        any_model = select(self._database.tables.models.c.id).limit(1)
        async with self._database.transaction() as connection:
            found = (await connection.execute(query)).one_or_none()
            self._empty = await connection.scalar(any_model) is None
        if found is None:
            return ScopeState()
        if found.version > _STATE_VERSION:
            raise StoreVersionError(
                f"{self._database.name}: the state of the scope {self._scope!r} is of version "
                f"{found.version}, and this release of scenario-async knows it up to version "
                f"{_STATE_VERSION}: update it"
            )
        try:
            return _state.decode(found.value)
        except (msgspec.DecodeError, UnicodeDecodeError, TypeError):
            raise StoreError(
                f"{self._database.name}: the state of the scope {self._scope!r} cannot be read: "
                f"delete the row {self._key!r} of the table 'state', and all of it is listed again"
            ) from None

    async def save(self, new: ScopeState) -> None:
        """Keep how far the copy is now."""
        async with self._database.writing() as connection:
            await self._save(connection, new)

    async def write(self, page: ScopePage) -> Comparison:
        """Write a page with what it proves, together or not at all."""
        async with self._database.writing() as connection:
            # An empty store knows nothing: there is no need to ask it.
            known = {} if page.fresh and self._empty else await self._known(connection, page.rows)
            comparison = compare(page.rows, known)
            old = await self._records(connection, comparison.changed)
            comparison = await self._loop_budget.finish(without_same(comparison, known, old))
            if not page.joins:
                # Nothing is said of whether they are where they should be.
                comparison.joined.clear()
                comparison.found.clear()
            if comparison.new or comparison.changed:
                await self._note(connection, comparison)
                # All of them in the order of ids, as each is locked when it is written.
                written = sorted((*comparison.new, *comparison.changed), key=_by_id)
                await self._upsert.write(connection, [self._values(row) for row in written])
            await self._members.add(connection, comparison.joined)
            await self._members.find(connection, comparison.found)
            await self._restore(connection, [row.id for row in comparison.new if row.id in known])
            await self._reject(connection, page.invalid)
            if page.coverage is not None:
                await self._members.miss(connection, page.coverage, run=self._run)
            if page.state is not None:
                await self._save(connection, page.state)
        return comparison

    async def remove(self, ids: Sequence[str], at: Mapping[str, str | None]) -> int:
        """Mark models as deleted, at their date where it is known. Returns how many were new."""
        removed: list[str] = []
        database, models = self._database, self._database.stored.models
        async with database.writing() as connection:
            for model_id in sorted(ids):
                done = await connection.execute(
                    database.update(models)
                    .where(models.c.id == model_id, models.c.deleted_at.is_(None))
                    .values(deleted_at=at.get(model_id) or self._now)
                )
                removed += [model_id] * done.rowcount
            if removed and await self._is_watched(connection):
                noted = [_change("removed", model_id) for model_id in removed]
                await connection.execute(database.insert(database.stored.changes), noted)
        return len(removed)

    async def leave(self, ids: Sequence[str]) -> None:
        """Take models out of the scope that exist, but are not in it any more."""
        if ids:
            async with self._database.writing() as connection:
                await self._members.leave(connection, ids)

    async def finish_walk(self, new: ScopeState, walk: int) -> None:
        """Keep that a full walk is complete; rows that it did not reject again are forgotten."""
        rejected = self._database.stored.rejected
        earlier = rejected.c.scope == self._scope, rejected.c.run < walk
        async with self._database.writing() as connection:
            await self._members.settle(connection)
            await connection.execute(self._database.delete(rejected).where(*earlier))
            await self._save(connection, new)
        if self._database.later_index is not None:
            # By itself: it may have to wait for what others write.
            async with self._database.writing() as connection:
                await self._database.make_index(connection, self._database.later_index)

    # Inside one transaction

    @property
    def _key(self) -> str:
        return f"{SCOPE_KEY}{self._scope}"

    async def _save(self, connection: AsyncConnection, new: ScopeState) -> None:
        row = {"key": self._key, "version": _STATE_VERSION, "value": msgspec.to_builtins(new)}
        saved = self._database.upsert(self._database.stored.state, ["version", "value"])
        await connection.execute(saved.values(row))

    async def _known(
        self, connection: AsyncConnection, rows: Sequence[ModelRow]
    ) -> dict[str, Known]:
        if not rows:
            return {}
        models, memberships = self._database.tables.models, self._database.tables.memberships
        # Looked up for each model, and not joined: what the server expects of a scope may be wrong.
        missing = select(memberships.c.missing_in.is_not(None)).where(
            memberships.c.model_id == models.c.id, memberships.c.scope == self._scope
        )
        query = select(
            models.c.id,
            models.c.content_hash,
            models.c.deleted_at.is_not(None),
            missing.scalar_subquery(),
        ).where(self._database.among(models.c.id, [row.id for row in rows]))
        found: Sequence[Any] = (await connection.execute(query)).all()
        return {
            row[0]: Known(row[1], bool(row[2]), row[3] is not None, bool(row[3])) for row in found
        }

    def _values(self, row: ModelRow) -> tuple[object, ...]:
        """A row as it is written. What the service lists is not deleted."""
        values = row[: -len(("owner_id", "deleted_at", "content_hash", "record"))]
        return (*values, None, self._seen_at, row.content_hash, row.record)

    async def _records(
        self, connection: AsyncConnection, rows: Sequence[ModelRow]
    ) -> dict[str, str]:
        """The stored records of these models."""
        if not rows:
            return {}
        models = self._database.tables.models
        query = select(models.c.id, models.c.record)
        query = query.where(self._database.among(models.c.id, [row.id for row in rows]))
        return {row[0]: row[1] for row in await connection.execute(query)}

    async def _note(self, connection: AsyncConnection, comparison: Comparison) -> None:
        """Keep what has changed for whoever watches the store."""
        if not await self._is_watched(connection):
            return
        noted = [_change("added", row.id) for row in comparison.new]
        noted += [
            _change("changed", row.id, names)
            for row in comparison.changed
            if (names := comparison.fields[row.id])
        ]
        if noted:
            changes = self._database.stored.changes
            await connection.execute(self._database.insert(changes), noted)

    async def _is_watched(self, connection: AsyncConnection) -> bool:
        """Whether anybody watches the store: since a moment ago, it may be."""
        keys = self._database.tables.state.c.key
        return await connection.scalar(select(keys).where(keys == WATCH)) is not None

    async def _restore(self, connection: AsyncConnection, ids: Sequence[str]) -> None:
        """Note that models which were deleted exist again."""
        if not ids:
            return
        await self._members.restore(connection, ids)
        # Those that were asked for while they were deleted have none, and are asked for again.
        models = self._database.stored.models
        restored = self._database.among(models.c.id, ids), models.c.details.is_(None)
        await connection.execute(
            self._database.update(models).where(*restored).values(details_hash=None)
        )

    async def _reject(self, connection: AsyncConnection, rows: Iterable[InvalidRow]) -> None:
        rejected = self._database.upsert(self._database.stored.rejected, ["raw", "error", "run"])
        for row in rows:
            await connection.execute(
                rejected.values(
                    scope=self._scope,
                    row_key=row.id or content_hash(row.raw),
                    model_id=row.id,
                    raw=row.raw,
                    error=str(row.error),
                    run=self._run,
                )
            )


def _change(kind: str, model_id: str, fields: Sequence[str] | None = None) -> dict[str, Any]:
    return {"kind": kind, "model_id": model_id, "fields": None if fields is None else list(fields)}
