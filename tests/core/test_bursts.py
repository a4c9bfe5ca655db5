"""Seconds with more models than a page, and what they cost."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.catalogue_cases import Case, cases, requests_by_key
from support.catalogue_simulation import Manners, Row, Run, Service, by_creation, chosen

from scenario_async import BadRequestError, PaginationError
from scenario_async._decoding.envelope import PageAnswer
from scenario_async._pagination.adaptive import AdaptivePlanner
from scenario_async._pagination.windows.planner import WindowPlanner
from scenario_async._pagination.windows.timeline import Timeline

if TYPE_CHECKING:
    from scenario_async._pagination.planner import PageRequest
    from scenario_async._query.query import SortDirection


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize(("size", "models"), [(5, 6), (3, 7), (4, 9), (10, 11), (7, 8), (5, 5)])
def test_bursts_of_more_than_a_page_cost_no_more_either(
    *, ordered: bool, size: int, models: int
) -> None:
    rows = [Row(f"m{index:03}", 1000 * (index // models)) for index in range(400)]
    query = by_creation(size, "asc")
    # With what is repeated on top, pages by key may have more new models than they are to have.
    needed = max(requests_by_key(rows, query), len(rows) // size)
    for limit, takes in itertools.product((2, 7), (0, 3)):
        planner = chosen(query, strategy="windows", limit=limit, ordered=ordered)
        run = Run(planner, Service(rows), concurrency=limit, takes=takes).finish()
        assert len(run.asked) <= needed + 2 * limit


def in_gaps() -> list[Row]:
    """Found by searching: here every request that may be spent on cuts is."""
    chance = random.Random(32)  # noqa: S311 - no secret
    gaps = (chance.choice([0, 1000, 5000, 10 ** chance.randint(3, 10)]) for _ in range(400))
    return [Row(f"m{index:03}", born) for index, born in enumerate(itertools.accumulate(gaps))]


@pytest.mark.parametrize("limit", [3, 5])
def test_the_request_for_the_end_is_within_the_bound_too(limit: int) -> None:
    rows, query = in_gaps(), by_creation(10, "asc")
    planner = chosen(query, strategy="windows", limit=limit, ordered=False)
    run = Run(planner, Service(rows), concurrency=limit).finish()
    assert len(run.asked) - requests_by_key(rows, query) <= 2 * limit


@pytest.mark.parametrize("scarce", [True, False])
def test_scarce_requests_are_not_spent_on_cuts(*, scarce: bool) -> None:
    widest = 0

    def watch(under_way: int, _buffered: int) -> None:
        nonlocal widest
        widest = max(widest, under_way)

    timeline = Timeline(by_creation(10, "asc"))
    planner = WindowPlanner(
        timeline, [(timeline.begin, None)], rows_per_page=10, limit=5, scarce=lambda: scarce
    )
    Run(planner, Service(in_gaps()), concurrency=5, watch=watch).finish()
    assert (widest == 1) == scarce


def burst(number: int) -> list[Row]:
    """A second with many models, and others around it."""
    return [
        Row("before", -5000),
        *(Row(f"m{index:03}", 0) for index in range(number)),
        Row("after", 5000),
        Row("last", 9000),
    ]


def test_a_cursor_refused_in_a_burst_is_done_without_once() -> None:
    rows = burst(20)
    service = Service(rows)
    planner = chosen(by_creation(3, "asc"), strategy="windows", limit=1)
    expired: PageRequest | None = None
    ids: set[str | None] = set()
    while not planner.finished():
        (request,) = planner.requests(1, 0)
        token = request.query.pagination_token
        if expired is None and token is not None and len(ids) > 9:
            expired = request
            error = BadRequestError("expired", status_code=400)
            assert planner.failed(request, error) == ()
            # The second is begun again, and not asked for by a token.
            (request,) = planner.requests(1, 0)
            assert request.query.pagination_token is None
        for page in planner.receive(request, service.answer(request.query)):
            ids.update(page.answer.ids)
    assert expired is not None
    assert ids == {row.id for row in rows}


def test_a_cursor_that_is_refused_in_a_burst_again_is_an_error() -> None:
    service = Service(burst(20), Manners(token_uses=0))
    planner = chosen(by_creation(3, "asc"), strategy="windows", limit=1)
    with pytest.raises(BadRequestError):
        Run(planner, service, concurrency=1).finish()


@pytest.mark.parametrize("limit", [1, 3])
@pytest.mark.parametrize("ordered", [True, False])
def test_a_token_that_repeats_in_a_burst_is_an_error_and_no_end(
    *, limit: int, ordered: bool
) -> None:
    service = Service(burst(20))
    planner = chosen(by_creation(3, "asc"), strategy="windows", limit=limit, ordered=ordered)
    with pytest.raises(PaginationError):
        for _ in range(100):
            assert not planner.finished()
            for request in planner.requests(limit, 0):
                answer = service.answer(request.query)
                if answer.token and request.query.pagination_token:
                    answer = PageAnswer(answer.rows, request.query.pagination_token)
                planner.receive(request, answer)


SECONDS = st.sampled_from([0, 0, 1, 40, 300, 1000, 7000, 10**6])
bursts = st.lists(SECONDS, max_size=250).map(
    lambda gaps: [
        Row(f"m{index:03}", born) for index, born in enumerate(itertools.accumulate(gaps))
    ]
)


@pytest.mark.once
@settings(max_examples=400)
@given(
    case=cases(bursts, largest_page=25),
    changes=st.integers(0, 20),
    manners=st.builds(Manners, sorts_by_second=st.booleans(), bounds_by_second=st.booleans()),
)
def test_a_service_that_knows_no_milliseconds_loses_no_model(
    case: Case, changes: int, manners: Manners
) -> None:
    service = Service(case.rows, manners)
    first = case.run(service, changes=changes)
    case.check(first)
    assert isinstance(first.planner, AdaptivePlanner)
    case.check(case.run(service, histogram=first.planner.histogram, changes=changes))


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("coarse", [True, False])
def test_a_full_second_is_gone_through_by_its_milliseconds_where_the_service_has_them(
    *, coarse: bool, direction: SortDirection
) -> None:
    rows = [Row(f"m{index:03}", 9 * index) for index in range(100)]
    rows += [Row(f"n{index:03}", 5000 * (1 + index)) for index in range(100)]
    service = Service(rows, Manners(bounds_by_second=coarse))
    planner = chosen(by_creation(10, direction), strategy="windows", limit=4)
    run = Run(planner, service).finish()
    assert sorted(run.ids) == sorted(service.rows)
    assert not run.fell_back
    # Or else, once it is seen that bounds are compared by the second, by the service's cursor.
    by_token = sum(request.query.pagination_token is not None for request in run.asked)
    assert (by_token > 2) == coarse


@pytest.mark.parametrize("bounds_by_second", [True, False])
@pytest.mark.parametrize("sorts_by_second", [True, False])
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_a_full_second_leads_no_further_than_its_window(
    *, bounds_by_second: bool, sorts_by_second: bool, direction: SortDirection
) -> None:
    rows = [Row(f"m{index:03}", 3000 + 9 * index) for index in range(60)]
    rows += [Row(f"n{index}", 1000 * index) for index in range(7)]
    manners = Manners(bounds_by_second=bounds_by_second, sorts_by_second=sorts_by_second)
    service = Service(rows, manners)
    timeline = Timeline(by_creation(10, direction))
    first, *_ = timeline.positions(service.answer(by_creation(1, direction)))
    left = [(first, first + 4000), (first + 4000, first + 5000), (first + 6000, None)]
    planner = WindowPlanner(timeline, left, rows_per_page=10, limit=1)
    run = Run(planner, service, concurrency=1).finish()
    not_left = {"asc": "n5", "desc": "n1"}[direction]
    assert sorted(run.ids) == sorted(set(service.rows) - {not_left})
    covered = [page.covers for page in run.emitted if page.covers is not None]
    assert covered[-2:] == left[1:]
    assert {stop for _, stop in covered[:-2] if stop is not None} <= {first + 3000, first + 4000}
    # Once, it is tried whether bounds are compared by the millisecond.
    bounds = [(request.query.created_after, request.query.created_before) for request in run.asked]
    tried = sum(bound[-4:] not in {"000Z", "999Z"} for both in bounds for bound in both if bound)
    assert (tried == 0) == sorts_by_second
    assert (tried > 1) == (not sorts_by_second and not bounds_by_second)


def test_behind_a_full_second_without_milliseconds_nothing_is_asked_for_from_an_end() -> None:
    rows = [*burst(20), *(Row(f"n{index:03}", 10_000 + 1000 * index) for index in range(300))]
    timeline = Timeline(by_creation(5, "asc"))
    planner = WindowPlanner(timeline, [(timeline.begin, None)], rows_per_page=5, limit=4)
    run = Run(planner, Service(rows)).finish()
    by_token = [request.query.pagination_token is not None for request in run.asked]
    behind = run.asked[by_token.index(True) :]
    assert len(behind) > 30
    assert {request.query.sort_direction for request in behind} == {"asc"}
