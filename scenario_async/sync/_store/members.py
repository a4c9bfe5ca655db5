"""What a store has of one scope: what a run wants to know of it, and who joins and leaves."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import and_, except_, func, literal, select

from .values import moment_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.ext.asyncio import AsyncConnection

    from scenario_async.sync._backends import Database
    from scenario_async.sync._comparison import Coverage

__all__ = ["ChangingModel", "Members"]

_FIRST = datetime.min.replace(tzinfo=UTC)


class ChangingModel(NamedTuple):
    """A model that is not yet as it stays.

    Attributes:
        id: Its id.
        status: What the store says of it.
        created_at: When it was created, where that is known.
    """

    id: str
    status: str
    created_at: datetime | None


class Members:
    """The models that were seen in one scope.

    Args:
        database: Where they are stored.
        scope: Which scope.
    """

    def __init__(self, database: Database, scope: str) -> None:
        self._database = database
        self._scope = scope
        self._models = database.tables.models
        self._memberships = database.tables.memberships
        self._stored = database.stored.memberships

    async def count(self) -> int:
        """How many models of the scope exist."""
        return await self._database.scalar(self._living(func.count())) or 0

    async def are_at_least(self, count: int) -> bool:
        """Whether so many models of the scope exist. No more of them are read."""
        if count < 1:
            return True
        query = self._living(self._models.c.id).offset(count - 1).limit(1)
        return await self._database.scalar(query) is not None

    async def missing(self) -> list[str]:
        """The members that a full walk did not find where they should be."""
        query = self._living(self._models.c.id).where(self._memberships.c.missing_in.is_not(None))
        return sorted(await self._database.scalars(query))

    async def nowhere(self) -> list[str]:
        """The models that are in no scope any more: no walk would find that they are deleted."""
        query = except_(
            select(self._models.c.id).where(self._models.c.deleted_at.is_(None)),
            select(self._memberships.c.model_id),
        )
        return sorted(await self._database.scalars(query))

    async def has_undated(self) -> bool:
        """Whether any member has no creation date: no window would find it."""
        query = self._living(self._models.c.id).where(self._models.c.created_at.is_(None))
        return bool(await self._database.scalars(query.limit(1)))

    async def each_nth_creation(self, step: int) -> list[datetime]:
        """The creation dates that cut the members into parts of so many, in their order."""
        number = func.row_number().over(order_by=self._models.c.created_at).label("number")
        dated = self._living(self._models.c.created_at, number).where(
            self._models.c.created_at.is_not(None)
        )
        numbered = dated.subquery()
        query = select(numbered.c.created_at).where(numbered.c.number % step == 0)
        query = query.order_by("number")
        found = [moment_of(date) for date in await self._database.scalars(query)]
        return [date for date in found if date is not None]

    async def changing(self, statuses: Collection[str]) -> list[ChangingModel]:
        """The members with one of these statuses, by their ids."""
        query = self._living(self._models.c.id, self._models.c.status, self._models.c.created_at)
        query = query.where(self._models.c.status.in_(sorted(statuses))).order_by(self._models.c.id)
        rows = await self._database.rows(query)
        return [ChangingModel(row[0], row[1], moment_of(row[2])) for row in rows]

    async def alive(self, ids: Sequence[str]) -> list[str]:
        """Those of these models that the store has, and not as deleted."""
        condition = self._database.among(self._models.c.id, ids)
        return await self._database.scalars(
            select(self._models.c.id)
            .where(condition, self._models.c.deleted_at.is_(None))
            .order_by("id")
        )

    # Inside a transaction that writes

    async def add(self, connection: AsyncConnection, ids: Sequence[str]) -> None:
        """Add models to the scope."""
        if not ids:
            return
        row = {"scope": literal(self._scope), "model_id": self._database.listed(ids).c.value}
        added = self._database.insert_each(self._stored, row).on_conflict_do_nothing()
        await connection.execute(added)

    async def find(self, connection: AsyncConnection, ids: Sequence[str]) -> None:
        """Note that members which were missing were found."""
        if ids:
            found = (
                self._database.update(self._stored).where(self._has(ids)).values(missing_in=None)
            )
            await connection.execute(found)

    async def miss(self, connection: AsyncConnection, coverage: Coverage, *, run: int) -> None:
        """Mark the members that a full walk did not find where they should be.

        Those that count as deleted as well: one that another scope finds again is not in this one.
        """
        listed = select(self._models.c.id)
        if not coverage.dated:
            listed = listed.where(self._models.c.created_at.is_(None))
        # The first moment is not a bound: an earlier release has written -infinity for it.
        if coverage.after is not None and coverage.after > _FIRST:
            listed = listed.where(self._models.c.created_at >= coverage.after)
        if coverage.before is not None:
            listed = listed.where(self._models.c.created_at < coverage.before)
        seen = self._database.listed(sorted(coverage.seen))
        unseen = listed.where(self._models.c.id.not_in(select(seen.c.value)))
        await connection.execute(
            self._database.update(self._stored)
            .where(
                self._stored.c.scope == self._scope,
                self._stored.c.missing_in.is_(None),
                self._database.among(self._stored.c.model_id, unseen),
            )
            .values(missing_in=run)
        )

    async def leave(self, connection: AsyncConnection, ids: Sequence[str]) -> None:
        """Take models out of the scope."""
        await connection.execute(self._database.delete(self._stored).where(self._has(ids)))

    async def restore(self, connection: AsyncConnection, ids: Sequence[str]) -> None:
        """Take models that were deleted and exist again out of all scopes where they are missing.

        A restored model may be in other scopes than before: where the last full walk did not find
        it, it is not a member until one does.
        """
        missing = self._stored.c.missing_in.is_not(None)
        restored = self._database.among(self._stored.c.model_id, ids)
        await connection.execute(self._database.delete(self._stored).where(missing, restored))

    async def settle(self, connection: AsyncConnection) -> None:
        """Take models out of the scope that are missing and exist, at the end of a full walk.

        Whatever was missing was asked for. Such a one counted as deleted then, and another scope
        has found it since. Those that are deleted stay marked.
        """
        # Looked up for each of them, which are few, in place of reading all models.
        living = select(self._models.c.id).where(
            self._models.c.id == self._stored.c.model_id, self._models.c.deleted_at.is_(None)
        )
        await connection.execute(
            self._database.delete(self._stored).where(
                self._stored.c.scope == self._scope,
                self._stored.c.missing_in.is_not(None),
                living.exists(),
            )
        )

    def _has(self, ids: Sequence[str]) -> ColumnElement[bool]:
        """A condition for the members with these ids."""
        among = self._database.among(self._stored.c.model_id, ids)
        return and_(self._stored.c.scope == self._scope, among)

    def _living(self, *columns: ColumnElement[Any]) -> Select[Any]:
        """A query for members that are not deleted."""
        return (
            select(*columns)
            .join_from(
                self._memberships, self._models, self._models.c.id == self._memberships.c.model_id
            )
            .where(self._memberships.c.scope == self._scope, self._models.c.deleted_at.is_(None))
        )
