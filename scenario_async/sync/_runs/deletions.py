"""How many models of a scope a run may mark as deleted. No I/O."""

from __future__ import annotations

import math

__all__ = ["MAX_DELETIONS", "allowed_deletions", "check_max_deletions"]

MAX_DELETIONS = 0.5
"""The share of a scope that a run may mark as deleted, unless it is told otherwise."""

_SMALL = 20


def allowed_deletions(
    limit: float | int | None,  # noqa: PYI041 - they mean different things
    models: int,
) -> int | None:
    """How many of so many models may be marked as deleted; ``None`` for all.

    Args:
        limit: A share as ``float``, a number as ``int``, or ``None``. A share says nothing of
            scopes of 20 models and fewer: half of them may well be deleted in a day.
        models: How many the scope has.
    """
    if isinstance(limit, int):
        return limit
    if limit is None or limit >= 1 or models <= _SMALL:
        return None
    return math.floor(limit * models)


def check_max_deletions(limit: object) -> None:
    """Check a bound.

    Raises:
        TypeError: It is neither a number nor ``None``.
        ValueError: It is below 0, or a share above 1.
    """
    if limit is None:
        return
    if isinstance(limit, bool) or not isinstance(limit, int | float):
        raise TypeError(
            "max_deletions must be a share as float, a number of models as int, or None, "
            f"not {limit!r}"
        )
    if isinstance(limit, float) and not 0 <= limit <= 1:
        raise ValueError(f"max_deletions as a share must be from 0.0 to 1.0, and is {limit!r}")
    if limit < 0:
        raise ValueError(f"max_deletions must be 0 or more, not {limit!r}")
