from __future__ import annotations

import itertools
import math
import pickle
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


def window(rate: LearnedRate, begin: float, taken: int, seconds: float) -> float:
    """So many requests are taken, then one is refused with a hint that is true; when that is over.

    The one that is sent then is taken, and belongs to the next window.
    """
    gap = min(1.0, 0.8 * seconds / max(taken, 1))
    for number in range(taken):
        rate.sent(begin + number * gap)
        rate.taken(begin + number * gap)
    full, end = begin + taken * gap, begin + seconds
    rate.sent(full)
    rate.refused(full, full, end - full)
    rate.sent(end)
    rate.taken(end)
    return end


def limit_of(rate: LearnedRate, now: float) -> float:
    allowed = rate.limit(now)
    assert allowed is not None
    return allowed


def refuse(rate: LearnedRate, now: float, hint: float | None = None) -> float:
    rate.sent(now)
    return rate.refused(now, now, hint)


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


def slots_after(sends: int, seconds: float, most: int = 16) -> int:
    """How many slots are given after so many requests, evenly within so many seconds."""
    rate, now, slots = LearnedRate(), 1000.0, most
    for _ in range(sends):
        rate.sent(now)
        rate.taken(now)
        slots = rate.at_once(now, most)
        now += seconds / sends
    return slots


@pytest.mark.parametrize(
    ("sends", "slots"),
    [(1, 16), (9, 16), (10, 8), (94, 8), (95, 2), (104, 2), (105, 16), (500, 16)],
)
def test_near_the_documented_limit_two_requests_at_a_time_go_out(sends: int, slots: int) -> None:
    assert slots_after(sends, 30.0) == slots


@pytest.mark.parametrize(("most", "slots"), [(1, (1, 1)), (2, (1, 2)), (5, (2, 2))])
def test_of_few_slots_half_and_then_two_are_given_but_at_least_one(
    most: int, slots: tuple[int, int]
) -> None:
    assert tuple(slots_after(sends, 30.0, most) for sends in (10, 95)) == slots


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
    for sent_at in (0.5, 1.0):
        rate.taken(sent_at)
        steps.append(rate.probing)
    rate.sent(3.0)
    rate.taken(3.0)
    steps.append(rate.probing)
    assert steps == [True, True, True, False]


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
    for sent_at in [0.5, 1.0] * 8:
        assert 0.0 <= rate.refused(sent_at, 1.0, None) < 0.1
    rate.sent(3.0)
    assert rate.refused(3.0, 3.1, None) < 2 * first


def test_a_minute_after_the_begin_of_a_cycle_is_a_time_to_ask_again() -> None:
    rate = LearnedRate()
    for second in range(9):
        refuse(rate, 1000.0 + second)
    assert 1060.0 <= 1050.0 + refuse(rate, 1050.0) <= 1061.5
    # So near to it, the first wait is as good.
    assert refuse(rate, 1060.1) <= 2.5


@pytest.mark.parametrize("seconds", [60.0, 0.5])
def test_the_first_wait_without_a_hint_is_as_long_as_three_requests(seconds: float) -> None:
    rate = LearnedRate()
    now = window(rate, 0.0, 100, seconds) + seconds / 100
    first = max(3 / limit_of(rate, now), LearnedRate.LEAST_WAIT)
    assert first - 1e-9 <= refuse(rate, now) <= first * 1.2 + 0.1


@pytest.mark.parametrize("short", [False, True])
def test_a_hint_is_the_wait_after_a_cycle_of_enough_requests_alone(*, short: bool) -> None:
    rate = LearnedRate()
    now = window(rate, 0.0, 100, 60.0)
    first = 3 / limit_of(rate, now)
    for _ in range(LearnedRate.ENOUGH - short):
        now += 0.5
        rate.sent(now)
        rate.taken(now)
    waits = [refuse(rate, now + 0.5, 0.0), refuse(rate, now + 1.0, 0.0)]
    assert [wait >= 0.9 * first for wait in waits] == [short, True]


def test_clients_with_the_same_hint_ask_at_times_that_differ_by_less_than_a_request() -> None:
    rate = LearnedRate()
    now = window(rate, 0.0, 100, 0.5)
    refuse(rate, now + 0.01)
    waits = [rate.refused(now, now + 0.01, 10.0) for _ in range(50)]
    assert len(set(waits)) > 1
    assert 10.0 <= min(waits) < max(waits) <= 10.0 + 1.01 / limit_of(rate, now)


@pytest.mark.parametrize("seconds", [0.5, 6.0, 60.0])
@pytest.mark.parametrize(
    ("windows", "measured"),
    [
        ([100], 100),
        ([20, 20], 20),
        ([100, 100], 100),
        # Others had used up the first one, so nothing of it counts.
        ([0, 100], 100),
        # It fell, and few requests are not enough for a cycle of their own.
        ([100, 5], 5),
        ([100, 5, 95], 50),
        ([100, 20, 100], 100),
    ],
)
def test_a_cycle_begins_with_a_little_less_than_the_one_before_took(
    windows: list[int], measured: int, seconds: float
) -> None:
    rate = LearnedRate()
    now = window(rate, 1000.0, windows[0], seconds)
    for taken in windows[1:]:
        now = window(rate, now, taken - 1, seconds)
    assert 0.95 * measured <= limit_of(rate, now) * seconds < measured


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
        before = limit_of(rate, now)
        now += gap
        assert limit_of(rate, now) < before * 1.5
        rate.sent(now)
        assert limit_of(rate, now) < before * 1.5


@pytest.mark.parametrize("hint", [5.0, None])
@pytest.mark.parametrize("known", [False, True])
def test_of_the_time_in_which_a_request_was_due_and_nobody_had_one_a_second_counts(
    hint: float | None, *, known: bool
) -> None:
    measured: list[float] = []
    for idle in (0.0, 7.0, 400.0):
        rate, now, due = LearnedRate(), 0.0, 1.0
        if known:
            now = window(rate, now, 20, 200.0)
            due += 1 / limit_of(rate, now)
        else:
            rate.sent(now)
            rate.taken(now)
        for _ in range(25):
            now += due + idle
            rate.sent(now)
            rate.taken(now)
        now += rate.refused(now, now, hint) + idle
        rate.sent(now)
        rate.taken(now)
        measured.append(limit_of(rate, now) * 25 * due)
    assert measured == pytest.approx([measured[0]] * 3, rel=0.05)
    assert measured[0] == pytest.approx(25, rel=0.25)


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


def test_a_429_long_after_the_last_one_leaves_half_of_the_rate_that_was_refused() -> None:
    rate = LearnedRate()
    now = window(rate, 0.0, 60, 60.0)
    begin = allowed = limit_of(rate, now)
    # What is taken on the way, by its time, is less than that: a limit was lifted.
    while allowed < 2.8 * begin:
        rate.sent(now)
        rate.taken(now)
        now += 1 / allowed
        allowed = limit_of(rate, now)
    refuse(rate, now, 1.0)
    rate.sent(now + 1.0)
    rate.taken(now + 1.0)
    assert allowed / 2 <= limit_of(rate, now + 1.0) < allowed


def test_a_limit_that_has_fallen_is_found() -> None:
    rate = LearnedRate()
    now, _, _ = served(rate, 20.0, 60.0, 0.0)
    now, _, _ = served(rate, 2.0, 60.0, now)
    _, taken, refused = served(rate, 2.0, 120.0, now)
    assert taken >= 0.8 * 2 * 120
    assert refused <= 0.1 * taken


def test_of_a_long_life_no_more_is_kept_than_of_a_short_one() -> None:
    rate = LearnedRate()
    sizes: list[int] = []
    for number in range(5000):
        rate.sent(number * 0.1)
        rate.taken(number * 0.1)
        sizes.append(len(pickle.dumps(rate)) if number in {199, 4999} else 0)
    assert max(sizes) < 1.1 * sizes[199]


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
