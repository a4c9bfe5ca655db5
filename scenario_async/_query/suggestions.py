"""The known value that an unknown one may stand for. No I/O."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["did_you_mean"]


def did_you_mean(value: str, known: Iterable[str]) -> str:
    """``"; did you mean 'trained'?"`` for the known value that is spelled most alike.

    Empty where none is. Upper and lower case make no difference.
    """
    by_folded = {one.casefold(): one for one in known}
    found = get_close_matches(value.casefold(), by_folded, 1)
    return f"; did you mean {by_folded[found[0]]!r}?" if found else ""
