"""How fast a client asks, as its user sets it and as the service lets it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from scenario_async import APITimeoutError, AsyncScenario, QuotaExceededError, Timeout
from scenario_async.sandbox import (
    Catalogue,
    PlanLimitReached,
    QuotaExceeded,
    RateLimit,
    RateLimited,
    Sandbox,
    ServerError,
    Stalled,
)
from scenario_async.sandbox._api.limits import Limiter

if TYPE_CHECKING:
    from support.client import Connect
    from support.clocks import FakeClock

    from scenario_async.sandbox import Fault

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
    sandbox.faults.add(Stalled(), times=None)
    async with connect(timeout=Timeout(read=0.05), max_retries=0, max_concurrency=8) as scenario:
        with pytest.raises(APITimeoutError):
            await scenario.models.private()
        # By then a busy service may not have seen it.
        sandbox.faults.clear()
        pacer = scenario._pacer
        assert pacer.limit == 4
        assert pacer.rate is None
        assert pacer.pause_left() < 0
        await scenario.models.private(timeout=30)


@pytest.mark.parametrize(
    "fault",
    [PlanLimitReached(), QuotaExceeded(), RateLimited(30, should_retry=False)],
    ids=lambda fault: type(fault).__name__,
)
async def test_a_429_that_does_not_pass_comes_out_at_once_and_pauses_nobody(
    fault: Fault, connect: Connect, sandbox: Sandbox
) -> None:
    sandbox.faults.add(fault)
    async with connect() as scenario:
        with pytest.raises(QuotaExceededError) as caught:
            await scenario.models.private()
        assert len(sandbox.requests) == 1
        assert caught.value.reason
        pacer = scenario._pacer
        assert (pacer.rate, pacer.limit, pacer.scarce) == (None, 16, False)
        assert pacer.pause_left() < 0
        await scenario.models.private()


@pytest.mark.parametrize(("said", "requests"), [(True, 3), (False, 1)])
async def test_what_the_service_says_of_another_attempt_is_done(
    said: bool, requests: int, connect: Connect, sandbox: Sandbox
) -> None:
    sandbox.faults.add(ServerError(404 if said else 500, should_retry=said), times=None)
    async with connect(max_retries=2) as scenario:
        with pytest.raises(Exception, match="Service unavailable"):
            await scenario.models.private()
    assert len(sandbox.requests) == requests


@pytest.mark.once
@pytest.mark.parametrize("window", ["fixed", "sliding", "bucket"])
async def test_many_records_come_through_a_limit_without_hints(
    window: Any, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal, clock.time = Limiter.refusal, time.monotonic()

    def by_the_clock_of_the_client(limiter: Limiter, _now: float) -> RateLimited | None:
        return refusal(limiter, clock.now())

    # However slow the machine is, no time passes but what the client waits.
    monkeypatch.setattr(Limiter, "refusal", by_the_clock_of_the_client)
    limit = RateLimit(requests=20, seconds=0.6, window=window, hint="none")
    async with Sandbox(Catalogue.seeded(public=1, private=80), rate_limit=limit) as sandbox:
        ids = sandbox.catalogue.ids()
        async with AsyncScenario(
            base_url=sandbox.base_url, api_key=sandbox.api_key, api_secret=sandbox.api_secret
        ) as scenario:
            records = [record async for record in scenario.models.retrieve_many(ids)]
        assert len(records) == len(ids)
        refused = sum(request.status == 429 for request in sandbox.requests)
        assert 0 < refused <= 60
