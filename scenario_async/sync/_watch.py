"""What changes, one thing after the other, for a worker that reacts to it."""

from __future__ import annotations

from contextlib import aclosing
from functools import partial
from itertools import chain, cycle
from typing import TYPE_CHECKING, Any, TypeAlias

import anyio
import msgspec
from sqlalchemy import select

from scenario_async import InvalidRow, Model
from scenario_async._events import check_callback
from scenario_async._iteration import Iteration
from scenario_async._options import seconds_of
from scenario_async._query import given_flag
from scenario_async.sync._backends import in_own_task
from scenario_async.sync._runs import FULL_EVERY, MAX_DELETIONS, sync
from scenario_async.sync._store import WATCH, as_stored, database_of, read_model

from ._errors import PASSING_ERRORS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
    from datetime import timedelta

    from scenario_async import AsyncScenario, ScenarioError
    from scenario_async.sync._backends import Database
    from scenario_async.sync._store import CatalogStore

__all__ = ["Added", "Change", "Changed", "Removed", "unwatch", "watch"]

_BATCH = 100


class Added(msgspec.Struct, frozen=True, tag="added"):
    """A model that the store did not have, or had as deleted.

    Attributes:
        id: Its id.
        model: Its record, as the store has it when this is given: the full one where that was
            fetched. ``None`` where none is there, or it does not fit the type, which costs the
            record and not the watch: :meth:`CatalogStore.get` has it as it was sent.
    """

    id: str
    model: Model | None = None


class Changed(msgspec.Struct, frozen=True, tag="changed"):
    """A model whose record differs from the one before in more than signatures of URLs.

    Attributes:
        id: Its id.
        fields: The names of the fields that differ, as on the wire, sorted.
        model: Its record, as for :class:`Added`.
    """

    id: str
    fields: tuple[str, ...]
    model: Model | None = None


class Removed(msgspec.Struct, frozen=True, tag="removed"):
    """A model that is deleted.

    Attributes:
        id: Its id.
    """

    id: str


Change: TypeAlias = Added | Changed | Removed
"""What :func:`watch` yields."""


def watch(
    scenario: AsyncScenario,
    store: CatalogStore,
    *,
    every: timedelta | float,
    scopes: Sequence[str] = ("private",),
    full_every: timedelta = FULL_EVERY,
    details: bool = False,
    wait: bool = False,
    max_deletions: float | None = MAX_DELETIONS,
    on_error: Callable[[ScenarioError], object] | None = None,
) -> AsyncGenerator[Change, None]:
    """The changes of a store, brought up to date again and again; it does not end by itself.

    Each change is given until the next one is asked for: who is killed while handling one gets it
    again (at least once, never lost). A store has one such reader. From the first ``watch`` on,
    every run notes what it changes, those of other programs too, until :func:`unwatch`.

    An empty store yields every model as :class:`Added`.

    A run asks what may have changed, and the service cannot tell everything: new names and tags of
    private models that are trained, deletions of public models, and models that have left a scope
    show in full runs only, which come every ``full_every``.

    Args:
        scenario: Who is asked.
        store: What is brought up to date.
        every: How long after the end of a run the next one begins; a ``timedelta`` or seconds.
        scopes: As for :func:`sync`.
        full_every: As for :func:`sync`.
        details: As for :func:`sync`.
        wait: As for :func:`sync`: where other runs come now and then, such as a nightly full one.
        max_deletions: As for :func:`sync`.
        on_error: Called with the error of a run that the next one may not have: any
            :class:`APIError` (an outage, a limit, but also credentials that are refused),
            :class:`StoreBusyError` and :class:`TooManyDeletionsError`. The watch goes on then, with
            what the run did change, and the next run after ``every``; the first run is no
            exception. What the function raises ends it. Without a function each error does, and any
            other error, such as a :class:`StoreError` of the database, always does.

    Raises:
        TypeError: ``every`` is neither seconds nor a ``timedelta``, ``store`` not a store,
            ``max_deletions`` not a number, or ``on_error`` not a plain function.
        ValueError: ``every`` is not above zero, a scope is wrong, or ``max_deletions`` is below 0
            or a share above 1.
        StoreBusyError: Another run is at work on the store, and ``wait`` is not set.
        StoreError: The database failed, or is a copy of another service, project or owner.
        TooManyDeletionsError: As for :func:`sync`.
        APIError: The service could not be listed. What earlier runs changed was given; what this
            one did before it failed comes first when you watch again.
    """
    pause = seconds_of("every", every)
    given_flag("details", details)
    given_flag("wait", wait)
    check_callback("on_error", on_error)
    run = partial(
        sync,
        scenario,
        store,
        scopes=scopes,
        full_every=full_every,
        details=details,
        wait=wait,
        max_deletions=max_deletions,
    )
    return Iteration(_watch(database_of(store), run, pause, on_error), "watch")


async def _watch(
    database: Database,
    run: Callable[[], Awaitable[object]],
    pause: float,
    on_error: Callable[[ScenarioError], object] | None,
) -> AsyncGenerator[Change, None]:
    async def bring_up_to_date() -> None:
        try:
            await run()
        except PASSING_ERRORS as error:
            if on_error is None:
                raise
            on_error(error)

    async def rest() -> None:
        await anyio.sleep(pause)

    begin: Callable[[], Awaitable[None]] = partial(_begin, database)
    for step in chain((begin,), cycle((bring_up_to_date, rest))):
        await step()
        async with aclosing(_noted(database)) as noted:
            async for change in noted:
                yield change


@in_own_task
async def unwatch(store: CatalogStore) -> None:
    """Note no changes any more, and forget those that nobody asked for.

    Raises:
        StoreError: The database failed.
    """
    database = database_of(store)
    state = database.stored.state
    async with database.writing() as connection:
        await connection.execute(database.delete(state).where(state.c.key == WATCH))
        await connection.execute(database.delete(database.stored.changes))


@in_own_task
async def _begin(database: Database) -> None:
    async with database.writing() as connection:
        row = {"key": WATCH, "version": 1, "value": None}
        watched = database.insert(database.stored.state).values(row)
        await connection.execute(watched.on_conflict_do_nothing())


async def _noted(database: Database) -> AsyncGenerator[Change, None]:
    """The changes that are noted, each forgotten when the next one is asked for."""
    while rows := await _next(database):
        for row in rows:
            yield _change(row)
            await _forget(database, row.id)


class _Record(msgspec.Struct):
    """What is read of the model of a change."""

    record: str
    details: str | None


async def _next(database: Database) -> Sequence[Any]:
    models, changes = database.tables.models, database.tables.changes
    noted = changes.c.id, changes.c.kind, changes.c.model_id, changes.c.fields
    query = (
        select(*noted, *as_stored(models, _Record))
        .join_from(changes, models, models.c.id == changes.c.model_id, isouter=True)
        .order_by(changes.c.id)
        .limit(_BATCH)
    )
    return await database.rows(query)


@in_own_task
async def _forget(database: Database, number: int) -> None:
    async with database.writing() as connection:
        changes = database.stored.changes
        await connection.execute(database.delete(changes).where(changes.c.id == number))


def _change(row: Any) -> Change:  # noqa: ANN401 - a row of these columns
    _, kind, model_id, fields, record, details = row
    if kind == "removed":
        return Removed(model_id)
    model = None if record is None else read_model(record, details)
    if isinstance(model, InvalidRow):
        model = None
    if kind == "added":
        return Added(model_id, model)
    return Changed(model_id, tuple(fields or ()), model)
