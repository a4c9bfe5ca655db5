from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.catalogue_simulation import Manners, Row, Script, Service, Walk, chosen

from scenario_async import APIConnectionError, BadRequestError
from scenario_async._decoding.envelope import PageAnswer
from scenario_async._pagination.cursor_tracker import CursorTracker
from scenario_async._pagination.planner import PageRequest
from scenario_async._pagination.predicted import PredictedPlanner, predicted_token
from scenario_async._query.query import ListingQuery

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from scenario_async._query.query import Route

pytestmark = pytest.mark.once

sizes = st.integers(1, 12)
concurrencies = st.integers(1, 9)
scripts = st.binary(max_size=60).map(Script)
routes: st.SearchStrategy[Route] = st.sampled_from(["filter", "public"])


def by_score(number: int) -> list[Row]:
    return [Row(f"m{index:03}", 0, 100 - index % 7) for index in range(number)]


catalogues = st.integers(0, 60).map(by_score)
manners = {
    "largest_page": st.integers(1, 12),
    "sealed_from": st.none() | st.integers(0, 60),
    "reordered_from": st.none() | st.integers(0, 60),
    "always_token": st.booleans(),
}
# By row numbers, nothing but an answer from behind the end tells the end: it must not be refused.
services = st.tuples(routes, st.builds(Manners, **manners)) | st.tuples(
    st.just("filter"), st.builds(Manners, beyond_end=st.just("refused"), **manners)
)


def listing(size: int, route: Route = "filter") -> ListingQuery:
    return ListingQuery(route=route, privacy="public").with_rows_per_page(size)


def predicted(query: ListingQuery, limit: int) -> PredictedPlanner:
    return PredictedPlanner(PageRequest(query), CursorTracker(query), limit)


def one_after_the_other(service: Service, query: ListingQuery) -> Walk:
    return Walk(chosen(query, strategy="cursor"), service, concurrency=1).run()


def rows_of(walk: Walk) -> list[list[str | None]]:
    return [page.ids for page in walk.pages]


@settings(max_examples=400)
@given(
    rows=catalogues,
    size=sizes,
    limit=concurrencies,
    script=scripts,
    service=services,
    takes=st.sampled_from([0, 3, 30]),
    losses=st.integers(0, 3),
)
def test_predicted_cursors_give_the_pages_of_the_cursor_walk_on_a_listing_that_holds_still(
    *,
    rows: list[Row],
    size: int,
    limit: int,
    script: Script,
    service: tuple[Route, Manners],
    takes: int,
    losses: int,
) -> None:
    route, manners = service
    query = listing(size, route)
    expected = one_after_the_other(Service(rows, manners), query)
    walk = Walk(
        predicted(query, limit),
        Service(rows, manners),
        script,
        concurrency=limit,
        takes=takes,
        losses=losses,
    ).run()
    assert rows_of(walk) == rows_of(expected)
    assert walk.given == [row.id for row in Service(rows).listed(query)]
    assert [page.request.depth for page in walk.emitted] == list(range(len(walk.emitted)))


@settings(max_examples=400)
@given(
    rows=catalogues,
    size=sizes,
    limit=concurrencies,
    script=scripts,
    route=routes,
    changes=st.integers(0, 20),
    losses=st.integers(0, 3),
)
def test_on_a_changing_listing_nothing_is_given_that_was_given_before(
    *,
    rows: list[Row],
    size: int,
    limit: int,
    script: Script,
    route: Route,
    changes: int,
    losses: int,
) -> None:
    walk = Walk(
        predicted(listing(size, route), limit),
        Service(rows),
        script,
        concurrency=limit,
        changes=changes,
        losses=losses,
    ).run()
    assert len(walk.given) == len(set(walk.given))
    # Every change moves every later row by one: at each end of a page it can hide one row.
    made = changes - walk.changes
    missing = walk.survivors - set(walk.given)
    assert len(missing) <= made * len(walk.emitted)


@settings(max_examples=400)
@given(rows=catalogues, size=sizes, limit=concurrencies, script=scripts, changes=st.integers(0, 20))
def test_every_page_given_is_the_one_that_the_page_before_it_leads_to(
    *, rows: list[Row], size: int, limit: int, script: Script, changes: int
) -> None:
    planner = predicted(listing(size), limit)
    walk = Walk(planner, Service(rows), script, concurrency=limit, changes=changes).run()
    tokens = [page.answer.token for page in walk.emitted]
    asked_by = [page.request.query.pagination_token for page in walk.emitted]
    assert asked_by == [None, *tokens[:-1]]
    assert tokens[-1] is None


def bound(pages: int) -> int:
    """How many requests a first walk may make."""
    if pages <= 8:
        return pages + min(pages - 1, 1 if pages <= 3 else 2)
    return pages * 115 // 100


@settings(max_examples=400)
@given(
    pages=st.integers(1, 130),
    limit=concurrencies,
    script=scripts,
    service=st.tuples(routes, st.builds(Manners, always_token=st.booleans()))
    | st.tuples(st.just("filter"), st.builds(Manners, beyond_end=st.just("refused"))),
    takes=st.sampled_from([0, 3, 30]),
)
def test_a_first_walk_makes_few_requests_more_than_it_needs(
    *, pages: int, limit: int, script: Script, service: tuple[Route, Manners], takes: int
) -> None:
    route, manners = service
    planner = predicted(listing(1, route), limit)
    catalogue = Service(by_score(pages), manners)
    walk = Walk(planner, catalogue, script, concurrency=limit, takes=takes).run()
    assert len(walk.asked) <= bound(len(walk.emitted))


@given(
    limit=st.integers(1, 8), pages=st.integers(1, 100), turns=st.integers(1, 100), script=scripts
)
def test_tokens_that_turn_sealed_cost_one_line_of_requests(
    limit: int, pages: int, turns: int, script: Script
) -> None:
    service = Service(by_score(pages), Manners(sealed_from=turns))
    walk = Walk(predicted(listing(1), limit), service, script, concurrency=limit).run()
    assert len(walk.asked) <= bound(pages) + limit + 1


@settings(max_examples=200)
@given(pages=st.integers(1, 130), limit=concurrencies, script=scripts, route=routes)
def test_where_no_token_comes_the_end_costs_one_request_more(
    *, pages: int, limit: int, script: Script, route: Route
) -> None:
    service = Service(by_score(pages), Manners(public_tokens=False))
    query = listing(1, "public")
    walk = Walk(predicted(query, limit), service, script, concurrency=limit).run()
    assert walk.given == [row.id for row in service.listed(query)]
    assert len(walk.emitted) == pages + 1
    assert len(walk.asked) <= bound(pages + 1)


@settings(max_examples=200)
@given(
    rows=st.integers(1, 130),
    size=sizes,
    limit=concurrencies,
    script=scripts,
    route=routes,
    tokens=st.booleans(),
    always_token=st.booleans(),
)
def test_a_later_walk_makes_one_request_a_page(
    *,
    rows: int,
    size: int,
    limit: int,
    script: Script,
    route: Route,
    tokens: bool,
    always_token: bool,
) -> None:
    service = Service(by_score(rows), Manners(public_tokens=tokens, always_token=always_token))
    query = listing(size, route)
    first = predicted(query, limit)
    Walk(first, service, script, concurrency=limit).run()
    later = PredictedPlanner(PageRequest(query), CursorTracker(query), limit, rows=first.rows)
    walk = Walk(later, service, script, concurrency=limit).run()
    assert first.rows == later.rows == rows
    assert len(walk.asked) == len(walk.emitted)


@settings(max_examples=200)
@given(pages=st.integers(1, 130), limit=concurrencies, script=scripts, route=routes)
def test_scarce_requests_are_not_spent_on_pages_that_may_not_be_there(
    *, pages: int, limit: int, script: Script, route: Route
) -> None:
    query = listing(1, route)
    planner = PredictedPlanner(PageRequest(query), CursorTracker(query), limit, scarce=lambda: True)
    walk = Walk(planner, Service(by_score(pages)), script, concurrency=limit).run()
    assert len(walk.asked) == len(walk.emitted)


@pytest.mark.parametrize("pages", [101, 120, 300])
def test_a_walk_of_more_than_a_minutes_requests_makes_none_in_vain(pages: int) -> None:
    walk = Walk(predicted(listing(1), 8), Service(by_score(pages)), concurrency=8).run()
    assert len(walk.asked) == pages


@pytest.mark.parametrize("pages", [10, 20, 60])
def test_a_long_first_walk_takes_few_round_trips_more_than_it_must(pages: int) -> None:
    service = Service(by_score(pages))
    planner = predicted(listing(1), 8)
    rounds = 0
    while not planner.finished():
        rounds += 1
        for request in planner.requests(8, 0):
            planner.receive(request, service.answer(request.query))
    assert rounds <= 1.45 * (1 + -(-(pages - 1) // 8))


@settings(max_examples=300)
@given(
    rows=catalogues,
    size=sizes,
    limit=concurrencies,
    script=scripts,
    route=routes,
    hidden=st.sets(st.integers(0, 60)),
    tokens=st.booleans(),
)
def test_pages_that_are_not_full_are_gone_through_as_by_the_cursor_walk(
    *,
    rows: list[Row],
    size: int,
    limit: int,
    script: Script,
    route: Route,
    hidden: set[int],
    tokens: bool,
) -> None:
    some = [
        Row(row.id, row.created, row.score, "hidden" if index in hidden else None)
        for index, row in enumerate(rows)
    ]
    manners = Manners(public_tokens=tokens)
    query = listing(size, route)
    expected = one_after_the_other(Service(some, manners), query)
    walk = Walk(predicted(query, limit), Service(some, manners), script, concurrency=limit).run()
    assert rows_of(walk) == rows_of(expected)
    assert walk.given == expected.given
    # Without tokens an empty page in the middle is the end, whatever a page far ahead has shown.
    if tokens:
        assert len(walk.asked) <= bound(len(walk.emitted))


class LooksAtSome(Service):
    """Looks at so many rows for a page and gives those that match; cursors count all rows."""

    def __init__(self, matches: Sequence[bool], size: int, looks_at: int) -> None:
        super().__init__(by_score(len(matches)))
        self._matches, self._size, self._looks_at = matches, size, looks_at * size

    def answer(self, query: ListingQuery) -> PageAnswer:
        start = 0
        if query.pagination_token is not None:
            start = json.loads(b64decode(query.pagination_token))["offset"]
        rows: list[bytes] = []
        position = start
        while position < min(start + self._looks_at, len(self._matches)) and len(rows) < self._size:
            if self._matches[position]:
                rows.append(json.dumps({"id": f"m{position:03}"}).encode())
            position += 1
        following = token(f'{{"offset":{position},"limit":{self._size}}}')
        return PageAnswer(rows, following if position < len(self._matches) else None)


@settings(max_examples=300)
@given(
    runs=st.lists(
        st.tuples(st.integers(1, 80), st.sampled_from([0.0, 0.5, 0.95, 1.0])), max_size=5
    ),
    size=st.integers(1, 6),
    looks_at=st.sampled_from([1, 2, 4]),
    limit=concurrencies,
    script=scripts,
    seed=st.randoms(use_true_random=False),
)
def test_filters_under_which_cursors_skip_rows_cost_no_more(
    *,
    runs: list[tuple[int, float]],
    size: int,
    looks_at: int,
    limit: int,
    script: Script,
    seed: Random,
) -> None:
    matches = [seed.random() < share for number, share in runs for _ in range(number)]
    service = LooksAtSome(matches, size, looks_at)
    query = ListingQuery(privacy="public", page_size=size, tags="a")
    rows: int | None = None
    for _ in range(2):
        planner = PredictedPlanner(PageRequest(query), CursorTracker(query), limit, rows=rows)
        walk = Walk(planner, service, script, concurrency=limit).run()
        assert walk.given == [f"m{position:03}" for position, fits in enumerate(matches) if fits]
        assert len(walk.asked) <= bound(len(walk.emitted))
        rows = planner.rows


@settings(max_examples=300)
@given(
    rows=catalogues,
    size=sizes,
    limit=concurrencies,
    script=scripts,
    service=services,
    unlucky=st.integers(2, 5),
)
def test_a_page_that_was_only_predicted_may_fail(
    *,
    rows: list[Row],
    size: int,
    limit: int,
    script: Script,
    service: tuple[Route, Manners],
    unlucky: int,
) -> None:
    route, manners = service
    query = listing(size, route)

    def only_predicted(request: PageRequest) -> bool:
        following = walk.emitted[-1].following if walk.emitted else PageRequest(query)
        return request != following and script.sometimes(unlucky)

    planner = predicted(query, limit)
    walk = Walk(
        planner, Service(rows, manners), script, concurrency=limit, dispensable=only_predicted
    )
    try:
        walk.run()
    except APIConnectionError:
        # Its turn had come before it failed: then it is no prediction any more.
        assert planner._expected in walk.asked
    else:
        assert sorted(walk.given) == sorted(row.id for row in rows)


@settings(max_examples=300)
@given(
    rows=catalogues, size=sizes, limit=concurrencies, free_slots=st.integers(0, 9), script=scripts
)
def test_no_more_pages_are_asked_for_or_held_than_requests_may_be_under_way(
    *, rows: list[Row], size: int, limit: int, free_slots: int, script: Script
) -> None:
    planner = predicted(listing(size), limit)

    def watch(under_way: int, buffered: int) -> None:
        assert under_way <= limit
        held = [answer for answer in planner._unconfirmed.values() if answer.rows]
        assert under_way + len(held) <= limit + 2
        assert buffered <= 2 * limit + 2

    Walk(
        planner, Service(rows), script, concurrency=limit + free_slots, takes=20, watch=watch
    ).run()


@settings(max_examples=300)
@given(
    rows=catalogues,
    size=sizes,
    limit=concurrencies,
    script=scripts,
    hidden=st.sets(st.integers(0, 60)),
)
def test_what_was_predicted_wrong_is_not_kept(
    *, rows: list[Row], size: int, limit: int, script: Script, hidden: set[int]
) -> None:
    some = [
        Row(row.id, 0, row.score, "hidden" if index in hidden else None)
        for index, row in enumerate(rows)
    ]
    planner = predicted(listing(size, "public"), limit)

    def watch(under_way: int, buffered: int) -> None:
        held = [answer for answer in planner._unconfirmed.values() if answer.rows]
        assert len(held) <= limit + 1

    service = Service(some, Manners(public_tokens=False))
    Walk(planner, service, script, concurrency=limit, watch=watch).run()


def test_a_page_that_is_far_ahead_shows_that_all_before_it_are_there() -> None:
    service = Service(by_score(100))
    planner = predicted(listing(2), 9)
    widths: list[int] = []
    while not planner.finished() and len(widths) < 4:
        requests = planner.requests(9, 0)
        widths.append(len(requests))
        for request in requests:
            planner.receive(request, service.answer(request.query))
    assert widths == [1, 1, 2, 8]


def test_an_empty_page_that_came_early_is_not_asked_for_again() -> None:
    service = Service(by_score(9), Manners(always_token=True))
    walk = Walk(predicted(listing(1), 8), service, concurrency=8).run()
    # Page 10 is asked for before it is known, and shows the end.
    assert [len(page.ids) for page in walk.pages] == [1] * 9 + [0]
    assert len(walk.asked) == 10


def test_the_page_whose_turn_it_is_fails_the_walk() -> None:
    planner = predicted(listing(2), 4)
    (first,) = planner.requests(4, 0)
    error = BadRequestError("gone", status_code=400)
    with pytest.raises(BadRequestError) as caught:
        planner.failed(first, error)
    assert caught.value is error


def test_a_slow_caller_stops_the_requests() -> None:
    service = Service(by_score(100))
    planner = predicted(listing(2), 4)
    # Before anything came true it is a walk by cursor, which is one page ahead of its caller.
    assert planner.requests(4, 1) == ()
    # Two pages come before any that is only predicted, and two more show that there are many.
    for expected in (1, 1, 2):
        requests = planner.requests(4, 0)
        assert len(requests) == expected
        for request in requests:
            planner.receive(request, service.answer(request.query))
    assert planner.requests(4, 5) == ()
    assert len(planner.requests(4, 4)) == 4


def token(text: str) -> str:
    return b64encode(text.encode()).decode()


@given(offset=st.integers(0, 10**12), limit=st.integers(1, 500))
def test_the_token_after_an_offset_is_the_next_offset(offset: int, limit: int) -> None:
    before = token(f'{{"offset":{offset},"limit":{limit}}}')
    assert predicted_token(before) == token(f'{{"offset":{offset + limit},"limit":{limit}}}')


@pytest.mark.parametrize(
    "text",
    [
        '{"offset": 5, "limit": 5}',
        '{"offset":5}',
        '{"offset":5,"limit":5,"more":1}',
        '{"offset":5,"limit":0}',
        '{"offset":-5,"limit":5}',
        '{"offset":"5","limit":5}',
        '{"offset":true,"limit":5}',
        '{"offset":5.0,"limit":5}',
        '{"offset":5,"limit":5,"limit":5}',
        '{"offset":05,"limit":5}',
        "[5,5]",
        "5",
        "null",
        "",
        "[" * 100_000,
        f'{{"offset":{"9" * 5000},"limit":5}}',
    ],
)
def test_a_token_that_is_not_exactly_an_offset_is_not_predicted(text: str) -> None:
    assert predicted_token(token(text)) is None


@pytest.mark.parametrize("text", ["", "sealed", "!", "é", "e30", "eyJvZmZzZXQiOjUsImxpbWl0Ijo1fQ"])
def test_a_token_that_is_no_base64_is_not_predicted(text: str) -> None:
    assert predicted_token(text) is None


@given(st.text() | st.binary().map(lambda raw: b64encode(raw).decode()))
def test_no_token_is_too_strange_to_look_at(text: str) -> None:
    assert predicted_token(text) is None or json.loads(json.dumps(text)) == text


@given(offset=st.integers(0, 10**6), limit=st.integers(1, 500))
def test_the_order_of_the_members_is_that_of_the_token_before(offset: int, limit: int) -> None:
    before = token(f'{{"limit":{limit},"offset":{offset}}}')
    assert predicted_token(before) == token(f'{{"limit":{limit},"offset":{offset + limit}}}')
