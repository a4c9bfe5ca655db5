"""From the bytes of an answer to rows, and from a row to a Struct. No I/O.

A page is decoded in two steps: the envelope with its rows left as raw JSON, then each row alone,
so that one row that does not fit costs one row. Rows are typed when they are asked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar, cast

import msgspec

from scenario_async._errors import APIResponseValidationError
from scenario_async.types import Model
from scenario_async.types._base import Timestamp  # noqa: TC001 - msgspec reads it at run time
from scenario_async.types._decoding import model_decoder

from .salvage import salvage_envelope, salvage_id

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Hashable, Sequence
    from datetime import datetime

__all__ = [
    "AskableRow",
    "InvalidRow",
    "PageAnswer",
    "RowDecoder",
    "decode_assets",
    "decode_page",
    "decode_record",
    "encode",
    "invalid_row",
]

RowT = TypeVar("RowT")
_FIELD = re.compile(r" - at `(?P<path>[^`]+)`$")
_NOT_DECODED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _WithRaw:
    """Has room for the raw row beside the fields that encoders look for."""

    __slots__ = ("_raw",)
    _raw: bytes


@dataclass(frozen=True, slots=True, init=False)
class InvalidRow(_WithRaw):
    """A row of a page that does not fit.

    Two are equal when their fields are, ``raw`` aside, as with models.

    Attributes:
        id: The model's id, where it could be read.
        error: What is wrong with it; names the id and the field.
    """

    id: str | None
    error: APIResponseValidationError

    def __init__(self, id: str | None, raw: bytes, error: APIResponseValidationError) -> None:  # noqa: A002 - the name of the field
        for name, value in (("id", id), ("_raw", raw), ("error", error)):
            object.__setattr__(self, name, value)

    @property
    def raw(self) -> bytes:
        """The row exactly as the service sent it.

        It is no field: what encodes, compares or shows a row finds the id and the error, and never
        the signed URLs that a row may have. Kept by ``copy`` and ``pickle``.
        """
        return self._raw

    def __dir__(self) -> list[str]:
        # Inspectors and debuggers show the value of each of these names.
        return [name for name in object.__dir__(self) if name not in ("raw", "_raw")]

    def __reduce__(self) -> tuple[type[InvalidRow], tuple[object, ...]]:
        return type(self), (self.id, self.raw, self.error)


@dataclass(frozen=True)
class PageAnswer:
    """One page as it was sent: its rows still raw, and the token that leads on."""

    rows: Sequence[msgspec.Raw | bytes] = field(repr=False)
    token: str | None

    @cached_property
    def ids(self) -> list[str | None]:
        """The id of each row, ``None`` where it cannot be read."""
        return [_readable_id(row) for row in self.rows]

    def moment(self, row: int, *, by_update: bool = False) -> datetime | None:
        """When the model of a row was created or updated, ``None`` where it cannot be read."""
        return _moment(self.rows[row], _decoder(_Update if by_update else _Birth))

    def moments(self, *, by_update: bool = False) -> list[datetime | None]:
        """The same of all rows."""
        decoder = _decoder(_Update if by_update else _Birth)
        return [_moment(row, decoder) for row in self.rows]


class _Envelope(msgspec.Struct):
    models: list[msgspec.Raw] | None
    next_pagination_token: str | None = msgspec.field(name="nextPaginationToken", default=None)


class _Assets(msgspec.Struct):
    assets: list[msgspec.Raw] | None


class _Record(msgspec.Struct):
    model: msgspec.Raw


class _Identity(msgspec.Struct):
    id: str


class _Birth(msgspec.Struct):
    at: Timestamp = msgspec.field(name="createdAt")


class _Update(msgspec.Struct):
    at: Timestamp = msgspec.field(name="updatedAt")


class AskableRow(msgspec.Struct):
    """The least of a row whose record can be asked for: not every text can stand in a path."""

    id: Annotated[str, msgspec.Meta(pattern=r"(?s)^(?!\.\.?\Z).*\S")]


@cache
def _decoder(type_: Hashable) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(cast("type[Any]", type_))


def _moment(
    row: msgspec.Raw | bytes, decoder: msgspec.json.Decoder[_Birth | _Update]
) -> datetime | None:
    try:
        return decoder.decode(row).at
    except _NOT_DECODED:
        return None


def encode(value: object) -> bytes:
    """A value as JSON."""
    return msgspec.json.encode(value)


def decode_page(body: bytes) -> PageAnswer | Generator[None, None, PageAnswer]:
    """Take a page apart without looking into its rows.

    At once where it is JSON. Where it is not, its rows are found one by one, which takes several
    times as long: that is handed back as steps, between which the loop can be given back.

    Raises:
        APIResponseValidationError: The body is no page: not JSON, cut short, or of another shape.
    """
    try:
        envelope = _decoder(_Envelope).decode(body)
    except msgspec.ValidationError as error:
        raise _not_as_documented("a page of models", error) from error
    except _NOT_DECODED as error:
        return _salvaged(body, error)
    # An empty token is the end as much as an absent one is.
    return PageAnswer(envelope.models or (), envelope.next_pagination_token or None)


def _salvaged(body: bytes, error: Exception) -> Generator[None, None, PageAnswer]:
    salvaged = yield from salvage_envelope(body)
    if salvaged is None:
        raise _not_as_documented("a page of models", error) from error
    return PageAnswer(*salvaged)


def decode_record(body: bytes) -> msgspec.Raw:
    """The record of ``GET /models/{modelId}``, still raw.

    Raises:
        APIResponseValidationError: The body is no such answer.
    """
    try:
        record: _Record = _decoder(_Record).decode(body)
    except _NOT_DECODED as error:
        raise _not_as_documented("a model", error) from error
    return record.model


def decode_assets(body: bytes) -> Sequence[msgspec.Raw]:
    """The rows of ``POST /assets/get-bulk``, still raw.

    Raises:
        APIResponseValidationError: The body is no such answer.
    """
    try:
        answer: _Assets = _decoder(_Assets).decode(body)
    except _NOT_DECODED as error:
        raise _not_as_documented("assets", error) from error
    return answer.assets or ()


class RowDecoder(Generic[RowT]):
    """Types single rows. The decoder of a type is built once in a process."""

    def __init__(self, type_: type[RowT]) -> None:
        self.type = type_
        self._decode: Callable[[msgspec.Raw | bytes], Any]
        kind = cast("object", type_)  # which may as well be dict[str, Any] and no class
        if isinstance(kind, type) and issubclass(kind, Model):
            self._decode = model_decoder(kind)
        else:
            self._decode = _decoder(cast("Hashable", type_)).decode

    def decode(self, raw: msgspec.Raw | bytes) -> RowT | InvalidRow:
        """The row as a Struct, or why it is none. A :class:`Model` gets its bytes along."""
        try:
            row: RowT = self._decode(raw)
        except _NOT_DECODED as error:
            return invalid_row(bytes(raw), error)
        return row

    def identify(self, row: RowT, raw: msgspec.Raw | bytes) -> str | InvalidRow:
        """The id of a row on the wire, whatever the caller's type makes of it."""
        if isinstance(row, Model):
            return row.id
        try:
            return _identity(raw)
        except _NOT_DECODED as error:
            return invalid_row(bytes(raw), error)


def _identity(raw: msgspec.Raw | bytes) -> str:
    identity: _Identity = _decoder(_Identity).decode(raw)
    return identity.id


def invalid_row(raw: bytes, error: Exception) -> InvalidRow:
    """A row with what is wrong with it."""
    model_id = _readable_id(raw)
    found = _FIELD.search(str(error))
    path = found["path"] if found else None
    name = f"model {model_id!r}" if model_id else "a model without a readable id"
    problem = APIResponseValidationError(
        f"{name} does not fit: {error}", model_id=model_id, field=path, status_code=200
    )
    # Without its traceback, whose frames would keep the whole page alive.
    problem.__cause__ = error.with_traceback(None)
    return InvalidRow(model_id, raw, problem)


def _readable_id(raw: msgspec.Raw | bytes) -> str | None:
    try:
        return _identity(raw)
    except _NOT_DECODED:
        # A row that is no JSON to msgspec may still show its id.
        return salvage_id(bytes(raw))


def _not_as_documented(expected: str, error: Exception) -> APIResponseValidationError:
    return APIResponseValidationError(
        f"the service did not answer with {expected}: {error}",
        status_code=200,
        malformed=not isinstance(error, msgspec.ValidationError),
    )
