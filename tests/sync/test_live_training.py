"""Waiting for models to be trained by what the refreshes of a live catalogue bring."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from scenario_async import InternalServerError, TrainingError, TrainingTimeoutError, UsageError
from scenario_async.live import LiveCatalog
from scenario_async.sandbox import Catalogue, ServerError

if TYPE_CHECKING:
    from support.client import Connect

    from scenario_async import AsyncScenario
    from scenario_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio
LATER = timedelta(hours=1)


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue.seeded(private=3, public=0, odd=False)


def training(sandbox: Sandbox, name: str) -> str:
    """A model that is in training."""
    model_id = sandbox.catalogue.add(name=name)
    sandbox.catalogue.update(model_id, status="training")
    return model_id


@pytest.fixture
def new(sandbox: Sandbox) -> str:
    return training(sandbox, "New")


async def test_models_are_waited_for_without_a_request_of_their_own(
    sandbox: Sandbox, scenario: AsyncScenario, new: str
) -> None:
    async with LiveCatalog(scenario, every=LATER) as live:
        first = asyncio.create_task(live.wait_until_trained(new, max_wait=LATER))
        other = training(sandbox, "Other")
        second = asyncio.create_task(live.wait_until_trained(other, max_wait=LATER))
        await live.refresh()
        assert other in live
        sandbox.catalogue.update(new, status="trained")
        sandbox.requests.clear()
        await live.refresh()
        refreshing = len(sandbox.requests)

        assert (await first).name == "New"
        assert not second.done()
        sandbox.catalogue.update(other, status="trained")
        await live.refresh()
        assert (await second).status == "trained"
        assert await live.wait_until_trained(new, max_wait=1) is live[new]
        assert len(sandbox.requests) <= 2 * refreshing


@pytest.mark.parametrize("end", ["failed", "training-canceled", None])
async def test_a_model_that_does_not_become_trained_is_an_error(
    end: str | None, sandbox: Sandbox, scenario: AsyncScenario, new: str
) -> None:
    async with LiveCatalog(scenario, every=LATER) as live:
        seen = live[new]
        waiting = asyncio.create_task(live.wait_until_trained(new, max_wait=LATER))
        await asyncio.sleep(0)
        if end is None:
            sandbox.catalogue.delete(new)
        else:
            sandbox.catalogue.update(new, status=end)
        await live.refresh()

        with pytest.raises(TrainingError, match=r"not there any more|is not trained") as caught:
            await waiting
        assert (caught.value.model_id, caught.value.status) == (new, end)
        assert caught.value.model.name == seen.name


async def test_what_is_not_trained_in_time_is_an_error_with_what_is_known(
    sandbox: Sandbox, connect: Connect, new: str
) -> None:
    async with connect(max_retries=0) as scenario, LiveCatalog(scenario, every=LATER) as live:
        sandbox.faults.add(ServerError(500), times=None)
        with pytest.raises(InternalServerError):
            await live.refresh()
        with pytest.raises(TrainingTimeoutError, match=r"\(training\)") as caught:
            await live.wait_until_trained(new, max_wait=0.01)
        assert caught.value.statuses == {new: "training"}
        assert isinstance(caught.value.__cause__, InternalServerError)
        with pytest.raises(TimeoutError, match=r"model_of_nobody \(no status\)"):
            await live.wait_until_trained("model_of_nobody", max_wait=0.01)


async def test_waiting_ends_with_the_catalogue_and_needs_one_that_is_entered(
    scenario: AsyncScenario, new: str
) -> None:
    live = LiveCatalog(scenario, every=LATER)
    with pytest.raises(UsageError, match="is entered"):
        await live.wait_until_trained(new, max_wait=1)
    async with live:
        cancelled = asyncio.create_task(live.wait_until_trained(new, max_wait=LATER))
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.wait([cancelled])
        assert cancelled.cancelled()
        waiting = asyncio.create_task(live.wait_until_trained(new, max_wait=LATER))
        await asyncio.sleep(0)
        with pytest.raises(ValueError, match="must be the id of a model"):
            await live.wait_until_trained("", max_wait=1)
    with pytest.raises(UsageError, match="was left before"):
        await waiting
