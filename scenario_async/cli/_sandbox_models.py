"""How many models the sandboxes of the command line have, unless they are told otherwise."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scenario_async.sandbox import Catalogue

__all__ = ["COLLECTIONS", "FEWEST", "MOST", "PRIVATE", "PUBLIC", "UNLISTED", "models_in_words"]

PUBLIC = 709
PRIVATE = 300
UNLISTED = 20
COLLECTIONS = 3
FEWEST, MOST = 50, 300  # private ones of each account, where there are many


def models_in_words(catalogue: Catalogue) -> str:
    """How many models of each kind there are."""
    counts = Counter(row.privacy for row in catalogue)
    return (
        f"{counts['public']:,} public, {counts['private']:,} private and "
        f"{counts['unlisted']:,} unlisted models"
    )
