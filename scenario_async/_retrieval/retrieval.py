"""Models by their ids: one, or many at once, each by itself or in bulk."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Generic, TypeVar
from urllib.parse import quote

from scenario_async._argument_errors import check_count
from scenario_async._context import PAGES_AT_ONCE
from scenario_async._decoding import InvalidRow, PageReader, RowDecoder, decode_record
from scenario_async._errors import APIResponseValidationError
from scenario_async._events import check_callback
from scenario_async._http import Call, RequestOptions
from scenario_async._pagination import fetch_planned
from scenario_async._query import given_flag, given_text, wire_value

from .bulk import MODELS, fetch_bulk
from .ids import check_collection, check_id, given_id, read_ids
from .planner import Missing, MoreIds, RecordPlanner

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable

    import msgspec

    from scenario_async._context import Context
    from scenario_async._decoding import PageAnswer

    from .ids import IdReader
    from .planner import IdsRead, Indexed, Known, Outcome, RecordRequest

__all__ = ["Retrieval", "models_of", "records_of", "retrieve_many", "retrieve_one"]

RowT = TypeVar("RowT")
GivenT = TypeVar("GivenT")
IdT = TypeVar("IdT", bound=Hashable)

_ONE = "/models/{modelId}"
_LEFT_OUT = "the service left the model out of its answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieval(Generic[RowT]):
    """How records are asked for.

    Attributes:
        type_: What they are decoded into.
        full: Whether each is asked for by itself, with all that the service has of it.
        original_assets: Give assets without transformation.
        project_id: In place of the client's.
        on_invalid: Takes the records that do not fit.
        max_concurrency: How many requests may be under way, below the bound of the client.
        request: What each request adds.
    """

    type_: type[RowT]
    full: bool = True
    original_assets: bool | None = None
    project_id: str | None = None
    on_invalid: Callable[[InvalidRow], object] | None = None
    max_concurrency: int | None = None
    request: RequestOptions = field(default_factory=RequestOptions)

    def __post_init__(self) -> None:
        given_flag("full", self.full)
        given_flag("original_assets", self.original_assets)
        given_text("project_id", self.project_id)
        check_callback("on_invalid", self.on_invalid)
        if self.max_concurrency is not None:
            check_count("max_concurrency", self.max_concurrency, least=1)
        body = self.request.extra_body
        if not self.full and not isinstance(body, Mapping | None):
            raise TypeError(
                f"extra_body must be a mapping beside full=False, not {type(body).__name__}"
            )

    @property
    def parameters(self) -> dict[str, str]:
        """What the query of each request says."""
        given = {"originalAssets": self.original_assets, "projectId": self.project_id}
        return {name: wire_value(one) for name, one in given.items() if one is not None}

    def call(self, model_id: str) -> Call:
        """What is asked for one record."""
        path = f"/models/{quote(model_id, safe='')}"
        return Call(path=path, parameters=self.parameters, template=_ONE)

    def alone(self) -> Retrieval[RowT]:
        """How a record is asked for of which an answer for many told nothing."""
        if self.full:
            return self
        # What was said beside the ids is not for this route.
        return replace(self, full=True, request=replace(self.request, extra_body=None))


async def retrieve_one(context: Context, model_id: str, retrieval: Retrieval[RowT]) -> RowT:
    """One record."""
    call = retrieval.call(check_id("model_id", model_id))
    with context.operation("retrieval", _ONE) as retrieving:
        raw = await retrieving.call(call, decode_record, retrieval.request)
        model = RowDecoder(retrieval.type_).decode(raw)
        if isinstance(model, InvalidRow):
            raise model.error
    return model


def retrieve_many(
    context: Context,
    ids: Iterable[str] | AsyncIterable[str],
    retrieval: Retrieval[RowT],
    *,
    ordered: bool,
) -> AsyncGenerator[RowT | Missing, None]:
    """The records of all these ids of a user, fetched at once and typed one by one.

    Raises:
        TypeError: At once, for ids that are no ids; of an iterator, when it comes to them.
        ValueError: As above.
    """

    def check(index: int, model_id: object) -> str:
        return given_id(f"ids[{index}]", model_id)

    given_flag("ordered", ordered)
    check_collection("ids", ids, check)
    return models_of(context, ids, check, retrieval, ordered=ordered)


async def models_of(
    context: Context,
    given: Iterable[GivenT] | AsyncIterable[GivenT],
    read: Callable[[int, GivenT], str | Known[RowT | InvalidRow]],
    retrieval: Retrieval[RowT],
    *,
    ordered: bool,
) -> AsyncGenerator[RowT | Missing, None]:
    """The models of what is given; those that ``read`` does not know are asked for."""
    bulk = not retrieval.full and MODELS.path not in context.learned.refused
    at_once = retrieval.max_concurrency or (None if retrieval.full else PAGES_AT_ONCE)
    planner: RecordPlanner[str, RowT | InvalidRow] = RecordPlanner(
        most=context.at_once(at_once), ordered=ordered, batch=MODELS.most if bulk else 1
    )
    decoder = RowDecoder(retrieval.type_)

    with context.stepwise("retrieval", MODELS.path if bulk else _ONE) as retrieving:

        async def fetch(request: RecordRequest[str]) -> Mapping[str, Outcome[RowT | InvalidRow]]:
            return await _fetch(retrieving, retrieval, decoder, request)

        found = records_of(retrieving, planner, given, read, fetch)
        async with aclosing(retrieving.steps(found)) as records:
            async for _, record in records:
                if not isinstance(record, InvalidRow):
                    yield record
                elif retrieval.on_invalid is not None:
                    retrieval.on_invalid(record)


async def records_of(
    context: Context,
    planner: RecordPlanner[IdT, RowT],
    given: Iterable[GivenT] | AsyncIterable[GivenT],
    read: Callable[[int, GivenT], IdT | Known[RowT]],
    fetch: Callable[[RecordRequest[IdT]], Awaitable[Mapping[IdT, Outcome[RowT]]]],
) -> AsyncGenerator[Indexed[RowT], None]:
    """What comes of each of the things given, with the number of those before it.

    It is fetched while the caller handles what came before.

    Args:
        context: The client.
        planner: Decides what is asked for.
        given: Ids, or things that have one.
        read: Finds the id of one of them, or what needs no request.
        fetch: Sends a request, and finds what came of its ids.
    """
    ahead = max(planner.most, planner.batch)
    reader: IdReader[IdT, RowT] = read_ids(given, read, context.lifetime, ahead=ahead)

    async def fetch_one(
        request: MoreIds | RecordRequest[IdT],
    ) -> IdsRead[IdT, RowT] | Mapping[IdT, Outcome[RowT]]:
        if isinstance(request, MoreIds):
            return await reader.read(request.count)
        return await fetch(request)

    # One more than records: asking for ids is not a request to the service.
    concurrency = planner.most + 1
    fetched = fetch_planned(planner, fetch_one, concurrency=concurrency, lifetime=context.lifetime)
    async with aclosing(reader), aclosing(fetched) as records:
        async for record in records:
            yield record


async def _fetch(
    context: Context,
    retrieval: Retrieval[RowT],
    decoder: RowDecoder[RowT],
    request: RecordRequest[str],
) -> Mapping[str, Outcome[RowT | InvalidRow]]:
    """What comes of these ids, as far as the answer tells."""
    if not request.bulk:
        (model_id,) = request.ids
        row = await _fetch_one(context, retrieval.alone(), decoder, model_id)
        return {model_id: _unless_refused(row, retrieval.on_invalid)}
    try:
        page = await fetch_bulk(
            context,
            MODELS,
            request.ids,
            parameters=retrieval.parameters,
            request=retrieval.request,
        )
    except APIResponseValidationError:
        return {}
    return await _read_page(context, retrieval, decoder, page, request)


async def _read_page(
    context: Context,
    retrieval: Retrieval[RowT],
    decoder: RowDecoder[RowT],
    page: PageAnswer,
    request: RecordRequest[str],
) -> Mapping[str, Outcome[RowT | InvalidRow]]:
    """What comes of these ids by the rows of an answer."""
    invalid: list[InvalidRow] = []
    reader = PageReader(decoder, page.rows, on_invalid=invalid.append)
    rows = await context.read(reader)
    found: dict[str, Outcome[RowT | InvalidRow]] = {**rows}
    readable = {row.id: row for row in invalid if row.id is not None}
    found |= {one: _unless_refused(row, retrieval.on_invalid) for one, row in readable.items()}
    if all(row.id is not None for row in invalid):
        # Else any of them may be the one whose id cannot be read.
        left_out = [model_id for model_id in request.ids if model_id not in found]
        found |= {one: Missing(one, HTTPStatus.NOT_FOUND.value, _LEFT_OUT) for one in left_out}
    return found


async def _fetch_one(
    context: Context, retrieval: Retrieval[RowT], decoder: RowDecoder[RowT], model_id: str
) -> RowT | InvalidRow:
    """One record. An answer that is not one in the end is a record that does not fit."""
    answer = b""

    def parse(body: bytes) -> msgspec.Raw:
        nonlocal answer
        answer = body
        return decode_record(body)

    try:
        raw = await context.call(retrieval.call(model_id), parse, retrieval.request)
    except APIResponseValidationError as error:
        error.model_id = model_id
        return InvalidRow(model_id, answer, error)
    return await context.requester.loop_budget.run(partial(decoder.decode, raw), len(answer))


def _unless_refused(
    row: RowT | InvalidRow, on_invalid: Callable[[InvalidRow], object] | None
) -> Outcome[RowT | InvalidRow]:
    """The row, or the failure that it is where nobody takes rows that do not fit."""
    return row.error if isinstance(row, InvalidRow) and on_invalid is None else row
