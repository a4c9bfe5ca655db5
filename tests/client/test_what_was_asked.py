"""The caller gets what a call says, whichever way the service behaves."""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import pytest

from scenario_async import AsyncScenario, EventHooks, Missing, PageEvent
from scenario_async.sandbox import Behavior, Catalogue

if TYPE_CHECKING:
    from support.client import Connect

    from scenario_async import Listing, Model
    from scenario_async.pytest_plugin import SandboxFactory
    from scenario_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio

Index = Literal["all", "ordinary", "none"]
OFFICIAL = ["sc:scenario"]
PUBLIC = 709


@pytest.fixture(scope="module")
def whole() -> Catalogue:
    """As many public models as the service had in October 2026: two pages."""
    catalogue = Catalogue.seeded(public=PUBLIC, private=60)
    for model_id in tuple(catalogue.ids("private"))[::7]:
        catalogue.delete(model_id)
    return catalogue


def carrying(catalogue: Catalogue, *tags: str) -> list[str]:
    found = catalogue.ids("public")
    return [one for one in found if not set(tags).isdisjoint(catalogue.get(one).tags)]


def of(sandbox: Sandbox, connect: Connect, **options: Any) -> AsyncScenario:
    return connect(base_url=sandbox.base_url, **options)


async def ids(listing: Listing[Model]) -> list[str]:
    return [model.id async for model in listing]


@pytest.mark.parametrize("route", ["filter", "public"])
@pytest.mark.parametrize("index", ["all", "ordinary", "none"])
@pytest.mark.parametrize("short_pages", [True, False])
async def test_a_tag_of_the_service_gives_the_models_that_carry_it(
    *,
    route: Literal["filter", "public"],
    index: Index,
    short_pages: bool,
    connect: Connect,
    scenario_sandbox_factory: SandboxFactory,
    whole: Catalogue,
) -> None:
    behavior = Behavior(models_tags=index, public_route_tags=index, short_pages=short_pages)
    sandbox = scenario_sandbox_factory(whole, behavior=behavior)
    wanted = carrying(whole, *OFFICIAL)
    costs: list[int] = []
    async with of(sandbox, connect) as scenario:
        # One page after the other, so that no request is a guess.
        listing = scenario.models.public(tags=OFFICIAL, route=route, strategy="cursor")
        for _ in range(3):
            before = len(sandbox.requests)
            assert await ids(listing) == wanted
            costs.append(len(sandbox.requests) - before)
        assert [model.id for model in await listing.collect()] == wanted

    pages = 1 if index == "all" else 2
    # Once in the life of a client: that the tag is not in the index, or that the route has tokens.
    assert costs == [pages + (index != "all" or route == "public"), pages, pages]


@pytest.fixture
def measured(scenario_sandbox_factory: SandboxFactory, whole: Catalogue) -> Sandbox:
    """The service as it was measured: its own tags are not in the index."""
    return scenario_sandbox_factory(whole)


async def test_every_way_through_a_listing_gives_the_same_models(
    connect: Connect, measured: Sandbox, whole: Catalogue
) -> None:
    class Tagged(msgspec.Struct):
        id: str
        tags: list[str]

    wanted = carrying(whole, *OFFICIAL)
    async with of(measured, connect) as scenario:
        models = scenario.models
        listing = models.list(privacy="public", tags=OFFICIAL, page_size=100)

        assert [m.id for m in await listing.collect()] == wanted
        assert sorted([m.id async for m in listing.unordered()]) == sorted(wanted)
        assert [m.id async for page in listing.pages() for m in page.models] == wanted
        assert [m.id async for m in listing.as_type(Tagged)] == wanted
        assert [m.id async for m in await listing] == wanted
        details = [m async for m in listing.with_details()]
        assert [m.id for m in details if not isinstance(m, Missing)] == wanted
        by_date = models.public(tags=OFFICIAL, sort_by="createdAt")
        assert sorted(await ids(by_date)) == sorted(wanted)


async def test_a_merge_does_not_find_a_model_in_a_listing_that_it_does_not_fit(
    connect: Connect, measured: Sandbox, whole: Catalogue
) -> None:
    async with of(measured, connect) as scenario:
        models = scenario.models
        official = models.public(tags=OFFICIAL)
        merged = await models.merge(official, models.public(tags=["Characters"])).collect()
        listed = await models.merge(official, models.public()).collect()

    assert {one.model.id for one in merged} == set(carrying(whole, *OFFICIAL, "Characters"))
    assert [one.model.id for one in listed][: len(carrying(whole, *OFFICIAL))] == carrying(
        whole, *OFFICIAL
    )
    assert len(listed) == PUBLIC


async def test_one_page_is_one_page_of_the_listing_and_a_later_part_goes_on_behind_it(
    connect: Connect, measured: Sandbox, whole: Catalogue
) -> None:
    wanted = carrying(whole, *OFFICIAL)
    async with of(measured, connect) as scenario:
        page = await scenario.models.public(tags=OFFICIAL, page_size=50)
        assert page.has_next_page()
        here = [model.id for model in page.models]
        assert here == carrying(whole, *OFFICIAL)[: len(here)]
        following = await page.get_next_page()
    # Another program goes on from the token.
    async with of(measured, connect) as scenario:
        rest = scenario.models.public(
            tags=OFFICIAL, page_size=50, pagination_token=page.next_pagination_token
        )
        found = await ids(rest)

    assert here + found == wanted
    assert [model.id for model in following.models] == found[: len(following.models)]


async def test_clients_of_the_same_models_share_what_was_found_out(
    connect: Connect, measured: Sandbox
) -> None:
    async with of(measured, connect) as scenario:
        await scenario.models.public(tags=OFFICIAL).collect()
        measured.requests.clear()
        await scenario.with_options(timeout=20).models.public(tags=OFFICIAL).collect()

    assert all("tags" not in request.query for request in measured.requests)


async def test_nothing_of_it_is_a_warning_and_it_is_logged_once(
    connect: Connect, measured: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "scenario_async"), warnings.catch_warnings():
        warnings.simplefilter("error")
        async with of(measured, connect) as scenario:
            for _ in range(2):
                await scenario.models.public(tags=OFFICIAL, page_size=100).collect()

    said = [line for line in caplog.messages if "selects nothing by tags=sc:scenario" in line]
    left_out = [line for line in caplog.messages if "not asked for" in line]
    assert (len(said), len(left_out)) == (1, 2)


async def test_pages_tell_how_many_rows_were_not_asked_for(
    connect: Connect, measured: Sandbox, whole: Catalogue
) -> None:
    pages: list[PageEvent] = []
    async with of(measured, connect, event_hooks=EventHooks(on_page=pages.append)) as scenario:
        await scenario.models.public(tags=OFFICIAL).collect()

    wanted = carrying(whole, *OFFICIAL)
    assert sum(page.models for page in pages) == len(wanted)
    assert sum(page.filtered for page in pages) == PUBLIC - len(wanted)
    assert all(page.repeated == page.invalid == 0 for page in pages)


async def test_rows_of_another_status_are_not_given(
    connect: Connect, scenario_sandbox_factory: SandboxFactory
) -> None:
    catalogue = Catalogue()
    trained = catalogue.add(status="trained")
    catalogue.add(status="training")
    # It shows another status than the one that the service has of it.
    catalogue.add(status="trained", fields={"status": "failed"})
    sandbox = scenario_sandbox_factory(catalogue)
    async with of(sandbox, connect) as scenario:
        assert await ids(scenario.models.private(status="trained")) == [trained]


Paging = Literal["tokens", "offsets", "both"]
FIRST_WALKS: dict[tuple[Paging, str], tuple[int, int]] = {
    # Requests of the first walk through 709 models and of the next one.
    ("tokens", "ignored"): (2, 2),
    ("tokens", "refused"): (2, 2),
    ("both", "ignored"): (2, 2),
    ("both", "refused"): (2, 2),
    # Only an empty page shows the end. The first walk has a page of the size that the route chose,
    ("offsets", "ignored"): (4, 3),
    # or one request that is refused.
    ("offsets", "refused"): (4, 3),
}


@pytest.mark.parametrize("end", ["empty", "absent", "null"])
@pytest.mark.parametrize(("paging", "unknown"), FIRST_WALKS)
async def test_the_public_route_gives_all_models_whichever_way_it_pages(
    *,
    paging: Paging,
    unknown: Literal["ignored", "refused"],
    end: Literal["empty", "absent", "null"],
    connect: Connect,
    scenario_sandbox_factory: SandboxFactory,
    whole: Catalogue,
) -> None:
    behavior = Behavior(public_route_paging=paging, public_route_unknown=unknown, end=end)
    sandbox = scenario_sandbox_factory(whole, behavior=behavior)
    costs: list[int] = []
    async with of(sandbox, connect) as scenario:
        listing = scenario.models.public(route="public", strategy="cursor")
        for _ in range(2):
            before = len(sandbox.requests)
            assert await ids(listing) == whole.ids("public")
            costs.append(len(sandbox.requests) - before)
        collected = await scenario.models.public(route="public").collect()
        assert [model.id for model in collected] == whole.ids("public")
        begun = scenario.models.public(route="public", limit=100, offset=40)
        assert await ids(begun) == whole.ids("public")[40:]

    assert tuple(costs) == FIRST_WALKS[paging, unknown]


@pytest.mark.parametrize("paging", ["tokens", "offsets", "both"])
async def test_the_public_route_takes_every_filter_of_the_public_listing(
    paging: Paging,
    connect: Connect,
    scenario_sandbox_factory: SandboxFactory,
    whole: Catalogue,
) -> None:
    behavior = Behavior(public_route_paging=paging, public_route_unknown="refused")
    sandbox = scenario_sandbox_factory(whole, behavior=behavior)
    filters: list[dict[str, Any]] = [
        {"tags": ["Characters", "sc:featured"]},
        {"type": "flux.1-lora"},
        {"types": ["custom", "flux.1-composition"], "sort_by": "updatedAt"},
        {"created_after": "2025-06-01T00:00:00Z", "sort_direction": "asc"},
        {"updated_before": "2026-10-14T12:00:00Z"},
        {"sort_by": "score"},
    ]
    async with of(sandbox, connect) as scenario:
        for given in filters:
            by_filter = await ids(scenario.models.public(**given))
            assert await ids(scenario.models.public(route="public", **given)) == by_filter
            assert by_filter
