"""A client remembers where the models of its listings lie: what that saves, and when it forgets."""

from __future__ import annotations

from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from scenario_async.sandbox import Catalogue

if TYPE_CHECKING:
    from scenario_async import AsyncScenario
    from scenario_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio

MODELS = 300
PAGE = 20
PAGES = MODELS // PAGE


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue.seeded(public=MODELS, private=MODELS, odd=False, burst=2)


async def _walk(
    scenario: AsyncScenario, sandbox: Sandbox, scope: Any = "public", **options: Any
) -> int:
    """How many requests a walk needs to give what the service has."""
    sandbox.requests.clear()
    listing = scenario.models.list(privacy=scope, page_size=PAGE, **options)
    found = [model.id async for model in listing]
    assert found == sandbox.catalogue.ids(scope)
    return len(sandbox.requests)


@pytest.mark.parametrize(("scope", "most"), [("public", PAGES), ("private", 1.1 * PAGES + 1)])
async def test_a_later_walk_of_a_client_needs_few_requests(
    scope: Any, most: float, scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    await _walk(scenario, sandbox, scope)
    assert await _walk(scenario, sandbox, scope) <= most
    # The same listing, gone through in other ways.
    sandbox.requests.clear()
    listing = scenario.models.list(privacy=scope, page_size=PAGE)
    assert len(await listing.collect()) == MODELS
    assert len(sandbox.requests) <= most
    sandbox.requests.clear()
    assert len(await scenario.models.merge(listing).collect()) == MODELS
    assert len(sandbox.requests) <= most


async def test_pages_of_another_size_are_of_the_same_listing(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    await scenario.models.public(page_size=40).collect()
    assert await _walk(scenario, sandbox) == PAGES


@pytest.mark.parametrize("scope", ["public", "private"])
async def test_what_has_come_and_gone_meanwhile_is_seen(
    scope: Any, scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    await _walk(scenario, sandbox, scope)
    for model_id in sandbox.catalogue.ids(scope)[::3]:
        sandbox.catalogue.delete(model_id)
    await _walk(scenario, sandbox, scope)
    for second in range(90):
        sandbox.catalogue.add(
            privacy=scope,
            created_at=datetime(2026, 10, 20, 0, second // 60, second % 60, tzinfo=UTC),
        )
    await _walk(scenario, sandbox, scope)
    for model_id in sandbox.catalogue.ids(scope):
        sandbox.catalogue.delete(model_id)
    await _walk(scenario, sandbox, scope)


async def test_merging_leaves_what_a_later_walk_needs(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    await scenario.models.merge(scenario.models.public(page_size=PAGE)).collect()
    assert await _walk(scenario, sandbox) == PAGES


async def test_clients_share_what_they_know_of_the_same_models(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    await _walk(scenario, sandbox)
    async with scenario.with_options(max_concurrency=8, timeout=50) as same:
        assert await _walk(same, sandbox) == PAGES
    async with scenario.with_options(default_query={"other": "yes"}) as other:
        assert await _walk(other, sandbox) > PAGES


async def test_what_a_caller_adds_makes_another_listing(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    await _walk(scenario, sandbox, extra_query={"one": ["a", "b"]})
    assert await _walk(scenario, sandbox) > PAGES
    assert await _walk(scenario, sandbox, extra_query={"one": "a,b"}) == PAGES


async def test_a_walk_that_broke_off_is_not_remembered(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    async with aclosing(aiter(scenario.models.public(page_size=PAGE))) as models:
        seen = 0
        async for _ in models:
            seen += 1
            if seen == MODELS - 1:
                break
    assert await _walk(scenario, sandbox) > PAGES


async def test_the_listings_used_last_are_remembered_and_no_more(
    scenario: AsyncScenario, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scenario_async._pagination.windows.histogram._LISTINGS", 4)
    await _walk(scenario, sandbox)
    for others, forgotten in ((3, False), (4, True)):
        for number in range(others):
            await _walk(scenario, sandbox, extra_query={"other": f"{others}.{number}"})
        assert (await _walk(scenario, sandbox) > PAGES) is forgotten
