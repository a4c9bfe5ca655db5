"""How many requests walks make, by the number of pages that they need."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.catalogue_simulation import Row, Script, Service, Walk, by_creation, chosen

from scenario_async._query.query import ListingQuery

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scenario_async._pagination.windows.histogram import Histogram

PAGE, AT_ONCE = 20, 8
PUBLIC = ListingQuery(privacy="public", page_size=PAGE)
PAGES = [*range(1, 31), 60]
GAPS = (0, 0, 7, 1000, 2000, 7000, 10**6, 10**6, 10**6, 86_400_000)


def bound(pages: int) -> int:
    """Of a first walk."""
    if pages <= 8:
        return pages + (0 if pages == 1 else 1 if pages <= 3 else 2)
    return 23 * pages // 20


def even(number: int) -> list[Row]:
    return [Row(f"m{index:05}", 1000 * index, -index) for index in range(number)]


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


def walked(
    rows: Sequence[Row], query: ListingQuery, *, ordered: bool, histogram: Histogram | None = None
) -> tuple[int, int, Histogram | None]:
    """Requests; how often it waits where all under way are answered at once; what it showed."""
    service = Service(rows)
    planner = chosen(query, limit=AT_ONCE, ordered=ordered, histogram=histogram)
    given_: set[str | None] = set()
    waits = 0
    while not planner.finished():
        waits += 1
        for request in planner.requests(AT_ONCE, 0):
            for page in planner.receive(request, service.answer(request.query)):
                given_.update(page.answer.ids)
    assert given_ == set(service.rows)
    showed = planner.histogram
    return service.answered, waits, None if isinstance(showed, int) else showed


def pages_by_key(rows: Sequence[Row], query: ListingQuery) -> int:
    """How many pages one walk by key needs; no page can be relied on to have more than its size."""
    planner = chosen(query, strategy="windows", limit=1)
    asked = len(Walk(planner, Service(rows), concurrency=1).run().asked)
    return max(asked, -(-len(rows) // (query.rows_per_page or 1)))


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("pages", [1, 2, 3, 5, 10, 20, 60])
def test_a_first_walk_of_a_public_listing_makes_few_requests_more_than_it_needs(
    *, pages: int, ordered: bool
) -> None:
    requests, *_ = walked(even(pages * PAGE), PUBLIC, ordered=ordered)
    assert requests <= bound(pages)


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("shape", [even, bursty])
@pytest.mark.parametrize("rest", [1, 9, PAGE])
def test_walks_by_windows_make_few_requests_more_than_they_need(
    *, shape: Callable[[int], list[Row]], rest: int, ordered: bool
) -> None:
    query = by_creation(PAGE)
    for pages in PAGES:
        rows = shape((pages - 1) * PAGE + rest)
        needed = pages_by_key(rows, query)
        fewest = 1 + -(-(needed - 1) // AT_ONCE)
        requests, waits, histogram = walked(rows, query, ordered=ordered)
        assert requests <= bound(needed)
        assert shape is bursty or waits <= fewest + 2
        requests, waits, _ = walked(rows, query, ordered=ordered, histogram=histogram)
        # Where a page would have to end within a second, it ends before: of full pages, there
        # may be two more.
        more = (2 if rest == PAGE else 1) if shape is bursty else 0
        assert requests <= max(needed + more, 1.1 * needed)
        assert waits <= (fewest + 2 if shape is bursty else fewest)


@pytest.mark.once
@settings(max_examples=500)
@given(
    gaps=st.lists(st.sampled_from(GAPS) | st.integers(0, 10**9), max_size=400),
    size=st.integers(4, 20),
    limit=st.integers(1, 9),
    ordered=st.booleans(),
    script=st.binary(max_size=60).map(Script),
)
def test_no_dates_make_a_first_walk_ask_for_more(
    *, gaps: list[int], size: int, limit: int, ordered: bool, script: Script
) -> None:
    rows = [Row(f"m{index:05}", born) for index, born in enumerate(itertools.accumulate(gaps))]
    query = by_creation(size)
    planner = chosen(query, limit=limit, ordered=ordered)
    walk = Walk(planner, Service(rows), script, concurrency=limit).run()
    assert len(walk.asked) <= bound(max(1, pages_by_key(rows, query)))
