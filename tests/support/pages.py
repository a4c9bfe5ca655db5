"""Pages that are fetched as a test tells, planners to fetch them by, and what they leave behind."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import aclosing
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel

from scenario_async._decoding.envelope import PageAnswer
from scenario_async._http.lifetime import Lifetime
from scenario_async._pagination.cursor import CursorPlanner
from scenario_async._pagination.cursor_tracker import CursorTracker
from scenario_async._pagination.driver import fetch_planned
from scenario_async._pagination.planner import EmittedPage, PageRequest
from scenario_async._query.query import ListingQuery

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence

    from scenario_async import APIError
    from scenario_async._pagination.planner import PagePlanner

__all__ = ["Parallel", "Service", "collect", "one_after_another", "pages_of", "tasks"]

QUERY = ListingQuery()


class Service:
    """Fetches the pages of a chain; a test holds back or fails those that it names."""

    def __init__(
        self,
        pages: int,
        *,
        held: Iterable[int] = (),
        failing: Mapping[int, BaseException] | None = None,
    ) -> None:
        self.started: list[int] = []
        self.answered: list[int] = []
        self.under_way: set[int] = set()
        self.most_under_way = 0
        self.gates: defaultdict[int, anyio.Event] = defaultdict(anyio.Event)
        self._pages = pages
        self._held = frozenset(held)
        self._failing = dict(failing or {})

    async def fetch(self, request: PageRequest) -> PageAnswer:
        depth = request.depth
        self.started.append(depth)
        self.under_way.add(depth)
        self.most_under_way = max(self.most_under_way, len(self.under_way))
        try:
            await anyio.lowlevel.checkpoint()
            if depth in self._held:
                await self.gates[depth].wait()
            if depth in self._failing:
                raise self._failing[depth]
        finally:
            self.under_way.discard(depth)
        self.answered.append(depth)
        return PageAnswer((), f"token_{depth}" if depth < self._pages - 1 else None)


class Parallel:
    """A planner that knows all pages from the start, and emits them in order.

    It asks for no page further than ``window`` ahead of the last one emitted.
    """

    def __init__(self, pages: int, window: int = 1000) -> None:
        self.failures: list[APIError] = []
        self._pages = pages
        self._window = window
        self._next = 0
        self._emitted = 0
        self._waiting: dict[int, EmittedPage] = {}

    def requests(self, free_slots: int, buffered: int) -> Sequence[PageRequest]:
        if buffered > 1:
            return []
        begin = self._next
        self._next = max(begin, min(self._pages, self._emitted + self._window, begin + free_slots))
        return [PageRequest(QUERY, depth) for depth in range(begin, self._next)]

    def receive(self, request: PageRequest, answer: PageAnswer) -> Sequence[EmittedPage]:
        self._waiting[request.depth] = EmittedPage(request, answer, None, request.depth)
        emitted: list[EmittedPage] = []
        while self._emitted in self._waiting:
            emitted.append(self._waiting.pop(self._emitted))
            self._emitted += 1
        return emitted

    def failed(self, request: PageRequest, error: APIError) -> Sequence[EmittedPage]:
        del request
        self.failures.append(error)
        raise error

    def finished(self) -> bool:
        return self._emitted == self._pages


def one_after_another() -> CursorPlanner:
    return CursorPlanner(PageRequest(QUERY), CursorTracker(QUERY))


def pages_of(
    service: Service,
    planner: PagePlanner | None = None,
    *,
    concurrency: int = 4,
    lifetime: Lifetime | None = None,
) -> AsyncGenerator[EmittedPage, None]:
    return fetch_planned(
        planner or one_after_another(),
        service.fetch,
        concurrency=concurrency,
        lifetime=lifetime or Lifetime(),
    )


def tasks() -> list[asyncio.Task[object]]:
    """All tasks but those that run the tests."""
    running = asyncio.all_tasks()
    return [task for task in running if "TestRunner" not in repr(task.get_coro())]


async def collect(
    pages: AsyncGenerator[EmittedPage, None], into: list[int] | None = None
) -> list[int]:
    """The depths of all pages; those that came before an exception are in ``into`` as well."""
    depths: list[int] = [] if into is None else into
    async with aclosing(pages):
        async for page in pages:
            depths.append(page.request.depth)
            await anyio.lowlevel.checkpoint()
    return depths
