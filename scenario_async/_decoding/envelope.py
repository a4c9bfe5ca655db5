"""From the bytes of an answer to its rows, which stay raw until they are read. No I/O.

So one row that does not fit costs one row, and a page that waits takes no more than its bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, cast

import msgspec

from scenario_async._errors import APIResponseValidationError
from scenario_async.types._base import Timestamp  # noqa: TC001 - msgspec reads it at run time
from scenario_async.types._decoding import NOT_DECODED

from .invalid_row import readable_id
from .salvage import salvage_envelope

if TYPE_CHECKING:
    from collections.abc import Generator, Hashable, Sequence
    from datetime import datetime

__all__ = [
    "PageAnswer",
    "decode_assets",
    "decode_page",
    "decode_record",
    "decoder_of",
    "encode",
]


@dataclass(frozen=True)
class PageAnswer:
    """One page as it was sent: its rows still raw, and the token that leads on."""

    rows: Sequence[msgspec.Raw | bytes] = field(repr=False)
    token: str | None

    @cached_property
    def ids(self) -> list[str | None]:
        """The id of each row, ``None`` where it cannot be read."""
        return [readable_id(row) for row in self.rows]

    def moments(self, *, by_update: bool = False) -> Sequence[datetime | None]:
        """When each model was created or updated, ``None`` where it cannot be read."""
        return self._updated if by_update else self._created

    @cached_property
    def _created(self) -> list[datetime | None]:
        return self._moments(_Birth)

    @cached_property
    def _updated(self) -> list[datetime | None]:
        return self._moments(_Update)

    def _moments(self, dated: type[_Birth | _Update]) -> list[datetime | None]:
        decode = decoder_of(dated).decode
        moments: list[datetime | None] = []
        for row in self.rows:
            try:
                moments.append(decode(row).at)
            except NOT_DECODED:
                moments.append(None)
        return moments


class _Envelope(msgspec.Struct):
    models: list[msgspec.Raw] | None
    next_pagination_token: str | None = msgspec.field(name="nextPaginationToken", default=None)


class _Assets(msgspec.Struct):
    assets: list[msgspec.Raw] | None


class _Record(msgspec.Struct):
    model: msgspec.Raw


class _Birth(msgspec.Struct):
    at: Timestamp = msgspec.field(name="createdAt")


class _Update(msgspec.Struct):
    at: Timestamp = msgspec.field(name="updatedAt")


@cache
def decoder_of(type_: Hashable) -> msgspec.json.Decoder[Any]:
    """The decoder of a type, built once in a process."""
    return msgspec.json.Decoder(cast("type[Any]", type_))


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
        envelope = decoder_of(_Envelope).decode(body)
    except msgspec.ValidationError as error:
        raise _not_as_documented("a page of models", error) from error
    except NOT_DECODED as error:
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
        record: _Record = decoder_of(_Record).decode(body)
    except NOT_DECODED as error:
        raise _not_as_documented("a model", error) from error
    return record.model


def decode_assets(body: bytes) -> Sequence[msgspec.Raw]:
    """The rows of ``POST /assets/get-bulk``, still raw.

    Raises:
        APIResponseValidationError: The body is no such answer.
    """
    try:
        answer: _Assets = decoder_of(_Assets).decode(body)
    except NOT_DECODED as error:
        raise _not_as_documented("assets", error) from error
    return answer.assets or ()


def _not_as_documented(expected: str, error: Exception) -> APIResponseValidationError:
    return APIResponseValidationError(
        f"the service did not answer with {expected}: {error}",
        status_code=200,
        malformed=not isinstance(error, msgspec.ValidationError),
    )
