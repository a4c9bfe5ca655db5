from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.catalogue_cases import SCRIPTS, even, in_rounds
from support.catalogue_simulation import Manners, Row, Run, Script, Service, chosen

from scenario_async import APIConnectionError, BadRequestError
from scenario_async._decoding.envelope import PageAnswer
from scenario_async._pagination.budget import slack
from scenario_async._pagination.cursor_tracker import CursorTracker
from scenario_async._pagination.planner import PageRequest
from scenario_async._pagination.predicted import PredictedPlanner, predicted_token
from scenario_async._query.query import ListingQuery

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from random import Random

    from scenario_async._query.query import Route

pytestmark = pytest.mark.once

ROUTES: tuple[Route, Route] = ("filter", "public")
routes = st.sampled_from(ROUTES)
limits = st.integers(1, 9)
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


def by_score(number: int, hidden: Collection[int] = ()) -> list[Row]:
    return [
        Row(f"m{index:03}", 0, 100 - index % 7, "hidden" if index in hidden else None)
        for index in range(number)
    ]


def listing(size: int, route: Route = "filter") -> ListingQuery:
    return ListingQuery(route=route, privacy="public").with_rows_per_page(size)


def predicted(query: ListingQuery, limit: int, **how: Any) -> PredictedPlanner:
    return PredictedPlanner(PageRequest(query), CursorTracker(query), limit, **how)


@dataclass
class Case:
    """A listing of so many rows, and how it is gone through."""

    number: int
    size: int
    limit: int
    script: Script
    route: Route = "filter"

    @property
    def query(self) -> ListingQuery:
        return listing(self.size, self.route)

    def start(
        self, manners: Manners | None = None, hidden: Collection[int] = (), **how: Any
    ) -> Run:
        how = {"concurrency": self.limit, **how}
        service = Service(by_score(self.number, hidden), manners)
        return Run(predicted(self.query, self.limit), service, self.script, **how)

    def by_cursor(self, manners: Manners | None = None, hidden: Collection[int] = ()) -> Run:
        planner = chosen(self.query, strategy="cursor")
        return Run(planner, Service(by_score(self.number, hidden), manners), concurrency=1).finish()


def cases(most: int = 60, size: int = 12, route: st.SearchStrategy[Route] = routes) -> Any:
    return st.builds(
        Case,
        number=st.integers(0 if size > 1 else 1, most),
        size=st.integers(1, size),
        limit=limits,
        script=SCRIPTS,
        route=route,
    )


def rows_of(run: Run) -> list[list[str | None]]:
    return [page.ids for page in run.pages]


@settings(max_examples=400)
@given(cases(), services, st.sampled_from([0, 3, 30]), st.integers(0, 3))
def test_predicted_cursors_lead_to_the_pages_of_the_cursors_on_a_listing_that_holds_still(
    case: Case, service: tuple[Route, Manners], takes: int, losses: int
) -> None:
    case.route, manners = service
    run = case.start(manners, takes=takes, losses=losses).finish()
    assert rows_of(run) == rows_of(case.by_cursor(manners))
    assert run.ids == [row.id for row in run.service.listed(case.query)]
    assert [page.request.depth for page in run.emitted] == list(range(len(run.emitted)))


@settings(max_examples=400)
@given(cases(), st.integers(0, 20), st.integers(0, 3))
def test_on_a_changing_listing_nothing_is_emitted_that_was_emitted_before(
    case: Case, changes: int, losses: int
) -> None:
    run = case.start(changes=changes, losses=losses).finish()
    assert len(run.ids) == len(set(run.ids))
    # Every change moves every later row by one: at each end of a page it can hide one row.
    made = changes - run.changes
    assert len(run.survivors - set(run.ids)) <= made * len(run.emitted)


@settings(max_examples=400)
@given(cases(route=st.just("filter")), st.integers(0, 20))
def test_every_page_is_the_one_that_the_page_before_it_leads_to(case: Case, changes: int) -> None:
    run = case.start(changes=changes).finish()
    tokens = [page.answer.token for page in run.emitted]
    asked_by = [page.request.query.pagination_token for page in run.emitted]
    assert asked_by == [None, *tokens[:-1]]
    assert tokens[-1] is None


def bound(pages: int) -> int:
    """How many requests a first run may make."""
    if pages <= 8:
        return pages + min(pages - 1, 1 if pages <= 3 else 2)
    return pages * 115 // 100


# A page for each row.
long_cases = cases(130, 1)


@settings(max_examples=400)
@given(
    case=long_cases,
    service=st.tuples(routes, st.builds(Manners, always_token=st.booleans()))
    | st.tuples(st.just("filter"), st.builds(Manners, beyond_end=st.just("refused"))),
    takes=st.sampled_from([0, 3, 30]),
)
def test_a_first_run_makes_few_requests_more_than_it_needs(
    case: Case, service: tuple[Route, Manners], takes: int
) -> None:
    case.route, manners = service
    run = case.start(manners, takes=takes).finish()
    assert len(run.asked) <= bound(len(run.emitted))


@given(cases(100, 1, st.just("filter")), st.integers(1, 100))
def test_tokens_that_turn_sealed_cost_one_request_for_each_at_once(case: Case, turns: int) -> None:
    run = case.start(Manners(sealed_from=turns)).finish()
    assert len(run.asked) <= bound(case.number) + case.limit + 1


@settings(max_examples=200)
@given(cases(130, 1, st.just("public")))
def test_where_no_token_comes_the_end_costs_one_request_more(case: Case) -> None:
    run = case.start(Manners(public_tokens=False)).finish()
    assert run.ids == [row.id for row in run.service.listed(case.query)]
    assert len(run.emitted) == case.number + 1
    assert len(run.asked) <= bound(case.number + 1)


@settings(max_examples=200)
@given(cases(130), st.builds(Manners, public_tokens=st.booleans(), always_token=st.booleans()))
def test_a_later_run_makes_one_request_a_page(case: Case, manners: Manners) -> None:
    case.number += 1
    service = Service(by_score(case.number), manners)
    first = predicted(case.query, case.limit)
    Run(first, service, case.script, concurrency=case.limit).finish()
    later = predicted(case.query, case.limit, rows=first.rows)
    run = Run(later, service, case.script, concurrency=case.limit).finish()
    assert first.rows == later.rows == case.number
    assert len(run.asked) == len(run.emitted)


@settings(max_examples=200)
@given(long_cases)
def test_scarce_requests_are_not_spent_on_pages_that_may_not_be_there(case: Case) -> None:
    planner = predicted(case.query, case.limit, scarce=lambda: True)
    service = Service(by_score(case.number))
    run = Run(planner, service, case.script, concurrency=case.limit).finish()
    assert len(run.asked) == len(run.emitted)


@pytest.mark.parametrize(
    ("pages", "limit", "most_requests", "most_waits"),
    [
        (2, 3, 2, 2),
        (5, 3, 6, 5),
        (10, 3, 10, 5),
        (13, 3, 14, 8),
        (20, 3, 20, 9),
        (33, 3, 36, 16),
        (60, 3, 62, 38),
        (120, 3, 120, 99),
        (2, 8, 2, 2),
        (5, 8, 6, 5),
        (10, 8, 10, 4),
        (13, 8, 14, 6),
        (20, 8, 20, 5),
        (33, 8, 36, 7),
        (60, 8, 62, 11),
        (120, 8, 120, 39),
    ],
)
def test_a_first_run_costs_no_more_requests_and_waits_than_these(
    pages: int, limit: int, most_requests: int, most_waits: int
) -> None:
    """The figures as they are: who makes a run cheaper writes the new ones."""
    rows = even(20 * pages - 19)
    requests, waits, _ = in_rounds(rows, listing(20), ordered=True, limit=limit)
    assert requests <= most_requests
    assert waits <= most_waits


@pytest.mark.parametrize("pages", [101, 120, 300])
def test_a_run_of_more_than_a_minutes_requests_makes_none_in_vain(pages: int) -> None:
    run = Run(predicted(listing(1), 8), Service(by_score(pages)), concurrency=8).finish()
    assert len(run.asked) == pages


@pytest.mark.parametrize("pages", [10, 20, 60])
def test_a_long_first_run_takes_few_round_trips_more_than_it_must(pages: int) -> None:
    service = Service(by_score(pages))
    planner = predicted(listing(1), 8)
    rounds = 0
    while not planner.finished():
        rounds += 1
        for request in planner.requests(8, 0):
            planner.receive(request, service.answer(request.query))
    assert rounds <= 1.45 * (1 + -(-(pages - 1) // 8))


@settings(max_examples=300)
@given(cases(), st.sets(st.integers(0, 60)), st.builds(Manners, public_tokens=st.booleans()))
def test_pages_that_are_not_full_are_gone_through_as_by_the_cursors(
    case: Case, hidden: set[int], manners: Manners
) -> None:
    expected = case.by_cursor(manners, hidden)
    run = case.start(manners, hidden).finish()
    assert rows_of(run) == rows_of(expected)
    assert run.ids == expected.ids
    # Without tokens an empty page in the middle is the end, whatever a page far ahead has shown.
    if manners.public_tokens:
        assert len(run.asked) <= bound(len(run.emitted))


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
    limit=limits,
    script=SCRIPTS,
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
        planner = predicted(query, limit, rows=rows)
        run = Run(planner, service, script, concurrency=limit).finish()
        assert run.ids == [f"m{position:03}" for position, fits in enumerate(matches) if fits]
        assert len(run.asked) <= bound(len(run.emitted))
        rows = planner.rows


@pytest.mark.parametrize("begins_at", [0, 40])
@pytest.mark.parametrize("scarce", [True, False])
def test_under_filters_as_many_pages_are_asked_for_ahead_as_may_be_in_vain(
    *, begins_at: int, scarce: bool
) -> None:
    service = Service(by_score(80))
    query = ListingQuery(privacy="public", page_size=1, tags="a")
    first = PageRequest(query, begins_at)
    tracker = CursorTracker(query, begins_at=begins_at)
    planner = PredictedPlanner(first, tracker, 12, scarce=lambda: scarce)
    received = 0
    while not planner.finished():
        # Two pages come before any that is only predicted; from the 64th on, requests are rare.
        ahead = slack(received + 1) if 1 < received < 64 and not scarce else 0
        requests = planner.requests(12, 0)
        assert len(requests) == 1 + ahead
        for request in requests:
            received += len(planner.receive(request, service.answer(request.query)))
    assert received == 80


@settings(max_examples=300)
@given(cases(), services, st.integers(2, 5))
def test_a_page_that_was_only_predicted_may_fail(
    case: Case, service: tuple[Route, Manners], unlucky: int
) -> None:
    case.route, manners = service

    def only_predicted(request: PageRequest) -> bool:
        following = run.emitted[-1].following if run.emitted else PageRequest(case.query)
        return request != following and case.script.sometimes(unlucky)

    run = case.start(manners, dispensable=only_predicted)
    try:
        run.finish()
    except APIConnectionError:
        # It had become the next one before it failed: then it is no prediction any more.
        assert unconfirmed(run)._expected in run.asked
    else:
        assert sorted(run.ids) == [row.id for row in by_score(case.number)]


def unconfirmed(run: Run) -> PredictedPlanner:
    assert isinstance(run.planner, PredictedPlanner)
    return run.planner


def held(run: Run) -> int:
    return sum(bool(answer.rows) for answer in unconfirmed(run)._unconfirmed.values())


@settings(max_examples=300)
@given(cases(route=st.just("filter")), st.integers(0, 9))
def test_no_more_pages_are_asked_for_or_held_than_requests_may_be_under_way(
    case: Case, free_slots: int
) -> None:
    def watch(under_way: int, buffered: int) -> None:
        assert under_way <= case.limit
        assert under_way + held(run) <= case.limit + 2
        assert buffered <= 2 * case.limit + 2

    run = case.start(concurrency=case.limit + free_slots, takes=20, watch=watch)
    run.finish()


@settings(max_examples=300)
@given(cases(route=st.just("public")), st.sets(st.integers(0, 60)))
def test_what_was_predicted_wrong_is_not_kept(case: Case, hidden: set[int]) -> None:
    def watch(_under_way: int, _buffered: int) -> None:
        assert held(run) <= case.limit + 1

    run = case.start(Manners(public_tokens=False), hidden, watch=watch)
    run.finish()


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
    run = Run(predicted(listing(1), 8), service, concurrency=8).finish()
    # Page 10 is asked for before it is known, and shows the end.
    assert [len(page.ids) for page in run.pages] == [1] * 9 + [0]
    assert len(run.asked) == 10


def test_the_page_whose_turn_it_is_fails_the_run() -> None:
    planner = predicted(listing(2), 4)
    (first,) = planner.requests(4, 0)
    error = BadRequestError("gone", status_code=400)
    with pytest.raises(BadRequestError) as caught:
        planner.failed(first, error)
    assert caught.value is error


def test_a_slow_caller_stops_the_requests() -> None:
    service = Service(by_score(100))
    planner = predicted(listing(2), 4)
    # Before anything came true it is a run by cursor, which is one page ahead of its caller.
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


@pytest.mark.parametrize("form", ['{{"offset":{},"limit":{}}}', '{{"limit":{1},"offset":{0}}}'])
@given(offset=st.integers(0, 10**12), limit=st.integers(1, 500))
def test_the_token_after_an_offset_is_the_next_offset(form: str, offset: int, limit: int) -> None:
    before = token(form.format(offset, limit))
    assert predicted_token(before) == token(form.format(offset + limit, limit))


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


@pytest.mark.parametrize(
    "text", ["", "sealed", "!", "é", "/w==", "e30", "eyJvZmZzZXQiOjUsImxpbWl0Ijo1fQ"]
)
def test_a_token_that_is_no_base64_is_not_predicted(text: str) -> None:
    assert predicted_token(text) is None
