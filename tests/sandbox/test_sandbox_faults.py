"""What each fault looks like on the wire."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING

import msgspec
import pytest

from scenario_async.sandbox import (
    BadRow,
    Catalogue,
    ChangedTokens,
    Delayed,
    Dropped,
    EmptyBulk,
    EmptyListing,
    EmptyPage,
    EndToken,
    ExpiredToken,
    IgnoredBounds,
    NotJSON,
    RateLimited,
    Redirect,
    RepeatedRows,
    RepeatedToken,
    Sandbox,
    ServerError,
    Stalled,
    Truncated,
)

if TYPE_CHECKING:
    from support.wire import Wire

    from scenario_async.sandbox import BadRowKind


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.seeded(public=33, private=27)


@pytest.mark.parametrize(
    ("fault", "header", "in_body"),
    [
        (RateLimited(), None, None),
        (RateLimited(5, hint="none"), None, None),
        (RateLimited(7), "7", None),
        (RateLimited(0.25), "0.25", None),
        (RateLimited(12, hint="body"), None, 12),
    ],
)
def test_a_rate_limit_hints_in_a_header_or_in_the_body_or_not_at_all(
    sandbox: Sandbox, wire: Wire, fault: RateLimited, header: str | None, in_body: float | None
) -> None:
    sandbox.faults.add(fault)

    refused, taken = wire.get(), wire.get()

    assert (refused.status, refused.headers.get("Retry-After")) == (429, header)
    assert refused.json.get("remainingSeconds") == in_body
    assert refused.reason
    assert taken.status == 200


def test_a_server_error_comes_in_four_kinds_of_body(sandbox: Sandbox, wire: Wire) -> None:
    sandbox.faults.add(ServerError())
    sandbox.faults.add(ServerError(502, body="message"))
    sandbox.faults.add(ServerError(504, body="text", retry_after=3))
    sandbox.faults.add(ServerError(500, body="html"))

    plain, message, text, html = (wire.get() for _ in range(4))

    assert (plain.status, set(plain.json)) == (503, {"reason"})
    assert (message.status, set(message.json)) == (502, {"message"})
    assert (text.status, text.headers["Retry-After"]) == (504, "3")
    assert text.headers["Content-Type"].startswith("text/plain")
    assert html.status == 500
    assert html.headers["Content-Type"].startswith("text/html")
    assert html.body.startswith(b"<!doctype html>")


@pytest.mark.parametrize("reset", [False, True])
def test_a_dropped_connection_sends_no_byte(sandbox: Sandbox, wire: Wire, reset: bool) -> None:
    sandbox.faults.add(Dropped(reset=reset))

    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)) as caught:
        wire.get()

    assert isinstance(caught.value, http.client.RemoteDisconnected) is not reset
    assert sandbox.requests[-1].status is None
    assert wire.get().status == 200


def broken_off(wire: Wire) -> tuple[http.client.HTTPResponse, bytes]:
    """An answer that ends too early, and what came of its body."""
    wire.send("/models")
    response = wire.connection.getresponse()
    with response, pytest.raises(http.client.IncompleteRead) as caught:
        response.read()
    wire.connection.close()
    return response, caught.value.partial


@pytest.mark.parametrize("fraction", [0.0, 0.5, 1.0])
def test_a_truncated_answer_breaks_off_after_its_fraction(
    sandbox: Sandbox, wire: Wire, fraction: float
) -> None:
    whole = wire.get().body
    sandbox.faults.add(Truncated(fraction))

    response, partial = broken_off(wire)

    assert response.status == 200
    assert response.headers["Content-Length"] == str(len(whole))
    assert partial == whole[: min(int(len(whole) * fraction), len(whole) - 1)]


def test_a_truncated_answer_in_chunks_lacks_the_last_chunk(sandbox: Sandbox, wire: Wire) -> None:
    sandbox.faults.add(Truncated(chunked=True))

    assert broken_off(wire)[0].headers["Transfer-Encoding"] == "chunked"


def test_errors_can_be_truncated_as_well(sandbox: Sandbox, wire: Wire) -> None:
    sandbox.faults.add(ServerError())
    sandbox.faults.add(Truncated(0))

    assert broken_off(wire)[0].status == 503


def test_a_stalled_answer_stays_open_without_a_byte_more(sandbox: Sandbox, wire: Wire) -> None:
    whole = wire.get().body
    sandbox.faults.add(Stalled(0.25))

    wire.send("/models")
    response = wire.connection.getresponse()
    sock = wire.connection.sock
    assert sock is not None
    with response:
        part = response.read(int(len(whole) * 0.25))
        sock.settimeout(0)
        with pytest.raises(BlockingIOError):
            sock.recv(1)

    assert part == whole[: len(part)]
    wire.connection.close()


def test_a_delay_holds_the_answer_back_and_adds_to_other_faults(
    sandbox: Sandbox, wire: Wire, pauses: list[float]
) -> None:
    sandbox.faults.add(ServerError())
    sandbox.faults.add(Delayed(5))

    assert wire.get().status == 503
    assert pauses == [5]


def test_an_expired_token_is_refused(sandbox: Sandbox, wire: Wire) -> None:
    sandbox.faults.add(ExpiredToken())

    first = wire.get("/models", {"pageSize": 5})
    second = wire.get("/models", {"pageSize": 5, "paginationToken": first.token})
    third = wire.get("/models", {"pageSize": 5, "paginationToken": first.token})

    assert (first.status, second.status, third.status) == (200, 400, 200)
    assert "paginationToken" in second.reason


PRIVACIES = ["public", "private"]


@pytest.mark.parametrize("privacy", PRIVACIES)
@pytest.mark.parametrize("page", [0, 1, 3])
def test_an_empty_page_loses_nothing(sandbox: Sandbox, wire: Wire, privacy: str, page: int) -> None:
    usual = wire.walk(pageSize=5, privacy=privacy)
    sandbox.faults.add(EmptyPage(page=page), times=None)

    replies = wire.walk(pageSize=5, privacy=privacy)

    assert [reply.ids for reply in replies if reply.ids] == [reply.ids for reply in usual]
    assert replies[page].ids == []
    assert len(replies) == len(usual) + 1
    tokens = [reply.token for reply in replies]
    assert len(set(tokens)) == len(tokens)


@pytest.mark.parametrize("privacy", PRIVACIES)
def test_an_empty_page_may_hide_its_models(sandbox: Sandbox, wire: Wire, privacy: str) -> None:
    usual = wire.walk(pageSize=5, privacy=privacy)
    sandbox.faults.add(EmptyPage(page=1, hide=True), times=None)

    replies = wire.walk(pageSize=5, privacy=privacy)

    assert [reply.token for reply in replies] == [reply.token for reply in usual]
    assert replies[1].ids == []
    del replies[1], usual[1]
    assert [reply.ids for reply in replies] == [reply.ids for reply in usual]


def test_several_empty_pages_in_a_row_lose_nothing(sandbox: Sandbox, wire: Wire) -> None:
    for privacy in PRIVACIES:
        usual = wire.walk_ids(pageSize=5, privacy=privacy)
        sandbox.faults.add(EmptyPage(), times=3, after=2)

        replies = wire.walk(pageSize=5, privacy=privacy)

        assert [len(reply.ids) for reply in replies[:6]] == [5, 5, 0, 0, 0, 5]
        assert [one for reply in replies for one in reply.ids] == usual


@pytest.mark.parametrize("privacy", PRIVACIES)
def test_repeated_rows_are_those_before_the_page(
    sandbox: Sandbox, wire: Wire, privacy: str
) -> None:
    usual = wire.walk(pageSize=5, privacy=privacy)
    sandbox.faults.add(RepeatedRows(2), after=1)

    replies = wire.walk(pageSize=5, privacy=privacy)

    assert replies[2].ids == usual[1].ids[-2:] + usual[2].ids
    del replies[2], usual[2]
    assert [reply.ids for reply in replies] == [reply.ids for reply in usual]


@pytest.mark.parametrize("privacy", PRIVACIES)
def test_a_repeated_token_is_the_one_that_was_sent(
    sandbox: Sandbox, wire: Wire, privacy: str
) -> None:
    sandbox.faults.add(RepeatedToken(), times=None)
    query = {"pageSize": 5, "privacy": privacy}

    first = wire.get("/models", query)
    second = wire.get("/models", {**query, "paginationToken": first.token})

    assert first.token is not None
    assert second.token == first.token


@pytest.mark.parametrize(
    ("fault", "ending"),
    [
        (EndToken("null"), {"nextPaginationToken": None}),
        (EndToken("empty"), {"nextPaginationToken": ""}),
        (EndToken("absent"), {}),
    ],
)
def test_the_end_is_said_in_three_ways(
    sandbox: Sandbox, wire: Wire, fault: EndToken, ending: dict[str, object]
) -> None:
    sandbox.faults.add(fault)

    first = wire.get("/models", {"pageSize": 20})
    last = wire.get("/models", {"pageSize": 20, "paginationToken": first.token}).json

    assert first.token
    del last["models"]
    assert last == ending


@pytest.mark.parametrize("privacy", PRIVACIES)
@pytest.mark.parametrize("fault", [ChangedTokens("sealed"), ChangedTokens("reordered")])
def test_tokens_that_change_their_format_lead_on(
    sandbox: Sandbox, wire: Wire, privacy: str, fault: ChangedTokens
) -> None:
    usual = wire.walk(pageSize=5, privacy=privacy)
    sandbox.faults.add(fault, after=1, times=2)

    replies = wire.walk(pageSize=5, privacy=privacy)

    assert [reply.ids for reply in replies] == [reply.ids for reply in usual]
    different = [
        number
        for number, (one, other) in enumerate(zip(replies, usual, strict=True))
        if one.token != other.token
    ]
    assert different == [1, 2]


GOOD_JSON: list[BadRowKind] = ["wrong-type", "missing-id", "not-an-object", "huge-number"]


@pytest.mark.parametrize("kind", ["lone-surrogate", "nan", "control-character", "invalid-utf8"])
def test_some_bad_rows_break_a_strict_decoder(
    sandbox: Sandbox, wire: Wire, kind: BadRowKind
) -> None:
    usual = wire.get().body
    sandbox.faults.add(BadRow(kind, index=2))

    body = wire.get().body

    assert len(body) > len(usual)
    assert BadRow(kind).id.encode() in body
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        msgspec.json.decode(body)
    if kind == "control-character":
        with pytest.raises(json.JSONDecodeError):
            json.loads(body)


@pytest.mark.parametrize("kind", GOOD_JSON)
@pytest.mark.parametrize("index", [0, 3, 500])
def test_other_bad_rows_are_one_more_row_of_good_json(
    sandbox: Sandbox, wire: Wire, kind: BadRowKind, index: int
) -> None:
    usual = wire.get().json["models"]
    sandbox.faults.add(BadRow(kind, index=index))

    rows = wire.get().json["models"]

    bad = rows.pop(min(index, len(usual)))
    assert rows == usual
    if kind == "not-an-object":
        assert bad == BadRow(kind).id
    else:
        assert bad.get("id") == (None if kind == "missing-id" else BadRow(kind).id)
    if kind == "huge-number":
        assert bad["accessRestrictions"] > 10**399
    if kind == "wrong-type":
        assert (bad["createdAt"], type(bad["tags"])) == (17, dict)


def test_several_bad_rows_share_a_page(sandbox: Sandbox, wire: Wire) -> None:
    for kind in GOOD_JSON:
        sandbox.faults.add(BadRow(kind))

    assert len(wire.get().json["models"]) == 27 + len(GOOD_JSON)


@pytest.mark.parametrize(
    ("fault", "content_type"),
    [
        (NotJSON(), "text/html"),
        (NotJSON("text"), "text/plain"),
        (NotJSON("empty"), "application/json"),
        (NotJSON("words"), "application/json"),
    ],
)
def test_a_success_may_not_be_json(
    sandbox: Sandbox, wire: Wire, fault: NotJSON, content_type: str
) -> None:
    sandbox.faults.add(fault)

    reply = wire.get()

    assert reply.status == 200
    assert reply.headers["Content-Type"].startswith(content_type)
    assert (reply.body == b"") is (fault.body == "empty")
    with pytest.raises(json.JSONDecodeError):
        json.loads(reply.body)


def test_a_redirect_names_its_location(sandbox: Sandbox, wire: Wire) -> None:
    sandbox.faults.add(Redirect("https://elsewhere.invalid/v1/models"))
    sandbox.faults.add(Redirect("/v1/models/public", status=307))

    first, second = wire.get(), wire.get()

    assert (first.status, first.headers["Location"]) == (
        302, "https://elsewhere.invalid/v1/models",
    )  # fmt: skip
    assert (second.status, second.headers["Location"]) == (307, "/v1/models/public")


def test_ignored_bounds_list_everything(sandbox: Sandbox, wire: Wire) -> None:
    query = {"sortBy": "createdAt", "createdBefore": "2000-01-01", "pageSize": 20}
    assert wire.get("/models", query).ids == []
    sandbox.faults.add(IgnoredBounds(), times=2)
    assert len(wire.get("/models", "pageSize=3").ids) == 3

    first = wire.get("/models", query)
    second = wire.get("/models", {**query, "paginationToken": first.token})

    assert first.ids + second.ids == sandbox.catalogue.ids()
    assert wire.get("/models", query).ids == []


def test_a_listing_may_suddenly_be_empty_while_its_models_can_be_read(
    sandbox: Sandbox, wire: Wire
) -> None:
    model_id = sandbox.catalogue.ids()[0]
    sandbox.faults.add(EmptyListing(), times=2)

    for path, query in (("/models", {"pageSize": 3}), ("/models/public", {})):
        reply = wire.get(path, query)
        assert reply.status == 200
        assert reply.json == {"models": [], "nextPaginationToken": ""}
    assert wire.get("/models", {"pageSize": 3}).ids
    sandbox.faults.add(EmptyListing(), times=None)
    assert wire.get("/models").ids == wire.get("/models").ids == []
    assert wire.post("/models/get-bulk", {"modelIds": [model_id]}).ids == [model_id]
    assert wire.get("/collections").json["collections"]


def test_a_bulk_read_may_suddenly_find_nothing(sandbox: Sandbox, wire: Wire) -> None:
    model_id = sandbox.catalogue.ids()[0]
    sandbox.faults.add(EmptyBulk())

    assert wire.post("/assets/get-bulk", {"assetIds": []}).json == {"assets": []}
    assert wire.get("/models", {"pageSize": 3}).ids
    reply = wire.post("/models/get-bulk", {"modelIds": [model_id]})
    assert (reply.status, reply.json) == (200, {"models": []})
    assert wire.post("/models/get-bulk", {"modelIds": [model_id]}).ids == [model_id]
