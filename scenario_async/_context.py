"""What one client shares: what listings, retrievals and the packages above build on."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from scenario_async._decoding import decode_page
from scenario_async._events import NO_HOOKS, Operation, told
from scenario_async._http import Call, TimeSlice
from scenario_async._pagination import PageFetcher

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from scenario_async._decoding import PageAnswer, PageReader
    from scenario_async._http import Lifetime, Parse, Requester, RequestOptions
    from scenario_async._pagination import Learned, PageRequest
    from scenario_async._query import ListingQuery

    from ._events import EventHooks, OperationKind

__all__ = ["PAGES_AT_ONCE", "Context"]

ResultT = TypeVar("ResultT")
RowT = TypeVar("RowT")

PAGES_AT_ONCE = 8
"""How many pages a run asks for at once, unless told otherwise.

A page is some 2 MB: more at once would cost memory, and hardly saves time.
"""


@dataclass(frozen=True, slots=True)
class Context:
    """What the listings and retrievals of one client share.

    Attributes:
        requester: Sends their requests.
        lifetime: Ends them all at once.
        event_hooks: What the user wants to be told of.
        max_concurrency: The largest number of requests under way.
        default_query: What is added to each request.
        learned: What is known of the service.
        within: The id of the operation that all this is a part of, where it is one.
    """

    requester: Requester
    lifetime: Lifetime
    event_hooks: EventHooks
    max_concurrency: int
    default_query: Mapping[str, object]
    learned: Learned
    within: int | None = None

    @contextmanager
    def operation(self, kind: OperationKind, name: str) -> Generator[Context]:
        """Tell the hooks of an operation; what is asked for with its context is a part of it."""
        if self.event_hooks is NO_HOOKS:
            yield self
            return
        operation = Operation(kind=kind, name=name, parent=self.within)
        with told(self.event_hooks, operation):
            yield replace(self, within=operation.id)

    def new_slice(self) -> TimeSlice:
        """A share of the loop of this client."""
        return TimeSlice(self.requester.loop_budget)

    async def read(self, page: PageReader[RowT]) -> dict[str, RowT]:
        """All records of a page, by their ids, with the loop given back every millisecond."""
        turn = self.new_slice()
        rows: dict[str, RowT] = {}
        while page.left:
            sighted = page.take(await turn.rows())
            rows.update((model_id, row) for model_id, row in sighted if row is not None)
        return rows

    def at_once(self, wanted: int | None) -> int:
        """How many requests may be under way where so many are wanted; ``None`` is all."""
        return min(self.max_concurrency, wanted or self.max_concurrency)

    async def fetch(
        self, request: PageRequest, options: RequestOptions, *, dated: bool = False
    ) -> PageAnswer:
        """Fetch one page and take it apart; ``dated`` where a planner goes by all its dates."""
        with self.operation("page", request.query.path) as page:
            answer = await PageFetcher(page._send, self.learned, options).page(request)  # noqa: SLF001 - its own kind
        if dated:
            budget, by_update = self.requester.loop_budget, request.query.sort_by == "updatedAt"
            await budget.run(partial(answer.moments, by_update=by_update), budget.LARGE)
        return answer

    async def call(self, call: Call, parse: Parse[ResultT], options: RequestOptions) -> ResultT:
        """Send a call until its answer can be parsed, or it is time to give up."""
        return await self.requester.call(call, parse, options, parent=self.within)

    async def _send(self, query: ListingQuery, options: RequestOptions) -> PageAnswer:
        return await self.call(
            Call(path=query.path, parameters=query.parameters()), decode_page, options
        )
