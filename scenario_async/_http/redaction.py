"""Taking secrets out of text before it reaches an error, a log or a screen."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Secret", "redact"]

# Shorter strings are no real credentials, and replacing them would cut ordinary words to pieces.
_SHORTEST_SECRET = 8
# Userinfo, and everything from the question mark on: a signed URL carries its signature there.
# The slashes may be spelled as in JSON, where one answer quotes another.
_SCHEME = r"(?i)(https?:(?:\\*/|\\+u002f){2}"
_USERINFO = re.compile(_SCHEME + r")[^\s/?#@\"<>]+@")
_QUERY = re.compile(_SCHEME + r"[^\s?#\"<>]*)[?#][^\s\"<>]*")


class Secret(str):
    """A string whose ``repr`` does not show it, as in a traceback with the values of locals.

    Whatever is made of it, such as a part of it, is an ordinary string.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without the secrets given and without userinfo and query in any URL."""
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "***")
    return _QUERY.sub(r"\1?***", _USERINFO.sub(r"\1***@", text))
