"""Corners in which a walk once got lost, or a secret was shown."""

from __future__ import annotations

import asyncio
import json

import anyio
import pytest
from support.clocks import settle
from support.pages import one_after_another

from scenario_async._decoding.envelope import PageAnswer
from scenario_async._http.lifetime import Lifetime
from scenario_async._http.messages import HTTPResponse
from scenario_async._http.responses import error_from_response
from scenario_async._pagination.cursor_tracker import CursorTracker
from scenario_async._pagination.driver import fetch_planned
from scenario_async._pagination.planner import PageRequest
from scenario_async._query.query import ListingQuery
from scenario_async._urls import redact


@pytest.mark.anyio
async def test_a_request_cancelled_while_the_caller_is_slow_is_no_silent_end() -> None:
    gate = anyio.Event()

    async def fetch(request: PageRequest) -> PageAnswer:
        await anyio.lowlevel.checkpoint()
        if request.depth == 2:
            await gate.wait()
            raise asyncio.CancelledError
        return PageAnswer((), str(request.depth) if request.depth < 4 else None)

    pages = fetch_planned(one_after_another(), fetch, concurrency=2, lifetime=Lifetime())
    with pytest.raises((Exception, asyncio.CancelledError)):
        async for page in pages:
            if page.request.depth == 0:
                # The walk now waits for the caller, with page 1 in its hands and page 2 under way.
                await settle()
                gate.set()
                await settle()


def _pages_asked_for(answers: list[PageAnswer], limit: int) -> int:
    """Follow the public route through these answers, the last one again and again."""
    query = ListingQuery(route="public", limit=limit)
    tracker = CursorTracker(query)
    request: object = PageRequest(query)
    for number, answer in enumerate([*answers, *(answers[-1:] * 100)]):
        assert isinstance(request, PageRequest)
        request = tracker.following(request, answer)
        if not isinstance(request, PageRequest):
            return number + 1
    pytest.fail("the walk does not end")


def _ids(ids: str) -> list[bytes]:
    return [b'{"id":"%b"}' % model_id.encode() for model_id in ids]


def test_a_server_that_gives_its_last_page_again_does_not_hold_a_walk_for_ever() -> None:
    # It takes an offset beyond the end for the last page, and that page has a token.
    pages = [PageAnswer(_ids("ab"), "a"), PageAnswer(_ids("cd"), "b")]
    assert _pages_asked_for(pages, 2) <= 5


def test_rows_without_a_readable_id_are_not_taken_for_rows_that_came_before() -> None:
    unreadable = PageAnswer([b"{}", b"{}"], None)
    pages = [unreadable, unreadable, unreadable, PageAnswer(_ids("ab"), None), PageAnswer((), None)]
    assert _pages_asked_for(pages, 2) == 5


@pytest.mark.parametrize(
    "inner",
    [
        r'{"url":"https:\/\/cdn.example\/a.png?Signature=abc"}',
        r'{"url":"https:\/\/user:Signature@cdn.example\/a.png"}',
        r'{"url":"https:\u002f\u002fcdn.example/a.png?Signature=abc"}',
    ],
)
def test_a_signed_url_is_not_shown_in_json_inside_a_text(inner: str) -> None:
    # As a gateway puts the answer of the service behind it into its own.
    assert "Signature" not in redact(inner)
    body = json.dumps({"message": inner}).encode()
    answer = HTTPResponse(status=502, headers={}, body=body, seconds=0.0, sends=1)
    error = error_from_response(answer, request_name="GET /models", secrets=())
    assert "Signature" not in f"{error} {error.reason} {error.body}"
