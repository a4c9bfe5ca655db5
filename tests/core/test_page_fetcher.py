"""A listing has what was asked for, whatever the service makes of the request."""

from __future__ import annotations

import logging
import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.drawn_service import OPTIONS, Behavior, DrawnService, Row, at_once, listed

from scenario_async import APIStatusError, BadRequestError, PaginationError
from scenario_async._decoding.envelope import PageAnswer
from scenario_async._errors import error_for_status
from scenario_async._http.requester import RequestOptions
from scenario_async._pagination.page_fetcher import Learned, PageFetcher
from scenario_async._pagination.planner import PageRequest
from scenario_async._query.public_route import PublicRoute
from scenario_async._query.query import ListingQuery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from support.drawn_service import Paging

    from scenario_async._query.query import Route, Status

TAGS = ("sc:a", "sc:b", "sc:rare", "c")
ROUTES: tuple[Route, ...] = ("filter", "public")


def moment(created: int) -> str:
    return f"2026-01-01T00:00:{created // 1000:02}.{created % 1000:03}Z"


@st.composite
def rows(draw: st.DrawFn, *, least: int = 0) -> list[Row]:
    count = draw(st.integers(least, 40))
    chance = random.Random(draw(st.integers(0, 2**32)))  # noqa: S311 - no secret
    created = sorted((chance.randrange(50) for _ in range(count)), reverse=True)
    return [
        Row(
            id=f"model_{number}",
            created_at=moment(at),
            tags=chance.choice([None, *(tuple(t for t in TAGS if chance.random() < 0.3),) * 5]),
            type=chance.choice([None, "custom", "lora"]),
            status=chance.choice(["new", "training", "trained"]),
            deleted_at=moment(59_000) if chance.random() < 0.2 else None,
        )
        for number, at in enumerate(created)
    ]


behaviors = st.builds(
    Behavior,
    indexed=st.fixed_dictionaries(
        # Ordinary tags are in every index.
        {
            route: st.sets(st.sampled_from(TAGS)).map(lambda s: frozenset({*s, "c"}))
            for route in ROUTES
        }
    ),
    several_tags=st.sampled_from(["any", "all"]),
    ignores=st.frozensets(
        st.sampled_from(["type", "status", "tags", "createdAfter", "createdBefore"])
    ),
    paging=st.sampled_from(["tokens", "offsets", "both", "limits"]),
    strict=st.booleans(),
    default=st.integers(1, 12),
    largest=st.sampled_from([3, 7, 500]),
    scans=st.none() | st.integers(1, 4),
    reads_tokens=st.booleans(),
)
sizes = st.integers(1, 12) | st.just(500)


services = st.builds(DrawnService, rows(), behaviors)


def carrying(service: DrawnService, *tags: str) -> list[str]:
    return [
        row.id for row in service.rows if row.deleted_at is None and set(tags) & set(row.tags or ())
    ]


@given(
    service=services,
    route=st.sampled_from(ROUTES),
    asked=st.lists(st.sets(st.sampled_from(TAGS), min_size=1), min_size=1, max_size=3),
    size=sizes,
    limit=st.integers(1, 4),
    seed=st.integers(0, 2**32),
)
def test_a_listing_by_tags_gives_the_rows_that_carry_one_of_them_in_listing_order(
    *,
    service: DrawnService,
    route: Route,
    asked: list[set[str]],
    size: int,
    limit: int,
    seed: int,
) -> None:
    learned = Learned()
    for tags in asked:
        query = ListingQuery(
            route=route,
            privacy=None if route == "public" else "public",
            page_size=size,
            tags=",".join(sorted(tags)),
        )
        chance = random.Random(seed)  # noqa: S311 - no secret
        assert listed(service, query, learned, limit=limit, chance=chance) == carrying(
            service, *tags
        )


@given(
    service=services,
    route=st.sampled_from(ROUTES),
    tags=st.sets(st.sampled_from(TAGS), min_size=1),
    size=st.integers(1, 12),
    pages=st.integers(1, 3),
)
def test_a_token_leads_on_for_another_client_as_for_the_one_that_got_it(
    *, service: DrawnService, route: Route, tags: set[str], size: int, pages: int
) -> None:
    service.behavior = replace(service.behavior, largest=500, paging="tokens")
    query = ListingQuery(route=route, privacy="public", page_size=size, tags=",".join(sorted(tags)))
    asking = PageFetcher(service.send, Learned(), OPTIONS)
    request, ids = PageRequest(query), list[str]()
    for depth in range(pages):
        answer = at_once(asking.page(request))
        ids += [str(model_id) for model_id in answer.ids]
        if answer.token is None:
            return
        request = PageRequest(query.after(answer.token), depth + 1)
    wanted = carrying(service, *tags)
    rest = [model_id for model_id in wanted if model_id not in ids]

    assert listed(service, request.query, Learned()) == rest


@given(
    service=services,
    status=st.sampled_from(["new", "trained", "deleted"]),
    size=sizes,
    limit=st.integers(1, 4),
)
def test_a_listing_by_status_gives_the_rows_that_have_it(
    service: DrawnService, status: Status, size: int, limit: int
) -> None:
    ignores = service.behavior.ignores & {"status"}
    service.behavior = replace(service.behavior, ignores=ignores)
    query = ListingQuery(privacy="private", status=status, page_size=size)
    wanted = [
        row.id
        for row in service.rows
        if (row.deleted_at is not None if status == "deleted" else row.deleted_at is None)
        and status in {"deleted", row.status}
    ]

    assert sorted(listed(service, query, Learned(), limit=limit)) == sorted(wanted)


@given(service=services, size=sizes | st.none(), limit=st.integers(1, 4))
def test_the_public_route_gives_all_rows_in_order_whichever_way_it_pages(
    service: DrawnService, size: int | None, limit: int
) -> None:
    learned = Learned()
    wanted = [row.id for row in service.rows if row.deleted_at is None]
    query = ListingQuery(route="public", page_size=size)

    for _ in range(3):
        assert listed(service, query, learned, limit=limit) == wanted


@given(service=services, size=sizes, offset=st.integers(0, 45), known=st.booleans())
def test_the_public_route_begins_at_a_row_whichever_way_it_pages(
    service: DrawnService, size: int, offset: int, known: bool
) -> None:
    learned = Learned()
    if known:
        listed(service, ListingQuery(route="public", page_size=size), learned)
    wanted = [row.id for row in service.rows if row.deleted_at is None]
    query = ListingQuery(route="public", limit=size, offset=offset)

    assert listed(service, query, learned) == wanted[offset:]


@pytest.mark.parametrize("paging", ["tokens", "offsets", "both", "limits"])
@pytest.mark.parametrize("strict", [True, False])
def test_a_page_from_a_row_on_begins_with_it_and_costs_one_request_where_row_numbers_are_taken(
    paging: Paging, strict: bool
) -> None:
    behavior = Behavior(paging=paging, strict=strict, default=4)
    service = DrawnService(of(26), behavior)
    asking = PageFetcher(service.send, Learned(), OPTIONS)
    for number in (7, 1, 4, 8, 12, 25, 26, 40):
        before = len(service.asked)
        answer = at_once(asking.page(PageRequest(public(offset=number))))
        assert answer.ids[:1] == [row.id for row in service.rows[number : number + 1]]
        if before and paging in {"offsets", "both"}:
            assert len(service.asked) == before + 1
    assert all(added == OPTIONS for added in service.added)


def test_a_public_listing_without_models_costs_one_request_from_any_row_on() -> None:
    service = DrawnService([], Behavior())
    assert listed(service, public(offset=5), Learned()) == []
    assert len(service.asked) == 1


@given(service=st.builds(DrawnService, rows(least=1), behaviors), size=sizes)
def test_the_public_route_costs_its_pages_and_one_once_it_is_known(
    service: DrawnService, size: int
) -> None:
    learned = Learned()
    query = ListingQuery(route="public", page_size=size)
    wanted = listed(service, query, learned)
    service.asked.clear()
    listed(service, query, learned)

    pages = -(-len(wanted) // min(size, service.behavior.largest))
    by_tokens = service.behavior.paging == "tokens"
    assert len(service.asked) <= max(pages, 1) + (not by_tokens)


def public(*, offset: int | None = None) -> ListingQuery:
    return ListingQuery(route="public", limit=4, offset=offset)


def of(count: int, *tags: str, type_: str = "custom") -> list[Row]:
    return [Row(id=f"{tags}{number}", tags=tags, type=type_) for number in range(count)]


def by_tags(*tags: str, type_: str | None = None, size: int = 10) -> ListingQuery:
    return ListingQuery(privacy="public", page_size=size, tags=",".join(tags), type=type_)


def index(*tags: str) -> Behavior:
    return Behavior(indexed={route: frozenset(tags) for route in ROUTES})


def test_a_tag_of_the_index_costs_no_request_more() -> None:
    service = DrawnService(of(25, "sc:a"), index("sc:a"))
    learned = Learned()
    for _ in range(2):
        service.asked.clear()
        assert len(listed(service, by_tags("sc:a"), learned)) == 25
        assert len(service.asked) == 3


def test_a_tag_that_is_not_in_the_index_is_asked_for_once_in_the_life_of_a_client() -> None:
    service = DrawnService(of(25, "sc:a"), index())
    learned = Learned()
    assert len(listed(service, by_tags("sc:a"), learned)) == 25
    assert ["tags" in asked for _, asked in service.asked] == [True, False, False, False]
    service.asked.clear()
    assert len(listed(service, by_tags("sc:a"), learned)) == 25
    assert ["tags" in asked for _, asked in service.asked] == [False, False, False]


def test_a_first_page_that_other_filters_leave_empty_is_followed_by_one_of_the_tag_alone() -> None:
    service = DrawnService([*of(5, "sc:a"), *of(5, type_="lora")], index("sc:a"))
    learned = Learned()

    assert listed(service, by_tags("sc:a", type_="lora"), learned) == []
    assert [asked for _, asked in service.asked[1:]] == [
        {"privacy": "public", "pageSize": "500", "tags": "sc:a"}
    ]
    listed(service, by_tags("sc:a", type_="lora"), learned)
    assert len(service.asked) == 3


def test_a_first_page_that_the_callers_own_parameters_leave_empty_shows_nothing_of_a_tag() -> None:
    service, learned = DrawnService(of(5, "sc:a"), index("sc:a")), Learned()

    async def send(query: ListingQuery, options: RequestOptions) -> PageAnswer:
        answer = await service.send(query, options)
        return PageAnswer((), None) if options.extra_query else answer

    filtered = replace(OPTIONS, extra_query={"name": "nobody"})
    query = by_tags("sc:a")
    answer = at_once(PageFetcher(send, learned, filtered).page(PageRequest(query)))

    assert not answer.rows
    # The one that finds out what the tag does adds no filter, and all else.
    assert service.added == [filtered, OPTIONS]
    assert learned.tags.surely_selects(query)


def test_a_page_behind_all_rows_of_a_tag_shows_nothing_of_the_tag() -> None:
    service = DrawnService(of(12) + of(3, "sc:a"), replace(index("sc:a"), paging="both"))
    query = ListingQuery(route="public", limit=4, offset=5, tags="sc:a")

    assert listed(service, query, Learned()) == []


def test_one_unknown_tag_of_several_leads_through_the_whole_listing() -> None:
    service = DrawnService([*of(5, "sc:a"), *of(5), *of(5, "sc:b")], index("sc:a", "c"))
    learned = Learned()

    found = listed(service, by_tags("sc:a", "sc:b", "c", size=500), learned)

    assert found == carrying(service, "sc:a", "sc:b")
    assert [asked.get("tags") for _, asked in service.asked] == ["sc:a,sc:b,c", "sc:b", None]


def test_a_query_surely_selects_where_no_tag_of_it_is_in_doubt() -> None:
    service, learned = DrawnService([*of(5, "sc:a"), *of(5, "sc:b")], index("sc:a")), Learned()
    queries = (ListingQuery(privacy="public"), *map(by_tags, ("c", "sc:a", "sc:b")))

    assert [*map(learned.tags.surely_selects, queries)] == [True, True, False, False]
    for query in queries:
        listed(service, query, learned)
    assert [*map(learned.tags.surely_selects, queries)] == [True, True, True, False]


def test_ordinary_tags_are_left_to_the_service() -> None:
    service = DrawnService([], index())
    listed(service, by_tags("Video"), Learned())
    assert len(service.asked) == 1


def test_tags_that_the_caller_sends_by_another_way_are_left_alone() -> None:
    service = DrawnService(of(3, "sc:a"), index())
    asking = PageFetcher(service.send, Learned(), RequestOptions(extra_query={"tags": "b"}))
    at_once(asking.page(PageRequest(by_tags("sc:a"))))
    assert len(service.asked) == 1


def test_what_is_found_out_is_said_once_at_debug_level(caplog: pytest.LogCaptureFixture) -> None:
    service, learned = DrawnService(of(3, "sc:a"), index()), Learned()
    with caplog.at_level(logging.DEBUG, "scenario_async"):
        for _ in range(3):
            listed(service, by_tags("sc:a"), learned)
    said = "GET /models selects nothing by tags=sc:a: "
    assert len([one for one in caplog.messages if one.startswith(said)]) == 1


def test_a_request_that_the_public_route_refuses_either_way_fails_with_its_first_reason() -> None:
    async def refuse(query: ListingQuery, options: RequestOptions) -> PageAnswer:
        del options
        raise BadRequestError(f"no {sorted(query.parameters())}", status_code=400)

    learned = Learned()
    asking = PageFetcher(refuse, learned, RequestOptions())
    with pytest.raises(BadRequestError, match=r"no \['pageSize'\]"):
        at_once(asking.page(PageRequest(ListingQuery(route="public", page_size=10))))
    assert learned.public_route.tokens is None


@pytest.mark.parametrize(
    ("known", "offset", "depth", "codes"),
    [
        # What is not a refusal is not asked for in another way.
        ({}, None, 0, [500]),
        ({}, 8, 0, [500]),
        ({}, 8, 2, [500]),
        ({}, None, 0, [400, 500]),
        # Where the way through the route is known, there is no other.
        ({"tokens": True}, None, 0, [400]),
        ({"tokens": False, "offsets": True}, 8, 0, [400]),
        ({"tokens": False, "offsets": True}, 8, 2, [400]),
    ],
)
def test_an_error_of_the_public_route_comes_out_unless_there_is_another_way(
    known: dict[str, bool], offset: int | None, depth: int, codes: Sequence[int]
) -> None:
    left = [error_for_status(code)("said", status_code=code) for code in codes]
    last = left[-1]

    async def fail(query: ListingQuery, options: RequestOptions) -> PageAnswer:
        del query, options
        raise left.pop(0)

    learned = Learned(public_route=PublicRoute(**known))
    asking = PageFetcher(fail, learned, RequestOptions())
    with pytest.raises(APIStatusError) as caught:
        at_once(asking.page(PageRequest(public(offset=offset), depth)))
    assert caught.value is last
    assert not left


def test_rows_before_the_first_one_asked_for_that_go_round_in_a_circle_are_an_error() -> None:
    asked: list[ListingQuery] = []

    async def send(query: ListingQuery, options: RequestOptions) -> PageAnswer:
        del options
        asked.append(query)
        assert len(asked) < 10, "it does not end"
        return PageAnswer([b'{"id":"a"}'], "t")

    learned = Learned(public_route=PublicRoute(tokens=True, offsets=False))
    asking = PageFetcher(send, learned, RequestOptions())
    with pytest.raises(PaginationError, match="the same token twice"):
        at_once(asking.page(PageRequest(public(offset=100))))
    assert len(asked) == 2
