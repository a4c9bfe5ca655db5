"""How long something may take or be old, as it is written on a command line."""

from __future__ import annotations

import re
from datetime import timedelta

import asyncclick as click

__all__ = ["duration"]

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)", re.ASCII)


def duration(_: click.Context, __: click.Parameter, given: str | None) -> timedelta | None:
    """Read a time as the callback of an option: ``90``, ``90s``, ``5m``, ``6h`` or ``1d``."""
    if given is None:
        return None
    found = _DURATION.fullmatch(given.strip().lower())
    try:
        time = timedelta(seconds=float(found[1]) * _UNITS[found[2]]) if found else timedelta()
    except OverflowError:
        time = timedelta()
    if not time:
        raise click.BadParameter(f"{given!r} is not a time such as 90, 90s, 5m, 6h or 1d")
    return time
