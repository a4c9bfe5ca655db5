"""Leaving a listing whose pages are fetched several at once leaves nothing behind."""

from __future__ import annotations

import asyncio
import base64
import inspect
import json
from contextlib import aclosing
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import pytest
from support.client import PREDICTED, WINDOWS, until, until_requests

from scenario_async import AsyncScenario, EventHooks, InternalServerError, UsageError
from scenario_async.sandbox import Delayed, RateLimited, ServerError, Stalled

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from support.client import Connect, Leftovers, Way

    from scenario_async import Listing, Model, RequestEvent, ResponseEvent
    from scenario_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio

each_way = pytest.mark.parametrize("way", [WINDOWS, PREDICTED], ids=["windows", "predicted"])


async def _in_order(listing: Listing[Model]) -> None:
    async for _ in listing:
        pass


async def _unordered(listing: Listing[Model]) -> None:
    async for _ in listing.unordered():
        pass


async def _pages(listing: Listing[Model]) -> None:
    async for _ in listing.pages():
        await anyio.lowlevel.checkpoint()


async def _collected(listing: Listing[Model]) -> None:
    await listing.collect()


DEFAULT_CONCURRENCY: int = inspect.signature(AsyncScenario).parameters["max_concurrency"].default

FORMS = {"async for": _in_order, "unordered": _unordered, "pages": _pages, "collect": _collected}
each_form = pytest.mark.parametrize("form", FORMS)


class UnderWay:
    """Counts the requests of a client."""

    def __init__(self) -> None:
        self.sent = 0
        self.answered = 0
        self.hooks = EventHooks(on_request=self._sent, on_response=self._answered)

    async def ended(self) -> None:
        """Come back when no request is under way and none follows."""
        quiet = 0
        with anyio.fail_after(30):
            while quiet < 50:
                quiet = quiet + 1 if self.sent == self.answered else 0
                await anyio.lowlevel.checkpoint()

    def _sent(self, _: RequestEvent) -> None:
        self.sent += 1

    def _answered(self, _: ResponseEvent) -> None:
        self.answered += 1


async def until_connections(sandbox: Sandbox, most: int) -> None:
    await until(lambda: sandbox.open_connections <= most)


@each_way
@each_form
@pytest.mark.parametrize("requests", [1, 2, 3, 5])
async def test_cancelling_a_walk_ends_all_requests_under_way(
    requests: int,
    form: str,
    *,
    way: Way,
    scenario: AsyncScenario,
    sandbox: Sandbox,
    leftovers: Leftovers,
) -> None:
    sandbox.faults.add(Stalled(), after=requests - 1, times=None)
    task = asyncio.create_task(FORMS[form](way.listing(scenario)))
    await until_requests(sandbox, requests)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await leftovers.check()
    # The connections of cut requests are not fit for others; those before may wait for more.
    await until_connections(sandbox, requests - 1)
    assert len(sandbox.requests) <= requests - 1 + DEFAULT_CONCURRENCY


@pytest.mark.parametrize(
    ("form", "way"), [("collect", WINDOWS), ("async for", PREDICTED)], ids=["windows", "predicted"]
)
async def test_cancelling_after_any_number_of_steps_leaves_nothing(
    form: str, way: Way, scenario: AsyncScenario, leftovers: Leftovers
) -> None:
    for steps in range(0, 130, 13):
        task = asyncio.create_task(FORMS[form](way.listing(scenario)))
        for _ in range(steps):
            await anyio.lowlevel.checkpoint()
        task.cancel()
        await asyncio.wait([task])
        await leftovers.check()


@each_way
@pytest.mark.parametrize("form", ["async for", "unordered", "pages"])
@pytest.mark.parametrize("taken", [1, 2, 21, 45, 61])
async def test_breaking_out_anywhere_ends_the_requests_under_way(
    taken: int, form: str, way: Way, scenario: AsyncScenario, leftovers: Leftovers
) -> None:
    left = -(-taken // 20) if form == "pages" else taken
    async with aclosing(_generator(form, way.listing(scenario))) as walk:
        async for _ in walk:
            left -= 1
            if left == 0:
                break

    await leftovers.check()


def _generator(form: str, listing: Listing[Model]) -> AsyncGenerator[object, None]:
    if form == "pages":
        return listing.pages()
    return aiter(listing) if form == "async for" else listing.unordered()


@each_way
async def test_a_loop_that_is_just_left_closes_itself_a_moment_later(
    way: Way, scenario: AsyncScenario, sandbox: Sandbox, leftovers: Leftovers
) -> None:
    sandbox.faults.add(Stalled(), after=3, times=None)

    async for _ in way.listing(scenario):
        await until_requests(sandbox, 4)
        break

    await leftovers.check()
    await until_connections(sandbox, 3)


@each_way
@pytest.mark.parametrize("form", ["async for", "unordered", "pages"])
async def test_raising_inside_the_loop_gives_that_error_and_leaves_nothing(
    form: str, way: Way, scenario: AsyncScenario, leftovers: Leftovers
) -> None:
    async def fails(at: int) -> None:
        async with aclosing(_generator(form, way.listing(scenario))) as walk:
            async for _ in walk:
                at -= 1
                if at == 0:
                    raise LookupError("mine")

    for at in range(1, 6):
        with pytest.raises(LookupError, match="mine"):
            await fails(at)
        await leftovers.check()


@each_way
@each_form
async def test_a_failure_ends_the_other_requests(
    form: str, way: Way, connect: Connect, sandbox: Sandbox, leftovers: Leftovers
) -> None:
    sandbox.faults.add(ServerError(500), after=4, times=None)
    async with connect(max_retries=0) as scenario:
        with pytest.raises(InternalServerError):
            await FORMS[form](way.listing(scenario))
        await leftovers.check()
    await leftovers.check_connections()


@each_way
@each_form
async def test_closing_the_client_ends_a_walk_with_all_its_requests(
    form: str, way: Way, connect: Connect, sandbox: Sandbox, leftovers: Leftovers
) -> None:
    sandbox.faults.add(Stalled(), after=2, times=None)
    scenario = connect()
    task = asyncio.create_task(FORMS[form](way.listing(scenario)))
    await until_requests(sandbox, 4)

    await scenario.aclose()

    with pytest.raises(UsageError, match="closed while a listing or a retrieval was"):
        await task
    await leftovers.check()
    await leftovers.check_connections()


@each_way
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


@each_way
@each_form
async def test_a_time_limit_of_the_caller_ends_a_walk(
    form: str, way: Way, scenario: AsyncScenario, sandbox: Sandbox, leftovers: Leftovers
) -> None:
    sandbox.faults.add(Stalled(), after=2, times=None)

    async def limited(deadline: asyncio.Timeout) -> None:
        async with deadline:
            await FORMS[form](way.listing(scenario))

    deadline = asyncio.timeout(None)
    task = asyncio.create_task(limited(deadline))
    await until_requests(sandbox, 4)
    deadline.reschedule(asyncio.get_running_loop().time())
    with pytest.raises(TimeoutError) as caught:
        await task

    assert type(caught.value) is TimeoutError
    await leftovers.check()
    await until_connections(sandbox, 2)


@each_way
async def test_a_pause_of_all_requests_is_cancelled_with_the_walk(
    way: Way, scenario: AsyncScenario, sandbox: Sandbox, leftovers: Leftovers
) -> None:
    sandbox.faults.add(RateLimited(retry_after=60), after=1, times=None)
    task = asyncio.create_task(way.listing(scenario).collect())
    await until_requests(sandbox, 2)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await leftovers.check()


async def test_requests_past_the_end_do_not_hold_the_end_of_a_walk_up(
    connect: Connect, sandbox: Sandbox, leftovers: Leftovers
) -> None:
    rows = len(sandbox.catalogue.ids("public"))
    sandbox.faults.add(
        Stalled(),
        times=None,
        when=lambda request: _offset(request.query.get("paginationToken")) > rows,
    )
    # Those that are not sent yet when the end arrives are not sent at all.
    sandbox.faults.add(
        Delayed(0.5),
        times=None,
        when=lambda request: rows - 40 < _offset(request.query.get("paginationToken")) <= rows,
    )
    async with connect() as scenario:
        listing = scenario.models.public(route="public", page_size=20)
        with anyio.fail_after(30):
            found = [model.id async for model in listing]
        await leftovers.check()

    assert found == sandbox.catalogue.ids("public")
    assert any(_offset(one.query.get("paginationToken")) > rows for one in sandbox.requests)


def _offset(token: str | None) -> int:
    return 0 if token is None else int(json.loads(base64.b64decode(token))["offset"])


@each_way
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
