"""Single records by their ids: one, or many at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Collection, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, cast
from urllib.parse import quote

import anyio

from ._decode import InvalidRow, RowDecoder, decode_record
from ._errors import APIResponseValidationError, UsageError
from ._events import check_callback
from ._fetcher import fetch_planned
from ._lifetime import until_done
from ._options import check_count
from ._planners.records import IdsRead, Missing, MoreIds, RecordRequest, Records
from ._query import wire_value
from ._requester import Call, RequestOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import msgspec

    from ._lifetime import Lifetime
    from ._walk import PageSource

__all__ = ["Retrieval", "retrieve_many", "retrieve_one"]

RowT = TypeVar("RowT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieval(Generic[RowT]):
    """How records are asked for.

    Attributes:
        type_: What they are decoded into.
        original_assets: Give assets without transformation.
        project_id: In place of the client's.
        on_invalid: Takes the records that do not fit.
        max_concurrency: How many requests may be under way, below the bound of the client.
        request: What each request adds.
    """

    type_: type[RowT]
    original_assets: bool | None = None
    project_id: str | None = None
    on_invalid: Callable[[InvalidRow], object] | None = None
    max_concurrency: int | None = None
    request: RequestOptions = field(default_factory=RequestOptions)

    def __post_init__(self) -> None:
        check_callback("on_invalid", self.on_invalid)
        if self.max_concurrency is not None:
            check_count("max_concurrency", self.max_concurrency, least=1)

    def call(self, model_id: str) -> Call:
        """What is asked for one record."""
        given = {"originalAssets": self.original_assets, "projectId": self.project_id}
        parameters = {name: wire_value(one) for name, one in given.items() if one is not None}
        return Call(path=f"/models/{quote(model_id, safe='')}", parameters=parameters)


async def retrieve_one(source: PageSource, model_id: str, retrieval: Retrieval[RowT]) -> RowT:
    """One record."""
    call = retrieval.call(_checked("model_id", model_id))
    raw = await source.requester.call(call, decode_record, retrieval.request)
    model = RowDecoder(retrieval.type_).decode(raw)
    if isinstance(model, InvalidRow):
        raise model.error
    return model


def retrieve_many(
    source: PageSource,
    ids: Iterable[str] | AsyncIterable[str],
    retrieval: Retrieval[RowT],
    *,
    ordered: bool,
) -> AsyncGenerator[RowT | Missing, None]:
    """The records of all these ids, fetched at once and typed one by one.

    Raises:
        TypeError: At once, for ids that are no ids; of an iterator, when it comes to them.
        ValueError: As above.
    """
    if isinstance(ids, str):
        raise TypeError("ids must be several ids, such as ['a', 'b'], and not one str")
    if not isinstance(ids, AsyncIterable | Iterable):  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
        raise TypeError(f"ids must be an iterable of str, not {type(ids).__name__}")
    if isinstance(ids, Collection):
        # Whatever can be gone through twice is checked before any request.
        for place, model_id in enumerate(cast("Collection[object]", ids)):
            _checked(f"ids[{place}]", model_id)
    return _records(source, ids, retrieval, ordered=ordered)


async def _records(
    source: PageSource,
    ids: Iterable[str] | AsyncIterable[str],
    retrieval: Retrieval[RowT],
    *,
    ordered: bool,
) -> AsyncGenerator[RowT | Missing, None]:
    source.requester.check_usable()
    most = source.at_once(retrieval.max_concurrency)
    planner: Records[msgspec.Raw | InvalidRow] = Records(most=most, ordered=ordered)
    decoder = RowDecoder(retrieval.type_)
    reader: _IdReader
    if isinstance(ids, AsyncIterable):
        reader = _AsyncIds(ids, source.lifetime, ahead=most)
    else:
        reader = _PlainIds(iter(ids))

    async def fetch(request: MoreIds | RecordRequest) -> IdsRead | msgspec.Raw | InvalidRow:
        if isinstance(request, MoreIds):
            return await reader.read(request.count)
        return await _fetch(source, request.id, retrieval)

    # One more than records: asking for ids is no request to the service.
    fetched = fetch_planned(planner, fetch, concurrency=most + 1, lifetime=source.lifetime)
    async with aclosing(reader), aclosing(fetched) as records:
        async for record in records:
            if isinstance(record, Missing):
                yield record
                continue
            row = record if isinstance(record, InvalidRow) else decoder.decode(record)
            if not isinstance(row, InvalidRow):
                yield row
            elif retrieval.on_invalid is None:
                raise row.error
            else:
                retrieval.on_invalid(row)


async def _fetch(
    source: PageSource, model_id: str, retrieval: Retrieval[RowT]
) -> msgspec.Raw | InvalidRow:
    """One record, still raw. An answer that is none in the end is a record that does not fit."""
    answer = b""

    def parse(body: bytes) -> msgspec.Raw:
        nonlocal answer
        answer = body
        return decode_record(body)

    try:
        return await source.requester.call(retrieval.call(model_id), parse, retrieval.request)
    except APIResponseValidationError as error:
        error.model_id = model_id
        return InvalidRow(model_id, answer, error)


def _checked(name: str, model_id: object) -> str:
    if not isinstance(model_id, str):
        raise TypeError(f"{name} must be a str, not {type(model_id).__name__}")
    if not model_id.strip() or model_id in (".", ".."):
        raise ValueError(f"{name} must be the id of a model, not {model_id!r}")
    return model_id


class _IdReader(Protocol):
    async def read(self, count: int) -> IdsRead:
        """The next ids, one or more where there are any."""
        ...

    async def aclose(self) -> None:
        """Read no further."""
        ...


class _PlainIds:
    """Reads ids from an iterator, in place."""

    def __init__(self, ids: Iterator[object]) -> None:
        self._ids = ids
        self._read = 0

    async def read(self, count: int) -> IdsRead:
        """As many as are wanted."""
        ids: list[str] = []
        try:
            while len(ids) < count:
                ids.append(_checked(f"ids[{self._read}]", next(self._ids)))
                self._read += 1
        except StopIteration:
            return IdsRead(ids, last=True)
        except Exception as error:  # noqa: BLE001 - raised by the walk, after what came before
            return IdsRead(ids, last=True, error=error)
        return IdsRead(ids)

    async def aclose(self) -> None:
        """An iterator is left where it is."""


class _AsyncIds:
    """Reads ids from an asynchronous iterator, ahead of whoever wants them.

    In a task of its own, and in one for all of them: each step of an asynchronous generator in
    another task would break the time limits and cancel scopes that it may hold.
    """

    def __init__(self, ids: AsyncIterable[object], lifetime: Lifetime, *, ahead: int) -> None:
        self._ids = ids
        self._lifetime = lifetime
        self._send, self._receive = anyio.create_memory_object_stream[str](ahead)
        self._task: asyncio.Task[None] | None = None

    async def read(self, count: int) -> IdsRead:
        """As many as there are, once there is one."""
        if self._task is None:
            self._task = asyncio.create_task(self._run())
            # Also where the task was cancelled before its first step.
            self._task.add_done_callback(lambda _: self._send.close())
            self._lifetime.start(self._task)
        ids: list[str] = []
        try:
            ids.append(await self._receive.receive())
            while len(ids) < count:
                ids.append(self._receive.receive_nowait())
        except anyio.WouldBlock:
            return IdsRead(ids)
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
        place = 0
        ids = aiter(self._ids)
        try:
            async for model_id in ids:
                await self._send.send(_checked(f"ids[{place}]", model_id))
                place += 1
        finally:
            # Nobody else could: its time limits and cancel scopes are of this task.
            if isinstance(ids, AsyncGenerator):
                await ids.aclose()
