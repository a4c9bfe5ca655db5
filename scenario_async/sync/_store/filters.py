"""What is asked of a store: filters that are checked, and become conditions. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import exists, or_

from scenario_async._query.arguments import given_count, given_text, given_time
from scenario_async.sync._scopes import Scope
from scenario_async.sync._tables import memberships, models

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement

    from scenario_async.sync._backends.database import Database

__all__ = ["conditions_of", "limit_of"]


def conditions_of(
    database: Database,
    *,
    scope: str | None,
    collection: str | None,
    tags: Sequence[str],
    capabilities: Sequence[str],
    deleted: bool | None,
    **given: Any,  # noqa: ANN401 - whatever a user gives
) -> list[ColumnElement[bool]]:
    """The conditions for :meth:`CatalogStore.models`, which says what the filters mean.

    Raises:
        ValueError: A value that fits nothing.
        TypeError: A value of the wrong type.
    """
    conditions: list[ColumnElement[bool]] = []
    for name in ("type", "status", "privacy"):
        text = given_text(name, given[name])
        conditions += [] if text is None else [models.c[name] == text]
    has = database.has
    several_tags = [has(models.c.tags, tag) for tag in _several("tags", tags)]
    conditions += [or_(*several_tags)] if several_tags else []
    conditions += [
        has(models.c.capabilities, one) for one in _several("capabilities", capabilities)
    ]
    collection = given_text("collection", collection)
    if collection is not None:
        conditions.append(has(models.c.collection_ids, collection))
    scope = given_text("scope", scope)
    if scope is not None:
        seen = memberships.c.model_id == models.c.id
        conditions.append(exists().where(memberships.c.scope == str(Scope.parse(scope)), seen))
    for name in ("created", "updated"):
        column = models.c[f"{name}_at"]
        after = given_time(f"{name}_after", given[f"{name}_after"], round_up=False)
        before = given_time(f"{name}_before", given[f"{name}_before"], round_up=True)
        conditions += [] if after is None else [column > after]
        conditions += [] if before is None else [column < before]
    if deleted is not None:
        gone = models.c.deleted_at.is_not(None)
        conditions.append(gone if deleted else ~gone)
    return conditions


def limit_of(limit: int | None) -> int | None:
    """At most so many, if that is given.

    Raises:
        ValueError: It is below zero.
        TypeError: It is no whole number.
    """
    most = given_count("limit", limit)
    if most is not None and most < 0:
        raise ValueError(f"limit must not be below 0, and is {most}")
    return most


def _several(name: str, values: object) -> list[str]:
    if isinstance(values, str):
        raise TypeError(f"{name} must be several, such as [{values!r}], and not one str")
    if not isinstance(values, list | tuple | set | frozenset):
        raise TypeError(f"{name} must be a list of str, not {type(values).__name__}")
    for value in cast("list[object]", values):
        if not isinstance(value, str):
            raise TypeError(f"{name} must be a list of str, and has {value!r}")
    return list(cast("list[str]", values))
