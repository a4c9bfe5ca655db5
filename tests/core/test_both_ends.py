"""Windows that are asked for from both their ends: what that saves, and what it must not cost."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING

import pytest
from catalogue_simulation import Manners, Row, Script, Service, Walk, by_creation, chosen
from hypothesis import given, settings
from hypothesis import strategies as st

from scenario_async import APIConnectionError, BadRequestError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenario_async import APIError
    from scenario_async._planners.planner import PageRequest
    from scenario_async._query import ListingQuery, SortDirection

pytestmark = pytest.mark.once

GAPS = (0, 0, 0, 0, 1, 1, 2, 7, 1000, 86_400_000)
MODELS, PAGE, AT_ONCE = 10_000, 500, 8

concurrencies = st.integers(2, 9)
scripts = st.binary(max_size=60).map(Script)
catalogues = st.binary(max_size=120).map(
    lambda kinds: [
        Row(f"m{index * 7919 % 10_007:05}", born)
        for index, born in enumerate(itertools.accumulate(GAPS[kind % len(GAPS)] for kind in kinds))
    ]
)


def backwards(request: PageRequest, direction: SortDirection) -> bool:
    return request.query.sort_direction != direction


def bursts(number: int, seed: int) -> list[Row]:
    """Forty models at a time, half of them in one millisecond, with gaps of hours or months."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    rows: list[Row] = []
    born = 0
    while len(rows) < number:
        born += int(10_800_000 / (1.0015 - chance.random()))
        rows += [
            Row(f"m{len(rows) + index:06}", born + max(0, index - 20) * 1000) for index in range(40)
        ]
    return rows


def rounds(rows: Sequence[Row], query: ListingQuery, *, ordered: bool) -> int:
    """How often a walk waits, where all that is under way is answered at once."""
    service = Service(rows)
    planner = chosen(query, most=AT_ONCE, ordered=ordered)
    number = 0
    while not planner.finished():
        number += 1
        for request in planner.requests(AT_ONCE, 0):
            planner.receive(request, service.answer(request.query))
    return number


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_a_first_walk_waits_hardly_more_often_than_one_that_knows_where_models_lie(
    *, direction: SortDirection, ordered: bool
) -> None:
    query = by_creation(PAGE, direction)
    fewest = 1 + -(-(MODELS // PAGE - 1) // AT_ONCE)
    even = [Row(f"m{index}", 977 * index) for index in range(MODELS)]
    assert rounds(even, query, ordered=ordered) == fewest
    # From the beginning only, it is more than two on average.
    waits = [rounds(bursts(MODELS, seed), query, ordered=ordered) for seed in range(12)]
    assert sum(waits) <= 12 * (fewest + 1.6)


@settings(max_examples=300)
@given(
    rows=catalogues,
    size=st.integers(1, 20),
    most=concurrencies,
    ordered=st.booleans(),
    script=scripts,
    changes=st.integers(0, 20),
)
def test_a_service_that_lists_in_one_direction_only_is_listed_all_the_same(
    *, rows: list[Row], size: int, most: int, ordered: bool, script: Script, changes: int
) -> None:
    service = Service(rows, Manners(ignores=frozenset({"sortDirection"})))
    planner = chosen(by_creation(size), strategy="windows", most=most, ordered=ordered)
    walk = Walk(planner, service, script, concurrency=most, changes=changes).run()
    assert planner.warning is None
    assert len(walk.given) == len(set(walk.given))
    assert walk.survivors <= set(walk.given)
    if ordered:
        births = [walk.created[model_id] for model_id in walk.given]
        assert births == sorted(births, reverse=True)


@settings(max_examples=200)
@given(
    rows=catalogues,
    size=st.integers(1, 8),
    direction=st.sampled_from(["asc", "desc"]),
    most=concurrencies,
    ordered=st.booleans(),
    script=scripts,
)
def test_whether_a_page_came_from_its_end_does_not_show(
    *,
    rows: list[Row],
    size: int,
    direction: SortDirection,
    most: int,
    ordered: bool,
    script: Script,
) -> None:
    service = Service(rows)
    planner = chosen(by_creation(size, direction), strategy="windows", most=most, ordered=ordered)
    walk = Walk(planner, service, script, concurrency=most).run()
    by_cursor = any(request.query.pagination_token for request in walk.asked)
    for page in walk.released:
        births = [walk.created[model_id or ""] for model_id in page.answer.ids]
        assert births == sorted(births, reverse=direction == "desc")
        assert page.request.query.sort_direction == direction
        if page.covers is not None:
            assert page.answer.token is None
        # By cursor, what a page covers came with several.
        if page.covers is not None and not by_cursor:
            listed = {row.id for row in service.listed(page.request.query)}
            assert listed <= set(page.answer.ids)


@pytest.mark.parametrize(
    "error", [APIConnectionError("gone"), BadRequestError("no such order", status_code=400)]
)
@pytest.mark.parametrize("ordered", [True, False])
def test_a_service_that_gives_nothing_from_an_end_is_asked_from_the_beginning(
    *, error: APIError, ordered: bool
) -> None:
    service = Service([Row(f"m{index:05}", 1000 * index) for index in range(2000)])
    planner = chosen(by_creation(20, "asc"), most=4, ordered=ordered)
    given_: list[str | None] = []
    refused = 0
    while not planner.finished():
        for request in planner.requests(4, 0):
            if backwards(request, "asc"):
                refused += 1
                assert planner.failed(request, error) == ()
                continue
            for page in planner.receive(request, service.answer(request.query)):
                given_ += page.answer.ids
    assert set(given_) == set(service.rows)
    if error.status_code == 400:
        # Those under way when the first one was refused.
        assert refused <= 4
