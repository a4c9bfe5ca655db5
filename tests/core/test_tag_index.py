"""Of a page and what it was asked by, which tags the service selects by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from scenario_async._decoding import PageAnswer
from scenario_async._query import LARGEST_PAGE, ListingQuery, TagIndex

if TYPE_CHECKING:
    from scenario_async._query import SortBy, SortDirection

NOTHING = PageAnswer((), None)


def by(
    tags: str,
    *,
    type_: str | None = None,
    project_id: str | None = None,
    sort_by: SortBy | None = None,
    sort_direction: SortDirection | None = None,
) -> ListingQuery:
    return ListingQuery(
        privacy="public",
        tags=tags,
        type=type_,
        project_id=project_id,
        sort_by=sort_by,
        sort_direction=sort_direction,
    )


def carrying(*tags: str) -> PageAnswer:
    return PageAnswer([msgspec.json.encode({"id": "model_1", "tags": tags})], None)


def test_what_a_tag_selects_is_asked_within_the_project_of_the_listing() -> None:
    probe = TagIndex().probe(by("sc:a", type_="lora", project_id="project_1"))
    assert probe == ListingQuery(
        privacy="public", project_id="project_1", tags="sc:a", page_size=LARGEST_PAGE
    )


def test_nothing_is_asked_of_other_tags_where_one_selects_nothing() -> None:
    index = TagIndex()
    index.saw(by("sc:a"), NOTHING)
    query = by("c,sc:a,sc:b")
    assert index.probe(query) is None
    assert index.sendable(query) == msgspec.structs.replace(query, tags=None)


def test_an_empty_listing_decides_in_whatever_order_it_and_its_tags_are() -> None:
    index, query = TagIndex(), by("d, c", sort_by="createdAt", sort_direction="asc")
    index.saw(query, NOTHING)
    assert index.probe(query) is None
    assert index.sendable(query).tags is None


def test_a_union_that_was_seen_holds_for_any_tags_of_the_route() -> None:
    index, query = TagIndex(), by("c,d", type_="lora")
    assert index.probe(query) is not None
    index.saw(by("a,b"), carrying("b"))
    assert index.probe(query) is None
    assert index.sendable(query) == query
    assert index.probe(ListingQuery(route="public", tags="c,d")) is not None


def test_a_listing_without_tags_surely_selects() -> None:
    index = TagIndex()
    assert index.surely_selects(ListingQuery(privacy="public"))
    assert not index.surely_selects(by("sc:a"))
