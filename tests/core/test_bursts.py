"""Seconds with more models than a page, and what they cost."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.catalogue_simulation import Manners, Row, Script, Service, Walk, by_creation, chosen

from scenario_async import BadRequestError, PaginationError
from scenario_async._decoding.envelope import PageAnswer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenario_async._pagination.planner import PageRequest
    from scenario_async._query.query import ListingQuery, SortDirection


def requests_of_one_walk(rows: Sequence[Row], query: ListingQuery) -> int:
    planner = chosen(query, strategy="windows", limit=1)
    return len(Walk(planner, Service(rows), concurrency=1).run().asked)


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize(("size", "models"), [(5, 6), (3, 7), (4, 9), (10, 11), (7, 8), (5, 5)])
def test_bursts_of_more_than_a_page_cost_no_more_either(
    *, ordered: bool, size: int, models: int
) -> None:
    rows = [Row(f"m{index:03}", 1000 * (index // models)) for index in range(400)]
    query = by_creation(size, "asc")
    # With what comes once more on top, pages by key may have more new models than they are to have.
    needed = max(requests_of_one_walk(rows, query), len(rows) // size)
    for limit, takes in itertools.product((2, 7), (0, 3)):
        planner = chosen(query, strategy="windows", limit=limit, ordered=ordered)
        walk = Walk(planner, Service(rows), concurrency=limit, takes=takes).run()
        assert len(walk.asked) <= needed + 2 * limit


@pytest.mark.parametrize("limit", [3, 5])
def test_the_request_for_the_end_is_within_the_bound_too(limit: int) -> None:
    # Found by searching: here every request that may be spent on cuts is.
    chance = random.Random(32)  # noqa: S311 - no secret
    gaps = (chance.choice([0, 1000, 5000, 10 ** chance.randint(3, 10)]) for _ in range(400))
    rows = [Row(f"m{index:03}", born) for index, born in enumerate(itertools.accumulate(gaps))]
    query = by_creation(10, "asc")
    planner = chosen(query, strategy="windows", limit=limit, ordered=False)
    walk = Walk(planner, Service(rows), concurrency=limit).run()
    assert len(walk.asked) - requests_of_one_walk(rows, query) <= 2 * limit


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
    given_: set[str | None] = set()
    while not planner.finished():
        (request,) = planner.requests(1, 0)
        token = request.query.pagination_token
        if expired is None and token is not None and len(given_) > 9:
            expired = request
            error = BadRequestError("expired", status_code=400)
            assert planner.failed(request, error) == ()
            # The second is begun again, and not asked for by a token.
            (request,) = planner.requests(1, 0)
            assert request.query.pagination_token is None
        for page in planner.receive(request, service.answer(request.query)):
            given_.update(page.answer.ids)
    assert expired is not None
    assert given_ == {row.id for row in rows}


def test_a_cursor_that_is_refused_in_a_burst_again_is_an_error() -> None:
    service = Service(burst(20), Manners(token_uses=0))
    planner = chosen(by_creation(3, "asc"), strategy="windows", limit=1)
    with pytest.raises(BadRequestError):
        Walk(planner, service, concurrency=1).run()


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


@pytest.mark.once
@settings(max_examples=400)
@given(
    gaps=st.lists(SECONDS, max_size=250),
    size=st.integers(1, 25),
    direction=st.sampled_from(["asc", "desc"]),
    limit=st.integers(1, 9),
    ordered=st.booleans(),
    script=st.binary(max_size=60).map(Script),
    changes=st.integers(0, 20),
    manners=st.builds(Manners, sorts_by_second=st.booleans(), bounds_by_second=st.booleans()),
)
def test_a_service_that_knows_no_milliseconds_loses_no_model(
    *,
    gaps: list[int],
    size: int,
    direction: SortDirection,
    limit: int,
    ordered: bool,
    script: Script,
    changes: int,
    manners: Manners,
) -> None:
    births = itertools.accumulate(gaps)
    rows = [Row(f"m{index:03}", born) for index, born in enumerate(births)]
    service = Service(rows, manners)
    query = by_creation(size, direction)
    planner = chosen(query, strategy="windows", limit=limit, ordered=ordered)
    first = Walk(planner, service, script, concurrency=limit, changes=changes).run()
    histogram = planner.histogram
    planner = chosen(query, strategy="windows", limit=limit, ordered=ordered, histogram=histogram)
    later = Walk(planner, service, script, concurrency=limit, changes=changes).run()
    for walk in (first, later):
        assert len(walk.given) == len(set(walk.given))
        assert walk.survivors <= set(walk.given)
        if ordered:
            seconds = [walk.created[model_id] // 1000 for model_id in walk.given]
            assert seconds == sorted(seconds, reverse=direction == "desc")


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("coarse", [True, False])
def test_a_full_second_is_gone_through_by_its_milliseconds_where_the_service_has_them(
    *, coarse: bool, direction: SortDirection
) -> None:
    rows = [Row(f"m{index:03}", 9 * index) for index in range(100)]
    rows += [Row(f"n{index:03}", 5000 * (1 + index)) for index in range(100)]
    service = Service(rows, Manners(bounds_by_second=coarse))
    planner = chosen(by_creation(10, direction), strategy="windows", limit=4)
    walk = Walk(planner, service).run()
    assert sorted(walk.given) == sorted(service.rows)
    assert not walk.fell_back
    # Or else, once it is seen that bounds are compared by the second, by the service's cursor.
    by_token = sum(request.query.pagination_token is not None for request in walk.asked)
    assert (by_token > 2) == coarse
