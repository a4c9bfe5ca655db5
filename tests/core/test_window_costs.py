"""What a listing costs that is gone through by windows, to the last request.

These are the figures as they are: who makes a run cheaper writes the new ones.
"""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING

import pytest
from support.catalogue_cases import bursty, even, in_rounds
from support.catalogue_simulation import Row, by_creation

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenario_async._query.query import SortDirection

pytestmark = pytest.mark.once

PAGE = 20


def with_a_full_second(number: int) -> list[Row]:
    """One row a second, but for fifty that come at once."""
    middle = range(number // 2, number // 2 + 50)
    return [
        Row(row.id, 1000 * middle[0] if index in middle else row.created)
        for index, row in enumerate(even(number))
    ]


def with_gaps(number: int) -> list[Row]:
    """Rows of one second, and others hours apart."""
    chance = random.Random(2)  # noqa: S311 - no secret
    gaps = (chance.choice([0, 1000, 5000, 10 ** chance.randint(3, 8)]) for _ in range(number))
    return [Row(f"m{index:05}", born) for index, born in enumerate(itertools.accumulate(gaps))]


LISTINGS: dict[str, tuple[Callable[[], list[Row]], SortDirection]] = {
    "even": (lambda: even(581), "desc"),
    "6 pages": (lambda: even(120), "desc"),
    "7 pages": (lambda: even(140), "desc"),
    "11 pages": (lambda: even(220), "desc"),
    "17 pages": (lambda: even(340), "desc"),
    "bursts of 3": (lambda: bursty(600, 3), "asc"),
    "bursts of 8": (lambda: bursty(600, 8), "desc"),
    "a full second": (lambda: with_a_full_second(400), "desc"),
    "gaps": (lambda: with_gaps(400), "desc"),
}


@pytest.mark.parametrize(
    ("listing", "limit", "ordered", "first", "later", "changed"),
    [
        ("even", 3, True, (30, 13), (30, 11), (15, 13)),
        ("even", 3, False, (28, 11), (30, 11), (13, 10)),
        ("even", 8, True, (30, 7), (30, 5), (20, 13)),
        ("even", 8, False, (30, 7), (30, 5), (18, 11)),
        ("6 pages", 8, True, (6, 3), (6, 2), (7, 3)),
        ("7 pages", 8, True, (7, 3), (7, 2), (8, 3)),
        ("11 pages", 8, True, (12, 5), (11, 3), (9, 6)),
        ("17 pages", 8, True, (18, 5), (17, 3), (11, 8)),
        ("bursts of 3", 3, True, (31, 23), (33, 12), (13, 13)),
        ("bursts of 3", 3, False, (32, 15), (33, 12), (13, 13)),
        ("bursts of 3", 8, True, (31, 14), (33, 6), (13, 13)),
        ("bursts of 3", 8, False, (31, 14), (33, 6), (13, 13)),
        ("bursts of 8", 3, True, (28, 21), (32, 13), (15, 13)),
        ("bursts of 8", 3, False, (29, 16), (32, 13), (13, 10)),
        ("bursts of 8", 8, True, (28, 20), (31, 8), (20, 13)),
        ("bursts of 8", 8, False, (27, 15), (31, 8), (18, 11)),
        ("a full second", 3, True, (21, 11), (21, 12), (12, 10)),
        ("a full second", 3, False, (19, 9), (21, 12), (10, 7)),
        ("a full second", 8, True, (21, 8), (21, 11), (17, 10)),
        ("a full second", 8, False, (21, 8), (21, 11), (15, 8)),
        ("gaps", 3, True, (21, 11), (21, 9), (12, 10)),
        ("gaps", 3, False, (21, 11), (21, 9), (10, 7)),
        ("gaps", 8, True, (21, 11), (21, 5), (17, 10)),
        ("gaps", 8, False, (21, 10), (21, 5), (15, 8)),
    ],
)
def test_a_run_by_windows_costs_no_more_requests_and_waits_than_these(
    *,
    listing: str,
    limit: int,
    ordered: bool,
    first: tuple[int, int],
    later: tuple[int, int],
    changed: tuple[int, int],
) -> None:
    """Each pair has the most requests, and how often a run waits if all are answered at once."""
    make, direction = LISTINGS[listing]
    rows, query = make(), by_creation(PAGE, direction)
    # Two of three are gone, and sixty have come after a pause.
    born = rows[-1].created + 9_000_000
    others = [*rows[::3], *(Row(f"new{number}", born + 1500 * number) for number in range(60))]
    histogram = None
    for now, most in ((rows, first), (rows, later), (others, changed)):
        requests, waits, seen = in_rounds(
            now, query, ordered=ordered, limit=limit, histogram=histogram
        )
        assert requests <= most[0]
        assert waits <= most[1]
        histogram = histogram or seen
