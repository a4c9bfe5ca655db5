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

PRIVATE = 400
PAGE = 20
# One page alone, the others but for a model that they share, and one that is not full.
FEW = 1 + -(-(PRIVATE - PAGE) // (PAGE - 1)) + 1


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue.seeded(public=0, private=PRIVATE, odd=False, burst=2)


async def _walk(scenario: AsyncScenario, sandbox: Sandbox, **options: Any) -> int:
    """How many requests a walk needs to give what the service has."""
    sandbox.requests.clear()
    found = [model.id async for model in scenario.models.private(page_size=PAGE, **options)]
    assert found == sandbox.catalogue.ids("private")
    return len(sandbox.requests)


async def test_a_later_walk_of_a_client_needs_fewer_requests(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    first = await _walk(scenario, sandbox)
    assert await _walk(scenario, sandbox) <= FEW < first
    # The same listing, gone through in other ways.
    sandbox.requests.clear()
    assert len(await scenario.models.private(page_size=PAGE).collect()) == PRIVATE
    assert len(sandbox.requests) <= FEW
    sandbox.requests.clear()
    merged = scenario.models.merge(scenario.models.private(page_size=PAGE))
    assert len(await merged.collect()) == PRIVATE
    assert len(sandbox.requests) <= FEW


async def test_pages_of_another_size_are_of_the_same_listing(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    await scenario.models.private(page_size=40).collect()
    assert await _walk(scenario, sandbox) <= FEW + 1


async def test_what_has_come_and_gone_meanwhile_is_seen(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    await _walk(scenario, sandbox)
    for model_id in sandbox.catalogue.ids("private")[::3]:
        sandbox.catalogue.delete(model_id)
    await _walk(scenario, sandbox)
    for second in range(90):
        sandbox.catalogue.add(
            created_at=datetime(2026, 10, 20, 0, second // 60, second % 60, tzinfo=UTC)
        )
    await _walk(scenario, sandbox)
    for model_id in sandbox.catalogue.ids("private"):
        sandbox.catalogue.delete(model_id)
    await _walk(scenario, sandbox)


async def test_merging_leaves_what_a_later_walk_needs(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    await scenario.models.merge(scenario.models.private(page_size=PAGE)).collect()
    assert await _walk(scenario, sandbox) <= FEW


async def test_clients_share_what_they_know_of_the_same_models(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    await _walk(scenario, sandbox)
    async with scenario.with_options(max_concurrency=8, timeout=50) as same:
        assert await _walk(same, sandbox) <= FEW
    async with scenario.with_options(default_query={"other": "yes"}) as other:
        assert await _walk(other, sandbox) > FEW


async def test_what_a_caller_adds_makes_another_listing(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    await _walk(scenario, sandbox, extra_query={"one": ["a", "b"]})
    assert await _walk(scenario, sandbox) > FEW
    assert await _walk(scenario, sandbox, extra_query={"one": "a,b"}) <= FEW


async def test_a_walk_that_broke_off_is_not_remembered(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    async with aclosing(aiter(scenario.models.private(page_size=PAGE))) as models:
        seen = 0
        async for _ in models:
            seen += 1
            if seen == PRIVATE - 1:
                break
    assert await _walk(scenario, sandbox) > FEW


async def test_the_listings_used_last_are_remembered_and_no_more(
    scenario: AsyncScenario, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scenario_async._planners.survey._LISTINGS", 4)
    await _walk(scenario, sandbox)
    for others, forgotten in ((3, False), (4, True)):
        for number in range(others):
            await _walk(scenario, sandbox, extra_query={"other": f"{others}.{number}"})
        assert (await _walk(scenario, sandbox) > FEW) is forgotten
