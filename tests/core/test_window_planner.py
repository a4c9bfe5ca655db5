from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from support.catalogue_cases import DIRECTIONS, Case, cases, catalogues, requests_by_key
from support.catalogue_simulation import Manners, Row, Run, Service, by_creation, chosen, moment

from scenario_async import APIConnectionError, BadRequestError, PaginationError
from scenario_async._decoding.envelope import PageAnswer
from scenario_async._pagination.adaptive import AdaptivePlanner
from scenario_async._pagination.windows.histogram import Histogram
from scenario_async._pagination.windows.planner import WindowPlanner
from scenario_async._pagination.windows.timeline import Timeline

if TYPE_CHECKING:
    from support.catalogue_simulation import Oddity

    from scenario_async._pagination.planner import PagePlanner, PageRequest

pytestmark = pytest.mark.once

MILLISECOND = timedelta(milliseconds=1)


def spaced(number: int, gap: int = 1000) -> Service:
    return Service([Row(f"m{index:03}", gap * index) for index in range(number)])


@settings(max_examples=700)
@given(cases(), st.integers(0, 30), st.integers(0, 12), st.integers(0, 3))
def test_each_model_that_lived_through_a_run_by_key_comes_exactly_once(
    case: Case, changes: int, takes: int, losses: int
) -> None:
    run = case.run(changes=changes, takes=takes, losses=losses)
    assert not run.fell_back
    case.check(run)


@settings(max_examples=500)
@given(cases(), st.integers(-2, 40) | st.none(), st.integers(-2, 40) | st.none())
def test_windows_stay_within_the_bounds_of_the_listing(
    case: Case, after: int | None, before: int | None
) -> None:
    query = replace(
        case.query,
        created_after=None if after is None else moment(after),
        created_before=None if before is None else moment(before),
    )
    run = case.run(query=query)
    assert not run.fell_back
    assert set(run.ids) == {row.id for row in run.service.listed(query)}


@settings(max_examples=700)
@given(cases(catalogues(200), limits=st.integers(2, 9)))
def test_windows_cost_few_requests_more_than_one_run_by_key(case: Case) -> None:
    asked = len(case.run().asked)
    more = asked - requests_by_key(case.rows, case.query)
    assert more <= 2 * case.limit + (0.25 * asked if case.ordered else 0)


@pytest.mark.parametrize("ordered", [True, False])
def test_no_more_is_asked_for_than_there_are_free_slots_and_the_limit_allows(
    *, ordered: bool
) -> None:
    windows = [(100_000 * number, 100_000 * number + 50_000) for number in range(20)]
    planner = WindowPlanner(
        Timeline(by_creation(5, "asc")), windows, rows_per_page=5, limit=8, ordered=ordered
    )
    assert len(planner.requests(2, 0)) == 2
    assert len(planner.requests(8, 0)) == 6
    assert planner.requests(8, 0) == []


def test_what_all_wait_for_is_asked_for_although_the_caller_has_a_page_to_take() -> None:
    service = spaced(500, 100_000)
    planner = chosen(by_creation(5, "asc"), strategy="windows", limit=3)
    (first,) = planner.requests(3, 0)
    planner.receive(first, service.answer(first.query))
    under_way: list[PageRequest] = []
    while requests := planner.requests(3 - len(under_way), 0):
        # All but the first in listing order are answered at once.
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
    assert len(planner.receive(head, service.answer(head.query))) == 1
    assert not planner.requests(0, 1)
    (rest,) = planner.requests(1, 3)
    assert rest.query.sort_direction == "asc"


def windows_of(planner: PagePlanner) -> list[Any]:
    assert isinstance(planner, AdaptivePlanner)
    return [] if planner._windows is None else list(planner._windows._intervals)


@settings(max_examples=400)
@given(cases(catalogues(250), largest_page=6), st.integers(0, 9), st.sampled_from([0, 3, 50]))
def test_windows_hold_no_more_pages_than_they_may(case: Case, free_slots: int, takes: int) -> None:
    limit = case.limit

    def watch(under_way: int, buffered: int) -> None:
        assert under_way <= limit
        held = sum(window.answer is not None for window in windows_of(run.planner))
        if case.ordered:
            # One more: what all the others wait for must come in any case.
            assert under_way + held <= 3 * limit + 1
            assert buffered <= 3 * limit + 1
        else:
            assert held == 0
            assert under_way + buffered <= max(3, 2 * limit)

    run = case.start(concurrency=limit + free_slots, takes=takes, watch=watch)
    run.finish()


@pytest.mark.parametrize("ordered", [True, False])
def test_a_caller_who_takes_nothing_stops_the_requests(*, ordered: bool) -> None:
    service = spaced(500)
    planner = chosen(by_creation(5), strategy="windows", limit=3, ordered=ordered)
    buffered = 0
    while requests := planner.requests(3, buffered):
        for request in requests:
            buffered += len(planner.receive(request, service.answer(request.query)))
    assert buffered <= 10
    assert not planner.finished()
    # In listing order, all others wait for the first window.
    asked = planner.requests(3, 3)
    assert bool(asked) == ordered
    assert asked or planner.requests(3, 0)


def test_a_second_is_not_cut_however_many_models_it_is_known_to_have() -> None:
    service = Service([Row(f"m{number:03}", 0) for number in range(200)])
    timeline = Timeline(by_creation(5, "asc"))
    (zero,) = timeline.positions(service.answer(by_creation(1, "asc")))
    planner = WindowPlanner(
        timeline,
        [(zero, zero + 1000)],
        rows_per_page=5,
        limit=4,
        histogram=Histogram((zero, zero + 1000), (0, 200)),
    )
    asked = planner.requests(4, 0)
    assert {request.query.created_before for request in asked} == {moment(1000)}
    assert len(planner._intervals) == 1


@settings(max_examples=300)
@given(cases())
def test_windows_do_without_pages_from_their_ends(case: Case) -> None:
    def comes_from_an_end(request: PageRequest) -> bool:
        return request.query.sort_direction != case.direction

    run = case.run(dispensable=comes_from_an_end)
    assert sorted(run.ids) == sorted(row.id for row in case.rows)


oddities = st.sampled_from(["hidden", "dateless", "unreadable", "nameless"])


@settings(max_examples=600)
@given(
    case=cases(largest_page=8),
    odd=st.dictionaries(st.integers(0, 119), oddities, max_size=60),
    manners=st.builds(Manners, largest_page=st.integers(1, 8), always_token=st.booleans()),
)
def test_windows_lose_no_row_that_is_hidden_half_or_unreadable(
    case: Case, odd: dict[int, Oddity], manners: Manners
) -> None:
    rows = [
        Row(row.id, row.created, row.score, odd.get(index)) for index, row in enumerate(case.rows)
    ]
    run = case.run(Service(rows, manners))
    assert not run.fell_back
    assert sorted(run.ids) == sorted(row.id for row in rows if row.oddity != "hidden")
    if not odd:
        case.check(run)


@settings(max_examples=200)
@given(cases(largest_page=5))
def test_a_page_of_windows_leads_to_all_that_comes_after_it(case: Case) -> None:
    case.ordered = True
    run = case.run()
    at = case.script.below(len(run.emitted))
    following = run.emitted[at].following
    later = run.emitted[at + 1 :]
    rest = {model_id for page in later for model_id in run.new_ids[page.request.depth]}
    if following is None:
        assert not rest
    else:
        assert not isinstance(following, PaginationError)
        assert following.depth == at + 1
        onward = chosen(following.query, strategy="cursor")
        listed = set(Run(onward, Service(case.rows)).finish().ids)
        assert rest <= listed
        # Of what came before, only the second that is repeated.
        assert len({run.created[model_id] // 1000 for model_id in listed - rest}) <= 1


@pytest.mark.parametrize("ordered", [True, False])
def test_a_window_that_cannot_be_fetched_fails_the_run(*, ordered: bool) -> None:
    planner, window, _ = first_window(ordered=ordered)
    error = APIConnectionError("gone")
    with pytest.raises(APIConnectionError) as caught:
        planner.failed(window, error)
    assert caught.value is error


@pytest.mark.parametrize("ordered", [True, False])
def test_a_window_whose_rows_come_in_no_order_shows_that_windows_are_no_use(
    *, ordered: bool
) -> None:
    planner, window, service = first_window(ordered=ordered)
    answer = service.answer(window.query)
    mixed = PageAnswer([*answer.rows[2:], *answer.rows[:2]], answer.token)
    assert planner.receive(window, mixed) == ()
    (told,) = Run(planner, service, concurrency=2).finish().fell_back
    assert told == "the service does not sort by createdAt"


@pytest.mark.parametrize("status", [400, 422])
def test_where_bounds_are_refused_windows_are_no_use(status: int) -> None:
    planner, window, service = first_window(ordered=True)
    assert planner.failed(window, BadRequestError("no bounds", status_code=status)) == ()
    (told,) = Run(planner, service, concurrency=2).finish().fell_back
    assert told == "the service refused createdAfter and createdBefore"


def test_a_request_without_bounds_that_is_refused_fails_the_run() -> None:
    timeline = Timeline(by_creation(5))
    planner = WindowPlanner(timeline, [(timeline.begin, None)], rows_per_page=5, limit=2)
    (whole,) = planner.requests(2, 0)
    error = BadRequestError("no such order", status_code=400)
    with pytest.raises(BadRequestError) as caught:
        planner.failed(whole, error)
    assert caught.value is error


def first_window(*, ordered: bool) -> tuple[AdaptivePlanner, PageRequest, Service]:
    """A planner that has asked for a window behind the first page."""
    service = spaced(50)
    planner = chosen(by_creation(5, "asc"), limit=2, ordered=ordered)
    (first,) = planner.requests(2, 0)
    planner.receive(first, service.answer(first.query))
    asked = planner.requests(2, 0)
    return planner, next(one for one in asked if one.query.sort_direction == "asc"), service


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
        run = Run(planner, Service(rows)).finish()
        assert not run.fell_back
        assert sorted(run.ids) == [row.id for row in rows]
