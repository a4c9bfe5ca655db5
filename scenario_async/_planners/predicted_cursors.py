"""Several pages at once where the cursors are row numbers, which can be told in advance. No I/O."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any, cast

from scenario_async._errors import PaginationError
from scenario_async._planners.planner import PageRequest, ReleasedPage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scenario_async._decode import PageAnswer
    from scenario_async._errors import APIError
    from scenario_async._planners.chain import PageChain

__all__ = ["PredictedCursors", "predicted_token"]

_TRUST_STEP = 3


def predicted_token(token: str) -> str | None:
    """The token after this one, where it is an offset as the public listings hand them out.

    That is base64 of the JSON of an offset and a limit. ``None`` unless writing what was read gives
    the same token byte for byte: only then would the service write the next one in that way too.
    """
    try:
        place: Any = json.loads(b64decode(token, validate=True))
    except (ValueError, RecursionError):
        return None
    if not isinstance(place, dict):
        return None
    members = cast("dict[str, Any]", place)
    offset, limit = members.get("offset"), members.get("limit")
    if type(offset) is not int or type(limit) is not int or offset < 0 or limit < 1:
        return None
    if len(members) != 2 or _token(members) != token:  # noqa: PLR2004 - offset and limit
        return None
    return _token({**members, "offset": offset + limit})


def _token(place: dict[str, int]) -> str:
    return b64encode(json.dumps(place, separators=(",", ":")).encode()).decode()


class PredictedCursors:
    """Asks for pages before their tokens are known, and gives them once they are confirmed.

    A page is confirmed when the page before it hands out exactly the token that it was asked by. A
    wrong prediction costs a request and never a result: the walk goes on from the true token, and
    trusts predictions again little by little. Never more than ``most`` pages are asked for or
    wait unconfirmed, which also bounds the requests past the end.

    Where tokens are no offsets, this is a walk by the service's cursors.
    """

    def __init__(self, first: PageRequest, chain: PageChain, most: int) -> None:
        self._chain = chain
        self._most = most
        self._expected: PageRequest | PaginationError | None = first
        # How many predictions in a row came true.
        self._trust = 0
        self._rows_per_page: int | None = None
        self._under_way: set[PageRequest] = set()
        self._unconfirmed: dict[PageRequest, PageAnswer] = {}
        self._refused: set[PageRequest] = set()

    def requests(self, room: int, waiting: int) -> Sequence[PageRequest]:
        """The next page, and as many behind it as predictions are trusted."""
        if waiting > (self._most if self._trust else 0):
            return ()
        asked = [
            request
            for request in self._line()
            if request not in self._under_way and request not in self._unconfirmed
        ][: max(room, 0)]
        self._under_way.update(asked)
        return asked

    def receive(self, request: PageRequest, answer: PageAnswer) -> Sequence[ReleasedPage]:
        """Release this page and those that it confirms, if it is the next in line."""
        self._under_way.discard(request)
        if request not in self._line():
            return ()
        self._unconfirmed[request] = answer
        released: list[ReleasedPage] = []
        while isinstance(expected := self._expected, PageRequest):
            confirmed = self._unconfirmed.pop(expected, None)
            if confirmed is None:
                break
            released.append(self._confirm(expected, confirmed))
        return released

    def failed(self, request: PageRequest, error: APIError) -> Sequence[ReleasedPage]:
        """The page in line has to come; one that was only predicted may not even exist."""
        self._under_way.discard(request)
        if request == self._expected:
            raise error
        self._refused.add(request)
        return ()

    def finished(self) -> bool:
        """Whether the last page was confirmed."""
        if isinstance(self._expected, PaginationError):
            raise self._expected
        return self._expected is None

    def _confirm(self, request: PageRequest, answer: PageAnswer) -> ReleasedPage:
        self._refused.discard(request)
        following = self._chain.following(request, answer)
        came_true = isinstance(following, PageRequest) and self._came_true(request, following)
        # Only now: what was predicted is told by the pages before this one.
        self._rows_per_page = len(answer.rows)
        if isinstance(following, PageRequest):
            if came_true:
                self._trust += 1
            else:
                self._trust = 0
                self._unconfirmed.clear()
                self._refused.clear()
        self._expected = following
        return ReleasedPage(request, answer, following, request.depth)

    def _came_true(self, request: PageRequest, following: PageRequest) -> bool:
        """Whether the way on is the one that was, or would have been, predicted."""
        query = request.query
        token = following.query.pagination_token
        if query.pagination_token is None and not query.by_offset:
            size = query.rows_per_page
            return size is not None and token == _token({"offset": size, "limit": size})
        return following == self._predicted(request)

    def _line(self) -> Iterator[PageRequest]:
        """The page that comes next, and those predicted to come after it, while they lead on."""
        request: PageRequest | PaginationError | None = self._expected
        width = min(self._most, 1 + _TRUST_STEP * self._trust)
        for place in range(width):
            if not isinstance(request, PageRequest) or (place > 0 and request in self._refused):
                return
            yield request
            following = self._predicted(request)
            answer = self._unconfirmed.get(request)
            if (
                answer is not None
                and following is not None
                and not self._leads_to(answer, following)
            ):
                return
            request = following

    def _leads_to(self, answer: PageAnswer, following: PageRequest) -> bool:
        query = following.query
        if query.by_offset:
            return len(answer.rows) == self._rows_per_page
        return answer.token == query.pagination_token

    def _predicted(self, request: PageRequest) -> PageRequest | None:
        query, depth = request.query, request.depth + 1
        if query.by_offset:
            rows = self._rows_per_page or query.rows_per_page
            return PageRequest(query.at((query.offset or 0) + rows), depth) if rows else None
        token = query.pagination_token and predicted_token(query.pagination_token)
        return PageRequest(query.after(token), depth) if token else None
