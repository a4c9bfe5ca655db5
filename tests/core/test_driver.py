from __future__ import annotations

import asyncio
import gc
from contextlib import aclosing
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.clocks import settle
from support.pages import Parallel, Service, collect, one_after_another, pages_of, tasks

from scenario_async import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    PaginationError,
    RateLimitError,
    UsageError,
)
from scenario_async._decoding.envelope import PageAnswer
from scenario_async._http.lifetime import Lifetime
from scenario_async._pagination.driver import fetch_planned
from scenario_async._retrieval.planner import IdsRead, MoreIds, RecordPlanner

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence

    from scenario_async import Missing
    from scenario_async._pagination.planner import EmittedPage, PagePlanner, PageRequest
    from scenario_async._retrieval.planner import Outcome, RecordRequest

pytestmark = pytest.mark.anyio


class SecondTry(Parallel):
    """A planner that asks once more for a page that failed."""

    def __init__(self, pages: int) -> None:
        super().__init__(pages)
        self._again: list[PageRequest] = []

    def requests(self, free_slots: int, buffered: int) -> Sequence[PageRequest]:
        again, self._again = self._again[:free_slots], self._again[free_slots:]
        return [*again, *super().requests(free_slots - len(again), buffered)]

    def failed(self, request: PageRequest, error: APIError) -> Sequence[EmittedPage]:
        if self.failures:
            raise error
        self.failures.append(error)
        self._again.append(request)
        return ()


@pytest.fixture(autouse=True)
async def leaves_nothing_behind(anyio_backend: object) -> AsyncGenerator[None, None]:
    yield
    assert tasks() == []
    # What was not closed says so when it goes, and a warning is an error here.
    gc.collect(1)


async def test_answers_that_came_together_with_a_failure_are_given_before_it() -> None:
    planner: RecordPlanner[str, str] = RecordPlanner(most=4, ordered=False)

    async def fetch(
        request: MoreIds | RecordRequest[str],
    ) -> IdsRead[str, str] | Mapping[str, Outcome[str]]:
        if isinstance(request, MoreIds):
            return IdsRead(["broken", "a", "b", "c"], last=True)
        await anyio.lowlevel.checkpoint()
        if "broken" in request.ids:
            raise APIConnectionError("gone")
        return {model_id: model_id.upper() for model_id in request.ids}

    given: list[str | Missing] = []
    records = fetch_planned(planner, fetch, concurrency=5, lifetime=Lifetime())
    async with aclosing(records):
        with pytest.raises(APIConnectionError):
            async for _, record in records:
                given.append(record)
    assert given == ["A", "B", "C"]


@pytest.mark.parametrize("pages", [1, 2, 7])
@pytest.mark.parametrize("concurrency", [1, 4])
async def test_all_pages_come_in_order(pages: int, concurrency: int) -> None:
    service = Service(pages)
    assert await collect(pages_of(service, concurrency=concurrency)) == list(range(pages))
    assert service.started == list(range(pages))


async def test_nothing_is_requested_before_the_first_page_is_asked_for() -> None:
    service = Service(2)
    pages = pages_of(service)
    await settle()
    assert service.started == []
    await pages.aclose()
    assert service.started == []


async def test_the_next_page_is_requested_while_the_caller_handles_this_one() -> None:
    service = Service(5, held={1})
    async with aclosing(pages_of(service)) as pages:
        await anext(pages)
        await settle()
        assert service.started == [0, 1]
        assert service.under_way == {1}


@pytest.mark.parametrize(
    ("planner", "ahead"), [(one_after_another, 1), (lambda: Parallel(20, window=6), 9)]
)
@pytest.mark.parametrize("concurrency", [1, 3])
async def test_a_slow_caller_holds_the_requests_back(
    concurrency: int, planner: Callable[[], PagePlanner], ahead: int
) -> None:
    service = Service(20)
    handled = 0
    async with aclosing(pages_of(service, planner(), concurrency=concurrency)) as pages:
        async for _ in pages:
            handled += 1
            await settle()
            assert len(service.started) <= handled + ahead
    assert handled == 20


@pytest.mark.parametrize("taken", [1, 2, 4, 5])
@pytest.mark.parametrize("held", [(), (0,), (1,), (2,), (4,)])
async def test_a_loop_that_is_left_early_ends_what_is_under_way(
    taken: int, held: tuple[int, ...]
) -> None:
    service = Service(5, held=held)
    async with aclosing(pages_of(service)) as pages:
        for _ in range(taken):
            if set(held) & set(range(taken)):
                break
            await anext(pages)
            await settle(3)
    assert service.under_way == set()
    assert tasks() == []
    started = list(service.started)
    await settle()
    assert service.started == started


@pytest.mark.parametrize("planner", [one_after_another, lambda: Parallel(5)])
@pytest.mark.parametrize("taken", range(5))
async def test_an_exception_in_the_loop_comes_out_as_itself_and_ends_what_is_under_way(
    planner: Callable[[], PagePlanner], taken: int
) -> None:
    service = Service(5, held=range(taken + 1, 5))
    mistake = ZeroDivisionError("of the caller")
    with pytest.raises(ZeroDivisionError) as caught:
        await _raise_on_page(taken, pages_of(service, planner()), mistake)
    assert caught.value is mistake
    assert service.under_way == set()
    assert tasks() == []


async def _raise_on_page(
    number: int,
    pages: AsyncGenerator[EmittedPage, None],
    mistake: Exception,
) -> None:
    async with aclosing(pages):
        async for page in pages:
            await settle(5)
            if page.request.depth == number:
                raise mistake


@pytest.mark.parametrize("planner", [one_after_another, lambda: Parallel(1000, window=2)])
async def test_a_cancellation_at_any_moment_comes_through_and_ends_what_is_under_way(
    planner: Callable[[], PagePlanner],
) -> None:
    for moment in range(40):
        service = Service(1000)
        task = asyncio.create_task(collect(pages_of(service, planner())))
        for _ in range(moment):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait((task,))
        assert task.cancelled()
        assert service.under_way == set()
        assert tasks() == []


async def test_a_cancellation_as_the_run_ends_leaves_nothing_behind() -> None:
    for moment in range(60):
        task = asyncio.create_task(collect(pages_of(Service(1))))
        for _ in range(moment):
            await asyncio.sleep(0)
        if task.done():
            break
        task.cancel()
        await asyncio.wait((task,))
        assert task.cancelled()
        assert tasks() == []
    gc.collect(1)


@pytest.mark.parametrize("cancellations", [1, 2])
async def test_a_cancelled_run_ends_when_its_requests_have_ended(cancellations: int) -> None:
    service = _Reluctant(3)
    task = asyncio.create_task(collect(pages_of(service)))
    await settle()
    for _ in range(cancellations):
        task.cancel()
        await settle()
    left = [] if not task.done() else tasks()
    service.may_end.set()
    await asyncio.wait((task,))
    await settle()
    assert left == []


@pytest.mark.parametrize("whole_client", [False, True])
async def test_a_cancellation_while_something_is_being_closed_waits_for_it_and_comes_through(
    *, whole_client: bool
) -> None:
    service = _Reluctant(3)
    lifetime = Lifetime()
    pages = pages_of(service, lifetime=lifetime)
    await anext(pages)
    await settle()
    closing = asyncio.create_task(lifetime.aclose() if whole_client else pages.aclose())
    await settle()
    closing.cancel()
    await settle()
    assert not closing.done()
    service.may_end.set()
    await asyncio.wait((closing,))
    assert closing.cancelled()
    assert whole_client or tasks() == []
    await pages.aclose()


class _Reluctant(Service):
    """A service whose requests take their time to end, from the second page on."""

    def __init__(self, pages: int) -> None:
        super().__init__(pages, held=range(1, pages))
        self.may_end = anyio.Event()

    async def fetch(self, request: PageRequest) -> PageAnswer:
        try:
            return await super().fetch(request)
        finally:
            if request.depth > 0:
                with anyio.CancelScope(shield=True):
                    await self.may_end.wait()


async def test_a_cancel_scope_ends_a_run_and_nothing_around_it() -> None:
    service = Service(3, held={1})
    got: list[int] = []
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(collect, pages_of(service), got)
            await settle()
            scope.cancel()
    assert scope.cancelled_caught
    assert got == [0]
    assert service.under_way == set()


async def test_a_time_limit_of_the_caller_is_a_time_limit() -> None:
    service = Service(3, held={1})
    with pytest.raises(TimeoutError) as caught:
        await _collect_until(0.01, pages_of(service))
    assert not isinstance(caught.value, APITimeoutError)
    assert service.under_way == set()


async def _collect_until(seconds: float, pages: AsyncGenerator[EmittedPage, None]) -> None:
    async with asyncio.timeout(seconds):
        await collect(pages)


@pytest.mark.parametrize(
    "error",
    [
        APIConnectionError("gone"),
        RateLimitError("slow down", retry_after=3.0),
        ValueError("a bug somewhere"),
        UsageError("closed"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("page", [0, 1, 4])
async def test_a_page_that_fails_fails_the_run_as_itself_after_the_pages_before_it(
    error: Exception, page: int
) -> None:
    service = Service(5, failing={page: error})
    got: list[int] = []
    with pytest.raises(type(error)) as caught:
        await collect(pages_of(service), got)
    assert caught.value is error
    assert got == list(range(page))
    assert service.started == list(range(page + 1))


async def test_a_failure_waits_until_the_caller_has_taken_the_pages_before_it() -> None:
    error = APIConnectionError("gone")
    service = Service(3, failing={1: error})
    async with aclosing(pages_of(service)) as pages:
        page = await anext(pages)
        await settle()
        assert page.request.depth == 0
        with pytest.raises(APIConnectionError) as caught:
            await anext(pages)
        assert caught.value is error
        with pytest.raises(StopAsyncIteration):
            await anext(pages)


async def test_a_broken_chain_is_an_error_after_all_good_pages() -> None:
    async def fetch(request: PageRequest) -> PageAnswer:
        await anyio.lowlevel.checkpoint()
        return PageAnswer((), str(request.depth % 3))

    got: list[int] = []
    pages = fetch_planned(one_after_another(), fetch, concurrency=4, lifetime=Lifetime())
    with pytest.raises(PaginationError):
        await collect(pages, got)
    assert got == [0, 1, 2, 3]


async def test_a_failure_in_parallel_ends_the_other_requests_and_comes_out_alone() -> None:
    error = APIConnectionError("gone")
    service = Service(8, held={0, 1, 3}, failing={2: error})
    got: list[int] = []
    with pytest.raises(APIConnectionError) as caught:
        await collect(pages_of(service, Parallel(8)), got)
    assert caught.value is error
    assert got == []
    assert service.under_way == set()


async def test_several_failures_at_once_come_out_as_the_first_of_them() -> None:
    errors: dict[int, Exception] = {n: APIConnectionError(str(n)) for n in range(4)}
    service = Service(4, failing=errors)
    with pytest.raises(APIConnectionError) as caught:
        await collect(pages_of(service, Parallel(4)))
    assert caught.value in errors.values()


@pytest.mark.parametrize("cancelled", [1, 2])
async def test_a_request_that_was_cancelled_from_elsewhere_is_an_error_and_no_end(
    cancelled: int,
) -> None:
    service = Service(5, held={cancelled}, failing={cancelled: asyncio.CancelledError()})
    got: list[int] = []
    async with aclosing(pages_of(service, concurrency=2)) as pages:
        with pytest.raises(APIConnectionError, match="the request was cancelled") as caught:
            async for page in pages:
                got.append(page.request.depth)
                # The caller is slow: another page is buffered, and the held one is under way.
                await settle()
                service.gates[cancelled].set()
                await settle()
    assert got == list(range(cancelled))
    assert isinstance(caught.value.__cause__, asyncio.CancelledError)


async def test_a_failure_that_nobody_waits_for_any_more_is_not_heard_of() -> None:
    service = Service(3, failing={1: APIConnectionError("gone")})
    async with aclosing(pages_of(service)) as pages:
        await anext(pages)
        await settle()


@pytest.mark.parametrize("concurrency", [1, 2])
async def test_a_planner_may_go_on_without_a_page_that_failed(concurrency: int) -> None:
    flaky = _Flaky(5, failing={2: APIConnectionError("gone")})
    planner = SecondTry(5)
    assert await collect(pages_of(flaky, planner, concurrency=concurrency)) == [0, 1, 2, 3, 4]
    assert sorted(flaky.started) == [0, 1, 2, 2, 3, 4]
    assert flaky.most_under_way == concurrency


async def test_of_answers_that_come_together_none_waits_for_another_one() -> None:
    service = Service(2, held=(0, 1))
    run = asyncio.create_task(collect(pages_of(service, Parallel(2))))
    await settle()
    for depth in (1, 0):
        service.gates[depth].set()
    assert await run == [0, 1]


class _Flaky(Service):
    """A service where each failure happens once."""

    async def fetch(self, request: PageRequest) -> PageAnswer:
        try:
            return await super().fetch(request)
        except APIError:
            self._failing.pop(request.depth)
            raise


async def test_an_error_of_a_planner_comes_out_as_itself() -> None:
    class Faulty(Parallel):
        def receive(self, request: PageRequest, answer: PageAnswer) -> Sequence[EmittedPage]:
            if request.depth == 1:
                raise PaginationError("torn")
            return super().receive(request, answer)

    got: list[int] = []
    with pytest.raises(PaginationError, match="torn"):
        await collect(pages_of(Service(3), Faulty(3), concurrency=1), got)
    assert got == [0]


@pytest.mark.parametrize("planner", [one_after_another, lambda: Parallel(5)])
async def test_closing_the_client_while_a_page_is_handled_drops_those_that_are_buffered(
    planner: Callable[[], PagePlanner],
) -> None:
    lifetime = Lifetime()
    async with aclosing(pages_of(Service(5), planner(), lifetime=lifetime)) as pages:
        await anext(pages)
        await settle()
        await lifetime.aclose()
        with pytest.raises(UsageError, match="closed while a listing or a retrieval was"):
            await anext(pages)


async def test_closing_the_client_after_the_last_page_is_no_failure_of_the_run() -> None:
    lifetime = Lifetime()
    async with aclosing(pages_of(Service(1), lifetime=lifetime)) as pages:
        await anext(pages)
        await settle()
        await lifetime.aclose()
        with pytest.raises(StopAsyncIteration):
            await anext(pages)


@pytest.mark.parametrize("turns", [*range(12), 60])
async def test_closing_the_client_at_any_moment_is_a_usage_error(turns: int) -> None:
    service = Service(9, held={3})
    lifetime = Lifetime()
    task = asyncio.create_task(collect(pages_of(service, lifetime=lifetime)))
    for _ in range(turns):
        await asyncio.sleep(0)
    await lifetime.aclose()
    assert service.under_way == set()
    with pytest.raises(UsageError, match="closed"):
        await task
    assert turns > 1 or service.started == []


@pytest.mark.parametrize("closed", ["parent", "child"])
async def test_closing_a_client_ends_its_runs_and_those_of_clients_derived_from_it(
    closed: str,
) -> None:
    parent = Lifetime()
    child = Lifetime(parent)
    own, derived = Service(3, held={1}), Service(3, held={1})
    mine = asyncio.create_task(collect(pages_of(own, lifetime=parent)))
    other = asyncio.create_task(collect(pages_of(derived, lifetime=child)))
    await settle()
    await (parent if closed == "parent" else child).aclose()
    with pytest.raises(UsageError):
        await other
    assert child.closed
    assert parent.closed == (closed == "parent")
    own.gates[1].set()
    if parent.closed:
        with pytest.raises(UsageError):
            await mine
    else:
        assert await mine == [0, 1, 2]


async def test_closing_twice_at_once_ends_both_times() -> None:
    lifetime = Lifetime()
    task = asyncio.create_task(collect(pages_of(Service(3, held={1}), lifetime=lifetime)))
    await settle()
    async with anyio.create_task_group() as closing:
        closing.start_soon(lifetime.aclose)
        closing.start_soon(lifetime.aclose)
    with pytest.raises(UsageError):
        await task
    await lifetime.aclose()


async def test_a_closed_client_begins_no_run() -> None:
    lifetime = Lifetime()
    await lifetime.aclose()
    service = Service(3)
    with pytest.raises(UsageError, match="this client is closed"):
        await anext(pages_of(service, lifetime=lifetime))
    assert service.started == []


async def test_a_run_that_is_over_is_forgotten_by_its_client() -> None:
    parent = Lifetime()
    lifetime = Lifetime(parent)
    await collect(pages_of(Service(3), lifetime=lifetime))
    await settle()
    assert kept_by(parent) == kept_by(lifetime) == 0


def kept_by(lifetime: Lifetime) -> int:
    kept: set[object] = vars(lifetime)["_tasks"]
    return len(kept)


async def test_a_run_that_was_dropped_without_closing_ends_by_itself() -> None:
    service = Service(3, held={1})
    pages = pages_of(service)
    await anext(pages)
    await settle()
    assert service.under_way == {1}
    del pages
    gc.collect()
    await settle()
    assert service.under_way == set()
    assert tasks() == []


async def take(pages: AsyncGenerator[EmittedPage, None]) -> None:
    await anext(pages)


async def test_a_run_may_be_closed_by_another_task_than_the_one_that_began_it() -> None:
    service = Service(3, held={1})
    pages = pages_of(service)
    await asyncio.create_task(take(pages))
    await asyncio.create_task(pages.aclose())
    assert service.under_way == set()


async def test_two_runs_at_once_do_not_meet() -> None:
    lifetime = Lifetime()
    runs: list[Awaitable[list[int]]] = [
        collect(pages_of(Service(pages), lifetime=lifetime)) for pages in (3, 5)
    ]
    assert await asyncio.gather(*runs) == [[0, 1, 2], [0, 1, 2, 3, 4]]


@pytest.mark.parametrize("concurrency", [1, 2, 3, 8])
async def test_no_more_requests_are_under_way_than_allowed(concurrency: int) -> None:
    service = Service(12)
    depths = await collect(pages_of(service, Parallel(12), concurrency=concurrency))
    assert depths == list(range(12))
    assert service.most_under_way == concurrency


@settings(max_examples=40)
@given(pages=st.integers(1, 8), concurrency=st.integers(1, 4), data=st.data())
def test_pages_come_in_order_in_whatever_order_their_answers_came(
    pages: int, concurrency: int, data: st.DataObject
) -> None:
    async def run() -> None:
        service = Service(pages, held=range(pages))
        run = asyncio.create_task(
            collect(pages_of(service, Parallel(pages), concurrency=concurrency))
        )
        for _ in range(pages):
            await settle(20)
            assert len(service.under_way) <= concurrency
            depth = data.draw(st.sampled_from(sorted(service.under_way)))
            service.gates[depth].set()
        assert await run == list(range(pages))
        assert sorted(service.answered) == list(range(pages))

    asyncio.run(run())
