from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenario_async._pagination.windows.density import Density

positions = st.integers(-(10**14), 10**14)
pages = st.lists(st.tuples(positions, st.integers(0, 10**12), st.integers(0, 500)), max_size=40)


def of(pages: list[tuple[int, int, int]]) -> Density:
    density = Density()
    for start, extent, models in pages:
        density.saw(start, start + extent, models)
    return density


@given(pages, positions)
def test_it_is_finite_and_not_below_zero_in_whatever_order_pages_came(
    pages: list[tuple[int, int, int]], position: int
) -> None:
    density = of(pages).at(position)
    assert 0 <= density < math.inf
    assert density == of(pages[::-1]).at(position)


@given(
    start=positions,
    every=st.integers(1, 10**6),
    rows=st.integers(1, 500),
    number=st.integers(1, 30),
)
def test_an_even_listing_has_its_own_density_everywhere(
    start: int, every: int, rows: int, number: int
) -> None:
    extent = every * rows
    density = of([(start + index * extent, extent, rows) for index in range(number)])
    assert density.at(start) == pytest.approx(1 / every)
    assert density.at(start + number * extent) == pytest.approx(1 / every)


def test_only_the_pages_nearest_to_a_position_count() -> None:
    near = range(Density.NEIGHBOURS)
    density = of([(0, 1, 1000), (500, 1, 1000)])
    for index in near:
        density.saw(100 + index, 101 + index, 2)
        density.saw(300 + index, 301 + index, 6)
    assert density.at(200) == 4
    assert density.at(99) > 100
    assert density.at(400) > 60


def test_a_page_of_one_millisecond_counts_as_one_long() -> None:
    assert of([(5, 0, 20)]).at(5) == 20


@given(start=positions, every=st.integers(1, 10**6), number=st.integers(2, 16))
def test_pages_that_are_as_dense_as_each_other_are_steady(
    start: int, every: int, number: int
) -> None:
    even = [(start + index * 100 * every, 100 * every, 100) for index in range(number)]
    assert of(even).steadiness(start) == 1
    # One alone shows nothing, and so does one among them with far fewer models.
    assert of(even[:1]).steadiness(start) == 0
    assert of([*even[1:], (start, 100 * every, 30)]).steadiness(start) == 0
    assert 0.3 < of([*even[1:], (start, 100 * every, 65)]).steadiness(start) < 0.6


def test_pages_with_hardly_a_model_are_not_steady() -> None:
    assert of([(0, 1000, 1), (1000, 1000, 1)]).steadiness(0) == 0
