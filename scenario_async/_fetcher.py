"""Drives any planner with bounded concurrency, and hands its pages over one by one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeAlias

import anyio

from ._errors import APIConnectionError, APIError, UsageError
from ._lifetime import until_done

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

    from anyio.abc import TaskGroup
    from anyio.streams.memory import MemoryObjectSendStream

    from ._decode import PageAnswer
    from ._lifetime import Lifetime
    from ._planner import PageRequest, Planner

__all__ = ["fetch_pages"]

Fetched: TypeAlias = "tuple[PageRequest, PageAnswer]"
Fetch: TypeAlias = "Callable[[PageRequest], Awaitable[PageAnswer]]"
Outcome: TypeAlias = "tuple[PageRequest, PageAnswer | Exception]"


async def fetch_pages(
    planner: Planner, fetch: Fetch, *, concurrency: int, lifetime: Lifetime
) -> AsyncGenerator[Fetched, None]:
    """The pages that a planner releases, in its order, fetched while the caller handles others.

    At most ``concurrency`` requests are under way, and one finished page waits for the caller.
    Leaving the generator at any point ends all of them.

    Raises:
        APIError: The first page that could not be fetched, after all pages before it.
        PaginationError: The chain of pages is broken, after all good pages.
        UsageError: The client was closed in mid-walk.
    """
    lifetime.use()
    send, receive = anyio.create_memory_object_stream[Fetched](0)
    # The task group lives in a task of its own and not in this generator: a generator is suspended
    # wherever its caller likes, and a task group must not be
    # (https://anyio.readthedocs.io/en/stable/cancellation.html#avoiding-cancel-scope-stack-corruption).
    walk = asyncio.create_task(_walk(planner, fetch, concurrency, send))
    lifetime.start(walk)

    def ended(walk: asyncio.Task[None]) -> None:
        # Also where the walk was cancelled before its first step.
        send.close()
        # Whoever left early does not want to hear of a failure, and neither should the log.
        _ = walk.cancelled() or walk.exception()

    walk.add_done_callback(ended)
    try:
        async for page in receive:
            yield page
        await asyncio.wait((walk,))
        if walk.cancelled():
            raise UsageError("the client was closed while a listing was under way")
        walk.result()
    finally:
        walk.cancel()
        receive.close()
        await until_done((walk,))


async def _walk(
    planner: Planner,
    fetch: Fetch,
    concurrency: int,
    pages: MemoryObjectSendStream[Fetched],
) -> None:
    """Fetch until the planner is finished. Exceptions come out as themselves, not as a group."""
    failure: Exception | None = None
    finished, outcomes = anyio.create_memory_object_stream[Outcome](concurrency)
    under_way = 0

    def start_requests(fetches: TaskGroup) -> None:
        nonlocal under_way
        for request in planner.requests(concurrency - under_way):
            under_way += 1
            fetches.start_soon(_fetch_one, fetch, request, finished, fetches.cancel_scope)

    with finished, outcomes:
        async with anyio.create_task_group() as fetches:
            try:
                while not planner.finished():
                    start_requests(fetches)
                    request, outcome = await outcomes.receive()
                    under_way -= 1
                    released = _take_in(planner, request, outcome)
                    # The next requests go out before the caller takes these pages.
                    start_requests(fetches)
                    for page in released:
                        await pages.send(page)
            except anyio.BrokenResourceError:
                # The caller has left, and does not want to hear of it.
                fetches.cancel_scope.cancel()
            except Exception as error:  # noqa: BLE001 - raised again below, outside the task group
                failure = error
                fetches.cancel_scope.cancel()
    if failure is not None:
        raise failure


async def _fetch_one(
    fetch: Fetch,
    request: PageRequest,
    finished: MemoryObjectSendStream[Outcome],
    walk: anyio.CancelScope,
) -> None:
    """Fetch one page and report what came of it: an exception would reach the caller in a group."""
    outcome: PageAnswer | Exception
    try:
        outcome = await fetch(request)
    except asyncio.CancelledError as error:
        if walk.cancel_called:
            raise
        # Not the walk was cancelled but this one request, by somebody else. The task group would
        # then end the walk without a word, as if the listing had ended.
        outcome = APIConnectionError(f"{request.query.path}: the request was cancelled")
        outcome.__cause__ = error
    except Exception as error:  # noqa: BLE001 - raised again by the walk
        outcome = error
    finished.send_nowait((request, outcome))


def _take_in(
    planner: Planner, request: PageRequest, outcome: PageAnswer | Exception
) -> Sequence[Fetched]:
    if isinstance(outcome, APIError):
        planner.failed(request, outcome)
        return ()
    if isinstance(outcome, Exception):
        raise outcome
    return planner.receive(request, outcome)
