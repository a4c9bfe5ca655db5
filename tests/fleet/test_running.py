"""A worker of a fleet: how it goes on after an outage, and how it ends."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenario_async.fleet import _running
from scenario_async.fleet._engine import EngineLostError
from scenario_async.fleet._running import ended_by_signals, keep_serving, pause_before
from scenario_async.sync import StoreError, StoreVersionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenario_async.fleet._engine import Due, Work

pytestmark = [pytest.mark.anyio, pytest.mark.one_loop]
LONG = 60  # seconds; what waits so long would wait for ever


class Engine:
    """An engine that ends as it is told, and at last when it is told to stop."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.runs = 0
        self.running = anyio.Event()
        self.there = {"a": False, "b": False}
        self.queued: list[str] = []

    async def run(self, _work: Work, due: Due, *, slots: int, stop: anyio.Event) -> None:
        assert slots == 3
        self.runs += 1
        if self.errors:
            raise self.errors.pop(0)
        self.queued += await due(self.there)
        self.running.set()
        await stop.wait()


class Accounts:
    """Groups of which all are due, and a table of workers."""

    def __init__(self, *, slots: int = 3, errors: Sequence[Exception] = ()) -> None:
        self.workers: dict[str, int] = {}
        self.told_again = 0
        self._slots = slots
        self._errors = list(errors)

    async def overdue(self, limit: int) -> list[str]:
        return list("abcdefghij"[:limit])

    async def slots(self) -> int:
        self._fail()
        return self._slots

    async def beat(self, worker: str, slots: int) -> None:
        self._fail()
        self.workers[worker] = slots

    async def leave(self, worker: str) -> None:
        del self.workers[worker]

    async def tell_again(self) -> None:
        self.told_again += 1

    async def work(self, _group: str) -> None:
        pytest.fail("the engine of these tests does no work")

    def _fail(self) -> None:
        if self._errors:
            raise self._errors.pop(0)


async def serve(engine: Engine, accounts: Any, stop: anyio.Event) -> None:
    await keep_serving(engine, accounts, accounts, slots=3, stop=stop)


@pytest.fixture
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_attempt: int, _chance: float) -> float:
        return 0.0

    monkeypatch.setattr(_running, "pause_before", none)


@pytest.mark.usefixtures("_no_pauses")
async def test_it_goes_on_when_the_database_is_back(caplog: pytest.LogCaptureFixture) -> None:
    engine = Engine(EngineLostError("the queue is away"), StoreError("the store is away"))
    accounts, stop = Accounts(errors=[StoreError("no beat")]), anyio.Event()
    async with anyio.create_task_group() as beside:
        beside.start_soon(serve, engine, accounts, stop)
        with anyio.fail_after(LONG):
            await engine.running.wait()
        assert list(accounts.workers.values()) == [3]
        stop.set()

    assert (engine.runs, accounts.told_again) == (3, 3)
    assert accounts.workers == {}
    more = "; the fleet goes on as soon as it is back"
    told = [f"{what}{more}" for what in ("no beat", "the queue is away", "the store is away")]
    assert [one.message for one in caplog.records] == told


@pytest.mark.parametrize("error", [ValueError("a mistake"), StoreVersionError("another version")])
async def test_what_is_no_outage_ends_it_as_itself(error: Exception) -> None:
    accounts = Accounts()
    with pytest.raises(type(error)) as caught:
        await serve(Engine(error), accounts, anyio.Event())

    assert caught.value is error
    assert accounts.workers == {}


async def test_a_beat_that_fails_ends_what_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_running, "_BEAT", 0.0)
    stop, accounts, engine = anyio.Event(), Accounts(), Engine()

    def stopping(_attempt: int, _chance: float) -> float:
        stop.set()
        return 0.0

    monkeypatch.setattr(_running, "pause_before", stopping)

    async def cut_off() -> None:
        await engine.running.wait()
        accounts._errors.append(StoreError("cut off"))

    async with anyio.create_task_group() as beside:
        beside.start_soon(cut_off)
        with anyio.fail_after(LONG):
            await serve(engine, accounts, stop)
    assert accounts.workers == {}


async def test_a_cancelled_worker_leaves_as_one_that_is_told_to_stop() -> None:
    engine, accounts = Engine(), Accounts()
    async with anyio.create_task_group() as beside:
        beside.start_soon(serve, engine, accounts, anyio.Event())
        with anyio.fail_after(LONG):
            await engine.running.wait()
        beside.cancel_scope.cancel()
    assert accounts.workers == {}


async def test_each_beat_tells_what_could_not_be_told_and_an_error_of_it_comes_out_as_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_running, "_BEAT", 0.0)
    accounts, error = Accounts(), ValueError("a mistake")

    async def tell_again() -> None:
        accounts.told_again += 1
        if accounts.told_again == 3:
            raise error
        if accounts.told_again == 2:
            raise StoreError("a moment")

    accounts.tell_again = tell_again  # type: ignore[method-assign]
    with anyio.fail_after(LONG), pytest.raises(ValueError, match="a mistake") as caught:
        await serve(Engine(), accounts, anyio.Event())
    assert caught.value is error


@pytest.mark.usefixtures("_no_pauses")
@pytest.mark.parametrize(
    ("slots", "queued"), [(3, ["c", "d", "e", "f"]), (1, []), (2, ["c", "d"]), (0, [])]
)
async def test_as_much_is_queued_as_twice_the_slots_of_all_workers(
    slots: int, queued: list[str]
) -> None:
    engine, stop = Engine(), anyio.Event()
    async with anyio.create_task_group() as beside:
        beside.start_soon(serve, engine, Accounts(slots=slots), stop)
        with anyio.fail_after(LONG):
            await engine.running.wait()
        stop.set()
    assert engine.queued == queued


@pytest.mark.usefixtures("_no_pauses")
async def test_groups_that_are_looked_at_later_keep_no_others_from_the_queue() -> None:
    engine, stop = Engine(), anyio.Event()
    engine.there = {**dict.fromkeys("abcd", True), "e": False}
    async with anyio.create_task_group() as beside:
        beside.start_soon(serve, engine, Accounts(slots=2), stop)
        with anyio.fail_after(LONG):
            await engine.running.wait()
        stop.set()
    assert engine.queued == ["f", "g", "h"]


async def test_nothing_is_queued_while_nobody_can_say_what_is_due() -> None:
    engine, stop, accounts = Engine(), anyio.Event(), Accounts()

    async def tell_again() -> None:
        accounts._errors.append(StoreError("a moment"))

    accounts.tell_again = tell_again  # type: ignore[method-assign]
    async with anyio.create_task_group() as beside:
        beside.start_soon(serve, engine, accounts, stop)
        with anyio.fail_after(LONG):
            await engine.running.wait()
        stop.set()
    assert engine.queued == []


@given(attempt=st.integers(0, 10_000), chance=st.floats(0, 1))
def test_pauses_grow_up_to_half_a_minute_and_differ_between_workers(
    attempt: int, chance: float
) -> None:
    pause = pause_before(attempt, chance)

    assert 0.25 <= pause <= 30.0
    assert pause <= pause_before(attempt + 1, chance)
    assert pause_before(attempt, 0.0) * 2 == pause_before(attempt, 1.0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_first_signal_ends_it_in_order_and_the_next_does_what_it_did_before(
    number: signal.Signals,
) -> None:
    got: list[int] = []
    before = signal.signal(number, lambda signal_number, _frame: got.append(signal_number))
    try:
        with anyio.fail_after(LONG), ended_by_signals() as stop:
            os.kill(os.getpid(), number)
            await stop.wait()
            assert got == []
            os.kill(os.getpid(), number)
        assert got == [number]
    finally:
        signal.signal(number, before)


async def test_one_signal_ends_all_workers_of_a_process_whichever_began_first() -> None:
    number, got = signal.SIGTERM, list[int]()
    before = signal.signal(number, lambda signal_number, _frame: got.append(signal_number))
    try:
        with anyio.fail_after(LONG), ExitStack() as first, ExitStack() as others:
            first.enter_context(ended_by_signals())
            stops = [others.enter_context(ended_by_signals()) for _ in range(2)]
            first.close()
            os.kill(os.getpid(), number)
            for stop in stops:
                await stop.wait()
            others.close()
            assert got == []
            os.kill(os.getpid(), number)
        assert got == [number]
    finally:
        signal.signal(number, before)


async def test_signals_are_left_to_the_main_thread() -> None:
    def handlers_elsewhere() -> tuple[object, object]:
        before = signal.getsignal(signal.SIGTERM)
        with ended_by_signals():
            return before, signal.getsignal(signal.SIGTERM)

    before, meanwhile = await anyio.to_thread.run_sync(handlers_elsewhere)
    assert meanwhile is before
