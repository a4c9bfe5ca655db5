from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.catalogue_simulation import Manners, Row, Script, Service, Walk, by_creation, chosen
from support.catalogue_strategies import catalogues, directions, scripts

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

strategies = st.sampled_from(STRATEGIES)
concurrencies = st.integers(1, 9)
sizes = st.integers(1, 12)


def distinct(number: int) -> list[Row]:
    return [Row(f"m{index:03}", 10_000 * index) for index in range(number)]


def ids(rows: Sequence[Row]) -> list[str]:
    return sorted(row.id for row in rows)


IGNORED = [
    {"createdAfter"},
    {"createdBefore"},
    {"createdAfter", "createdBefore"},
    {"sortDirection"},
    {"createdAfter", "createdBefore", "sortDirection"},
]


@settings(max_examples=700)
@given(
    rows=catalogues(limit=80),
    size=sizes,
    direction=directions,
    strategy=strategies,
    limit=concurrencies,
    ordered=st.booleans(),
    script=scripts,
    ignored=st.sampled_from(IGNORED),
    offset_tokens=st.booleans(),
)
def test_all_models_come_where_the_service_ignores_what_it_is_asked(
    *,
    rows: list[Row],
    size: int,
    direction: SortDirection,
    strategy: Strategy,
    limit: int,
    ordered: bool,
    script: Script,
    ignored: set[str],
    offset_tokens: bool,
) -> None:
    manners = Manners(ignores=frozenset(ignored), offset_tokens=offset_tokens)
    service = Service(rows, manners)
    query = by_creation(size, direction)
    planner = chosen(query, strategy=strategy, limit=limit, ordered=ordered)
    walk = Walk(planner, service, script, concurrency=limit).run()
    assert sorted(walk.given) == ids(rows)
    if ordered:
        births = [walk.created[model_id] // 1000 for model_id in walk.given]
        listed = [row.created // 1000 for row in service.listed(query)]
        assert births == listed


@settings(max_examples=300)
@given(
    rows=catalogues(limit=80),
    size=sizes,
    direction=directions,
    limit=st.integers(2, 9),
    ordered=st.booleans(),
    script=scripts,
)
def test_it_is_told_that_the_service_ignores_where_a_window_begins(
    *,
    rows: list[Row],
    size: int,
    direction: SortDirection,
    limit: int,
    ordered: bool,
    script: Script,
) -> None:
    parameter = "createdAfter" if direction == "asc" else "createdBefore"
    service = Service(rows, Manners(ignores=frozenset({parameter})))
    planner = chosen(by_creation(size, direction), limit=limit, ordered=ordered)
    walk = Walk(planner, service, script, concurrency=limit).run()
    assert sorted(walk.given) == ids(rows)
    cut = any(request.query.created_after or request.query.created_before for request in walk.asked)
    told = "the service does not respect createdAfter and createdBefore"
    assert walk.fell_back == [told] * cut


@settings(max_examples=700)
@given(
    rows=catalogues(limit=80),
    size=sizes,
    direction=directions,
    strategy=strategies,
    limit=concurrencies,
    ordered=st.booleans(),
    script=scripts,
    ignored=st.sampled_from([set[str](), *IGNORED]),
    offset_tokens=st.booleans(),
    life=st.integers(1, 12),
    by_score=st.booleans(),
)
def test_where_tokens_expire_in_mid_walk_all_models_come_or_an_error(
    *,
    rows: list[Row],
    size: int,
    direction: SortDirection,
    strategy: Strategy,
    limit: int,
    ordered: bool,
    script: Script,
    ignored: set[str],
    offset_tokens: bool,
    life: int,
    by_score: bool,
) -> None:
    manners = Manners(ignores=frozenset(ignored), offset_tokens=offset_tokens, token_life=life)
    query = by_creation(size, direction)
    if by_score:
        query = ListingQuery(page_size=size, privacy="public")
    planner = chosen(query, strategy=strategy, limit=limit, ordered=ordered)
    walk = Walk(planner, Expiring(rows, manners), script, concurrency=limit)
    try:
        walk.run()
    except BadRequestError:
        assert len(walk.given) == len(set(walk.given))
    else:
        assert sorted(walk.given) == ids(rows)


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
    walk = Walk(planner, service, concurrency=1).run()
    assert walk.given == [row.id for row in service.listed(by_creation(3, direction))]
    assert not walk.fell_back
    # One refused, and no more than one row again with each page after it.
    assert len(walk.asked) <= 16


@pytest.mark.parametrize("strategy", ["cursor", "predicted", "auto"])
@pytest.mark.parametrize("route", ["filter", "public"])
@pytest.mark.parametrize("fails_at", range(1, 9))
def test_a_refused_token_of_a_listing_without_dates_begins_the_walk_again(
    strategy: Strategy, route: Route, fails_at: int
) -> None:
    rows = [Row(f"m{index:03}", 0) for index in range(30)]
    service = RefusesOnce(rows, fails_at, Manners(ignores=frozenset({"offset"})))
    query = ListingQuery(route=route, privacy="public").with_rows_per_page(3)
    planner = chosen(query, strategy=strategy, limit=3)
    walk = Walk(planner, service, concurrency=3).run()
    assert walk.given == ids(rows)
    assert len(walk.asked) <= 10 + 10 + 3 + 3 + 3


class RefusesOnce(Service):
    """Refuses one token, once."""

    def __init__(self, rows: Sequence[Row], fails_at: int, manners: Manners | None = None) -> None:
        super().__init__(rows, manners)
        self._left = fails_at

    def answer(self, query: ListingQuery) -> PageAnswer:
        self._left -= query.pagination_token is not None
        if self._left == 0:
            self._left = -1
            raise BadRequestError("the token has expired", status_code=400)
        return super().answer(query)


def test_tokens_that_are_always_refused_are_an_error() -> None:
    service = Service(distinct(9), Manners(token_uses=0))
    query = ListingQuery(page_size=3, privacy="public")
    with pytest.raises(BadRequestError):
        Walk(chosen(query), service).run()


def test_ignored_bounds_and_then_a_refused_token_begin_the_walk_again() -> None:
    # The walk by date, by cursor, and from the start: each has its fault, and the last has none.
    rows = distinct(30)
    ignored = frozenset({"createdAfter", "createdBefore"})
    service = RefusesOnce(rows, 3, Manners(ignores=ignored))
    planner = chosen(by_creation(3, "asc"), limit=3)
    walk = Walk(planner, service, concurrency=3).run()
    assert walk.given == ids(rows)
    assert walk.fell_back


def test_ignored_bounds_that_took_longer_than_tokens_live_begin_the_walk_again() -> None:
    rows = distinct(30)
    ignored = frozenset({"createdAfter", "createdBefore"})
    service = Service(rows, Manners(ignores=ignored, token_life=2))
    planner = chosen(by_creation(3, "asc"), limit=4)
    (first,) = planner.requests(4, 0)
    planner.receive(first, service.answer(first.query))
    answers = [(one, service.answer(one.query)) for one in planner.requests(4, 0)]
    given_ = [model_id for answer in answers for model_id in late(planner, *answer)]
    walk = Walk(planner, service).run()
    assert {*ids(rows[:3]), *given_, *walk.given} == set(ids(rows))
    assert walk.fell_back


def late(planner: AdaptivePlanner, request: PageRequest, answer: PageAnswer) -> list[str | None]:
    return [model_id for page in planner.receive(request, answer) for model_id in page.answer.ids]


def test_a_page_under_way_for_the_planner_before_is_not_asked_for_again() -> None:
    rows = distinct(30)
    ignored = frozenset({"createdAfter", "createdBefore"})
    service = Service(rows, Manners(ignores=ignored, offset_tokens=True))
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
    given_ = late(planner, again, service.answer(again.query))
    for request in ahead:
        assert request not in planner.requests(3, 0)
        given_ += late(planner, request, service.answer(request.query))
    assert given_ == [row.id for row in rows[3:15]]


def test_a_refused_token_and_then_ignored_bounds_go_on_behind_the_first_page() -> None:
    rows = distinct(30)
    ignored = frozenset({"createdAfter", "createdBefore"})
    service = RefusesOnce(rows, 5, Manners(ignores=ignored))
    planner = chosen(by_creation(3, "asc"), strategy="cursor")
    walk = Walk(planner, service).run()
    assert walk.given == ids(rows)
    assert walk.fell_back


def test_an_error_that_is_no_refusal_fails_the_walk() -> None:
    service = Service(distinct(30))
    planner = chosen(by_creation(3), strategy="cursor")
    (first,) = planner.requests(1, 0)
    planner.receive(first, service.answer(first.query))
    (second,) = planner.requests(1, 0)
    with pytest.raises(APIConnectionError):
        planner.failed(second, APIConnectionError("gone"))


@given(
    size=sizes,
    limit=concurrencies,
    strategy=strategies,
    ordered=st.booleans(),
    empty=st.booleans(),
)
def test_a_listing_of_one_page_costs_one_request(
    *, size: int, limit: int, strategy: Strategy, ordered: bool, empty: bool
) -> None:
    rows = [] if empty else distinct(size)
    for query in (by_creation(size), ListingQuery(page_size=size, privacy="public")):
        planner = chosen(query, strategy=strategy, limit=limit, ordered=ordered)
        walk = Walk(planner, Service(rows), concurrency=limit).run()
        assert len(walk.asked) == 1


@pytest.mark.parametrize("strategy", ["auto", "windows"])
def test_a_row_without_date_on_the_first_page_keeps_the_walk_to_the_cursor(
    strategy: Strategy,
) -> None:
    rows = distinct(30)
    rows[1] = Row(rows[1].id, rows[1].created, oddity="dateless")
    planner = chosen(by_creation(3, "asc"), strategy=strategy)
    walk = Walk(planner, Service(rows)).run()
    assert walk.given == ids(rows)
    assert all(request.query.created_after is None for request in walk.asked)
    assert not walk.fell_back


@given(size=st.integers(2, 6), number=st.integers(1, 40), limit=st.integers(2, 6), script=scripts)
def test_a_burst_at_the_beginning_does_not_show_in_which_direction_the_listing_comes(
    size: int, number: int, limit: int, script: Script
) -> None:
    rows = [Row(f"m{index:03}", 0) for index in range(number)] + [
        Row(f"n{index:03}", 10_000 + 1000 * index) for index in range(20)
    ]
    service = Service(rows, Manners(ignores=frozenset({"sortDirection"})))
    planner = chosen(by_creation(size), limit=limit)
    # Oldest first, although the newest first was asked for.
    walk = Walk(planner, service, script, concurrency=limit).run()
    assert sorted(walk.given) == ids(rows)


def test_windows_begin_behind_a_burst_that_fills_the_first_pages() -> None:
    rows = [Row(f"m{index:03}", 0) for index in range(9)] + [
        Row(f"n{index:03}", 10_000 + 1000 * index) for index in range(20)
    ]
    walk = Walk(chosen(by_creation(3, "asc"), limit=3), Service(rows), concurrency=3).run()
    assert walk.given == ids(rows)
    assert not walk.asked[3].query.created_after
    assert all(request.query.created_after for request in walk.asked[5:])


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
    walk = Walk(planner, service, concurrency=limit).run()
    bounded = any(
        request.query.created_after or request.query.created_before for request in walk.asked
    )
    assert bounded == (strategy in {"windows", "auto"})
    assert sorted(walk.given) == ids(distinct(40))


@settings(max_examples=300)
@given(
    rows=catalogues(limit=80),
    size=sizes,
    limit=concurrencies,
    script=scripts,
    changes=st.integers(0, 20),
    sealed_from=st.none() | st.integers(0, 80),
)
def test_the_chosen_planner_gives_a_public_listing_without_repeating_a_model(
    *,
    rows: list[Row],
    size: int,
    limit: int,
    script: Script,
    changes: int,
    sealed_from: int | None,
) -> None:
    query = ListingQuery(page_size=size, privacy="public")
    service = Service(rows, Manners(sealed_from=sealed_from))
    walk = Walk(
        chosen(query, limit=limit), service, script, concurrency=limit, changes=changes
    ).run()
    assert len(walk.given) == len(set(walk.given))
    if not changes:
        assert walk.given == [row.id for row in service.listed(query)]


def test_an_answer_that_came_too_late_is_not_needed() -> None:
    service = Service(distinct(40), Manners(ignores=frozenset({"createdBefore", "createdAfter"})))
    planner = chosen(by_creation(4, "asc"), limit=3)
    (first,) = planner.requests(3, 0)
    planner.receive(first, service.answer(first.query))
    *_, one, other = planner.requests(3, 0)
    assert planner.receive(one, service.answer(one.query)) == ()
    assert planner.receive(other, service.answer(other.query)) == ()
    walk = Walk(planner, service, concurrency=3).run()
    assert walk.fell_back
    assert planner.failed(other, APIConnectionError("gone")) == ()
    assert len(walk.given) == 36
