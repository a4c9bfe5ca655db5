"""Whoever leaves, at any point and in any way, leaves nothing behind."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import Counter
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import pytest
from support.client import CURSOR, PREDICTED, WINDOWS, UnderWay, one_by_one, until, until_requests

from scenario_async import (
    AsyncScenario,
    InternalServerError,
    UsageError,
)
from scenario_async.sandbox import Delayed, Fault, RateLimited, Sandbox, ServerError, Stalled

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine

    from support.client import Connect, Leftovers, Way

    from scenario_async import Merged, Model
    from scenario_async.sandbox import Request

    Begin = Callable[[AsyncScenario, Sandbox], AsyncGenerator[object, None]]
    Run = Callable[[AsyncScenario, Sandbox], Coroutine[Any, Any, object]]

pytestmark = pytest.mark.anyio


def ids(sandbox: Sandbox) -> list[str]:
    return sandbox.catalogue.ids("private")


def merged(scenario: AsyncScenario, sandbox: Sandbox) -> Merged[Model]:
    models = scenario.models
    (collection_id, *_) = sandbox.catalogue.collection_ids
    listings = [CURSOR.listing(scenario), PREDICTED.listing(scenario)]
    return models.merge(*listings, models.collection(collection_id, page_size=5))


WALKS: dict[str, Begin] = {
    "cursor": lambda scenario, _: aiter(CURSOR.listing(scenario)),
    "windows": lambda scenario, _: aiter(WINDOWS.listing(scenario)),
    "predicted": lambda scenario, _: aiter(PREDICTED.listing(scenario)),
    "windows, unordered": lambda scenario, _: WINDOWS.listing(scenario).unordered(),
    "predicted, unordered": lambda scenario, _: PREDICTED.listing(scenario).unordered(),
    "pages, windows": lambda scenario, _: WINDOWS.listing(scenario).pages(),
    "pages, predicted": lambda scenario, _: PREDICTED.listing(scenario).pages(),
    "merge": lambda scenario, sandbox: aiter(merged(scenario, sandbox)),
    "details": lambda scenario, _: CURSOR.listing(scenario).with_details(),
    "records": lambda scenario, sandbox: scenario.models.retrieve_many(ids(sandbox)),
    "records as they arrive": lambda scenario, sandbox: scenario.models.retrieve_many(
        ids(sandbox), ordered=False
    ),
    "records, async": lambda scenario, sandbox: scenario.models.retrieve_many(
        one_by_one(ids(sandbox))
    ),
    "summaries": lambda scenario, sandbox: scenario.models.retrieve_many(
        one_by_one(ids(sandbox)), full=False
    ),
    "previews": lambda scenario, sandbox: scenario.models.previews(
        one_by_one(ids(sandbox)), ordered=False
    ),
}
"""Everything that one can go through, and leave on the way."""

each_walk = pytest.mark.parametrize("walk", WALKS.values(), ids=WALKS)


def through(walk: Begin) -> Run:
    async def run(scenario: AsyncScenario, sandbox: Sandbox) -> None:
        async for _ in walk(scenario, sandbox):
            await anyio.lowlevel.checkpoint()

    return run


RUNS: dict[str, Run] = {
    **{name: through(walk) for name, walk in WALKS.items()},
    "collect, cursor": lambda scenario, _: CURSOR.listing(scenario).collect(),
    "collect, windows": lambda scenario, _: WINDOWS.listing(scenario).collect(),
    "collect, predicted": lambda scenario, _: PREDICTED.listing(scenario).collect(),
    "collect, merge": lambda scenario, sandbox: merged(scenario, sandbox).collect(),
}
"""Everything that can be cancelled on the way."""

each_run = pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)


def stall(sandbox: Sandbox) -> Callable[[], int]:
    """From now on answer what leads to a first model, and cut the other answers; counts those."""
    first = ids(sandbox)[0]

    def is_behind(request: Request) -> bool:
        of_a_listing = {"paginationToken", "createdBefore", "createdAfter"} & request.query.keys()
        of_a_record = "/models/model_" in request.path and not request.path.endswith(first)
        return bool(of_a_listing) or of_a_record

    def stalled() -> int:
        bulk = Counter(one.path for one in sandbox.requests if one.path.endswith("/get-bulk"))
        return sum(map(is_behind, sandbox.requests)) + sum(bulk.values()) - len(bulk)

    sandbox.faults.add(Stalled(), times=None, when=is_behind)
    sandbox.faults.add(Stalled(), times=None, after=1, path="/models/get-bulk$")
    sandbox.faults.add(Stalled(), times=None, after=1, path="/assets/get-bulk$")
    return stalled


async def until_connections(sandbox: Sandbox, most: int) -> None:
    """The connections of cut requests are not fit for others; those before may wait for more."""
    await until(lambda: sandbox.open_connections <= most)


@each_walk
async def test_breaking_out_ends_every_request(
    walk: Begin, scenario: AsyncScenario, sandbox: Sandbox, leftovers: Leftovers
) -> None:
    stalled = stall(sandbox)

    async for _ in walk(scenario, sandbox):
        await until(lambda: stalled() > 0)
        break

    await leftovers.check()
    await until_connections(sandbox, len(sandbox.requests) - stalled())


@each_walk
@pytest.mark.parametrize("taken", [1, 21, 45])
async def test_breaking_out_anywhere_leaves_nothing(
    taken: int, walk: Begin, scenario: AsyncScenario, sandbox: Sandbox, leftovers: Leftovers
) -> None:
    async with aclosing(walk(scenario, sandbox)) as begun:
        async for _ in begun:
            taken -= 1
            if taken == 0:
                break

    await leftovers.check()


@each_walk
@pytest.mark.parametrize("at", [1, 5])
async def test_raising_inside_the_loop_gives_that_error(
    at: int, walk: Begin, scenario: AsyncScenario, sandbox: Sandbox, leftovers: Leftovers
) -> None:
    async def fails() -> None:
        left = at
        async for _ in walk(scenario, sandbox):
            left -= 1
            if left == 0:
                raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await fails()
    await leftovers.check()


@each_walk
async def test_what_is_never_begun_asks_for_nothing(
    walk: Begin, scenario: AsyncScenario, sandbox: Sandbox, leftovers: Leftovers
) -> None:
    never_begun = walk(scenario, sandbox)
    await never_begun.aclose()
    await never_begun.aclose()
    walk(scenario, sandbox)

    await leftovers.check()
    assert not sandbox.requests


@each_walk
async def test_a_closed_client_is_told(walk: Begin, connect: Connect, sandbox: Sandbox) -> None:
    scenario = connect()
    await scenario.aclose()

    with pytest.raises(UsageError, match="closed"):
        await anext(walk(scenario, sandbox))


@each_run
@pytest.mark.parametrize(
    ("fault", "after"), [(Stalled(), 0), (Stalled(), 2), (RateLimited(retry_after=60), 1)], ids=repr
)
async def test_cancelling_ends_the_requests_and_pauses_under_way(
    fault: Fault,
    after: int,
    *,
    run: Run,
    scenario: AsyncScenario,
    sandbox: Sandbox,
    leftovers: Leftovers,
) -> None:
    sandbox.faults.add(fault, after=after, times=None)
    task = asyncio.ensure_future(run(scenario, sandbox))
    await until_requests(sandbox, after + 1)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await leftovers.check()
    await until_connections(sandbox, after if fault == Stalled() else len(sandbox.requests))
    assert len(sandbox.requests) <= after + 16  # the default of max_concurrency


@each_run
async def test_cancelling_after_any_number_of_steps_leaves_nothing(
    run: Run, scenario: AsyncScenario, sandbox: Sandbox, leftovers: Leftovers
) -> None:
    for steps in range(0, 130, 13):
        task = asyncio.ensure_future(run(scenario, sandbox))
        for _ in range(steps):
            await anyio.lowlevel.checkpoint()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled() or task.exception() is None
        await leftovers.check()


@each_run
async def test_a_time_limit_of_the_caller_ends_it(
    run: Run, scenario: AsyncScenario, sandbox: Sandbox, leftovers: Leftovers
) -> None:
    stalled = stall(sandbox)

    async def limited(deadline: asyncio.Timeout) -> None:
        async with deadline:
            await run(scenario, sandbox)

    deadline = asyncio.timeout(None)
    task = asyncio.create_task(limited(deadline))
    await until(lambda: stalled() > 0)
    deadline.reschedule(asyncio.get_running_loop().time())
    with pytest.raises(TimeoutError) as caught:
        await task

    assert type(caught.value) is TimeoutError
    await leftovers.check()


@each_run
async def test_a_failure_ends_the_other_requests(
    run: Run, connect: Connect, sandbox: Sandbox, leftovers: Leftovers
) -> None:
    sandbox.faults.add(ServerError(500), after=1, times=None)
    async with connect(max_retries=0) as scenario:
        with pytest.raises(InternalServerError):
            await run(scenario, sandbox)
        await leftovers.check()
    await leftovers.check_connections()


@each_run
async def test_closing_the_client_ends_what_is_under_way(
    run: Run, connect: Connect, sandbox: Sandbox, leftovers: Leftovers
) -> None:
    stalled = stall(sandbox)
    scenario = connect()
    task = asyncio.ensure_future(run(scenario, sandbox))
    await until(lambda: stalled() > 0)

    await scenario.aclose()

    with pytest.raises(UsageError, match="closed while a listing or a retrieval was"):
        await task
    await leftovers.check_connections()


async def test_closing_the_client_ends_a_single_call(
    connect: Connect, sandbox: Sandbox, leftovers: Leftovers
) -> None:
    sandbox.faults.add(Stalled(), times=None)
    scenario = connect()
    task = asyncio.create_task(_first_page(scenario))
    await until_requests(sandbox, 1)
    await scenario.aclose()

    with pytest.raises(UsageError, match="closed"):
        await task
    await leftovers.check_connections()


async def _first_page(scenario: AsyncScenario) -> None:
    await scenario.models.private(page_size=1)


async def test_the_next_page_is_requested_while_this_one_is_handled_and_no_further(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    async for _ in CURSOR.listing(scenario).pages():
        await until_requests(sandbox, 2)
        for _ in range(50):
            await anyio.lowlevel.checkpoint()
        break

    assert len(sandbox.requests) <= 3


parallel_way = pytest.mark.parametrize("way", [WINDOWS, PREDICTED], ids=["windows", "predicted"])


@parallel_way
async def test_a_closed_client_gives_no_page_that_waits(
    way: Way, connect: Connect, leftovers: Leftovers
) -> None:
    requests = UnderWay()
    async with connect(max_concurrency=2, event_hooks=requests.hooks) as scenario:
        async with aclosing(way.listing(scenario, page_size=5).pages()) as pages:
            await anext(pages)
            await until(lambda: requests.answered >= 2)
            await scenario.aclose()
            with pytest.raises(UsageError, match="closed while a listing or a retrieval was"):
                await anext(pages)

    await leftovers.check_connections()


@parallel_way
async def test_a_slow_caller_holds_a_walk_back(way: Way, connect: Connect) -> None:
    requests = UnderWay()
    handled = 0
    async with connect(max_concurrency=2, event_hooks=requests.hooks) as scenario:
        async with aclosing(way.listing(scenario, page_size=5).pages()) as pages:
            async for _ in pages:
                handled += 1
                await requests.ended()
                # The first page, one more, and three pages for each of two at once: two that wait
                # for the caller, and one that is far ahead or at the other end of its window.
                assert requests.sent <= handled + 2 + 2 * 3
                if handled == 15:  # of 26 and more: no request is given up yet
                    break


async def test_requests_past_the_end_do_not_hold_the_end_of_a_walk_up(
    connect: Connect, sandbox: Sandbox, leftovers: Leftovers, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = len(sandbox.catalogue.ids("public"))

    def offset(request: Request) -> int:
        token = request.query.get("paginationToken")
        return 0 if token is None else int(json.loads(base64.b64decode(token))["offset"])

    def past_the_end() -> bool:
        return any(offset(one) > rows for one in sandbox.requests)

    async def until_one_is_past_the_end(_: object, seconds: float) -> bool:
        if seconds:
            await until(past_the_end)
        return True

    sandbox.faults.add(Stalled(), times=None, when=lambda one: offset(one) > rows)
    # Those that are not sent yet when the end arrives are not sent at all.
    monkeypatch.setattr(
        "scenario_async.sandbox._api.server.Server._pause", until_one_is_past_the_end
    )
    sandbox.faults.add(Delayed(1), times=None, when=lambda one: rows - 40 < offset(one) <= rows)
    async with connect() as scenario:
        listing = scenario.models.public(route="public", page_size=20)
        with anyio.fail_after(30):
            found = [model.id async for model in listing]
        await leftovers.check()

    assert found == sandbox.catalogue.ids("public")
    assert past_the_end()


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


async def test_a_second_cancellation_does_not_keep_the_session_from_closing(
    connect: Connect, sandbox: Sandbox, leftovers: Leftovers
) -> None:
    stall(sandbox)
    entered = asyncio.Event()

    async def work() -> None:
        async with connect() as scenario:
            walk = aiter(CURSOR.listing(scenario))
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
