"""The simulation of a fleet, against what closed formulas say, and against itself."""

from __future__ import annotations

from dataclasses import asdict

import msgspec
import pytest
from simulated_fleet import Deploy, FullWalks, Measured, Outage, Outcome, Scene, expected, simulate
from simulated_fleet.accounts import sizes
from simulated_fleet.inputs import Rows
from simulated_fleet.scene import HOUR

# Round figures, so that no test depends on what was measured.
MEASURED = Measured(
    date="2026-11-27",
    server="15",
    processor="none",
    models=10_000,
    among=0,
    worker=Rows(new=60e-6, changed=120e-6, unchanged=60e-6),
    database=Rows(new=90e-6, changed=120e-6, unchanged=20e-6),
    log=Rows(new=5000.0, changed=5000.0, unchanged=2.0),
    worker_run=0.03,
    database_run=0.015,
    database_run_model=2e-6,
    log_run=1500.0,
    record=4000.0,
    wire=2000.0,
    stored={"models": 5000.0},
    stored_lz4=4500.0,
)
# A fleet of a hundredth.
SMALL = Scene(accounts=100, models=500_000, seconds=6 * HOUR, shared=0.0)
# Each run makes as many requests as the formulas say, which know of nothing that is in training.
QUIET = msgspec.structs.replace(SMALL, new=0.0, edited=0.0, deleted=0.0, seconds=24 * HOUR)


def run(scene: Scene) -> Outcome:
    return simulate(scene, MEASURED)


def test_a_quiet_day_is_what_closed_formulas_say() -> None:
    outcome, formula = run(QUIET), expected(QUIET, MEASURED)
    assert outcome.rate("requests") == pytest.approx(formula.requests, rel=0.01)
    assert outcome.rate("rows") == pytest.approx(formula.rows, rel=0.01)
    assert outcome.rate("worker") == pytest.approx(formula.worker, rel=0.01)
    assert outcome.rate("database") == pytest.approx(formula.database, rel=0.01)
    # Little's law: as many are under way as come in a second, times how long one takes.
    assert outcome.job_seconds / QUIET.seconds == pytest.approx(formula.slots, rel=0.01)
    # Each account was listed in full, once.
    assert outcome.full == pytest.approx(QUIET.accounts, rel=0.05)
    assert outcome.cut == outcome.failures == 0


def test_with_too_few_slots_there_are_as_many_runs_as_slots_allow() -> None:
    scene = msgspec.structs.replace(
        QUIET,
        every=300.0,
        service=msgspec.structs.replace(SMALL.service, answer=15.0),
        workers=msgspec.structs.replace(SMALL.workers, number=1, slots=5),
        seconds=HOUR,
    )
    assert expected(scene, MEASURED).slots > 5
    outcome = run(scene)
    assert max(sample.working for sample in outcome.samples) == 5
    # Little's law: all slots are busy all the time, and each run waits twice for an answer.
    assert outcome.job_seconds / scene.seconds == pytest.approx(5, rel=0.05)
    assert outcome.runs / scene.seconds == pytest.approx(5 / 30, rel=0.1)


def test_the_limit_of_a_group_is_kept() -> None:
    scene = msgspec.structs.replace(
        QUIET,
        accounts=3,
        models=150_000,
        shared=1.0,
        seconds=HOUR,
        happenings=(FullWalks(at=0.0),),
        service=msgspec.structs.replace(SMALL.service, answer=0.0, answer_row=0.0),
    )
    outcome = run(scene)
    # One group, and each minute has a hundred requests at the most.
    assert max(minute.requests for minute in outcome.minutes) in (99, 100, 101)
    assert outcome.total("rows") >= 150_000


def test_accounts_have_as_many_models_as_is_said_and_most_are_small() -> None:
    drawn = sizes(Scene())
    assert sum(drawn) == pytest.approx(50_000_000, rel=0.001)
    assert (drawn[0], drawn[-1]) == pytest.approx((20, 100_000), rel=0.01)
    assert 100 < drawn[5_000] < 500


def test_the_same_seed_has_the_same_outcome_and_another_has_another() -> None:
    scene = msgspec.structs.replace(SMALL, seconds=HOUR, failing=2, refused=2, killing=1)
    assert asdict(run(scene)) == asdict(run(scene))
    assert run(scene).minutes != run(msgspec.structs.replace(scene, seed=2)).minutes


def test_a_deploy_loses_no_page_and_an_outage_sets_no_account_aside() -> None:
    for what in (
        Deploy(at=HOUR),
        Outage(of="service", at=HOUR),
        Outage(of="database", at=HOUR),
    ):
        outcome = run(msgspec.structs.replace(SMALL, happenings=(what,)))
        last = outcome.samples[-1]
        assert (last.set_aside, last.lag.most) == (0, 0.0)
        # Three hours after all of it, each copy is as fresh as it is meant to be.
        assert last.age.worst < 2 * SMALL.every
        assert all(sample.set_aside == 0 for sample in outcome.samples)


def test_nothing_is_written_while_the_database_is_down() -> None:
    scene = msgspec.structs.replace(SMALL, happenings=(Outage(of="database", at=HOUR),))
    outcome = run(scene)
    assert outcome.total("requests", HOUR + 60, 2 * HOUR) == 0
    assert max(sample.lag.worst for sample in outcome.samples) == pytest.approx(HOUR, rel=0.05)


def test_what_fails_is_set_aside_and_the_others_are_as_fresh_as_before() -> None:
    sound = run(SMALL)
    outcome = run(msgspec.structs.replace(SMALL, failing=3, killing=2, refused=3))
    # A key that is refused may be another one the next time.
    assert outcome.samples[-1].set_aside == 5
    assert outcome.samples[-1].lag.most <= sound.samples[-1].lag.most
    assert outcome.runs >= 0.9 * sound.runs


def test_a_first_load_writes_each_model_once() -> None:
    scene = msgspec.structs.replace(QUIET, happenings=(FullWalks(at=0.0, empty=True),))
    outcome = run(msgspec.structs.replace(scene, seconds=2 * HOUR))
    assert outcome.samples[-1].behind == 0
    assert outcome.total("written") == pytest.approx(500_000, rel=0.01)
