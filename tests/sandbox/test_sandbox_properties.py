"""What holds for any catalogue, any filter and any page size."""

from __future__ import annotations

import contextlib
import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenario_async.sandbox import Behavior, Catalogue
from scenario_async.sandbox._api.pages import turn_to
from scenario_async.sandbox._api.parameters import RefusedError
from scenario_async.sandbox._api.rules import Listing, read_listing
from scenario_async.sandbox._api.tokens import Tokens
from scenario_async.sandbox._catalogue.rows import Row, iso
from scenario_async.sandbox._faults.page_faults import EmptyPage, RepeatedRows

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenario_async.sandbox._api.pages import Page
    from scenario_async.sandbox._api.paging import Route
    from scenario_async.sandbox._api.tokens import TokenStyle

TOKENS = Tokens(b"secret")
MEASURED = Behavior()
CATALOGUE = Catalogue.seeded(public=60, private=60, unlisted=20, collections=2, burst=15)
for deleted in (*CATALOGUE.ids()[:9], *CATALOGUE.ids("public")[:4]):
    CATALOGUE.delete(deleted)
ROWS = CATALOGUE.store.rows()
MOMENTS = sorted({row.created for row in ROWS} | {row.updated for row in ROWS})

page_sizes = st.integers(1, 70)
moments = st.sampled_from(MOMENTS).flatmap(
    lambda moment: st.integers(moment - 1, moment + 1).map(iso)
)


def asked(
    parameters: dict[str, Any], token: str | None = None, behavior: Behavior = MEASURED
) -> Listing:
    query = [(name, str(value)) for name, value in parameters.items()]
    if token is not None:
        query.append(("paginationToken", token))
    return read_listing(query, "models", behavior)


def unchanged(page: Page) -> Page:
    return page


def walk(
    catalogue: Catalogue,
    parameters: dict[str, Any],
    *,
    style: TokenStyle = "usual",
    behavior: Behavior = MEASURED,
    change: Callable[[Page], Page] = unchanged,
    between: Callable[[], object] = lambda: None,
) -> list[Row]:
    rows: list[Row] = []
    token: str | None = None
    for _ in range(1_000):
        listing = asked(parameters, token, behavior)
        page = change(turn_to(listing, catalogue, TOKENS, behavior))
        assert len(page.rows) <= parameters["pageSize"] or change is not unchanged
        rows.extend(row for row in page.rows if isinstance(row, Row))
        if page.following is None:
            return rows
        token = TOKENS.issue(page.following, style)
        between()
    raise AssertionError("the walk does not end")


@st.composite
def public_queries(draw: st.DrawFn) -> dict[str, Any]:
    query: dict[str, Any] = {"privacy": "public"}
    sort_by = draw(st.sampled_from([None, "score", "createdAt", "updatedAt"]))
    if sort_by is not None:
        query["sortBy"] = sort_by
        if sort_by != "score":
            query["sortDirection"] = draw(st.sampled_from(["asc", "desc"]))
    if sort_by in {"createdAt", "updatedAt"}:
        for name in ("After", "Before"):
            if draw(st.booleans()):
                query[sort_by.removesuffix("At") + name] = draw(moments)
    if draw(st.booleans()):
        query["tags"] = draw(st.sampled_from(["sc:third-party", "Video", "Video,sc:scenario"]))
    if draw(st.booleans()):
        query["types"] = draw(st.sampled_from(["custom", "flux.1-lora", "custom,flux.1-lora"]))
    return query


@st.composite
def private_queries(draw: st.DrawFn) -> dict[str, Any]:
    query: dict[str, Any] = {"privacy": draw(st.sampled_from(["private", "unlisted"]))}
    if draw(st.booleans()):
        query["status"] = draw(st.sampled_from(["trained", "failed", "new", "deleted", "odd"]))
    if draw(st.booleans()):
        query["collectionId"] = draw(st.sampled_from(CATALOGUE.collection_ids))
    if "status" in query and draw(st.booleans()):
        query["sortBy"] = "score"
    elif draw(st.booleans()):
        query["sortBy"] = "createdAt"
        if draw(st.booleans()):
            query["createdAfter"] = draw(moments)
        if draw(st.booleans()):
            query["createdBefore"] = draw(moments)
    if query.get("sortBy") != "score" and draw(st.booleans()):
        query["sortDirection"] = draw(st.sampled_from(["asc", "desc"]))
    return query


indexes = st.sampled_from(["all", "ordinary", "none"])
behaviors = st.builds(
    Behavior,
    models_tags=indexes,
    public_route_tags=indexes,
    unindexed_tags=st.sampled_from([frozenset(), frozenset({"Video"})]),
    several_tags=st.sampled_from(["any", "all"]),
    end=st.sampled_from(["empty", "absent", "null"]),
    short_pages=st.booleans(),
)
queries = public_queries() | private_queries()


def tagged(row: Row, query: dict[str, Any], behavior: Behavior) -> bool:
    if "tags" not in query:
        return True

    def selects(tag: str) -> bool:
        official = tag.startswith("sc:")
        indexed = {"all": True, "ordinary": not official, "none": False}[behavior.models_tags]
        return indexed and tag not in behavior.unindexed_tags

    found = [tag in row.tags and selects(tag) for tag in query["tags"].split(",")]
    return any(found) if behavior.several_tags == "any" else all(found)


def wanted(row: Row, query: dict[str, Any], behavior: Behavior) -> bool:
    """Select by the words of the documentation, apart from the code under test."""
    sorted_value = row.updated if query.get("sortBy") == "updatedAt" else row.created
    after = query.get("createdAfter", query.get("updatedAfter", ""))
    before = query.get("createdBefore", query.get("updatedBefore", "9"))
    return (
        row.privacy == query["privacy"]
        and (query.get("status") == "deleted") <= (row.deleted is not None)
        and query.get("status", row.status) in {row.status, "odd", "deleted"}
        and (row.deleted is None or query.get("status") in {"odd", "deleted"})
        and query.get("collectionId") in {None, *row.collections}
        and tagged(row, query, behavior)
        and row.type in query.get("types", row.type).split(",")
        and after < iso(sorted_value) < before
    )


@given(query=queries, page_size=page_sizes, behavior=behaviors)
def test_a_walk_of_any_page_size_gives_each_wanted_model_once_and_in_order(
    query: dict[str, Any], page_size: int, behavior: Behavior
) -> None:
    rows = walk(CATALOGUE, {**query, "pageSize": page_size}, behavior=behavior)

    expected = [row.id for row in ROWS if wanted(row, query, behavior)]
    assert sorted(row.id for row in rows) == sorted(expected)
    field = {"score": "score", "updatedAt": "updated", "createdAt": "created"}[
        query.get("sortBy", "score" if query["privacy"] == "public" else "createdAt")
    ]
    values = [getattr(row, field) for row in rows]
    ascending = query.get("sortDirection") == "asc" and "sortBy" in query
    assert values == sorted(values, reverse=not ascending)


@given(
    query=queries,
    page_size=page_sizes,
    style=st.sampled_from(["usual", "sealed", "reordered"]),
    empty=st.sets(st.integers(0, 6)),
)
def test_empty_pages_and_other_tokens_change_no_walk(
    query: dict[str, Any], page_size: int, style: TokenStyle, empty: set[int]
) -> None:
    def change(page: Page) -> Page:
        fault = EmptyPage()
        return fault.change(page) if page.number in empty and fault.fits(page) else page

    parameters = {**query, "pageSize": page_size}

    assert walk(CATALOGUE, parameters, style=style, change=change) == walk(CATALOGUE, parameters)


@given(query=queries, page_size=page_sizes, count=st.integers(1, 5))
def test_repeated_rows_repeat_and_add_nothing_else(
    query: dict[str, Any], page_size: int, count: int
) -> None:
    parameters = {**query, "pageSize": page_size}

    rows = walk(CATALOGUE, parameters, change=RepeatedRows(count).change)

    assert list(dict.fromkeys(rows)) == walk(CATALOGUE, parameters)


@settings(max_examples=30)
@given(
    seed=st.integers(0, 2**32),
    page_size=st.integers(1, 12),
    query=st.sampled_from(
        [
            {},
            {"sortBy": "createdAt", "sortDirection": "asc"},
            {"privacy": "private", "status": "trained", "sortBy": "score"},
            {"privacy": "public", "sortBy": "createdAt"},
            {"privacy": "public", "sortBy": "updatedAt"},
        ]
    ),
)
def test_a_walk_by_key_loses_no_surviving_row_while_rows_are_deleted(
    seed: int, page_size: int, query: dict[str, Any]
) -> None:
    catalogue = Catalogue.seeded(public=40, private=40, burst=8)
    chance = random.Random(seed)  # noqa: S311 -- a reproducible choice
    before = {row.id for row in walk(catalogue, {**query, "pageSize": 500})}

    def delete_some() -> None:
        for row in chance.sample(list(catalogue), 3):
            catalogue.delete(row.id)

    rows = walk(catalogue, {**query, "pageSize": page_size}, between=delete_some)

    listed = [row.id for row in rows]
    assert len(listed) == len(set(listed))
    assert {model_id for model_id in before if model_id in catalogue} <= set(listed)
    assert set(listed) <= before


def test_an_offset_walk_does_lose_a_row_when_one_is_deleted() -> None:
    """As the service's own offsets would: a client must not take them for a snapshot."""
    catalogue = Catalogue.seeded(public=20, private=0)
    whole = catalogue.ids("public")
    first = iter(whole)

    rows = walk(
        catalogue,
        {"privacy": "public", "pageSize": 5},
        between=lambda: catalogue.delete(next(first)),
    )

    assert {row.id for row in rows} < set(whole)


names = st.sampled_from(
    [
        "privacy", "pageSize", "paginationToken", "sortBy", "sortDirection", "createdAfter",
        "createdBefore", "updatedAfter", "updatedBefore", "status", "collectionId",
        "collectionIds", "tags", "type", "types", "blacklisted", "loadedOnly", "originalAssets",
        "projectId", "limit", "offset", "unknown",
    ]
)  # fmt: skip
values = st.sampled_from(
    [
        "public", "private", "unlisted", "createdAt", "updatedAt", "score", "asc", "trained",
        "deleted", "custom", "true", "10", "0", "2026-01-01", "a,b", "", "é", "%",
    ]
) | st.text(max_size=4)  # fmt: skip


@settings(max_examples=300)
@given(query=st.lists(st.tuples(names, values), max_size=6), public_route=st.booleans())
def test_any_query_is_a_listing_or_a_refusal_that_names_a_parameter(
    query: list[tuple[str, str]], public_route: bool
) -> None:
    route: Route = "models/public" if public_route else "models"
    with contextlib.suppress(RefusedError):
        read_listing(query, route)
        return

    with pytest.raises(RefusedError) as caught:
        read_listing(query, route)
    assert caught.value.status == 400
    assert any(name in caught.value.reason for name, _ in query)
