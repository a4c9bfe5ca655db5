"""Listings by update, in which a model moves while they are gone through."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.catalogue_cases import Case, cases
from support.catalogue_simulation import Manners, Row, Run, Service, chosen

from scenario_async._pagination.planner import PageRequest
from scenario_async._query.query import ListingQuery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenario_async._query.query import SortDirection

GAPS = st.sampled_from([0, 0, 7, 1000, 1000, 5000, 10**6, 86_400_000])


def by_update(size: int | None, direction: SortDirection | None) -> ListingQuery:
    return ListingQuery(
        privacy="public", sort_by="updatedAt", sort_direction=direction, page_size=size
    )


def updated_at(gaps: Sequence[int]) -> list[Row]:
    return [
        Row(f"m{index * 7919 % 10_007:05}", 0, updated=updated)
        for index, updated in enumerate(itertools.accumulate(gaps))
    ]


@pytest.mark.once
@settings(max_examples=600)
@given(
    case=cases(st.lists(GAPS, max_size=150).map(updated_at)),
    direction=st.sampled_from(["asc", "desc", None]),
    changes=st.integers(0, 60),
    manners=st.builds(
        Manners,
        sorts_by_second=st.booleans(),
        bounds_by_second=st.booleans(),
        always_token=st.booleans(),
    ),
)
def test_no_model_that_is_updated_meanwhile_is_missed(
    case: Case, direction: SortDirection | None, changes: int, manners: Manners
) -> None:
    query = by_update(case.size, direction)
    service = Service(case.rows, manners)
    run = case.run(service, query=query, strategy="auto", changes=changes)
    assert not run.fell_back
    assert len(run.ids) == len(set(run.ids))
    assert run.survivors <= set(run.ids)


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("ordered", [True, False])
def test_what_is_updated_meanwhile_stands_among_the_newest(
    *, ordered: bool, direction: SortDirection
) -> None:
    rows = updated_at([5000] * 100)
    service = Service(rows, Manners(offset_tokens=True))
    planner = chosen(by_update(10, direction), limit=3, ordered=ordered)
    (first,) = planner.requests(3, 0)
    emitted = [*planner.receive(first, service.answer(first.query))]
    oldest, newest = rows[0], rows[-1]
    for second, row in enumerate((rows[50], newest, oldest)):
        service.rows[row.id] = Row(row.id, 0, updated=10**9 + 1000 * second)
    service.changed()
    while not planner.finished():
        for request in planner.requests(3, 0):
            emitted += planner.receive(request, service.answer(request.query))
    assert all(page.following is not None for page in emitted[:-1])
    assert emitted[-1].following is None
    in_order = sorted(emitted, key=lambda page: page.sort_key)
    seen = list(dict.fromkeys(id_ for page in in_order for id_ in page.answer.ids))
    assert sorted(map(str, seen)) == sorted(service.rows)
    if direction == "desc":
        assert seen[:3] == [oldest.id, newest.id, rows[50].id]
        # One more than the pages, and one that shows what was updated meanwhile.
        assert service.answered <= 13


def test_what_is_updated_meanwhile_comes_page_after_page_from_the_oldest_on() -> None:
    rows = updated_at([5000] * 100)
    service = Service(rows)
    planner = chosen(by_update(10, "desc"), limit=3)
    (first,) = planner.requests(3, 0)
    emitted = [*planner.receive(first, service.answer(first.query))]
    for second, row in enumerate(rows[:25]):
        service.rows[row.id] = Row(row.id, 0, updated=10**9 + 1000 * second)
    service.changed()
    while not planner.finished():
        requests = planner.requests(3, 0)
        # Whatever is updated again moves ahead of a run that goes page after page, and of no other.
        assert len(requests) == 1 or requests[0].query.sort_direction == "desc"
        for request in requests:
            emitted += planner.receive(request, service.answer(request.query))

    later = [page for page in emitted if page.sort_key < 0]
    assert emitted[-len(later) :] == later
    seen = dict.fromkeys(id_ for page in later for id_ in page.answer.ids[::-1])
    assert [*seen][-25:] == [row.id for row in rows[:25]]
    assert all(page.covers is None for page in later)
    for page, next_ in itertools.pairwise(emitted):
        assert isinstance(page.following, PageRequest)
        assert page.following.depth == next_.request.depth
    onward = emitted[-len(later) - 1].following
    assert isinstance(onward, PageRequest)
    oldest = later[0].answer.ids[::-1]
    assert oldest
    assert service.answer(onward.query).ids[: len(oldest)] == oldest


@pytest.mark.parametrize(
    "rows",
    [
        [Row(f"m{number}", 0, oddity="hidden", updated=number) for number in range(7)],
        [
            Row(f"m{number}", 0, updated=1000 * second)
            for number, second in enumerate([5, 5, 5, 9, 1, 7, 4])
        ],
    ],
)
def test_a_listing_that_shows_no_order_by_update_ends_with_its_last_page(rows: list[Row]) -> None:
    run = Run(chosen(by_update(3, "desc"), limit=1), Unsorted(rows)).finish()
    assert len(run.asked) == 3
    assert not run.fell_back


class Unsorted(Service):
    """Lists by nothing that it is asked for."""

    def __init__(self, rows: Sequence[Row]) -> None:
        super().__init__(rows, Manners(offset_tokens=True))

    def listed(self, query: ListingQuery) -> list[Row]:
        del query
        return [*self.rows.values()]


@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_a_listing_by_update_of_one_page_costs_one_request(direction: SortDirection) -> None:
    run = Run(chosen(by_update(10, direction)), Service(updated_at([1000] * 10))).finish()
    assert len(run.asked) == 1


@pytest.mark.parametrize(("size", "pages"), [(10, 2), (10, 3), (10, 6), (None, 2)])
def test_the_newest_first_cost_one_request_more_than_the_oldest_first(
    size: int | None, pages: int
) -> None:
    # Without a size, the service gives a hundred.
    rows = updated_at([1000] * ((size or 100) * pages - 5))
    asked = [
        len(Run(chosen(by_update(size, direction), limit=1), Service(rows)).finish().asked)
        for direction in ("asc", "desc")
    ]
    assert asked == [pages, pages + 1]
