"""The limits that a sandbox can play: what they let through, and what their refusals say."""

from __future__ import annotations

import itertools
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenario_async.sandbox import (
    PlanLimitReached,
    QuotaExceeded,
    RateLimit,
    RateLimited,
    ServerError,
)
from scenario_async.sandbox._api.limits import Limiter

if TYPE_CHECKING:
    from scenario_async.sandbox._answers import Answer

WINDOWS: list[dict[str, Any]] = [
    {"window": "fixed"},
    {"window": "fixed", "fixed_from": "request"},
    {"window": "sliding"},
    {"window": "bucket"},
]
gaps = st.lists(st.floats(0, 2), max_size=200)


def taken(limit: RateLimit, times: list[float]) -> list[float]:
    limiter = Limiter(limit, 0.0)
    return [time for time in times if limiter.refusal(time) is None]


def headers(answer: Answer) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers}


@pytest.mark.parametrize("window", WINDOWS, ids=str)
@given(gaps=gaps, requests=st.integers(1, 20), seconds=st.floats(0.5, 10))
def test_what_a_limit_lets_through_never_breaks_its_promise(
    window: dict[str, Any], gaps: list[float], requests: int, seconds: float
) -> None:
    limit = RateLimit(requests=requests, seconds=seconds, **window)
    passed = taken(limit, list(itertools.accumulate(gaps)))
    # In any span as long as a window: one window's worth, or where two of them meet, two.
    most = requests if limit.window == "sliding" else 2 * requests
    for place, first in enumerate(passed):
        inside = sum(first <= time < first + seconds * 0.999 for time in passed[place:])
        assert inside <= most


@pytest.mark.parametrize("window", WINDOWS, ids=str)
@given(gaps=gaps, requests=st.integers(1, 20))
def test_who_waits_as_long_as_told_gets_through(
    window: dict[str, Any], gaps: list[float], requests: int
) -> None:
    limiter = Limiter(RateLimit(requests=requests, seconds=3.0, hint="milliseconds", **window), 0.0)
    for time in itertools.accumulate(gaps):
        refusal = limiter.refusal(time)
        if refusal is not None:
            assert refusal.retry_after is not None
            assert 0 < refusal.retry_after <= 3.0 + 1e-9
            assert limiter.refusal(time + refusal.retry_after + 1e-6) is None
            break


def test_a_fixed_window_by_the_clock_knows_nothing_of_its_clients() -> None:
    limit = RateLimit(requests=2, seconds=10.0)
    assert taken(limit, [8.0, 9.0, 9.5, 10.0, 10.1, 10.2, 20.0]) == [8.0, 9.0, 10.0, 10.1, 20.0]


def test_a_fixed_window_may_begin_with_a_request() -> None:
    limit = RateLimit(requests=2, seconds=10.0, fixed_from="request")
    assert taken(limit, [8.0, 9.0, 10.0, 17.9, 18.0, 27.9, 28.0]) == [8.0, 9.0, 18.0, 27.9, 28.0]


def test_a_sliding_window_looks_back_from_each_request() -> None:
    limit = RateLimit(requests=2, seconds=10.0, window="sliding")
    assert taken(limit, [8.0, 9.0, 10.0, 18.1, 18.5, 19.1, 28.0]) == [8.0, 9.0, 18.1, 19.1]


def test_a_rate_and_a_burst_are_a_bucket() -> None:
    assert RateLimit(requests_per_second=0.5, burst=4) == RateLimit(
        requests=4, seconds=8.0, window="bucket"
    )
    limit = RateLimit(requests_per_second=1, burst=2)
    assert taken(limit, [0.0, 0.0, 0.5, 1.0, 1.5, 2.0, 9.0, 9.0, 9.0]) == [0, 0, 1, 2, 9, 9]


@pytest.mark.parametrize(
    ("hint", "name", "value"),
    [("seconds", "retry-after", "3"), ("milliseconds", "retry-after-ms", "2500")],
)
def test_a_hint_is_a_header_in_its_unit(hint: Any, name: str, value: str) -> None:
    limiter = Limiter(RateLimit(requests=1, seconds=10.0, hint=hint), 0.0)
    assert limiter.refusal(7.5) is None
    refusal = limiter.refusal(7.5)
    assert refusal is not None
    answer = refusal.answer()
    assert answer.status == 429
    assert headers(answer) == {name: value}


@pytest.mark.parametrize("offset", [0.0, -3600.0, 86_400.0])
def test_a_date_goes_by_the_clock_of_the_answer(offset: float) -> None:
    shown = headers(RateLimited(30, hint="date", clock_offset=offset).answer())
    wait = parsedate_to_datetime(shown["retry-after"]) - parsedate_to_datetime(shown["date"])
    assert 30 <= wait.total_seconds() <= 32


def test_a_429_may_not_pass_by_waiting() -> None:
    plan = PlanLimitReached(action="train").answer()
    assert plan.status == 429
    content = msgspec.json.decode(plan.body)
    assert content["name"] == "PlanLimitReachedError"
    assert content["details"] == {"actionLimit": 0, "actionName": "train"}
    quota = QuotaExceeded().answer()
    assert quota.status == 429
    assert msgspec.json.decode(quota.body) == {
        "error": "Quota exceeded for search",
        "code": "QUOTA_EXCEEDED",
    }


@pytest.mark.parametrize(("given", "said"), [(True, "true"), (False, "false")])
def test_an_answer_can_say_whether_to_try_again(given: bool, said: str) -> None:
    for fault in (RateLimited(1, should_retry=given), ServerError(400, should_retry=given)):
        assert headers(fault.answer())["x-should-retry"] == said
    assert "x-should-retry" not in headers(ServerError().answer())
