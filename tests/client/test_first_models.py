"""The first model of a listing, the first ones, and how many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from support.client import WAYS

from scenario_async import (
    APIResponseValidationError,
    EventHooks,
    InternalServerError,
    InvalidRow,
    PageEvent,
)
from scenario_async.sandbox import BadRow, Catalogue, EmptyPage, ServerError

if TYPE_CHECKING:
    from support.client import Connect, Way

    from scenario_async import AsyncScenario
    from scenario_async.pytest_plugin import SandboxFactory
    from scenario_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio

each_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


def sizes(sandbox: Sandbox) -> list[str | None]:
    return [request.query.get("pageSize") for request in sandbox.requests]


async def test_the_first_model_is_one_request_for_one_row(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    model = await scenario.models.private().first()

    assert model is not None
    assert model.id == sandbox.catalogue.ids("private")[0]
    assert sizes(sandbox) == ["1"]


async def test_an_empty_listing_has_no_first_model_and_none_to_count(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    listing = scenario.models.private(created_before="2001-01-01")

    assert await listing.first() is None
    assert await listing.collect(limit=5) == []
    assert len(sandbox.requests) == 2
    assert await listing.count() == 0


@each_way
@pytest.mark.parametrize("limit", [0, 1, 2, 20, 21, 45, 1000])
async def test_so_many_are_the_first_ones_in_order(
    limit: int, way: Way, scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    found = await way.listing(scenario).collect(limit=limit)

    assert [model.id for model in found] == way.ids(sandbox)[:limit]
    if limit <= 20:
        assert sizes(sandbox) == [str(limit)] * (limit > 0)


@pytest.mark.parametrize(
    ("limit", "requests"), [(1, 1), (136, 1), (500, 1), (501, 2), (700, 2), (701, 2)]
)
async def test_no_page_is_asked_for_that_is_not_needed(
    limit: int, requests: int, connect: Connect, scenario_sandbox_factory: SandboxFactory
) -> None:
    sandbox = scenario_sandbox_factory(Catalogue.seeded(public=700, private=0))
    async with connect(base_url=sandbox.base_url) as scenario:
        found = await scenario.models.public().collect(limit=limit)

    assert [model.id for model in found] == sandbox.catalogue.ids("public")[:limit]
    assert len(sandbox.requests) == requests


async def test_behind_a_token_the_page_keeps_its_size(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    page = await scenario.models.private(page_size=20)
    token = page.next_pagination_token
    behind = scenario.models.private(page_size=20, pagination_token=token)

    model = await behind.first()

    assert model is not None
    assert model.id == sandbox.catalogue.ids("private")[20]
    assert sizes(sandbox) == ["20", "20"]


async def test_the_other_route_takes_its_size_by_its_own_name(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    found = await scenario.models.public(route="public", offset=3).collect(limit=2)

    assert [model.id for model in found] == sandbox.catalogue.ids("public")[3:5]


async def test_an_empty_page_that_leads_on_is_no_empty_listing(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    sandbox.faults.add(EmptyPage(), times=1)

    model = await scenario.models.private().first()

    assert model is not None
    assert model.id == sandbox.catalogue.ids("private")[0]
    assert sizes(sandbox) == ["1", "500"]


async def test_by_a_tag_that_is_in_no_index_it_takes_a_large_page_and_no_small_ones(
    connect: Connect, scenario_sandbox_factory: SandboxFactory
) -> None:
    sandbox = scenario_sandbox_factory(Catalogue.seeded(public=300, private=0))
    official = [
        model_id
        for model_id in sandbox.catalogue.ids("public")
        if "sc:scenario" in (msgspec.json.decode(sandbox.record(model_id)).get("tags") or ())
    ]
    async with connect(base_url=sandbox.base_url) as scenario:
        listing = scenario.models.public(tags=["sc:scenario"])
        found = await listing.collect(limit=3)
        again = await listing.first()

    assert [model.id for model in found] == official[:3]
    assert again is not None
    assert again.id == official[0]
    assert set(sizes(sandbox)) == {"500"}


async def test_a_first_row_that_does_not_fit_raises_or_is_reported_once(
    connect: Connect, scenario_sandbox_factory: SandboxFactory
) -> None:
    sandbox = scenario_sandbox_factory(Catalogue.seeded(public=0, private=30, odd=False))
    ids = sandbox.catalogue.ids("private")
    sandbox.catalogue.update(ids[0], fields={"tags": {"0": "not a list"}}, touch=False)
    async with connect(base_url=sandbox.base_url) as scenario:
        with pytest.raises(APIResponseValidationError, match=ids[0]):
            await scenario.models.private().first()
        rejected: list[InvalidRow] = []
        model = await scenario.models.private(on_invalid=rejected.append).first()

    assert model is not None
    assert model.id == ids[1]
    assert [row.id for row in rejected] == [ids[0]]


async def test_rows_of_the_small_page_are_told_of_once_where_it_is_not_enough(
    connect: Connect, scenario_sandbox_factory: SandboxFactory
) -> None:
    sandbox = scenario_sandbox_factory(Catalogue.seeded(public=0, private=30, odd=False))
    ids = sandbox.catalogue.ids("private")
    for odd in (ids[0], ids[5]):
        sandbox.catalogue.update(odd, fields={"tags": {"0": "not a list"}}, touch=False)
    rejected: list[InvalidRow] = []
    pages: list[PageEvent] = []
    hooks = EventHooks(on_page=pages.append)
    async with connect(base_url=sandbox.base_url, event_hooks=hooks) as scenario:
        models = await scenario.models.private(on_invalid=rejected.append).collect(limit=29)

    assert [model.id for model in models] == [one for one in ids if one not in (ids[0], ids[5])]
    assert [row.id for row in rejected] == [ids[0], ids[5]]
    assert [(page.models, page.repeated, page.invalid) for page in pages] == [
        (27, 0, 2),
        (1, 29, 0),
    ]


async def test_rows_behind_the_last_model_are_not_told_of(
    connect: Connect, scenario_sandbox_factory: SandboxFactory
) -> None:
    sandbox = scenario_sandbox_factory(Catalogue.seeded(public=0, private=520, odd=False))
    ids = sandbox.catalogue.ids("private")
    for odd in (ids[0], ids[511]):
        sandbox.catalogue.update(odd, fields={"tags": {"0": "not a list"}}, touch=False)
    rejected: list[InvalidRow] = []
    async with connect(base_url=sandbox.base_url) as scenario:
        models = await scenario.models.private(on_invalid=rejected.append).collect(limit=510)

    assert [model.id for model in models] == ids[1:511]
    assert [row.id for row in rejected] == [ids[0]]


@each_way
async def test_the_count_is_that_of_all_models_whether_they_fit_or_not(
    way: Way, connect: Connect, scenario_sandbox_factory: SandboxFactory
) -> None:
    sandbox = scenario_sandbox_factory(Catalogue.seeded(public=130, private=130, odd=False))
    sandbox.catalogue.update(way.ids(sandbox)[70], fields={"tags": 5}, touch=False)
    async with connect(base_url=sandbox.base_url) as scenario:
        assert await way.listing(scenario).count() == 130


async def test_a_count_asks_for_the_pages_of_the_listing_and_no_more(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    assert await scenario.models.public().count() == len(sandbox.catalogue.ids("public"))
    assert sizes(sandbox) == ["500"]


async def test_a_row_that_nobody_can_tell_apart_fails_a_count_or_is_reported(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    rejected: list[InvalidRow] = []
    sandbox.faults.add(BadRow("missing-id"), times=2)
    with pytest.raises(APIResponseValidationError):
        await scenario.models.private().count()
    count = await scenario.models.private(on_invalid=rejected.append).count()

    assert count == len(sandbox.catalogue.ids("private"))
    assert len(rejected) == 1


async def test_a_failure_leaves_no_partial_result(connect: Connect, sandbox: Sandbox) -> None:
    sandbox.faults.add(ServerError(500), times=None)
    async with connect(max_retries=0) as scenario:
        listing = scenario.models.private()
        for ask in (listing.first, listing.count, lambda: listing.collect(limit=3)):
            with pytest.raises(InternalServerError):
                await ask()


@pytest.mark.parametrize(
    ("limit", "error", "words"),
    [
        (-1, ValueError, "limit must be 0 or more, not -1"),
        ("5", TypeError, "limit must be an int, not str"),
        (True, TypeError, "limit must be an int, not bool"),
    ],
)
async def test_a_limit_that_is_none_is_refused_before_any_request(
    limit: Any, error: type[Exception], words: str, *, scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    with pytest.raises(error, match=words):
        await scenario.models.private().collect(limit=limit)

    assert not sandbox.requests
