"""Waiting for models to be trained: few requests, a time limit, and what becomes of failures."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.client import until_requests

from scenario_async import (
    AuthenticationError,
    InternalServerError,
    Missing,
    NotFoundError,
    PermissionDeniedError,
    TrainingError,
    TrainingTimeoutError,
    UsageError,
)
from scenario_async._retrieval.training import pause_after, still_waiting
from scenario_async.sandbox import Catalogue, ServerError, Stalled

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.client import Connect, Leftovers
    from support.clocks import FakeClock

    from scenario_async import AsyncScenario
    from scenario_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio
HOUR = timedelta(hours=1)


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue.seeded(private=0, public=0)


@pytest.fixture
def becomes(clock: FakeClock, sandbox: Sandbox) -> Callable[[str, str, float], None]:
    """Lets a model have another status so many seconds from now, by the clock of the client."""
    sleep, begun = clock.sleep, clock.now()
    plans: list[tuple[float, str, str]] = []

    async def sleep_and_change(seconds: float) -> None:
        await sleep(seconds)
        for plan in [plan for plan in plans if begun + plan[0] <= clock.now()]:
            plans.remove(plan)
            sandbox.catalogue.update(plan[1], status=plan[2])

    clock.sleep = sleep_and_change  # type: ignore[method-assign]
    return lambda model_id, status, after: plans.append((after, model_id, status))


def training(sandbox: Sandbox, status: str = "training") -> str:
    model_id = sandbox.catalogue.add(name="New")
    sandbox.catalogue.update(model_id, status=status)
    return model_id


@given(st.floats(30, 100_000), st.floats(0, 1))
def test_a_wait_takes_few_requests_and_is_over_soon_after_the_training(
    trained_after: float, chance: float
) -> None:
    waited, requests = 0.0, 1
    while waited < trained_after:
        pause = pause_after(waited, chance)
        assert pause <= max(5.5, 0.22 * waited) + 1e-9
        waited, requests = waited + pause, requests + 1

    assert waited - trained_after <= min(66, max(5.5, 0.22 * trained_after)) + 1e-9
    # By hand: each 4.5 seconds up to 25, then each time 1.18 later up to 300, then each 54 seconds.
    assert requests <= 7 + 16 + max(0, trained_after - 300) / 54 + 1


async def test_a_model_that_is_trained_takes_one_request(
    sandbox: Sandbox, scenario: AsyncScenario
) -> None:
    model_id = training(sandbox, "trained")

    assert (await scenario.models.wait_until_trained(model_id, max_wait=HOUR)).id == model_id
    assert [one.id async for one in scenario.models.as_trained([model_id], max_wait=1)] == [
        model_id
    ]
    assert len(sandbox.requests) == 2


async def test_a_model_is_waited_for_through_all_that_it_may_be_before(
    clock: FakeClock,
    becomes: Callable[[str, str, float], None],
    sandbox: Sandbox,
    scenario: AsyncScenario,
) -> None:
    model_id = training(sandbox, "new")
    for number, status in enumerate(("training", "copying", "something new", "trained"), 1):
        becomes(model_id, status, 75 * number)
    begun = clock.now()

    model = await scenario.models.wait_until_trained(model_id, max_wait=HOUR)

    assert model.status == "trained"
    assert 300 <= clock.now() - begun <= 366
    assert len(sandbox.requests) <= 25


@pytest.mark.parametrize("status", ["failed", "training-canceled", "deleted"])
async def test_a_training_that_fails_is_an_error_with_the_model(
    becomes: Callable[[str, str, float], None],
    status: str,
    sandbox: Sandbox,
    scenario: AsyncScenario,
) -> None:
    model_id = training(sandbox)
    becomes(model_id, status, 60)

    with pytest.raises(TrainingError, match=f"{model_id} is not trained: .*'{status}'") as caught:
        await scenario.models.wait_until_trained(model_id, max_wait=HOUR)

    assert (caught.value.model_id, caught.value.status) == (model_id, status)
    assert caught.value.model.name == "New"


async def test_a_model_that_is_not_trained_in_time_is_asked_for_at_the_end_once_more(
    clock: FakeClock, sandbox: Sandbox, scenario: AsyncScenario
) -> None:
    model_id = training(sandbox)
    begun = clock.now()

    with pytest.raises(TimeoutError, match=rf"in 12\.5 seconds: {model_id} \(training\)") as caught:
        await scenario.models.wait_until_trained(model_id, max_wait=12.5)

    assert isinstance(caught.value, TrainingTimeoutError)
    assert caught.value.statuses == {model_id: "training"}
    assert clock.now() - begun == pytest.approx(12.5)
    assert 3 <= len(sandbox.requests) <= 5


async def test_a_timer_that_is_early_costs_no_other_request_at_the_end(
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    sandbox: Sandbox,
    scenario: AsyncScenario,
) -> None:
    sleep = clock.sleep

    async def early(seconds: float) -> None:
        await sleep(0.999 * seconds)

    monkeypatch.setattr(clock, "sleep", early)

    with pytest.raises(TrainingTimeoutError):
        await scenario.models.wait_until_trained(training(sandbox), max_wait=2)

    assert len(sandbox.requests) == 2


async def test_an_outage_does_not_end_the_wait_and_a_refusal_does(
    becomes: Callable[[str, str, float], None], sandbox: Sandbox, connect: Connect
) -> None:
    model_id = training(sandbox)
    async with connect(max_retries=0) as scenario:
        sandbox.faults.add(ServerError(500), times=3)
        becomes(model_id, "trained", 60)
        assert (await scenario.models.wait_until_trained(model_id, max_wait=HOUR)).id == model_id

        sandbox.faults.add(ServerError(503), times=None)
        with pytest.raises(TrainingTimeoutError, match="no status") as caught:
            await scenario.models.wait_until_trained(model_id, max_wait=30)
        assert isinstance(caught.value.__cause__, InternalServerError)
        with pytest.raises(TrainingTimeoutError, match="no status"):
            await anext(scenario.models.as_trained([model_id], max_wait=30))
        sandbox.faults.clear()

        with pytest.raises(NotFoundError):
            await scenario.models.wait_until_trained("model_of_nobody", max_wait=HOUR)
        sandbox.faults.add(ServerError(403), times=None)
        with pytest.raises(PermissionDeniedError):
            await scenario.models.wait_until_trained(model_id, max_wait=HOUR)


async def test_the_service_is_not_asked_again_before_it_says_so(
    clock: FakeClock, sandbox: Sandbox, connect: Connect
) -> None:
    model_id = training(sandbox, "trained")
    async with connect(max_retries=0) as scenario:
        sandbox.faults.add(ServerError(503, retry_after=40), times=1)
        begun = clock.now()
        await scenario.models.wait_until_trained(model_id, max_wait=HOUR)

    assert clock.now() - begun == pytest.approx(40)
    assert len(sandbox.requests) == 2


async def test_models_that_came_before_an_error_come_out(
    sandbox: Sandbox, connect: Connect
) -> None:
    ids = [training(sandbox, "trained") for _ in range(60)]
    found: list[Any] = []
    async with connect(max_retries=0, max_concurrency=1) as scenario:
        sandbox.faults.add(ServerError(401), times=None, after=1)
        with pytest.raises(AuthenticationError):
            async for one in scenario.models.as_trained(ids, max_wait=HOUR):
                found.append(one)  # noqa: PERF401 - it ends with an error

    assert [one.id for one in found] == ids[:50]


async def test_several_share_requests_and_come_out_as_they_end(
    becomes: Callable[[str, str, float], None], sandbox: Sandbox, scenario: AsyncScenario
) -> None:
    first, second, third, *others = (training(sandbox) for _ in range(40))
    for model_id, status, after in (
        (second, "trained", 10),
        (first, "failed", 20),
        *((one, "trained", 200) for one in others),
    ):
        becomes(model_id, status, after)
    ids = [first, second, third, "model_of_nobody", *others, first]

    found: list[Any] = []
    with pytest.raises(TrainingTimeoutError) as caught:
        async for one in scenario.models.as_trained(ids, max_wait=300):
            found.append(one)  # noqa: PERF401 - it ends with an error

    assert caught.value.statuses == {third: "training"}
    assert isinstance(found[0], Missing)
    assert [(one.id, one.status) for one in found[1:3]] == [(second, "trained"), (first, "failed")]
    assert {one.id for one in found[3:]} == set(others)
    # A wait for one of them alone takes as many.
    assert len(sandbox.requests) <= 25


async def test_a_cancelled_wait_leaves_nothing_behind(
    sandbox: Sandbox, connect: Connect, leftovers: Leftovers
) -> None:
    model_id = training(sandbox)
    async with connect() as scenario:
        resting = asyncio.create_task(scenario.models.wait_until_trained(model_id, max_wait=HOUR))
        await until_requests(sandbox, 1)
        sandbox.faults.add(Stalled(), times=None)
        asking = asyncio.create_task(anext(scenario.models.as_trained([model_id], max_wait=HOUR)))
        await until_requests(sandbox, 2)
        for task in (resting, asking):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await leftovers.check()


async def test_a_client_that_is_closed_ends_the_wait(sandbox: Sandbox, connect: Connect) -> None:
    model_id = training(sandbox)
    async with connect() as scenario:
        waiting = asyncio.create_task(scenario.models.wait_until_trained(model_id, max_wait=HOUR))
        await until_requests(sandbox, 1)
        await asyncio.sleep(0)
    with pytest.raises(UsageError, match="closed"):
        await waiting


async def test_what_nobody_can_wait_for_is_an_error_at_once(
    sandbox: Sandbox, scenario: AsyncScenario
) -> None:
    with pytest.raises(ValueError, match="max_wait must be above zero"):
        await scenario.models.wait_until_trained("model", max_wait=0)
    with pytest.raises(ValueError, match="model_id"):
        await scenario.models.wait_until_trained("", max_wait=1)
    with pytest.raises(TypeError, match="ids must be several"):
        scenario.models.as_trained("model", max_wait=1)
    with pytest.raises(TypeError, match="ids must be an iterable of str, not int"):
        scenario.models.as_trained(cast("Any", 5), max_wait=1)
    with pytest.raises(TypeError, match=r"ids\[1\]"):
        scenario.models.as_trained(["model", cast("Any", 1)], max_wait=1)
    assert not sandbox.requests


def test_many_that_are_not_trained_are_told_in_short() -> None:
    error = still_waiting(5, dict.fromkeys("abcdefg", "new"))

    assert str(error).endswith("e (new) and 2 more")
    assert len(error.statuses) == 7
