from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scenario_async import APIConnectionError, PaginationError
from scenario_async._decoding.envelope import PageAnswer
from scenario_async._pagination.cursor import CursorPlanner
from scenario_async._pagination.cursor_tracker import CursorTracker
from scenario_async._pagination.planner import PageRequest
from scenario_async._query.public_route import PublicRoute
from scenario_async._query.query import ListingQuery

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from scenario_async._pagination.planner import PagePlanner

QUERY = ListingQuery()
public_servers = st.fixed_dictionaries({"tokens": st.booleans(), "respects_offset": st.booleans()})
tokens = st.lists(st.text(min_size=1, max_size=6), max_size=12, unique=True)


def answer(ids: Sequence[str], token: str | None) -> PageAnswer:
    return PageAnswer([b'{"id":"%b"}' % model_id.encode() for model_id in ids], token)


class TokenServer:
    """Hands out its pages by token; each page knows the token of the next."""

    def __init__(self, pages: Sequence[PageAnswer], first: str | None = None) -> None:
        self.asked: list[str | None] = []
        self._pages: dict[str | None, PageAnswer] = {}
        key = first
        for page in pages:
            self._pages.setdefault(key, page)
            key = page.token

    def get(self, request: PageRequest) -> PageAnswer:
        self.asked.append(request.query.pagination_token)
        return self._pages[request.query.pagination_token]


class PublicServer:
    """``/models/public``: what it does with an offset, and whether it has tokens, is not known."""

    def __init__(
        self,
        rows: int,
        *,
        respects_offset: bool = True,
        tokens: bool = False,
        hidden: Collection[int] = (),
    ) -> None:
        self.asked: list[int] = []
        self.visible = [f"model_{number}" for number in range(rows)]
        self._rows: list[str | None] = [*self.visible]
        # Rows that a filter takes out of a page after the page was cut.
        for position in sorted(hidden):
            self._rows.insert(position, None)
        self._respects_offset = respects_offset
        self._tokens = tokens

    def get(self, request: PageRequest) -> PageAnswer:
        query = request.query
        assert query.rows_per_page is not None
        assert len(self.asked) < 300, "the run does not end"
        start = query.offset or 0 if self._respects_offset else 0
        if query.pagination_token is not None:
            assert query.offset is None
            start = int(query.pagination_token)
        self.asked.append(start)
        end = start + query.rows_per_page
        more = self._tokens and end < len(self._rows)
        return answer([row for row in self._rows[start:end] if row], str(end) if more else None)


def run(
    planner: PagePlanner, server: TokenServer | PublicServer, free_slots: int = 4
) -> tuple[list[PageAnswer], PaginationError | None]:
    """Drive a planner as a fetcher does, one request at a time."""
    emitted: list[PageAnswer] = []
    try:
        while not planner.finished():
            requests = planner.requests(free_slots, 0)
            assert requests
            for request in requests:
                emitted += [page.answer for page in planner.receive(request, server.get(request))]
    except PaginationError as error:
        return emitted, error
    return emitted, None


def by_cursor(query: ListingQuery = QUERY) -> CursorPlanner:
    return CursorPlanner(PageRequest(query), CursorTracker(query))


@st.composite
def chains(draw: st.DrawFn, first: str | None = None) -> list[PageAnswer]:
    """The pages of a whole listing, each with what it hands out; some are empty."""
    links: list[str | None] = [token for token in draw(tokens) if token != first]
    sizes = st.integers(0, 3)
    return [
        answer([f"model_{number}_{row}" for row in range(draw(sizes))], token)
        for number, token in enumerate([*links, None])
    ]


@given(chains(), st.integers(1, 5))
def test_a_run_visits_every_page_of_the_chain_once_and_in_order(
    pages: list[PageAnswer], free_slots: int
) -> None:
    server = TokenServer(pages)
    assert run(by_cursor(), server, free_slots) == (pages, None)
    assert server.asked == [None, *(page.token for page in pages[:-1])]


@given(chains(first="begin"))
def test_a_run_may_begin_at_a_token(pages: list[PageAnswer]) -> None:
    server = TokenServer(pages, first="begin")
    assert run(by_cursor(ListingQuery(pagination_token="begin")), server) == (pages, None)


@given(chains(first="begin"), st.data())
def test_a_repeated_token_is_an_error_after_all_pages_before_it(
    pages: list[PageAnswer], data: st.DataObject
) -> None:
    broken = data.draw(st.integers(0, len(pages) - 1))
    repeated = data.draw(st.sampled_from(["begin", *(page.token for page in pages[:broken])]))
    pages[broken] = PageAnswer(pages[broken].rows, repeated)
    server = TokenServer(pages, first="begin")
    emitted, error = run(by_cursor(ListingQuery(pagination_token="begin")), server)
    assert emitted == pages[: broken + 1]
    assert isinstance(error, PaginationError)
    assert "token" in str(error)


def test_the_error_of_a_repeated_token_tells_the_pages_and_not_the_token() -> None:
    pages = [answer("a", "a-token"), answer("b", "2"), answer("c", "a-token")]
    _, error = run(by_cursor(), TokenServer(pages))
    assert "with page 3 as with page 1" in str(error)
    assert "a-token" not in str(error)
    query = ListingQuery(pagination_token="a-token")
    _, error = run(by_cursor(query), TokenServer(pages, "a-token"))
    assert "with page 1 as the listing began with" in str(error)


def test_a_broken_run_stays_broken_and_asks_for_nothing_more() -> None:
    planner = by_cursor()
    run(planner, TokenServer([answer("a", "1"), answer("b", "1")]))
    assert planner.requests(4, 0) == ()
    with pytest.raises(PaginationError) as first:
        planner.finished()
    with pytest.raises(PaginationError) as second:
        planner.finished()
    assert first.value is second.value


def test_the_page_after_a_token_is_asked_for_with_nothing_else_changed() -> None:
    query = ListingQuery(privacy="public", page_size=5, tags="a")
    request = CursorTracker(query).following(PageRequest(query, 7), answer("a", "t"))
    assert request == PageRequest(
        ListingQuery(privacy="public", page_size=5, tags="a", pagination_token="t"), 8
    )


@given(st.lists(st.integers(-1, 3), max_size=8))
def test_no_request_is_handed_out_twice_whatever_the_slots(slots: list[int]) -> None:
    pages = [answer("a", "1"), answer("b", None)]
    planner = by_cursor()
    for page in pages:
        handed = [request for free_slots in slots for request in planner.requests(free_slots, 0)]
        assert len(handed) <= 1
        assert bool(handed) == any(free_slots > 0 for free_slots in slots)
        handed += planner.requests(1, 0)
        assert len(handed) == 1
        assert not planner.finished()
        planner.receive(handed[0], page)
    assert planner.requests(5, 0) == ()
    assert planner.finished()


def test_a_page_that_could_not_be_fetched_fails_the_run_with_its_own_error() -> None:
    planner = by_cursor()
    (request,) = planner.requests(1, 0)
    error = APIConnectionError("gone")
    with pytest.raises(APIConnectionError) as caught:
        planner.failed(request, error)
    assert caught.value is error
    assert not planner.finished()


def assert_same_again(
    query: ListingQuery, get: Callable[[PageRequest], PageAnswer], data: st.DataObject
) -> None:
    """Go through a listing, and ask on the way what followed any page before."""
    tracker = CursorTracker(query)
    request: PageRequest | PaginationError | None = PageRequest(query)
    answered: list[tuple[PageRequest, PageAnswer, object]] = []
    while isinstance(request, PageRequest):
        page = get(request)
        following = tracker.following(request, page)
        answered.append((request, page, following))
        request = following
        again, its_page, its_following = data.draw(st.sampled_from(answered))
        assert tracker.following(again, its_page) == its_following
    assert request is None


@given(chains(), st.data())
def test_what_follows_a_page_is_the_same_however_often_it_is_asked(
    pages: list[PageAnswer], data: st.DataObject
) -> None:
    assert_same_again(ListingQuery(), TokenServer(pages).get, data)


@given(rows=st.integers(0, 30), limit=st.integers(1, 12), server=public_servers, data=st.data())
def test_what_follows_an_offset_is_the_same_however_often_it_is_asked(
    rows: int, limit: int, server: dict[str, Any], data: st.DataObject
) -> None:
    assert_same_again(public(limit), PublicServer(rows, **server).get, data)


def test_a_broken_chain_is_broken_however_often_it_is_asked() -> None:
    query = ListingQuery()
    pages = CursorTracker(query)
    first, second = PageRequest(query), PageRequest(query.after("1"), 1)
    assert pages.following(first, answer("a", "1")) == second
    for _ in range(3):
        assert isinstance(pages.following(second, answer("b", "1")), PaginationError)
        assert pages.following(first, answer("a", "1")) == second


def public(limit: int, offset: int | None = None) -> ListingQuery:
    return ListingQuery(route="public", limit=limit, offset=offset)


some_pages = st.lists(
    st.builds(answer, st.text("ab", min_size=1, max_size=2), st.sampled_from([None, "s", "t"])),
    min_size=1,
    max_size=6,
)


@given(some_pages, some_pages, st.sampled_from([QUERY, public(2, 0)]), st.data())
def test_a_run_that_goes_back_goes_on_as_one_that_was_never_further(
    pages: list[PageAnswer], others: list[PageAnswer], query: ListingQuery, data: st.DataObject
) -> None:
    def go_on(tracker: CursorTracker, request: object, pages: list[PageAnswer]) -> list[object]:
        told: list[object] = []
        for page in pages:
            if isinstance(request, PageRequest):
                request = tracker.following(request, page)
                told.append(str(request) if isinstance(request, PaginationError) else request)
        return told

    depth = data.draw(st.integers(0, len(pages) - 1))
    near, far = (CursorTracker(query, PublicRoute(tokens=False, offsets=True)) for _ in range(2))
    *_, reached = go_on(near, PageRequest(query), pages[: depth + 1])
    go_on(far, PageRequest(query), pages)
    assert go_on(far.back_to(depth), reached, others) == go_on(near, reached, others)


@pytest.mark.parametrize(
    ("known", "pages"),
    [
        ({}, ("ab", "cd", "cd", "ef")),
        ({}, ("ab", "b", "cd")),
        ({"offsets": True}, ("ab", "ab", "cd")),
    ],
)
def test_one_page_without_a_new_row_is_no_end_of_a_run_by_row_numbers(
    known: dict[str, bool], pages: tuple[str, ...]
) -> None:
    tracker = CursorTracker(public(2, 0), PublicRoute(**known))
    request: PageRequest | PaginationError | None = PageRequest(public(2, 0))
    for page in pages:
        assert isinstance(request, PageRequest)
        request = tracker.following(request, answer(page, None))
    assert request == PageRequest(public(2, sum(map(len, pages))), len(pages))


def test_where_tokens_are_without_effect_a_run_goes_on_by_row_numbers_if_it_may() -> None:
    page, query = answer("ab", "t"), ListingQuery(route="public", page_size=2)
    first, second = PageRequest(query), PageRequest(query.after("t"), 1)
    for offsets in (None, True):
        route = PublicRoute(offsets=offsets)
        tracker = CursorTracker(query, route)
        assert tracker.following(first, page) == second
        assert route == PublicRoute(tokens=True, offsets=offsets)
        third = PageRequest(public(2, 2), 2)
        assert tracker.following(second, page) == third
        assert route == PublicRoute(tokens=False, offsets=offsets)
        # Row numbers are without effect as well, and no other way is left.
        assert isinstance(tracker.following(third, page), PaginationError)
    tracker = CursorTracker(query, PublicRoute(offsets=False))
    assert tracker.following(first, page) == second
    assert isinstance(tracker.following(second, page), PaginationError)


def test_two_pages_without_a_new_row_are_an_end_that_tells_nothing_of_the_route() -> None:
    route = PublicRoute()
    tracker = CursorTracker(public(2, 0), route)
    request: PageRequest | PaginationError | None = PageRequest(public(2, 0))
    for page in ("ab", "b", "ab"):
        assert isinstance(request, PageRequest)
        request = tracker.following(request, answer(page, None))
    assert request is None
    assert route == PublicRoute()


def test_behind_two_pages_without_a_new_row_a_token_is_tried() -> None:
    tracker = CursorTracker(public(2, 0), PublicRoute(tokens=False, offsets=True))
    request: PageRequest | PaginationError | None = PageRequest(public(2, 0))
    for token in ("t", "u", "v"):
        assert isinstance(request, PageRequest)
        request = tracker.following(request, answer("ab", token))
    assert isinstance(request, PageRequest)
    assert request.query.pagination_token == "v"


def test_a_run_that_begins_again_learns_of_the_route_for_all() -> None:
    route = PublicRoute()
    tracker = CursorTracker(public(2), route).anew(public(2), 3)
    first, page = PageRequest(public(2), 3), answer("ab", None)
    second = tracker.following(first, page)
    assert isinstance(second, PageRequest)
    # The same page again: row numbers are without effect.
    assert tracker.following(second, page) is None
    assert route == PublicRoute(tokens=True, offsets=False)
    # What followed a page stays, whatever is known by now.
    assert tracker.back_to(3).following(first, page) == second


def ids_of(pages: Sequence[PageAnswer]) -> list[str | None]:
    return [model_id for page in pages for model_id in page.ids]


@given(
    rows=st.integers(0, 40),
    limit=st.integers(1, 12),
    begin=st.integers(0, 15) | st.none(),
    tokens=st.booleans(),
)
def test_the_public_route_is_followed_by_offset_to_its_end_with_tokens_and_without(
    rows: int, limit: int, begin: int | None, tokens: bool
) -> None:
    server = PublicServer(rows, tokens=tokens)
    emitted, error = run(by_cursor(public(limit, begin)), server)
    assert error is None
    assert ids_of(emitted) == server.visible[begin or 0 :]
    assert server.asked == sorted(set(server.asked))


@pytest.mark.parametrize(
    ("rows", "asked"),
    [
        (0, [0]),
        (9, [0, 9]),
        (10, [0, 10]),
        (11, [0, 10, 11]),
        (20, [0, 10, 20]),
        (21, [0, 10, 20, 21]),
    ],
)
def test_where_no_token_tells_the_end_it_is_an_empty_page(rows: int, asked: list[int]) -> None:
    server = PublicServer(rows)
    run(by_cursor(public(10)), server)
    assert server.asked == asked


@given(rows=st.integers(1, 30), limit=st.integers(1, 12), tokens=st.booleans())
def test_a_server_that_ignores_the_offset_is_followed_by_its_tokens_and_not_for_ever(
    *, rows: int, limit: int, tokens: bool
) -> None:
    server = PublicServer(rows, respects_offset=False, tokens=tokens)
    emitted, error = run(by_cursor(public(limit)), server)
    assert error is None
    assert list(dict.fromkeys(ids_of(emitted))) == server.visible[: rows if tokens else limit]
    assert tokens or len(server.asked) <= 3


@given(rows=st.integers(0, 30), limit=st.integers(1, 12), hidden=st.sets(st.integers(0, 30)))
@example(rows=4, limit=2, hidden={2, 3})
@example(rows=4, limit=2, hidden={0, 1})
def test_pages_that_are_not_full_are_no_end_where_a_token_says_so(
    rows: int, limit: int, hidden: set[int]
) -> None:
    server = PublicServer(rows, tokens=True, hidden=hidden)
    emitted, error = run(by_cursor(public(limit)), server)
    assert error is None
    assert list(dict.fromkeys(ids_of(emitted))) == server.visible


@given(rows=st.integers(0, 30), limit=st.integers(1, 12))
def test_the_public_route_from_a_token_on_is_followed_by_tokens(rows: int, limit: int) -> None:
    server = PublicServer(rows, respects_offset=False, tokens=True)
    first = public(limit).after("0")
    emitted, error = run(by_cursor(first), server)
    assert error is None
    assert ids_of(emitted) == server.visible


def test_a_token_on_the_public_route_that_repeats_is_an_error() -> None:
    pages = [answer("ab", "1"), answer("cd", "1")]
    _, error = run(by_cursor(public(2).after("0")), TokenServer(pages, "0"))
    assert isinstance(error, PaginationError)


def test_the_filter_route_is_never_followed_by_offset() -> None:
    query = ListingQuery(privacy="public", page_size=2)
    assert CursorTracker(query).following(PageRequest(query), answer("ab", None)) is None


def follow(answers: Sequence[PageAnswer], limit: int | None) -> int:
    """Go through the public route with these answers, the last one again and again.

    Returns:
        How many pages were asked for, until the end or an error.
    """
    planner = by_cursor(ListingQuery(route="public", limit=limit))
    for number in range(100):
        try:
            if planner.finished():
                return number
        except PaginationError:
            return number
        (request,) = planner.requests(1, 0)
        planner.receive(request, answers[min(number, len(answers) - 1)])
    pytest.fail("the run does not end")


@pytest.mark.parametrize(
    ("answers", "limit", "at_most"),
    [
        # A server that ignores the offset, and whose first page is empty by a filter.
        ([answer((), "t")], 5, 3),
        # One that ignores the offset, while a new row comes in after the first page.
        ([answer("bc", None), answer("ab", None)], 2, 4),
        # One that takes an offset beyond the end for the last page, which has a token.
        ([answer("ab", "a"), answer("cd", "b")], 2, 5),
    ],
)
def test_pages_that_repeat_do_not_hold_a_public_listing_for_ever(
    answers: list[PageAnswer], limit: int, at_most: int
) -> None:
    assert follow(answers, limit) <= at_most


def test_a_public_page_of_the_size_that_the_server_chose_is_not_the_end() -> None:
    # As after ``await listing`` without a size: 100 rows came, and there may be more.
    full = answer([f"model_{number}" for number in range(100)], None)
    assert follow([full, answer((), None)], None) == 2


def test_rows_without_a_readable_id_are_not_taken_for_rows_that_came_before() -> None:
    unreadable = PageAnswer([b"{}", b"{}"], None)
    pages = [unreadable, unreadable, unreadable, answer("ab", None), answer((), None)]
    assert follow(pages, 2) == 5
