"""How many requests runs make, by the number of pages that they need."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.catalogue_cases import Case, cases, even, in_rounds, requests_by_key
from support.catalogue_simulation import Row, by_creation

from scenario_async._query.query import ListingQuery

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


PAGE, AT_ONCE = 20, 8
PUBLIC = ListingQuery(privacy="public", page_size=PAGE)
PAGES = [*range(1, 31), 60]
GAPS = (0, 0, 7, 1000, 2000, 7000, 10**6, 10**6, 10**6, 86_400_000)


def bound(pages: int) -> int:
    """Of a first run."""
    if pages <= 8:
        return pages + (0 if pages == 1 else 1 if pages <= 3 else 2)
    return 23 * pages // 20


def bursty(number: int) -> list[Row]:
    """Up to eight models at a time, some of them in one second, with gaps of hours or days."""
    chance = random.Random(number)  # noqa: S311 - no secret
    rows: list[Row] = []
    born = 0
    while len(rows) < number:
        born += int(10_800_000 / (1.0015 - chance.random()))
        for _ in range(chance.randint(1, 8)):
            rows.append(Row(f"m{len(rows):05}", born))
            born += chance.choice((0, 1_000, 7_000))
    return rows[:number]


def pages_by_key(rows: Sequence[Row], query: ListingQuery) -> int:
    """How many pages one run by key needs; no page can be relied on to have more than its size."""
    return max(requests_by_key(rows, query), -(-len(rows) // (query.rows_per_page or 1)))


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("pages", [1, 2, 3, 5, 10, 20, 60])
def test_a_first_run_of_a_public_listing_makes_few_requests_more_than_it_needs(
    *, pages: int, ordered: bool
) -> None:
    requests, *_ = in_rounds(even(pages * PAGE), PUBLIC, ordered=ordered)
    assert requests <= bound(pages)


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("shape", [even, bursty])
@pytest.mark.parametrize("rest", [1, 9, PAGE])
def test_runs_by_windows_make_few_requests_more_than_they_need(
    *, shape: Callable[[int], list[Row]], rest: int, ordered: bool
) -> None:
    query = by_creation(PAGE)
    for pages in PAGES:
        rows = shape((pages - 1) * PAGE + rest)
        needed = pages_by_key(rows, query)
        fewest = 1 + -(-(needed - 1) // AT_ONCE)
        requests, waits, histogram = in_rounds(rows, query, ordered=ordered)
        assert requests <= bound(needed)
        assert shape is bursty or waits <= fewest + 2
        requests, waits, _ = in_rounds(rows, query, ordered=ordered, histogram=histogram)
        # Where a page would have to end within a second, it ends before: of full pages, there
        # may be two more.
        more = (2 if rest == PAGE else 1) if shape is bursty else 0
        assert requests <= max(needed + more, 1.1 * needed)
        assert waits <= (fewest + 2 if shape is bursty else fewest)


births = st.lists(st.sampled_from(GAPS) | st.integers(0, 10**9), max_size=400).map(
    itertools.accumulate
)


@pytest.mark.once
@settings(max_examples=500)
@given(cases(births.map(lambda born: [Row(f"m{index:05}", at) for index, at in enumerate(born)])))
def test_no_dates_make_a_first_run_ask_for_more(case: Case) -> None:
    case.size, case.direction = max(4, case.size), "desc"
    needed = pages_by_key(case.rows, case.query)
    assert len(case.run(strategy="auto").asked) <= bound(max(1, needed))
