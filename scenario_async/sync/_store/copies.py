"""What a store has of some scopes, read so that a copy of it in memory can be kept in step."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
from sqlalchemy import Text, cast, null, or_, select

from scenario_async.sync._backends import in_own_task
from scenario_async.sync._state import ScopeState
from scenario_async.sync._tables import SCOPE_KEY

from .catalog_store import database_of
from .scopes import copied_as, in_scope
from .values import StoredModel, as_stored, read_stored

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from datetime import datetime

    from .catalog_store import CatalogStore

__all__ = ["CopyStatus", "contents", "copy_status", "records"]

_HASHES = 1_000
_state = msgspec.json.Decoder(ScopeState)


class CopyStatus(NamedTuple):
    """How far the copies of some scopes are. Two are equal where no run has begun or ended between.

    Attributes:
        runs: The number and the status of the last run of each scope, where there was one.
        as_of: When the last complete run of the scope began for which that is longest ago; ``None``
            where a scope was never copied whole.
        error: What ended the last run of one of them, where something did.
    """

    runs: tuple[tuple[int, str] | None, ...]
    as_of: datetime | None
    error: str | None

    @property
    def finished(self) -> bool:
        """Whether the last run of each of them came to its end."""
        return all(run is not None and run[1] == "finished" for run in self.runs)

    @property
    def under_way(self) -> bool:
        """Whether a run of one of them is under way, or was killed."""
        return any(run is not None and run[1] == "running" for run in self.runs)


@in_own_task
async def copy_status(store: CatalogStore, scopes: Sequence[str]) -> CopyStatus:
    """How far the copies of some scopes are: a few rows, whatever the store has.

    Raises:
        StoreError: The database failed.
    """
    database = database_of(store)
    scopes = copied_as(database, scopes)
    found: list[tuple[int, str] | None] = []
    errors: list[str] = []
    runs, state = database.tables.runs, database.tables.state
    value = cast(state.c.value, Text)
    keys = [f"{SCOPE_KEY}{scope}" for scope in scopes]
    async with database.transaction() as connection:
        for scope in scopes:
            of_scope = select(runs.c.id, runs.c.status, runs.c.error)
            of_scope = of_scope.where(database.has(runs.c.scopes, scope))
            last = (await connection.execute(of_scope.order_by(runs.c.id.desc()).limit(1))).first()
            found.append(None if last is None else (last[0], last[1]))
            errors += [] if last is None or last[2] is None else [last[2]]
        values = (await connection.scalars(select(value).where(state.c.key.in_(keys)))).all()
    dates = [_last_complete(one) for one in values]
    known = [date for date in dates if date is not None]
    as_of = min(known, default=None) if len(known) == len(scopes) else None
    return CopyStatus(tuple(found), as_of, errors[0] if errors else None)


async def contents(
    store: CatalogStore, scopes: Sequence[str]
) -> AsyncGenerator[Sequence[tuple[str, str]], None]:
    """The ids and content hashes of the models of some scopes that exist, in parts, by their ids.

    Raises:
        StoreError: The database failed.
    """
    database = database_of(store)
    models = database.tables.models
    # Looked up for each model: a list of all members would be made anew for each part.
    in_one = or_(*(in_scope(database, scope) for scope in scopes))
    query = select(models.c.id, models.c.content_hash).order_by(models.c.id).limit(_HASHES)
    query = query.where(models.c.deleted_at.is_(None), in_one)
    rows = await database.rows(query)
    while rows:
        yield rows
        rows = await database.rows(query.where(models.c.id > rows[-1][0]))


async def records(
    store: CatalogStore, ids: Sequence[str]
) -> AsyncGenerator[tuple[StoredModel, str], None]:
    """What the store has of these models, without full records, each with its content hash.

    They are read at once: ask for some hundred. What the store does not have is left out.

    Raises:
        StoreError: The database failed, or a model in it cannot be read.
    """
    database = database_of(store)
    models = database.tables.models
    columns = zip(StoredModel.__struct_fields__, as_stored(models, StoredModel), strict=True)
    # Without the full records, which are no part of it and may be large.
    light = [null() if name == "details" else column for name, column in columns]
    query = select(*light, models.c.content_hash).where(database.among(models.c.id, ids))
    for *row, content_hash in await database.rows(query):
        yield read_stored(row, StoredModel, database.name), content_hash


def _last_complete(value: str) -> datetime | None:
    """When the last complete run of a scope began; ``None`` where its state does not say."""
    try:
        known = _state.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError):
        return None
    if known.full_at is None:
        return None
    return max(known.full_at, known.run_at or known.full_at)
