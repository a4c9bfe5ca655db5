"""What a survey says, how it is put together, and which ones are kept."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenario_async._pagination.windows.estimator import Outlook
from scenario_async._pagination.windows.histogram import Survey, Surveyor, Surveys

if TYPE_CHECKING:
    from collections.abc import Sequence

places = st.integers(-(10**14), 10**14)
gaps = st.lists(st.sampled_from([0, 0, 0, 1, 7, 1000, 10**9]), min_size=1, max_size=60)
EVEN = Survey(tuple(range(0, 1010, 10)), tuple(range(101)))


@st.composite
def surveys(draw: st.DrawFn) -> Survey:
    begin = draw(places)
    where = [begin + passed for passed in itertools.accumulate(draw(gaps))]
    steps = draw(st.lists(st.integers(0, 50), min_size=len(where), max_size=len(where)))
    counts = [0, *itertools.accumulate(steps)]
    return Survey((*where, where[-1] + 1), tuple(counts))


def of(*pages: tuple[int, Sequence[int], int, bool]) -> Survey:
    surveyor = Surveyor()
    for start, seen, models, again in pages:
        surveyor.saw(start, seen, models, again=again)
    survey = surveyor.survey()
    assert survey is not None
    return survey


@given(surveys(), places, places)
def test_the_further_a_place_the_more_models_come_before_it(
    survey: Survey, one: int, other: int
) -> None:
    few, many = (survey.before(place) for place in sorted([one, other]))
    assert 0 <= few <= many <= survey.counts[-1]
    assert survey.before(survey.first) == 0
    assert survey.before(survey.end) == survey.counts[-1]


@given(surveys(), st.floats(0, 5000))
def test_the_place_that_so_many_models_come_before_is_in_the_survey(
    survey: Survey, models: float
) -> None:
    place = survey.place(models, after=survey.first)
    assert survey.first <= place <= survey.end
    # No more than that, but for rounding.
    assert survey.before(place) <= models + 1e-5


@pytest.mark.parametrize("models", [0, 1, 50, 100])
def test_a_place_and_the_models_before_it_lead_to_each_other(models: int) -> None:
    assert EVEN.before(EVEN.place(models, after=-1)) == models


def test_a_cut_is_made_where_was_looked_and_no_more_models_come_before() -> None:
    survey = Survey((0, 10, 5_000, 5_001), (0, 31, 62, 63))
    assert survey.place(46.5, after=0) == 10
    assert survey.place(46.5, after=10) == 2_505
    assert survey.place(62, after=10) == 5_000


def test_a_millisecond_with_many_models_is_not_cut() -> None:
    survey = Survey((0, 10, 10, 10, 20, 21), (0, 5, 36, 67, 70, 71))
    assert survey.before(10) == 5
    assert survey.before(11) == pytest.approx(67.3)
    assert survey.place(50, after=0) == 10


@given(
    births=st.lists(st.integers(0, 10**6), min_size=2, max_size=400, unique=True),
    size=st.integers(1, 16),
)
def test_pages_by_key_that_repeat_a_model_give_the_count_of_all(
    births: list[int], size: int
) -> None:
    births.sort()
    surveyor = Surveyor()
    pages = range(0, len(births), size)
    # In whatever order pages come.
    for begin in reversed(pages):
        seen = births[begin : begin + size + 1]
        surveyor.saw(seen[0], seen, len(seen), again=begin + size + 1 < len(births))
    survey = surveyor.survey()
    assert survey is not None
    off = [survey.before(place) - number for number, place in enumerate(births)]
    assert all(abs(one) <= 1 for one in off)


def test_a_page_of_many_rows_is_told_by_some_of_them() -> None:
    survey = of((0, range(500), 500, False))
    assert len(survey.places) < 40
    assert all(survey.before(place) == pytest.approx(place, abs=0.1) for place in range(501))


def test_a_page_without_any_place_counts_all_the_same() -> None:
    survey = of((0, [0, 5], 2, False), (6, [], 7, False), (9, [9], 1, False))
    assert survey.before(9) == 9
    assert survey.counts[-1] == 10


def test_of_a_millisecond_gone_through_by_cursor_each_page_counts() -> None:
    survey = of((0, [0, 5], 2, True), (5, [5, 5], 20, False), (5, [5, 8], 10, False))
    assert survey.before(5) == 1
    assert survey.counts[-1] == 31


def test_nothing_seen_is_no_survey() -> None:
    surveyor = Surveyor()
    assert surveyor.survey() is None
    surveyor.saw(5, [], 0, again=False)
    assert surveyor.survey() is None


def test_of_an_enormous_listing_no_more_is_kept() -> None:
    pages = [
        (1600 * number, range(1600 * number, 1600 * number + 1600, 100)) for number in range(999)
    ]
    survey = of(*((start, seen, 500, False) for start, seen in pages))
    assert 2_000 < len(survey.places) <= 4_097
    assert survey.counts[-1] == 999 * 500
    assert survey.before(800_000) == pytest.approx(250_000, rel=0.01)


def test_as_many_surveys_are_kept_as_listings_are_in_use() -> None:
    kept = Surveys()
    for number in range(100):
        kept.keep(number, EVEN)
        assert kept.of(0) is EVEN
    assert len(kept) == 32
    assert kept.of(50) is None
    assert {number for number in range(100) if kept.of(number)} == {0, *range(69, 100)}


def test_a_survey_takes_the_place_of_the_one_before() -> None:
    kept = Surveys()
    later = Survey((0, 1), (0, 1))
    kept.keep("listing", EVEN)
    kept.keep("listing", later)
    assert kept.of("listing") is later
    assert len(kept) == 1


@given(
    surveys() | st.none(),
    st.lists(st.tuples(places, st.integers(0, 10**9), st.integers(0, 500))),
    places,
    st.integers(0, 10**12),
    st.floats(0.1, 5000),
)
def test_whatever_is_expected_is_finite_and_cuts_lead_on(
    survey: Survey | None,
    pages: list[tuple[int, int, int]],
    start: int,
    extent: int,
    models: float,
) -> None:
    outlook = Outlook(survey, bound=10**15)
    for begin, length, rows in pages:
        outlook.saw(begin, begin + length, rows)
    assert 0 <= outlook.between(start, start + extent) < float("inf")
    place = outlook.behind(start, models)
    assert place is None or place >= start
    if survey is not None and survey.first <= start < survey.end:
        assert place is not None
        assert place > start


def test_what_became_of_the_models_so_far_is_expected_of_the_others() -> None:
    outlook = Outlook(EVEN, bound=10**15)
    assert outlook.between(0, 1000) == 100
    outlook.saw(0, 200, 5)
    assert outlook.between(200, 1000) == 20
    assert outlook.behind(200, 10) == 600


def test_before_the_survey_and_behind_it_the_pages_seen_tell() -> None:
    outlook = Outlook(EVEN, bound=10**15)
    assert outlook.between(-500, 100) == 10
    outlook.saw(-1000, -500, 50)
    assert outlook.between(-500, 100) == 60
    assert outlook.behind(-500, 20) == -300
    assert outlook.behind(-500, 60) == 100
    outlook.saw(2000, 3000, 20)
    assert outlook.between(3000, 4000) == pytest.approx(1000 * 70 / 1500)
