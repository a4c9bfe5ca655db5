from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.clocks import FakeClock, HeldClock, settle

from scenario_async import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    InternalServerError,
    NotFoundError,
    PaginationError,
    QuotaExceededError,
    RateLimitError,
    UsageError,
)
from scenario_async._errors import error_for_status
from scenario_async._http.clock import Deadline
from scenario_async._http.pacing import RetryBudget
from scenario_async._http.retry import call_with_retries, is_transient

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenario_async._http.clock import Clock

GONE = APIConnectionError("gone")
SLOW_DOWN = RateLimitError("slow down", status_code=429)


def busy(hint: float) -> InternalServerError:
    return InternalServerError("busy", status_code=503, retry_after=hint)


@dataclass
class Call:
    """A call whose attempts end as a test says, and what became of it."""

    outcomes: Sequence[BaseException | str]
    max_retries: int = 2
    total: float | None = None
    budget: RetryBudget = field(default_factory=RetryBudget)
    clock: FakeClock = field(default_factory=FakeClock)
    attempts: list[int] = field(default_factory=list[int])
    pauses: list[tuple[int, float, APIError]] = field(
        default_factory=list[tuple[int, float, APIError]]
    )
    slept_before: list[int] = field(default_factory=list[int])
    pause: float = 7.0  # what the client makes of a 429

    async def attempt(self, number: int) -> str:
        self.attempts.append(number)
        outcome = self.outcomes[number - 1]
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def before_pause(self, number: int, wait: float, error: APIError) -> None:
        self.pauses.append((number, wait, error))
        self.slept_before.append(len(self.clock.slept))

    def run(self) -> str:
        return asyncio.run(self.send(self.clock))

    async def send(self, clock: Clock) -> str:
        return await call_with_retries(
            self.attempt,
            max_retries=self.max_retries,
            deadline=Deadline(clock, self.total),
            budget=self.budget,
            sleep=clock.sleep,
            pause_left=lambda: self.pause,
            before_pause=self.before_pause,
        )

    def failure(self) -> BaseException:
        with pytest.raises(BaseException) as caught:  # noqa: PT011 - the caller looks at it
            self.run()
        return caught.value


def permanent(error: APIConnectionError) -> APIConnectionError:
    error.permanent = True
    return error


def spent() -> RetryBudget:
    budget = RetryBudget()
    budget.left = 0
    return budget


@pytest.mark.parametrize(
    ("error", "transient"),
    [
        (APIConnectionError("gone"), True),
        (permanent(APIConnectionError("refused for good")), False),
        (APITimeoutError("slow"), True),
        (APIResponseValidationError("cut short", malformed=True), True),
        (APIResponseValidationError("another shape"), False),
        (RateLimitError("slow down", status_code=429), True),
        (QuotaExceededError("no more", status_code=429), False),
        (QuotaExceededError("no more", status_code=429, should_retry=False), False),
        (InternalServerError("oops", status_code=500, should_retry=False), False),
        (NotFoundError("where?", status_code=404, should_retry=True), True),
        (NotFoundError("where?", status_code=404, should_retry=False), False),
        (InternalServerError("oops", status_code=500), True),
        (InternalServerError("oops", status_code=599), True),
        (NotFoundError("where?", status_code=404), False),
        (PaginationError("torn"), False),
        (APIError("something"), False),
        (UsageError("closed"), False),
        (ValueError("a bug"), False),
        (TimeoutError("somebody else's"), False),
        (OSError("no file"), False),
        (asyncio.CancelledError(), False),
        (KeyboardInterrupt(), False),
        (SystemExit(), False),
        (GeneratorExit(), False),
    ],
    ids=repr,
)
def test_what_may_be_gone_a_little_later_is_transient_and_nothing_else(
    error: BaseException, transient: bool
) -> None:
    assert is_transient(error) is transient


def test_a_status_is_transient_if_it_is_408_409_429_or_of_the_server() -> None:
    transient = [
        status
        for status in range(300, 1000)
        if is_transient(error_for_status(status)("no", status_code=status))
    ]
    assert transient == [408, 409, 429, *range(500, 1000)]


@pytest.mark.parametrize("max_retries", [0, 1, 2, 7])
def test_the_attempts_are_one_and_the_retries_and_the_last_error_comes_out(
    max_retries: int,
) -> None:
    errors = [APIConnectionError(str(number)) for number in range(max_retries + 1)]
    call = Call([*errors, "never"], max_retries=max_retries)
    assert call.failure() is errors[-1]
    assert call.attempts == list(range(1, max_retries + 2))
    assert len(call.clock.slept) == max_retries


def test_a_failure_that_is_not_transient_ends_the_retries() -> None:
    error = ValueError("a bug")
    call = Call([GONE, error, "never"], max_retries=5)
    assert call.failure() is error
    assert call.attempts == [1, 2]
    assert len(call.pauses) == 1


@pytest.mark.parametrize("stop", [asyncio.CancelledError("stop"), SystemExit(3)], ids=repr)
def test_a_cancellation_is_never_retried(stop: BaseException) -> None:
    call = Call([stop, "never"], max_retries=5)
    assert type(call.failure()) is type(stop)
    assert call.attempts == [1]


@pytest.mark.anyio
async def test_a_call_that_is_cancelled_in_a_pause_does_not_try_again() -> None:
    clock = HeldClock()
    call = Call([GONE, "never"])
    task = asyncio.create_task(call.send(clock))
    await settle()
    assert len(clock.slept) == 1
    task.cancel()
    await asyncio.wait((task,))
    assert task.cancelled()
    await clock.advance(60.0)
    assert call.attempts == [1]


@settings(max_examples=50)
@given(hint=st.floats(0, 1e6), seed=st.integers(0, 2**32))
def test_a_hint_is_a_floor_and_the_jitter_on_top_a_second_at_most(hint: float, seed: int) -> None:
    random.seed(seed)
    call = Call([busy(hint), "done"])
    assert call.run() == "done"
    (wait,) = call.clock.slept
    assert hint <= wait <= hint + 1.0


@pytest.mark.parametrize(
    ("hint", "most"), [(0.0, 0.25), (0.5, 0.25), (1.0, 0.25), (2.0, 0.5), (4.0, 1.0), (60.0, 1.0)]
)
def test_the_jitter_on_top_of_a_hint_is_a_quarter_of_it_within_bounds(
    hint: float, most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.uniform", max)
    hints = [busy(hint) for _ in range(3)]
    call = Call([*hints, "done"], max_retries=3)
    call.run()
    assert call.clock.slept == [hint + most] * 3


def test_a_crowd_that_got_the_same_hint_does_not_come_back_as_one() -> None:
    error = busy(5.0)
    waits: set[float] = set()
    for _ in range(10):
        call = Call([error, "done"])
        call.run()
        waits.update(call.clock.slept)
    assert len(waits) > 1


def test_a_hint_of_one_attempt_does_not_hold_for_the_next() -> None:
    call = Call([busy(20.0), GONE, "done"])
    call.run()
    assert call.clock.slept[0] >= 20.0
    assert call.clock.slept[1] <= 1.0


@settings(max_examples=30)
@given(st.integers(0, 2**32))
def test_without_a_hint_a_pause_is_between_nothing_and_a_bound_that_doubles(seed: int) -> None:
    random.seed(seed)
    call = Call([GONE] * 9 + ["done"], max_retries=9)
    call.run()
    bounds = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert [wait for wait, most in zip(call.clock.slept, bounds, strict=True) if wait > most] == []
    assert min(call.clock.slept) >= 0


@pytest.mark.parametrize(
    ("end", "waits"),
    [(0, [0.0] * 8), (1, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0])],
)
def test_the_jitter_without_a_hint_is_full(
    monkeypatch: pytest.MonkeyPatch, end: int, waits: list[float]
) -> None:
    def uniform(*bounds: float) -> float:
        return bounds[end]

    monkeypatch.setattr("random.uniform", uniform)
    call = Call([GONE] * 8 + ["done"], max_retries=8)
    call.run()
    assert call.clock.slept == waits


@settings(max_examples=50)
@given(hint=st.floats(0, 100), total=st.floats(0.001, 100), seed=st.integers(0, 2**32))
def test_a_hint_beyond_the_deadline_raises_at_once_and_keeps_the_hint(
    hint: float, total: float, seed: int
) -> None:
    random.seed(seed)
    error = busy(hint)
    call = Call([error, "done"], total=total)
    if hint >= total:
        failure = call.failure()
        assert failure is error
        assert error.retry_after == hint
        assert call.clock.slept == []
        assert call.pauses == []
        assert call.attempts == [1]
    elif hint + 1.0 < total:
        assert call.run() == "done"


def test_a_call_ends_before_its_deadline_whatever_the_retries_that_are_left() -> None:
    hints = [busy(4.0) for _ in range(9)]
    call = Call([*hints, "never"], max_retries=9, total=12.0)
    assert call.failure() in hints
    assert call.attempts == [1, 2, 3]
    assert sum(call.clock.slept) < 12.0


def test_a_retry_beyond_the_budget_is_not_made() -> None:
    budget = spent()
    # The call itself earns one retry.
    call = Call([GONE, GONE, "never"], max_retries=5, budget=budget)
    assert call.failure() is GONE
    assert call.attempts == [1, 2]
    assert len(call.clock.slept) == 1


def test_each_call_earns_a_retry() -> None:
    budget = spent()
    for _ in range(3):
        Call(["done"], budget=budget).run()
    call = Call([GONE] * 8, max_retries=7, budget=budget)
    call.failure()
    assert call.attempts == [1, 2, 3, 4, 5]


def test_giving_up_for_another_reason_leaves_the_budget_alone() -> None:
    budget = spent()
    budget.called()
    hint = busy(50.0)
    Call([hint], budget=budget, total=10.0).failure()
    Call([GONE], budget=budget, max_retries=0).failure()
    Call([NotFoundError("where?", status_code=404)], budget=budget).failure()
    assert budget.left == 4


def test_whoever_watches_learns_of_each_pause_before_it_begins() -> None:
    first, second = RateLimitError("slow", status_code=429), GONE
    call = Call([first, second, "done"])
    call.run()
    assert [(number, error) for number, _, error in call.pauses] == [(1, first), (2, second)]
    assert [wait for _, wait, _ in call.pauses] == call.clock.slept
    assert call.slept_before == [0, 1]


def test_what_comes_out_is_one_of_our_errors_and_not_of_the_library_below() -> None:
    failure = Call([APIStatusError("busy", status_code=503)] * 3).failure()
    assert type(failure) is APIStatusError
    assert failure.__cause__ is None


def test_a_429_is_waited_out_for_as_long_as_the_client_pauses() -> None:
    call = Call([SLOW_DOWN, "done"], pause=12.5)
    assert call.run() == "done"
    assert call.clock.slept == [12.5]


def test_a_pause_that_is_over_is_no_wait() -> None:
    call = Call([SLOW_DOWN, "done"], pause=-3.0)
    call.run()
    assert call.clock.slept in ([], [0.0])


@given(refusals=st.integers(0, 30), failures=st.integers(0, 2), seed=st.integers(0, 2**32))
def test_a_429_is_no_failed_attempt(refusals: int, failures: int, seed: int) -> None:
    outcomes: list[BaseException | str] = [*[SLOW_DOWN] * refusals, *[GONE] * failures]
    random.Random(seed).shuffle(outcomes)  # noqa: S311 - no secret
    call = Call([*outcomes, "done"], max_retries=2, budget=spent())
    call.budget.called()
    call.budget.called()
    assert call.run() == "done"
    assert len(call.attempts) == refusals + failures + 1


def test_a_429_spends_no_retry_of_the_budget() -> None:
    budget = spent()
    budget.called()
    Call([SLOW_DOWN] * 9 + ["done"], budget=budget).run()
    assert budget.left == 2


def test_the_waits_after_other_failures_grow_by_their_own_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("random.uniform", max)
    call = Call([SLOW_DOWN, SLOW_DOWN, GONE, SLOW_DOWN, GONE, "done"])
    call.run()
    assert call.clock.slept == [7.0, 7.0, 0.5, 7.0, 1.0]


def test_a_call_gives_up_at_429_when_its_deadline_says_so_and_not_before() -> None:
    call = Call([SLOW_DOWN] * 99, pause=10.0, total=95.0)
    assert call.failure() is SLOW_DOWN
    assert len(call.attempts) == 10
    assert sum(call.clock.slept) == 90.0


def test_without_retries_nothing_is_tried_again_after_a_429_either() -> None:
    call = Call([SLOW_DOWN, "never"], max_retries=0)
    assert call.failure() is SLOW_DOWN
    assert call.attempts == [1]


def test_what_the_service_wants_tried_again_is_within_the_retries() -> None:
    error = NotFoundError("not yet", status_code=404, should_retry=True)
    assert Call([error, error, "done"]).run() == "done"
    assert Call([error] * 9).failure() is error
