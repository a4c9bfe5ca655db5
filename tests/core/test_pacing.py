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

Steps: TypeAlias = list[tuple[bool, int]]

PAST_ANY_WAIT = LearnedRate.SECONDS + 10.0

# A good answer, or a sign of overload to a request of a generation so many before the present one.
steps: st.SearchStrategy[Steps] = st.lists(st.tuples(st.booleans(), st.integers(0, 2)), max_size=60)


@given(st.integers(1, 40), steps)
def test_the_limit_stays_between_one_and_the_most(most: int, happened: Steps) -> None:
    concurrency = Concurrency(most)
    for good, age in happened:
        if good:
            concurrency.succeeded(concurrency.generation)
        else:
            concurrency.overloaded(concurrency.generation - age)
        assert 1 <= concurrency.limit <= concurrency.most == most


@given(st.integers(1, 40), steps)
def test_the_limit_halves_once_for_each_generation_and_grows_by_one_a_round(
    most: int, happened: Steps
) -> None:
    concurrency = Concurrency(most)
    good_in_a_row = 0
    for good, age in happened:
        limit, generation = concurrency.limit, concurrency.generation
        if good:
            concurrency.succeeded(concurrency.generation)
            good_in_a_row += 1
            if limit == most or good_in_a_row < limit:
                assert concurrency.limit == limit
            else:
                assert concurrency.limit == limit + 1
                good_in_a_row = 0
            assert concurrency.generation == generation
        else:
            concurrency.overloaded(generation - age)
            if age:
                assert (concurrency.limit, concurrency.generation) == (limit, generation)
            else:
                assert concurrency.limit == max(1, limit // 2)
                assert concurrency.generation == generation + 1
                good_in_a_row = 0
        if concurrency.limit == most:
            good_in_a_row = 0


def test_requests_that_were_under_way_when_a_429_came_halve_nothing_more() -> None:
    concurrency = Concurrency(8)
    sent_in = [concurrency.generation] * 8
    for generation in sent_in:
        concurrency.overloaded(generation)
    assert concurrency.limit == 4
    concurrency.overloaded(concurrency.generation)
    assert concurrency.limit == 2


def test_the_limit_grows_back_one_step_at_a_time() -> None:
    concurrency = Concurrency(4)
    concurrency.overloaded(concurrency.generation)
    limits: list[int] = []
    for _ in range(8):
        concurrency.succeeded(concurrency.generation)
        limits.append(concurrency.limit)
    assert limits == [2, 3, 3, 3, 4, 4, 4, 4]


def test_a_good_answer_to_an_older_request_does_not_undo_the_halving() -> None:
    concurrency = Concurrency(2)
    sent_in = concurrency.generation
    concurrency.overloaded(sent_in)
    concurrency.succeeded(sent_in)
    assert concurrency.limit == 1


def test_a_429_ends_a_good_round() -> None:
    concurrency = Concurrency(4)
    concurrency.overloaded(concurrency.generation)
    concurrency.succeeded(concurrency.generation)
    concurrency.overloaded(concurrency.generation)
    assert concurrency.limit == 1
    concurrency.succeeded(concurrency.generation)
    assert concurrency.limit == 2
    concurrency.succeeded(concurrency.generation)
    assert concurrency.limit == 2


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


def test_a_deadline_counts_down_and_never_below_zero() -> None:
    clock = FakeClock()
    deadline = Deadline(clock, 10.0)
    assert deadline.remaining() == 10.0
    clock.time += 4.0
    assert deadline.remaining() == 6.0
    clock.time += 100.0
    assert deadline.remaining() == 0.0


def test_a_deadline_allows_a_pause_that_leaves_time_to_go_on() -> None:
    clock = FakeClock()
    deadline = Deadline(clock, 10.0)
    assert deadline.allows(9.9)
    assert not deadline.allows(10.0)
    assert not deadline.allows(10.1)
    clock.time += 10.0
    assert not deadline.allows(0.0)


def test_a_deadline_can_be_moved_by_time_that_does_not_count() -> None:
    clock = FakeClock()
    deadline = Deadline(clock, 10.0)
    clock.time += 25.0
    deadline.extend(20.0)
    assert deadline.remaining() == 5.0


def test_without_a_limit_there_is_always_time() -> None:
    clock = FakeClock()
    deadline = Deadline(clock, None)
    clock.time += 1e9
    deadline.extend(5.0)
    assert deadline.remaining() is None
    assert deadline.allows(1e12)


def test_the_clock_of_the_machine_goes_on_as_it_sleeps() -> None:
    clock = SystemClock()
    before = clock.now()
    assert abs(before - time.monotonic()) < 60
    asyncio.run(clock.sleep(0.002))
    assert clock.now() - before >= 0.0015


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


@pytest.mark.anyio
async def test_as_many_callers_as_there_are_slots_are_let_in_and_then_in_their_order() -> None:
    clock = HeldClock()
    pacer = Pacer(clock, 2)
    called = await callers(4, pacer, clock)
    assert inside(called) == [True, True, False, False]
    await called[1].leave()
    await settle()
    assert inside(called) == [True, False, True, False]
    await end(called)


@pytest.mark.anyio
async def test_waiting_for_a_slot_does_not_count_against_the_deadline() -> None:
    clock = HeldClock()
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


@pytest.mark.anyio
async def test_a_pause_holds_everybody_until_its_end() -> None:
    clock = HeldClock()
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


@pytest.mark.anyio
async def test_a_pause_does_not_touch_who_is_inside() -> None:
    clock = HeldClock()
    pacer = Pacer(clock, 8)
    (caller,) = await callers(1, pacer, clock)
    pacer.pause(5.0)
    await settle()
    assert caller.inside
    await caller.leave()


@pytest.mark.anyio
async def test_a_pause_holds_also_who_was_in_the_queue_when_it_came() -> None:
    clock = HeldClock()
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


@pytest.mark.anyio
async def test_a_pause_that_grows_while_it_is_waited_for_is_waited_for_to_its_new_end() -> None:
    clock = HeldClock()
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


@pytest.mark.anyio
async def test_a_pause_longer_than_the_deadline_raises_at_once_with_the_time_that_is_left() -> None:
    clock = HeldClock()
    pacer = Pacer(clock, 1)
    pacer.pause(30.0)
    clock.time += 10.0
    with pytest.raises(RateLimitError, match=r"20\.0 s") as caught:
        await _pass_through(pacer, Deadline(clock, 20.0))
    assert caught.value.retry_after == 20.0
    assert caught.value.status_code == 429
    assert clock.slept == []


@pytest.mark.anyio
async def test_a_pause_that_grows_beyond_the_deadline_raises_when_the_first_end_has_come() -> None:
    clock = HeldClock()
    pacer = Pacer(clock, 1)
    pacer.pause(5.0)
    (caller,) = await callers(1, pacer, clock, total=10.0)
    pacer.pause(50.0)
    await clock.advance(5.0)
    with pytest.raises(RateLimitError) as caught:
        await caller.task
    assert caught.value.retry_after == 45.0


@pytest.mark.anyio
async def test_waiting_for_the_end_of_a_pause_counts_against_the_deadline() -> None:
    clock = HeldClock()
    pacer = Pacer(clock, 1)
    pacer.pause(4.0)
    (caller,) = await callers(1, pacer, clock, total=10.0)
    await clock.advance(4.0)
    assert caller.inside
    assert caller.deadline.remaining() == 6.0
    await caller.leave()


@pytest.mark.anyio
async def test_without_a_deadline_any_pause_is_waited_for() -> None:
    clock = FakeClock()
    pacer = Pacer(clock, 1)
    pacer.pause(86_400.0)
    await _pass_through(pacer, Deadline(clock, None))
    assert clock.slept == [86_400.0]


@pytest.mark.anyio
async def test_a_slot_is_given_back_on_an_exception() -> None:
    clock = HeldClock()
    pacer = Pacer(clock, 1)
    with pytest.raises(ZeroDivisionError):
        await _fail_inside(pacer, Deadline(clock, None))
    (caller,) = await callers(1, pacer, clock)
    assert caller.inside
    await caller.leave()


@pytest.mark.anyio
async def test_a_slot_is_given_back_on_a_cancellation() -> None:
    clock = HeldClock()
    pacer = Pacer(clock, 1)
    first, second = await callers(2, pacer, clock)
    first.task.cancel()
    await settle()
    assert first.task.cancelled()
    assert second.inside
    await second.leave()


@pytest.mark.anyio
async def test_a_caller_that_is_cancelled_in_the_queue_takes_no_slot_with_it() -> None:
    clock = HeldClock()
    pacer = Pacer(clock, 1)
    first, second, third = await callers(3, pacer, clock)
    second.task.cancel()
    await settle()
    await first.leave()
    await settle()
    assert third.inside
    await third.leave()


@pytest.mark.anyio
async def test_a_caller_that_is_cancelled_as_it_gets_its_slot_gives_it_back() -> None:
    clock = HeldClock()
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


@pytest.mark.anyio
async def test_a_caller_that_is_cancelled_in_a_pause_takes_no_slot_with_it() -> None:
    clock = HeldClock()
    pacer = Pacer(clock, 1)
    pacer.pause(5.0)
    first, second = await callers(2, pacer, clock)
    first.task.cancel()
    await clock.advance(5.0)
    assert second.inside
    await second.leave()


@pytest.mark.anyio
async def test_after_a_429_one_request_goes_out_alone_until_one_is_taken() -> None:
    clock = HeldClock()
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


@pytest.mark.anyio
async def test_timeouts_halve_the_slots_once_for_a_burst_and_set_no_rate() -> None:
    clock = HeldClock()
    pacer = Pacer(clock, 8)
    called = await callers(8, pacer, clock)
    for caller in called:
        pacer.timed_out(turn_of(caller))
    assert pacer.limit == 4
    assert pacer.rate is None
    assert pacer.pause_left() < 0
    await end(called)


@pytest.mark.anyio
async def test_slots_that_are_over_the_new_limit_are_not_handed_out_again() -> None:
    clock = HeldClock()
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


@pytest.mark.anyio
async def test_requests_at_a_fixed_rate_go_out_one_by_one_and_evenly() -> None:
    clock = HeldClock()
    pacer = Pacer(clock, 8, 4.0)
    called = await callers(4, pacer, clock)
    let_in: list[int] = []
    for _ in range(8):
        let_in.append(sum(inside(called)))
        await clock.advance(0.125)
    assert let_in == [1, 1, 2, 2, 3, 3, 4, 4]
    await end(called)


@pytest.mark.anyio
async def test_waiting_for_a_turn_does_not_count_against_the_deadline() -> None:
    clock = HeldClock()
    pacer = Pacer(clock, 8, 0.1)
    first, second = await callers(2, pacer, clock, total=3.0)
    await clock.advance(10.0)
    assert second.inside
    assert second.deadline.remaining() == pytest.approx(3.0)
    await end([first, second])


@pytest.mark.anyio
async def test_nobody_holds_a_slot_while_waiting_for_a_turn() -> None:
    clock = HeldClock()
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


@pytest.mark.anyio
async def test_a_turn_is_not_used_up_by_waiting_for_a_slot() -> None:
    clock = HeldClock()
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


@pytest.mark.anyio
async def test_who_is_cancelled_while_waiting_for_a_turn_leaves_it_to_the_next() -> None:
    clock = HeldClock()
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


@pytest.mark.anyio
async def test_who_waits_for_a_turn_is_held_by_a_pause_too() -> None:
    clock = HeldClock()
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


@pytest.mark.anyio
async def test_who_waits_in_the_queue_hears_of_a_pause_longer_than_the_deadline() -> None:
    clock = HeldClock()
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


@pytest.mark.anyio
async def test_after_a_429_requests_go_out_evenly() -> None:
    clock = HeldClock()
    pacer = Pacer(clock, 8)
    await refuse_and_take(pacer, clock)
    called = await callers(2, pacer, clock)
    await clock.advance(1 / learned(pacer))
    assert inside(called) == [True, False]
    await clock.advance(1 / learned(pacer))
    assert inside(called) == [True, True]
    await end(called)


@pytest.mark.anyio
async def test_the_lower_of_a_fixed_and_a_learned_rate_holds() -> None:
    clock = HeldClock()
    pacer = Pacer(clock, 8, 50.0)
    assert learned(pacer) == 50.0
    await refuse_and_take(pacer, clock)
    assert learned(pacer) < 50.0
    for _ in range(500):
        (caller,) = await callers(1, pacer, clock)
        await clock.advance(1 / learned(pacer))
        await caller.leave()
    assert learned(pacer) == 50.0


@pytest.mark.anyio
async def test_a_hint_is_the_least_that_a_client_pauses() -> None:
    clock = HeldClock()
    pacer = Pacer(clock, 8)
    (caller,) = await callers(1, pacer, clock)
    pacer.refused(turn_of(caller), 30.0)
    assert 30.0 <= pacer.pause_left() <= 31.0
    await caller.leave()


@pytest.mark.anyio
async def test_requests_are_scarce_with_a_fixed_rate_and_for_a_while_after_a_429() -> None:
    clock = HeldClock()
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


@pytest.mark.anyio
async def test_a_pause_that_others_got_through_after_does_not_count_for_who_queued() -> None:
    clock = HeldClock()
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


@pytest.mark.anyio
async def test_pauses_after_which_nobody_gets_through_count() -> None:
    clock = HeldClock()
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
