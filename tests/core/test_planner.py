from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scenario_async import APIConnectionError, PaginationError
from scenario_async._decoding.envelope import PageAnswer
from scenario_async._pagination.cursor import CursorPlanner
from scenario_async._pagination.cursor_tracker import CursorTracker
from scenario_async._pagination.planner import PageRequest
from scenario_async._query.query import ListingQuery

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from scenario_async._pagination.planner import PagePlanner

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
        assert len(self.asked) < 300, "the walk does not end"
        start = query.offset or 0 if self._respects_offset else 0
        if query.pagination_token is not None:
            assert query.offset is None
            start = int(query.pagination_token)
        self.asked.append(start)
        end = start + query.rows_per_page
        more = self._tokens and end < len(self._rows)
        return answer([row for row in self._rows[start:end] if row], str(end) if more else None)


def walk(
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


def cursor_walk(query: ListingQuery) -> CursorPlanner:
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
def test_a_walk_visits_every_page_of_the_chain_once_and_in_order(
    tracker: list[PageAnswer], free_slots: int
) -> None:
    server = TokenServer(tracker)
    assert walk(cursor_walk(ListingQuery()), server, free_slots) == (tracker, None)
    assert server.asked == [None, *(page.token for page in tracker[:-1])]


@given(chains(first="begin"))
def test_a_walk_may_begin_at_a_token(tracker: list[PageAnswer]) -> None:
    server = TokenServer(tracker, first="begin")
    assert walk(cursor_walk(ListingQuery(pagination_token="begin")), server) == (tracker, None)


@given(chains(first="begin"), st.data())
def test_a_repeated_token_is_an_error_after_all_pages_before_it(
    tracker: list[PageAnswer], data: st.DataObject
) -> None:
    broken = data.draw(st.integers(0, len(tracker) - 1))
    repeated = data.draw(st.sampled_from(["begin", *(page.token for page in tracker[:broken])]))
    tracker[broken] = PageAnswer(tracker[broken].rows, repeated)
    server = TokenServer(tracker, first="begin")
    emitted, error = walk(cursor_walk(ListingQuery(pagination_token="begin")), server)
    assert emitted == tracker[: broken + 1]
    assert isinstance(error, PaginationError)
    assert "token" in str(error)


def test_the_error_of_a_repeated_token_tells_the_pages() -> None:
    tracker = [answer("a", "1"), answer("b", "2"), answer("c", "1")]
    _, error = walk(cursor_walk(ListingQuery()), TokenServer(tracker))
    assert "with page 3 as with page 1" in str(error)
    _, error = walk(cursor_walk(ListingQuery(pagination_token="1")), TokenServer(tracker, "1"))
    assert "with page 1 as the listing began with" in str(error)


def test_the_error_of_a_repeated_token_does_not_show_it() -> None:
    tracker = [answer("a", "a-token"), answer("b", "a-token")]
    _, error = walk(cursor_walk(ListingQuery()), TokenServer(tracker))
    assert "a-token" not in str(error)


def test_a_broken_walk_stays_broken_and_asks_for_nothing_more() -> None:
    planner = cursor_walk(ListingQuery())
    walk(planner, TokenServer([answer("a", "1"), answer("b", "1")]))
    assert planner.requests(4, 0) == ()
    with pytest.raises(PaginationError) as first:
        planner.finished()
    with pytest.raises(PaginationError) as second:
        planner.finished()
    assert first.value is second.value


def test_empty_pages_with_a_token_are_followed() -> None:
    tracker = [answer((), str(number)) for number in range(20)]
    tracker.append(answer("a", None))
    emitted, _ = walk(cursor_walk(ListingQuery()), TokenServer(tracker))
    assert len(emitted) == 21


def test_the_page_after_a_token_is_asked_for_with_nothing_else_changed() -> None:
    query = ListingQuery(privacy="public", page_size=5, tags="a")
    request = CursorTracker(query).following(PageRequest(query, 7), answer("a", "t"))
    assert request == PageRequest(
        ListingQuery(privacy="public", page_size=5, tags="a", pagination_token="t"), 8
    )


@given(st.lists(st.integers(-1, 3), max_size=8))
def test_no_request_is_handed_out_twice_whatever_the_room(rooms: list[int]) -> None:
    tracker = [answer("a", "1"), answer("b", None)]
    planner = cursor_walk(ListingQuery())
    for page in tracker:
        handed = [request for free_slots in rooms for request in planner.requests(free_slots, 0)]
        assert len(handed) <= 1
        assert bool(handed) == any(free_slots > 0 for free_slots in rooms)
        handed += planner.requests(1, 0)
        assert len(handed) == 1
        assert not planner.finished()
        planner.receive(handed[0], page)
    assert planner.requests(5, 0) == ()
    assert planner.finished()


def test_without_room_there_is_no_request() -> None:
    planner = cursor_walk(ListingQuery())
    assert planner.requests(0, 0) == ()
    assert planner.requests(-1, 0) == ()
    assert len(planner.requests(1, 0)) == 1


def test_a_page_that_could_not_be_fetched_fails_the_walk_with_its_own_error() -> None:
    planner = cursor_walk(ListingQuery())
    (request,) = planner.requests(1, 0)
    error = APIConnectionError("gone")
    with pytest.raises(APIConnectionError) as caught:
        planner.failed(request, error)
    assert caught.value is error
    assert not planner.finished()


@given(chains(), st.data())
def test_what_follows_a_page_is_the_same_however_often_it_is_asked(
    tracker: list[PageAnswer], data: st.DataObject
) -> None:
    query = ListingQuery()
    pages = CursorTracker(query)
    request: PageRequest | PaginationError | None = PageRequest(query)
    answered: list[tuple[PageRequest, PageAnswer, object]] = []
    for page in tracker:
        assert isinstance(request, PageRequest)
        following = pages.following(request, page)
        answered.append((request, page, following))
        request = following
        again, its_page, its_following = data.draw(st.sampled_from(answered))
        assert pages.following(again, its_page) == its_following
    assert request is None


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
    emitted, error = walk(cursor_walk(public(limit, begin)), server)
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
    walk(cursor_walk(public(10)), server)
    assert server.asked == asked


@given(rows=st.integers(1, 30), limit=st.integers(1, 12))
def test_a_server_that_ignores_the_offset_is_followed_by_its_tokens(rows: int, limit: int) -> None:
    server = PublicServer(rows, respects_offset=False, tokens=True)
    emitted, error = walk(cursor_walk(public(limit)), server)
    assert error is None
    assert list(dict.fromkeys(ids_of(emitted))) == server.visible


@given(rows=st.integers(0, 30), limit=st.integers(1, 12))
def test_a_server_that_ignores_the_offset_does_not_hold_a_walk_for_ever(
    rows: int, limit: int
) -> None:
    server = PublicServer(rows, respects_offset=False)
    emitted, error = walk(cursor_walk(public(limit)), server)
    assert error is None
    assert len(server.asked) <= 3
    assert list(dict.fromkeys(ids_of(emitted))) == server.visible[:limit]


@given(rows=st.integers(0, 30), limit=st.integers(1, 12), hidden=st.sets(st.integers(0, 30)))
@example(rows=4, limit=2, hidden={2, 3})
@example(rows=4, limit=2, hidden={0, 1})
def test_pages_that_are_not_full_are_no_end_where_a_token_says_so(
    rows: int, limit: int, hidden: set[int]
) -> None:
    server = PublicServer(rows, tokens=True, hidden=hidden)
    emitted, error = walk(cursor_walk(public(limit)), server)
    assert error is None
    assert list(dict.fromkeys(ids_of(emitted))) == server.visible


@given(rows=st.integers(0, 30), limit=st.integers(1, 12))
def test_the_public_route_from_a_token_on_is_followed_by_tokens(rows: int, limit: int) -> None:
    server = PublicServer(rows, respects_offset=False, tokens=True)
    first = public(limit).after("0")
    emitted, error = walk(cursor_walk(first), server)
    assert error is None
    assert ids_of(emitted) == server.visible


def test_a_token_on_the_public_route_that_repeats_is_an_error() -> None:
    tracker = [answer("ab", "1"), answer("cd", "1")]
    _, error = walk(cursor_walk(public(2).after("0")), TokenServer(tracker, "0"))
    assert isinstance(error, PaginationError)


def test_the_filter_route_is_never_followed_by_offset() -> None:
    query = ListingQuery(privacy="public", page_size=2)
    assert CursorTracker(query).following(PageRequest(query), answer("ab", None)) is None


@given(rows=st.integers(0, 30), limit=st.integers(1, 12), tokens=st.booleans(), data=st.data())
def test_what_follows_an_offset_is_the_same_however_often_it_is_asked(
    rows: int, limit: int, tokens: bool, data: st.DataObject
) -> None:
    respects_offset = data.draw(st.booleans())
    server = PublicServer(rows, tokens=tokens, respects_offset=respects_offset)
    pages = CursorTracker(public(limit))
    request: PageRequest | PaginationError | None = PageRequest(public(limit))
    answered: list[tuple[PageRequest, PageAnswer, object]] = []
    while isinstance(request, PageRequest):
        page = server.get(request)
        following = pages.following(request, page)
        answered.append((request, page, following))
        request = following
        again, its_page, its_following = data.draw(st.sampled_from(answered))
        assert pages.following(again, its_page) == its_following


def follow(answers: Sequence[PageAnswer], limit: int | None) -> int:
    """Go through the public route with these answers, the last one again and again.

    Returns:
        How many pages were asked for, until the end or an error.
    """
    planner = cursor_walk(ListingQuery(route="public", limit=limit))
    for number in range(100):
        try:
            if planner.finished():
                return number
        except PaginationError:
            return number
        (request,) = planner.requests(1, 0)
        planner.receive(request, answers[min(number, len(answers) - 1)])
    pytest.fail("the walk does not end")


def test_empty_pages_with_the_same_token_do_not_hold_a_public_walk_for_ever() -> None:
    # A server that ignores the offset, and whose first page is empty by a filter.
    assert follow([answer((), "t")], 5) <= 3


def test_full_pages_that_repeat_do_not_hold_a_public_walk_for_ever() -> None:
    # A server that ignores the offset, while a new row comes in after the first page.
    assert follow([answer("bc", None), answer("ab", None)], 2) <= 4


def test_a_public_page_of_the_size_that_the_server_chose_is_not_the_end() -> None:
    # As after ``await listing`` without a size: 100 rows came, and there may be more.
    full = answer([f"model_{number}" for number in range(100)], None)
    assert follow([full, answer((), None)], None) == 2
