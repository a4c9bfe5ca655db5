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
