"""Work that holds the loop: one piece in a pass of the loop, a slice of a millisecond at most."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from support.client import Passes

from scenario_async._http import loop_budget as _loop_budget
from scenario_async._http.loop_budget import LoopBudget, TimeSlice

if TYPE_CHECKING:
    from collections.abc import Generator


pytestmark = [pytest.mark.anyio, pytest.mark.one_loop]


async def test_of_those_who_work_at_once_one_has_each_pass_of_the_loop_in_their_order() -> None:
    loop_budget, passes = LoopBudget(), Passes()
    worked: list[tuple[int, int]] = []

    async def work(number: int) -> None:
        await loop_budget.run(lambda: worked.append((number, passes.count)), LoopBudget.LARGE)

    await asyncio.gather(*map(work, range(8)))
    assert [number for number, _ in worked] == [*range(8)]
    assert len({count for _, count in worked}) == len(worked)


async def test_a_slice_and_a_piece_of_work_do_not_meet_in_a_pass_of_the_loop() -> None:
    loop_budget, passes = LoopBudget(), Passes()
    worked: list[int] = []

    async def slices() -> None:
        time_slice = TimeSlice(loop_budget)
        for _ in range(5):
            await time_slice.give_back()
            worked.append(passes.count)

    async def pieces() -> None:
        for _ in range(5):
            await loop_budget.run(lambda: worked.append(passes.count), LoopBudget.LARGE)

    await asyncio.gather(slices(), pieces(), slices())
    assert len(set(worked)) == len(worked) == 15


async def test_who_works_alone_does_not_wait() -> None:
    passes = Passes()
    begun = passes.count
    assert await LoopBudget().run(lambda: "done", LoopBudget.LARGE) == "done"
    assert passes.count == begun


async def test_work_in_steps_gives_the_loop_back_after_a_millisecond_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 5.0
    monkeypatch.setattr(_loop_budget, "time", SimpleNamespace(perf_counter=lambda: now))

    passes, seen = Passes(), list[int]()

    def steps() -> Generator[None, None, str]:
        nonlocal now
        for _ in range(6):
            now += 0.0006
            seen.append(passes.count)
            yield
        return "done"

    assert await LoopBudget().finish(steps()) == "done"
    assert [seen.count(count) for count in sorted(set(seen))] == [2, 2, 2]


async def test_small_work_does_not_wait_for_others() -> None:
    loop_budget, passes = LoopBudget(), Passes()
    begun = passes.count
    await loop_budget.take()
    await loop_budget.run(lambda: None, LoopBudget.LARGE - 1)
    assert passes.count == begun


async def test_whoever_is_cancelled_or_fails_does_not_keep_the_turn() -> None:
    loop_budget = LoopBudget()

    async def fail() -> None:
        await loop_budget.run(lambda: 1 / 0, LoopBudget.LARGE)

    cancelled = [asyncio.create_task(loop_budget.take()) for _ in range(3)]
    failed = [asyncio.create_task(fail()) for _ in range(3)]
    await asyncio.sleep(0)
    for task in cancelled:
        task.cancel()
    async with asyncio.timeout(10):
        assert await loop_budget.run(lambda: "mine", LoopBudget.LARGE) == "mine"
        await asyncio.wait((*cancelled, *failed))
    assert [type(task.exception()) for task in failed] == 3 * [ZeroDivisionError]


async def test_rows_are_read_as_many_at_a_time_as_take_a_part_of_a_slice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 5.0
    monkeypatch.setattr(_loop_budget, "time", SimpleNamespace(perf_counter=lambda: now))

    time_slice, passes = TimeSlice(LoopBudget()), Passes()

    async def read(milliseconds_each: float, slices: int) -> list[int]:
        nonlocal now
        counts: list[int] = []
        for _ in range(slices):
            counts.append(await time_slice.rows())
            now += counts[-1] * milliseconds_each / 1000
        return counts

    assert await read(0, 7) == [2, 4, 8, 16, 32, 32, 32]
    assert await read(0.02, 3) == [32, 32, 32]
    begun = passes.count
    assert await read(5, 7) == [32, 16, 8, 4, 2, 1, 1]
    assert passes.count >= begun + 6
    assert await read(0, 3) == [1, 2, 4]
