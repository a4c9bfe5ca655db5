"""What people look for in a store: words and facets, counted by the database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Text,
    and_,
    cast,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
)

from .catalog_store import database_of
from .filters import conditions_by_name
from .model_query import ModelQuery

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

    from sqlalchemy import CTE, CompoundSelect, SelectBase

    from scenario_async.sync._backends import Database

    from .catalog_store import CatalogStore
    from .filters import OrderBy
    from .values import StoredModel

__all__ = ["FACETS", "Facets", "Search", "facets", "found", "scopes_with"]

FACETS = ("type", "status", "tag", "capability", "collection", "scope")
"""What models are counted by."""

# Of which several may be chosen, and what the filter is called.
_SEVERAL = {"tag": "tags", "capability": "capabilities"}
_LISTS = {**_SEVERAL, "collection": "collection_ids"}
_MOST_WORDS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What models are looked for.

    Attributes:
        text: Words, each of which stands in the name, the id, the type or a tag; the case of
            letters does not matter, but for SQLite outside of ASCII. The first eight count.
        type: Of this type.
        status: With this status.
        tags: With at least one of these tags.
        capabilities: With all of these capabilities.
        collection: In this collection.
        scope: Seen in this scope.
        deleted: Whether they are marked as deleted; ``None`` for all.
    """

    text: str = ""
    type: str | None = None
    status: str | None = None
    tags: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    collection: str | None = None
    scope: str | None = None
    deleted: bool | None = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Facets:
    """How many models a search finds.

    Attributes:
        models: How many in all.
        values: For each of ``FACETS`` its values, the most frequent first, and how many models
            there would be if it were chosen. What is chosen of the same facet is left out of
            account, but for capabilities, all of which a model has.
    """

    models: int
    values: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])


def found(
    store: CatalogStore, search: Search, *, order_by: OrderBy, offset: int, limit: int
) -> AsyncGenerator[StoredModel, None]:
    """The models that a search finds.

    Raises:
        StoreError: The database failed, or a model in it cannot be read.
    """
    database = database_of(store)
    conditions = [*_general(database, search), *_chosen(database, search).values()]
    query = ModelQuery(database, conditions, order_by=order_by, offset=offset, limit=limit)
    return query.run()


async def facets(store: CatalogStore, search: Search, *, limit: int = 50) -> Facets:
    """How many models a search finds, and would find with each value of a facet.

    One statement, which goes through the models once.

    Args:
        store: Where.
        search: What for.
        limit: How many values of a facet come at most.

    Raises:
        StoreError: The database failed.
    """
    database = database_of(store)
    hits, chosen = _hits(database, search)
    counts = [_count(hits, chosen.values())]
    for facet in FACETS:
        of_others = {**chosen, facet: true()} if facet != "capability" else chosen
        numbers = _numbers(database, hits, facet, and_(true(), *of_others.values()))
        counts.append(_first(facet, numbers, limit))
    query: CompoundSelect[Any] = union_all(*counts)
    rows = await database.rows(query)
    values: dict[str, dict[str, int]] = {"": {}, **{facet: {} for facet in FACETS}}
    for facet, value, number in rows:
        values[facet][value] = number
    return Facets(models=values.pop("")[""], values=values)


async def scopes_with(store: CatalogStore, model_id: str) -> list[str]:
    """The scopes in which a model was seen, sorted.

    Raises:
        StoreError: The database failed.
    """
    database = database_of(store)
    memberships = database.tables.memberships
    seen = select(memberships.c.scope).where(memberships.c.model_id == model_id)
    return sorted(await database.scalars(seen))


def _general(database: Database, search: Search) -> list[ColumnElement[bool]]:
    """The conditions that are no facet."""
    conditions = [_has_word(database, word) for word in search.text.split()[:_MOST_WORDS]]
    return [*conditions, *conditions_by_name(database, {"deleted": search.deleted}).values()]


def _has_word(database: Database, word: str) -> ColumnElement[bool]:
    models = database.tables.models
    places: list[ColumnElement[Any]] = [models.c.name, models.c.id, models.c.type]
    found = [place.icontains(word, autoescape=True) for place in places]
    if word.strip("[],"):
        # The same as below, and faster: nothing of it can stand between two tags.
        as_json = msgspec.json.encode(word)[1:-1].decode()
        found.append(cast(models.c.tags, Text).icontains(as_json, autoescape=True))
    else:
        tags = database.values(models.c.tags)
        has = cast(tags.c.value, Text).icontains(word, autoescape=True)
        found.append(select(1).select_from(tags).where(has).correlate(models).exists())
    return or_(*found)


def _chosen(database: Database, search: Search) -> dict[str, ColumnElement[bool]]:
    """The condition of each facet of which something is chosen."""
    filters = {facet: _SEVERAL.get(facet, facet) for facet in FACETS}
    given = {name: getattr(search, name) for name in filters.values()}
    conditions = conditions_by_name(database, given)
    return {facet: conditions[name] for facet, name in filters.items() if name in conditions}


def _hits(database: Database, search: Search) -> tuple[CTE, dict[str, ColumnElement[bool]]]:
    """What facets are counted of, and the conditions of those chosen, as of :func:`_chosen`.

    Whether a model meets each of these is found out once.
    """
    chosen = _chosen(database, search)
    columns = [
        database.tables.models.c[name] for name in ("id", "type", "status", *_LISTS.values())
    ]
    fits = [condition.label(f"fits_{facet}") for facet, condition in chosen.items()]
    hits = select(*columns, *fits).where(*_general(database, search)).cte("hits")
    return hits, {facet: hits.c[f"fits_{facet}"] for facet in chosen}


def _count(hits: CTE, conditions: Iterable[ColumnElement[bool]]) -> SelectBase:
    number = cast(func.count(), BigInteger)
    of_all = select(literal("", Text).label("facet"), literal("", Text).label("value"), number)
    return of_all.select_from(hits).where(*conditions)


def _numbers(
    database: Database, hits: CTE, facet: str, condition: ColumnElement[bool]
) -> SelectBase:
    """The values of a facet as ``value``, and how many models have each as ``number``."""
    count = func.count().label("number")
    if facet == "scope":
        memberships = database.tables.memberships
        is_hit = memberships.c.model_id.in_(select(hits.c.id).where(condition))
        if database.account is not None:
            is_hit = is_hit.is_(true())  # no join, for the same reason as in ``in_scope``
        value = memberships.c.scope.label("value")
        return select(value, count).where(is_hit).group_by(value)
    if facet not in _LISTS:
        column = hits.c[facet]
        known = select(column.label("value"), count).where(condition, column.is_not(None))
        return known.group_by(column)
    # Many models have the same list: each is taken apart once.
    column = hits.c[_LISTS[facet]]
    lists = select(column.label("list"), count).where(condition).group_by(column).subquery()
    elements = database.values(lists.c.list)
    # A list may have a value twice.
    each = select(lists.c.list, lists.c.number, elements.c.value).select_from(lists, elements)
    once = each.where(elements.c.value.is_not(None)).distinct().subquery()
    return select(once.c.value, func.sum(once.c.number).label("number")).group_by(once.c.value)


def _first(facet: str, numbers: SelectBase, limit: int) -> SelectBase:
    counted = numbers.subquery()
    value = cast(counted.c.value, Text).label("value")
    number = cast(counted.c.number, BigInteger).label("number")
    ordered = select(literal(facet, Text).label("facet"), value, number)
    ordered = ordered.order_by(counted.c.number.desc(), value).limit(limit)
    return select(ordered.subquery())
