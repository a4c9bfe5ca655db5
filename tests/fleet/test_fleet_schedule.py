"""When accounts are due, and how they stand after their runs."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scenario_async import (
    APIConnectionError,
    AuthenticationError,
    BadRequestError,
    InternalServerError,
    PaginationError,
    RateLimitError,
)
from scenario_async.fleet import CredentialsError
from scenario_async.fleet._errors import ResolverError
from scenario_async.fleet._schedule import (
    MOST_FAILURES,
    Standing,
    begun,
    failed,
    lost,
    next_period,
    refused,
    released,
    returned,
    settled,
    succeeded,
)
from scenario_async.sync import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)

moments = st.datetimes(
    datetime(1990, 1, 1),  # noqa: DTZ001 - see timezones
    datetime(2200, 1, 1),  # noqa: DTZ001 - as above
    timezones=st.just(UTC),
)
periods = st.timedeltas(SECOND, timedelta(days=366))
names = st.text(min_size=1, max_size=20)
standings = st.builds(
    Standing,
    name=names,
    every=periods,
    state=st.just("waiting"),
    due_at=moments,
    failures=st.integers(0, MOST_FAILURES),
    refusals=st.integers(0, 9),
    outages=st.integers(0, 2_000),
)


def waiting(name: str = "studio-7", **known: Any) -> Standing:
    return Standing(name=name, every=HOUR, state="waiting", due_at=NOW, **known)


def begin(standing: Standing, now: datetime = NOW) -> Standing:
    running = begun(standing, now)
    assert running is not None
    return running


@given(names, periods, moments)
def test_the_next_time_is_about_a_period_away_and_never_before(
    name: str, every: timedelta, now: datetime
) -> None:
    due_at = next_period(name, every, now)

    assert every / 2 <= due_at - now <= every * 1.5 + SECOND / 1000


@given(periods, moments, st.integers(1, 100))
def test_accounts_that_were_added_at_once_spread_over_the_whole_period_and_stay_there(
    every: timedelta, now: datetime, later: int
) -> None:
    first = {name: next_period(name, every, now) for name in map(str, range(300))}
    tenths = Counter(int((due_at - now) / every * 10) for due_at in first.values())

    assert set(tenths) >= set(range(5, 15))
    assert max(tenths.values()) < 300 / 10 * 2
    # Whether a run begins at once or with some delay.
    delay = every * later / 250
    for name, due_at in first.items():
        again = next_period(name, every, due_at + delay)
        assert abs(again - due_at - every) <= SECOND / 1000


@given(standings, moments)
def test_a_run_counts_as_a_failure_from_its_beginning(standing: Standing, now: datetime) -> None:
    running = begin(standing, now)

    assert running.failures == standing.failures + 1
    assert now < running.due_at


@given(standings, moments)
def test_those_that_lose_their_worker_again_and_again_come_back_apart(
    standing: Standing, now: datetime
) -> None:
    standing = msgspec.structs.replace(standing, failures=1)
    named = [msgspec.structs.replace(standing, name=f"account {n}") for n in range(8)]
    back = [begin(one, now).due_at - now for one in named]

    # Also those that are otherwise synced each second: one of them may be what kills it.
    assert all(30 * SECOND <= one <= 60 * SECOND for one in back)
    assert max(back) - min(back) > 10 * SECOND


@given(standings, moments, moments)
def test_a_run_that_is_ended_in_order_leaves_no_trace(
    standing: Standing, now: datetime, later: datetime
) -> None:
    state = "refused" if standing.refusals else "waiting"
    standing = msgspec.structs.replace(standing, state=state)

    assert returned(begin(standing, now), later) == standing


@given(standings, moments)
def test_success_clears_all_that_was_held_against_an_account(
    standing: Standing, now: datetime
) -> None:
    ended = succeeded(begin(standing, now), now)

    assert (ended.failures, ended.refusals, ended.outages) == (0, 0, 0)
    assert (ended.state, ended.was_due_at) == ("waiting", None)
    assert ended.due_at == next_period(standing.name, standing.every, now)


ENDINGS: dict[str, Callable[[Standing, datetime], Standing]] = {
    "well": succeeded,
    "poison": partial(failed, error=PaginationError("round and round")),
    "killed": lost,
    "down": partial(failed, error=InternalServerError("down")),
    "refused": partial(failed, error=CredentialsError("none")),
    "shutdown": returned,
}


@given(periods, st.lists(st.sampled_from(sorted(ENDINGS)), max_size=40))
@example(HOUR, ["poison"] * 6)
@example(HOUR, ["killed"] * 6)
def test_six_failures_in_a_row_set_an_account_aside_and_nothing_else_does(
    every: timedelta, endings: list[str]
) -> None:
    standing = Standing(name="studio-7", every=every, state="waiting", due_at=NOW)
    now, in_a_row = NOW, 0
    for ending in endings:
        running = begin(standing, now)
        standing = ENDINGS[ending](running, now)
        in_a_row = 0 if ending == "well" else in_a_row + (ending in ("poison", "killed"))
        assert (standing.state == "set aside") == (in_a_row == 6)
        assert standing.state in ("waiting", "refused", "set aside")
        assert standing.was_due_at is None
        if standing.state == "set aside":
            assert begun(standing, now) is None
            standing, in_a_row = released(standing, now), 0
        elif ending != "shutdown":
            assert now < standing.due_at
        now = max(now, standing.due_at)


@given(names, st.integers(1, 2_000))
def test_pauses_double_up_to_the_period(name: str, outages: int) -> None:
    running = begin(waiting(name, outages=outages - 1))
    pause = failed(running, NOW, APIConnectionError("no answer")).due_at - NOW
    longest = min(HOUR, timedelta(seconds=30 * 2 ** min(outages - 1, 20)))

    assert longest / 2 <= pause <= longest


def test_accounts_that_fail_at_once_come_again_at_different_times() -> None:
    error = InternalServerError("down")
    due = {failed(begin(waiting(str(n), outages=20)), NOW, error).due_at for n in range(100)}
    refusals = {refused(begin(waiting(str(n))), NOW).due_at for n in range(100)}
    # Also two that came close to each other, after their next failure.
    pauses = {failed(begin(waiting(outages=20 + n)), NOW, error).due_at for n in range(100)}

    assert len(due) == len(refusals) == len(pauses) == 100


@pytest.mark.parametrize(
    "error",
    [
        APIConnectionError("no answer"),
        RateLimitError("slow"),
        StoreError("the database is away"),
        ResolverError("the vault is away"),
    ],
)
def test_no_account_is_to_blame_for_what_is_down(error: Exception) -> None:
    standing = waiting()
    for _ in range(20):
        standing = failed(begin(standing), NOW, error)

    assert (standing.state, standing.failures, standing.outages) == ("waiting", 0, 20)


def test_what_the_service_asks_for_is_waited_but_not_for_ever() -> None:
    def pause(asked: float) -> float:
        error = RateLimitError("slow", retry_after=asked)
        return (failed(begin(waiting()), NOW, error).due_at - NOW).total_seconds()

    assert pause(5_000) == 5_000
    assert pause(1e12) == 86_400


def test_refused_credentials_are_tried_after_five_minutes_an_hour_and_each_day() -> None:
    standing, pauses = waiting(failures=3), list[float]()
    for _ in range(5):
        standing = failed(begin(standing), NOW, AuthenticationError("no"))
        assert (standing.state, standing.failures) == ("refused", 3)
        pauses.append((standing.due_at - NOW).total_seconds())

    wanted = [300, 3_600, 86_400, 86_400, 86_400]
    assert all(one <= pause <= one * 1.1 for one, pause in zip(wanted, pauses, strict=True))


def test_credentials_that_cannot_be_found_are_as_good_as_refused() -> None:
    for error, state in (
        (CredentialsError("no such variable"), "refused"),
        (BadRequestError("what?"), "waiting"),
    ):
        assert failed(begin(waiting()), NOW, error).state == state


def test_a_release_makes_an_account_due_now_and_leaves_a_run_alone() -> None:
    aside = msgspec.structs.replace(waiting(failures=6, refusals=2, outages=3), state="set aside")

    assert begun(msgspec.structs.replace(aside, failures=0), NOW) is None
    assert released(aside, NOW + HOUR) == msgspec.structs.replace(waiting(), due_at=NOW + HOUR)
    assert released(begin(waiting(failures=2)), NOW).state == "running"


def test_other_settings_make_an_account_due_where_they_can_change_what_comes_of_it() -> None:
    later = msgspec.structs.replace(waiting(refusals=2), every=24 * HOUR, due_at=NOW + 2 * HOUR)

    def due(standing: Standing, *, scopes: bool = False, credentials: bool = False) -> timedelta:
        anew = settled(
            standing, NOW, every=HOUR, other_scopes=scopes, other_credentials=credentials
        )
        assert anew.every == HOUR
        return anew.due_at - NOW

    assert due(later) == HOUR
    assert due(later, scopes=True) == timedelta()
    assert due(later, credentials=True) == HOUR
    assert due(msgspec.structs.replace(later, state="refused"), credentials=True) == timedelta()
    assert due(msgspec.structs.replace(later, state="set aside"), scopes=True) == 2 * HOUR
    assert due(msgspec.structs.replace(later, state="running"), scopes=True) == 2 * HOUR
