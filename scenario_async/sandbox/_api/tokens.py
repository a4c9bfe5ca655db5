"""Pagination tokens: the plain offsets of public listings, and sealed ones elsewhere.

The token captured from the live service, on a public listing by score, was the base64 of
``{"offset":5,"limit":5}``. What the other listings hand out is unknown, so there the sandbox gives
tokens that cannot be read or predicted: they name the last row given, not a count, and hold when
rows are deleted.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Final, Literal

import msgspec

TokenStyle = Literal["usual", "reordered", "sealed"]
"""How a token is written; all styles lead to the same place.

``usual`` is the style described above. ``reordered`` writes an offset with its members the other
way round, and a sealed token with a prefix. ``sealed`` seals an offset, and is as ``reordered``
for tokens that are sealed anyway.
"""

_TAG_LENGTH: Final = 16
_PREFIX: Final = "v2."


class OffsetPlace(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    tag_field="kind",
    tag="offset",
):
    """A place in a listing by count.

    Attributes:
        offset: Rows before this place.
        limit: Rows in a page.
        skipped: Empty pages given at this place so far.
    """

    offset: int
    limit: int
    skipped: int = 0

    def again(self) -> OffsetPlace:
        """Give this place behind one more empty page."""
        return msgspec.structs.replace(self, skipped=self.skipped + 1)


class KeyPlace(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="key"
):
    """A place in a listing behind a row.

    Attributes:
        value: What the last row given is sorted by; ``None`` before the first row.
        id: The id of the last row given.
        limit: Rows in a page.
        binding: The listing that this place is in.
        page: How many pages lie before.
        skipped: Empty pages given at this place so far.
    """

    value: int | None
    id: str
    limit: int
    binding: str
    page: int
    skipped: int = 0

    def again(self) -> KeyPlace:
        """Give this place behind one more empty page."""
        return msgspec.structs.replace(self, skipped=self.skipped + 1)


Place = OffsetPlace | KeyPlace


class _Offset(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    offset: int
    limit: int
    skipped: int = 0


class _ReorderedOffset(msgspec.Struct, omit_defaults=True):
    limit: int
    offset: int
    skipped: int = 0


_offset_decoder: Final = msgspec.json.Decoder(_Offset)
_place_decoder: Final = msgspec.json.Decoder[Place](Place)


def offset_token(offset: int, limit: int) -> str:
    """Write a token as the live service does on public listings by score."""
    return _plain(_Offset(offset, limit))


class Tokens:
    """Writes and reads tokens.

    Args:
        secret: What tokens are sealed with. The same secret gives the same tokens.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def issue(self, place: Place, style: TokenStyle = "usual") -> str:
        """Write the token that leads to ``place``."""
        if isinstance(place, KeyPlace):
            return self._seal(place) if style == "usual" else _PREFIX + self._seal(place)
        if style == "sealed":
            return self._seal(place)
        if style == "reordered":
            return _plain(_ReorderedOffset(place.limit, place.offset, place.skipped))
        return _plain(_Offset(place.offset, place.limit, place.skipped))

    def read(self, token: str) -> Place | None:
        """The place that ``token`` leads to, ``None`` if it is not a token of this server."""
        return self._open(token.removeprefix(_PREFIX)) or _read_plain(token)

    def _seal(self, place: Place) -> str:
        text = msgspec.json.encode(place)
        tag = self._tag(text)
        return base64.urlsafe_b64encode(tag + self._mask(tag, text)).decode()

    def _open(self, token: str) -> Place | None:
        if not {"+", "/"}.isdisjoint(token):
            return None  # the other alphabet, which is an error in later versions of Python
        try:
            sealed = base64.b64decode(token, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        tag, masked = sealed[:_TAG_LENGTH], sealed[_TAG_LENGTH:]
        text = self._mask(tag, masked)
        if not hmac.compare_digest(tag, self._tag(text)):
            return None
        place: Place = _place_decoder.decode(text)
        return place

    def _tag(self, text: bytes) -> bytes:
        return hmac.digest(self._secret, text, "sha256")[:_TAG_LENGTH]

    def _mask(self, tag: bytes, text: bytes) -> bytes:
        stream = hashlib.shake_256(self._secret + tag).digest(len(text))
        return bytes(one ^ other for one, other in zip(text, stream, strict=True))


def _plain(offset: _Offset | _ReorderedOffset) -> str:
    return base64.b64encode(msgspec.json.encode(offset)).decode()


def _read_plain(token: str) -> OffsetPlace | None:
    try:
        place = _offset_decoder.decode(base64.b64decode(token, validate=True))
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        return None
    if place.offset < 0 or place.limit < 1:
        return None
    return OffsetPlace(offset=place.offset, limit=place.limit, skipped=place.skipped)
