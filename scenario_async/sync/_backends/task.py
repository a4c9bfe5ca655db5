"""Work that a cancellation ends in order."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import anyio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

__all__ = ["in_own_task", "undisturbed"]

P = ParamSpec("P")
ResultT = TypeVar("ResultT")


def in_own_task(
    work: Callable[P, Awaitable[ResultT]],
) -> Callable[P, Coroutine[Any, Any, ResultT]]:
    """Let a function do its work in a task of its own, which ends when the caller's does.

    A cancellation by asyncio itself, as Ctrl-C is one, strikes the task that awaits wherever it is.
    A child of a task group is only told by its scope, and shields hold that back: what is begun in
    a database is finished. What comes of it is lost then.
    """

    @wraps(work)
    async def begin(*args: P.args, **kwargs: P.kwargs) -> ResultT:
        results: list[ResultT] = []
        failures: list[BaseException] = []

        async def child() -> None:
            try:
                results.append(await work(*args, **kwargs))
            except anyio.get_cancelled_exc_class():
                raise
            except BaseException as error:  # noqa: BLE001 - raised again as itself, outside the group
                failures.append(error)

        async with anyio.create_task_group() as task:
            task.start_soon(child)
        if results:
            return results[0]
        # A child that cancelled itself ends its group without a word.
        ended = failures.pop() if failures else anyio.get_cancelled_exc_class()()
        try:
            raise ended
        finally:
            # Or the traceback would hold this frame, and the frame the traceback.
            del ended

    return begin


def undisturbed() -> anyio.CancelScope:
    """What is begun in a database is finished.

    A scope that is cancelled interrupts whatever awaits next, clean-up too: aiosqlite would lose a
    connection that comes then, and SQLAlchemy one that it closes, with a traceback in the log.
    """
    return anyio.CancelScope(shield=True)
