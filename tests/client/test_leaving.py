"""Leaving a listing at any point leaves nothing behind."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import pytest
from support.client import UnderWay, until_requests

from scenario_async import Timeout, UsageError
from scenario_async.sandbox import Delayed, RateLimited, Stalled

if TYPE_CHECKING:
    from support.client import Connect, Leftovers

    from scenario_async import AsyncScenario
    from scenario_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio


async def test_breaking_out_ends_the_request_for_the_next_page(
    scenario: AsyncScenario, sandbox: Sandbox, leftovers: Leftovers
) -> None:
    sandbox.faults.add(Stalled(), after=1, times=None)

    async for _ in scenario.models.private(page_size=20):
        await until_requests(sandbox, 2)
        break

    await leftovers.check()
    # The connection of the cut request is not fit for another one, so it is gone.
    await leftovers.check_connections()


async def test_the_next_page_is_requested_while_this_one_is_handled_and_no_further(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    async for _ in scenario.models.private(page_size=20, strategy="cursor").pages():
        await until_requests(sandbox, 2)
        for _ in range(50):
            await anyio.lowlevel.checkpoint()
        break

    assert len(sandbox.requests) <= 3


async def test_raising_inside_the_loop_gives_that_error_and_leaves_nothing(
    scenario: AsyncScenario, leftovers: Leftovers
) -> None:
    async def fails() -> None:
        async for _ in scenario.models.private(page_size=20):
            raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await fails()

    await leftovers.check()


@pytest.mark.parametrize("requests", [1, 2, 3])
async def test_cancelling_a_walk_at_any_request_ends_it(
    requests: int, scenario: AsyncScenario, sandbox: Sandbox, leftovers: Leftovers
) -> None:
    sandbox.faults.add(Stalled(), after=requests - 1, times=None)
    listing = scenario.models.private(page_size=20, strategy="cursor")
    task = asyncio.create_task(listing.collect())
    await until_requests(sandbox, requests)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await leftovers.check()
    await leftovers.check_connections()
    assert len(sandbox.requests) == requests


async def test_cancelling_after_any_number_of_steps_leaves_nothing(
    scenario: AsyncScenario, leftovers: Leftovers
) -> None:
    for steps in range(0, 120, 7):
        task = asyncio.create_task(scenario.models.private(page_size=50).collect())
        for _ in range(steps):
            await anyio.lowlevel.checkpoint()
        task.cancel()
        await asyncio.wait([task])
        await leftovers.check()


async def test_a_time_limit_of_the_caller_ends_a_walk(
    scenario: AsyncScenario, sandbox: Sandbox, leftovers: Leftovers
) -> None:
    sandbox.faults.add(Stalled(), times=None)

    with pytest.raises(TimeoutError) as caught:
        with anyio.fail_after(0.05):
            await scenario.models.private().collect()

    assert type(caught.value) is TimeoutError
    await leftovers.check()


async def test_a_cancelled_pause_ends_the_call(
    scenario: AsyncScenario, sandbox: Sandbox, leftovers: Leftovers
) -> None:
    sandbox.faults.add(RateLimited(retry_after=60), times=None)
    task = asyncio.create_task(scenario.models.private().collect())
    await until_requests(sandbox, 1)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await leftovers.check()
    assert len(sandbox.requests) == 1


async def test_closing_a_generator_twice_and_early_is_fine(
    scenario: AsyncScenario, sandbox: Sandbox, leftovers: Leftovers
) -> None:
    never_begun = aiter(scenario.models.private())
    await never_begun.aclose()
    begun = aiter(scenario.models.private(page_size=20))
    await anext(begun)
    await begun.aclose()
    await begun.aclose()

    await leftovers.check()
    assert sandbox.requests[0].query["pageSize"] == "20"


async def test_closing_the_client_ends_the_walks_under_way(
    connect: Connect, sandbox: Sandbox, leftovers: Leftovers
) -> None:
    sandbox.faults.add(Stalled(), after=1, times=None)
    scenario = connect()
    walk = aiter(scenario.models.private(page_size=20))
    await anext(walk)
    await until_requests(sandbox, 2)

    await scenario.aclose()

    with pytest.raises(UsageError, match="closed"):
        async for _ in walk:
            pass
    await leftovers.check_connections()


async def test_closing_the_client_ends_a_single_call(
    connect: Connect, sandbox: Sandbox, leftovers: Leftovers
) -> None:
    sandbox.faults.add(Stalled(), times=None)
    scenario = connect()

    async def one_page() -> None:
        await scenario.models.private()

    task = asyncio.create_task(one_page())
    await until_requests(sandbox, 1)
    await scenario.aclose()

    with pytest.raises(UsageError, match="closed"):
        await task
    await leftovers.check_connections()


async def test_many_walks_at_once_share_the_slots_of_the_client(
    connect: Connect, sandbox: Sandbox
) -> None:
    sandbox.faults.add(Delayed(0.01), times=None)
    under_way = UnderWay()
    async with connect(max_concurrency=3, event_hooks=under_way.hooks) as scenario:
        async with anyio.create_task_group() as walks:
            for _ in range(12):
                listing = scenario.models.private(page_size=50, strategy="cursor")
                walks.start_soon(listing.collect)

    assert len(sandbox.requests) == 12 * 3
    assert under_way.most == 3
    assert sandbox.requests.most_unanswered <= 3


async def test_waiting_for_a_slot_does_not_eat_the_timeout(
    connect: Connect, sandbox: Sandbox
) -> None:
    sandbox.faults.add(Delayed(0.4), times=None)
    # Eight calls of 0.4 s, one after the other, each of which may take 2.8 s.
    async with connect(max_concurrency=1, timeout=Timeout(total=2.8), max_retries=0) as scenario:
        async with anyio.create_task_group() as calls:
            for _ in range(8):
                calls.start_soon(_first_page, scenario)

    assert len(sandbox.requests) == 8


async def _first_page(scenario: AsyncScenario) -> None:
    await scenario.models.private(page_size=1)


async def test_a_second_cancellation_does_not_keep_the_session_from_closing(
    connect: Connect, sandbox: Sandbox, leftovers: Leftovers
) -> None:
    sandbox.faults.add(Stalled(), after=1, times=None)
    entered = asyncio.Event()

    async def work() -> None:
        async with connect() as scenario:
            walk = aiter(scenario.models.private(page_size=20))
            await anext(walk)
            await until_requests(sandbox, 2)
            entered.set()
            await anyio.sleep_forever()

    task = asyncio.create_task(work())
    await entered.wait()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await leftovers.check_connections()
