"""The windows of a listing side by side."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenario_async._decoding.envelope import PageAnswer
from scenario_async._pagination.planner import PageRequest
from scenario_async._pagination.windows.intervals import IntervalList
from scenario_async._pagination.windows.timeline import SECOND
from scenario_async._pagination.windows.window import Asked, DenseSecond, Reading, Window
from scenario_async._query.query import ListingQuery

pytestmark = pytest.mark.once

QUERY = ListingQuery()
END = 6 * SECOND

seconds = st.integers(1, 20).map(lambda number: number * SECOND)


@given(st.lists(seconds, unique=True))
def test_windows_stay_side_by_side_in_listing_order_however_they_are_cut(cuts: list[int]) -> None:
    intervals = IntervalList([(0, None)])
    for position in cuts:
        *_, around = (window for window in intervals if window.start < position)
        assert intervals.cut(around, position).start == position

    starts = sorted([0, *cuts])
    assert [(window.start, window.stop) for window in intervals] == [
        *zip(starts, [*starts[1:], None], strict=True)
    ]


def test_what_is_known_of_an_end_stays_with_the_part_that_has_it() -> None:
    window = Window(0, 9 * SECOND, has_end=False, repeated=(2, 3))
    behind = window.cut(5 * SECOND)
    assert window.repeated == (2, 0)
    assert behind.repeated == (0, 3)
    assert not behind.has_end


def between(start: int, stop: int | None) -> range:
    return range(start, END if stop is None else stop, SECOND)


def part_of(reading: Reading, asked: Asked, window: Window, left: set[int]) -> range | None:
    """What an answer shows next to a window, up to where another page has something."""
    shown = between(reading.start, reading.stop)
    beside = between(window.start, None) if not asked.backwards else between(0, window.stop)[::-1]
    part = [*itertools.takewhile(lambda second: second in shown and second in left, beside)]
    if part:
        return range(min(part), max(part) + SECOND, SECOND)
    # A page of one second alone ends where it begins.
    alone = not asked.backwards and not shown and window.start == asked.start
    return between(window.start, window.start) if alone else None


def answered(asked: Asked, data: st.DataObject) -> Reading:
    """All that was asked for, or less of it where the page was full."""
    at = data.draw(st.none() | st.sampled_from(between(asked.start, asked.stop)))
    start = asked.start if at is None or not asked.backwards else at
    stop = asked.stop if at is None or asked.backwards else at
    return Reading(PageAnswer((), None), (), start, stop)


def take(
    intervals: IntervalList, asked: Asked, reading: Reading, under_way: list[Asked], left: set[int]
) -> Window | None:
    """Take what an answer shows, as far as it is left."""
    window = asked.window
    assert window is not None
    window.answered(asked)
    # What a cursor leads through comes from its beginning, and the pages of it once only.
    dense = {one.start for one in intervals.unanswered if one.dense is not None}
    alone = {one.start for one in intervals if one.start == one.stop} - {window.start}
    part = part_of(reading, asked, window, left - (dense if asked.backwards else alone))
    needed = sum(one.window is not None for one in under_way)
    taken = intervals.take(window, asked, reading)
    if part is None:
        assert taken is None
        return None
    assert taken is not None
    own, in_vain = taken
    assert between(own.start, own.stop) == part
    assert in_vain == needed - sum(one.window is not None for one in under_way)
    left.difference_update(part)
    assert {one.start for one in intervals.unanswered if one.dense} == dense.difference(part)
    if not part:
        window.dense = DenseSecond(QUERY, QUERY, window.stop)
    return Window(own.start, own.stop, answer=own.answer)


@given(st.data())
def test_each_second_is_left_to_the_first_page_that_shows_it(data: st.DataObject) -> None:
    intervals = IntervalList([(0, END)])
    left = set(between(0, None))
    under_way: list[Asked] = []
    pages: list[Window] = []
    for _ in range(40):
        if not left:
            break
        window = data.draw(st.sampled_from(intervals.unanswered))
        whole = between(window.start, window.stop)
        what = data.draw(st.sampled_from(["cut", *["start"] * 3, "end", "answer", "emit"]))
        if what == "cut" and len(whole) > 1 and window.dense is None:
            intervals.cut(window, data.draw(st.sampled_from(whole[1:])))
        elif what == "start" and window.from_start is None:
            under_way.append(window.ask(PageRequest(QUERY), backwards=False))
        elif what == "end" and window.from_end is None and window.dense is None:
            under_way.append(window.ask(PageRequest(QUERY), backwards=True))
        elif what == "emit" and (emitted := intervals.pop(ordered=False)) is not None:
            pages.remove(emitted)
        elif what == "answer" and under_way:
            asked = under_way.pop(data.draw(st.integers(0, len(under_way) - 1)))
            if asked.window is not None:
                page = take(intervals, asked, answered(asked, data), under_way, left)
                if page is not None:
                    intervals.put(page)
                    pages.append(page)
        wanted = [second for one in intervals.unanswered for second in between(one.start, one.stop)]
        assert wanted == sorted(left)
    # Those of one second alone come before what is behind them, in the order in which they came.
    in_order = [one for one in intervals if one.answer is not None]
    assert in_order == sorted(pages, key=lambda page: (page.start, page.start != page.stop))
    ready = [*itertools.takewhile(lambda one: one.answer is not None, intervals)]
    assert [*iter(lambda: intervals.pop(ordered=True), None)] == ready
    assert [*iter(lambda: intervals.pop(ordered=False), None)] == in_order[len(ready) :]


@pytest.mark.parametrize("shows", [4, 5])
def test_what_a_page_before_has_already_shown_is_not_taken_again(shows: int) -> None:
    intervals = IntervalList([(0, 6 * SECOND)])
    window = intervals.first
    before = window.ask(PageRequest(QUERY), backwards=False)
    behind = intervals.cut(window, 3 * SECOND)
    asked = behind.ask(PageRequest(QUERY), backwards=False)
    nothing = PageAnswer((), None)
    assert intervals.take(window, before, Reading(nothing, (), 0, 5 * SECOND))
    late = Reading(nothing, (), 3 * SECOND, shows * SECOND)
    assert intervals.take(behind, asked, late) is None
    assert (behind.start, behind.stop) == (5 * SECOND, 6 * SECOND)


@pytest.mark.parametrize("backwards", [True, False])
def test_a_page_leads_to_none_behind_one_that_was_emitted(*, backwards: bool) -> None:
    intervals = IntervalList([(0, 6 * SECOND)])
    first = intervals.first
    asked = first.ask(PageRequest(QUERY), backwards=backwards)
    middle = intervals.cut(first, 2 * SECOND)
    last = intervals.cut(middle, 4 * SECOND)
    nothing = PageAnswer((), None)
    between_both = middle.ask(PageRequest(QUERY), backwards=False)
    reading = Reading(nothing, (), middle.start, middle.stop)
    assert intervals.take(middle, between_both, reading)
    window = last if backwards else first
    taken = intervals.take(window, asked, Reading(nothing, (), 0, 6 * SECOND))
    assert taken is not None
    assert (taken[0].start, taken[0].stop) == (window.start, window.stop)
