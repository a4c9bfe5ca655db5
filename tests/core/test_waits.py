"""What calls wait for, as the pacer tells of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.clocks import FakeClock, HeldClock

from scenario_async import RateLimitError
from scenario_async._http.clock import Deadline
from scenario_async._http.pacing import Pacer

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenario_async._events import WaitReason

CALLS = st.tuples(st.floats(0, 20), st.floats(0, 9), st.none() | st.floats(0.1, 9))
"""When a call comes, how long it holds its slot, and when it is cancelled after it came."""


class Caller:
    """Asks for one slot, and adds up what it is told that it waited for."""

    def __init__(self, clock: HeldClock, pacer: Pacer) -> None:
        self._clock = clock
        self._pacer = pacer
        self.told: dict[WaitReason, float] = {}
        self.passed: float | None = None

    async def call(self, when: float, held: float, cancelled: float | None) -> None:
        await self._clock.sleep(when)
        task = asyncio.ensure_future(self._call(held))
        if cancelled is not None:
            await self._clock.sleep(cancelled)
            task.cancel()
        await task

    async def _call(self, held: float) -> None:
        began = self._clock.now()
        try:
            async with self._pacer.slot(Deadline(self._clock, None), self._tell):
                self.passed = self._clock.now() - began
                await self._clock.sleep(held)
        except asyncio.CancelledError:
            if self.passed is None:
                self.passed = self._clock.now() - began

    def _tell(self, reason: WaitReason, seconds: float) -> None:
        assert seconds > 0
        assert reason not in self.told
        self.told[reason] = seconds


async def pause(when: float, seconds: float, clock: HeldClock, pacer: Pacer) -> None:
    await clock.sleep(when)
    pacer.pause(seconds)


@settings(max_examples=40)
@given(
    st.lists(CALLS, min_size=1, max_size=8),
    st.lists(st.tuples(st.floats(0, 20), st.floats(0.1, 9)), max_size=2),
    st.integers(1, 3),
    st.none() | st.floats(0.2, 3),
)
def test_all_that_passes_before_a_request_goes_out_has_a_reason(
    calls: list[tuple[float, float, float | None]],
    pauses: list[tuple[float, float]],
    slots: int,
    rate: float | None,
) -> None:
    clock = HeldClock(start=0.0)
    pacer = Pacer(clock, slots, rate)
    callers = [Caller(clock, pacer) for _ in calls]

    async def simulate() -> None:
        work = [caller.call(*one) for caller, one in zip(callers, calls, strict=True)]
        work += [pause(*one, clock, pacer) for one in pauses]
        under_way = asyncio.gather(*work)
        for _ in range(2000):
            await clock.advance(0.5)
            if under_way.done():
                break
        await under_way

    asyncio.run(simulate())
    for caller in callers:
        # One that was cancelled at once has not begun.
        assert sum(caller.told.values()) == pytest.approx(caller.passed or 0.0, abs=1e-6)
        assert pauses or "pause" not in caller.told
        assert rate or "pace" not in caller.told
        assert len(calls) > slots or "slot" not in caller.told


def test_a_call_that_would_wait_too_long_has_waited_for_nothing() -> None:
    told: list[WaitReason] = []

    async def ask() -> None:
        clock = HeldClock()
        pacer = Pacer(clock, 1)
        pacer.pause(10.0)
        async with pacer.slot(Deadline(clock, 5.0), lambda reason, _: told.append(reason)):
            raise AssertionError

    with pytest.raises(RateLimitError):
        asyncio.run(ask())
    assert told == []


def test_whoever_is_told_and_ends_the_program_holds_no_slot() -> None:
    def stop(reason: WaitReason, _: float) -> None:
        raise KeyboardInterrupt(reason)

    clock = FakeClock()
    pacer = Pacer(clock, 1)

    async def ask(tell: Callable[[WaitReason, float], None] | None) -> bool:
        async with pacer.slot(Deadline(clock, None), tell):
            return True

    pacer.pause(10.0)
    with pytest.raises(KeyboardInterrupt, match="pause"):
        asyncio.run(ask(stop))
    assert asyncio.run(ask(None))
