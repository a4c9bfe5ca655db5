"""Rows are given if they do not show that they were not asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenario_async._query.arguments import listing_query
from scenario_async._query.query import ListingQuery
from scenario_async._query.row_checks import row_check, tags_of

BEFORE, AT, AFTER = (f"2026-01-31T12:00:00.{ms:03}Z" for ms in (0, 1, 2))


def fits(row: dict[str, Any], **asked: Any) -> bool:
    check = row_check(listing_query(**asked))
    assert check is not None
    return check(json.dumps({"id": "model_1", **row}).encode())


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"privacy": "private"},
        {"privacy": "public"},
        {"route": "public", "limit": 20},
        {"privacy": "public", "sort_by": "score"},
        {"project_id": "p", "loaded_only": True, "page_size": 10},
    ],
)
def test_a_listing_without_filters_has_no_check(asked: dict[str, Any]) -> None:
    assert row_check(listing_query(**asked)) is None


@pytest.mark.parametrize(
    ("tags", "wanted"),
    [
        (["sc:scenario"], True),
        (["b", "sc:scenario"], True),
        (["SC:scenario"], False),
        (["sc:scenarios"], False),
        ([], False),
        (None, False),
        ("sc:scenario", False),
        ([1, None, "c"], True),
    ],
)
def test_a_row_has_one_of_the_tags_exactly(tags: object, wanted: bool) -> None:
    assert fits({"tags": tags}, privacy="public", tags=["sc:scenario", "c"]) is wanted


def test_a_row_without_tags_does_not_have_one() -> None:
    assert not fits({}, privacy="public", tags=["c"])


@pytest.mark.parametrize(
    ("row", "status", "wanted"),
    [
        ({"status": "trained"}, "trained", True),
        ({"status": "training"}, "trained", False),
        ({}, "trained", True),
        ({"status": None}, "trained", True),
        ({"status": "trained", "deletedAt": AT}, "trained", False),
        ({"deletedAt": AT}, "new", False),
        ({"status": "trained", "deletedAt": AT}, "deleted", True),
        ({"status": "deleted"}, "deleted", True),
        ({"status": "trained"}, "deleted", False),
        ({}, "deleted", False),
    ],
)
def test_a_row_has_the_status_or_does_not_show_one(
    row: dict[str, Any],
    status: str,
    wanted: bool,
) -> None:
    assert fits(row, status=status) is wanted


@pytest.mark.parametrize(
    ("row", "asked", "wanted"),
    [
        ({"type": "custom"}, {"type": "custom"}, True),
        ({"type": "lora"}, {"type": "custom"}, False),
        ({}, {"type": "custom"}, True),
        ({"type": "lora"}, {"types": ["custom", "lora"]}, True),
        ({"type": "other"}, {"types": ["custom", "lora"]}, False),
        ({"collectionIds": ["a", "b"]}, {"collection_ids": ["b", "c"]}, True),
        ({"collectionIds": ["a"]}, {"collection_ids": ["b", "c"]}, False),
        ({"collectionIds": []}, {"collection_ids": ["b"]}, True),
        ({}, {"collection_ids": ["b"]}, True),
        ({"type": "custom", "privacy": "private"}, {"type": "custom"}, False),
        ({"type": "custom", "privacy": "public"}, {"type": "custom"}, True),
    ],
)
def test_public_rows_are_checked_as_far_as_they_show(
    row: dict[str, Any],
    asked: dict[str, Any],
    wanted: bool,
) -> None:
    assert fits(row, privacy="public", **asked) is wanted


def test_the_public_route_gives_public_models_alone() -> None:
    assert fits({"privacy": "public"}, route="public", type="custom")
    assert not fits({"privacy": "private"}, route="public", type="custom")


@pytest.mark.parametrize("shown", ["private", "unlisted"])
def test_unlisted_models_of_a_private_listing_are_given(shown: str) -> None:
    assert fits({"privacy": shown}, privacy="private", status="new")
    assert not fits({"privacy": "public"}, privacy="private", status="new")


@pytest.mark.parametrize("date", ["created", "updated"])
def test_bounds_are_exclusive(date: str) -> None:
    def given_by(moment: object, **bounds: str) -> bool:
        asked = {f"{date}_{name}": bound for name, bound in bounds.items()}
        return fits({f"{date}At": moment}, privacy="public", **asked)

    assert given_by(AFTER, after=AT)
    assert not given_by(AT, after=AT)
    assert given_by(BEFORE, before=AT)
    assert not given_by(AT, before=AT)
    assert given_by(AT, after=BEFORE, before=AFTER)
    assert all(given_by(odd, after=AT) for odd in (None, "yesterday", 5, True))
    assert not given_by("2026-01-31T13:00:00.001+01:00", after=AT)


@pytest.mark.parametrize("row", [b"", b"{", b"[]", b"NaN"])
def test_a_row_that_cannot_be_read_is_left_to_whoever_types_it(row: bytes) -> None:
    check = row_check(ListingQuery(privacy="public", tags="a"))
    assert check is not None
    assert check(row)
    assert tags_of(row) == frozenset()


def test_what_a_caller_sends_instead_is_not_checked() -> None:
    query = ListingQuery(privacy="public", tags="a", type="custom")
    check = row_check(query, replaced={"tags": "b", "unknown": 1})
    assert check is not None
    assert check(b'{"id":"1","type":"custom","tags":["b"]}')
    assert not check(b'{"id":"1","type":"lora","tags":["a"]}')
    assert row_check(query, replaced=["tags", "type"]) is None


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
fields = ("tags", "status", "deletedAt", "type", "privacy", "collectionIds", "createdAt")


@given(row=st.dictionaries(st.sampled_from(fields), json_values))
def test_no_value_of_a_field_makes_a_check_fail(row: dict[str, Any]) -> None:
    public = {"privacy": "public", "tags": ["a"], "type": "b", "collection_ids": ["c"]}
    for asked in ({**public, "created_after": AT}, {"status": "new"}, {"status": "deleted"}):
        assert fits(row, **asked) in {True, False}
