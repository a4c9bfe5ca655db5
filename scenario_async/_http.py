"""One request and one answer, as plain values between those who decide and the one who sends."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HTTPRequest", "HTTPResponse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPRequest:
    """One request. ``authorization`` goes to the host of ``url`` and nowhere else."""

    method: str
    url: str
    authorization: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPResponse:
    """One answer, read to its end. The names of the headers are in lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    seconds: float
    sends: int
