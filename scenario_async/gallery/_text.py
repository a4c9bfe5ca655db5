"""Other people's text as a page shows it. No I/O, no clock.

Templates escape what they show. What is left is what steers the text around it, what is long, and
what gives access: a signed URL has its signature in its query.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from scenario_async._formats import printable, without_steering
from scenario_async._urls import redact

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["ago", "in_path", "is_signed", "json_of", "line", "paragraph", "unsigned"]

# Whatever stands behind such a name gives access, also where no URL is around it.
_SIGNED = re.compile(
    r"(?i)((?:signature|policy|key-pair-id|x-(?:amz|goog)-[a-z-]{1,40}|sig)(?:=|%3d))[^&\s\"'<>\\]+"
)
# Nothing is gone back for: that would take time, and memory for each character. A string that does
# not end is one as well.
_JSON_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?')
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_RECENTLY = 30 * _DAY


def line(text: str, limit: int | None = None) -> str:
    """A text on one line, shortened to so many characters."""
    # Shortened at first, to a length at which whatever is taken out leaves enough: text of
    # megabytes is not worth looking through.
    shown = printable(unsigned(text if limit is None else text[: 8 * limit]))
    if limit is None or len(shown) <= limit:
        return shown
    return shown[: limit - 1].rstrip() + "…"


def paragraph(text: str) -> str:
    """A text with its line breaks."""
    return "\n".join(without_steering(one.rstrip()) for one in unsigned(text).splitlines())


def unsigned(text: str) -> str:
    """A string without what gives access: the queries of URLs, and signatures wherever they are."""
    return _SIGNED.sub(r"\1***", redact(text))


def is_signed(text: str) -> bool:
    """Whether a text has a signature, which no link may have."""
    return _SIGNED.search(text) is not None


def json_of(record: str) -> str:
    """A record as JSON to be read, of which nothing gives access.

    But for its strings and its white space it is as it was sent.
    """
    cleaned = _JSON_STRING.sub(_unsigned_string, record)
    try:
        shown = msgspec.json.format(cleaned.encode(), indent=2).decode()
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        shown = unsigned(cleaned)
    return "\n".join(without_steering(one) for one in shown.split("\n"))


def _unsigned_string(found: re.Match[str]) -> str:
    try:
        text = msgspec.json.decode(found[0], type=str)
        safe = unsigned(text)
        return found[0] if safe == text else msgspec.json.encode(safe).decode()
    except (msgspec.DecodeError, UnicodeError):
        return unsigned(found[0])


def ago(moment: datetime, now: datetime) -> str:
    """How long ago a moment was, in words."""
    seconds = (now - moment).total_seconds()
    if not 0 <= seconds < _RECENTLY:
        return f"{moment.day} {moment:%b} {moment.year}"
    for length, name in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute")):
        number = int(seconds // length)
        if number:
            return f"{number} {name}{'s' * (number > 1)} ago"
    return "just now"


def in_path(text: str) -> str | None:
    """A text as one segment of a path; ``None`` for what no path can have there."""
    try:
        return None if text in ("", ".", "..") else quote(text, safe="")
    except UnicodeEncodeError:
        return None
