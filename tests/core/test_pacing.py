from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, TypeAlias

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.clocks import FakeClock, HeldClock, settle

from scenario_async import RateLimitError
from scenario_async._http.clock import Deadline, SystemClock
from scenario_async._http.pacing import Concurrency, Pacer, RetryBudget, Turn
from scenario_async._http.rate import LearnedRate

if TYPE_CHECKING:
    from scenario_async._http.clock import Clock

pytestmark = pytest.mark.anyio

Steps: TypeAlias = list[tuple[bool, int]]

PAST_ANY_WAIT = LearnedRate.SECONDS + 10.0

# A good answer, or a sign of overload to a request of a generation so many before the present one.
steps: st.SearchStrategy[Steps] = st.lists(st.tuples(st.booleans(), st.integers(0, 2)), max_size=60)


@given(st.integers(1, 40), steps)
def test_the_limit_halves_once_for_each_generation_and_grows_by_one_a_round(
    most: int, happened: Steps
) -> None:
    concurrency = Concurrency(most)
    good_in_a_row = 0
    for good, age in happened:
        limit, generation = concurrency.limit, concurrency.generation
        happens = concurrency.succeeded if good else concurrency.overloaded
        happens(generation - age)
        if age:
            expected = limit, generation
        elif not good:
            expected = max(1, limit // 2), generation + 1
            good_in_a_row = 0
        else:
            good_in_a_row += 1
            grows = limit < most and good_in_a_row == limit
            expected = limit + grows, generation
            good_in_a_row *= not grows
        assert (concurrency.limit, concurrency.generation) == expected
        if concurrency.limit == most:
            good_in_a_row = 0
        assert 1 <= concurrency.limit <= concurrency.most == most


@given(st.lists(st.booleans(), max_size=300))
def test_retries_are_no_more_than_calls_and_a_reserve(calls: list[bool]) -> None:
    budget = RetryBudget()
    retries = 0
    for number, is_call in enumerate(calls, start=1):
        if is_call:
            budget.called()
        elif budget.left:
            budget.retried()
            retries += 1
        assert 0 <= budget.left <= RetryBudget.RESERVE
        assert retries + budget.left <= number - retries + RetryBudget.RESERVE


@given(st.floats(0, 100), st.floats(0, 100), st.floats(0, 100))
def test_a_deadline_counts_down_but_for_time_that_does_not_count(
    passed: float, extra: float, pause: float
) -> None:
    clock = FakeClock()
    deadline, endless = Deadline(clock, 10.0), Deadline(clock, None)
    clock.time += passed
    deadline.extend(extra)
    endless.extend(extra)
    left = deadline.remaining()
    assert left is not None
    assert left == pytest.approx(max(0.0, 10.0 + extra - passed))
    assert deadline.allows(pause) is (pause < left)
    assert (endless.remaining(), endless.allows(1e12)) == (None, True)


def test_the_clock_of_the_machine_goes_on_as_it_sleeps() -> None:
    clock = SystemClock()
    before = clock.now()
    assert abs(before - time.monotonic()) < 60
    asyncio.run(clock.sleep(0.002))
    assert clock.now() - before >= 0.0015


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


class Caller:
    """Waits for a slot in a task of its own, and holds it until told to let go."""

    def __init__(self, pacer: Pacer, deadline: Deadline) -> None:
        self.inside = False
        self.turn: Turn | None = None
        self.let_go = asyncio.Event()
        self.deadline = deadline
        self.task = asyncio.create_task(self._call(pacer))

    async def _call(self, pacer: Pacer) -> None:
        async with pacer.slot(self.deadline) as self.turn:
            self.inside = True
            try:
                await self.let_go.wait()
            finally:
                self.inside = False

    async def leave(self) -> None:
        self.let_go.set()
        await self.task


async def callers(
    number: int, pacer: Pacer, clock: Clock, *, total: float | None = None
) -> list[Caller]:
    called = [Caller(pacer, Deadline(clock, total)) for _ in range(number)]
    await settle()
    return called


def turn_of(caller: Caller) -> Turn:
    assert caller.turn is not None
    return caller.turn


def learned(pacer: Pacer) -> float:
    assert pacer.rate is not None
    return pacer.rate


def inside(called: list[Caller]) -> list[bool]:
    return [caller.inside for caller in called]


async def end(called: list[Caller]) -> None:
    for caller in called:
        caller.let_go.set()
    await asyncio.gather(*(caller.task for caller in called))


async def test_as_many_callers_as_there_are_slots_are_let_in_and_then_in_their_order(
    clock: HeldClock,
) -> None:
    pacer = Pacer(clock, 2)
    called = await callers(4, pacer, clock)
    assert inside(called) == [True, True, False, False]
    await called[1].leave()
    await settle()
    assert inside(called) == [True, False, True, False]
    await end(called)


async def test_waiting_for_a_slot_does_not_count_against_the_deadline(clock: HeldClock) -> None:
    pacer = Pacer(clock, 1)
    first, second = await callers(2, pacer, clock, total=10.0)
    await clock.advance(100.0)
    assert second.deadline.remaining() == 0.0
    await first.leave()
    await settle()
    assert second.inside
    assert second.deadline.remaining() == 10.0
    assert first.deadline.remaining() == 0.0
    await second.leave()


async def test_a_pause_holds_everybody_until_its_end(clock: HeldClock) -> None:
    pacer = Pacer(clock, 8)
    pacer.pause(5.0)
    called = await callers(3, pacer, clock)
    assert pacer.pause_left() == 5.0
    await clock.advance(4.9)
    assert inside(called) == [False] * 3
    await clock.advance(0.2)
    assert inside(called) == [True] * 3
    assert pacer.pause_left() < 0
    await end(called)


async def test_a_pause_holds_also_who_was_in_the_queue_when_it_came(clock: HeldClock) -> None:
    pacer = Pacer(clock, 1)
    first, second = await callers(2, pacer, clock)
    pacer.pause(5.0)
    await first.leave()
    await settle()
    assert inside([second]) == [False]
    # The slot is free meanwhile: whoever waits for the end of a pause holds none.
    assert pacer._limiter.available_tokens == 1
    await clock.advance(5.0)
    assert second.inside
    await second.leave()


async def test_a_pause_that_grows_while_it_is_waited_for_is_waited_for_to_its_new_end(
    clock: HeldClock,
) -> None:
    pacer = Pacer(clock, 1)
    pacer.pause(5.0)
    (caller,) = await callers(1, pacer, clock)
    await clock.advance(3.0)
    pacer.pause(5.0)
    await clock.advance(2.5)
    assert inside([caller]) == [False]
    await clock.advance(2.5)
    assert caller.inside
    assert clock.slept == [5.0, 2.5]
    await caller.leave()


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 10)), max_size=10))
def test_a_pause_never_gets_shorter(pauses: list[tuple[float, float]]) -> None:
    clock = HeldClock()
    pacer = Pacer(clock, 1)
    end = float("-inf")
    for later, seconds in pauses:
        clock.time += later
        pacer.pause(seconds)
        end = max(end, clock.time + seconds)
        assert pacer.pause_left() == pytest.approx(end - clock.time)


async def test_a_pause_longer_than_the_deadline_raises_at_once_with_the_time_that_is_left(
    clock: HeldClock,
) -> None:
    pacer = Pacer(clock, 1)
    pacer.pause(30.0)
    clock.time += 10.0
    with pytest.raises(RateLimitError, match=r"20\.0 s") as caught:
        await _pass_through(pacer, Deadline(clock, 20.0))
    assert caught.value.retry_after == 20.0
    assert caught.value.status_code == 429
    assert clock.slept == []


async def test_a_pause_that_grows_beyond_the_deadline_raises_when_the_first_end_has_come(
    clock: HeldClock,
) -> None:
    pacer = Pacer(clock, 1)
    pacer.pause(5.0)
    (caller,) = await callers(1, pacer, clock, total=10.0)
    pacer.pause(50.0)
    await clock.advance(5.0)
    with pytest.raises(RateLimitError) as caught:
        await caller.task
    assert caught.value.retry_after == 45.0


async def test_waiting_for_the_end_of_a_pause_counts_against_the_deadline(clock: HeldClock) -> None:
    pacer = Pacer(clock, 1)
    pacer.pause(4.0)
    (caller,) = await callers(1, pacer, clock, total=10.0)
    await clock.advance(4.0)
    assert caller.inside
    assert caller.deadline.remaining() == 6.0
    await caller.leave()


async def test_without_a_deadline_any_pause_is_waited_for() -> None:
    clock = FakeClock()
    pacer = Pacer(clock, 1)
    pacer.pause(86_400.0)
    await _pass_through(pacer, Deadline(clock, None))
    assert clock.slept == [86_400.0]


async def test_a_slot_is_given_back_on_an_exception(clock: HeldClock) -> None:
    pacer = Pacer(clock, 1)
    with pytest.raises(ZeroDivisionError):
        await _fail_inside(pacer, Deadline(clock, None))
    (caller,) = await callers(1, pacer, clock)
    assert caller.inside
    await caller.leave()


@pytest.mark.parametrize("place", [0, 1], ids=["inside", "in the queue"])
@pytest.mark.parametrize("pause", [0.0, 5.0], ids=["", "in a pause"])
async def test_a_caller_that_is_cancelled_takes_no_slot_with_it(
    clock: HeldClock, place: int, pause: float
) -> None:
    pacer = Pacer(clock, 1)
    pacer.pause(pause)
    called = await callers(3, pacer, clock)
    cancelled = called.pop(place)
    cancelled.task.cancel()
    await clock.advance(pause)
    assert cancelled.task.cancelled()
    for caller in called:
        assert caller.inside
        await caller.leave()
        await settle()


async def test_a_caller_that_is_cancelled_as_it_gets_its_slot_gives_it_back(
    clock: HeldClock,
) -> None:
    for turns in range(4):
        pacer = Pacer(clock, 1)
        first, second = await callers(2, pacer, clock)
        first.let_go.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        second.task.cancel()
        await settle()
        (third,) = await callers(1, pacer, clock)
        assert third.inside
        await third.leave()


async def test_after_a_429_one_request_goes_out_alone_until_one_is_taken(clock: HeldClock) -> None:
    pacer = Pacer(clock, 4)
    first = await callers(4, pacer, clock)
    for caller in first:
        pacer.refused(turn_of(caller), None)
    assert pacer.limit == 1
    await end(first)
    waiting = await callers(4, pacer, clock)
    assert inside(waiting) == [False] * 4
    await clock.advance(PAST_ANY_WAIT)
    assert sum(inside(waiting)) == 1
    alone = waiting[inside(waiting).index(True)]
    pacer.refused(turn_of(alone), None)
    await alone.leave()
    assert pacer.limit == 1
    await clock.advance(PAST_ANY_WAIT)
    alone = waiting[inside(waiting).index(True)]
    pacer.succeeded(turn_of(alone))
    # The slots were halved by the first 429 alone.
    assert pacer.limit == 2
    for caller in waiting:
        caller.let_go.set()
    for _ in range(9):
        await clock.advance(PAST_ANY_WAIT)
    assert all(caller.task.done() for caller in waiting)


async def test_timeouts_halve_the_slots_once_for_a_burst_and_set_no_rate(clock: HeldClock) -> None:
    pacer = Pacer(clock, 8)
    called = await callers(8, pacer, clock)
    for caller in called:
        pacer.timed_out(turn_of(caller))
    assert pacer.limit == 4
    assert pacer.rate is None
    assert pacer.pause_left() < 0
    await end(called)


async def test_slots_that_are_over_the_new_limit_are_not_handed_out_again(clock: HeldClock) -> None:
    pacer = Pacer(clock, 4)
    first = await callers(4, pacer, clock)
    pacer.timed_out(turn_of(first[0]))
    waiting = await callers(1, pacer, clock)
    await end(first[:2])
    await settle()
    assert inside(waiting) == [False]
    await end(first[2:3])
    await settle()
    assert inside(waiting) == [True]
    await end([*first, *waiting])


async def test_requests_at_a_fixed_rate_go_out_one_by_one_and_evenly(clock: HeldClock) -> None:
    pacer = Pacer(clock, 8, 4.0)
    called = await callers(4, pacer, clock)
    let_in: list[int] = []
    for _ in range(8):
        let_in.append(sum(inside(called)))
        await clock.advance(0.125)
    assert let_in == [1, 1, 2, 2, 3, 3, 4, 4]
    await end(called)


async def test_waiting_for_a_turn_does_not_count_against_the_deadline(clock: HeldClock) -> None:
    pacer = Pacer(clock, 8, 0.1)
    first, second = await callers(2, pacer, clock, total=3.0)
    await clock.advance(10.0)
    assert second.inside
    assert second.deadline.remaining() == pytest.approx(3.0)
    await end([first, second])


async def test_nobody_holds_a_slot_while_waiting_for_a_turn(clock: HeldClock) -> None:
    pacer = Pacer(clock, 1, 1.0)
    first, second, third = await callers(3, pacer, clock)
    await first.leave()
    assert inside([second, third]) == [False, False]
    assert pacer._limiter.available_tokens == 1
    await clock.advance(1.0)
    assert inside([second, third]) == [True, False]
    await end([second])
    await clock.advance(1.0)
    assert third.inside
    await end([third])


async def test_a_turn_is_not_used_up_by_waiting_for_a_slot(clock: HeldClock) -> None:
    pacer = Pacer(clock, 1, 1.0)
    first, second = await callers(2, pacer, clock)
    await clock.advance(60.0)
    (third,) = await callers(1, pacer, clock)
    await first.leave()
    await settle()
    assert inside([second, third]) == [True, False]
    await second.leave()
    await clock.advance(0.5)
    assert inside([third]) == [False]
    await clock.advance(0.5)
    assert inside([third]) == [True]
    await third.leave()


async def test_who_is_cancelled_while_waiting_for_a_turn_leaves_it_to_the_next(
    clock: HeldClock,
) -> None:
    pacer = Pacer(clock, 8, 1.0)
    first, second, third, fourth = await callers(4, pacer, clock)
    await clock.advance(0.5)
    second.task.cancel()
    third.task.cancel()
    await settle()
    assert second.task.cancelled()
    await clock.advance(0.5)
    assert fourth.inside
    await end([first, fourth])


async def test_who_waits_for_a_turn_is_held_by_a_pause_too(clock: HeldClock) -> None:
    pacer = Pacer(clock, 8, 1.0)
    first, second, third = await callers(3, pacer, clock)
    pacer.pause(5.0)
    await clock.advance(1.0)
    assert inside([second, third]) == [False, False]
    await clock.advance(4.0)
    assert inside([second, third]) == [True, False]
    await clock.advance(1.0)
    assert third.inside
    await end([first, second, third])


async def test_who_waits_in_the_queue_hears_of_a_pause_longer_than_the_deadline(
    clock: HeldClock,
) -> None:
    pacer = Pacer(clock, 1)
    first, patient = await callers(2, pacer, clock)
    hurried = await callers(2, pacer, clock, total=10.0)
    pacer.pause(3600.0)
    await first.leave()
    await settle()
    for caller in hurried:
        with pytest.raises(RateLimitError) as caught:
            await caller.task
        assert caught.value.retry_after == 3600.0
    assert not patient.task.done()
    patient.task.cancel()


async def refuse_and_take(pacer: Pacer, clock: HeldClock) -> None:
    """Meet a 429, and then be taken: from then on there is a rate."""
    (caller,) = await callers(1, pacer, clock)
    pacer.refused(turn_of(caller), None)
    await caller.leave()
    (caller,) = await callers(1, pacer, clock)
    await clock.advance(PAST_ANY_WAIT)
    pacer.succeeded(turn_of(caller))
    await caller.leave()


async def test_after_a_429_requests_go_out_evenly(clock: HeldClock) -> None:
    pacer = Pacer(clock, 8)
    await refuse_and_take(pacer, clock)
    called = await callers(2, pacer, clock)
    await clock.advance(1 / learned(pacer))
    assert inside(called) == [True, False]
    await clock.advance(1 / learned(pacer))
    assert inside(called) == [True, True]
    await end(called)


async def test_the_lower_of_a_fixed_and_a_learned_rate_holds(clock: HeldClock) -> None:
    pacer = Pacer(clock, 8, 50.0)
    assert learned(pacer) == 50.0
    await refuse_and_take(pacer, clock)
    assert learned(pacer) < 50.0
    for _ in range(500):
        (caller,) = await callers(1, pacer, clock)
        await clock.advance(1 / learned(pacer))
        await caller.leave()
    assert learned(pacer) == 50.0


async def test_requests_are_scarce_with_a_fixed_rate_and_for_a_while_after_a_429(
    clock: HeldClock,
) -> None:
    assert Pacer(clock, 8, 5.0).scarce
    pacer = Pacer(clock, 8)
    (caller,) = await callers(1, pacer, clock)
    scarce = [pacer.scarce]
    pacer.refused(turn_of(caller), None)
    for seconds in (0.0, 120.0, 240.0):
        await clock.advance(seconds)
        scarce.append(pacer.scarce)
    assert scarce == [False, True, True, False]
    await caller.leave()


async def test_a_pause_that_others_got_through_after_does_not_count_for_who_queued(
    clock: HeldClock,
) -> None:
    pacer = Pacer(clock, 1)
    pacer.pause(8.0)
    first, second = await callers(2, pacer, clock, total=10.0)
    await clock.advance(8.0)
    assert inside([first, second]) == [True, False]
    pacer.succeeded(turn_of(first))
    await first.leave()
    await settle()
    assert second.inside
    assert second.deadline.remaining() == 10.0
    await second.leave()


async def test_pauses_after_which_nobody_gets_through_count(clock: HeldClock) -> None:
    pacer = Pacer(clock, 1)
    pacer.pause(6.0)
    first, second = await callers(2, pacer, clock, total=10.0)
    await clock.advance(6.0)
    pacer.pause(6.0)
    await first.leave()
    await settle()
    with pytest.raises(RateLimitError):
        await second.task


def test_a_pacer_can_be_made_before_there_is_a_loop() -> None:
    clock = FakeClock()
    pacer = Pacer(clock, 2)
    pacer.pause(1.0)

    async def use() -> None:
        async with AsyncExitStack() as slots:
            for _ in range(2):
                await slots.enter_async_context(pacer.slot(Deadline(clock, None)))

    asyncio.run(use())
    assert clock.slept == [1.0]


async def _pass_through(pacer: Pacer, deadline: Deadline) -> None:
    async with pacer.slot(deadline):
        await anyio.lowlevel.checkpoint()


async def _fail_inside(pacer: Pacer, deadline: Deadline) -> None:
    async with pacer.slot(deadline):
        raise ZeroDivisionError
