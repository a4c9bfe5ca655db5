"""Finding the rows of a page whose envelope does not parse as a whole. No I/O.

A lone surrogate escape, ``NaN`` or a raw control character in one row makes the whole envelope
invalid JSON, although Python's own lenient parser reads all three. It tells where each row begins
and ends, and of one that is nested too deeply for any parser its brackets tell; each row is then
decoded by itself as usual, and only the bad one fails.
"""

from __future__ import annotations

import json
import re

__all__ = ["salvage_envelope", "salvage_id"]

# Only where values end matters here, and int() refuses numbers of more than 4,300 digits.
_LENIENT = json.JSONDecoder(strict=False, parse_int=float)
_SPACE = re.compile(r"[ \t\n\r]*")
# Brackets, but for those in texts; a quote alone is a text that does not end.
_BRACKETS = re.compile(
    r"""[\[{]|(?P<closed>[\]}])|(?P<text>"[^"\\]*(?:\\.[^"\\]*)*"|(?P<open>"))""", re.DOTALL
)


def salvage_envelope(body: bytes) -> tuple[list[bytes], str | None] | None:
    """The raw rows and the token of a page, or ``None`` if it is no whole page.

    A body that was cut short is no whole page: nothing is given that would hide a loss.
    """
    # Each byte that is no UTF-8 becomes one lone surrogate, and turns back into that byte below.
    text = body.decode("utf-8", "surrogateescape")
    try:
        rows, token, end = _read_envelope(text)
    except (ValueError, IndexError, RecursionError):
        return None
    if _skip_space(text, end) != len(text):
        return None
    try:
        if token is not None:
            token.encode()
    except UnicodeEncodeError:
        return None  # it cannot be sent back
    return [row.encode("utf-8", "surrogateescape") for row in rows], token or None


def salvage_id(row: bytes) -> str | None:
    """The id of a row that is no JSON to a strict reader, where a lenient one finds it."""
    try:
        record = _LENIENT.decode(row.decode("utf-8", "surrogateescape"))
        model_id = record["id"]
        model_id.encode()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return str(model_id)


def _read_envelope(text: str) -> tuple[list[str], str | None, int]:
    """Rows, token and end of the object. Raises ValueError or IndexError where it is malformed."""
    rows: list[str] | None = None
    token: object = None
    position = _expect(text, 0, "{")
    while True:
        key, position = _LENIENT.raw_decode(text, _skip_space(text, position))
        position = _skip_space(text, _expect(text, position, ":"))
        if key == "models" and text[position] == "[":
            rows, position = _read_rows(text, position)
        elif key == "nextPaginationToken":
            token, position = _LENIENT.raw_decode(text, position)
        else:
            position = _end_of(text, position)
        position = _skip_space(text, position)
        if text[position] == "}":
            break
        position = _expect(text, position, ",")
    if rows is None or not (token is None or isinstance(token, str)):
        raise ValueError("not a page of models")
    return rows, token, position + 1


def _read_rows(text: str, position: int) -> tuple[list[str], int]:
    rows: list[str] = []
    position = _skip_space(text, _expect(text, position, "["))
    if text[position] == "]":
        return rows, position + 1
    while True:
        start = _skip_space(text, position)
        end = _end_of(text, start)
        rows.append(text[start:end])
        position = _skip_space(text, end)
        if text[position] == "]":
            return rows, position + 1
        position = _expect(text, position, ",")


def _end_of(text: str, start: int) -> int:
    """Where a value ends, however deeply it is nested."""
    try:
        return _LENIENT.raw_decode(text, start)[1]
    except RecursionError:
        depth = 0
    for found in _BRACKETS.finditer(text, start):
        if found["open"]:
            break
        if not found["text"]:
            depth += -1 if found["closed"] else 1
            if depth == 0:
                return found.end()
    raise ValueError("a value without an end")


def _expect(text: str, position: int, character: str) -> int:
    position = _skip_space(text, position)
    if text[position] != character:
        raise ValueError(f"expected {character!r}")
    return position + 1


def _skip_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position
