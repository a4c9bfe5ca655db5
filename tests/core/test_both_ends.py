"""Windows that are asked for from both their ends: what that saves, and what it must not cost."""

from __future__ import annotations

import itertools
import random
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.catalogue_simulation import Manners, Row, Script, Service, Walk, by_creation, chosen
from support.catalogue_strategies import catalogues, scripts

from scenario_async import APIConnectionError, BadRequestError
from scenario_async._pagination.windows.planner import WindowPlanner
from scenario_async._pagination.windows.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenario_async import APIError
    from scenario_async._pagination.planner import EmittedPage, PageRequest
    from scenario_async._query.query import ListingQuery, SortDirection

pytestmark = pytest.mark.once

MODELS, PAGE, AT_ONCE = 10_000, 500, 8

concurrencies = st.integers(2, 9)


def backwards(request: PageRequest, direction: SortDirection) -> bool:
    return request.query.sort_direction != direction


def bursts(number: int, seed: int) -> list[Row]:
    """Forty models at a time, half of them in one second, with gaps of hours or months."""
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
    planner = chosen(query, limit=AT_ONCE, ordered=ordered)
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
    assert rounds(even, query, ordered=ordered) <= 1.5 * fewest
    # Where models lie in bursts, cuts may cost requests, and few are made.
    waits = [rounds(bursts(MODELS, seed), query, ordered=ordered) for seed in range(12)]
    assert sum(waits) <= 12 * 3.5 * fewest
    # From one end only, it is one for each page.
    assert max(waits) <= MODELS // PAGE


@settings(max_examples=300)
@given(
    rows=catalogues(),
    size=st.integers(1, 20),
    limit=concurrencies,
    ordered=st.booleans(),
    script=scripts,
    changes=st.integers(0, 20),
)
def test_a_service_that_lists_in_one_direction_only_is_listed_all_the_same(
    *, rows: list[Row], size: int, limit: int, ordered: bool, script: Script, changes: int
) -> None:
    service = Service(rows, Manners(ignores=frozenset({"sortDirection"})))
    planner = chosen(by_creation(size), strategy="windows", limit=limit, ordered=ordered)
    walk = Walk(planner, service, script, concurrency=limit, changes=changes).run()
    assert not walk.fell_back
    assert len(walk.given) == len(set(walk.given))
    assert walk.survivors <= set(walk.given)
    if ordered:
        births = [walk.created[model_id] // 1000 for model_id in walk.given]
        assert births == sorted(births, reverse=True)


@settings(max_examples=200)
@given(
    rows=catalogues(),
    size=st.integers(1, 8),
    direction=st.sampled_from(["asc", "desc"]),
    limit=concurrencies,
    ordered=st.booleans(),
    script=scripts,
)
def test_whether_a_page_came_from_its_end_does_not_show(
    *,
    rows: list[Row],
    size: int,
    direction: SortDirection,
    limit: int,
    ordered: bool,
    script: Script,
) -> None:
    service = Service(rows)
    planner = chosen(by_creation(size, direction), strategy="windows", limit=limit, ordered=ordered)
    walk = Walk(planner, service, script, concurrency=limit).run()
    by_cursor = any(request.query.pagination_token for request in walk.asked)
    for page in walk.emitted:
        births = [walk.created[model_id or ""] // 1000 for model_id in page.answer.ids]
        assert births == sorted(births, reverse=direction == "desc")
        assert page.request.query.sort_direction == direction
        if page.covers is not None:
            assert page.answer.token is None
        # By cursor, what a page covers came with several.
        if page.covers is not None and not by_cursor:
            listed = {row.id for row in service.listed(page.request.query)}
            assert listed <= set(page.answer.ids)


@settings(max_examples=400)
@given(
    rows=catalogues(),
    size=st.integers(1, 20),
    direction=st.sampled_from(["asc", "desc"]),
    limit=st.integers(1, 9),
    script=scripts,
    changes=st.integers(0, 20),
    cuts=st.sets(st.integers(0, 119), max_size=9),
    done=st.integers(0, 2**10 - 1),
)
def test_windows_that_were_left_are_gone_through_and_no_others(
    *,
    rows: list[Row],
    size: int,
    direction: SortDirection,
    limit: int,
    script: Script,
    changes: int,
    cuts: set[int],
    done: int,
) -> None:
    timeline = Timeline(by_creation(size, direction))
    service = Service(rows)
    positions = timeline.positions(service.answer(by_creation(500, direction)))
    starts = [timeline.begin, *sorted({positions[cut] for cut in cuts if cut < len(positions)})]
    windows = [
        window for number, window in enumerate(pairwise([*starts, None])) if not done >> number & 1
    ]
    left = [(start or 0, stop) for start, stop in windows]
    if not left:
        return
    planner = WindowPlanner(timeline, left, rows_per_page=size, limit=limit)

    def watch(_under_way: int, _waiting: int) -> None:
        ends = [(asked.window, asked.backwards) for asked in planner._under_way.values()]
        assert all(window is None or ends.count((window, end)) == 1 for window, end in ends)

    walk = Walk(planner, service, script, concurrency=limit, changes=changes, watch=watch).run()
    wanted = {
        row.id for window in left for row in Service(rows).listed(timeline.window(*window))
    } & walk.survivors
    assert wanted <= set(walk.given)
    if not changes:
        assert wanted == set(walk.given)
    # Side by side, what the pages cover is what was left: nothing twice, and nothing missing.
    covered = sorted(
        {page.covers for page in walk.emitted if page.covers}, key=lambda part: part[0]
    )
    covered = [part for part in covered if part[0] != part[1]]
    assert all(one[1] is not None and one[1] <= next_[0] for one, next_ in pairwise(covered))
    assert edges(covered) == edges(left)

    for_good = [model_id for page in walk.emitted for model_id in not_coming_again(page, timeline)]
    assert len(for_good) == len(set(for_good))


def not_coming_again(page: EmittedPage, timeline: Timeline) -> list[str | None]:
    """All but the last second, unless it is all there is and a cursor leads on."""
    assert page.covers is not None
    stop = page.covers[1]
    if stop is None or stop == page.covers[0]:
        return page.answer.ids
    positions = timeline.positions(page.answer)
    before = [one for one, at in zip(page.answer.ids, positions, strict=True) if at < stop]
    return before or page.answer.ids


@pytest.mark.parametrize("limit", [2, 3, 5])
def test_an_end_that_is_slow_fills_no_memory(limit: int) -> None:
    peaks: list[int] = []
    for seed in range(12):
        chance = random.Random(seed)  # noqa: S311 - no secret
        gaps = (chance.choice((0, 0, 0, 1, 5, 1000, 10**6)) for _ in range(1000))
        born = itertools.accumulate(gaps)
        service = Service([Row(f"m{index:05}", at) for index, at in enumerate(born)])
        planner = chosen(by_creation(5, "asc"), strategy="windows", limit=limit)
        under_way: list[PageRequest] = []
        slow: PageRequest | None = None
        peak = 0
        while not planner.finished():
            under_way += planner.requests(limit - len(under_way), 0)
            line = list(planner._windows._intervals) if planner._windows else []
            peak = max(peak, len(under_way) + sum(window.answer is not None for window in line))
            if slow is None and line and line[0].from_end and not line[0].from_start:
                # Not the one for the end of the listing, for which nothing waits.
                slow = line[0].from_end.request if line[0].stop is not None else None
            ready = [request for request in under_way if request is not slow]
            if not ready:
                break
            answered = chance.choice(ready)
            under_way.remove(answered)
            planner.receive(answered, service.answer(answered.query))
        peaks.append(peak)
    assert max(peaks) <= 3 * limit + 1


def edges(parts: Sequence[tuple[int, int | None]]) -> tuple[set[int], set[int | None]]:
    """Where parts begin and end, but for where they touch."""
    starts, stops = {start for start, _ in parts}, {stop for _, stop in parts}
    return {start for start in starts if start not in stops}, stops - starts


@pytest.mark.parametrize(
    "error", [APIConnectionError("gone"), BadRequestError("no such order", status_code=400)]
)
@pytest.mark.parametrize("ordered", [True, False])
def test_a_service_that_gives_nothing_from_an_end_is_asked_from_the_beginning(
    *, error: APIError, ordered: bool
) -> None:
    service = Service([Row(f"m{index:05}", 1000 * index) for index in range(2000)])
    planner = chosen(by_creation(20, "asc"), limit=4, ordered=ordered)
    given_: list[str | None] = []
    refused = False
    while not planner.finished():
        requests = planner.requests(4, 0)
        if refused:
            assert not any(backwards(request, "asc") for request in requests)
        for request in requests:
            if backwards(request, "asc"):
                assert planner.failed(request, error) == ()
                refused = error.status_code == 400
                continue
            for page in planner.receive(request, service.answer(request.query)):
                given_ += page.answer.ids
    assert set(given_) == set(service.rows)
    assert refused == (error.status_code == 400)


def test_one_refusal_of_an_end_is_enough_for_all_windows() -> None:
    service = Service([Row(f"m{index:05}", 1000 * index) for index in range(2000)])
    timeline = Timeline(by_creation(20, "asc"))
    (first,) = timeline.positions(service.answer(by_creation(1, "asc")))
    middle = first + 1_000_000
    planner = WindowPlanner(timeline, [(first, middle), (middle, None)], rows_per_page=20, limit=3)
    under_way: list[PageRequest] = []
    given_: list[str | None] = []
    ends = 0
    while not planner.finished():
        under_way += planner.requests(3 - len(under_way), 0)
        under_way.sort(key=lambda request: not backwards(request, "asc"))
        request = under_way.pop(0)
        if backwards(request, "asc"):
            ends += 1
            planner.failed(request, BadRequestError("no such order", status_code=400))
            continue
        for page in planner.receive(request, service.answer(request.query)):
            given_ += page.answer.ids
    assert ends == 1
    assert set(given_) == set(service.rows)
