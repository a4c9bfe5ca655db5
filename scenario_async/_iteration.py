"""What every asynchronous iterator of this package is: one that says how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, TypeVar, cast

from ._errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

__all__ = ["Iteration", "RowIteration"]

ItemT = TypeVar("ItemT")

_COMPLETE = "complete"
_HOW_TO_WAIT = (
    "A time limit around anext() cancels it and all that is under way. Give the step a task, and "
    "wait for that as often as you like: step = asyncio.ensure_future(anext(...)), then "
    "await asyncio.wait([step], timeout=...)"
)


class Iteration(AsyncGenerator[ItemT, None]):
    """Steps through an asynchronous generator, and remembers how that ended.

    A generator that was ended by a cancellation, an error or ``aclose`` looks complete to whoever
    asks it again: Python ends the loop. This one raises :class:`UsageError` then, which says what
    happened. It does not go on after a cancellation: leaving ends all requests at once, and a step
    that outlived its caller would be one that nobody ends.

    Args:
        steps: The generator. Nobody else has it.
        noun: What it goes through, in a word for messages.
    """

    __slots__ = ("__weakref__", "_ended", "_noun", "_steps")

    def __init__(self, steps: AsyncGenerator[ItemT, None], noun: str) -> None:
        self._steps = steps
        self._noun = noun
        self._ended: str | None = None

    def __repr__(self) -> str:
        return f"<iteration of a {self._noun}, {self._ended or 'under way'}>"

    async def __anext__(self) -> ItemT:
        if self._ended is not None:
            raise self._answer()
        try:
            return await self._steps.__anext__()
        except BaseException as error:
            self._note(error)
            raise

    async def asend(self, value: None, /) -> ItemT:  # noqa: ARG002 - as of any generator
        """The next item. These generators take no value but ``None``."""
        return await anext(self)

    async def athrow(
        self,
        typ: type[BaseException] | BaseException,
        val: object = None,
        tb: TracebackType | None = None,
        /,
    ) -> ItemT:
        """Raise an exception where the generator stands."""
        thrown = val if isinstance(val, BaseException) else typ
        if isinstance(thrown, type):
            thrown = thrown() if val is None else thrown(val)
        try:
            return await self._steps.athrow(thrown.with_traceback(tb or thrown.__traceback__))
        except BaseException as error:
            self._note(error)
            raise

    async def aclose(self) -> None:
        """End it here; what is under way is cancelled, and nothing is left when this returns."""
        try:
            await self._steps.aclose()
        finally:
            self._note(GeneratorExit())

    def _note(self, error: BaseException) -> None:
        """Remember what came out, if the generator ended with it."""
        # Two steps at once are an error of the second one, and the generator goes on.
        if self._ended is not None or getattr(self._steps, "ag_frame", None) is not None:
            return
        if isinstance(error, StopAsyncIteration):
            self._ended = _COMPLETE
        elif isinstance(error, asyncio.CancelledError):
            self._ended = "cancelled"
        elif isinstance(error, GeneratorExit):
            self._ended = "closed"
        else:
            # Not the error itself: its traceback would keep the whole page alive.
            self._ended = f"ended by {type(error).__name__}"

    def _answer(self) -> Exception:
        """What whoever asks for more than there is gets."""
        if self._ended == _COMPLETE:
            return StopAsyncIteration()
        more = f" {_HOW_TO_WAIT}" if self._ended == "cancelled" else ""
        return UsageError(
            f"this {self._noun} was {self._ended} before its end, and what is left of it did not "
            f"come: begin another one.{more}"
        )


class RowIteration(Iteration[ItemT]):
    """An iteration over the items of a generator of iterables, one iterable after the other.

    This costs less for each item than a generator of items.
    """

    __slots__ = ("_ready",)

    def __init__(self, steps: AsyncGenerator[Iterable[ItemT], None], noun: str) -> None:
        super().__init__(cast("AsyncGenerator[ItemT, None]", steps), noun)
        self._ready: Iterator[ItemT] = iter(())

    async def __anext__(self) -> ItemT:
        while True:
            if self._ended is None:
                try:
                    for item in self._ready:
                        return item
                except BaseException as error:  # noqa: BLE001 - it ends the generator
                    return await self.athrow(error)
            self._ready = iter(cast("Iterable[ItemT]", await super().__anext__()))
