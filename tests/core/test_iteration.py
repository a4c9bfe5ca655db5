"""An iteration says how it ended, and never looks complete where it was cut short."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import TYPE_CHECKING

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.client import until

from scenario_async import UsageError
from scenario_async._iteration import Iteration, RowIteration

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

pytestmark = pytest.mark.anyio


class Steps:
    """A generator that counts, and whose every step waits until it may go on."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.go_on = anyio.Event()
        self.waits = anyio.Event()
        self.closed = False

    async def run(self) -> AsyncGenerator[int, None]:
        try:
            for number in range(self.count):
                self.waits.set()
                await self.go_on.wait()
                yield number
        finally:
            self.closed = True


async def counted(count: int, error: Exception | None = None) -> AsyncGenerator[int, None]:
    for number in range(count):
        yield number
    if error is not None:
        raise error


@given(count=st.integers(0, 5), asked=st.integers(1, 3))
def test_one_that_came_to_its_end_stays_at_it(count: int, asked: int) -> None:
    async def run() -> None:
        iteration = Iteration(counted(count), "listing")
        assert [number async for number in iteration] == list(range(count))
        for _ in range(asked):
            assert [number async for number in iteration] == []
        await iteration.aclose()
        assert await anext(iteration, None) is None

    asyncio.run(run())


@given(count=st.integers(0, 5))
def test_after_an_error_it_does_not_look_complete(count: int) -> None:
    async def run() -> None:
        iteration = Iteration(counted(count, LookupError("mine")), "listing")
        for number in range(count):
            assert await anext(iteration) == number
        with pytest.raises(LookupError, match="mine"):
            await anext(iteration)
        for _ in range(2):
            with pytest.raises(UsageError, match="listing was ended by LookupError before its end"):
                await anext(iteration)

    asyncio.run(run())


async def test_a_cancelled_step_ends_it_and_the_next_one_says_what_to_write_instead() -> None:
    steps = Steps(3)
    iteration = Iteration(steps.run(), "watch")
    step = asyncio.ensure_future(anext(iteration))
    await steps.waits.wait()
    step.cancel()
    with pytest.raises(asyncio.CancelledError):
        await step

    assert steps.closed
    with pytest.raises(UsageError, match="this watch was cancelled before its end") as caught:
        await anext(iteration)
    assert "asyncio.wait([step], timeout=...)" in str(caught.value)
    with pytest.raises(UsageError, match="was cancelled"):
        await iteration.asend(None)
    await iteration.aclose()
    with pytest.raises(UsageError, match="was cancelled"):
        await anext(iteration)


async def test_a_step_with_a_task_of_its_own_outlives_the_patience_of_its_caller() -> None:
    steps = Steps(3)
    iteration = Iteration(steps.run(), "watch")
    step = asyncio.ensure_future(anext(iteration))
    for _ in range(3):
        done, _ = await asyncio.wait([step], timeout=0)
        assert not done
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(step), 0)
    steps.go_on.set()

    assert [await step, *[number async for number in iteration]] == [0, 1, 2]


async def test_a_step_that_was_cancelled_before_it_began_costs_nothing() -> None:
    iteration = Iteration(counted(2), "listing")
    step = asyncio.ensure_future(anext(iteration))
    step.cancel()
    await asyncio.wait([step])

    assert [number async for number in iteration] == [0, 1]


async def test_two_steps_at_once_are_an_error_of_the_second_alone() -> None:
    steps = Steps(2)
    iteration = Iteration(steps.run(), "listing")
    first = asyncio.ensure_future(anext(iteration))
    await steps.waits.wait()
    with pytest.raises(RuntimeError, match="already running"):
        await anext(iteration)
    with pytest.raises(RuntimeError, match="already running"):
        await iteration.aclose()
    steps.go_on.set()

    assert [await first, *[number async for number in iteration]] == [0, 1]


@pytest.mark.parametrize("taken", [0, 1])
async def test_closed_in_the_middle_it_does_not_look_complete(taken: int) -> None:
    iteration = Iteration(counted(2), "retrieval")
    for _ in range(taken):
        await anext(iteration)
    await iteration.aclose()
    await iteration.aclose()

    with pytest.raises(UsageError, match="retrieval was closed before its end"):
        await anext(iteration)


async def test_a_loop_that_was_left_goes_on_where_it_was() -> None:
    iteration = Iteration(counted(3), "listing")
    async for _ in iteration:
        break

    assert [number async for number in iteration] == [1, 2]


async def test_what_is_thrown_into_it_comes_out_and_ends_it() -> None:
    for thrown in (LookupError("mine"), LookupError):
        iteration = Iteration(counted(3), "listing")
        await anext(iteration)
        with pytest.raises(LookupError):
            await iteration.athrow(thrown)
        with pytest.raises(UsageError, match="ended by LookupError"):
            await anext(iteration)


async def test_thrown_as_a_class_and_a_value_it_is_one_error() -> None:
    iteration = Iteration(counted(3), "listing")
    await anext(iteration)

    with pytest.raises(LookupError, match="mine"):
        await iteration.athrow(LookupError, "mine")


async def test_dropped_it_is_closed_by_the_loop() -> None:
    steps = Steps(2)
    steps.go_on.set()
    iteration = Iteration(steps.run(), "listing")
    await anext(iteration)
    gone = weakref.ref(iteration)
    del iteration
    gc.collect()

    assert gone() is None
    await until(lambda: steps.closed)


async def test_it_shows_how_far_it_is() -> None:
    iteration = Iteration(counted(1), "listing")
    shown = [repr(iteration)]
    await iteration.aclose()
    shown.append(repr(iteration))

    assert shown == ["<iteration of a listing, under way>", "<iteration of a listing, closed>"]


async def parts(*sizes: int, fails_at: int | None = None) -> AsyncGenerator[Iterator[int], None]:
    def part(size: int) -> Iterator[int]:
        for number in range(size):
            if number == fails_at:
                raise LookupError("mine")
            yield number

    for size in sizes:
        yield part(size)


async def test_of_a_generator_of_iterables_the_items_come_one_by_one() -> None:
    iteration = RowIteration(parts(2, 0, 3), "listing")
    assert [number async for number in iteration] == [0, 1, 0, 1, 2]
    assert [number async for number in iteration] == []


async def test_closed_in_the_middle_of_an_iterable_it_does_not_look_complete() -> None:
    iteration = RowIteration(parts(3), "listing")
    await anext(iteration)
    await iteration.aclose()
    with pytest.raises(UsageError, match="listing was closed before its end"):
        await anext(iteration)


async def test_an_error_in_an_iterable_ends_the_generator_as_well() -> None:
    steps = parts(3, 3, fails_at=1)
    iteration = RowIteration(steps, "listing")
    assert await iteration.asend(None) == 0
    with pytest.raises(LookupError, match="mine"):
        await anext(iteration)
    assert await anext(steps, None) is None
    with pytest.raises(UsageError, match="listing was ended by LookupError"):
        await anext(iteration)
