"""What is asked of a store: filters that are checked, and become conditions. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime  # noqa: TC003 - whoever reads the hints of what is public needs it
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict, cast, get_args

from sqlalchemy import false, or_

from scenario_async._query import did_you_mean, given_count, given_flag, given_text, given_time
from scenario_async.sync._scopes import Scope

from .scopes import in_scope

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import ColumnElement

    from scenario_async.sync._backends import Database

__all__ = [
    "ModelFilters",
    "ModelSelection",
    "OrderBy",
    "RecordOrder",
    "check_names",
    "conditions_of",
    "count_of",
    "ids_of",
    "order_of",
    "storable",
]

RecordOrder: TypeAlias = Literal[
    "id",
    "-id",
    "name",
    "-name",
    "created_at",
    "-created_at",
    "updated_at",
    "-updated_at",
]
"""The values of a record that models come in the order of; ``-`` puts the largest first."""

OrderBy: TypeAlias = Literal[
    RecordOrder,
    "deleted_at",
    "-deleted_at",
    "first_seen_at",
    "-first_seen_at",
]
"""The columns that models of a store come in the order of; ``-`` puts the largest first."""

_LARGEST = 2**63 - 1
_SURROGATE = re.compile("[\ud800-\udfff]")


class ModelFilters(TypedDict, total=False):
    """Which models of a store, for functions that hand it on.

    As ``**filters: Unpack[ModelFilters]`` type checkers know the names and types.

    Attributes:
        scope: As for :meth:`CatalogStore.models`, and so are all that follow.
        type: See ``scope``.
        status: See ``scope``.
        privacy: See ``scope``.
        tags: See ``scope``.
        capabilities: See ``scope``.
        collection: See ``scope``.
        created_after: See ``scope``.
        created_before: See ``scope``.
        updated_after: See ``scope``.
        updated_before: See ``scope``.
        deleted: See ``scope``.
    """

    scope: str | None
    type: str | None
    status: str | None
    privacy: str | None
    tags: Sequence[str]
    capabilities: Sequence[str]
    collection: str | None
    created_after: datetime | None
    created_before: datetime | None
    updated_after: datetime | None
    updated_before: datetime | None
    deleted: bool | None


class ModelSelection(ModelFilters, total=False):
    """Which models of a store, and in which order: all that :meth:`CatalogStore.models` takes.

    Attributes:
        scope: As for :meth:`CatalogStore.models`, and so are all that follow.
        type: See ``scope``.
        status: See ``scope``.
        privacy: See ``scope``.
        tags: See ``scope``.
        capabilities: See ``scope``.
        collection: See ``scope``.
        created_after: See ``scope``.
        created_before: See ``scope``.
        updated_after: See ``scope``.
        updated_before: See ``scope``.
        deleted: See ``scope``.
        ids: See ``scope``.
        order_by: See ``scope``.
        offset: See ``scope``.
        limit: See ``scope``.
    """

    ids: Iterable[str] | None
    order_by: OrderBy
    offset: int
    limit: int | None


def check_names(method: str, given: Iterable[str], known: Collection[str]) -> None:
    """See that there are only such filters, where they are handed on by their names.

    Raises:
        TypeError: There is another one; as Python says it, with one that it may stand for.
    """
    for name in given:
        if name not in known:
            meant = did_you_mean(name, sorted(known))
            raise TypeError(f"{method}() got an unexpected keyword argument {name!r}{meant}")


def conditions_of(database: Database, filters: ModelFilters) -> list[ColumnElement[bool]]:
    """The conditions for :meth:`CatalogStore.models`, which says what the filters mean.

    Raises:
        ValueError: A value that fits nothing.
        TypeError: A value of the wrong type.
    """
    models = database.tables.models
    given = cast("dict[str, Any]", filters)
    conditions: list[ColumnElement[bool]] = []
    for name in ("type", "status", "privacy"):
        text = given_text(name, given.get(name))
        conditions += [] if text is None else [_where(text, models.c[name] == text)]

    def has(column: str, value: str) -> ColumnElement[bool]:
        return _where(value, database.has(models.c[column], value))

    several_tags = [has("tags", tag) for tag in _several("tags", filters.get("tags", ()))]
    conditions += [or_(*several_tags)] if several_tags else []
    capabilities = _several("capabilities", filters.get("capabilities", ()))
    conditions += [has("capabilities", one) for one in capabilities]
    collection = given_text("collection", filters.get("collection"))
    conditions += [] if collection is None else [has("collection_ids", collection)]
    scope = given_text("scope", filters.get("scope"))
    if scope is not None:
        name = str(Scope.parse(scope))
        conditions.append(_where(name, in_scope(database, name)))
    for name in ("created", "updated"):
        column = models.c[f"{name}_at"]
        after = given_time(f"{name}_after", given.get(f"{name}_after"), round_up=False)
        before = given_time(f"{name}_before", given.get(f"{name}_before"), round_up=True)
        conditions += [] if after is None else [column > after]
        conditions += [] if before is None else [column < before]
    deleted = given_flag("deleted", filters.get("deleted", False))
    if deleted is not None:
        gone = models.c.deleted_at.is_not(None)
        conditions.append(gone if deleted else ~gone)
    return conditions


def count_of(name: str, value: int | None) -> int | None:
    """So many models, if that is given.

    Raises:
        ValueError: It is below zero.
        TypeError: It is not a whole number.
    """
    count = given_count(name, value)
    if count is None:
        return None
    if count < 0:
        raise ValueError(f"{name} must not be below 0, and is {count}")
    return min(count, _LARGEST)


def ids_of(values: Iterable[str] | None) -> list[str] | None:
    """The ids, each once, if there are any given; without those that no store can have.

    Raises:
        TypeError: It is one string, or there is something else among them.
    """
    if values is None:
        return None
    if isinstance(values, str):
        raise TypeError(f"ids must be several, such as [{values!r}], and not one str")
    if not isinstance(values, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
        raise TypeError(f"ids must be an iterable of str, not {type(values).__name__}")
    ids = dict.fromkeys(values)
    for one in ids:
        if not isinstance(one, str):  # pyright: ignore[reportUnnecessaryIsInstance] - as above
            raise TypeError(f"ids must be an iterable of str, and has {one!r}")
    return [one for one in ids if storable(one)]


def storable(text: str) -> bool:
    """Whether a database could have this text: PostgreSQL has no NUL, and UTF-8 no surrogates."""
    return "\0" not in text and not _SURROGATE.search(text)


def order_of(order_by: OrderBy) -> OrderBy:
    """The order, if it is one.

    Raises:
        ValueError: There is no such order.
        TypeError: It is not a string.
    """
    given_text("order_by", order_by)
    if order_by not in get_args(OrderBy):
        columns = ", ".join(repr(one) for one in get_args(OrderBy) if not one.startswith("-"))
        raise ValueError(
            f"order_by must be one of {columns}, or such a one behind a minus for the other way "
            f"round, not {order_by!r}"
        )
    return order_by


def _where(value: str, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """The condition, which no model meets where no store can have the value."""
    return condition if storable(value) else false()


def _several(name: str, values: object) -> list[str]:
    if isinstance(values, str):
        raise TypeError(f"{name} must be several, such as [{values!r}], and not one str")
    if not isinstance(values, list | tuple | set | frozenset):
        raise TypeError(f"{name} must be a list of str, not {type(values).__name__}")
    for value in cast("list[object]", values):
        if not isinstance(value, str):
            raise TypeError(f"{name} must be a list of str, and has {value!r}")
    return list(cast("list[str]", values))
