"""The windows of a listing side by side."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scenario_async._pagination.windows.intervals import IntervalList
from scenario_async._pagination.windows.timeline import SECOND

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
