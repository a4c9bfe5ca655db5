"""Every scope, seen by us and by the official SDK: the same models in the same order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import scenario_sdk
from aiohttp import web
from aiohttp.test_utils import TestServer

from scenario_async import Model
from scenario_async.sandbox import Catalogue

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenario_async import AsyncScenario, Listing
    from scenario_async.pytest_plugin import SandboxFactory
    from scenario_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio


def _collection(catalogue: Catalogue, index: int) -> str:
    return catalogue.collection_ids[index]


SCOPES: dict[str, tuple[Callable[[AsyncScenario, Catalogue], Listing[Model]], dict[str, Any]]] = {
    "private": (lambda s, _: s.models.private(), {}),
    "private trained": (lambda s, _: s.models.private(status="trained"), {"status": "trained"}),
    "private deleted": (lambda s, _: s.models.private(status="deleted"), {"status": "deleted"}),
    "private oldest first": (
        lambda s, _: s.models.private(sort_by="createdAt", sort_direction="asc"),
        {"sort_by": "createdAt", "sort_direction": "asc"},
    ),
    "private by score": (
        lambda s, _: s.models.private(sort_by="score", status="trained"),
        {"sort_by": "score", "status": "trained", "privacy": "private"},
    ),
    "private since": (
        lambda s, _: s.models.private(created_after="2025-06-01T00:00:00Z"),
        {"created_after": "2025-06-01T00:00:00Z", "sort_by": "createdAt"},
    ),
    "public": (lambda s, _: s.models.public(), {"privacy": "public"}),
    "public by update": (
        lambda s, _: s.models.public(updated_before="2026-10-14T12:00:00Z"),
        {
            "privacy": "public",
            "sort_by": "updatedAt",
            "updated_before": "2026-10-14T12:00:00Z",
        },
    ),
    "public tagged": (
        lambda s, _: s.models.public(tags=["Characters", "Upscale"]),
        {"privacy": "public", "tags": "Characters,Upscale"},
    ),
    "public of two types": (
        lambda s, _: s.models.public(types=["flux.1-lora", "flux.1-composition"]),
        {"privacy": "public", "types": ["flux.1-lora", "flux.1-composition"]},
    ),
    "collection": (
        lambda s, c: s.models.collection(_collection(c, 0)),
        {"collection_id": 0},
    ),
    "public collections": (
        lambda s, c: s.models.collection(_collection(c, 0), _collection(c, 1), privacy="public"),
        {"privacy": "public", "collection_ids": (0, 1)},
    ),
    "list": (lambda s, _: s.models.list(page_size=7), {"page_size": 7}),
}


def _official_arguments(catalogue: Catalogue, arguments: dict[str, Any]) -> dict[str, Any]:
    arguments = dict(arguments)
    if "collection_id" in arguments:
        arguments["collection_id"] = _collection(catalogue, arguments["collection_id"])
    if "collection_ids" in arguments:
        ids = [_collection(catalogue, index) for index in arguments["collection_ids"]]
        arguments["collection_ids"] = ",".join(ids)
    return arguments


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_scope_has_the_models_that_the_official_sdk_finds(
    scope: str, scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    ours, arguments = SCOPES[scope]
    async with scenario_sdk.AsyncScenario(
        base_url=sandbox.base_url, api_key=sandbox.api_key, api_secret=sandbox.api_secret
    ) as official:
        expected = [
            model.id
            async for model in official.models.list(
                **_official_arguments(sandbox.catalogue, arguments)
            )
        ]

    models = await ours(scenario, sandbox.catalogue).collect()

    assert expected
    assert [model.id for model in models] == expected


@pytest.mark.parametrize("page_size", [1, 7, 100, 500])
async def test_the_public_route_lists_what_the_filter_lists(
    page_size: int, scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    by_filter = [model.id async for model in scenario.models.public()]
    by_route = [
        model.id async for model in scenario.models.public(route="public", page_size=page_size)
    ]

    assert by_route == by_filter
    assert sandbox.requests[-1].path == "/v1/models/public"


async def test_the_public_route_begins_at_an_offset(scenario: AsyncScenario) -> None:
    everything = [model.id async for model in scenario.models.public()]
    listing = scenario.models.public(route="public", limit=20, offset=40)

    assert [model.id async for model in listing] == everything[40:]


async def test_an_offset_that_would_be_the_same_in_each_request_is_refused(
    scenario: AsyncScenario,
) -> None:
    with pytest.raises(ValueError, match=r"offset=\.\.\. of the listing says where it begins"):
        scenario.models.public(route="public", extra_query={"offset": 40})


async def test_every_page_form_gives_the_same_models(scenario: AsyncScenario) -> None:
    listing = scenario.models.private(page_size=20)

    one_by_one = [model.id async for model in listing]
    by_pages = [model.id async for page in listing.pages() for model in page.models]
    as_they_come = [model.id async for model in listing.unordered()]
    first = await listing
    from_page = [model.id async for model in first]
    over_pages = [model.id async for page in first.iter_pages() for model in page.models]
    collected = [model.id for model in await listing.collect()]

    assert len(one_by_one) == len(set(one_by_one)) > 100
    assert one_by_one == by_pages == from_page == over_pages == collected
    assert sorted(as_they_come) == sorted(one_by_one)


async def test_a_listing_begins_anew_each_time_and_also_at_once(scenario: AsyncScenario) -> None:
    listing = scenario.models.private(page_size=50)
    first, second = aiter(listing), aiter(listing)

    interleaved = [((await anext(first)).id, (await anext(second)).id) for _ in range(120)]

    assert all(one == other for one, other in interleaved)
    await first.aclose()
    await second.aclose()


async def test_one_page_on_purpose_costs_one_request(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    page = await scenario.models.private(page_size=10)

    assert len(page.models) == 10
    assert page.has_next_page()
    assert len(sandbox.requests) == 1


async def test_awaiting_leaves_the_page_size_to_the_service(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    page = await scenario.models.list()

    assert len(page.models) == 100
    assert "pageSize" not in sandbox.requests[-1].query


async def test_a_smaller_type_is_decoded_in_the_place_of_the_model(
    scenario: AsyncScenario,
) -> None:
    import msgspec  # noqa: PLC0415 - only this test plays a user who brings an own type

    class Name(msgspec.Struct, rename="camel"):
        name: str | None = None
        created_at: str | None = None

    names = await scenario.models.private().as_type(Name).collect()
    models = await scenario.models.private().collect()

    assert all(type(name) is Name for name in names)
    assert [name.name for name in names] == [model.name for model in models]


async def test_retrieve_gives_what_no_listing_has(scenario: AsyncScenario) -> None:
    listed = (await scenario.models.public(page_size=1)).models[0]

    full = await scenario.models.retrieve(listed.id)

    assert isinstance(full, Model)
    assert full.id == listed.id
    assert listed.inputs is None
    assert full.inputs
    assert full.ui_config is not None


async def test_a_model_keeps_its_record_as_it_was_sent(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    async for model in scenario.models.public():
        assert model.raw == sandbox.record(model.id)


async def test_parameters_of_a_call_reach_the_service(
    connect: Callable[..., AsyncScenario], sandbox: Sandbox
) -> None:
    async with connect(project_id="proj_client", default_query={"a": 1, "b": True}) as scenario:
        await scenario.models.list(extra_query={"b": False, "new": ["x", "y"]})
        await scenario.models.list(project_id="proj_call")

    first, second = (request.query for request in sandbox.requests)
    assert first == {"projectId": "proj_client", "a": "1", "b": "false", "new": "x,y"}
    assert second["projectId"] == "proj_call"


async def test_a_wrong_combination_is_refused_before_any_request(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    with pytest.raises(ValueError, match=r"status.*privacy='public'"):
        scenario.models.list(privacy="public", status="trained")
    with pytest.raises(ValueError, match="several collections"):
        scenario.models.collection("a", "b")  # type: ignore[call-overload] # pyright: ignore[reportCallIssue] - wrong on purpose
    with pytest.raises(ValueError, match="model_id"):
        await scenario.models.retrieve("")

    assert not sandbox.requests


async def test_a_page_may_be_walked_on_from_again_while_the_listing_changes(
    scenario: AsyncScenario, scenario_sandbox_factory: SandboxFactory
) -> None:
    sandbox = scenario_sandbox_factory(Catalogue.seeded(public=0, private=120))
    async with scenario.with_options(
        base_url=sandbox.base_url, api_key=sandbox.api_key, api_secret=sandbox.api_secret
    ) as other:
        page = await other.models.private(page_size=20)
        first = [model.id async for model in page]
        for _ in range(30):
            sandbox.catalogue.add(privacy="private")
        second = [model.id async for model in page]
        again = await page.get_next_page()

    assert len(first) == 120
    assert second == first
    assert [model.id for model in again.models] == first[20:40]


@pytest.mark.parametrize("rows", [0, 1, 20, 50, 98])
async def test_the_public_route_needs_no_tokens_and_no_full_pages(
    rows: int, connect: Callable[..., AsyncScenario]
) -> None:
    """A server that caps ``limit`` at 20 and hands out no token."""

    async def serve(request: web.Request) -> web.Response:
        offset = int(request.query.get("offset", 0))
        last = min(offset + min(int(request.query.get("limit", 20)), 20), rows)
        models = [{"id": f"model_{index}"} for index in range(offset, last)]
        return web.json_response({"models": models})

    app = web.Application()
    app.router.add_get("/v1/models/public", serve)
    async with TestServer(app) as server:
        base_url = str(server.make_url("/v1"))
        async with connect(base_url=base_url) as scenario:
            found = [model.id async for model in scenario.models.public(route="public")]

    assert found == [f"model_{index}" for index in range(rows)]
