"""When a live catalogue refreshes next."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenario_async import AuthenticationError, InternalServerError, RateLimitError
from scenario_async._options import seconds_of
from scenario_async._pauses import after_failure, jittered, look_again, until_due
from scenario_async.sync import StoreError
from scenario_async.sync._scopes import Scope, parse_scopes

chances = st.floats(0, 1, exclude_max=True)
intervals = st.floats(0.01, 10_000)
HOUR = 3600.0


@given(intervals, chances)
def test_refreshes_come_a_tenth_around_the_interval(every: float, chance: float) -> None:
    assert 0.9 * every <= jittered(every, chance) <= 1.1 * every * 1.000001


@given(intervals, st.integers(1, 10_000), chances)
def test_failures_wait_longer_each_time_and_no_longer_than_ten_minutes_or_the_interval(
    every: float, failures: int, chance: float
) -> None:
    error = InternalServerError("down")
    pause = after_failure(every, failures, error, chance)

    assert pause <= after_failure(every, failures + 1, error, chance)
    assert 0.9 * every <= pause <= 1.1 * max(600, every) * 1.000001


def test_the_second_failure_waits_twice_as_long() -> None:
    assert after_failure(60, 2, StoreError("away"), 0.5) == pytest.approx(120)


@given(st.integers(1, 10_000), chances)
def test_refused_credentials_wait_from_five_minutes_to_an_hour(
    failures: int, chance: float
) -> None:
    pause = after_failure(60, failures, AuthenticationError("wrong"), chance)

    assert 0.9 * 300 <= pause <= 1.1 * HOUR


def test_refused_credentials_wait_an_hour_in_the_end() -> None:
    assert after_failure(60, 1, AuthenticationError("wrong"), 0.5) == pytest.approx(300)
    assert after_failure(60, 9, AuthenticationError("wrong"), 0.5) == pytest.approx(HOUR)


def test_what_the_service_asks_for_is_waited() -> None:
    assert after_failure(60, 1, RateLimitError("slow", retry_after=500), 0.5) == 500


def test_a_copy_that_is_there_is_refreshed_when_it_is_as_old_as_the_interval() -> None:
    assert until_due(60, None) == 0
    assert until_due(60, 20) == 40
    assert until_due(60, 100) == 0
    assert until_due(60, -1_000_000) == 60


def test_whoever_has_nothing_yet_looks_each_second() -> None:
    assert look_again(60, 0.5, loaded=True) == pytest.approx(15)
    assert look_again(60, 0.5, loaded=False) == 1


def test_lengths_of_time_are_seconds_or_a_timedelta() -> None:
    assert seconds_of("every", 1.5) == 1.5
    assert seconds_of("every", timedelta(minutes=1)) == 60
    # More than any float is, and than a loop can wait.
    assert seconds_of("every", 10**400) == seconds_of("every", timedelta.max) == 1e9
    with pytest.raises(TypeError, match="every must be seconds or a timedelta, not str"):
        seconds_of("every", "60")
    with pytest.raises(TypeError, match="not bool"):
        seconds_of("every", value=True)
    with pytest.raises(ValueError, match="every must be above zero, not 0"):
        seconds_of("every", 0)


def test_scopes_are_several_and_each_once() -> None:
    given: Any = ("public", "collection:a")
    assert parse_scopes(given) == [Scope("public"), Scope("private", ("a",))]
    with pytest.raises(TypeError, match="not one str"):
        parse_scopes("public")
    for wrong in (None, [1]):
        given = wrong
        with pytest.raises(TypeError, match=r"scopes.* must be .* str"):
            parse_scopes(given)
    with pytest.raises(ValueError, match="at least one"):
        parse_scopes([])
    with pytest.raises(ValueError, match="twice"):
        parse_scopes(["public", "public"])
    with pytest.raises(ValueError, match="a scope is"):
        parse_scopes(["publik"])
