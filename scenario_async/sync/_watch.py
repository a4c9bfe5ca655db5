"""What changes, one thing after the other, for a worker that reacts to it."""

from __future__ import annotations

from contextlib import aclosing
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

import anyio
import msgspec
from sqlalchemy import delete, select

from scenario_async.sync._backends.task import in_own_task
from scenario_async.sync._runs.deletions import MAX_DELETIONS
from scenario_async.sync._runs.run import FULL_EVERY, sync
from scenario_async.sync._store.catalog_store import database_of
from scenario_async.sync._store.writer import WATCH

from ._tables import changes, state

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from scenario_async import AsyncScenario
    from scenario_async.sync._backends.database import Database
    from scenario_async.sync._store.catalog_store import CatalogStore

__all__ = ["Added", "Change", "Changed", "Removed", "unwatch", "watch"]

_BATCH = 100


class Added(msgspec.Struct, frozen=True, tag="added"):
    """A model that the store did not have, or had as deleted.

    Attributes:
        id: Its id.
    """

    id: str


class Changed(msgspec.Struct, frozen=True, tag="changed"):
    """A model whose record differs from the one before in more than signatures of URLs.

    Attributes:
        id: Its id.
        fields: The names of the fields that differ, as on the wire, sorted.
    """

    id: str
    fields: tuple[str, ...]


class Removed(msgspec.Struct, frozen=True, tag="removed"):
    """A model that is deleted.

    Attributes:
        id: Its id.
    """

    id: str


Change: TypeAlias = Added | Changed | Removed
"""What :func:`watch` gives."""


async def watch(
    scenario: AsyncScenario,
    store: CatalogStore,
    *,
    every: timedelta | float,
    scopes: Sequence[str] = ("private",),
    full_every: timedelta = FULL_EVERY,
    details: bool = False,
    wait: bool = False,
    max_deletions: float | None = MAX_DELETIONS,
) -> AsyncGenerator[Change, None]:
    """The changes of a store, brought up to date again and again; it does not end by itself.

    Each change is given until the next one is asked for: who is killed while handling one gets it
    again (at least once, never lost). A store has one such reader. From the first ``watch`` on,
    every run notes what it changes, those of other programs too, until :func:`unwatch`.

    A store that is empty gives every model as :class:`Added`.

    Args:
        scenario: Who is asked.
        store: What is brought up to date.
        every: How long after the end of a run the next one begins; a ``timedelta`` or seconds.
        scopes: As for :func:`sync`.
        full_every: As for :func:`sync`.
        details: As for :func:`sync`.
        wait: As for :func:`sync`: where other runs come now and then, such as a nightly full one.
        max_deletions: As for :func:`sync`.

    Raises:
        TypeError: ``every`` is neither seconds nor a ``timedelta``, ``store`` no store, or
            ``max_deletions`` no number.
        ValueError: ``every`` is not above zero, a scope is none, or ``max_deletions`` is below 0 or
            a share above 1.
        StoreBusyError: Another run is at work on the store, and ``wait`` is not set.
        StoreError: The database failed, or is a copy of another service, project or owner.
        TooManyDeletionsError: As for :func:`sync`.
        APIError: The service could not be listed. What earlier runs changed was given; what this
            one did before it failed comes first when you watch again.
    """
    pause = every.total_seconds() if isinstance(every, timedelta) else every
    if not isinstance(pause, int | float):  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
        raise TypeError(f"every must be seconds or a timedelta, not {type(every).__name__}")
    if not pause > 0:
        raise ValueError(f"every must be above zero, not {every!r}")
    database = database_of(store)
    await _begin(database)
    while True:
        async with aclosing(_noted(database)) as noted:
            async for change in noted:
                yield change
        await sync(
            scenario,
            store,
            scopes=scopes,
            full_every=full_every,
            details=details,
            wait=wait,
            max_deletions=max_deletions,
        )
        async with aclosing(_noted(database)) as noted:
            async for change in noted:
                yield change
        await anyio.sleep(pause)


@in_own_task
async def unwatch(store: CatalogStore) -> None:
    """Note no changes any more, and forget those that nobody asked for.

    Raises:
        StoreError: The database failed.
    """
    async with database_of(store).writing() as connection:
        await connection.execute(delete(state).where(state.c.key == WATCH))
        await connection.execute(delete(changes))


@in_own_task
async def _begin(database: Database) -> None:
    async with database.writing() as connection:
        row = {"key": WATCH, "version": 1, "value": None}
        await connection.execute(database.insert(state).values(row).on_conflict_do_nothing())


async def _noted(database: Database) -> AsyncGenerator[Change, None]:
    """The changes that are noted, each forgotten when the next one is asked for."""
    while rows := await _next(database):
        for row in rows:
            yield _change(row.kind, row.model_id, row.fields)
            await _forget(database, row.id)


@in_own_task
async def _next(database: Database) -> Sequence[Any]:
    query = select(changes).order_by(changes.c.id).limit(_BATCH)
    async with database.transaction() as connection:
        return (await connection.execute(query)).all()


@in_own_task
async def _forget(database: Database, number: int) -> None:
    async with database.writing() as connection:
        await connection.execute(delete(changes).where(changes.c.id == number))


def _change(kind: str, model_id: str, fields: list[str] | None) -> Change:
    if kind == "changed":
        return Changed(model_id, tuple(fields or ()))
    return Added(model_id) if kind == "added" else Removed(model_id)
