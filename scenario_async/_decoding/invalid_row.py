"""A row that does not fit, and the id of a row whatever else it has. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

import msgspec

from scenario_async._errors import APIResponseValidationError
from scenario_async.types._decoding import NOT_DECODED

from .salvage import salvage_id

__all__ = ["AskableRow", "Identity", "InvalidRow", "invalid_row", "read_id", "readable_id"]

_FIELD = re.compile(r" - at `(?P<path>[^`]+)`$")


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

        Not a field: encoders, comparisons and reprs use the id and the error alone, as the bytes
        may have signed URLs in them. ``copy`` and ``pickle`` keep it.
        """
        return self._raw

    def __dir__(self) -> list[str]:
        # Inspectors and debuggers show the value of each of these names.
        return [name for name in object.__dir__(self) if name not in ("raw", "_raw")]

    def __reduce__(self) -> tuple[type[InvalidRow], tuple[object, ...]]:
        return type(self), (self.id, self.raw, self.error)


class Identity(msgspec.Struct):
    """The least of a row that can be told apart from others."""

    id: str


class AskableRow(msgspec.Struct):
    """The least of a row whose record can be asked for: not every text can stand in a path."""

    id: Annotated[str, msgspec.Meta(pattern=r"(?s)^(?!\.\.?\Z).*\S")]


_identity = msgspec.json.Decoder(Identity)


def read_id(raw: msgspec.Raw | bytes) -> str:
    """The id of a row on the wire, or an error of ``NOT_DECODED``."""
    return _identity.decode(raw).id


def readable_id(raw: msgspec.Raw | bytes) -> str | None:
    """The id of a row, ``None`` where it cannot be read."""
    try:
        return read_id(raw)
    except NOT_DECODED:
        # A row that is no JSON to msgspec may still show its id.
        return salvage_id(bytes(raw))


def invalid_row(raw: msgspec.Raw | bytes, error: Exception) -> InvalidRow:
    """A row with what is wrong with it."""
    raw = bytes(raw)
    model_id = readable_id(raw)
    found = _FIELD.search(str(error))
    path = found["path"] if found else None
    name = f"model {model_id!r}" if model_id else "a model without a readable id"
    problem = APIResponseValidationError(
        f"{name} does not fit: {error}", model_id=model_id, field=path, status_code=200
    )
    # Without its traceback, whose frames would keep the whole page alive.
    problem.__cause__ = error.with_traceback(None)
    return InvalidRow(model_id, raw, problem)
