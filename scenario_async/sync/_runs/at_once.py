"""Work for each of many things, several at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import anyio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

__all__ = ["for_each"]

T = TypeVar("T")


async def for_each(
    things: Iterable[T], work: Callable[[T], Awaitable[object]], *, at_once: int
) -> None:
    """Do the work for each thing, so many at once.

    After a failure nothing more is begun. What is under way has cost requests: it comes to its end
    before the failure is raised.

    Raises:
        Exception: The first failure, as itself.
    """
    left = iter(things)
    ended = 0
    failures: list[Exception] = []

    async def worker() -> None:
        nonlocal ended
        for thing in left:
            try:
                await work(thing)
            except Exception as error:  # noqa: BLE001 - raised again as itself, outside the group
                failures.append(error)
            if failures:
                break
        ended += 1

    async with anyio.create_task_group() as workers:
        for _ in range(at_once):
            workers.start_soon(worker)
    try:
        if failures:
            raise failures[0]
    finally:
        # Or its traceback would hold this frame, and the frame the failure.
        failures.clear()
    if ended < at_once:
        # One was cancelled by itself, which ends the others without a word.
        raise anyio.get_cancelled_exc_class()
