"""Whether any model of a store has what a filter asks for."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, get_args

from sqlalchemy import select, true

from scenario_async._argument_errors import ArgumentError, Parameter
from scenario_async._query import did_you_mean, given_text
from scenario_async.sync._scopes import Scope
from scenario_async.types import ModelStatus, ModelType, Privacy

from .catalog_store import database_of, scopes_of
from .scopes import copied_as

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .catalog_store import CatalogStore

__all__ = ["check_scope", "check_values"]

# What a model may have at any time, although none of the store does.
_DOCUMENTED = {
    "type": get_args(ModelType),
    "status": get_args(ModelStatus),
    "privacy": get_args(Privacy),
}
_LISTS = {"tags": "tags", "collection": "collection_ids"}


async def check_scope(store: CatalogStore, scope: str | None) -> None:
    """See that a scope was ever copied into the store.

    Raises:
        ValueError: It never was; names those that were.
        TypeError: It is not a string.
        StoreError: The database failed.
    """
    name = given_text("scope", scope)
    if name is None:
        return
    with suppress(ValueError):
        name = str(Scope.parse(name))
    known = await scopes_of(store)
    if not {*copied_as(database_of(store), [name])} <= {*known}:
        has = ", ".join(map(repr, known)) or "none yet"
        raise ValueError(f"the store has no scope {scope!r}; it has {has}")


async def check_values(store: CatalogStore, **filters: Any) -> None:  # noqa: ANN401 - as for ``CatalogStore.models``
    """See that each filter asks for something that a model can have.

    Of several tags one is enough.

    Raises:
        ValueError: No model of the store has it, those that are deleted included, and it is no
            value that the service documents.
        StoreError: The database failed.
    """
    database = database_of(store)
    models = database.tables.models
    for name, documented in _DOCUMENTED.items():
        value = filters.get(name)
        if value is not None and value not in documented:
            found = await database.scalars(select(models.c[name]).distinct())
            _check(name, [value], {*documented, *found} - {None})
    for name, column in _LISTS.items():
        given: str | Sequence[str] = filters.get(name) or ()
        wanted = [given] if isinstance(given, str) else given
        if wanted:
            values = database.values(models.c[column])
            query = select(values.c.value).select_from(models.join(values, true())).distinct()
            found = await database.scalars(query.where(values.c.value.is_not(None)))
            _check(name, wanted, set(map(str, found)))


def _check(name: str, wanted: Sequence[str], known: set[str]) -> None:
    if known.isdisjoint(wanted):
        parts: list[str | Parameter] = []
        for one in wanted:
            hint = did_you_mean(one, sorted(known))
            parts += [" or " if parts else "", Parameter(name, one), hint]
        raise ArgumentError("no model of the store has ", *parts)
