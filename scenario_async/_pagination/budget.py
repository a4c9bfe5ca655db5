"""How many requests of a run may be in vain, by the pages that it is known to need. No I/O."""

from __future__ import annotations

__all__ = ["MANY_PAGES", "slack"]

MANY_PAGES = 64
"""So many pages take a project most of the requests that it has in a minute (100, by the docs)."""


def slack(pages: int, *, scarce: bool = False, histogram_known: bool = False) -> int:
    """How many requests may come to nothing in a run of at least so many pages.

    None for a single page, one for a short run, 15 % of a long one; 10 % where an earlier run
    showed where models lie, less a part of a page in which that may be wrong; and 2 % where
    requests are scarce. A run that turns out longer than that may waste no less.
    """
    if scarce:
        return pages // 50
    if histogram_known:
        return max(0, pages - 7) // 10
    return 0 if pages < 2 else max(1, 3 * pages // 20)  # noqa: PLR2004 - one page, or several
