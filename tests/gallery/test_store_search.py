"""What is found in a store by words and facets, and how it is counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import update
from support.gallery import write

from scenario_async.sync import CatalogStore
from scenario_async.sync._store import (
    FACETS,
    Facets,
    Search,
    database_of,
    facets,
    found,
    scopes_with,
)
from scenario_async.sync._tables import models as table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

TYPES = ("custom", "lora", None)
STATUSES = ("trained", "new", None)
TAGS = ("Icons", "icons", 'qu"ote', "a,b", "50%", "[x]", "under_score", "Größe")
CAPABILITIES = ("txt2img", "img2img")
COLLECTIONS = ("c1", "c2")
SCOPES = ("private", "public")
WORDS = (
    "",
    "icon",
    "ICON",
    '"',
    "a,b",
    "%",
    "_",
    ",",
    "[x]",
    "m1",
    "lora",
    "Größe",
    "icon m",
    "\\",
)


@dataclass(frozen=True)
class Drawn:
    """A model, and what a store is told of it."""

    id: str
    name: str | None
    type: str | None
    status: str | None
    tags: tuple[str, ...]
    capabilities: tuple[str, ...]
    collection: tuple[str, ...]
    scopes: frozenset[str]
    deleted: bool

    def record(self) -> dict[str, object]:
        values: dict[str, object] = {
            "id": self.id,
            "name": self.name,
            "type": self.type,
            "status": self.status,
            "tags": list(self.tags),
            "capabilities": list(self.capabilities),
            "collectionIds": list(self.collection),
        }
        return {name: value for name, value in values.items() if value is not None}

    def fits(self, search: Search) -> bool:
        text = [(self.name or "").lower(), self.id, (self.type or "").lower()]
        text += [tag.lower() for tag in self.tags]
        return (
            all(any(word.lower() in one for one in text) for word in search.text.split())
            and search.type in (None, self.type)
            and search.status in (None, self.status)
            and (not search.tags or not set(search.tags).isdisjoint(self.tags))
            and set(search.capabilities) <= set(self.capabilities)
            and (search.collection is None or search.collection in self.collection)
            and (search.scope is None or search.scope in self.scopes)
            and search.deleted in (None, self.deleted)
        )

    def values(self, facet: str) -> Iterable[str | None]:
        several = {
            "tag": self.tags,
            "capability": self.capabilities,
            "collection": self.collection,
            "scope": self.scopes,
        }
        return set(several.get(facet, (getattr(self, facet, None),)))


def lists(values: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), max_size=3).map(tuple)


searches = st.builds(
    Search,
    text=st.sampled_from(WORDS),
    type=st.sampled_from((*TYPES, "unknown")),
    status=st.sampled_from(STATUSES),
    tags=lists(TAGS),
    capabilities=st.lists(st.sampled_from(CAPABILITIES), max_size=1).map(tuple),
    collection=st.sampled_from((None, None, *COLLECTIONS)),
    scope=st.sampled_from((None, None, *SCOPES)),
    deleted=st.sampled_from((False, True, None)),
)
models = st.lists(
    st.builds(
        Drawn,
        id=st.just(""),
        name=st.sampled_from(("Pixel icons", "Größe", "50% off", "a_b", "back\\slash", None)),
        type=st.sampled_from(TYPES),
        status=st.sampled_from(STATUSES),
        tags=lists(TAGS),
        capabilities=lists(CAPABILITIES),
        collection=lists(COLLECTIONS),
        scopes=st.sets(st.sampled_from(SCOPES), min_size=1).map(frozenset),
        deleted=st.booleans(),
    ),
    max_size=12,
).map(lambda drawn: [replace(one, id=f"m{number}") for number, one in enumerate(drawn)])


def expected(drawn: list[Drawn], search: Search) -> Facets:
    emptied = {
        "type": replace(search, type=None),
        "status": replace(search, status=None),
        "tag": replace(search, tags=()),
        "capability": search,
        "collection": replace(search, collection=None),
        "scope": replace(search, scope=None),
    }
    values: dict[str, dict[str, int]] = {}
    for facet in FACETS:
        fits = [one for one in drawn if one.fits(emptied[facet])]
        values[facet] = dict(Counter(v for one in fits for v in one.values(facet) if v is not None))
    return Facets(models=sum(one.fits(search) for one in drawn), values=values)


async def check(url: str, drawn: list[Drawn], wanted: list[Search]) -> None:
    async with CatalogStore.open(url) as store:
        for scope in SCOPES:
            seen = [one for one in drawn if scope in one.scopes]
            gone = [one.id for one in seen if one.deleted]
            await write(store, (one.record() for one in seen), scope=scope, deleted=gone)
        for search in wanted:
            page = found(store, search, order_by="id", offset=0, limit=100)
            assert [model.id async for model in page] == sorted(
                one.id for one in drawn if one.fits(search)
            )
            assert await facets(store, search) == expected(drawn, search)


@settings(max_examples=15)
@given(drawn=models, wanted=st.lists(searches, min_size=1, max_size=4))
def test_what_is_found_and_counted_is_what_fits(drawn: list[Drawn], wanted: list[Search]) -> None:
    anyio.run(check, "sqlite://", drawn, wanted)


def test_postgresql_finds_and_counts_the_same(new_postgresql: Callable[[], str]) -> None:
    drawn = [
        Drawn(
            id=f"m{number}",
            name=("Pixel ICONS", "Größe", "50% off", "a_b", None)[number % 5],
            type=TYPES[number % 3],
            status=STATUSES[number // 3 % 3],
            tags=(TAGS[number % 8], TAGS[number * 3 % 8], TAGS[number % 8]),
            capabilities=CAPABILITIES[: number % 3],
            collection=COLLECTIONS[: number // 2 % 3],
            scopes=frozenset(SCOPES[: 1 + number % 2]),
            deleted=number % 7 == 6,
        )
        for number in range(24)
    ]
    wanted = [Search(text=word) for word in WORDS]
    wanted += [Search(tags=(tag,), type=TYPES[n % 3]) for n, tag in enumerate(TAGS)]
    wanted += [Search(scope="public", capabilities=CAPABILITIES, deleted=None)]
    wanted += [Search(collection="c1", status="new"), Search(deleted=True)]
    anyio.run(check, new_postgresql(), drawn, wanted)


@pytest.mark.anyio
@pytest.mark.one_loop
async def test_the_most_frequent_values_come_first_and_no_more_than_asked_for(
    new_store: Callable[[], str],
) -> None:
    async with CatalogStore.open(new_store()) as store:
        tags = ["z", "z", "z", "b", "b", "a", "a", "rare"]
        await write(store, ({"id": f"m{n}", "tags": [tag]} for n, tag in enumerate(tags)))

        counted = await facets(store, Search(), limit=3)

        assert list(counted.values["tag"].items()) == [("z", 3), ("a", 2), ("b", 2)]


@pytest.mark.anyio
@pytest.mark.one_loop
async def test_a_column_that_somebody_else_wrote_is_counted_as_nothing(
    new_store: Callable[[], str],
) -> None:
    async with CatalogStore.open(new_store()) as store:
        await write(store, [{"id": f"m{number}", "tags": ["a"]} for number in range(3)])
        for model_id, tags in {"m0": "b", "m1": ["a", None, 5]}.items():
            async with database_of(store).writing() as connection:
                other = update(table).where(table.c.id == model_id).values(tags=tags)
                await connection.execute(other)

        counted = (await facets(store, Search())).values["tag"]

        assert counted["a"] == 2
        assert await scopes_with(store, "m0") == ["private"]
