"""A service that leaves out filters, tags and ways of paging as told, and a run through it."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

import msgspec

from scenario_async import APIError, BadRequestError
from scenario_async._decoding import Identity, PageAnswer, PageReader, RowDecoder
from scenario_async._http.requester import RequestOptions
from scenario_async._pagination.adaptive import AdaptivePlanner
from scenario_async._pagination.cursor_tracker import CursorTracker
from scenario_async._pagination.page_fetcher import Learned, PageFetcher
from scenario_async._pagination.planner import PageRequest
from scenario_async._query.query import names_in
from scenario_async._query.row_checks import row_check

if TYPE_CHECKING:
    import random
    from collections.abc import Coroutine, Sequence

    from scenario_async._query.query import ListingQuery, Route

ResultT = TypeVar("ResultT")
Paging: TypeAlias = Literal["tokens", "offsets", "both", "limits"]

_BY_TOKENS = {"pageSize", "paginationToken"}
_BY_OFFSETS = {"limit", "offset"}
_WAYS: dict[Paging, set[str]] = {
    "tokens": _BY_TOKENS,
    "offsets": _BY_OFFSETS,
    "both": _BY_TOKENS | _BY_OFFSETS,
    "limits": _BY_TOKENS | {"limit"},
}
_MOST_STEPS = 2_000

OPTIONS = RequestOptions(extra_headers={"x-of": "the caller"})
"""What each request of a run adds."""


class Row(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A model. Milliseconds of creation are its order; ``created_at`` is what it shows of them."""

    id: str
    created_at: str = ""
    tags: tuple[str, ...] | None = None
    type: str | None = None
    status: str | None = None
    deleted_at: str | None = None


@dataclass(frozen=True, kw_only=True)
class Behavior:
    """What the service does with what it is asked.

    Attributes:
        indexed: Of each route the tags that it can select by.
        several_tags: Whether rows carry any of several tags, or all.
        ignores: The filters that have no effect, by their names on the wire.
        paging: What ``/models/public`` pages by; ``"limits"`` is by tokens, while ``limit`` has an
            effect all the same.
        strict: Whether it refuses the parameters of paging that it does not know.
        default: Rows in a page of it where no size is respected.
        largest: The most rows in a page.
        scans: Of how many times its size in rows a page by tokens takes those that fit, where tags
            are asked for; ``None`` for all.
        reads_tokens: Whether tokens are row numbers for everybody to read.
    """

    indexed: dict[Route, frozenset[str]] = field(default_factory=dict["Route", "frozenset[str]"])
    several_tags: Literal["any", "all"] = "any"
    ignores: frozenset[str] = frozenset()
    paging: Paging = "tokens"
    strict: bool = False
    default: int = 50
    largest: int = 500
    scans: int | None = None
    reads_tokens: bool = True


class DrawnService:
    """Rows in listing order, and how they are listed.

    Attributes:
        rows: In listing order.
        asked: The parameters of each request, with the path.
        added: What each of them added.
    """

    def __init__(self, rows: Sequence[Row], behavior: Behavior) -> None:
        self.rows = rows
        self.behavior = behavior
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.added: list[RequestOptions] = []

    async def send(self, query: ListingQuery, options: RequestOptions) -> PageAnswer:
        """Answer one request.

        Raises:
            BadRequestError: For a parameter that the route refuses.
        """
        sent = query.parameters()
        self.asked.append((query.path, sent))
        self.added.append(options)
        behavior = self.behavior
        known = _BY_TOKENS
        if query.route == "public":
            known = _WAYS[behavior.paging]
            unknown = sent.keys() & (_BY_TOKENS | _BY_OFFSETS) - known
            if behavior.strict and unknown:
                raise BadRequestError(f"unknown: {sorted(unknown)}", status_code=400)
        default = behavior.default if query.route == "public" else 100
        token = query.pagination_token if "paginationToken" in known else None
        start, size = (query.offset or 0) if "offset" in known else 0, default
        if "pageSize" in known and query.page_size:
            size = query.page_size
        if "limit" in known and query.limit:
            size = query.limit
        if token is not None:
            start, made = self._read(token)
            if query.page_size not in {None, made}:
                raise BadRequestError("another page size", status_code=400)
            size = made
        asked, size = size, min(size, behavior.largest)
        tokens = "paginationToken" in known
        rows = [row for row in self._sorted(query) if self._fits(row, query)]
        by_tags = query.tags is not None and "tags" not in behavior.ignores
        if tokens and behavior.scans is not None and by_tags:
            looked_at = self._sorted(query)[start : start + behavior.scans * size]
            page = [row for row in looked_at if self._fits(row, query)][:size]
            end = looked_at.index(page[-1]) + 1 if len(page) == size else len(looked_at)
            more = start + end < len(self.rows)
        else:
            page, end = rows[start : start + size], size
            more = start + size < len(rows)
        following = self._write(start + end, asked) if tokens and more else None
        return PageAnswer([msgspec.json.encode(row) for row in page], following)

    def _sorted(self, query: ListingQuery) -> Sequence[Row]:
        return self.rows[::-1] if query.sort_direction == "asc" else self.rows

    def _fits(self, row: Row, query: ListingQuery) -> bool:
        sent = query.parameters().keys() - self.behavior.ignores
        tags = names_in(query.tags or "")
        found = tags & self.behavior.indexed.get(query.route, frozenset()) & set(row.tags or ())
        fits = {
            "tags": found == tags if self.behavior.several_tags == "all" else bool(found),
            "type": row.type == query.type,
            "createdAfter": row.created_at > (query.created_after or ""),
            "createdBefore": row.created_at < (query.created_before or "~"),
            "status": query.status in {"deleted", row.status},
        }
        deleted_too = query.status == "deleted" or "status" in self.behavior.ignores
        exists = row.deleted_at is None
        # A status that is ignored lists everything, deleted models too (API documentation).
        wanted = exists or (query.status is not None and deleted_too)
        if "status" in sent and query.status == "deleted":
            wanted = not exists
        return wanted and all(fits[name] for name in fits.keys() & sent)

    def _write(self, position: int, size: int) -> str:
        text = json.dumps({"offset": position, "limit": size}, separators=(",", ":"))
        token = b64encode(text.encode()).decode()
        return token if self.behavior.reads_tokens else token[::-1]

    def _read(self, token: str) -> tuple[int, int]:
        position: Any = json.loads(b64decode(token if self.behavior.reads_tokens else token[::-1]))
        return position["offset"], position["limit"]


def at_once(coroutine: Coroutine[Any, Any, ResultT]) -> ResultT:
    """The result of a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as over:
        result: ResultT = over.value
        return result
    raise AssertionError("it waits")


def listed(
    service: DrawnService,
    query: ListingQuery,
    learned: Learned,
    *,
    limit: int = 1,
    chance: random.Random | None = None,
) -> list[str]:
    """The ids of a run, by the planners and the reader of a listing."""
    asking = PageFetcher(service.send, learned, OPTIONS)
    first, check = PageRequest(query), row_check(query)
    tracker = CursorTracker(query, learned.public_route)
    planner = AdaptivePlanner(first, tracker, strategy="auto", limit=limit, ordered=True)
    seen: dict[str | bytes, int] = {}
    under_way: list[PageRequest] = []
    ids: list[str] = []
    for _ in range(_MOST_STEPS):
        if planner.finished():
            assert all(added == OPTIONS for added in service.added)
            return ids
        under_way += planner.requests(limit - len(under_way), 0)
        request = under_way.pop(chance.randrange(len(under_way)) if chance else 0)
        try:
            answer = at_once(asking.page(request))
        except APIError as error:
            emitted = planner.failed(request, error)
        else:
            emitted = planner.receive(request, answer)
        for page in emitted:
            rows, depth = page.answer.rows, page.request.depth
            reader = PageReader(RowDecoder(Identity), rows, check=check, seen=seen, depth=depth)
            taken = reader.take(len(rows))
            ids += [model_id for model_id, row in taken if row is not None]
    raise AssertionError("the run does not end")
