from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.catalogue_cases import SCRIPTS, Case, cases, catalogues
from support.catalogue_simulation import Manners, Row, Run, Script, Service, by_creation, chosen

from scenario_async import APIConnectionError, BadRequestError
from scenario_async._pagination.adaptive import Strategy, sorted_by_date
from scenario_async._query.query import ListingQuery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenario_async._decoding.envelope import PageAnswer
    from scenario_async._pagination.adaptive import AdaptivePlanner
    from scenario_async._pagination.planner import PageRequest
    from scenario_async._query.query import Route, SortDirection

pytestmark = pytest.mark.once

STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
BOUNDS = frozenset({"createdAfter", "createdBefore"})

small_cases = cases(catalogues(80), largest_page=12)
strategies = st.sampled_from(STRATEGIES)


def distinct(number: int) -> list[Row]:
    return [Row(f"m{index:03}", 10_000 * index) for index in range(number)]


def ids_of(rows: Sequence[Row]) -> list[str]:
    return sorted(row.id for row in rows)


ignored_parameters = st.sampled_from(
    [
        frozenset({"createdAfter"}),
        frozenset({"createdBefore"}),
        BOUNDS,
        frozenset({"sortDirection"}),
        BOUNDS | {"sortDirection"},
    ]
)


@settings(max_examples=700)
@given(
    case=small_cases,
    strategy=strategies,
    manners=st.builds(Manners, ignores=ignored_parameters, offset_tokens=st.booleans()),
)
def test_all_models_come_where_the_service_ignores_what_it_is_asked(
    case: Case, strategy: Strategy, manners: Manners
) -> None:
    run = case.run(Service(case.rows, manners), strategy=strategy)
    assert sorted(run.ids) == ids_of(case.rows)
    if case.ordered:
        births = [run.created[model_id] // 1000 for model_id in run.ids]
        assert births == [row.created // 1000 for row in run.service.listed(case.query)]


@settings(max_examples=300)
@given(cases(catalogues(80), largest_page=12, limits=st.integers(2, 9)))
def test_it_is_told_that_the_service_ignores_where_a_window_begins(case: Case) -> None:
    parameter = "createdAfter" if case.direction == "asc" else "createdBefore"
    service = Service(case.rows, Manners(ignores=frozenset({parameter})))
    run = case.run(service, strategy="auto")
    assert sorted(run.ids) == ids_of(case.rows)
    told = "the service does not respect createdAfter and createdBefore"
    assert run.fell_back == [told] * any(map(is_bounded, run.asked))


def is_bounded(request: PageRequest) -> bool:
    return (request.query.created_after or request.query.created_before) is not None


@settings(max_examples=700)
@given(
    case=small_cases,
    strategy=strategies,
    manners=st.builds(
        Manners,
        ignores=ignored_parameters | st.just(frozenset[str]()),
        offset_tokens=st.booleans(),
        token_life=st.integers(1, 12),
    ),
    by_score=st.booleans(),
)
def test_where_tokens_expire_on_the_way_all_models_come_or_an_error(
    *, case: Case, strategy: Strategy, manners: Manners, by_score: bool
) -> None:
    query = ListingQuery(page_size=case.size, privacy="public") if by_score else case.query
    run = case.start(Expiring(case.rows, manners), query=query, strategy=strategy)
    try:
        run.finish()
    except BadRequestError:
        assert len(run.ids) == len(set(run.ids))
    else:
        assert sorted(run.ids) == ids_of(case.rows)


class Expiring(Service):
    """Forgets all its tokens at once, every so many requests."""

    def answer(self, query: ListingQuery) -> PageAnswer:
        life = self.manners.token_life
        assert life is not None
        if self.answered % (life + 1) == life and query.pagination_token is not None:
            self.answered += 1
            raise BadRequestError("the token has expired", status_code=400)
        return super().answer(query)


@pytest.mark.parametrize("strategy", ["cursor", "auto"])
@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("fails_at", range(1, 9))
def test_a_refused_token_is_done_without_by_the_last_creation_date(
    strategy: Strategy, direction: SortDirection, fails_at: int
) -> None:
    service = RefusesOnce(distinct(30), fails_at)
    planner = chosen(by_creation(3, direction), strategy=strategy, limit=1)
    under_way: list[int] = []
    run = Run(planner, service, watch=lambda now, _: under_way.append(now)).finish()
    assert run.ids == [row.id for row in service.listed(by_creation(3, direction))]
    assert not run.fell_back
    assert max(under_way) == 1
    # One refused, and no more than one row again with each page after it.
    assert len(run.asked) <= 16


@pytest.mark.parametrize("strategy", ["cursor", "predicted", "auto"])
@pytest.mark.parametrize("route", ["filter", "public"])
@pytest.mark.parametrize("fails_at", range(1, 9))
def test_a_refused_token_of_a_listing_without_dates_begins_the_run_again(
    strategy: Strategy, route: Route, fails_at: int
) -> None:
    rows = [Row(f"m{index:03}", 0) for index in range(30)]
    service = RefusesOnce(rows, fails_at, Manners(ignores=frozenset({"offset"})))
    query = ListingQuery(route=route, privacy="public").with_rows_per_page(3)
    planner = chosen(query, strategy=strategy, limit=3)
    run = Run(planner, service, concurrency=3).finish()
    assert run.ids == ids_of(rows)
    assert len(run.asked) <= 10 + 10 + 3 + 3 + 3


class RefusesOnce(Service):
    """Refuses one token, once."""

    def __init__(self, rows: Sequence[Row], fails_at: int, manners: Manners | None = None) -> None:
        super().__init__(rows, manners)
        self.left = fails_at

    def answer(self, query: ListingQuery) -> PageAnswer:
        self.left -= query.pagination_token is not None
        if self.left == 0:
            self.left = -1
            raise BadRequestError("the token has expired", status_code=400)
        return super().answer(query)


def test_tokens_that_are_always_refused_are_an_error() -> None:
    service = Service(distinct(9), Manners(token_uses=0))
    query = ListingQuery(page_size=3, privacy="public")
    with pytest.raises(BadRequestError):
        Run(chosen(query), service).finish()
    # The first page and the second one, and both again.
    assert service.answered == 4


# The run by date, by cursor, and from the start; or by cursor, by date, and behind the first page:
# each has its fault, and the last has none.
@pytest.mark.parametrize(("strategy", "fails_at"), [("auto", 3), ("cursor", 5)])
def test_ignored_bounds_and_a_refused_token_cost_no_model(
    strategy: Strategy, fails_at: int
) -> None:
    service = RefusesOnce(distinct(30), fails_at, Manners(ignores=BOUNDS))
    run = Run(chosen(by_creation(3, "asc"), strategy=strategy, limit=3), service).finish()
    assert run.ids == ids_of(distinct(30))
    assert run.fell_back
    assert service.left < 0


def test_ignored_bounds_that_took_longer_than_tokens_live_begin_the_run_again() -> None:
    rows = distinct(30)
    service = Service(rows, Manners(ignores=BOUNDS, token_life=2))
    planner = chosen(by_creation(3, "asc"), limit=4)
    (first,) = planner.requests(4, 0)
    planner.receive(first, service.answer(first.query))
    answers = [(one, service.answer(one.query)) for one in planner.requests(4, 0)]
    ids = [model_id for answer in answers for model_id in late(planner, *answer)]
    run = Run(planner, service).finish()
    assert {*ids_of(rows[:3]), *ids, *run.ids} == set(ids_of(rows))
    assert run.fell_back


def late(planner: AdaptivePlanner, request: PageRequest, answer: PageAnswer) -> list[str | None]:
    return [model_id for page in planner.receive(request, answer) for model_id in page.answer.ids]


def test_a_page_under_way_for_the_planner_before_is_not_asked_for_again() -> None:
    rows = distinct(30)
    service = Service(rows, Manners(ignores=BOUNDS, offset_tokens=True))
    planner = chosen(by_creation(3, "asc"), strategy="predicted", histogram=30)
    (first,) = planner.requests(4, 0)
    planner.receive(first, service.answer(first.query))
    second, *ahead = planner.requests(4, 0)
    assert len(ahead) == 3
    # The token is refused, and the bounds are ignored: back to the tokens behind the first page.
    planner.failed(second, BadRequestError("expired", status_code=400))
    (window,) = planner.requests(1, 0)
    assert planner.receive(window, service.answer(window.query)) == ()
    (again,) = planner.requests(1, 0)
    assert again == second
    ids = late(planner, again, service.answer(again.query))
    for request in ahead:
        assert request not in planner.requests(3, 0)
        ids += late(planner, request, service.answer(request.query))
    assert ids == [row.id for row in rows[3:15]]


def test_an_error_that_is_no_refusal_fails_the_run() -> None:
    service = Service(distinct(30))
    planner = chosen(by_creation(3), strategy="cursor")
    (first,) = planner.requests(1, 0)
    planner.receive(first, service.answer(first.query))
    (second,) = planner.requests(1, 0)
    with pytest.raises(APIConnectionError):
        planner.failed(second, APIConnectionError("gone"))


@given(cases(st.just([])), strategies, st.booleans())
def test_a_listing_of_one_page_costs_one_request(
    case: Case,
    strategy: Strategy,
    empty: bool,
) -> None:
    service = Service([] if empty else distinct(case.size))
    for query in (case.query, ListingQuery(page_size=case.size, privacy="public")):
        assert len(case.run(service, query=query, strategy=strategy).asked) == 1


@pytest.mark.parametrize("strategy", ["auto", "windows"])
def test_a_row_without_date_on_the_first_page_keeps_the_run_to_the_cursor(
    strategy: Strategy,
) -> None:
    rows = distinct(30)
    rows[1] = Row(rows[1].id, rows[1].created, oddity="dateless")
    planner = chosen(by_creation(3, "asc"), strategy=strategy)
    run = Run(planner, Service(rows)).finish()
    assert run.ids == ids_of(rows)
    assert all(request.query.created_after is None for request in run.asked)
    assert not run.fell_back


@given(size=st.integers(2, 6), number=st.integers(1, 40), limit=st.integers(2, 6), script=SCRIPTS)
def test_a_burst_at_the_beginning_does_not_show_in_which_direction_the_listing_comes(
    size: int, number: int, limit: int, script: Script
) -> None:
    rows = [Row(f"m{index:03}", 0) for index in range(number)] + [
        Row(f"n{index:03}", 10_000 + 1000 * index) for index in range(20)
    ]
    service = Service(rows, Manners(ignores=frozenset({"sortDirection"})))
    planner = chosen(by_creation(size), limit=limit)
    # Oldest first, although the newest first was asked for.
    run = Run(planner, service, script, concurrency=limit).finish()
    assert sorted(run.ids) == ids_of(rows)


def test_windows_begin_behind_a_burst_that_fills_the_first_pages() -> None:
    rows = [Row(f"m{index:03}", 0) for index in range(9)] + [
        Row(f"n{index:03}", 10_000 + 1000 * index) for index in range(20)
    ]
    run = Run(chosen(by_creation(3, "asc"), limit=3), Service(rows), concurrency=3).finish()
    assert run.ids == ids_of(rows)
    assert not run.asked[3].query.created_after
    assert all(request.query.created_after for request in run.asked[5:])


@pytest.mark.parametrize(
    ("query", "by_date"),
    [
        (ListingQuery(), True),
        (ListingQuery(collection_id="c"), True),
        (ListingQuery(privacy="unlisted"), True),
        (ListingQuery(privacy="public"), False),
        (ListingQuery(privacy="public", sort_by="createdAt"), True),
        (ListingQuery(sort_by="score"), False),
        (ListingQuery(privacy="public", sort_by="updatedAt"), True),
        (ListingQuery(route="public", sort_by="updatedAt"), False),
        (ListingQuery(route="public"), False),
        (ListingQuery(route="public", sort_by="createdAt"), False),
    ],
)
def test_what_is_documented_to_come_by_date(query: ListingQuery, *, by_date: bool) -> None:
    assert sorted_by_date(query) == by_date


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("limit", [1, 4])
def test_the_strategy_tells_how_pages_are_asked_for(strategy: Strategy, limit: int) -> None:
    service = Service(distinct(40), Manners(offset_tokens=True))
    planner = chosen(by_creation(4), strategy=strategy, limit=limit)
    run = Run(planner, service, concurrency=limit).finish()
    assert any(map(is_bounded, run.asked)) == (strategy in {"windows", "auto"})
    assert sorted(run.ids) == ids_of(distinct(40))


@settings(max_examples=300)
@given(small_cases, st.integers(0, 20), st.none() | st.integers(0, 80))
def test_the_chosen_planner_lists_public_models_without_repeating_one(
    case: Case, changes: int, sealed_from: int | None
) -> None:
    query = ListingQuery(page_size=case.size, privacy="public")
    service = Service(case.rows, Manners(sealed_from=sealed_from))
    run = case.run(service, query=query, strategy="auto", changes=changes)
    assert len(run.ids) == len(set(run.ids))
    if not changes:
        assert run.ids == [row.id for row in service.listed(query)]


def test_an_answer_that_came_too_late_is_not_needed() -> None:
    service = Service(distinct(40), Manners(ignores=BOUNDS))
    planner = chosen(by_creation(4, "asc"), limit=3)
    (first,) = planner.requests(3, 0)
    planner.receive(first, service.answer(first.query))
    *_, one, other = planner.requests(3, 0)
    assert planner.receive(one, service.answer(one.query)) == ()
    assert planner.receive(other, service.answer(other.query)) == ()
    run = Run(planner, service, concurrency=3).finish()
    assert run.fell_back
    assert planner.failed(other, APIConnectionError("gone")) == ()
    assert len(run.ids) == 36
