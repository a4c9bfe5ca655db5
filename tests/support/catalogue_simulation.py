"""A listing that changes while planners go through it, in no time at all.

The service answers a query as the real one would, or with one of its possible faults. The run does
what the fetcher does, but every choice that time makes for the fetcher is made by a script: who is
answered next, when the service looks at its rows, what changes in between, when the caller takes.
"""

from __future__ import annotations

import json
import random
from base64 import b64decode, b64encode
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha1
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from scenario_async import APIConnectionError, APIError, BadRequestError
from scenario_async._decoding.envelope import PageAnswer
from scenario_async._pagination.adaptive import AdaptivePlanner
from scenario_async._pagination.cursor_tracker import CursorTracker
from scenario_async._pagination.planner import EmittedPage, PageRequest
from scenario_async._query.query import ListingQuery, wire_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from scenario_async._pagination.adaptive import Strategy
    from scenario_async._pagination.planner import PagePlanner
    from scenario_async._pagination.windows.histogram import Histogram
    from scenario_async._query.query import SortDirection

__all__ = [
    "Manners",
    "Oddity",
    "Row",
    "Run",
    "Script",
    "Service",
    "by_creation",
    "chosen",
    "moment",
]

Oddity: TypeAlias = Literal["hidden", "dateless", "unreadable", "nameless"]
"""Rows that are counted and not shown; shown without date; no JSON; and without an id."""

DateName: TypeAlias = Literal["created", "updated"]

_BEGIN = datetime(2024, 5, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_MOST_STEPS = 20_000


@cache
def moment(created: int) -> str:
    """A time of the simulation as the API writes it."""
    return wire_time(_BEGIN + created * _MILLISECOND)


@dataclass(frozen=True, slots=True)
class Row:
    """A model; its dates in milliseconds since the simulation's begin.

    Without a date of its last update, that is its creation.
    """

    id: str
    created: int
    score: int = 0
    oddity: Oddity | None = None
    updated: int | None = None

    def date(self, name: DateName) -> int:
        return self.created if name == "created" or self.updated is None else self.updated


@cache
def _written_row(row: Row) -> bytes:
    record = {"id": row.id, "createdAt": moment(row.created)}
    if row.updated is not None:
        record["updatedAt"] = moment(row.updated)
    if row.oddity == "dateless":
        del record["createdAt"]
    if row.oddity == "nameless":
        record["name"] = record.pop("id")
    raw = json.dumps(record).encode()
    return raw.replace(b'"id"', b'"\xff": 0, "id"') if row.oddity == "unreadable" else raw


@dataclass(frozen=True, kw_only=True)
class Manners:
    """What the service does with what it is asked. As it is, all that is documented.

    Attributes:
        ignores: Parameters without effect.
        largest_page: The most rows that it gives in a page.
        offset_tokens: Whether tokens of listings by creation are row numbers too.
        sealed_from: The row from which on tokens are no row numbers any more.
        reordered_from: The row from which on the members of a token are in another order.
        token_uses: How often a token may be used.
        token_life: For how many requests a token may be used after it was handed out.
        beyond_end: What row numbers behind the last row give.
        always_token: Whether the last page has a token too, which leads to an empty page.
        public_tokens: Whether ``/models/public`` hands out tokens.
        sorts_by_second: Whether models of one second come in no order.
        bounds_by_second: Whether bounds are compared without their milliseconds.
    """

    ignores: frozenset[str] = frozenset()
    largest_page: int = 500
    offset_tokens: bool = False
    sealed_from: int | None = None
    reordered_from: int | None = None
    token_uses: int | None = None
    token_life: int | None = None
    beyond_end: Literal["empty", "refused"] = "empty"
    always_token: bool = False
    public_tokens: bool = True
    sorts_by_second: bool = False
    bounds_by_second: bool = False


class Service:
    """Rows, and how they are listed.

    Attributes:
        rows: What is there now, by id.
        answered: How many requests were answered, also with a refusal.
        births: How many rows were inserted since the beginning, which numbers them.
    """

    def __init__(self, rows: Iterable[Row], manners: Manners | None = None) -> None:
        self.rows = {row.id: row for row in rows}
        self.manners = manners or Manners()
        self.answered = 0
        self.births = 0
        self._found: dict[
            tuple[DateName, str | None, str | None, str | None] | None, list[Row]
        ] = {}
        self._uses: dict[str, int] = {}
        self._handed_out: dict[str, int] = {}

    def listed(self, query: ListingQuery) -> list[Row]:
        """All that the query finds, in listing order."""
        date = _date(query)
        if date is None:
            order = None
        else:
            asked = {k: v for k, v in query.parameters().items() if k not in self.manners.ignores}
            bounds = asked.get(f"{date}After"), asked.get(f"{date}Before")
            order = (date, *bounds, asked.get("sortDirection"))
        found = self._found.get(order)
        if found is None:
            found = self._found[order] = self._find(*order) if order else self._by_score()
        return found

    def changed(self) -> None:
        """To be told after each change of the rows."""
        self._found.clear()

    def _by_score(self) -> list[Row]:
        return sorted(self.rows.values(), key=lambda row: (-row.score, row.id))

    def _find(
        self, date: DateName, after: str | None, before: str | None, direction: str | None
    ) -> list[Row]:
        found = [
            row
            for row in self.rows.values()
            if (after is None or self._compared(moment(row.date(date))) > self._compared(after))
            and (before is None or self._compared(moment(row.date(date))) < self._compared(before))
        ]
        found.sort(key=lambda row: self._key(row, date), reverse=direction != "asc")
        return found

    def _compared(self, time: str) -> str:
        return time[:19] if self.manners.bounds_by_second else time

    def _key(self, row: Row, date: DateName) -> tuple[int, str]:
        if not self.manners.sorts_by_second:
            return (row.date(date), row.id)
        # In the order of its second something that says nothing of the milliseconds.
        return (row.date(date) // 1000, sha1(row.id.encode(), usedforsecurity=False).hexdigest())

    def answer(self, query: ListingQuery) -> PageAnswer:
        """One page.

        Raises:
            BadRequestError: The token is not good any more, or the row number leads nowhere.
        """
        self.answered += 1
        rows = self.listed(query)
        size = min(query.rows_per_page or 100, self.manners.largest_page)
        start = self._start(query, rows)
        end = len(rows) + self.manners.always_token
        if start > 0 and start >= end and self.manners.beyond_end == "refused":
            raise BadRequestError("there is no such page", status_code=400)
        page = rows[start : start + size]
        token = None
        if start + size < len(rows) or (self.manners.always_token and page):
            token = self._token(query, start + len(page), page[-1], size)
        return PageAnswer([_written_row(row) for row in page if row.oddity != "hidden"], token)

    def _start(self, query: ListingQuery, rows: Sequence[Row]) -> int:
        token = query.pagination_token
        if token is None:
            return 0 if "offset" in self.manners.ignores else query.offset or 0
        self._check_token(token)
        position: Any = json.loads(b64decode(token))
        if isinstance(position, dict):
            return int(cast("dict[str, int]", position)["offset"])
        if len(position) == 1:
            return int(position[0])
        date = _date(query) or "created"
        key: tuple[int, str] = (position[0], position[1])
        if query.sort_direction == "asc" and "sortDirection" not in self.manners.ignores:
            return sum(self._key(row, date) <= key for row in rows)
        return sum(self._key(row, date) >= key for row in rows)

    def _check_token(self, token: str) -> None:
        manners = self.manners
        self._uses[token] = self._uses.get(token, 0) + 1
        age = self.answered - self._handed_out.get(token, self.answered)
        used_up = manners.token_uses is not None and self._uses[token] > manners.token_uses
        if used_up or (manners.token_life is not None and age > manners.token_life):
            raise BadRequestError("the token has expired", status_code=400)

    def _token(self, query: ListingQuery, position: int, last: Row, size: int) -> str | None:
        if query.route == "public" and not self.manners.public_tokens:
            return None
        date = _date(query)
        by_row = date is None or self.manners.offset_tokens
        sealed_from, reordered_from = self.manners.sealed_from, self.manners.reordered_from
        if date is not None and not by_row:
            token = _written([*self._key(last, date)])
        elif sealed_from is not None and position >= sealed_from:
            token = _written([position])
        elif reordered_from is not None and position >= reordered_from:
            token = _written({"limit": size, "offset": position})
        else:
            token = _written({"offset": position, "limit": size})
        self._handed_out[token] = self.answered
        return token


def _date(query: ListingQuery) -> DateName | None:
    """What a listing is sorted by, where that is a date."""
    if query.route == "public":
        return None
    by_creation = query.sort_by == "createdAt" or (
        query.sort_by is None and query.privacy != "public"
    )
    return "created" if by_creation else "updated" if query.sort_by == "updatedAt" else None


def _written(position: object) -> str:
    return b64encode(json.dumps(position, separators=(",", ":")).encode()).decode()


class Script:
    """Choices, made by bytes in advance, so that an example can be made smaller."""

    def __init__(self, choices: bytes = b"") -> None:
        self._choices = iter(choices)
        self._rest = random.Random(choices)  # noqa: S311 - no secret

    def below(self, number: int) -> int:
        choice = next(self._choices, None)
        return self._rest.randrange(number) if choice is None else choice % number

    def sometimes(self, one_in: int) -> bool:
        return self.below(one_in) == one_in - 1


@dataclass(eq=False)
class _Sent:
    request: PageRequest
    outcome: PageAnswer | APIError | None = None


def by_creation(size: int, direction: SortDirection = "desc") -> ListingQuery:
    """A listing that can be cut into windows."""
    return ListingQuery(page_size=size, sort_by="createdAt", sort_direction=direction)


def chosen(
    query: ListingQuery,
    *,
    strategy: Strategy = "auto",
    limit: int = 4,
    ordered: bool = True,
    histogram: Histogram | int | None = None,
) -> AdaptivePlanner:
    """The planner of a listing, as the listing makes it."""
    return AdaptivePlanner(
        PageRequest(query),
        CursorTracker(query),
        strategy=strategy,
        limit=limit,
        ordered=ordered,
        histogram=histogram,
    )


@dataclass
class Run:
    """Plays the fetcher and the reader.

    Attributes:
        changes: How many rows may be inserted, deleted or scored anew on the way.
        takes: In how many steps on average the caller takes one page; 0 for always at once.
        losses: How many answers may get lost, so that the request is sent again.
        dispensable: The requests that may fail for good.
        watch: Called after each step with how many are under way and buffered.
        emitted: What the planner emitted.
        ids: The ids in the order emitted, each once.
        asked: The requests of the planner.
    """

    planner: PagePlanner
    service: Service
    script: Script = field(default_factory=Script)
    concurrency: int = 4
    changes: int = 0
    takes: int = 0
    losses: int = 0
    dispensable: Callable[[PageRequest], bool] | None = None
    watch: Callable[[int, int], None] | None = None
    emitted: list[EmittedPage] = field(default_factory=list[EmittedPage])
    ids: list[str] = field(default_factory=list[str])
    asked: list[PageRequest] = field(default_factory=list[PageRequest])

    def __post_init__(self) -> None:
        self.survivors = set(self.service.rows)
        self._under_way: list[_Sent] = []
        self.created = {row.id: row.created for row in self.service.rows.values()}
        self.new_ids: dict[int, list[str]] = {}
        self._buffered = 0
        self._seen: dict[str | bytes, int] = {}
        # No change of the run is dated before the ones that there are.
        self._now = max((row.date("updated") for row in self.service.rows.values()), default=0)

    def finish(self) -> Run:
        """Run to the end.

        Raises:
            APIError: What the planner raised.
        """
        for _ in range(_MOST_STEPS):
            if self.planner.finished():
                return self
            self._send()
            if not self._under_way:
                assert self._buffered, "nothing is under way, nobody is waited for: it is stuck"
                self._buffered -= 1
                continue
            self._step()
        raise AssertionError("the run does not end")

    @property
    def pages(self) -> list[PageAnswer]:
        return [page.answer for page in self.emitted]

    @property
    def fell_back(self) -> list[str]:
        """Why windows were given up, of each time."""
        return [str(page.begins_again) for page in self.emitted if page.begins_again]

    def _send(self) -> None:
        free_slots = self.concurrency - len(self._under_way)
        requests = self.planner.requests(free_slots, self._buffered)
        assert len(requests) <= free_slots
        for request in requests:
            assert request not in [sent.request for sent in self._under_way], "asked twice"
            self._under_way.append(_Sent(request))
            self.asked.append(request)
        if self.watch is not None:
            self.watch(len(self._under_way), self._buffered)

    def _step(self) -> None:
        """One of the things that may happen next."""
        if self._buffered and (self.takes == 0 or self.script.below(self.takes) == 0):
            self._buffered -= 1
            return
        if self.changes and self.script.sometimes(3):
            self.changes -= 1
            self._change()
        sent = self._under_way[self.script.below(len(self._under_way))]
        if sent.outcome is None:
            self._evaluate(sent)
            if self.script.sometimes(2):
                return
        if sent.outcome is not None:
            self._deliver(sent)

    def _evaluate(self, sent: _Sent) -> None:
        if self.dispensable is not None and self.dispensable(sent.request):
            sent.outcome = APIConnectionError("gone")
            return
        try:
            sent.outcome = self.service.answer(sent.request.query)
        except APIError as error:
            sent.outcome = error
        if self.losses and self.script.sometimes(3):
            self.losses -= 1
            sent.outcome = None

    def _deliver(self, sent: _Sent) -> None:
        self._under_way.remove(sent)
        if isinstance(sent.outcome, APIError):
            emitted = self.planner.failed(sent.request, sent.outcome)
        else:
            assert sent.outcome is not None
            emitted = self.planner.receive(sent.request, sent.outcome)
        for page in emitted:
            self._buffered += 1
            self.emitted.append(page)
            assert page.request.depth not in self.new_ids, "two pages of one depth"
            self.new_ids[page.request.depth] = new = self._new(page)
            self.ids += new

    def _new(self, page: EmittedPage) -> list[str]:
        """The ids of a page that no page before it had."""
        depth = page.request.depth
        new: dict[str, None] = {}
        for raw, model_id in zip(page.answer.rows, page.answer.ids, strict=True):
            known_by = bytes(raw) if model_id is None else model_id
            if self._seen.setdefault(known_by, depth) == depth:
                new[model_id or json.loads(bytes(raw))["name"]] = None
        return list(new)

    def _change(self) -> None:
        rows = self.service.rows
        kind = self.script.below(4)
        self._now += 400
        victim = sorted(rows)[self.script.below(len(rows))] if rows else None
        if kind == 0 or victim is None:
            # Among the rows there are, or after them all.
            near = rows[victim].created if victim else 0
            created = near + 1000 * (self.script.below(3) - 1) + 10**9 * self.script.sometimes(4)
            updated = None
            if victim and rows[victim].updated is not None:
                updated = self._now
            self.service.births += 1
            name = f"born{self.service.births}"
            born = Row(name, created, self.script.below(100), updated=updated)
            rows[born.id] = born
            self.created[born.id] = created
        elif kind == 1:
            del rows[victim]
            self.survivors.discard(victim)
        else:
            row = rows[victim]
            updated = row.updated
            if kind == 3 and updated is not None:
                updated = self._now
            rows[victim] = replace(row, score=self.script.below(100), updated=updated)
        self.service.changed()
