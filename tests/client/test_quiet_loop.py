"""Several pages at once hold the loop no longer than one does."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from support.client import PREDICTED, WINDOWS, Passes, UnderWay

from scenario_async import _context
from scenario_async._decoding import PageAnswer, decode_page
from scenario_async._http import transport as _transport
from scenario_async._http.loop_budget import LoopBudget
from scenario_async.sandbox import Catalogue, Delayed

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from support.client import Connect, Way

    from scenario_async.sandbox import Sandbox

pytestmark = [pytest.mark.anyio, pytest.mark.once]

Decoded: TypeAlias = "PageAnswer | Generator[None, None, PageAnswer]"
MODELS, PAGE = 400, 40


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.seeded(public=MODELS, private=MODELS)


@pytest.mark.parametrize("way", [WINDOWS, PREDICTED], ids=["windows", "predicted"])
async def test_of_pages_that_arrive_at_once_one_is_worked_on_in_a_pass_of_the_loop(
    way: Way, connect: Connect, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    worked: list[int] = []
    under_way = UnderWay()

    def note(size: int) -> None:
        if size >= LoopBudget.LARGE:
            worked.append(passes.count)

    class Buffer(BytesIO):
        def write(self, piece: Any, /) -> int:
            note(len(piece))
            return super().write(piece)

    def decode(body: bytes) -> Decoded:
        note(len(body))
        return decode_page(body)

    # An answer without delay is often gone before the request after it is read.
    sandbox.faults.add(Delayed(0.01), times=None)
    monkeypatch.setattr(_transport, "BytesIO", Buffer)
    monkeypatch.setattr(_context, "decode_page", decode)
    async with connect(event_hooks=under_way.hooks) as scenario:
        passes = Passes()
        models = await way.listing(scenario, page_size=PAGE).collect()

    assert len(models) == MODELS
    assert under_way.most > 1
    assert len(worked) >= 2 * MODELS // PAGE
    assert len(set(worked)) == len(worked)


async def test_all_dates_of_a_page_are_read_by_whoever_has_the_pass_of_the_loop(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    run: Any = LoopBudget.run
    read: Any = vars(PageAnswer)["_moments"]
    working: list[object] = []
    in_turn: list[bool] = []

    async def run_noted(budget: LoopBudget, work: Callable[[], object], size: int) -> object:
        def noted() -> object:
            working.append(size)
            try:
                return work()
            finally:
                working.pop()

        return await run(budget, noted, size)

    def read_noted(answer: PageAnswer, dated: object) -> object:
        in_turn.append(working == [LoopBudget.LARGE])
        return read(answer, dated)

    monkeypatch.setattr(LoopBudget, "run", run_noted)
    monkeypatch.setattr(PageAnswer, "_moments", read_noted)
    async with connect() as scenario:
        models = await WINDOWS.listing(scenario, page_size=PAGE).collect()

    assert len(models) == MODELS
    assert len(in_turn) >= MODELS // PAGE
    assert all(in_turn)


async def test_no_dates_are_read_of_a_page_that_is_fetched_alone(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: Any = vars(PageAnswer)["_moments"]
    dated: list[PageAnswer] = []

    def read_noted(answer: PageAnswer, kind: object) -> object:
        dated.append(answer)
        return read(answer, kind)

    monkeypatch.setattr(PageAnswer, "_moments", read_noted)
    async with connect() as scenario:
        pages = [page async for page in WINDOWS.listing(scenario, page_size=PAGE).pages()]
        assert dated
        dated.clear()
        onward = await pages[0].get_next_page()

    assert onward.models
    assert not dated
