"""What a histogram says, how it is put together, and which ones are kept."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenario_async._pagination.windows.estimator import Estimator
from scenario_async._pagination.windows.histogram import Histogram, HistogramBuilder, Histograms

if TYPE_CHECKING:
    from collections.abc import Sequence

positions = st.integers(-(10**14), 10**14)
gaps = st.lists(st.sampled_from([0, 0, 0, 1, 7, 1000, 10**9]), min_size=1, max_size=60)
EVEN = Histogram(tuple(range(0, 1_010_000, 10_000)), tuple(range(101)))


@st.composite
def histograms(draw: st.DrawFn) -> Histogram:
    begin = draw(positions)
    where = [begin + passed for passed in itertools.accumulate(draw(gaps))]
    steps = draw(st.lists(st.integers(0, 50), min_size=len(where), max_size=len(where)))
    counts = [0, *itertools.accumulate(steps)]
    return Histogram((*where, where[-1] + 1), tuple(counts))


def of(*pages: tuple[int, Sequence[int], int, bool]) -> Histogram:
    builder = HistogramBuilder()
    for start, seen, models, again in pages:
        builder.saw(start, seen, models, again=again)
    histogram = builder.histogram()
    assert histogram is not None
    return histogram


@given(histograms(), positions, positions)
def test_the_further_a_place_the_more_models_come_before_it(
    histogram: Histogram, one: int, other: int
) -> None:
    few, many = (histogram.before(position) for position in sorted([one, other]))
    assert 0 <= few <= many <= histogram.counts[-1]
    assert histogram.before(histogram.first) == 0
    assert histogram.before(histogram.end) == histogram.counts[-1]
    assert histogram.before(histogram.end + 1) == histogram.counts[-1]


@given(histograms(), st.floats(0, 5000))
def test_the_place_that_so_many_models_come_before_is_in_the_histogram(
    histogram: Histogram, models: float
) -> None:
    position = histogram.position(models, after=histogram.first)
    assert histogram.first <= position <= histogram.end
    # No more than that, but for rounding.
    assert histogram.before(position) <= models + 1e-5


@pytest.mark.parametrize("models", [0, 1, 50, 100])
def test_a_place_and_the_models_before_it_lead_to_each_other(models: int) -> None:
    assert EVEN.before(EVEN.position(models, after=-1)) == models


def test_a_cut_is_made_where_was_looked_and_no_more_models_come_before() -> None:
    histogram = Histogram((0, 10, 5_000, 5_001), (0, 31, 62, 63))
    assert histogram.position(46.5, after=0) == 10
    assert histogram.position(46.5, after=10) == 2_505
    assert histogram.position(62, after=10) == 5_000


def test_a_second_with_many_models_is_not_cut() -> None:
    histogram = Histogram((0, 10, 10, 10, 20, 21), (0, 5, 36, 67, 70, 71))
    assert histogram.before(10) == 5
    assert histogram.before(11) == pytest.approx(67.3)
    assert histogram.position(50, after=0) == 10


@given(
    births=st.lists(st.integers(0, 10**6), min_size=2, max_size=400, unique=True),
    size=st.integers(1, 16),
)
def test_pages_by_key_that_repeat_a_model_give_the_count_of_all(
    births: list[int], size: int
) -> None:
    births.sort()
    builder = HistogramBuilder()
    pages = range(0, len(births), size)
    # In whatever order pages come.
    for begin in reversed(pages):
        seen = births[begin : begin + size + 1]
        builder.saw(seen[0], seen, len(seen), again=begin + size + 1 < len(births))
    histogram = builder.histogram()
    assert histogram is not None
    off = [histogram.before(position) - number for number, position in enumerate(births)]
    assert all(abs(one) <= 1 for one in off)


def test_a_page_of_many_rows_is_told_by_some_of_them() -> None:
    histogram = of((0, range(0, 500_000, 1_000), 500, False))
    assert len(histogram.positions) < 40
    assert all(histogram.before(1_000 * row) == pytest.approx(row, abs=0.1) for row in range(501))


@pytest.mark.parametrize(
    ("pages", "position", "before", "total"),
    [
        # A page without any position.
        ([(0, [0, 5], 2, False), (6, list[int](), 7, False), (9, [9], 1, False)], 9, 9, 10),
        # A second that is gone through by cursor.
        ([(0, [0, 5], 2, True), (5, [5, 5], 20, False), (5, [5, 8], 10, False)], 5, 1, 31),
    ],
)
def test_each_page_counts(
    pages: list[tuple[int, list[int], int, bool]], position: int, before: int, total: int
) -> None:
    histogram = of(*pages)
    assert histogram.before(position) == before
    assert (histogram.counts[0], histogram.counts[-1]) == (0, total)
    # A second behind the last model.
    assert histogram.end == max(at for _, seen, *_ in pages for at in seen) + 1000


def test_nothing_seen_is_no_histogram() -> None:
    builder = HistogramBuilder()
    assert builder.histogram() is None
    builder.saw(5, [], 0, again=False)
    assert builder.histogram() is None


def test_of_an_enormous_listing_no_more_is_kept() -> None:
    pages = [
        (1600 * number, range(1600 * number, 1600 * number + 1600, 100)) for number in range(999)
    ]
    histogram = of(*((start, seen, 500, False) for start, seen in pages))
    assert 2_000 < len(histogram.positions) <= 4_097
    assert histogram.counts[-1] == 999 * 500
    assert histogram.before(800_000) == pytest.approx(250_000, rel=0.01)


def test_as_many_histograms_are_kept_as_listings_are_in_use() -> None:
    kept = Histograms()
    later = Histogram((0, 1), (0, 1))
    for number in range(100):
        kept.keep(number, EVEN)
        kept.keep(number, later)
        assert kept.of(0) is later
    assert len(kept) == 32
    assert kept.of(50) is None
    assert {number for number in range(100) if kept.of(number)} == {0, *range(69, 100)}
    for number in (70, *range(100, 131)):
        kept.keep(number, EVEN)
    assert kept.of(70) is EVEN


@given(
    histograms() | st.none(),
    st.lists(st.tuples(positions, st.integers(0, 10**9), st.integers(0, 500))),
    positions,
    st.integers(0, 10**12),
    st.floats(0.1, 5000),
)
def test_whatever_is_expected_is_finite_and_cuts_lead_on(
    histogram: Histogram | None,
    pages: list[tuple[int, int, int]],
    start: int,
    extent: int,
    models: float,
) -> None:
    estimator = Estimator(histogram, bound=10**15)
    for begin, length, rows in pages:
        estimator.saw(begin, begin + length, rows)
    assert 0 <= estimator.between(start, start + extent) < float("inf")
    position = estimator.behind(start, models)
    assert position is None or position >= start
    if histogram is not None and histogram.first <= start < histogram.end:
        assert position is not None
        assert position > start


def test_what_became_of_the_models_so_far_is_expected_of_the_others() -> None:
    estimator = Estimator(EVEN, bound=10**15)
    assert estimator.between(0, 1_000_000) == 100
    estimator.saw(0, 200_000, 5)
    assert estimator.between(200_000, 1_000_000) == 20
    assert estimator.behind(200_000, 10) == 600_000


def test_before_the_histogram_and_behind_it_the_pages_seen_tell() -> None:
    estimator = Estimator(EVEN, bound=10**15)
    assert estimator.between(-500_000, 100_000) == 10
    estimator.saw(-1_000_000, -500_000, 50)
    assert estimator.between(-500_000, 100_000) == 60
    assert estimator.behind(-500_000, 20) == -300_000
    assert estimator.behind(-500_000, 60) == 100_000
    estimator.saw(2_000_000, 3_000_000, 20)
    assert estimator.between(3_000_000, 4_000_000) == pytest.approx(1_000_000 * 70 / 1_500_000)
    assert estimator.behind(EVEN.end, 70) == EVEN.end + 1_500_000


def test_without_a_histogram_the_pages_seen_tell_alone() -> None:
    estimator = Estimator(None, bound=10**15)
    assert estimator.between(0, 1_000_000) == 0
    assert estimator.behind(0, 10) is None
    estimator.saw(0, 200_000, 50)
    assert estimator.between(200_000, 1_000_000) == 200
    assert estimator.behind(200_000, 25) == 300_000


def test_a_histogram_is_relied_on_as_far_as_the_pages_seen_show_what_it_says() -> None:
    estimator = Estimator(EVEN, bound=10**15)
    assert [estimator.histogram_known(at) for at in (-1, 0, 999_999, EVEN.end)] == [
        False,
        True,
        True,
        False,
    ]
    assert estimator.steadiness(0) == 1
    assert estimator.steadiness(EVEN.end) == 0
    # As many as it says, a fifth less, a third, half, and twice as many.
    for models, expected in ((20, 1), (16, 0.7), (14, 0.5), (10, 0.1), (40, 0.1), (60, 0)):
        estimator = Estimator(EVEN, bound=10**15)
        estimator.saw(0, 200_000, models)
        assert estimator.steadiness(200_000) == pytest.approx(expected)
    # Half of the models in one page, and all of them in another.
    estimator.saw(200_000, 400_000, 20)
    assert estimator.steadiness(400_000) == 0
