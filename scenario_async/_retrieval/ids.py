"""Ids from an iterable of any kind, read as they are needed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Collection, Hashable, Iterable
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, cast

import anyio
from anyio.lowlevel import checkpoint

from scenario_async._argument_errors import ArgumentError, Parameter
from scenario_async._errors import UsageError
from scenario_async._http import until_done

from .planner import IdsRead, Known

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scenario_async._http import Lifetime

__all__ = ["IdReader", "check_collection", "check_id", "given_id", "read_ids"]

GivenT = TypeVar("GivenT")
IdT = TypeVar("IdT", bound=Hashable)
RecordT = TypeVar("RecordT")

# Passes of the loop without another id after which an iterator is taken to wait for something. One
# that goes through what it has gives an id in each, or in each few where it is made of several.
_QUIET_PASSES = 10


def check_id(name: str, model_id: object) -> str:
    """The id.

    Raises:
        TypeError: It is not a str.
        ValueError: It cannot be asked for.
    """
    if not isinstance(model_id, str):
        more = ": give its id" if isinstance(getattr(model_id, "id", None), str) else ""
        raise TypeError(f"{name} must be a str, not {type(model_id).__name__}{more}")
    if not model_id.strip() or model_id in (".", ".."):
        raise ArgumentError(Parameter(name), f" must be the id of a model, not {model_id!r}")
    return model_id


def given_id(name: str, model_id: object) -> str:
    """An id that a user gave. One of a row of the service is asked for as it is.

    Raises:
        TypeError: It is not a str.
        ValueError: It cannot be asked for, or no model could have it.
    """
    checked = check_id(name, model_id)
    if checked != checked.strip() or not checked.isprintable():
        raise ArgumentError(
            Parameter(name),
            " has white space around it or a control character in it: "
            "it may have been read from a file with its line end",
        )
    return checked


def check_collection(name: str, given: object, check: Callable[[int, object], object]) -> None:
    """Check whatever can be gone through twice, before any request.

    Raises:
        TypeError: It is not an iterable, or as ``check`` says of one of them.
        ValueError: As ``check`` says.
    """
    if isinstance(given, str):
        raise TypeError(f"{name} must be several ids, such as ['a', 'b'], and not one str")
    if not isinstance(given, AsyncIterable | Iterable):
        raise TypeError(f"{name} must be an iterable of str, not {type(given).__name__}")
    if isinstance(given, Collection):
        for index, one in enumerate(cast("Collection[object]", given)):
            check(index, one)


class IdReader(Protocol[IdT, RecordT]):
    """Reads ids in their order."""

    async def read(self, count: int) -> IdsRead[IdT, RecordT]:
        """The next ids, one or more where there are any."""
        ...

    async def aclose(self) -> None:
        """Read no further."""
        ...


def read_ids(
    given: Iterable[GivenT] | AsyncIterable[GivenT],
    read: Callable[[int, GivenT], IdT | Known[RecordT]],
    lifetime: Lifetime,
    *,
    ahead: int,
) -> IdReader[IdT, RecordT]:
    """A reader of what is given.

    Args:
        given: Ids, or what an id can be read of.
        read: Reads it, with the number of those before.
        lifetime: Of the client.
        ahead: How many are read ahead at most of an asynchronous iterator.
    """
    if isinstance(given, AsyncIterable):
        return _AsyncIds(given, read, lifetime, ahead=ahead)
    return _PlainIds(iter(given), read)


class _PlainIds(Generic[GivenT, IdT, RecordT]):
    """Reads ids from an iterator, in place."""

    def __init__(
        self, given: Iterator[GivenT], read: Callable[[int, GivenT], IdT | Known[RecordT]]
    ) -> None:
        self._given = given
        self._read = read
        self._place = 0

    async def read(self, count: int) -> IdsRead[IdT, RecordT]:
        """As many as are wanted."""
        ids: list[IdT | Known[RecordT]] = []
        try:
            while len(ids) < count:
                ids.append(self._read(self._place, next(self._given)))
                self._place += 1
        except StopIteration:
            return IdsRead(ids, last=True)
        except Exception as error:  # noqa: BLE001 - raised by the run, after what came before
            return IdsRead(ids, last=True, error=error)
        return IdsRead(ids)

    async def aclose(self) -> None:
        """An iterator is left where it is."""


class _AsyncIds(Generic[GivenT, IdT, RecordT]):
    """Reads ids from an asynchronous iterator, ahead of whoever wants them.

    In a task of its own, and in one for all of them: each step of an asynchronous generator in
    another task would break the time limits and cancel scopes that it may hold.
    """

    def __init__(
        self,
        given: AsyncIterable[GivenT],
        read: Callable[[int, GivenT], IdT | Known[RecordT]],
        lifetime: Lifetime,
        *,
        ahead: int,
    ) -> None:
        self._given = given
        self._read = read
        self._lifetime = lifetime
        self._send, self._receive = anyio.create_memory_object_stream["IdT | Known[RecordT]"](ahead)
        self._task: asyncio.Task[None] | None = None

    async def read(self, count: int) -> IdsRead[IdT, RecordT]:
        """As many as there are, once there is one; of those that come without delay, all."""
        if self._task is None:
            self._task = asyncio.create_task(self._run())
            # Also where the task was cancelled before its first step.
            self._task.add_done_callback(lambda _: self._send.close())
            self._lifetime.start(self._task)
        ids: list[IdT | Known[RecordT]] = []
        quiet = 0
        try:
            ids.append(await self._receive.receive())
            while len(ids) < count and quiet < _QUIET_PASSES:
                try:
                    ids.append(self._receive.receive_nowait())
                    quiet = 0
                except anyio.WouldBlock:
                    quiet += 1
                    await checkpoint()
        except anyio.EndOfStream:
            if self._task.cancelled():
                return IdsRead(ids, last=True, error=UsageError("reading the ids was cancelled"))
            error = self._task.exception()
            return IdsRead(ids, last=True, error=error if isinstance(error, Exception) else None)
        return IdsRead(ids)

    async def aclose(self) -> None:
        """End the task."""
        self._receive.close()
        if self._task is not None:
            self._task.cancel()
            await until_done((self._task,))
            # Whoever left early does not want to hear of a failure, and neither should the log.
            _ = self._task.cancelled() or self._task.exception()
        self._send.close()

    async def _run(self) -> None:
        index = 0
        given = aiter(self._given)
        try:
            async for one in given:
                await self._send.send(self._read(index, one))
                index += 1
        finally:
            # Nobody else could: its time limits and cancel scopes are of this task.
            if isinstance(given, AsyncGenerator):
                await given.aclose()
