from __future__ import annotations

import itertools
import math
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenario_async._http.rate import EvenSpacing, LearnedRate

# What happens to a client: some time passes, a request goes out, and after some more time it is
# taken or refused, with a hint or without.
Event: TypeAlias = tuple[float, float, bool, float | None]
events: st.SearchStrategy[list[Event]] = st.lists(
    st.tuples(st.floats(0, 400), st.floats(0, 60), st.booleans(), st.none() | st.floats(0, 100)),
    max_size=60,
)
start_times = st.floats(-1e6, 1e6)
rates = st.floats(0.01, 1000)


def play(rate: LearnedRate, happened: list[Event], now: float) -> float:
    for idle, latency, good, hint in happened:
        now += idle
        rate.sent(now)
        sent_at, now = now, now + latency
        if good:
            rate.taken(sent_at)
        else:
            now += rate.refused(sent_at, now, hint)
    return now


def served(rate: LearnedRate, allowed: float, seconds: float, now: float) -> tuple[float, int, int]:
    """Ask as fast as one may of a bucket of 20 requests; the time, those taken and refused."""
    level, end, taken, refused = 20.0, now + seconds, 0, 0
    while now < end:
        rate.sent(now)
        if level >= 1:
            level -= 1
            rate.taken(now)
            taken += 1
            pause = 0.0
        else:
            refused += 1
            pause = rate.refused(now, now, None)
        limit = rate.limit(now)
        step = max(pause, 0.01 if limit is None else 1 / limit)
        now += step
        level = min(20.0, level + step * allowed)
    return now, taken, refused


@given(events, start_times)
def test_a_learned_rate_is_a_number_above_zero_or_no_limit(
    happened: list[Event], now: float
) -> None:
    rate = LearnedRate()
    for event in happened:
        now = play(rate, [event], now)
        allowed = rate.limit(now)
        assert allowed is None or 0 < allowed < math.inf


@given(events, st.lists(st.floats(0, 400), min_size=2, max_size=30))
def test_between_two_429s_the_rate_never_falls(happened: list[Event], later: list[float]) -> None:
    rate = LearnedRate()
    now = play(rate, happened, 0.0)
    allowed = [rate.limit(now + seconds) for seconds in sorted(later)]
    assert all(
        after is None or (before is not None and before <= after * (1 + 1e-9))
        for before, after in itertools.pairwise(allowed)
    )


@given(events)
def test_a_hint_is_a_floor_and_a_wait_no_longer_than_a_window_without_one(
    happened: list[Event],
) -> None:
    rate, now = LearnedRate(), 0.0
    for idle, latency, good, hint in happened:
        now += idle
        rate.sent(now)
        sent_at, now = now, now + latency
        if good:
            rate.taken(sent_at)
            continue
        wait = rate.refused(sent_at, now, hint)
        floor = hint or 0.0
        assert floor <= wait <= max(floor, LearnedRate.SECONDS) + 1.0
        now += wait


@given(st.lists(st.floats(0, 1.0), max_size=200))
def test_without_a_429_there_is_no_limit(gaps: list[float]) -> None:
    rate, now = LearnedRate(), 0.0
    for seconds in gaps:
        now += seconds
        rate.sent(now)
        rate.taken(now)
        assert rate.limit(now) is None
        assert not rate.probing


@given(events, st.integers(1, 64))
def test_of_the_slots_there_are_some_are_always_given(happened: list[Event], most: int) -> None:
    rate, now = LearnedRate(), 0.0
    for event in happened:
        now = play(rate, [event], now)
        assert 1 <= rate.at_once(now, most) <= most


def slots_after(sends: int, seconds: float) -> int:
    """Of 16 slots, how many are given after so many requests, evenly within so many seconds."""
    rate, now, slots = LearnedRate(), 0.0, 16
    for _ in range(sends):
        rate.sent(now)
        rate.taken(now)
        slots = rate.at_once(now, 16)
        now += seconds / sends
    return slots


@pytest.mark.parametrize(
    ("sends", "slots"),
    [(1, 16), (9, 16), (10, 8), (94, 8), (95, 2), (104, 2), (105, 16), (500, 16)],
)
def test_near_the_documented_limit_two_requests_at_a_time_go_out(sends: int, slots: int) -> None:
    assert slots_after(sends, 30.0) == slots


def test_a_limit_that_is_not_the_documented_one_is_not_approached_again() -> None:
    rate = LearnedRate()
    for number in range(105):
        rate.sent(number * 0.1)
        rate.at_once(number * 0.1, 16)
    for number in range(100):
        now = 1000.0 + number * 0.1
        rate.sent(now)
        assert rate.at_once(now, 16) == 16


def test_fewer_requests_a_minute_than_are_documented_go_out_as_they_come() -> None:
    assert slots_after(300, 300 * 60.0 / 8) == 16


def test_a_429_is_probed_until_a_request_that_was_sent_after_it_is_taken() -> None:
    rate = LearnedRate()
    steps: list[bool] = []
    rate.sent(0.0)
    rate.refused(0.0, 1.0, None)
    steps.append(rate.probing)
    rate.taken(0.5)
    steps.append(rate.probing)
    rate.sent(3.0)
    rate.taken(3.0)
    steps.append(rate.probing)
    assert steps == [True, True, False]


def test_waits_without_a_hint_grow_from_about_a_second_to_a_window() -> None:
    rate, now = LearnedRate(), 0.0
    waits: list[float] = []
    for _ in range(20):
        rate.sent(now)
        waits.append(rate.refused(now, now, None))
        now += waits[-1]
    assert 1.0 <= waits[0] <= 2.0
    assert all(1.0 < after / before < 1.7 for before, after in itertools.pairwise(waits[:7]))
    assert all(60.0 <= wait <= 61.0 for wait in waits[15:])


def test_a_hint_that_is_not_true_does_not_make_for_a_storm() -> None:
    rate, now = LearnedRate(), 0.0
    for _ in range(10):
        rate.sent(now)
        now += rate.refused(now, now, 0.0)
    assert now > 30.0


def test_requests_that_were_under_way_at_a_429_do_not_lengthen_the_next_wait() -> None:
    rate = LearnedRate()
    rate.sent(0.0)
    first = rate.refused(0.0, 1.0, None)
    for _ in range(15):
        assert rate.refused(0.5, 1.0, None) < 0.1
    rate.sent(3.0)
    assert rate.refused(3.0, 3.1, None) < 2 * first


def test_what_a_window_took_is_the_rate_of_the_next() -> None:
    rate, now = LearnedRate(), 0.0
    for _ in range(100):
        rate.sent(now)
        rate.taken(now)
        now += 0.1
    rate.sent(now)
    rate.refused(now, now, 50.0)
    rate.sent(60.5)
    rate.taken(60.5)
    allowed = rate.limit(60.5)
    assert allowed is not None
    assert allowed == pytest.approx(100 / 60, rel=0.06)
    assert allowed < 101 / 60


def test_who_comes_to_a_window_that_others_have_used_up_tries_what_is_little_enough() -> None:
    rate = LearnedRate()
    rate.sent(0.0)
    rate.refused(0.0, 0.0, 30.0)
    rate.sent(30.1)
    rate.taken(30.1)
    allowed = rate.limit(30.1)
    assert allowed is not None
    assert 10 / 60 <= allowed <= 50 / 60


def test_idle_time_neither_lowers_what_is_measured_nor_raises_the_rate() -> None:
    busy, idle = LearnedRate(), LearnedRate()
    for rate, gap in ((busy, 0.0), (idle, 10_000.0)):
        now, _, _ = served(rate, 5.0, 60.0, 0.0)
        before = rate.limit(now)
        assert before is not None
        now += gap
        rate.sent(now)
        after = rate.limit(now)
        assert after is not None
        assert after < before * 1.5


@pytest.mark.parametrize("allowed", [1.0, 5.0, 50.0])
def test_a_strict_limit_is_used_and_hardly_run_into(allowed: float) -> None:
    rate = LearnedRate()
    now, _, _ = served(rate, allowed, 100 / allowed, 0.0)
    _, taken, refused = served(rate, allowed, 1000 / allowed, now)
    assert taken >= 850
    assert refused <= 0.1 * taken


def test_a_limit_that_was_lifted_is_found() -> None:
    rate = LearnedRate()
    now, _, _ = served(rate, 2.0, 120.0, 0.0)
    now, _, _ = served(rate, 20.0, 900.0, now)
    _, taken, _ = served(rate, 20.0, 60.0, now)
    assert taken >= 0.6 * 20 * 60


def test_a_limit_that_has_fallen_is_found() -> None:
    rate = LearnedRate()
    now, _, _ = served(rate, 20.0, 60.0, 0.0)
    now, _, _ = served(rate, 2.0, 60.0, now)
    _, taken, refused = served(rate, 2.0, 120.0, now)
    assert taken >= 0.8 * 2 * 120
    assert refused <= 0.1 * taken


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
