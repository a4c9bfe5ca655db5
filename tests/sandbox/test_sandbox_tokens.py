"""Pagination tokens: where they lead and what refuses them."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scenario_async.sandbox import Catalogue, Sandbox
from scenario_async.sandbox._api.tokens import KeyPlace, OffsetPlace, Tokens, offset_token

if TYPE_CHECKING:
    from support.wire import Wire

    from scenario_async.sandbox._api.tokens import Place, TokenStyle


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.seeded(public=47, private=33, collections=13)


def plain(content: object) -> str:
    return base64.b64encode(json.dumps(content, separators=(",", ":")).encode()).decode()


def test_the_first_public_token_is_the_captured_one(wire: Wire) -> None:
    reply = wire.get("/models", {"privacy": "public", "pageSize": 5})

    assert reply.token == "eyJvZmZzZXQiOjUsImxpbWl0Ijo1fQ=="
    assert base64.b64decode(reply.token) == b'{"offset":5,"limit":5}'


@pytest.mark.parametrize("path", ["/models", "/models/public"])
def test_public_tokens_can_be_predicted(sandbox: Sandbox, wire: Wire, path: str) -> None:
    parameters = {"privacy": "public", "pageSize": 10}

    reply = wire.get(path, {**parameters, "paginationToken": offset_token(30, 10)})

    assert reply.ids == sandbox.catalogue.ids("public")[30:40]
    assert reply.token == plain({"offset": 40, "limit": 10})


def test_a_public_token_behind_the_end_leads_to_an_empty_last_page(wire: Wire) -> None:
    reply = wire.get(
        "/models",
        {"privacy": "public", "pageSize": 10, "paginationToken": offset_token(50, 10)},
    )

    assert reply.json == {"models": [], "nextPaginationToken": ""}


@pytest.mark.parametrize(
    "content",
    [
        {"offset": -1, "limit": 5},
        {"offset": 5, "limit": 0},
        {"offset": 5},
        {"offset": "5", "limit": 5},
        {"offset": 5, "limit": 5, "more": 1},
        [5, 5],
    ],
)
def test_a_crooked_offset_is_refused(wire: Wire, content: object) -> None:
    reply = wire.get("/models", {"privacy": "public", "paginationToken": plain(content)})

    assert reply.status == 400
    assert "paginationToken" in reply.reason


OPAQUE = [
    {},
    {"sortBy": "createdAt", "sortDirection": "asc"},
    {"status": "trained", "privacy": "private", "sortBy": "score"},
    {"privacy": "public", "sortBy": "createdAt"},
    {"privacy": "public", "sortBy": "updatedAt", "sortDirection": "asc"},
]


@pytest.mark.parametrize("parameters", OPAQUE)
def test_other_tokens_are_opaque_and_lead_through_the_listing(
    wire: Wire, parameters: dict[str, str]
) -> None:
    whole = wire.get("/models", {**parameters, "pageSize": 500}).ids

    replies = wire.walk("/models", pageSize=4, **parameters)

    assert [model_id for reply in replies for model_id in reply.ids] == whole
    tokens = [reply.token for reply in replies if reply.token is not None]
    assert len(set(tokens)) == len(tokens) == len(replies) - 1
    for token in tokens:
        raw = base64.urlsafe_b64decode(token)
        assert b"offset" not in raw
        assert b"model_" not in raw


def test_a_token_is_refused_with_another_page_size(wire: Wire) -> None:
    for privacy in ("public", "private"):
        token = wire.get("/models", {"privacy": privacy, "pageSize": 5}).token
        reply = wire.get("/models", {"privacy": privacy, "pageSize": 6, "paginationToken": token})
        assert reply.status == 400
        assert "pageSize" in reply.reason


def test_a_request_with_a_token_may_leave_the_page_size_out(sandbox: Sandbox, wire: Wire) -> None:
    for privacy in ("public", "private"):
        first = wire.get("/models", {"privacy": privacy, "pageSize": 5})
        second = wire.get("/models", {"privacy": privacy, "paginationToken": first.token})
        listed = sandbox.catalogue.ids("public" if privacy == "public" else "private")
        assert first.ids + second.ids == listed[:10]


@pytest.mark.parametrize(
    "other",
    [
        {"status": "trained"},
        {"privacy": "public"},
        {"privacy": "public", "sortBy": "createdAt"},
        {"sortBy": "createdAt", "sortDirection": "asc"},
        {"sortBy": "createdAt", "createdAfter": "2020-01-01"},
        {"loadedOnly": "true"},
    ],
)
def test_a_token_is_refused_with_other_filters(wire: Wire, other: dict[str, str]) -> None:
    token = wire.get("/models", {"pageSize": 5}).token

    reply = wire.get("/models", {"pageSize": 5, "paginationToken": token, **other})

    assert reply.status == 400
    assert "paginationToken" in reply.reason


def test_an_offset_is_refused_where_tokens_are_opaque(wire: Wire) -> None:
    assert wire.get("/models", {"paginationToken": offset_token(5, 5)}).status == 400


def test_a_forged_token_is_refused(wire: Wire) -> None:
    token = wire.get("/models", {"pageSize": 5}).token
    assert token is not None
    changed = token[:-6] + ("A" if token[-6] != "A" else "B") + token[-5:]

    assert wire.get("/models", {"pageSize": 5, "paginationToken": changed}).status == 400


def test_collections_are_walked_with_opaque_tokens(sandbox: Sandbox, wire: Wire) -> None:
    first = wire.get("/collections")
    assert len(first.json["collections"]) == 10
    rest = wire.get("/collections", {"pageSize": 10, "paginationToken": first.token})

    listed = [one["id"] for reply in (first, rest) for one in reply.json["collections"]]
    assert listed == list(sandbox.catalogue.collection_ids)
    assert rest.token is None
    wrong_size = wire.get("/collections", {"pageSize": 5, "paginationToken": first.token})
    assert wrong_size.status == 400
    model_token = wire.get("/models", {"pageSize": 5}).token
    assert wire.get("/collections", {"paginationToken": model_token}).status == 400


offsets = st.builds(
    OffsetPlace,
    offset=st.integers(0, 10**9),
    limit=st.integers(1, 500),
    skipped=st.integers(0, 9),
)
keys = st.builds(
    KeyPlace,
    value=st.none() | st.integers(-(2**40), 2**60),
    id=st.text(st.characters(exclude_categories=["Cs"])),
    limit=st.integers(1, 500),
    binding=st.text(st.characters(exclude_categories=["Cs"])),
    page=st.integers(0, 10**6),
    skipped=st.integers(0, 9),
)
styles: st.SearchStrategy[TokenStyle] = st.sampled_from(("usual", "reordered", "sealed"))


@given(place=offsets | keys, style=styles)
def test_a_token_of_any_style_leads_to_its_place(place: Place, style: TokenStyle) -> None:
    tokens = Tokens(b"secret")

    token = tokens.issue(place, style)

    assert token.isascii()
    assert tokens.read(token) == place
    assert Tokens(b"secret").issue(place, style) == token


@given(place=keys)
def test_a_sealed_token_is_nothing_to_another_secret(place: KeyPlace) -> None:
    assert Tokens(b"another").read(Tokens(b"secret").issue(place)) is None


@given(text=st.text() | st.binary().map(lambda raw: base64.b64encode(raw).decode()))
@example(text="0000000+")
def test_no_text_breaks_the_reading_of_tokens(text: str) -> None:
    place = Tokens(b"secret").read(text)

    assert place is None or isinstance(place, OffsetPlace)
