"""What the listing accepts and refuses, one row of the documentation at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import pytest

from scenario_async.sandbox import Behavior
from scenario_async.sandbox._api import parameters as _parameters
from scenario_async.sandbox._api import rules as _rules

if TYPE_CHECKING:
    from support.wire import Wire

    from scenario_async.sandbox._api.paging import Route

MEASURED = Behavior()

REFUSED = [
    ("/models", "pageSize=0", ["pageSize"]),
    ("/models", "pageSize=501", ["pageSize"]),
    ("/models", "pageSize=-1", ["pageSize"]),
    ("/models", "pageSize=+5", ["pageSize"]),
    ("/models", "pageSize=1e2", ["pageSize"]),
    ("/models", "pageSize=1_0", ["pageSize"]),
    ("/models", "pageSize=%D9%A3", ["pageSize"]),
    ("/models", "pageSize=ten", ["pageSize"]),
    ("/models", "pageSize=", ["pageSize"]),
    ("/models", "pageSize=5&pageSize=6", ["pageSize"]),
    ("/models", "paginationToken=", ["paginationToken"]),
    ("/models", "paginationToken=nonsense", ["paginationToken"]),
    ("/models", "privacy=secret", ["privacy"]),
    ("/models", "privacy=Public", ["privacy"]),
    ("/models", "sortBy=name", ["sortBy"]),
    ("/models", "sortBy=updatedAt", ["sortBy", "privacy"]),
    ("/models", "sortBy=score", ["sortBy", "privacy", "status"]),
    ("/models", "sortBy=score&privacy=private", ["privacy", "status"]),
    ("/models", "sortBy=score&status=trained", ["privacy", "status"]),
    ("/models", "privacy=unlisted&sortBy=updatedAt", ["sortBy", "privacy"]),
    ("/models", "sortBy=createdAt&sortDirection=up", ["sortDirection"]),
    ("/models", "createdAfter=2026-01-01", ["createdAfter", "sortBy"]),
    ("/models", "createdBefore=2026-01-01", ["createdBefore", "sortBy"]),
    ("/models", "privacy=public&createdAfter=2026-01-01", ["createdAfter", "sortBy"]),
    ("/models", "privacy=public&sortBy=score&createdAfter=2026-01-01", ["createdAfter"]),
    ("/models", "privacy=public&sortBy=updatedAt&createdBefore=2026-01-01", ["createdBefore"]),
    ("/models", "sortBy=createdAt&createdAfter=yesterday", ["createdAfter"]),
    ("/models", "sortBy=createdAt&createdAfter=2026-02-30", ["createdAfter"]),
    (
        "/models",
        "sortBy=createdAt&createdAfter=2026-01-01T00:00:00+00:00",  # a plus sign not escaped
        ["createdAfter"],
    ),
    ("/models", "updatedAfter=2026-01-01", ["updatedAfter", "privacy"]),
    ("/models", "sortBy=createdAt&updatedBefore=2026-01-01", ["updatedBefore", "privacy"]),
    ("/models", "privacy=public&updatedAfter=2026-01-01", ["updatedAfter", "sortBy"]),
    ("/models", "privacy=public&sortBy=createdAt&updatedAfter=2026-01-01", ["updatedAfter"]),
    ("/models", "privacy=public&sortBy=score&sortDirection=asc", ["sortDirection", "sortBy"]),
    (
        "/models",
        "privacy=private&status=trained&sortBy=score&sortDirection=desc",
        ["sortDirection", "sortBy"],
    ),
    ("/models", "privacy=public&status=trained", ["status", "privacy"]),
    ("/models", "privacy=public&collectionId=a", ["collectionId", "privacy"]),
    ("/models", "collectionIds=a,b", ["collectionIds", "privacy"]),
    ("/models", "privacy=public&collectionIds=a,,b", ["collectionIds"]),
    ("/models", "tags=a", ["tags", "privacy"]),
    ("/models", "privacy=unlisted&tags=a", ["tags", "privacy"]),
    ("/models", "type=custom", ["type", "privacy"]),
    ("/models", "types=custom", ["types", "privacy"]),
    ("/models", "privacy=public&type=custom&types=custom", ["type", "types"]),
    ("/models", "privacy=public&type=checkpoint", ["type"]),
    ("/models", "privacy=public&types=custom,checkpoint", ["types"]),
    ("/models", "blacklisted=yes", ["blacklisted"]),
    ("/models", "loadedOnly=1", ["loadedOnly"]),
    ("/models", "originalAssets=True", ["originalAssets"]),
    ("/models/public", "privacy=private", ["privacy"]),
    ("/models/public", "status=trained", ["status"]),
    ("/models/public", "pageSize=501", ["pageSize"]),
    ("/models/public", "createdAfter=2026-01-01", ["createdAfter", "sortBy"]),
    ("/models/public", "sortBy=score&sortDirection=asc", ["sortDirection", "sortBy"]),
    ("/collections", "pageSize=101", ["pageSize"]),
    ("/collections", "pageSize=0", ["pageSize"]),
    ("/collections", "paginationToken=nonsense", ["paginationToken"]),
]

ACCEPTED = [
    ("/models", ""),
    ("/models", "pageSize=500"),
    ("/models", "pageSize=1"),
    ("/models", "privacy=private&status=trained&sortBy=score"),
    ("/models", "status=draft"),
    ("/models", "privacy=unlisted&collectionId=a"),
    ("/models", "sortDirection=asc"),
    ("/models", "sortBy=createdAt&createdAfter=2026-01-01&createdBefore=2025-01-01"),
    ("/models", "sortBy=createdAt&createdAfter=2026-01-01T00:00:00.123456%2B02:00"),
    ("/models", "status=deleted"),
    ("/models", "projectId=proj_any&blacklisted=true&loadedOnly=false&originalAssets=true"),
    ("/models", "limit=0&offset=ten&nonsense="),
    ("/models", "privacy=public&sortBy=updatedAt&updatedAfter=2026-01-01T00:00:00Z"),
    ("/models", "privacy=public&types=custom,flux.1-lora&tags=a,%20b&collectionIds=a,b"),
    ("/models/public", "limit=500&offset=0"),
    ("/models/public", "offset=3"),
    ("/models/public", "limit=0&offset=ten"),
    ("/models/public", "privacy=public&pageSize=20&type=custom"),
    ("/models/public", "sortBy=updatedAt&sortDirection=asc&updatedAfter=2026-01-01&tags=a,b"),
    ("/models/public", "sortBy=createdAt&createdBefore=2026-01-01&collectionIds=a&types=custom"),
    ("/collections", "pageSize=100&nonsense=1"),
]


@pytest.mark.parametrize(("path", "query", "named"), REFUSED)
def test_a_wrong_query_is_refused_with_the_names_of_its_parameters(
    wire: Wire, path: str, query: str, named: list[str]
) -> None:
    reply = wire.get(path, query)

    assert reply.status == 400
    assert set(reply.json) == {"reason"}
    assert [name for name in named if name not in reply.reason] == []


@pytest.mark.parametrize(("path", "query"), ACCEPTED)
def test_a_right_query_is_accepted(wire: Wire, path: str, query: str) -> None:
    assert wire.get(path, query).status == 200


def read(query: str, route: Route = "models", behavior: Behavior = MEASURED) -> _rules.Listing:
    return _rules.read_listing(parse_qsl(query), route, behavior)


def test_private_models_come_newest_first_and_public_ones_best_first() -> None:
    assert read("").filters.sort_by == "createdAt"
    assert read("privacy=unlisted").filters.sort_by == "createdAt"
    assert read("privacy=public").filters.sort_by == "score"
    assert read("", "models/public").filters.privacy == "public"
    assert read("").descending
    assert read("privacy=public").descending


@pytest.mark.parametrize(
    ("query", "descending"),
    [
        ("sortBy=createdAt&sortDirection=asc", False),
        ("sortBy=createdAt&sortDirection=desc", True),
        ("sortBy=createdAt", True),
        ("sortDirection=asc", True),
        ("privacy=public&sortDirection=asc", True),
        ("privacy=public&sortBy=createdAt&sortDirection=asc", False),
    ],
)
def test_a_direction_counts_only_where_it_is_documented_to(query: str, descending: bool) -> None:
    assert read(query).descending is descending


@pytest.mark.parametrize(
    ("bound", "low", "high"),
    [
        ("createdAfter=1970-01-01T00:00:00.005Z", 6, None),
        ("createdAfter=1970-01-01T00:00:00.005999Z", 6, None),
        ("createdBefore=1970-01-01T00:00:00.005Z", None, 4),
        ("createdBefore=1970-01-01T00:00:00.005001Z", None, 5),
        ("createdAfter=1970-01-01", 1, None),
        ("createdAfter=1970-01-01T01:00:00%2B01:00", 1, None),
    ],
)
def test_date_bounds_are_exclusive(bound: str, low: int | None, high: int | None) -> None:
    listing = read("sortBy=createdAt&" + bound)

    assert (listing.low, listing.high) == (low, high)


def test_the_default_page_sizes_are_the_documented_ones() -> None:
    assert read("").paging.size == 100
    assert read("", "models/public").paging.size == 50
    assert _rules.read_collection_listing([]).page_size == 10


def test_a_binding_changes_with_everything_but_the_page() -> None:
    base = read("").binding

    assert read("pageSize=7").binding == base
    assert read("paginationToken=abc").binding == base
    assert read("nonsense=1").binding == base
    for other in ("status=new", "collectionId=a", "sortBy=createdAt&sortDirection=asc"):
        assert read(other).binding != base
    assert read("privacy=unlisted").binding != base
    assert read("projectId=p").binding != base


def test_the_order_of_listed_values_means_nothing() -> None:
    assert read("privacy=public&tags=b,a").binding == read("privacy=public&tags=a,%20b").binding


def test_a_refusal_carries_its_reason() -> None:
    with pytest.raises(_parameters.RefusedError, match="sortBy") as caught:
        read("sortBy=name")
    assert caught.value.status == 400
