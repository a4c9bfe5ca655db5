"""Tables as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]], alignment: str) -> str:
    """A table, with ``l`` or ``r`` for each column in ``alignment``."""
    rules = {"l": ":--", "r": "--:"}
    lines = [header, [rules[letter] for letter in alignment], *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
