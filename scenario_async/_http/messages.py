"""One request and one answer, as plain values between those who decide and the one who sends."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HTTP_OK", "LARGEST_ERROR", "Call", "HTTPRequest", "HTTPResponse"]

HTTP_OK = range(200, 300)
"""The statuses of a success."""

LARGEST_ERROR = 64 * 1024
"""Bytes of the body of an answer that is not a success: no more are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is asked for.

    Attributes:
        path: Below the base URL.
        parameters: By their names on the wire.
        method: Such as ``"GET"``.
        template: The path without the ids in it, where it has some.
    """

    path: str
    parameters: Mapping[str, str]
    method: str = "GET"
    template: str | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPRequest:
    """One request. ``authorization`` goes to the host of ``url`` and nowhere else.

    ``max_response_size`` is in bytes of the body as it is after decompression.
    """

    method: str
    url: str
    authorization: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)
    max_response_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPResponse:
    """One answer, read to its end, or to :data:`LARGEST_ERROR` where it is not a success.

    The names of the headers are in lower case.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    seconds: float
    sends: int
