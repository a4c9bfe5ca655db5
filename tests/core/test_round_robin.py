"""Several planners as one."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.pages import QUERY, Parallel

from scenario_async import APIConnectionError, PaginationError
from scenario_async._decoding.envelope import PageAnswer
from scenario_async._pagination.cursor import CursorPlanner
from scenario_async._pagination.cursor_tracker import CursorTracker
from scenario_async._pagination.planner import EmittedPage, PageRequest
from scenario_async._pagination.round_robin import Part, RoundRobin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenario_async import APIError
    from scenario_async._pagination.planner import PagePlanner

Together = RoundRobin[PageRequest, PageAnswer, EmittedPage]
PAGE = PageAnswer((), None)


def by_cursor(pages: int) -> tuple[PagePlanner, list[PageAnswer]]:
    """A run by cursor, and the pages it goes through."""
    tokens = [f"token_{number}" for number in range(1, pages)]
    return CursorPlanner(PageRequest(QUERY), CursorTracker(QUERY)), [
        PageAnswer((), token) for token in (*tokens, None)
    ]


@given(st.lists(st.integers(1, 6), max_size=6), st.integers(1, 5), st.data())
def test_each_listing_is_gone_through_to_its_end_in_its_own_order_within_the_bound(
    sizes: list[int], limit: int, data: st.DataObject
) -> None:
    chains = [by_cursor(size) for size in sizes]
    merged = Together([planner for planner, _ in chains], limit=limit)
    under_way: list[Part[PageRequest]] = []
    emitted: list[Part[EmittedPage]] = []
    buffered = 0
    while not merged.finished():
        under_way += merged.requests(limit - len(under_way), buffered)
        assert len(under_way) <= limit
        assert under_way or buffered, "the run stands still"
        if under_way and (not buffered or data.draw(st.booleans())):
            part = under_way.pop(data.draw(st.integers(0, len(under_way) - 1)))
            pages = merged.receive(part, chains[part.index][1][part.item.depth])
            emitted += pages
            buffered += len(pages)
        else:
            buffered -= 1

    for index, size in enumerate(sizes):
        depths = [one.item.request.depth for one in emitted if one.index == index]
        assert depths == [*range(size)]


@given(st.integers(1, 6), st.integers(1, 12))
def test_listings_take_turns(listings: int, limit: int) -> None:
    merged = Together([Parallel(50) for _ in range(listings)], limit=limit)
    asked = Counter(part.index for part in merged.requests(limit, 0))
    assert sum(asked.values()) == limit
    assert max(asked.values()) - min(asked[index] for index in range(listings)) <= 1


def test_the_turn_goes_on_where_it_ended() -> None:
    merged = Together([Parallel(50) for _ in range(3)], limit=2)
    asked = [part.index for _ in range(3) for part in merged.requests(2, 0)]
    assert asked == [0, 1, 2, 0, 1, 2]


def test_one_that_has_nothing_to_ask_leaves_its_turn_to_the_others() -> None:
    merged = Together([by_cursor(9)[0], Parallel(50)], limit=4)
    assert [part.index for part in merged.requests(4, 0)] == [0, 1, 1, 1]


def test_a_slow_caller_is_not_run_away_from() -> None:
    merged = Together([Parallel(50) for _ in range(10)], limit=3)
    buffered = 0
    while parts := merged.requests(3, buffered):
        for part in parts:
            buffered += len(merged.receive(part, PAGE))
    assert 3 < buffered <= 2 * 3


def test_what_waits_of_one_listing_does_not_stop_another() -> None:
    # A run by cursor asks for nothing more while a page of its own is buffered.
    (cursor, pages), fast = by_cursor(9), Parallel(50)
    merged = Together([fast, cursor], limit=4)
    first, *_ = [part for part in merged.requests(4, 0) if part.index == 1]
    merged.receive(first, pages[0])
    assert 1 not in {part.index for part in merged.requests(4, 1)}
    for part in (Part(0, PageRequest(QUERY, depth)) for depth in range(2)):
        merged.receive(part, PAGE)

    # The caller took the page of the run by cursor, and two of the other listing are buffered.
    assert 1 in {part.index for part in merged.requests(4, 2)}


def test_a_failing_listing_fails_all_of_them() -> None:
    merged = Together([Parallel(5), Parallel(5)], limit=2)
    part, _ = merged.requests(2, 0)
    with pytest.raises(APIConnectionError):
        merged.failed(part, APIConnectionError("gone"))


def test_what_a_listing_emits_after_a_failure_is_its_own() -> None:
    class GoesOn(Parallel):
        def failed(self, request: PageRequest, error: APIError) -> Sequence[EmittedPage]:
            del error
            return self.receive(request, PAGE)

    merged = Together([Parallel(5), GoesOn(5)], limit=2)
    _, part = merged.requests(2, 0)
    (emitted,) = merged.failed(part, APIConnectionError("gone"))

    assert (emitted.index, emitted.item.request) == (1, part.item)


def test_a_broken_chain_fails_all_of_them() -> None:
    merged = Together([by_cursor(5)[0], Parallel(5)], limit=2)
    for token in ("once", "once"):
        part = next(part for part in merged.requests(2, 0) if part.index == 0)
        merged.receive(part, PageAnswer((), token))
    with pytest.raises(PaginationError):
        merged.finished()


def test_answers_to_a_listing_that_is_finished_are_not_needed() -> None:
    merged = Together([Parallel(1), Parallel(5)], limit=4)
    part = next(part for part in merged.requests(4, 0) if part.index == 0)
    assert merged.receive(part, PAGE)
    assert not merged.finished()

    assert merged.receive(part, PAGE) == ()
    assert merged.failed(part, APIConnectionError("gone")) == ()


def test_no_listings_are_at_their_end_at_once() -> None:
    assert Together([], limit=4).finished()
