"""What one client shares: what listings, retrievals and the packages above build on."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, NoReturn, TypeVar

from scenario_async._decoding import decode_page
from scenario_async._events import (
    NO_HOOKS,
    ClientHooks,
    Operation,
    in_stretches,
    told,
    told_around,
)
from scenario_async._http import Call, Lifetime, Requester, TimeSlice
from scenario_async._pagination import PageFetcher

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Mapping

    from scenario_async._decoding import PageAnswer, PageReader
    from scenario_async._http import Clock, Pacer, Parse, RequestOptions
    from scenario_async._http.transport import Transport
    from scenario_async._options import ClientOptions
    from scenario_async._pagination import Learned, PageRequest
    from scenario_async._query import ListingQuery

    from ._client import AsyncScenario
    from ._events import EventHooks, OperationKind

__all__ = ["PAGES_AT_ONCE", "Context", "at_pace_of", "context_of", "operation_of"]

ResultT = TypeVar("ResultT")
RowT = TypeVar("RowT")
StepT = TypeVar("StepT")

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
        hooks: What the user wants to be told of.
        max_concurrency: The largest number of requests under way.
        default_query: What is added to each request.
        learned: What is known of the service.
        within: The operation that all this is a part of, where it is part of one.
    """

    requester: Requester
    lifetime: Lifetime
    hooks: ClientHooks
    max_concurrency: int
    default_query: Mapping[str, object]
    learned: Learned
    within: Operation | None = None

    def __reduce__(self) -> NoReturn:
        # Whatever holds a context, such as Models, is refused by this. Otherwise the error would be
        # about something deep inside of it.
        raise TypeError(
            "a client cannot be pickled or copied: make one in each process, and another on the "
            "same session by with_options; models and pages can"
        )

    @classmethod
    def of(
        cls,
        options: ClientOptions,
        transport: Transport,
        pacer: Pacer,
        clock: Clock,
        *,
        learned: Learned,
        parent: Context | None,
    ) -> Context:
        """That of a new client; with a parent, of one that is derived from another."""
        lifetime = Lifetime(None if parent is None else parent.lifetime, transport.check_usable)
        hooks = ClientHooks(options.event_hooks, None if parent is None else parent.hooks)
        requester = Requester(
            options, transport=transport, pacer=pacer, lifetime=lifetime, clock=clock, hooks=hooks
        )
        return cls(
            requester, lifetime, hooks, options.max_concurrency, options.default_query, learned
        )

    @property
    def event_hooks(self) -> EventHooks:
        """All hooks of the client as one."""
        return self.hooks.together

    @property
    def within_id(self) -> int | None:
        """The id of the operation that all this is a part of."""
        return None if self.within is None else self.within.id

    @contextmanager
    def operation(self, kind: OperationKind, name: str) -> Generator[Context]:
        """Tell the hooks of an operation; what is asked for with its context is a part of it.

        For one that returns its result at once. One that yields on the way is :meth:`stepwise`.
        """
        hooks = self.event_hooks
        if hooks is NO_HOOKS:
            yield self
            return
        operation = self._part(kind, name)
        with told_around(hooks, operation):
            yield replace(self, within=operation)

    @contextmanager
    def stepwise(self, kind: OperationKind, name: str) -> Generator[Context]:
        """The same for a generator, which does what takes requests in :meth:`steps`."""
        hooks = self.event_hooks
        if hooks is NO_HOOKS:
            yield self
            return
        operation = self._part(kind, name)
        with told(hooks, operation):
            yield replace(self, within=operation)

    def steps(self, steps: AsyncGenerator[StepT, None]) -> AsyncGenerator[StepT, None]:
        """Steps of the operation of this context, each as a stretch of its work."""
        hooks = self.event_hooks
        if self.within is None or hooks.around is None:
            return steps
        return in_stretches(hooks, self.within, steps)

    def new_slice(self) -> TimeSlice:
        """A share of the loop of this client."""
        return TimeSlice(self.requester.loop_budget)

    async def read(self, page: PageReader[RowT]) -> dict[str, RowT]:
        """All records of a page, by their ids, with the loop given back every millisecond."""
        time_slice = self.new_slice()
        rows: dict[str, RowT] = {}
        while page.left:
            sighted = page.take(await time_slice.rows())
            rows.update((model_id, row) for model_id, row in sighted if row is not None)
        return rows

    def now(self) -> float:
        """Seconds since some fixed moment, by the clock of this client."""
        return self.requester.clock.now()

    async def sleep(self, seconds: float) -> None:
        """Come back after so many seconds.

        Raises:
            UsageError: The client was closed before.
        """
        with self.lifetime.call():
            await self.requester.clock.sleep(seconds)

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
        return await self.requester.call(call, parse, options, parent=self.within_id)

    def _part(self, kind: OperationKind, name: str) -> Operation:
        return Operation(kind=kind, name=name, parent=self.within_id)

    async def _send(self, query: ListingQuery, options: RequestOptions) -> PageAnswer:
        return await self.call(
            Call(path=query.path, parameters=query.parameters()), decode_page, options
        )


def context_of(client: AsyncScenario) -> Context:
    """What a client shares with what is built on it, for the packages of this library alone."""
    return client._context  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - see above


def at_pace_of(paced: AsyncScenario, client: AsyncScenario) -> AsyncScenario:
    """A client that asks as ``client`` does, and shares slots, rate and pauses with ``paced``.

    What is asked through it is a part of the operation of ``paced``. For keys that share a limit of
    the service; as above, for the packages of this library alone.
    """
    return client._at_pace_of(paced)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - see above


@contextmanager
def operation_of(client: AsyncScenario, kind: OperationKind, name: str) -> Generator[AsyncScenario]:
    """An operation of a client; whatever is asked through the client that it gives is a part of it.

    As above, for the packages of this library alone.
    """
    with context_of(client).operation(kind, name) as inside:
        part = client.with_options()
        part._context = inside  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - see above
        yield part
