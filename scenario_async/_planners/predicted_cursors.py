"""Several pages at once where the cursors are row numbers, which can be told in advance. No I/O."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from math import inf
from typing import TYPE_CHECKING, Any, cast

from scenario_async._errors import PaginationError
from scenario_async._planners.budget import MANY_PAGES, slack
from scenario_async._planners.planner import PageRequest, ReleasedPage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from scenario_async._decode import PageAnswer
    from scenario_async._errors import APIError
    from scenario_async._planners.chain import PageChain

__all__ = ["PredictedCursors", "predicted_token"]

_FAR = 10  # the page that shows whether a listing is long, where two pages came


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
    wrong prediction costs a request and never a result: the walk goes on from the true token.
    Never more than ``most`` pages are asked for or wait unconfirmed.

    One page far ahead that exists shows that all before it do, so that these can be asked for at
    once. What may be past the end is bounded by :func:`slack`. With ``pages``, the number that an
    earlier walk had, so many are asked for and no others until they turn out to be too few.

    Where tokens are no offsets, this is a walk by the service's cursors.
    """

    def __init__(
        self,
        first: PageRequest,
        chain: PageChain,
        most: int,
        *,
        pages: int | None = None,
        thrifty: Callable[[], bool] = lambda: False,
    ) -> None:
        self._chain = chain
        self._most = most
        self._thrifty = thrifty
        self._begin = first.depth
        self._expected: PageRequest | PaginationError | None = first
        # Whether the last prediction came true.
        self._trusted = False
        self._rows_per_page: int | None = None
        self._under_way: set[PageRequest] = set()
        self._unconfirmed: dict[PageRequest, PageAnswer] = {}
        # Depths: pages before the one are known to exist, or did; none is at the other or behind.
        self._known = first.depth + (pages or 1)
        self._remembered = first.depth + (pages or 0)
        self._end: float = inf
        self._wasted = 0

    def requests(self, room: int, waiting: int) -> Sequence[PageRequest]:
        """The next page, those that are known to exist, and a few that may."""
        if waiting > (self._most if self._trusted else 0):
            return ()
        free = min(room, self._most - len(self._under_way) - len(self._unconfirmed))
        asked: list[PageRequest] = []
        for depth in self._wanted():
            if len(asked) >= free:
                break
            request = self._at(depth)
            if request is None:
                break
            if request not in self._under_way and request not in self._unconfirmed:
                asked.append(request)
                self._under_way.add(request)
        return asked

    def receive(self, request: PageRequest, answer: PageAnswer) -> Sequence[ReleasedPage]:
        """Release this page and those that it confirms, if it is the next in line."""
        self._under_way.discard(request)
        if not isinstance(self._expected, PageRequest) or request != self._at(request.depth):
            return ()
        if request != self._expected and not answer.rows:
            self._missed(request.depth)
            return ()
        self._unconfirmed[request] = answer
        self._note(request, answer)
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
        self._missed(request.depth)
        return ()

    def finished(self) -> bool:
        """Whether the last page was confirmed."""
        if isinstance(self._expected, PaginationError):
            raise self._expected
        return self._expected is None

    def _confirm(self, request: PageRequest, answer: PageAnswer) -> ReleasedPage:
        following = self._chain.following(request, answer)
        # Only now: what was predicted is told by the pages before this one.
        self._trusted = isinstance(following, PageRequest) and self._came_true(request, following)
        self._rows_per_page = len(answer.rows)
        if isinstance(following, PageRequest):
            self._known = max(self._known, following.depth + 1)
            if not self._trusted or self._end <= following.depth:
                # Nothing that was told of the pages behind it holds.
                self._known, self._end = following.depth + 1, inf
                self._unconfirmed.clear()
        self._expected = following
        return ReleasedPage(request, answer, following, request.depth)

    def _note(self, request: PageRequest, answer: PageAnswer) -> None:
        """Note what a page shows of the length of the listing."""
        following = self._predicted(request)
        leads_on = following is not None and self._leads_to(answer, following)
        if leads_on or request.depth + 1 >= self._end:
            self._known = max(self._known, request.depth + 1 + leads_on)
        elif following is not None:
            self._end = request.depth + 1
            self._known = min(max(self._known, request.depth + 1), request.depth + 1)

    def _missed(self, depth: int) -> None:
        """Note a page that is not there."""
        self._wasted += 1
        self._end = min(self._end, depth)
        self._known = min(self._known, depth)

    def _came_true(self, request: PageRequest, following: PageRequest) -> bool:
        """Whether the way on is the one that was, or would have been, predicted."""
        query = request.query
        token = following.query.pagination_token
        if query.pagination_token is None and not query.by_offset:
            size = query.rows_per_page
            return size is not None and token == _token({"offset": size, "limit": size})
        return following == self._predicted(request)

    def _wanted(self) -> Iterator[int]:
        """The depths of the pages to ask for, the most important first."""
        if not isinstance(self._expected, PageRequest):
            return
        next_ = self._expected.depth
        yield next_
        if not self._trusted:
            return
        probes = self._probes(next_ - self._begin + len(self._unconfirmed))
        # The far one first: what it shows fills the next round.
        yield from probes[:1]
        yield from range(next_ + 1, min(self._known, next_ + self._most))
        yield from probes[1:]

    def _probes(self, received: int) -> Sequence[int]:
        """The depths of pages that may not exist, as many as may be asked for in vain."""
        remembered = self._known <= self._remembered
        scarce = received >= MANY_PAGES or self._thrifty()
        if received < 2 or remembered or scarce:  # noqa: PLR2004 - as two public pages are usual
            return ()
        pages = self._known - self._begin
        under_way = sum(request.depth >= self._known for request in self._under_way)
        at_risk = max(0, slack(pages) - self._wasted - under_way)
        far = self._begin + max(_FAR, 2 * pages - 3) - 1
        if self._end < inf:
            far = (self._known + int(self._end)) // 2
        depths = (far, *range(self._known, self._known + at_risk))[:at_risk]
        return [depth for depth in depths if self._known <= depth < self._end]

    def _at(self, depth: int) -> PageRequest | None:
        """The request for the page at a depth, as it is predicted."""
        request = self._expected if isinstance(self._expected, PageRequest) else None
        while request is not None and request.depth < depth:
            request = self._predicted(request)
        return request if request is not None and request.depth == depth else None

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
