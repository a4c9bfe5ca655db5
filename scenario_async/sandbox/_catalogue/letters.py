"""Random letters for ids and signatures, cut out of one pool.

They are the bulk of a record. Cut out of a pool they cost a slice instead of a generator per row,
which is what makes 100,000 records affordable.
"""

from __future__ import annotations

import random
import struct
from typing import Final

ID_LENGTH: Final = 24
MOST_EXAMPLES: Final = 130
"""No model has more example assets."""

POLICY_LENGTH: Final = 200
SIGNATURE_LENGTH: Final = 344

_FEWEST_EXAMPLES: Final = 32
_ALPHABET: Final = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
_POOL: Final = (
    random.Random(20_261_015)  # noqa: S311 -- invented data, nothing to protect
    .randbytes(1 << 20)
    .translate(bytes(_ALPHABET[value % len(_ALPHABET)] for value in range(256)))
)
_TEXT: Final = _POOL.decode()
_CUTTERS: Final = tuple(
    struct.Struct(f"{ID_LENGTH}s" * count) for count in range(MOST_EXAMPLES + 1)
)
_LAST_CUT: Final = len(_POOL) - MOST_EXAMPLES * ID_LENGTH - SIGNATURE_LENGTH - POLICY_LENGTH


def cut(content: int) -> int:
    """Return the position in the pool that ``content`` names."""
    return (content >> 8) % _LAST_CUT


def letters(content: int, length: int, *, skip: int = 0) -> str:
    """Return ``length`` letters from ``skip`` letters behind the position of ``content`` on."""
    start = cut(content) + skip
    return _TEXT[start : start + length]


def position(text: str) -> int:
    """Return where in the pool ``text`` is, -1 if it is not there."""
    return _TEXT.find(text)


def example_ids(content: int) -> bytes:
    """Return the ids of a model's example assets as JSON: 32 to 130, side by side in the pool."""
    count = _FEWEST_EXAMPLES + (content >> 19) % (MOST_EXAMPLES - _FEWEST_EXAMPLES + 1)
    pieces = _CUTTERS[count].unpack_from(_POOL, cut(content))
    return b'["asset_' + b'","asset_'.join(pieces) + b'"]'


def is_asset_id(text: str) -> bool:
    """Tell whether ``text`` looks like the id of an asset."""
    letters_of_it = text.removeprefix("asset_")
    return text != letters_of_it and letters_of_it.isascii() and letters_of_it.isalnum()


def asset_id(content: int, number: int = 0) -> str:
    """Return the id of one example asset of a model, counted from 0."""
    return "asset_" + letters(content, ID_LENGTH, skip=number * ID_LENGTH)
