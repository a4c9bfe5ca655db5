"""The windows of a listing side by side."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scenario_async._pagination.windows.intervals import IntervalList
from scenario_async._pagination.windows.timeline import SECOND
from scenario_async._pagination.windows.window import Window

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
