"""What may be shown as a picture. No I/O.

The first bytes of a file say what it is and decide what it is sent as, whatever else it claims to
be. An SVG can carry scripts: it is not among what is shown.
"""

from __future__ import annotations

import re

__all__ = ["claims_picture", "content_type", "is_asset_id"]

_SIGNATURES = {
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/webp": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
    "image/avif": re.compile(rb".{4}ftypavi[fs]", re.DOTALL),
}
_ASSET_ID = re.compile(r"[A-Za-z0-9_.~-]{1,200}")


def content_type(content: bytes) -> str | None:
    """What to send these bytes as; ``None`` where no browser would show them safely."""
    return next((name for name, first in _SIGNATURES.items() if first.match(content)), None)


def claims_picture(header: str) -> bool:
    """Whether the ``Content-Type`` of an answer promises such a picture."""
    name = header.partition(";")[0].strip().lower()
    return name.startswith("image/") and not name.startswith("image/svg")


def is_asset_id(text: str) -> bool:
    """Whether a text can be the id of an asset: others are not looked up."""
    return _ASSET_ID.fullmatch(text) is not None
