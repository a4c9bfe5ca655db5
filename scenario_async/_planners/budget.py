"""How many requests a walk may make in vain, by the pages that it is known to need. No I/O."""

from __future__ import annotations

__all__ = ["MANY_PAGES", "slack"]

_SHARE = 0.15
MANY_PAGES = 64
"""So many pages take a project most of the requests that it has in a minute (100, by the docs)."""


def slack(pages: float) -> int:
    """How many requests may come to nothing in a walk of at least so many pages.

    None for a single page, one for a short walk, 15 % of a long one. A walk that turns out longer
    than that may waste no less.
    """
    return 0 if pages < 2 else max(1, int(_SHARE * pages))  # noqa: PLR2004 - one page, or several
