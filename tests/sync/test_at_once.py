"""Work for many things at once: what was begun is finished, and failures come out as themselves."""

from __future__ import annotations

import anyio
import pytest

from scenario_async.sync._runs.at_once import for_each

pytestmark = pytest.mark.anyio


async def test_no_more_than_asked_for_is_under_way() -> None:
    under_way = most = 0
    done: list[int] = []

    async def work(number: int) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await anyio.lowlevel.checkpoint()
        under_way -= 1
        done.append(number)

    await for_each(range(20), work, at_once=3)
    assert sorted(done) == list(range(20))
    assert most == 3


async def test_after_a_failure_what_was_begun_is_finished_and_nothing_more_is_begun() -> None:
    begun: list[int] = []
    finished: list[int] = []
    failed = anyio.Event()

    async def work(number: int) -> None:
        begun.append(number)
        if number == 1:
            failed.set()
            raise LookupError(number)
        await failed.wait()
        await anyio.lowlevel.checkpoint()
        finished.append(number)

    with pytest.raises(LookupError, match="1"):
        await for_each(range(20), work, at_once=3)
    assert begun == [0, 1, 2]
    assert finished == [0, 2]


async def test_a_worker_that_is_cancelled_by_itself_is_no_end() -> None:
    async def work(_: int) -> None:
        raise anyio.get_cancelled_exc_class()

    with pytest.raises(anyio.get_cancelled_exc_class()):
        await for_each(range(3), work, at_once=2)


async def test_nothing_to_do_is_done() -> None:
    done: list[int] = []

    async def work(number: int) -> None:
        done.append(number)

    await for_each(done, work, at_once=4)
    assert not done
