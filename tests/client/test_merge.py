"""Several listings as one: each model once, with all scopes, within one bound, nothing left."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import msgspec
import pytest
from support.client import until

from scenario_async import (
    APIResponseValidationError,
    EventHooks,
    Found,
    InternalServerError,
    Listing,
    Merged,
    Model,
    PageEvent,
    PaginationError,
    ScenarioWarning,
)
from scenario_async.sandbox import (
    BadRow,
    Catalogue,
    Delayed,
    IgnoredBounds,
    RepeatedToken,
    ServerError,
)

if TYPE_CHECKING:
    from support.client import Connect, Leftovers

    from scenario_async import AsyncScenario, InvalidRow
    from scenario_async.pytest_plugin import SandboxFactory
    from scenario_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio


def everything(scenario: AsyncScenario, sandbox: Sandbox, page_size: int = 30) -> Merged[Model]:
    models = scenario.models
    return models.merge(
        models.private(page_size=page_size),
        models.public(page_size=page_size),
        *(
            models.collection(collection_id, page_size=page_size)
            for collection_id in sandbox.catalogue.collection_ids
        ),
    )


def all_scopes(sandbox: Sandbox) -> dict[str, tuple[str, ...]]:
    """Of each model, in the order of the listings that have it first."""
    catalogue = sandbox.catalogue
    scopes: dict[str, tuple[str, ...]] = dict.fromkeys(catalogue.ids("private"), ("private",))
    scopes |= dict.fromkeys(catalogue.ids("public"), ("public",))
    for collection_id in catalogue.collection_ids:
        for model_id in catalogue.ids("private", collection_id=collection_id):
            scopes[model_id] += (f"collection:{collection_id}",)
    return scopes


async def test_each_model_comes_once_with_every_scope_and_in_the_order_of_the_listings(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    found = await everything(scenario, sandbox).collect()

    expected = all_scopes(sandbox)
    assert {one.model.id: one.scopes for one in found} == expected
    assert [one.model.id for one in found] == [*expected]
    assert any(len(one.scopes) > 1 for one in found)


async def test_the_loop_gives_each_at_first_sight_and_its_scopes_grow(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    found: list[Found[Model]] = []
    at_first: list[tuple[str, ...]] = []
    async for one in everything(scenario, sandbox):
        found.append(one)
        at_first.append(one.scopes)

    assert sorted(one.model.id for one in found) == sorted(all_scopes(sandbox))
    assert {one.model.id: one.scopes for one in found} == all_scopes(sandbox)
    assert {len(scopes) for scopes in at_first} == {1}


async def test_it_begins_anew_each_time_also_at_once(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    merged = everything(scenario, sandbox)
    results: list[dict[str, tuple[str, ...]]] = []

    async def run() -> None:
        results.append({one.model.id: one.scopes for one in await merged.collect()})

    async with anyio.create_task_group() as walks:
        walks.start_soon(run)
        walks.start_soon(run)
    await run()

    assert results == 3 * [all_scopes(sandbox)]


async def test_the_same_listing_twice_is_found_under_its_one_name(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    listing = scenario.models.private(page_size=30)
    found = await scenario.models.merge(listing, listing).collect()
    assert [one.model.id for one in found] == sandbox.catalogue.ids("private")
    assert {one.scopes for one in found} == {("private",)}


@pytest.mark.parametrize(("wanted", "most"), [(4, 4), (None, 8)])
async def test_listings_are_walked_at_once_within_one_bound(
    wanted: int | None, most: int, connect: Connect, sandbox: Sandbox
) -> None:
    sandbox.faults.add(Delayed(60), times=None)
    async with connect(max_concurrency=12) as scenario:
        listings = [scenario.models.public() for _ in range(10)]
        merged = scenario.models.merge(*listings, max_concurrency=wanted)
        task = asyncio.create_task(merged.collect())
        await until(lambda: sandbox.requests.unanswered == most)
        for _ in range(100):
            await anyio.lowlevel.checkpoint()
        task.cancel()
        await asyncio.wait([task])
    assert sandbox.requests.most_unanswered == most


async def test_one_at_a_time_goes_through_all_of_them(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(max_concurrency=1) as scenario:
        found = await everything(scenario, sandbox).collect()
    assert {one.model.id: one.scopes for one in found} == all_scopes(sandbox)
    assert sandbox.requests.most_unanswered == 1


async def test_a_slow_listing_does_not_hold_up_the_others(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    sandbox.faults.add(Delayed(60), times=None, when=lambda one: "collectionId" in one.query)
    (collection_id, *_) = sandbox.catalogue.collection_ids
    models = scenario.models
    merged = models.merge(models.collection(collection_id), models.public(page_size=30))
    given: list[str] = []
    async with aclosing(aiter(merged)) as walk:
        async for one in walk:
            given.append(one.model.id)
            if len(given) == len(sandbox.catalogue.ids("public")):
                break
    assert sorted(given) == sorted(sandbox.catalogue.ids("public"))


async def test_a_failing_listing_fails_all_as_itself_after_what_was_given(
    connect: Connect, sandbox: Sandbox, leftovers: Leftovers
) -> None:
    sandbox.faults.add(ServerError(500), times=None, when=lambda one: "collectionId" in one.query)
    given: list[str] = []
    async with connect(max_retries=0) as scenario:
        with pytest.raises(InternalServerError) as caught:
            async for one in everything(scenario, sandbox):
                given.append(one.model.id)  # noqa: PERF401 - what came before the error counts
        await leftovers.check()
    assert type(caught.value) is InternalServerError
    assert {*given} < {*all_scopes(sandbox)}


async def test_a_broken_chain_of_pages_fails_all_of_them(
    scenario: AsyncScenario, sandbox: Sandbox, leftovers: Leftovers
) -> None:
    sandbox.faults.add(RepeatedToken(), times=None)
    models = scenario.models
    merged = models.merge(models.private(), models.private(page_size=20, strategy="cursor"))
    with pytest.raises(PaginationError):
        await merged.collect()
    await leftovers.check()


async def test_a_bad_row_raises_after_the_good_ones_of_its_page(
    scenario: AsyncScenario, sandbox: Sandbox, leftovers: Leftovers
) -> None:
    sandbox.faults.add(BadRow("wrong-type"), when=lambda one: "collectionId" in one.query)
    (collection_id, *_) = sandbox.catalogue.collection_ids
    given: list[str] = []
    merged = scenario.models.merge(scenario.models.collection(collection_id))
    with pytest.raises(APIResponseValidationError):
        async for one in merged:
            given.append(one.model.id)  # noqa: PERF401 - what came before the error counts
    assert given == sandbox.catalogue.ids("private", collection_id=collection_id)
    await leftovers.check()


async def test_a_bad_row_goes_to_on_invalid_of_its_listing(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    for kind in ("wrong-type", "missing-id", "lone-surrogate"):
        sandbox.faults.add(BadRow(kind), when=lambda one: "collectionId" in one.query)
    mine: list[InvalidRow] = []
    others: list[InvalidRow] = []
    models = scenario.models
    (collection_id, *_) = sandbox.catalogue.collection_ids
    merged = models.merge(
        models.private(on_invalid=others.append),
        models.collection(collection_id, on_invalid=mine.append),
    )
    found = await merged.collect()
    assert len(found) == len(sandbox.catalogue.ids("private"))
    assert (len(mine), len(others)) == (3, 0)


async def test_a_service_that_ignores_bounds_is_warned_of_and_nothing_is_lost(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    sandbox.faults.add(IgnoredBounds(), times=None)
    with pytest.warns(ScenarioWarning):
        found = await everything(scenario, sandbox).collect()
    assert {one.model.id: one.scopes for one in found} == all_scopes(sandbox)


async def test_a_service_that_ignores_bounds_from_some_page_on_keeps_the_order(
    connect: Connect, scenario_sandbox_factory: SandboxFactory
) -> None:
    catalogue = Catalogue()
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(100):
        catalogue.add(created_at=begin + timedelta(seconds=number // 2))
    other = scenario_sandbox_factory(catalogue)
    other.faults.add(IgnoredBounds(), times=None, after=12)
    async with connect(base_url=other.base_url) as scenario:
        with pytest.warns(ScenarioWarning):
            found = await scenario.models.merge(scenario.models.private(page_size=5)).collect()
    assert [one.model.id for one in found] == catalogue.ids()


async def test_the_hooks_hear_of_each_page_and_of_each_row_once(
    connect: Connect, sandbox: Sandbox
) -> None:
    pages: list[PageEvent] = []
    async with connect(event_hooks=EventHooks(on_page=pages.append)) as scenario:
        listing = scenario.models.private()
        found = await scenario.models.merge(listing, listing).collect()
    assert sum(page.models for page in pages) == len(found)
    assert sum(page.repeated for page in pages) == len(found)


async def test_a_slow_caller_is_not_run_away_from(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(max_concurrency=3) as scenario:
        async with aclosing(aiter(everything(scenario, sandbox, page_size=5))) as walk:
            await anext(walk)
            for _ in range(500):
                await anyio.lowlevel.checkpoint()
            assert len(sandbox.requests) <= 1 + 3 + 1 + 3


class Name(msgspec.Struct):
    id: str


class TestArguments:
    async def test_rows_may_be_of_the_callers_own_type(self, scenario: AsyncScenario) -> None:
        models = scenario.models
        found = await models.merge(
            models.private().as_type(Name), models.public().as_type(Name)
        ).collect()
        assert {type(one.model) for one in found} == {Name}

    async def test_rows_of_different_types_are_refused(self, scenario: AsyncScenario) -> None:
        names: Listing[Any] = scenario.models.private().as_type(Name)
        with pytest.raises(TypeError, match="as_type gives all the same type"):
            scenario.models.merge(scenario.models.public(), names)

    async def test_listings_of_another_client_are_refused(self, scenario: AsyncScenario) -> None:
        other = scenario.with_options(max_retries=0)
        with pytest.raises(ValueError, match="another client"):
            scenario.models.merge(scenario.models.public(), other.models.private())

    async def test_what_is_no_listing_is_refused(self, scenario: AsyncScenario) -> None:
        listings: Any = [scenario.models.private()]
        with pytest.raises(TypeError, match=r"merge takes listings.*not a list"):
            scenario.models.merge(listings)

    @pytest.mark.parametrize(("value", "error"), [(0, ValueError), ("3", TypeError)])
    async def test_a_bound_that_is_none_is_refused(
        self, value: Any, error: type[Exception], scenario: AsyncScenario
    ) -> None:
        with pytest.raises(error, match="max_concurrency"):
            scenario.models.merge(max_concurrency=value)

    async def test_no_listings_have_no_models(
        self, scenario: AsyncScenario, sandbox: Sandbox
    ) -> None:
        assert await scenario.models.merge().collect() == []
        assert not sandbox.requests

    async def test_the_bound_of_one_listing_holds_within_the_others(
        self, scenario: AsyncScenario, sandbox: Sandbox
    ) -> None:
        sandbox.faults.add(Delayed(0.01), times=None)
        listing = scenario.models.private(page_size=10, max_concurrency=1)
        await scenario.models.merge(listing).collect()
        assert sandbox.requests.most_unanswered == 1


async def test_scopes_and_reprs_say_what_is_listed(scenario: AsyncScenario) -> None:
    models = scenario.models
    listings = {
        "private": models.private(status="trained"),
        "public": models.public(tags=["x"]),
        "unlisted": models.list(privacy="unlisted"),
        "collection:a": models.collection("a"),
        "unlisted:collection:a": models.collection("a", privacy="unlisted"),
        "public:collection:a,b": models.collection("a", "b", privacy="public"),
    }
    assert {name: listing.scope for name, listing in listings.items()} == {
        name: name for name in listings
    }
    assert models.list().scope == "private"
    assert models.public(route="public").scope == "public"
    merged = models.merge(models.private(), models.public())
    assert repr(merged) == "<Merged of 2 listings: private, public>"
    (first, *_) = await merged.collect()
    assert repr(first) == f"Found({first.model!r}, scopes=('private',))"
