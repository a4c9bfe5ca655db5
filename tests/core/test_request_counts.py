"""How many requests walks make, by the number of pages that they need."""

from __future__ import annotations

import pytest
from catalogue_simulation import Row, Service, by_creation, chosen

from scenario_async._query import ListingQuery

PAGE, AT_ONCE = 20, 8
PUBLIC = ListingQuery(privacy="public", page_size=PAGE)


def bound(pages: int) -> int:
    if pages <= 8:
        return pages + (0 if pages == 1 else 1 if pages <= 3 else 2)
    return int(1.15 * pages)


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("pages", [1, 2, 3, 5, 10, 20, 60])
@pytest.mark.parametrize("query", [PUBLIC, by_creation(PAGE)])
def test_a_first_walk_makes_few_requests_more_than_it_needs(
    *, query: ListingQuery, pages: int, ordered: bool
) -> None:
    rows = [Row(f"m{number:05}", 1000 * number, -number) for number in range(pages * PAGE)]
    service = Service(rows)
    planner = chosen(query, most=AT_ONCE, ordered=ordered)
    given: set[str | None] = set()
    while not planner.finished():
        for request in planner.requests(AT_ONCE, 0):
            for page in planner.receive(request, service.answer(request.query)):
                given.update(page.answer.ids)
    assert given == set(service.rows)
    assert service.answered <= bound(pages)
