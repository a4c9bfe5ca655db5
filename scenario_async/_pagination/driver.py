"""Fetches what any planner requests, with bounded concurrency, and yields what it emits."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

import anyio

from scenario_async._errors import APIConnectionError, APIError, UsageError
from scenario_async._http import until_done

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

    from anyio.abc import TaskGroup
    from anyio.streams.memory import MemoryObjectSendStream

    from scenario_async._http import Lifetime

    from .planner import Planner

__all__ = ["fetch_planned"]

RequestT = TypeVar("RequestT")
AnswerT = TypeVar("AnswerT")
EmittedT = TypeVar("EmittedT")

_CLOSED = "the client was closed while a listing or a retrieval was under way"


async def fetch_planned(
    planner: Planner[RequestT, AnswerT, EmittedT],
    fetch: Callable[[RequestT], Awaitable[AnswerT]],
    *,
    concurrency: int,
    lifetime: Lifetime,
) -> AsyncGenerator[EmittedT, None]:
    """Yield what a planner emits, fetched while the caller handles what came before.

    At most ``concurrency`` requests are under way. The planner decides how far they run ahead of a
    slow caller. Leaving the generator at any point cancels all of them.

    Raises:
        APIError: The first request that failed for good, after all that was emitted before.
        PaginationError: The service leads nowhere, after all good pages.
        UsageError: The client was closed meanwhile.
    """
    lifetime.begin()
    # Without a bound: the planner has one, and is told what is buffered here.
    send, receive = anyio.create_memory_object_stream[EmittedT](math.inf)
    run = _Run(planner, fetch, concurrency, send)
    # The task group lives in a task of its own and not in this generator: a generator is suspended
    # wherever its caller likes, and a task group must not be
    # (https://anyio.readthedocs.io/en/stable/cancellation.html#avoiding-cancel-scope-stack-corruption).
    task = asyncio.create_task(run.run())
    lifetime.start(task)

    def ended(task: asyncio.Task[None]) -> None:
        # Also where the run was cancelled before its first step.
        send.close()
        # Whoever left early does not want to hear of a failure, and neither should the log.
        _ = task.cancelled() or task.exception()

    task.add_done_callback(ended)
    try:
        async for emitted in receive:
            # What is still buffered is dropped: a closed client stops at once.
            if lifetime.closed:
                raise UsageError(_CLOSED)
            run.taken()
            yield emitted
        await asyncio.wait((task,))
        if task.cancelled():
            raise UsageError(_CLOSED)
        task.result()
    finally:
        task.cancel()
        receive.close()
        await until_done((task,))


class _Run(Generic[RequestT, AnswerT, EmittedT]):
    """Fetches until the planner is finished, and cancels what is still under way then."""

    def __init__(
        self,
        planner: Planner[RequestT, AnswerT, EmittedT],
        fetch: Callable[[RequestT], Awaitable[AnswerT]],
        concurrency: int,
        caller: MemoryObjectSendStream[EmittedT],
    ) -> None:
        self._planner = planner
        self._fetch = fetch
        self._concurrency = concurrency
        self._caller = caller
        self._under_way = 0
        self._buffered = 0
        self._answers: deque[tuple[RequestT, AnswerT]] = deque()
        self._failures: deque[tuple[RequestT, Exception]] = deque()
        self._news = anyio.Event()

    def taken(self) -> None:
        """The caller took one of the things emitted."""
        self._buffered -= 1
        self._news.set()

    async def run(self) -> None:
        """Fetch to the end. Exceptions come out as themselves, not as a group."""
        failure: Exception | None = None
        async with anyio.create_task_group() as fetches:
            try:
                while not self._planner.finished():
                    self._start_requests(fetches)
                    await self._news.wait()
                    self._take_in_one()
            except Exception as error:  # noqa: BLE001 - raised again below, outside the task group
                failure = error
            fetches.cancel_scope.cancel()
        if failure is not None:
            raise failure

    def _start_requests(self, fetches: TaskGroup) -> None:
        if self._failures:
            return
        free_slots = self._concurrency - self._under_way
        for request in self._planner.requests(free_slots, self._buffered):
            self._under_way += 1
            fetches.start_soon(self._fetch_one, request, fetches.cancel_scope)

    def _take_in_one(self) -> None:
        """Tell the planner of one outcome, and send what it emits to the caller.

        One at a time, so that other tasks can run. Answers come before failures, which may end the
        run: the answers were paid for.
        """
        emitted: Sequence[EmittedT] = ()
        if self._answers:
            emitted = self._planner.receive(*self._answers.popleft())
            self._under_way -= 1
        elif self._failures:
            request, failure = self._failures.popleft()
            self._under_way -= 1
            if not isinstance(failure, APIError):
                raise failure
            emitted = self._planner.failed(request, failure)
        if not (self._answers or self._failures):
            self._news = anyio.Event()
        for one in emitted:
            self._buffered += 1
            self._caller.send_nowait(one)

    async def _fetch_one(self, request: RequestT, scope: anyio.CancelScope) -> None:
        """Fetch one and keep the outcome: an exception would reach the caller in a group."""
        try:
            self._answers.append((request, await self._fetch(request)))
        except asyncio.CancelledError as error:
            if scope.cancel_called:
                raise
            # Somebody else cancelled this one request, and not the run. The task group would end
            # without a word, as if the listing had ended.
            outcome = APIConnectionError("the request was cancelled")
            outcome.__cause__ = error
            self._failures.append((request, outcome))
        except Exception as error:  # noqa: BLE001 - raised again by the run
            self._failures.append((request, error))
        self._news.set()
