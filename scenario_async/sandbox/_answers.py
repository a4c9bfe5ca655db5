"""An answer as data: what is decided here, the server sends."""

from __future__ import annotations

import zlib
from typing import Any, Final, Literal

import msgspec

Encoding = Literal["gzip", "deflate"]

JSON: Final = "application/json; charset=utf-8"
TEXT: Final = "text/plain; charset=utf-8"
HTML: Final = "text/html; charset=utf-8"

_SMALLEST_COMPRESSED: Final = 256
# The fastest level: random ids and signatures hardly get smaller at the others.
_LEVEL: Final = 1
_WINDOW_BITS: Final[dict[Encoding, int]] = {"gzip": 31, "deflate": 15}


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTP answer.

    Attributes:
        status: The HTTP status.
        body: The body, not compressed unless ``encoding`` says so.
        content_type: The ``Content-Type``.
        headers: Further headers.
        encoding: How the body is compressed.
    """

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    encoding: Encoding | None = None

    def with_header(self, name: str, value: str | None) -> Answer:
        """Give the answer with a further header, or as it is where there is no value."""
        if value is None:
            return self
        return msgspec.structs.replace(self, headers=(*self.headers, (name, value)))


def json_answer(content: Any, *, status: int = 200) -> Answer:  # noqa: ANN401 -- any JSON value
    """Give an answer whose body is ``content`` as JSON."""
    return Answer(status=status, body=msgspec.json.encode(content))


def reason(status: int, text: str) -> Answer:
    """Give an error in the shape that the service uses: ``{"reason": ...}``."""
    return json_answer({"reason": text}, status=status)


def compress(answer: Answer, encoding: Encoding | None) -> Answer:
    """Give the answer compressed, or as it is if it is short or ``encoding`` is ``None``."""
    if encoding is None or len(answer.body) < _SMALLEST_COMPRESSED:
        return answer
    writer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW_BITS[encoding])
    body = writer.compress(answer.body) + writer.flush()
    return msgspec.structs.replace(answer, body=body, encoding=encoding)


def accepted_encoding(header: str) -> Encoding | None:
    """Choose the compression for a request from its ``Accept-Encoding``: gzip before deflate."""
    accepted: set[str] = set()
    for part in header.lower().split(","):
        name, _, weight = part.partition(";")
        if weight.replace(" ", "").rstrip("0.") != "q=":
            accepted.add(name.strip())
    if "gzip" in accepted or "*" in accepted:
        return "gzip"
    return "deflate" if "deflate" in accepted else None
