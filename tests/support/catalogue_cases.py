"""What hypothesis draws for runs of simulated listings, and what holds for all of them."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from support.catalogue_simulation import Row, Run, Script, Service, by_creation, chosen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenario_async._pagination.adaptive import Strategy
    from scenario_async._pagination.windows.histogram import Histogram
    from scenario_async._query.query import ListingQuery, SortDirection

__all__ = [
    "DIRECTIONS",
    "SCRIPTS",
    "Case",
    "bursty",
    "cases",
    "catalogues",
    "even",
    "in_rounds",
    "requests_by_key",
]

DIRECTIONS: tuple[SortDirection, ...] = ("asc", "desc")
SCRIPTS = st.binary(max_size=60).map(Script)
_GAPS = (0, 0, 0, 7, 1000, 1000, 2000, 7000, 10**6, 86_400_000)


def even(number: int) -> list[Row]:
    return [Row(f"m{index:05}", 1000 * index, -index) for index in range(number)]


def bursty(number: int, largest: int) -> list[Row]:
    """Seconds with up to so many models, and gaps of all lengths between them."""
    chance = random.Random(largest)  # noqa: S311 - no secret
    rows: list[Row] = []
    created = 0
    while len(rows) < number:
        models = min(chance.randint(1, largest), number - len(rows))
        rows += [Row(f"m{len(rows) + index:05}", created) for index in range(models)]
        created += 1000 * chance.choice([1, 5, 1000, 10**5, 10 ** chance.randint(0, 9)])
    return rows


@st.composite
def catalogues(draw: st.DrawFn, largest: int = 120) -> list[Row]:
    """Rows born in bursts, with ids in no order."""
    kinds = draw(st.binary(max_size=largest))
    born = itertools.accumulate(_GAPS[kind % len(_GAPS)] for kind in kinds)
    return [
        Row(f"m{index * 7919 % 10_007:05}", created, kind)
        for index, (created, kind) in enumerate(zip(born, kinds, strict=True))
    ]


@dataclass
class Case:
    """A listing by creation, and how it is gone through."""

    rows: list[Row]
    size: int
    direction: SortDirection
    limit: int
    ordered: bool
    script: Script

    @property
    def query(self) -> ListingQuery:
        return by_creation(self.size, self.direction)

    def start(
        self,
        service: Service | None = None,
        *,
        query: ListingQuery | None = None,
        strategy: Strategy = "windows",
        histogram: Histogram | int | None = None,
        **how: Any,
    ) -> Run:
        """A run that was not begun yet."""
        planner = chosen(
            query or self.query,
            strategy=strategy,
            limit=self.limit,
            ordered=self.ordered,
            histogram=histogram,
        )
        how = {"concurrency": self.limit, **how}
        return Run(planner, service or Service(self.rows), self.script, **how)

    def run(self, service: Service | None = None, **how: Any) -> Run:
        """A run that has come to its end."""
        return self.start(service, **how).finish()

    def check(self, run: Run) -> None:
        """See that each model that lived through a run came exactly once, and in its order."""
        assert len(run.ids) == len(set(run.ids))
        assert run.survivors <= set(run.ids)
        sorted_ids = [
            model_id
            for page in sorted(run.emitted, key=lambda page: page.sort_key)
            for model_id in run.new_ids[page.request.depth]
        ]
        for ids in (run.ids, sorted_ids) if self.ordered else (sorted_ids,):
            births = [run.created[model_id] // 1000 for model_id in ids]
            assert births == sorted(births, reverse=self.direction == "desc")


def cases(
    rows: st.SearchStrategy[list[Row]] | None = None,
    *,
    largest_page: int = 20,
    limits: st.SearchStrategy[int] | None = None,
) -> st.SearchStrategy[Case]:
    return st.builds(
        Case,
        rows=catalogues() if rows is None else rows,
        size=st.integers(1, largest_page),
        direction=st.sampled_from(DIRECTIONS),
        limit=st.integers(1, 9) if limits is None else limits,
        ordered=st.booleans(),
        script=SCRIPTS,
    )


def requests_by_key(rows: Sequence[Row], query: ListingQuery) -> int:
    """How many requests one run by key makes."""
    planner = chosen(query, strategy="windows", limit=1)
    return len(Run(planner, Service(rows), concurrency=1).finish().asked)


def in_rounds(
    rows: Sequence[Row],
    query: ListingQuery,
    *,
    ordered: bool,
    limit: int = 8,
    histogram: Histogram | None = None,
) -> tuple[int, int, Histogram | None]:
    """Requests; how often a run waits if all under way are answered at once; the histogram."""
    service = Service(rows)
    planner = chosen(query, limit=limit, ordered=ordered, histogram=histogram)
    ids: set[str | None] = set()
    waits = 0
    while not planner.finished():
        waits += 1
        for request in planner.requests(limit, 0):
            for page in planner.receive(request, service.answer(request.query)):
                ids.update(page.answer.ids)
    assert ids == set(service.rows)
    showed = planner.histogram
    return service.answered, waits, None if isinstance(showed, int) else showed
