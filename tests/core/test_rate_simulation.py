"""What several processes with one key make of a rate limit, learning included."""

from __future__ import annotations

import statistics

import pytest
from rate_simulation import Outcome, Scene, simulate

pytestmark = pytest.mark.once

ALL_AT_ONCE = (0.0, 0.0, 0.0, 0.0)
ONE_AFTER_THE_OTHER = (0.0, 0.6, 1.1, 1.9)


def check_shares(outcome: Outcome, since: float = 0.0) -> None:
    assert outcome.utilisation(since) >= 0.9
    assert outcome.refused_share(since) < 0.05
    assert outcome.least_share(since) >= 0.5


@pytest.mark.parametrize(
    ("burst", "latency", "starts"),
    [(20, 0.02, ALL_AT_ONCE), (20, 0.3, ONE_AFTER_THE_OTHER), (8, 0.1, ONE_AFTER_THE_OTHER)],
)
def test_four_processes_share_twenty_requests_a_second(
    burst: int, latency: float, starts: tuple[float, ...]
) -> None:
    outcomes = [
        simulate(
            Scene(rate=20.0, burst=burst, latency=latency, starts=starts, seconds=90.0, seed=seed)
        )
        for seed in range(3)
    ]
    assert min(outcome.utilisation() for outcome in outcomes) >= 0.9
    # Half of them are the first ones, to what goes out before anything is known.
    assert max(outcome.refused_share() for outcome in outcomes) < 0.05
    # Who meets a 429 is chance. It evens out, but now and then not in so short a time.
    assert statistics.median(outcome.least_share() for outcome in outcomes) >= 0.5
    assert min(outcome.least_share() for outcome in outcomes) >= 0.3


def test_four_processes_share_fifty_requests_a_second() -> None:
    check_shares(simulate(Scene(rate=50.0, burst=50, starts=ONE_AFTER_THE_OTHER)))


def test_eight_processes_share_forty_requests_a_second() -> None:
    starts = tuple(0.3 * number for number in range(8))
    check_shares(simulate(Scene(rate=40.0, burst=40, starts=starts, seconds=90.0)), since=30.0)


def test_one_process_comes_to_use_it_all() -> None:
    outcome = simulate(Scene(rate=10.0, burst=10, starts=(0.0,), seconds=180.0))
    check_shares(outcome, since=60.0)


def test_whoever_comes_later_gets_a_share() -> None:
    outcome = simulate(Scene(rate=20.0, burst=20, starts=(0.0, 0.0, 0.0, 60.0), seconds=150.0))
    check_shares(outcome, since=80.0)


def test_a_limit_that_is_lifted_is_found_again() -> None:
    scene = Scene(rate=5.0, burst=5, starts=(0.0, 0.0), seconds=240.0, later=(60.0, 20.0))
    check_use(simulate(scene), 20.0, since=200.0)


def test_a_limit_that_falls_is_found_too() -> None:
    scene = Scene(rate=40.0, burst=10, starts=(0.0, 0.0), seconds=120.0, later=(30.0, 10.0))
    check_use(simulate(scene), 10.0, since=60.0)


def check_use(outcome: Outcome, rate: float, since: float) -> None:
    good = sum(time >= since for times in outcome.good for time in times)
    assert good / (outcome.scene.seconds - since) >= 0.85 * rate
    assert outcome.refused_share(since) < 0.05


def test_without_a_429_a_client_goes_at_full_speed() -> None:
    outcome = simulate(Scene(rate=1000.0, burst=100, starts=(0.0,), seconds=20.0))
    assert outcome.refused_share() == 0
    slots, latency = 8, outcome.scene.latency
    assert len(outcome.good[0]) == pytest.approx(slots / latency * 20, rel=0.05)


def test_with_a_fixed_rate_below_the_share_nothing_is_refused() -> None:
    outcome = simulate(
        Scene(rate=20.0, burst=5, requests_per_second=4.8, starts=ONE_AFTER_THE_OTHER)
    )
    assert outcome.refused_share() == 0
    assert outcome.least_share() >= 0.9
