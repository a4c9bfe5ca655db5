from __future__ import annotations

import itertools
import math
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenario_async._rate import EvenSpacing, LearnedRate

FORGOTTEN_AFTER = LearnedRate.FORGOTTEN_AFTER

# What happens to a client: some time passes, and then a good answer or a 429 comes, to a request
# that was sent so long before.
Event: TypeAlias = tuple[float, bool, float]
events: st.SearchStrategy[list[Event]] = st.lists(
    st.tuples(st.floats(0, 400), st.booleans(), st.floats(0, 60)), max_size=60
)
start_times = st.floats(-1e9, 1e9)
rates = st.floats(0.01, 1000)


def refuse(rate: LearnedRate, now: float, pause: float = 1.0) -> float:
    """A 429 to a request that has just been sent; gives the time at which the client goes on."""
    rate.refused(now, now)
    rate.paused(now + pause)
    return now + pause


def limit(rate: LearnedRate, now: float) -> float:
    allowed = rate.limit(now)
    assert allowed is not None
    return allowed


def settled(allowed: float, *, refusals: int = 10) -> tuple[LearnedRate, float]:
    """A rate that has met the same limit a few times, and the time of the end of the last pause."""
    rate = LearnedRate()
    now = refuse(rate, 0.0)
    for _ in range(refusals):
        now = refuse(rate, when(rate, allowed, now))
    return rate, now


def when(rate: LearnedRate, allowed: float, now: float) -> float:
    """The time at which a client that asks as fast as it may gets over a limit."""
    end = now + FORGOTTEN_AFTER
    while now < end and limit(rate, now) < allowed:
        rate.answered(now)
        now += 1 / limit(rate, now)
    return now


@given(events, start_times)
def test_a_learned_rate_is_a_number_within_its_bounds_or_no_limit(
    happened: list[Event], now: float
) -> None:
    rate = LearnedRate()
    for seconds, good, age in happened:
        now += seconds
        if good:
            rate.answered(now)
        else:
            rate.refused(now - age, now)
            rate.paused(now + 1.0)
        allowed = rate.limit(now)
        assert allowed is None or LearnedRate.LEAST <= allowed <= LearnedRate.MOST
        assert allowed is None or not math.isnan(allowed)


@given(events, st.lists(st.floats(0, 400), min_size=2, max_size=30))
def test_between_two_429s_the_rate_never_falls(happened: list[Event], later: list[float]) -> None:
    rate, now = LearnedRate(), 0.0
    for seconds, good, age in happened:
        now += seconds
        if good:
            rate.answered(now)
        else:
            rate.refused(now - age, now)
            rate.paused(now + 1.0)
    allowed = [rate.limit(now + seconds) for seconds in sorted(later)]
    assert all(
        after is None or (before is not None and before <= after)
        for before, after in itertools.pairwise(allowed)
    )


@given(events)
def test_a_429_lowers_the_rate_unless_there_was_none(happened: list[Event]) -> None:
    rate, now = LearnedRate(), 0.0
    for seconds, good, _ in happened:
        now += seconds + 0.001
        before = rate.limit(now)
        if good:
            rate.answered(now)
            assert rate.limit(now) == before
        else:
            rate.refused(now, now)
            after = limit(rate, now)
            assert before is None or after < before or after == LearnedRate.LEAST


@given(events, st.lists(st.floats(0, 60), max_size=10))
def test_429s_to_requests_that_were_under_way_at_the_last_cut_change_nothing(
    happened: list[Event], ages: list[float]
) -> None:
    rate, now = LearnedRate(), 0.0
    for seconds, _, _ in happened:
        now += seconds + 0.001
        rate.refused(now, now)
    rate.refused(now + 0.001, now + 0.002)
    cut_at = now + 0.002
    before = rate.limit(cut_at + 5.0)
    for age in ages:
        rate.refused(cut_at - age, cut_at + 0.5)
    assert rate.limit(cut_at + 5.0) == before


@given(st.lists(st.floats(0, 1.0), max_size=200))
def test_without_a_429_there_is_no_limit(answers: list[float]) -> None:
    rate, now = LearnedRate(), 0.0
    for seconds in answers:
        now += seconds
        rate.answered(now)
        assert rate.limit(now) is None


@given(events)
def test_a_limit_that_no_429_confirms_is_forgotten(happened: list[Event]) -> None:
    rate, now = LearnedRate(), 0.0
    for seconds, good, age in happened:
        now += seconds
        if good:
            rate.answered(now)
        else:
            rate.refused(now - age, now)
            rate.paused(now + 1.0)
    assert rate.limit(now + FORGOTTEN_AFTER + 1.1) is None


@pytest.mark.parametrize("allowed", [3.0, 10.0, 50.0, 300.0])
def test_a_rate_that_has_settled_stays_close_to_the_limit_that_it_found(allowed: float) -> None:
    rate, now = settled(allowed)
    assert 0.85 * allowed <= limit(rate, now) < allowed
    assert limit(rate, now + 20.0) > 0.95 * allowed
    assert limit(rate, now + 20.0) < 1.05 * allowed


@pytest.mark.parametrize("allowed", [3.0, 10.0, 50.0])
def test_a_limit_that_was_lifted_is_left_behind_ever_faster(allowed: float) -> None:
    rate, now = settled(allowed)
    grown = [limit(rate, now + seconds) for seconds in range(90, 300, 30)]
    steps = [after - before for before, after in itertools.pairwise(grown)]
    assert all(after > before for before, after in itertools.pairwise(steps))
    assert grown[-1] > 5 * allowed


def test_a_limit_that_has_fallen_is_found_within_a_few_429s() -> None:
    rate, now = settled(50.0)
    refusals = 0
    while limit(rate, now) > 10.0:
        now = refuse(rate, now + 0.5)
        refusals += 1
    assert refusals <= 9


def test_the_search_begins_alike_for_all_who_just_started() -> None:
    busy, idle = LearnedRate(), LearnedRate()
    for number in range(40):
        busy.answered(number / 100)
    refuse(busy, 0.5)
    refuse(idle, 0.5)
    assert busy.limit(3.0) == idle.limit(3.0)


def test_who_has_been_at_full_speed_for_long_begins_the_search_not_far_below_it() -> None:
    rate = LearnedRate()
    for number in range(1000):
        rate.answered(number / 50)
    refuse(rate, 20.0)
    assert limit(rate, 20.0) == pytest.approx(30.0)


def test_a_429_right_after_the_first_one_does_not_end_the_search() -> None:
    rate = LearnedRate()
    now = refuse(rate, 0.0)
    now = refuse(rate, now + 0.5)
    before = limit(rate, now + 1.0)
    assert limit(rate, now + 2.0) - before == pytest.approx(LearnedRate.SEARCH_GROWTH)


def test_who_used_little_learns_nothing_about_a_rate_that_has_grown_far_beyond() -> None:
    rate, now = settled(10.0)
    assert limit(rate, now + 200.0) > 100.0
    rate.refused(now + 200.0, now + 200.0)
    assert limit(rate, now + 200.0) < 10.0


def test_who_used_the_rate_that_has_grown_is_cut_from_there_and_by_a_large_step() -> None:
    rate, now = settled(10.0)
    end = when(rate, 30.0, now)
    rate.refused(end, end)
    assert 15.0 < limit(rate, end) < 0.75 * 30.0


@given(rates, st.lists(st.floats(0, 5), min_size=2, max_size=60))
def test_requests_are_never_closer_than_the_rate_says(rate: float, idle: list[float]) -> None:
    spacing, now = EvenSpacing(), 0.0
    sent: list[float] = []
    for seconds in idle:
        now += seconds
        now += spacing.wait(now, rate)
        spacing.sent(now)
        sent.append(now)
    for earlier, later in itertools.pairwise(sent):
        assert later - earlier >= 1 / rate - 2 * EvenSpacing.SHORTEST


@given(rates, st.integers(2, 60))
def test_requests_that_are_ready_go_out_as_fast_as_the_rate_says(rate: float, sends: int) -> None:
    spacing, now = EvenSpacing(), 0.0
    for _ in range(sends):
        now += spacing.wait(now, rate)
        spacing.sent(now)
    assert now == pytest.approx((sends - 1) / rate)


@given(st.lists(st.floats(0, 10), max_size=20))
def test_without_a_rate_a_request_is_always_due(times: list[float]) -> None:
    spacing, now = EvenSpacing(), 0.0
    for seconds in times:
        now += seconds
        assert spacing.wait(now, None) == 0.0
        spacing.sent(now)


def test_a_rate_that_changes_holds_for_the_next_request_at_once() -> None:
    spacing = EvenSpacing()
    spacing.sent(0.0)
    assert spacing.wait(0.0, 1.0) == 1.0
    assert spacing.wait(0.0, 4.0) == 0.25
    assert spacing.wait(0.5, 0.5) == 1.5
