"""What hypothesis draws for simulated catalogues and walks through them."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from .catalogue_simulation import Row, Script

if TYPE_CHECKING:
    from scenario_async._query.query import SortDirection

__all__ = ["GAPS", "catalogues", "directions", "scripts"]

GAPS = (0, 0, 0, 7, 1000, 1000, 2000, 7000, 10**6, 86_400_000)
"""Milliseconds between two births: most come in bursts."""

directions: st.SearchStrategy[SortDirection] = st.sampled_from(["asc", "desc"])
scripts = st.binary(max_size=60).map(Script)


@st.composite
def catalogues(draw: st.DrawFn, limit: int = 120) -> list[Row]:
    """Rows born in bursts, with ids in no order."""
    kinds = draw(st.binary(max_size=limit))
    born = itertools.accumulate(GAPS[kind % len(GAPS)] for kind in kinds)
    return [
        Row(f"m{index * 7919 % 10_007:05}", created, kind)
        for index, (created, kind) in enumerate(zip(born, kinds, strict=True))
    ]
