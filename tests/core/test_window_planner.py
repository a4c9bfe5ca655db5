from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.catalogue_simulation import (
    Manners,
    Row,
    Script,
    Service,
    Walk,
    by_creation,
    chosen,
    moment,
)
from support.catalogue_strategies import catalogues, directions, scripts

from scenario_async import APIConnectionError, PaginationError
from scenario_async._decoding.envelope import PageAnswer
from scenario_async._pagination.adaptive import AdaptivePlanner
from scenario_async._query.query import ListingQuery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from support.catalogue_simulation import Oddity

    from scenario_async._pagination.planner import PagePlanner, PageRequest
    from scenario_async._query.query import SortDirection

pytestmark = pytest.mark.once

MILLISECOND = timedelta(milliseconds=1)
DIRECTIONS: tuple[SortDirection, ...] = ("asc", "desc")

sizes = st.integers(1, 20)
concurrencies = st.integers(1, 9)


def born_in_order(walk: Walk, direction: SortDirection) -> bool:
    births = [walk.created[model_id] // 1000 for model_id in walk.given]
    return births == sorted(births, reverse=direction == "desc")


def requests_of_one_walk(rows: Sequence[Row], query: ListingQuery) -> int:
    planner = chosen(query, strategy="windows", limit=1)
    return len(Walk(planner, Service(rows), concurrency=1).run().asked)


@settings(max_examples=700)
@given(
    rows=catalogues(),
    size=sizes,
    direction=directions,
    limit=concurrencies,
    ordered=st.booleans(),
    script=scripts,
    changes=st.integers(0, 30),
    takes=st.integers(0, 12),
    losses=st.integers(0, 3),
)
def test_each_model_that_lived_through_a_walk_by_key_comes_exactly_once(
    *,
    rows: list[Row],
    size: int,
    direction: SortDirection,
    limit: int,
    ordered: bool,
    script: Script,
    changes: int,
    takes: int,
    losses: int,
) -> None:
    service = Service(rows)
    planner = chosen(by_creation(size, direction), strategy="windows", limit=limit, ordered=ordered)
    walk = Walk(
        planner,
        service,
        script,
        concurrency=limit,
        changes=changes,
        takes=takes,
        losses=losses,
    ).run()
    assert not walk.fell_back
    assert len(walk.given) == len(set(walk.given))
    assert walk.survivors <= set(walk.given)
    if ordered:
        assert born_in_order(walk, direction)
    by_place = sorted(walk.emitted, key=lambda page: page.sort_key)
    births = [
        walk.created[model_id] // 1000
        for page in by_place
        for model_id in walk.new_ids[page.request.depth]
    ]
    assert births == sorted(births, reverse=direction == "desc")


@settings(max_examples=500)
@given(
    rows=catalogues(),
    size=sizes,
    direction=directions,
    limit=concurrencies,
    ordered=st.booleans(),
    script=scripts,
    after=st.integers(-2, 40) | st.none(),
    before=st.integers(-2, 40) | st.none(),
)
def test_windows_stay_within_the_bounds_of_the_listing(
    *,
    rows: list[Row],
    size: int,
    direction: SortDirection,
    limit: int,
    ordered: bool,
    script: Script,
    after: int | None,
    before: int | None,
) -> None:
    query = ListingQuery(
        page_size=size,
        sort_by="createdAt",
        sort_direction=direction,
        created_after=None if after is None else moment(after),
        created_before=None if before is None else moment(before),
    )
    service = Service(rows)
    expected = {row.id for row in service.listed(query)}
    planner = chosen(query, strategy="windows", limit=limit, ordered=ordered)
    walk = Walk(planner, service, script, concurrency=limit).run()
    assert not walk.fell_back
    assert set(walk.given) == expected


@settings(max_examples=700)
@given(
    rows=catalogues(limit=200),
    size=sizes,
    direction=directions,
    limit=st.integers(2, 9),
    ordered=st.booleans(),
    script=scripts,
)
def test_windows_cost_few_requests_more_than_one_walk_by_key(
    *,
    rows: list[Row],
    size: int,
    direction: SortDirection,
    limit: int,
    ordered: bool,
    script: Script,
) -> None:
    query = by_creation(size, direction)
    alone = requests_of_one_walk(rows, query)
    planner = chosen(query, strategy="windows", limit=limit, ordered=ordered)
    walk = Walk(planner, Service(rows), script, concurrency=limit).run()
    more = len(walk.asked) - alone
    assert more <= 2 * limit + (0.25 * len(walk.asked) if ordered else 0)


def test_what_all_wait_for_is_asked_for_although_the_caller_has_a_page_to_take() -> None:
    service = Service([Row(f"m{number:03}", 100_000 * number) for number in range(500)])
    planner = chosen(by_creation(5, "asc"), strategy="windows", limit=3)
    (first,) = planner.requests(3, 0)
    planner.receive(first, service.answer(first.query))
    under_way: list[PageRequest] = []
    while requests := planner.requests(3 - len(under_way), 0):
        # All that is not the first in line is answered at once.
        under_way += requests
        under_way.sort(
            key=lambda request: (request.query.sort_direction != "asc", request.query.created_after)
        )
        for request in under_way[1:]:
            assert not planner.receive(request, service.answer(request.query))
        del under_way[1:]
    (head,) = under_way
    assert sum(window.answer is not None for window in windows_of(planner)) == 8
    # Meanwhile, more models are there than a page has.
    born = min(row.created for row in service.listed(head.query))
    service.rows |= {f"new{number}": Row(f"new{number}", born + number) for number in range(9)}
    service.changed()
    emitted = planner.receive(head, service.answer(head.query))
    assert len(emitted) == 1
    assert planner.requests(3, len(emitted))


def windows_of(planner: PagePlanner) -> list[Any]:
    assert isinstance(planner, AdaptivePlanner)
    return [] if planner._windows is None else list(planner._windows._intervals)


@settings(max_examples=400)
@given(
    rows=catalogues(limit=250),
    size=st.integers(1, 6),
    limit=concurrencies,
    free_slots=st.integers(0, 9),
    ordered=st.booleans(),
    script=scripts,
    takes=st.sampled_from([0, 3, 50]),
)
def test_windows_hold_no_more_pages_than_they_may(
    *,
    rows: list[Row],
    size: int,
    limit: int,
    free_slots: int,
    ordered: bool,
    script: Script,
    takes: int,
) -> None:
    def watch(under_way: int, buffered: int) -> None:
        assert under_way <= limit
        held = sum(window.answer is not None for window in windows_of(walk.planner))
        if ordered:
            # One more: what all the others wait for must come in any case.
            assert under_way + held <= 3 * limit + 1
            assert buffered <= 3 * limit + 1
        else:
            assert held == 0
            assert under_way + buffered <= max(3, 2 * limit)

    planner = chosen(by_creation(size), strategy="windows", limit=limit, ordered=ordered)
    walk = Walk(
        planner, Service(rows), script, concurrency=limit + free_slots, takes=takes, watch=watch
    )
    walk.run()


@pytest.mark.parametrize("ordered", [True, False])
def test_a_caller_who_takes_nothing_stops_the_requests(*, ordered: bool) -> None:
    service = Service([Row(f"m{number:03}", 1000 * number) for number in range(500)])
    planner = chosen(by_creation(5), strategy="windows", limit=3, ordered=ordered)
    buffered = 0
    while requests := planner.requests(3, buffered):
        for request in requests:
            buffered += len(planner.receive(request, service.answer(request.query)))
    assert buffered <= 10
    assert not planner.finished()
    assert planner.requests(3, 0)


@settings(max_examples=300)
@given(
    rows=catalogues(),
    size=sizes,
    direction=directions,
    limit=concurrencies,
    ordered=st.booleans(),
    script=scripts,
)
def test_windows_do_without_pages_from_their_ends(
    *,
    rows: list[Row],
    size: int,
    direction: SortDirection,
    limit: int,
    ordered: bool,
    script: Script,
) -> None:
    query = by_creation(size, direction)

    def comes_from_an_end(request: PageRequest) -> bool:
        return request.query.sort_direction != direction

    planner = chosen(query, strategy="windows", limit=limit, ordered=ordered)
    walk = Walk(
        planner, Service(rows), script, concurrency=limit, dispensable=comes_from_an_end
    ).run()
    assert sorted(walk.given) == sorted(row.id for row in rows)


@settings(max_examples=600)
@given(
    rows=catalogues(),
    size=st.integers(1, 8),
    direction=directions,
    limit=concurrencies,
    ordered=st.booleans(),
    script=scripts,
    oddities=st.lists(
        st.tuples(
            st.integers(0, 119), st.sampled_from(["hidden", "dateless", "unreadable", "nameless"])
        ),
        max_size=60,
    ),
    largest_page=st.integers(1, 8),
    always_token=st.booleans(),
)
def test_windows_lose_no_row_that_is_hidden_half_or_unreadable(
    *,
    rows: list[Row],
    size: int,
    direction: SortDirection,
    limit: int,
    ordered: bool,
    script: Script,
    oddities: list[tuple[int, Oddity]],
    largest_page: int,
    always_token: bool,
) -> None:
    for index, oddity in oddities:
        if index < len(rows):
            row = rows[index]
            rows[index] = Row(row.id, row.created, row.score, oddity)
    service = Service(rows, Manners(largest_page=largest_page, always_token=always_token))
    planner = chosen(by_creation(size, direction), strategy="windows", limit=limit, ordered=ordered)
    walk = Walk(planner, service, script, concurrency=limit).run()
    assert not walk.fell_back
    assert sorted(walk.given) == sorted(row.id for row in rows if row.oddity != "hidden")
    if ordered and not oddities:
        assert born_in_order(walk, direction)


@settings(max_examples=200)
@given(rows=catalogues(), size=st.integers(1, 5), limit=concurrencies, script=scripts)
def test_a_page_of_windows_leads_to_all_that_comes_after_it(
    *, rows: list[Row], size: int, limit: int, script: Script
) -> None:
    query = by_creation(size)
    planner = chosen(query, strategy="windows", limit=limit)
    walk = Walk(planner, Service(rows), script, concurrency=limit).run()
    at = script.below(len(walk.emitted))
    following = walk.emitted[at].following
    later = walk.emitted[at + 1 :]
    rest = {model_id for page in later for model_id in walk.new_ids[page.request.depth]}
    if following is None:
        assert not rest
    else:
        assert not isinstance(following, PaginationError)
        onward = chosen(following.query, strategy="cursor")
        assert rest <= set(Walk(onward, Service(rows)).run().given)


@pytest.mark.parametrize("ordered", [True, False])
def test_a_window_that_cannot_be_fetched_fails_the_walk(*, ordered: bool) -> None:
    service = Service([Row(f"m{number:03}", 1000 * number) for number in range(100)])
    planner = chosen(by_creation(5, "asc"), strategy="windows", limit=3, ordered=ordered)
    (first,) = planner.requests(3, 0)
    planner.receive(first, service.answer(first.query))
    window = next(one for one in planner.requests(3, 0) if one.query.sort_direction == "asc")
    error = APIConnectionError("gone")
    with pytest.raises(APIConnectionError) as caught:
        planner.failed(window, error)
    assert caught.value is error


@pytest.mark.parametrize("ordered", [True, False])
def test_a_window_whose_rows_come_in_no_order_shows_that_windows_are_no_use(
    *, ordered: bool
) -> None:
    rows = [Row(f"m{number:03}", 1000 * number) for number in range(50)]
    service = Service(rows)
    planner = chosen(by_creation(5, "asc"), limit=2, ordered=ordered)
    (first,) = planner.requests(2, 0)
    planner.receive(first, service.answer(first.query))
    window = next(one for one in planner.requests(2, 0) if one.query.sort_direction == "asc")
    answer = service.answer(window.query)
    mixed = PageAnswer([*answer.rows[2:], *answer.rows[:2]], answer.token)
    assert planner.receive(window, mixed) == ()
    (told,) = Walk(planner, service, concurrency=2).run().fell_back
    assert told == "the service does not sort by createdAt"


def test_windows_at_the_edge_of_the_calendar_are_no_others() -> None:
    # A service written in Go has this for no date, one in Java may have the other.
    beginning = (datetime.min.replace(tzinfo=UTC) - datetime(2024, 5, 1, tzinfo=UTC)) // MILLISECOND
    end = (datetime.max.replace(tzinfo=UTC) - datetime(2024, 5, 1, tzinfo=UTC)) // MILLISECOND
    rows = [
        Row(f"m{number}", born)
        for number, born in enumerate([beginning, beginning, beginning + 5, -9, 0, 7, end - 3, end])
    ]
    for direction, ordered, size in itertools.product(DIRECTIONS, (True, False), (1, 2, 3, 4)):
        planner = chosen(by_creation(size, direction), strategy="windows", limit=4, ordered=ordered)
        walk = Walk(planner, Service(rows)).run()
        assert not walk.fell_back
        assert sorted(walk.given) == [row.id for row in rows]
