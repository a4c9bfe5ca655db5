"""What is asked of a store: filters that are checked, and become conditions. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence  # noqa: TC003 - whoever reads the hints of what is public needs it
from datetime import datetime  # noqa: TC003 - as above
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict, cast

from sqlalchemy import and_, false, or_

from scenario_async._query import (
    did_you_mean,
    given_count,
    given_flag,
    given_text,
    given_texts,
    given_time,
)
from scenario_async.sync._scopes import Scope

from .scopes import in_scope

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from sqlalchemy import ColumnElement

    from scenario_async.sync._backends import Database

__all__ = [
    "ModelFilters",
    "ModelSelection",
    "OrderBy",
    "RecordOrder",
    "check_names",
    "conditions_by_name",
    "conditions_of",
    "count_of",
    "ids_of",
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

_TEXTS = ("type", "status", "privacy", "collection", "scope")
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

    It has the names of :class:`ModelFilters` as well.

    Attributes:
        ids: As for :meth:`CatalogStore.models`, and so are all that follow.
        order_by: See ``ids``.
        offset: See ``ids``.
        limit: See ``ids``.
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
    given = cast("dict[str, Any]", filters)
    checked: dict[str, Any] = {name: given_text(name, given.get(name)) for name in _TEXTS}
    checked |= {name: given_texts(name, given.get(name, ())) for name in ("tags", "capabilities")}
    if checked["scope"] is not None:
        checked["scope"] = str(Scope.parse(checked["scope"]))
    for name in ("created", "updated"):
        after, before = f"{name}_after", f"{name}_before"
        checked[after] = given_time(after, given.get(after), round_up=False)
        checked[before] = given_time(before, given.get(before), round_up=True)
    checked["deleted"] = given_flag("deleted", given.get("deleted", False))
    return [*conditions_by_name(database, checked).values()]


def conditions_by_name(
    database: Database, filters: Mapping[str, Any]
) -> dict[str, ColumnElement[bool]]:
    """The condition of each filter that asks for something. Nothing is checked."""
    models = database.tables.models
    gone = models.c.deleted_at.is_not(None)

    def has(column: str, value: str) -> ColumnElement[bool]:
        return _where(value, database.has(models.c[column], value))

    conditions: dict[str, Callable[[Any], ColumnElement[bool]]] = {
        "type": lambda value: _where(value, models.c.type == value),
        "status": lambda value: _where(value, models.c.status == value),
        "privacy": lambda value: _where(value, models.c.privacy == value),
        "tags": lambda tags: or_(*(has("tags", one) for one in tags)),
        "capabilities": lambda all_of: and_(*(has("capabilities", one) for one in all_of)),
        "collection": lambda value: has("collection_ids", value),
        "scope": lambda value: _where(value, in_scope(database, value)),
        "created_after": lambda moment: models.c.created_at > moment,
        "created_before": lambda moment: models.c.created_at < moment,
        "updated_after": lambda moment: models.c.updated_at > moment,
        "updated_before": lambda moment: models.c.updated_at < moment,
        "deleted": lambda deleted: gone if deleted else ~gone,
    }
    asked = {name: value for name, value in filters.items() if value not in (None, (), [])}
    return {name: conditions[name](value) for name, value in asked.items()}


def count_of(name: str, value: int | None) -> int | None:
    """So many models, if that is given.

    Raises:
        ValueError: It is below zero.
        TypeError: It is not a whole number.
    """
    count = given_count(name, value, least=0)
    return None if count is None else min(count, _LARGEST)


def ids_of(values: Iterable[str] | None) -> list[str] | None:
    """The ids, each once, if there are any given; without those that no store can have.

    Raises:
        TypeError: It is one string, or there is something else among them.
    """
    if values is None:
        return None
    ids = dict.fromkeys(given_texts("ids", values))
    return [one for one in ids if storable(one)]


def storable(text: str) -> bool:
    """Whether a database could have this text: PostgreSQL has no NUL, and UTF-8 no surrogates."""
    return "\0" not in text and not _SURROGATE.search(text)


def _where(value: str, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """The condition, which no model meets where no store can have the value."""
    return condition if storable(value) else false()
