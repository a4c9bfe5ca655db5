"""Finding the rows of a page whose envelope does not parse as a whole. No I/O.

A lone surrogate escape, ``NaN`` or a raw control character in one row makes the whole envelope
invalid JSON, although it is plain where that row ends: its brackets tell, outside of its strings.
Each row is then decoded by itself as usual, and only the bad one fails.
"""

from __future__ import annotations

import itertools
import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["salvage_envelope", "salvage_id"]

_LENIENT = json.JSONDecoder(strict=False, parse_int=float)
_SPACE = re.compile(rb"[ \t\n\r]*+")
# All quantifiers are possessive: what does not fit fails at once, and in one pass.
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_SCALAR = re.compile(_STRING + rb"|[-+.\w]++", re.DOTALL)
# A string where none can end is the rest of one that was cut, and may hide brackets.
_NEXT_BRACKET = re.compile(
    rb'[^"\[\]{}]*+(?:' + _STRING + rb'(?=[ \t\n\r]*+[,:\]}])[^"\[\]{}]*+)*+([\[\]{}])', re.DOTALL
)
_CLOSES = {ord("["): ord("]"), ord("{"): ord("}")}
_BRACKETS_IN_A_STEP = 500
# More than any Python decodes; a body may be nothing but brackets.
_DEEPEST = 1_000_000


def salvage_envelope(
    body: bytes,
) -> Generator[None, None, tuple[list[bytes], str | None] | None]:
    """The raw rows and the token of a page, or ``None`` if it is not a whole page.

    A body that was cut short is not a whole page: nothing is returned that would hide a loss.
    Each step takes a small part of a millisecond, but for very long strings.
    """
    try:
        rows, token, end = yield from _read_envelope(body)
        if _skip_space(body, end) != len(body):
            return None
        if token is not None:
            token.encode()
    except ValueError:
        return None  # or a token that cannot be sent back
    return rows, token or None


def salvage_id(row: bytes) -> str | None:
    """The id of a row that is no JSON to a strict reader, where a lenient one finds it."""
    try:
        record = _LENIENT.decode(row.decode("utf-8", "surrogateescape"))
        model_id = record["id"]
        model_id.encode()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return str(model_id)


def _read_envelope(
    body: bytes,
) -> Generator[None, None, tuple[list[bytes], str | None, int]]:
    """Rows, token and end of the object. Raises ValueError where it is malformed."""
    rows: list[bytes] | None = None
    token: object = None
    position = _expect(body, 0, b"{")
    while True:
        key, position = _read_scalar(body, _skip_space(body, position))
        position = _skip_space(body, _expect(body, position, b":"))
        if key == "models" and body.startswith(b"[", position):
            rows, position = yield from _read_rows(body, position)
        elif key == "nextPaginationToken":
            token, position = _read_scalar(body, position)
        else:
            position = yield from _end_of(body, position)
        position = _skip_space(body, position)
        if body.startswith(b"}", position):
            break
        position = _expect(body, position, b",")
    if rows is None or not (token is None or isinstance(token, str)):
        raise ValueError("not a page of models")
    return rows, token, position + 1


def _read_rows(body: bytes, position: int) -> Generator[None, None, tuple[list[bytes], int]]:
    rows: list[bytes] = []
    position = _skip_space(body, _expect(body, position, b"["))
    if body.startswith(b"]", position):
        return rows, position + 1
    while True:
        start = _skip_space(body, position)
        end = yield from _end_of(body, start)
        rows.append(body[start:end])
        position = _skip_space(body, end)
        if body.startswith(b"]", position):
            return rows, position + 1
        position = _expect(body, position, b",")
        yield


def _read_scalar(body: bytes, start: int) -> tuple[object, int]:
    end = _end_of_scalar(body, start)
    return _LENIENT.decode(body[start:end].decode("utf-8", "surrogateescape")), end


def _end_of(body: bytes, start: int) -> Generator[None, None, int]:
    """Where a value ends, however deeply it is nested."""
    if not body.startswith((b"[", b"{"), start):
        return _end_of_scalar(body, start)
    expected = bytearray()
    position = start
    for count in itertools.count(1):
        found = _NEXT_BRACKET.match(body, position)
        if found is None:
            raise ValueError("a value without an end")
        position = found.end()
        bracket = body[position - 1]
        if bracket in _CLOSES and len(expected) < _DEEPEST:
            expected.append(_CLOSES[bracket])
        elif expected.pop() != bracket:
            raise ValueError("brackets that do not match, or too many of them")
        if not expected:
            return position
        if count % _BRACKETS_IN_A_STEP == 0:
            yield
    raise AssertionError("counting does not end")


def _end_of_scalar(body: bytes, start: int) -> int:
    found = _SCALAR.match(body, start)
    if found is None:
        raise ValueError("not a value")
    return found.end()


def _expect(body: bytes, position: int, character: bytes) -> int:
    position = _skip_space(body, position)
    if not body.startswith(character, position):
        raise ValueError(f"expected {character!r}")
    return position + 1


def _skip_space(body: bytes, position: int) -> int:
    found = _SPACE.match(body, position)
    return found.end() if found else position
