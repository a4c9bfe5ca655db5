"""Small real pictures, one for each asset id: invented landscapes."""

from __future__ import annotations

import colorsys
import hashlib
import math
import struct
import zlib
from functools import cache, lru_cache
from random import Random
from typing import Final

SIDE: Final = 320
"""Width and height of a picture in pixels."""

_RIDGES: Final = 5
_SKY: Final = 9
# The colours are the sky from its top, the ridges from the farthest, and the sun; two of them
# stand in each byte.
_DIGITS: Final = "0123456789abcdef"
_SUN: Final = _DIGITS[_SKY + _RIDGES]


@lru_cache(maxsize=128)
def picture(asset_id: str) -> bytes:
    """Return a PNG, the same one for the same id: a sun in an evening sky behind some hills."""
    drawn = Random(hashlib.blake2b(asset_id.encode(), digest_size=16).digest())  # noqa: S311 - no secret
    palette = _palette(drawn)
    columns = _columns(drawn)
    lines = b"".join(b"\0" + bytes.fromhex("".join(line)) for line in zip(*columns, strict=True))
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 4, 3, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", header),
            _chunk(b"PLTE", palette),
            _chunk(b"IDAT", zlib.compress(lines, 0)),
            _chunk(b"IEND", b""),
        )
    )


@cache
def picture_size() -> int:
    """Return the bytes of every picture: they are not compressed, so that none has to be drawn."""
    return len(picture(""))


def _palette(drawn: Random) -> bytes:
    """Return 16 colours of two hues."""
    high, low = drawn.random(), drawn.uniform(0.3, 0.7)
    near = (high + low) % 1
    day = drawn.uniform(0.75, 1)
    colors: list[tuple[float, float, float]] = []
    for step in range(_SKY):
        part = step / (_SKY - 1)
        hue = (high + (low - 0.5) * part * 0.6) % 1
        colors.append((hue, 0.65 - 0.45 * part, day * (0.62 + 0.38 * part)))
    for step in range(_RIDGES):
        part = step / (_RIDGES - 1)
        hue = (high + (near - high) * 0.35 * part) % 1
        colors.append((hue, 0.3 + 0.4 * part, day * (0.78 - 0.6 * part)))
    colors += [((high + low * 0.3) % 1, 0.12, 1.0), (0.0, 0.0, 0.0)]
    return bytes(round(255 * part) for color in colors for part in colorsys.hsv_to_rgb(*color))


def _columns(drawn: Random) -> list[str]:
    """Return the columns from left to right, with a digit for each pixel from the top."""
    sky = "".join(_DIGITS[min(_SKY - 1, row * _SKY // (SIDE * 3 // 4))] for row in range(SIDE))
    across, down = drawn.uniform(0.2, 0.8) * SIDE, drawn.uniform(0.2, 0.5) * SIDE
    radius = drawn.uniform(0.07, 0.16) * SIDE
    ridges = [_ridge(drawn, number) for number in range(_RIDGES)]
    columns: list[str] = []
    for column in range(SIDE):
        pixels = sky
        half = math.sqrt(max(0.0, radius**2 - (column - across) ** 2))
        top, bottom = round(down - half), round(down + half)
        pixels = pixels[:top] + _SUN * (bottom - top) + pixels[bottom:]
        for number, ridge in enumerate(ridges):
            pixels = pixels[: ridge[column]] + _DIGITS[_SKY + number] * (SIDE - ridge[column])
        columns.append(pixels)
    return columns


def _ridge(drawn: Random, number: int) -> list[int]:
    """Return where a ridge begins in each column; each is below the one behind it, by and large."""
    base = SIDE * (0.46 + 0.12 * number)
    waves = [
        (drawn.uniform(0.5, 1.6) * 2**octave, drawn.uniform(0, math.tau), 22 / 1.9**octave)
        for octave in range(4)
    ]
    return [
        min(
            SIDE,
            round(
                base
                + sum(
                    height * math.sin(often * math.tau * column / SIDE + start)
                    for often, start, height in waves
                )
            ),
        )
        for column in range(SIDE)
    ]


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
