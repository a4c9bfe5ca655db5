"""How fast a client asks, as its user sets it and as the service lets it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from scenario_async import APITimeoutError, Timeout
from scenario_async.sandbox import Stalled

if TYPE_CHECKING:
    from client_support import Connect, FakeClock

    from scenario_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio


async def test_a_fixed_rate_spaces_requests_evenly(
    connect: Connect, sandbox: Sandbox, clock: FakeClock
) -> None:
    async with connect(requests_per_second=4) as scenario:
        start = clock.now()
        for _ in range(9):
            await scenario.models.private(page_size=1)

    assert clock.now() - start == pytest.approx(8 / 4)
    assert [seconds for seconds in clock.slept if seconds] == pytest.approx([0.25] * 8)


async def test_waiting_for_a_turn_is_not_in_the_total_limit(
    connect: Connect, sandbox: Sandbox, clock: FakeClock
) -> None:
    async with connect(requests_per_second=0.01, timeout=Timeout(total=5)) as scenario:
        await scenario.models.private(page_size=1)
        await scenario.models.private(page_size=1)

    assert len(sandbox.requests) == 2


@pytest.mark.parametrize(
    ("rate", "error"),
    [(0, ValueError), (-1, ValueError), (float("nan"), ValueError), ("5", TypeError)],
)
async def test_a_rate_that_cannot_work_is_refused_at_once(
    rate: Any, error: type[Exception], connect: Connect
) -> None:
    with pytest.raises(error, match="requests_per_second"):
        connect(requests_per_second=rate)
    with pytest.raises(error, match="requests_per_second"):
        connect().with_options(requests_per_second=rate)


async def test_a_derived_client_has_the_same_pace_unless_it_is_given_its_own(
    connect: Connect,
) -> None:
    scenario = connect(requests_per_second=5)
    pacer = scenario._pacer

    assert scenario.with_options(timeout=5)._pacer is pacer
    assert scenario.with_options(project_id="other")._pacer is pacer
    assert pacer.rate == 5
    assert scenario.with_options(requests_per_second=2)._pacer.rate == 2
    assert scenario.with_options(requests_per_second=5)._pacer is not pacer
    unlimited = scenario.with_options(requests_per_second=None)
    assert unlimited._pacer.rate is None
    assert unlimited.with_options(timeout=5)._pacer is unlimited._pacer


@pytest.mark.parametrize("options", [{"max_concurrency": 2}, {"public": True}], ids=repr)
async def test_a_pace_of_its_own_keeps_the_fixed_rate(
    options: dict[str, Any], connect: Connect
) -> None:
    scenario = connect(requests_per_second=5)
    derived = scenario.with_options(**options)

    assert derived._pacer is not scenario._pacer
    assert derived._pacer.rate == 5


async def test_a_timeout_halves_what_is_under_way_and_pauses_nobody(
    connect: Connect, sandbox: Sandbox, clock: FakeClock
) -> None:
    sandbox.faults.add(Stalled())
    async with connect(timeout=Timeout(read=0.05), max_retries=0, max_concurrency=8) as scenario:
        with pytest.raises(APITimeoutError):
            await scenario.models.private()
        pacer = scenario._pacer
        assert pacer.limit == 4
        assert pacer.rate is None
        assert pacer.pause_left() < 0
        await scenario.models.private(timeout=30)
