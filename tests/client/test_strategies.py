"""Several pages at once: the same models in the same order, for a bounded price."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import anyio.lowlevel
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from support.client import UnderWay, until

from scenario_async import (
    AsyncScenario,
    EventHooks,
    PageEvent,
    PaginationError,
    ScenarioWarning,
)
from scenario_async._query.query import wire_time
from scenario_async.sandbox import (
    Behavior,
    Catalogue,
    ChangedTokens,
    Delayed,
    ExpiredToken,
    IgnoredBounds,
    RepeatedToken,
    Sandbox,
    ServerError,
)

if TYPE_CHECKING:
    from support.client import Connect

    from scenario_async import InvalidRow, Listing, Model
    from scenario_async.pytest_plugin import SandboxFactory
    from scenario_async.sandbox import Request

pytestmark = [pytest.mark.anyio, pytest.mark.once]

PUBLIC, PRIVATE = 130, 110


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.seeded(public=PUBLIC, private=PRIVATE, unlisted=60, collections=2, burst=17)


BY_CREATION: dict[str, dict[str, Any]] = {
    "private": {},
    "private oldest first": {"sort_by": "createdAt", "sort_direction": "asc"},
    "private since": {"created_after": "2025-06-01T00:00:00Z"},
    "private trained": {"status": "trained"},
    "collection": {"collection_id": 0},
    "unlisted": {"privacy": "unlisted"},
    "public by creation": {"privacy": "public", "sort_by": "createdAt"},
    "public oldest first": {"privacy": "public", "sort_by": "createdAt", "sort_direction": "asc"},
}
BY_OFFSET: dict[str, dict[str, Any]] = {
    "public": {"privacy": "public"},
    "public route": {"route": "public"},
}
SCOPES = {
    **BY_CREATION,
    **BY_OFFSET,
    "public by update": {"privacy": "public", "sort_by": "updatedAt"},
}


def _listing(
    scenario: AsyncScenario, sandbox: Sandbox, scope: str, **options: Any
) -> Listing[Model]:
    options = {**SCOPES[scope], **options}
    if "collection_id" in options:
        options["collection_id"] = sandbox.catalogue.collection_ids[options["collection_id"]]
    return (scenario.models.public if "route" in options else scenario.models.list)(**options)


async def _walk(listing: Listing[Model], form: str) -> list[str]:
    if form == "collect":
        return [model.id for model in await listing.collect()]
    if form == "pages":
        return [model.id async for page in listing.pages() for model in page.models]
    return [model.id async for model in listing]


async def _sequential(scenario: AsyncScenario, sandbox: Sandbox, scope: str) -> list[str]:
    """The listing as the service's own cursors give it; its requests are forgotten."""
    listing = _listing(scenario, sandbox, scope, page_size=20, strategy="cursor")
    ids = [model.id async for model in listing]
    sandbox.requests.clear()
    return ids


def _bounded(sandbox: Sandbox) -> int:
    return sum("createdBefore" in request.query for request in sandbox.requests)


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("form", ["async for", "pages", "collect"])
async def test_every_scope_and_form_keeps_the_order_of_the_service(
    form: str, scope: str, scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    expected = await _sequential(scenario, sandbox, scope)

    found = await _walk(_listing(scenario, sandbox, scope, page_size=10), form)

    assert len(found) > 20
    assert found == expected


@pytest.mark.parametrize("scope", SCOPES)
async def test_unordered_gives_the_same_models(
    scope: str, scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    expected = await _sequential(scenario, sandbox, scope)

    listing = _listing(scenario, sandbox, scope, page_size=10)
    found = [model.id async for model in listing.unordered()]

    assert len(found) == len(set(found))
    assert set(found) == set(expected)


# The largest page of /models/public is not documented: one that is not full may not be the last.
@pytest.mark.parametrize("scope", [scope for scope in SCOPES if scope != "public route"])
async def test_a_listing_of_one_page_costs_one_request(
    scope: str, scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    for form in ("async for", "pages", "collect"):
        assert await _walk(_listing(scenario, sandbox, scope), form)

    assert len(sandbox.requests) == 3


@pytest.mark.parametrize("scope", BY_CREATION)
async def test_a_listing_by_creation_is_gone_through_by_windows_of_time(
    scope: str, connect: Connect, scenario_sandbox_factory: SandboxFactory
) -> None:
    # Some odd models have no date. Where one is seen at once, windows are not trusted.
    catalogue = Catalogue.seeded(
        public=150, private=150, unlisted=90, collections=2, odd=False, burst=9
    )
    sandbox = scenario_sandbox_factory(catalogue)
    async with connect(base_url=sandbox.base_url) as scenario:
        await _listing(scenario, sandbox, scope, page_size=25).collect()

    first, *others = sandbox.requests
    assert others
    assert not {"createdBefore", "paginationToken"} & first.query.keys()
    assert all({"createdAfter", "createdBefore"} & request.query.keys() for request in others)
    assert all(request.query["sortBy"] == "createdAt" for request in others)


async def test_a_model_without_a_date_on_the_first_page_is_in_no_window(
    connect: Connect, scenario_sandbox_factory: SandboxFactory
) -> None:
    sandbox = scenario_sandbox_factory(Catalogue.seeded(public=0, private=90, odd=False))
    ids = sandbox.catalogue.ids("private")
    sandbox.catalogue.update(ids[3], fields={"createdAt": None}, touch=False)
    async with connect(base_url=sandbox.base_url) as scenario:
        listing = scenario.models.private(page_size=20, on_invalid=lambda _: None)
        found = [model.id async for model in listing]

    assert set(ids) - {ids[3]} <= set(found)
    assert _bounded(sandbox) == 0


@pytest.mark.parametrize("form", ["async for", "pages", "collect"])
@pytest.mark.parametrize("burst", [1, 30, 90])
async def test_a_millisecond_that_fills_pages_is_gone_through_by_token(
    burst: int, form: str, connect: Connect, scenario_sandbox_factory: SandboxFactory
) -> None:
    sandbox = scenario_sandbox_factory(Catalogue.seeded(public=0, private=90, burst=burst))
    async with connect(base_url=sandbox.base_url) as scenario:
        found = await _walk(scenario.models.private(page_size=5), form)

    assert found == sandbox.catalogue.ids("private")


@pytest.mark.parametrize("form", ["async for", "pages", "collect"])
async def test_a_service_that_sorts_by_the_second_loses_no_model(
    form: str, connect: Connect, scenario_sandbox_factory: SandboxFactory
) -> None:
    catalogue, chance = Catalogue(), Random(7)  # noqa: S311 - no secret
    created = datetime(2026, 1, 1, tzinfo=UTC)
    for _ in range(600):
        created += timedelta(milliseconds=chance.choice([0, 1, 30, 400, 700, 1_500, 90_000]))
        catalogue.add(created_at=created)
    sandbox = scenario_sandbox_factory(catalogue, behavior=Behavior(dates="seconds"))
    async with connect(base_url=sandbox.base_url) as scenario:
        for _ in range(2):
            found = await _walk(scenario.models.private(page_size=20), form)
            assert sorted(found) == sorted(catalogue.ids())


async def test_a_token_that_repeats_inside_a_millisecond_is_an_error(
    connect: Connect, scenario_sandbox_factory: SandboxFactory
) -> None:
    sandbox = scenario_sandbox_factory(Catalogue.seeded(public=0, private=90, burst=45))
    sandbox.faults.add(RepeatedToken(), times=None)
    async with connect(base_url=sandbox.base_url) as scenario:
        with pytest.raises(PaginationError, match="never end"):
            await scenario.models.private(page_size=4, strategy="windows").collect()


async def test_a_public_listing_is_gone_through_by_predicted_tokens(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    await scenario.models.public(page_size=10).collect()

    offsets = [_offset_of(request.query.get("paginationToken")) for request in sandbox.requests]
    assert sorted(offsets)[: PUBLIC // 10] == list(range(0, PUBLIC, 10))
    assert _bounded(sandbox) == 0


async def test_the_public_route_is_gone_through_by_offsets(
    connect: Connect, catalogue: Catalogue, scenario_sandbox_factory: SandboxFactory
) -> None:
    behavior = Behavior(public_route_paging="offsets", public_route_page=10)
    sandbox = scenario_sandbox_factory(catalogue, behavior=behavior)
    async with connect(base_url=sandbox.base_url) as scenario:
        await scenario.models.public(route="public", page_size=10).collect()

    offsets = [int(request.query.get("offset", 0)) for request in sandbox.requests]
    assert sorted(offsets)[: PUBLIC // 10] == list(range(0, PUBLIC, 10))


def _offset_of(token: str | None) -> int:
    return 0 if token is None else int(json.loads(base64.b64decode(token))["offset"])


@pytest.mark.parametrize("scope", ["private", "public"])
@pytest.mark.parametrize(("client", "listing"), [(3, None), (8, 3), (3, 8), (1, 8), (8, 1)])
async def test_the_smaller_bound_of_client_and_listing_holds(
    client: int, listing: int | None, scope: str, connect: Connect, sandbox: Sandbox
) -> None:
    sandbox.faults.add(Delayed(0.01), times=None)
    most = min(client, listing or client)
    under_way = UnderWay()
    async with connect(max_concurrency=client, event_hooks=under_way.hooks) as scenario:
        found = await _listing(
            scenario, sandbox, scope, page_size=10, max_concurrency=listing
        ).collect()

    assert [model.id for model in found] == sandbox.catalogue.ids(
        "private" if scope == "private" else "public"
    )
    assert min(most, 2) <= under_way.most <= most
    assert sandbox.requests.most_unanswered <= most


@pytest.mark.parametrize(("wanted", "most"), [(None, 8), (12, 12)])
async def test_a_listing_asks_for_eight_pages_at_once_unless_told_otherwise(
    wanted: int | None, most: int, connect: Connect, sandbox: Sandbox
) -> None:
    def is_behind_the_first(request: Request) -> bool:
        return request.query.get("paginationToken") is not None

    # A new client soon sends only half as many at once as it might.
    async with connect(max_concurrency=24) as scenario:
        listing = scenario.models.public(page_size=5, max_concurrency=wanted)
        # Then it is known how many pages there are, and all can be asked for behind the first.
        await listing.collect()
        sandbox.faults.add(Delayed(60), times=None, when=is_behind_the_first)
        task = asyncio.create_task(listing.collect())
        await until(lambda: sandbox.requests.unanswered == most)
        for _ in range(100):
            await anyio.lowlevel.checkpoint()
        task.cancel()
        await asyncio.wait([task])
    assert sandbox.requests.most_unanswered == most


@pytest.mark.parametrize("scope", ["public", "public route"])
async def test_windows_of_a_listing_that_does_not_come_by_a_date_are_refused(
    scope: str, scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    with pytest.raises(ValueError, match="strategy='windows' needs a listing"):
        _listing(scenario, sandbox, scope, strategy="windows")


@pytest.mark.parametrize("strategy", ["", "fast", "Cursor", None, 5])
async def test_a_strategy_of_another_name_is_refused_with_those_there_are(
    strategy: Any, scenario: AsyncScenario
) -> None:
    with pytest.raises(ValueError, match="'auto', 'cursor', 'predicted', 'windows'"):
        scenario.models.private(strategy=strategy)


@pytest.mark.parametrize("most", [0, -1])
async def test_no_request_at_a_time_is_refused(most: int, scenario: AsyncScenario) -> None:
    with pytest.raises(ValueError, match="max_concurrency"):
        scenario.models.private(max_concurrency=most)


@pytest.mark.parametrize(
    ("scope", "strategy"),
    [
        ("private", "auto"),
        ("private", "windows"),
        ("private", "predicted"),
        ("public", "auto"),
        ("public", "predicted"),
    ],
)
async def test_what_a_caller_sends_himself_is_never_foreseen(
    strategy: str, scope: str, scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    listing = _listing(scenario, sandbox, scope, strategy=strategy, extra_query={"pageSize": 25})
    found = [model.id for model in await listing.collect()]

    assert found == sandbox.catalogue.ids("private" if scope == "private" else "public")
    assert len(sandbox.requests) == -(-len(found) // 25)
    assert _bounded(sandbox) == 0


@pytest.mark.parametrize("where", ["default_query", "extra_query"])
@pytest.mark.parametrize("form", ["async for", "pages", "collect"])
async def test_bounds_and_orders_of_the_callers_own_hold_for_the_whole_walk(
    form: str, where: str, connect: Connect, sandbox: Sandbox
) -> None:
    ids, get = sandbox.catalogue.ids("private"), sandbox.catalogue.get
    bound = get(ids[60]).created
    newest = [one for one in ids if get(one).created > bound]
    moment = datetime.fromtimestamp(bound / 1000, UTC)
    own = {"sortBy": "createdAt", "createdAfter": wire_time(moment)}
    async with connect(**({where: own} if where == "default_query" else {})) as scenario:
        options: dict[str, Any] = {where: own} if where == "extra_query" else {}
        found = await _walk(scenario.models.private(page_size=10, **options), form)

    assert len(found) > 30
    assert found == newest


async def test_what_the_listing_asks_for_anyway_may_be_in_the_default_query(
    connect: Connect, sandbox: Sandbox
) -> None:
    own = {"pageSize": 50, "privacy": "public", "sortBy": None, "other": 1}
    async with connect(default_query=own) as scenario:
        await scenario.models.private(page_size=10, strategy="windows").collect()

    assert _bounded(sandbox) > 0


async def test_other_models_than_the_listing_asks_for_are_not_taken_for_sorted_by_creation(
    connect: Connect, scenario_sandbox_factory: SandboxFactory
) -> None:
    catalogue = Catalogue()
    for number in range(60):
        # The first pages happen to come by creation.
        score = 100 - number if number < 10 else number
        created = datetime(2026, 1, 1, tzinfo=UTC) - timedelta(days=number % 50)
        catalogue.add(privacy="public", score=score, created_at=created)
    other = scenario_sandbox_factory(catalogue)
    async with connect(base_url=other.base_url) as scenario:
        listing = scenario.models.list(extra_query={"privacy": "public"}, page_size=3)
        assert len(await listing.collect()) == 60


@pytest.mark.parametrize("form", ["async for", "pages", "collect"])
@pytest.mark.parametrize("status", [400, 422])
async def test_a_service_that_refuses_bounds_of_time_is_walked_by_its_cursors(
    status: int, form: str, scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    def bounded(request: Request) -> bool:
        return not {"createdAfter", "createdBefore"}.isdisjoint(request.query)

    sandbox.faults.add(ServerError(status=status), times=None, when=bounded)

    with pytest.warns(ScenarioWarning, match="refused createdAfter and createdBefore") as warned:
        found = await _walk(scenario.models.private(page_size=10), form)

    assert found == sandbox.catalogue.ids("private")
    assert len(warned) == 1


@pytest.mark.parametrize("row", [3, 25, 55])
async def test_each_row_is_told_of_once_where_the_walk_begins_again(
    row: int, connect: Connect, scenario_sandbox_factory: SandboxFactory
) -> None:
    catalogue = Catalogue.seeded(public=0, private=60, odd=False)
    odd = catalogue.ids("private")[row]
    catalogue.update(odd, fields={"tags": [1]})
    other = scenario_sandbox_factory(catalogue)
    other.faults.add(IgnoredBounds(), times=None)
    invalid: list[InvalidRow] = []
    pages: list[PageEvent] = []

    hooks = EventHooks(on_page=pages.append)
    async with connect(base_url=other.base_url, event_hooks=hooks) as scenario:
        listing = scenario.models.private(page_size=10, on_invalid=invalid.append)
        with pytest.warns(ScenarioWarning):
            found = await listing.collect()

    assert [model.id for model in found] == [one for one in catalogue.ids() if one != odd]
    assert [row.id for row in invalid] == [odd]
    # What came before the windows is not asked for again.
    firsts = [one for one in other.requests if {*one.query} <= {"pageSize", "privacy"}]
    assert len(firsts) == 1
    assert sum(page.models for page in pages) == len(found)


@pytest.mark.parametrize("form", ["async for", "pages", "collect"])
async def test_a_service_that_ignores_bounds_of_time_is_warned_of_once(
    form: str, scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    sandbox.faults.add(IgnoredBounds(), times=None)

    with pytest.warns(ScenarioWarning, match="does not respect") as warned:
        found = await _walk(scenario.models.private(page_size=10), form)

    assert found == sandbox.catalogue.ids("private")
    assert len(warned) == 1


@pytest.mark.parametrize(
    "scope", ["private", "private oldest first", "collection", "public", "public by update"]
)
@pytest.mark.parametrize(("strategy", "after"), [("auto", 3), ("cursor", 0), ("cursor", 4)])
async def test_a_token_that_expires_in_mid_walk_costs_no_model(
    strategy: str, after: int, scope: str, scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    expected = await _sequential(scenario, sandbox, scope)
    sandbox.faults.add(ExpiredToken(), after=after)

    listing = _listing(scenario, sandbox, scope, page_size=6, strategy=strategy)
    found = [model.id async for model in listing]

    assert found == expected


@pytest.mark.parametrize("style", ["sealed", "reordered"])
@pytest.mark.parametrize(("after", "times"), [(0, 1), (1, 2), (2, None), (7, 1)])
async def test_tokens_may_change_their_format_in_mid_walk(
    after: int, times: int | None, style: Any, scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    sandbox.faults.add(ChangedTokens(style), after=after, times=times)

    found = [model.id async for model in scenario.models.public(page_size=20)]

    assert found == sandbox.catalogue.ids("public")


@pytest.mark.parametrize("rows", [45, 50])
@pytest.mark.parametrize("status", [400, 404, 500])
async def test_a_service_that_refuses_offsets_past_the_end_is_no_failure(
    status: int, rows: int, connect: Connect
) -> None:
    async def serve(request: web.Request) -> web.Response:
        offset, size = _offset_of(request.query.get("paginationToken")), 10
        if offset >= rows:
            return web.json_response({"reason": "no such offset"}, status=status)
        models = [{"id": f"model_{number}"} for number in range(offset, min(offset + size, rows))]
        if offset + size >= rows:
            return web.json_response({"models": models})
        place = json.dumps({"offset": offset + size, "limit": size}, separators=(",", ":"))
        token = base64.b64encode(place.encode()).decode()
        return web.json_response({"models": models, "nextPaginationToken": token})

    app = web.Application()
    app.router.add_get("/v1/models", serve)
    async with TestServer(app) as server:
        async with connect(base_url=str(server.make_url("/v1")), max_retries=0) as scenario:
            found = [model.id async for model in scenario.models.public(page_size=10)]

    assert found == [f"model_{number}" for number in range(rows)]
