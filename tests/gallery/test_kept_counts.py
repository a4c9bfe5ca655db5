"""What the gallery counts, and for how long it keeps that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.gallery import write

from scenario_async.gallery import _counts
from scenario_async.gallery._counts import Counts
from scenario_async.sync import CatalogStore
from scenario_async.sync._report import total
from scenario_async.sync._store import RunLog, Search, database_of, facets

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

pytestmark = [pytest.mark.anyio, pytest.mark.one_loop]


@pytest.fixture
async def store(new_store: Callable[[], str]) -> AsyncGenerator[CatalogStore]:
    async with CatalogStore.open(new_store()) as store:
        yield store


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[Search]:
    """What the database was asked to count."""
    searches: list[Search] = []

    async def counting(store: CatalogStore, search: Search) -> Any:
        searches.append(search)
        return await facets(store, search)

    monkeypatch.setattr(_counts, "facets", counting)
    return searches


async def run(store: CatalogStore, *ids: str) -> RunLog:
    """A run that has written models of these ids, and is not at its end."""
    log = await RunLog.begin(database_of(store), ["private"])
    await write(store, [{"id": model_id, "type": "custom"} for model_id in ids])
    return log


async def end(log: RunLog) -> None:
    await log.end("finished", total(log.run, [], 0.0), None)


async def test_a_search_is_counted_once_until_the_next_run(
    store: CatalogStore, counted: list[Search]
) -> None:
    counts, all_of_them, none = Counts(store), Search(), Search(text="nothing")
    await end(await run(store, "a", "b"))
    for _ in range(3):
        assert (await counts.of(all_of_them)).models == 2
        assert (await counts.of(none)).models == 0
    assert counted == [all_of_them, none]

    await end(await run(store, "c"))
    assert (await counts.of(all_of_them)).models == 3
    assert len(counted) == 3


async def test_nothing_is_kept_while_a_run_is_under_way(
    store: CatalogStore, counted: list[Search]
) -> None:
    counts = Counts(store)
    log = await run(store, "a")
    assert (await counts.of(Search())).models == 1
    await write(store, [{"id": "b"}])
    assert (await counts.of(Search())).models == 2
    await end(log)
    assert (await counts.of(Search())).models == 2
    assert len(counted) == 3


async def test_what_was_counted_while_a_run_came_and_went_is_not_kept(
    store: CatalogStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await end(await run(store, "a"))

    async def too_late(store: CatalogStore, search: Search) -> Any:
        found = await facets(store, search)
        await end(await run(store, "b"))
        return found

    counts = Counts(store)
    with monkeypatch.context() as patched:
        patched.setattr(_counts, "facets", too_late)
        assert (await counts.of(Search())).models == 1
    assert (await counts.of(Search())).models == 2


async def test_the_counts_of_a_hundred_searches_are_kept(
    store: CatalogStore, counted: list[Search], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_counts, "_KEPT", 2)
    await end(await run(store, "a"))
    counts = Counts(store)
    first, second, third = (Search(text=text) for text in "abc")
    for search in (first, second, first, third, first, second):
        await counts.of(search)
    assert counted == [first, second, third, second]
