"""Several pages at once where the cursors are row numbers, which can be told in advance. No I/O."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from sys import maxsize
from typing import TYPE_CHECKING, Any, cast

from scenario_async._errors import PaginationError

from .budget import MANY_PAGES, slack
from .planner import EmittedPage, PageRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from scenario_async._decoding import PageAnswer
    from scenario_async._errors import APIError
    from scenario_async._query import ListingQuery

    from .cursor_tracker import CursorTracker

__all__ = ["PredictedPlanner", "predicted_token"]

_FAR = (10, 20)  # the pages asked for to see whether a listing is long, once all before are known
_FARTHEST = 100  # a longer listing takes more than a minute's requests: none of it in vain
_HELD = 2  # so many pages far ahead may wait, and hold up no other


def predicted_token(token: str) -> str | None:
    """The token after this one, where it is an offset as the public listings hand them out.

    That is base64 of the JSON of an offset and a limit. ``None`` unless what was read is written as
    the same token, byte for byte: only then would the service write the next one in that way too.
    """
    try:
        position: Any = json.loads(b64decode(token, validate=True))
    except (ValueError, RecursionError):
        return None
    if not isinstance(position, dict):
        return None
    members = cast("dict[str, Any]", position)
    offset, limit = members.get("offset"), members.get("limit")
    if type(offset) is not int or type(limit) is not int or offset < 0 or limit < 1:
        return None
    if len(members) != 2 or _token(members) != token:  # noqa: PLR2004 - offset and limit
        return None
    return _token({**members, "offset": offset + limit})


def _token(position: dict[str, int]) -> str:
    return b64encode(json.dumps(position, separators=(",", ":")).encode()).decode()


def _is_filtered(query: ListingQuery) -> bool:
    """Whether pages may be short and have a cursor that skips rows, as has been seen."""
    by_kind = (query.tags, query.type, query.types, query.collection_id, query.collection_ids)
    by_date = (query.created_after, query.created_before, query.updated_after, query.updated_before)
    return any(value is not None for value in by_kind + by_date)


class PredictedPlanner:
    """Requests pages before their tokens are known, and emits them once they are confirmed.

    A page is confirmed when the page before it hands out exactly the token that it was asked by. A
    wrong prediction costs a request and never a result: the run goes on from the true token.
    Never more than ``limit`` pages are asked for or wait unconfirmed, two that wait not counted.

    One page far ahead that exists shows that all before it do, so that these can be asked for at
    once. What may be past the end is bounded by :func:`slack`. With ``rows``, the number that an
    earlier run found, the pages of these are asked for, and no others until they are too few.
    Under filters nothing is sure but the next page until a whole run was as predicted.

    Where tokens are no offsets, this is a run by the service's cursors.

    Attributes:
        rows: How many rows came before the end of the last page emitted, also such as were not
            shown; ``None`` where not all pages were as predicted.
    """

    def __init__(
        self,
        first: PageRequest,
        tracker: CursorTracker,
        limit: int,
        *,
        rows: int | None = None,
        scarce: Callable[[], bool] = lambda: False,
    ) -> None:
        self.rows: int | None = None
        self._tracker = tracker
        self._limit = limit
        self._scarce = scarce
        self._begin = first.depth
        self._expected: PageRequest | PaginationError | None = first
        # Whether the last prediction came true, and whether one before it did not.
        self._trusted = self._astray = False
        # How many rows the cursors count from page to page; how many the last page showed.
        self._step = 0
        self._rows_per_page: int | None = None
        self._under_way: set[PageRequest] = set()
        self._unconfirmed: dict[PageRequest, PageAnswer] = {}
        # Depths: pages before the first two are known to exist, or did once; none is at the third
        # or behind it.
        self._known = first.depth + 1
        self._remembered = 0
        self._end = maxsize
        self._rows_before = rows or 0
        self._filtered = _is_filtered(first.query)
        self._wasted = 0

    def requests(self, free_slots: int, buffered: int) -> Sequence[PageRequest]:
        """The next page, those that are known to exist, and a few that may."""
        if buffered > (self._limit if self._trusted else 0):
            return ()
        held = sum(bool(answer.rows) for answer in self._unconfirmed.values())
        free = min(free_slots, self._limit - len(self._under_way) - max(0, held - _HELD))
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

    def receive(self, request: PageRequest, answer: PageAnswer) -> Sequence[EmittedPage]:
        """Emit this page and those that it confirms, if it is the next one."""
        self._under_way.discard(request)
        if not self._is_predicted(request):
            return ()
        self._unconfirmed[request] = answer
        self._note(request, answer)
        emitted: list[EmittedPage] = []
        while isinstance(expected := self._expected, PageRequest):
            confirmed = self._unconfirmed.pop(expected, None)
            if confirmed is None:
                break
            emitted.append(self._confirm(expected, confirmed))
        return emitted

    def failed(self, request: PageRequest, error: APIError) -> Sequence[EmittedPage]:
        """The next page has to come; one that was only predicted may not even exist."""
        self._under_way.discard(request)
        if request == self._expected:
            raise error
        if self._is_predicted(request):
            self._missed(request.depth)
        return ()

    def finished(self) -> bool:
        """Whether the last page was confirmed."""
        if isinstance(self._expected, PaginationError):
            raise self._expected
        return self._expected is None

    def _confirm(self, request: PageRequest, answer: PageAnswer) -> EmittedPage:
        following = self._tracker.following(request, answer)
        # Only now: what was predicted is told by the pages before this one.
        self._trusted = isinstance(following, PageRequest) and self._came_true(request, following)
        self._count(request, answer)
        self._rows_per_page = len(answer.rows)
        self._expected = following
        if isinstance(following, PageRequest):
            self._known = max(self._known, following.depth + 1)
            if not self._trusted:
                self._forget(following)
            elif self._end <= following.depth:
                self._end = maxsize
            if request.depth == self._begin and answer.rows and self._rows_before:
                remembered = self._begin + -(-self._rows_before // self._step)
                self._known = max(self._known, remembered)
                # Behind them may be an empty one that shows the end.
                self._remembered = remembered + 1
        return EmittedPage(request, answer, following, request.depth)

    def _count(self, request: PageRequest, answer: PageAnswer) -> None:
        """Count the rows up to here, by the steps that the cursors make."""
        query, shown, pages = request.query, len(answer.rows), request.depth - self._begin
        if pages == 0:
            self._step = (self._trusted and query.rows_per_page) or shown
        if query.by_offset:
            self.rows = (query.offset or 0) + shown
        elif shown:
            self.rows = None if self._astray else pages * self._step + shown
        # The first page may be smaller than asked for, if it is not that its cursor skips rows.
        self._astray = self._astray or not (self._trusted or (pages == 0 and not self._filtered))

    def _forget(self, following: PageRequest) -> None:
        """Forget the pages behind the next one: nothing that was told of them holds."""
        self._wasted += len(self._under_way) + len(self._unconfirmed)
        self._known, self._end = following.depth + 1, maxsize
        self._unconfirmed.clear()

    def _note(self, request: PageRequest, answer: PageAnswer) -> None:
        """Note what a page shows of the length of the listing."""
        following = self._predicted(request)
        if following is None:
            return
        behind = following.depth
        if self._leads_to(answer, following):
            self._known = max(self._known, behind + 1)
        elif answer.rows or request == self._expected:
            self._known = self._end = min(self._end, behind)
        else:
            self._missed(request.depth)

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
        if self._filtered and not self._remembered:
            yield from self._after(next_)
            return
        probes = self._probes(next_ - self._begin + len(self._unconfirmed))
        # The far one first: what it shows fills the next round.
        yield from probes[:1]
        yield from range(next_ + 1, min(self._known, next_ + self._limit))
        yield from probes[1:]

    def _may_risk(self, received: int) -> bool:
        """Whether what may be in vain may be asked for: not behind one page, as two are usual."""
        return 1 < received < MANY_PAGES and not self._scarce()

    def _after(self, next_: int) -> Sequence[int]:
        """The depths behind the next page of which all may be in vain: any cursor may skip rows."""
        received = next_ - self._begin
        at_risk = slack(received + 1) - self._wasted if self._may_risk(received) else 0
        return range(next_ + 1, next_ + 1 + at_risk)

    def _probes(self, received: int) -> Sequence[int]:
        """The depths of pages that may not exist, as many as may be asked for in vain."""
        if self._known <= self._remembered or not self._may_risk(received):
            return ()
        pages = self._known - self._begin
        under_way = sum(request.depth >= self._known for request in self._under_way)
        at_risk = max(0, slack(pages) - self._wasted - under_way)
        far = next((page for page in _FAR if page > pages), pages * 3 // 2)
        end = min(self._end, self._begin + _FARTHEST)
        if end <= self._begin + far - 1:
            # Between what is known and where nothing is: rather too near than in vain again.
            far = pages + 1 + (end - self._known) // 3
        depths = (self._begin + far - 1, *range(self._known, self._known + at_risk))[:at_risk]
        return [depth for depth in depths if self._known <= depth < end]

    def _is_predicted(self, request: PageRequest) -> bool:
        return request == self._at(request.depth)

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
