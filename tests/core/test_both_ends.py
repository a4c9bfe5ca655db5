"""Windows that are asked for from both their ends: what that saves, and what it must not cost."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.catalogue_cases import DIRECTIONS, Case, cases, even, in_rounds
from support.catalogue_simulation import Manners, Row, Run, Service, by_creation, chosen

from scenario_async import APIConnectionError, BadRequestError
from scenario_async._pagination.planner import PageRequest
from scenario_async._pagination.windows.planner import WindowPlanner
from scenario_async._pagination.windows.timeline import Timeline
from scenario_async._pagination.windows.window import Window, read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenario_async import APIError
    from scenario_async._query.query import SortDirection

pytestmark = pytest.mark.once

MODELS, PAGE, AT_ONCE = 10_000, 500, 8
REFUSED = BadRequestError("no such order", status_code=400)


def backwards(request: PageRequest) -> bool:
    return request.query.sort_direction != "asc"


def bursts(seed: int) -> list[Row]:
    """Forty models at a time, half of them in one second, with gaps of hours or months."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    births = itertools.accumulate(
        int(10_800_000 / (1.0015 - chance.random())) for _ in range(MODELS // 40)
    )
    born = (begin + max(0, index - 20) * 1000 for begin in births for index in range(40))
    return [Row(f"m{index:06}", at) for index, at in enumerate(born)]


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_first_run_waits_hardly_more_often_than_one_that_knows_where_models_lie(
    *, direction: SortDirection, ordered: bool
) -> None:
    query = by_creation(PAGE, direction)
    fewest = 1 + -(-(MODELS // PAGE - 1) // AT_ONCE)
    assert in_rounds(even(MODELS), query, ordered=ordered)[1] <= 1.5 * fewest
    # Where models lie in bursts, cuts may cost requests, and few are made.
    waits = [in_rounds(bursts(seed), query, ordered=ordered)[1] for seed in range(12)]
    assert sum(waits) <= 12 * 3.5 * fewest
    # From one end only, it is one for each page.
    assert max(waits) <= MODELS // PAGE


@settings(max_examples=300)
@given(cases(limits=st.integers(2, 9)), st.integers(0, 20))
def test_a_service_that_lists_in_one_direction_only_is_listed_all_the_same(
    case: Case, changes: int
) -> None:
    case.direction = "desc"
    service = Service(case.rows, Manners(ignores=frozenset({"sortDirection"})))
    run = case.run(service, changes=changes)
    assert not run.fell_back
    case.check(run)


@settings(max_examples=200)
@given(
    births=st.lists(st.integers(0, 9000), min_size=1, max_size=12),
    direction=st.sampled_from(DIRECTIONS),
    size=st.integers(1, 8),
    turns=st.booleans(),
)
@example(births=[0, 0, 1000], direction="asc", size=2, turns=True)
@example(births=[0, 1000, 1000, 2000], direction="asc", size=3, turns=True)
@example(births=[0, 0, 0], direction="asc", size=2, turns=True)
def test_a_full_page_from_an_end_shows_what_is_behind_its_first_second_or_nothing(
    *, births: list[int], direction: SortDirection, size: int, turns: bool
) -> None:
    ignores = frozenset[str]() if turns else frozenset({"sortDirection"})
    rows = [Row(f"m{number}", born) for number, born in enumerate(births)]
    service = Service(rows, Manners(ignores=ignores, always_token=True))
    direction = direction if turns else "desc"
    query = by_creation(size, direction)
    timeline = Timeline(query)
    window = Window(timeline.begin, None)
    request = PageRequest(timeline.backwards(timeline.begin, None))
    asked = window.ask(request, backwards=True)
    positions = timeline.positions(service.answer(query.with_rows_per_page(99)))
    page = positions[-size:]
    behind = [position for position in page if position > page[0]]
    reading = read(asked, service.answer(request.query), timeline)
    if behind and turns:
        assert reading is not None
        assert reading.positions == behind
        assert reading.start == page[0] + 1000
    else:
        assert reading is None


@settings(max_examples=200)
@given(cases(largest_page=8, limits=st.integers(2, 9)))
def test_whether_a_page_came_from_its_end_does_not_show(case: Case) -> None:
    run = case.run()
    by_cursor = any(request.query.pagination_token for request in run.asked)
    for page in run.emitted:
        births = [run.created[model_id or ""] // 1000 for model_id in page.answer.ids]
        assert births == sorted(births, reverse=case.direction == "desc")
        assert page.request.query.sort_direction == case.direction
        if page.covers is None:
            continue
        assert page.answer.token is None
        # By cursor, what a page covers came with several.
        if not by_cursor:
            covered = {row.id for row in run.service.listed(page.request.query)}
            assert covered <= set(page.answer.ids)
            # In order, a page has what it can of its last second, too.
            assert case.ordered or covered == set(page.answer.ids)


def test_in_listing_order_a_page_has_what_it_can_of_its_last_second_at_once() -> None:
    planner = chosen(by_creation(5, "asc"), strategy="windows", limit=1)
    run = Run(planner, Service(even(20))).finish()
    assert [len(ids) for ids in run.new_ids.values()] == [5, 5, 5, 5]


@settings(max_examples=400)
@given(
    case=cases(),
    changes=st.integers(0, 20),
    cuts=st.sets(st.integers(0, 119), max_size=9),
    done=st.integers(0, 2**10 - 1),
)
def test_windows_that_were_left_are_gone_through_and_no_others(
    case: Case, changes: int, cuts: set[int], done: int
) -> None:
    timeline = Timeline(case.query)
    service = Service(case.rows)
    positions = timeline.positions(service.answer(by_creation(500, case.direction)))
    starts = [timeline.begin, *sorted({positions[cut] for cut in cuts if cut < len(positions)})]
    left = [
        window
        for number, window in enumerate([*pairwise(starts), (starts[-1], None)])
        if not done >> number & 1
    ]
    if not left:
        return
    planner = WindowPlanner(timeline, left, rows_per_page=case.size, limit=case.limit)

    def watch(_under_way: int, _buffered: int) -> None:
        ends = [(asked.window, asked.backwards) for asked in planner._under_way.values()]
        assert all(window is None or ends.count((window, end)) == 1 for window, end in ends)

    run = Run(
        planner, service, case.script, concurrency=case.limit, changes=changes, watch=watch
    ).finish()
    wanted = {
        row.id for window in left for row in Service(case.rows).listed(timeline.window(*window))
    } & run.survivors
    assert wanted <= set(run.ids)
    if not changes:
        assert wanted == set(run.ids)
    # Only of a second that fills a page, models may be on two.
    seconds = Counter(created // 1000 for created in run.created.values())
    times = Counter(model_id for page in run.emitted for model_id in page.answer.ids)
    repeated = [model_id for model_id, number in times.items() if number > 1 and model_id]
    assert all(seconds[run.created[model_id] // 1000] >= case.size for model_id in repeated)
    # Side by side, what the pages cover is what was left: nothing twice, and nothing missing.
    covered = sorted({page.covers for page in run.emitted if page.covers}, key=lambda part: part[0])
    covered = [part for part in covered if part[0] != part[1]]
    assert all(one[1] is not None and one[1] <= next_[0] for one, next_ in pairwise(covered))
    assert edges(covered) == edges(left)


def edges(parts: Sequence[tuple[int, int | None]]) -> tuple[set[int], set[int | None]]:
    """Where parts begin and end, but for where they touch."""
    starts, stops = {start for start, _ in parts}, {stop for _, stop in parts}
    return {start for start in starts if start not in stops}, stops - starts


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
            windows = list(planner._windows._intervals) if planner._windows else []
            peak = max(peak, len(under_way) + sum(one.answer is not None for one in windows))
            if slow is None and windows and windows[0].from_end and not windows[0].from_start:
                # Not the one for the end of the listing, for which nothing waits.
                slow = windows[0].from_end.request if windows[0].stop is not None else None
            ready = [request for request in under_way if request is not slow]
            if not ready:
                break
            answered = chance.choice(ready)
            under_way.remove(answered)
            planner.receive(answered, service.answer(answered.query))
        peaks.append(peak)
    assert max(peaks) <= 3 * limit + 1


@pytest.mark.parametrize("error", [APIConnectionError("gone"), REFUSED])
@pytest.mark.parametrize("ordered", [True, False])
def test_a_service_that_gives_nothing_from_an_end_is_asked_from_the_beginning(
    *, error: APIError, ordered: bool
) -> None:
    service = Service(even(2000))
    planner = chosen(by_creation(20, "asc"), limit=4, ordered=ordered)
    ids: set[str | None] = set()
    refused = False
    while not planner.finished():
        requests = planner.requests(4, 0)
        assert not (refused and any(map(backwards, requests)))
        for request in requests:
            if backwards(request):
                assert planner.failed(request, error) == ()
                refused = error is REFUSED
                continue
            for page in planner.receive(request, service.answer(request.query)):
                ids.update(page.answer.ids)
    assert ids == set(service.rows)
    assert refused == (error is REFUSED)


@pytest.mark.parametrize(("error", "asked"), [(REFUSED, 1), (APIConnectionError("gone"), 2)])
def test_a_refusal_of_an_end_tells_of_all_windows_and_a_lost_one_of_its_own(
    error: APIError, asked: int
) -> None:
    service = Service(even(2000))
    timeline = Timeline(by_creation(20, "asc"))
    (first,) = timeline.positions(service.answer(by_creation(1, "asc")))
    middle = first + 1_000_000
    planner = WindowPlanner(timeline, [(first, middle), (middle, None)], rows_per_page=20, limit=3)
    under_way: list[PageRequest] = []
    ids: set[str | None] = set()
    ends: list[str | None] = []
    while not planner.finished():
        under_way += planner.requests(3 - len(under_way), 0)
        under_way.sort(key=backwards, reverse=True)
        request = under_way.pop(0)
        if backwards(request):
            ends.append(request.query.created_before)
            planner.failed(request, error)
            continue
        for page in planner.receive(request, service.answer(request.query)):
            ids.update(page.answer.ids)
    assert len(ends) == len(set(ends)) == asked
    assert ids == set(service.rows)
