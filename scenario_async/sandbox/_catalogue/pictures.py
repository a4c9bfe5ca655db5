"""Small real pictures, one for each asset id."""

from __future__ import annotations

import hashlib
import struct
import zlib
from typing import Final

SIDE: Final = 64
"""Width and height of a picture in pixels."""

_CELLS: Final = 8


def picture(asset_id: str) -> bytes:
    """Return a PNG of two colours, the same one for the same id: a pattern of 8 by 8 squares.

    Its right half mirrors the left one, so that neighbours are easy to tell apart.
    """
    digest = hashlib.blake2b(asset_id.encode(), digest_size=10).digest()
    rows: list[bytes] = []
    for half in digest[:4]:
        for left in (half >> 4, half & 15):
            cells = f"{left:04b}" + f"{left:04b}"[::-1]
            # One bit a pixel: a square is one byte wide and eight lines high.
            line = bytes(255 if cell == "1" else 0 for cell in cells)
            rows += [b"\0" + line] * (SIDE // _CELLS)
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 1, 3, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", header),
            _chunk(b"PLTE", digest[4:]),
            _chunk(b"IDAT", zlib.compress(b"".join(rows), 9)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
