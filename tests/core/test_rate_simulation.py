"""What clients with one key make of a rate limit, whichever way the service counts and hints.

All of it in simulated time: the limit is 100 requests in a minute, or in six seconds.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from support.rate_simulation import Outcome, Scene, simulate

from scenario_async import RateLimitError, Timeout
from scenario_async.sandbox import RateLimit

pytestmark = pytest.mark.once

WINDOWS: list[dict[str, Any]] = [
    {"window": "fixed"},
    {"window": "fixed", "fixed_from": "request"},
    {"window": "sliding"},
    {"window": "bucket"},
]
by_window = pytest.mark.parametrize("window", WINDOWS, ids=lambda window: "-".join(window.values()))
by_hint = pytest.mark.parametrize("hint", ["seconds", "none"])

by_seed = pytest.mark.parametrize("seed", [911, 912])

ONE_AFTER_THE_OTHER = (0.0, 0.4, 0.9, 1.7)


def scene(seed: int, hint: Any, window: dict[str, Any], seconds: float = 60.0) -> Scene:
    """550 records; where a window begins is by chance."""
    return Scene(
        limit=RateLimit(requests=100, seconds=seconds, hint=hint, **window),
        phase=random.Random(seed).uniform(0.0, seconds),  # noqa: S311 - no secret
        seed=seed,
    )


def check(outcome: Outcome, *, used: float = 0.9, refused: float = 0.05) -> None:
    assert outcome.failed == []
    scene = outcome.scene
    assert sum(map(len, outcome.taken)) == scene.calls * len(scene.starts)
    assert outcome.used >= used
    assert outcome.refused_share <= refused


@by_seed
@by_hint
@by_window
def test_550_records_use_what_the_limit_allows(
    window: dict[str, Any], hint: Any, seed: int
) -> None:
    check(simulate(scene(seed, hint, window)))


@pytest.mark.parametrize("hint", ["milliseconds", "date", "body"])
@by_window
def test_every_kind_of_hint_is_used(window: dict[str, Any], hint: Any) -> None:
    check(simulate(scene(911, hint, window)))


@by_seed
@by_hint
@by_window
def test_150_calls_one_after_the_other_all_succeed(
    window: dict[str, Any], hint: Any, seed: int
) -> None:
    # Only half a window is left after the first one: what is used of it says little.
    calls = replace(scene(seed, hint, window), calls=150, at_once=1, latency=0.05)
    check(simulate(calls), used=0.0)


@by_seed
@by_window
@by_hint
def test_400_pages_use_what_the_limit_allows(window: dict[str, Any], hint: Any, seed: int) -> None:
    check(simulate(replace(scene(seed, hint, window), calls=400, at_once=8, latency=0.3)))


@by_seed
@by_window
@by_hint
def test_four_processes_share_a_limit(window: dict[str, Any], hint: Any, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    starts = tuple(chance.uniform(0.0, 1.0) for _ in range(4))
    outcome = simulate(replace(scene(seed, hint, window), starts=starts))
    check(outcome)
    assert min(outcome.share(60.0, min(client[-1] for client in outcome.taken))) >= 0.05


@by_window
@by_hint
def test_calls_that_all_begin_at_once_all_succeed_within_their_time(
    window: dict[str, Any], hint: Any
) -> None:
    check(simulate(replace(scene(911, hint, window), at_once=550, timeout=Timeout())))


@by_seed
@by_window
@pytest.mark.parametrize("hint", ["milliseconds", "none"])
def test_a_window_of_six_seconds_is_used_as_one_of_a_minute(
    window: dict[str, Any], hint: Any, seed: int
) -> None:
    # Without a hint it takes a while to learn that it is not the documented minute.
    check(simulate(scene(seed, hint, window, 6.0)), used=0.8 if hint == "none" else 0.9)


def test_a_limit_that_is_lifted_is_found_again() -> None:
    slow = RateLimit(requests=50, seconds=10.0, window="bucket")
    fast = RateLimit(requests=100, seconds=10.0, window="bucket")
    scene = Scene(limit=slow, later=(60.0, fast), calls=4000, starts=(0.0, 0.0))
    outcome = simulate(scene)
    end = min(client[-1] for client in outcome.taken)
    assert outcome.rate(end - 200.0, end) >= 0.8 * 10


def test_a_limit_that_falls_is_found_too() -> None:
    fast = RateLimit(requests=200, seconds=10.0, window="bucket")
    slow = RateLimit(requests=50, seconds=10.0, window="bucket")
    outcome = simulate(Scene(limit=fast, later=(30.0, slow), calls=600, starts=(0.0, 0.0)))
    assert outcome.failed == []
    end = min(client[-1] for client in outcome.taken)
    assert outcome.rate(60.0, end) >= 0.85 * 5


def test_without_a_429_a_client_goes_at_full_speed() -> None:
    scene = Scene(limit=RateLimit(requests=10_000, seconds=1.0), calls=3200, latency=0.1)
    outcome = simulate(scene)
    assert outcome.refused_share == 0
    assert outcome.taken[0][-1] == pytest.approx(3200 / 16 * 0.1, rel=0.1)


def test_with_a_fixed_rate_below_the_share_nothing_is_refused() -> None:
    limit = RateLimit(requests=100, seconds=5.0)
    outcome = simulate(
        Scene(limit=limit, requests_per_second=4.8, calls=200, starts=ONE_AFTER_THE_OTHER)
    )
    assert outcome.refused_share == 0


@pytest.mark.parametrize("hint", ["seconds", "none"])
def test_a_call_gives_up_when_its_deadline_says_so_and_every_call_ends(hint: Any) -> None:
    scene = Scene(
        limit=RateLimit(requests=1, seconds=3600.0, hint=hint), calls=40, timeout=Timeout(total=90)
    )
    outcome = simulate(scene)
    assert len(outcome.failed) == 39
    assert all(type(error) is RateLimitError for error in outcome.failed)


def test_without_retries_a_429_comes_out_at_once() -> None:
    scene = Scene(limit=RateLimit(requests=1), calls=1 + 16, max_retries=0)
    assert 1 <= len(simulate(scene).failed) <= 16
