"""Runs that know from an earlier one where models lie: the same promises, fewer requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.catalogue_cases import (
    DIRECTIONS,
    SCRIPTS,
    Case,
    bursty,
    cases,
    catalogues,
    even,
    in_rounds,
    requests_by_key,
)
from support.catalogue_simulation import Manners, Row, Run, Script, Service, by_creation, chosen

from scenario_async import APIConnectionError, BadRequestError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenario_async._pagination.adaptive import AdaptivePlanner
    from scenario_async._pagination.planner import PageRequest
    from scenario_async._pagination.windows.histogram import Histogram
    from scenario_async._query.query import ListingQuery, SortDirection

pytestmark = pytest.mark.once

MODELS, PAGE, AT_ONCE = 10_000, 500, 8
ROUNDS = 1 + -(-(MODELS // PAGE - 1) // AT_ONCE)


@st.composite
def later(draw: st.DrawFn, rows: Sequence[Row]) -> list[Row]:
    """What may have become of a catalogue: any models are gone, others have come, or many have."""
    kept = draw(st.sampled_from([0, 1, 5, 10]))
    script = draw(SCRIPTS)
    changed = [row for row in rows if script.below(10) < kept]
    first, last = (rows[0].created, rows[-1].created) if rows else (0, 0)
    for number in range(draw(st.sampled_from([0, 0, 3, 40, 150]))):
        position = (
            draw(st.sampled_from(["before", "within", "behind", "burst"])) if number < 9 else ""
        )
        created = {
            "before": first - script.below(90),
            "burst": first + 7,
            "within": first + script.below(1 + last - first),
        }.get(position, last + number * script.below(3))
        changed.append(Row(f"new{number:03}", created))
    return changed


def histogram_of(
    rows: Sequence[Row], query: ListingQuery, *, limit: int = 4, script: Script | None = None
) -> Histogram | None:
    planner = chosen(query, limit=limit)
    Run(planner, Service(rows), script or Script(), concurrency=limit).finish()
    assert not isinstance(planner.histogram, int)
    return planner.histogram


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("largest", [0, 1, 8, 40])
def test_a_later_run_needs_hardly_more_than_the_fewest_requests_and_rounds(
    *, largest: int, direction: SortDirection, ordered: bool
) -> None:
    rows = bursty(MODELS, largest) if largest else even(MODELS)
    query = by_creation(PAGE, direction)
    *_, histogram = in_rounds(rows, query, ordered=ordered)
    alone = requests_by_key(rows, query)
    for _ in range(3):
        requests, rounds, histogram = in_rounds(rows, query, ordered=ordered, histogram=histogram)
        assert requests <= 1.1 * alone
        # Of a second with many models, two pages can share only what both ask for.
        assert rounds <= (2 if largest == 40 else 1) * ROUNDS


@pytest.mark.parametrize("ordered", [True, False])
def test_many_pages_have_work_for_all_to_their_end(*, ordered: bool) -> None:
    rows, query = even(6_000), by_creation(20)
    *_, histogram = in_rounds(rows, query, ordered=ordered)
    requests, rounds, _ = in_rounds(rows, query, ordered=ordered, histogram=histogram)
    # By key, each page repeats a model of the one before.
    assert requests <= 1.1 * 300 + (0 if ordered else AT_ONCE)
    assert rounds <= 1.1 * (1 + 300 / AT_ONCE) + 1


@pytest.mark.parametrize("ordered", [True, False])
def test_a_histogram_of_pages_of_one_size_is_one_of_others(*, ordered: bool) -> None:
    rows = bursty(2_000, 8)
    *_, histogram = in_rounds(rows, by_creation(PAGE), ordered=ordered)
    requests, rounds, _ = in_rounds(rows, by_creation(100), ordered=ordered, histogram=histogram)
    assert requests <= 20 + 3
    assert rounds <= ROUNDS + 1


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize(
    ("change", "most_requests", "most_rounds"),
    [
        ("a few new", MODELS // PAGE + 3, ROUNDS + 1),
        ("many new", 1.15 * MODELS // PAGE, 4 * ROUNDS),
        ("few left", MODELS // PAGE // 4 + 2, ROUNDS + 2),
    ],
)
def test_a_changed_catalogue_is_gone_through_at_once_too(
    *,
    change: str,
    most_requests: float,
    most_rounds: int,
    direction: SortDirection,
    ordered: bool,
) -> None:
    rows, query = bursty(MODELS, 8), by_creation(PAGE, direction)
    # After a month without any.
    born = rows[-1].created + 30 * 86_400_000
    new = [Row(f"new{number}", born + number) for number in range(20)]
    before, after = {
        "a few new": (rows, rows + new),
        "many new": (rows[:3_000], rows),
        "few left": (rows, rows[::4]),
    }[change]
    *_, histogram = in_rounds(before, query, ordered=ordered)
    requests, rounds, _ = in_rounds(after, query, ordered=ordered, histogram=histogram)
    assert requests <= most_requests
    assert rounds <= most_rounds


@settings(max_examples=700)
@given(st.data(), cases(), st.integers(0, 30), st.integers(0, 12))
def test_a_histogram_that_does_not_hold_costs_no_model(
    data: st.DataObject, case: Case, changes: int, takes: int
) -> None:
    histogram = histogram_of(case.rows, case.query)
    now = data.draw(later(case.rows))
    run = case.run(Service(now), histogram=histogram, changes=changes, takes=takes)
    assert not run.fell_back
    case.check(run)
    assert changes or set(run.ids) == {row.id for row in now}


@settings(max_examples=700)
@given(st.data(), cases(catalogues(200), limits=st.integers(2, 9)))
def test_a_histogram_that_does_not_hold_costs_no_more_than_windows_may(
    data: st.DataObject, case: Case
) -> None:
    histogram = histogram_of(case.rows, case.query)
    now = data.draw(later(case.rows))
    run = case.run(Service(now), histogram=histogram)
    # With what is repeated on top, pages by key may have more new models than they are to have.
    needed = max(requests_by_key(now, case.query), -(-len(now) // case.size))
    assert len(run.asked) <= needed + 2 * case.limit


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("limit", [2, 8])
def test_a_listing_that_was_nearly_emptied_costs_no_request_for_each_page_it_had(
    *, limit: int, ordered: bool
) -> None:
    rows, query = even(2_000), by_creation(10, "asc")
    # All that is left stands at both ends.
    left = [*rows[:15], *rows[-15:]]
    planner = chosen(query, limit=limit, ordered=ordered, histogram=histogram_of(rows, query))
    run = Run(planner, Service(left), concurrency=limit).finish()
    assert len(run.ids) == 30
    more = len(run.asked) - requests_by_key(left, query)
    assert more <= 2 * limit + (0.25 * len(run.asked) if ordered else 0)


@settings(max_examples=200)
@given(cases(limits=st.just(1)))
def test_one_at_a_time_asks_the_same_with_a_histogram(case: Case) -> None:
    histogram = histogram_of(case.rows, case.query, script=case.script)
    assert case.run().asked == case.run(histogram=histogram).asked


@settings(max_examples=300)
@given(cases(), st.booleans())
def test_the_histogram_after_a_run_tells_where_all_models_lie(case: Case, again: bool) -> None:
    run = case.run(histogram=histogram_of(case.rows, case.query) if again else None)
    histogram = planner_of(run).histogram
    assert not isinstance(histogram, int)
    if histogram is None:
        # It never came to windows.
        assert all(request.query.created_before is None for request in run.asked)
        return
    # Pages of one second alone may come before the first window.
    seconds = sorted(row.created // 1000 for row in case.rows)
    first = seconds[0 if case.direction == "asc" else -1]
    assert len(case.rows) - histogram.counts[-1] <= seconds.count(first)
    assert histogram.counts == tuple(sorted(histogram.counts))
    assert histogram.positions == tuple(sorted(histogram.positions))


def planner_of(run: Run) -> AdaptivePlanner:
    planner: AdaptivePlanner = vars(run)["planner"]
    return planner


def test_a_run_leaves_no_histogram_before_it_is_over() -> None:
    service = Service(even(200))
    planner = chosen(by_creation(20))
    while not planner.finished():
        assert planner.histogram is None
        for request in planner.requests(3, 0):
            planner.receive(request, service.answer(request.query))
    assert planner.histogram is not None


def test_a_run_that_broke_off_leaves_no_histogram() -> None:
    service = Service(even(200))
    planner = chosen(by_creation(20))
    (first,) = planner.requests(3, 0)
    planner.receive(first, service.answer(first.query))
    window = next(one for one in planner.requests(3, 0) if one.query.sort_direction != "asc")
    with pytest.raises(APIConnectionError):
        planner.failed(window, APIConnectionError("gone"))
    assert planner.histogram is None


@pytest.mark.parametrize("ignored", ["createdAfter", "createdBefore"])
def test_a_run_without_windows_leaves_no_histogram(ignored: str) -> None:
    planner = chosen(by_creation(20))
    run = Run(planner, Service(even(200), Manners(ignores=frozenset({ignored})))).finish()
    assert run.fell_back
    assert planner.histogram is None


def test_a_run_from_the_middle_leaves_no_histogram() -> None:
    service = Service(even(200))
    query = by_creation(20)
    token = service.answer(query).token
    assert token is not None
    planner = chosen(query.after(token))
    assert len(Run(planner, service).finish().ids) == 180
    assert planner.histogram is None


def test_a_run_that_goes_on_by_windows_where_a_cursor_expired_leaves_no_histogram() -> None:
    service = Service(even(200))
    planner = chosen(by_creation(20), strategy="cursor")
    for _ in range(3):
        for request in planner.requests(1, 0):
            planner.receive(request, service.answer(request.query))
    (request,) = planner.requests(1, 0)
    planner.failed(request, BadRequestError("expired", status_code=400))
    Run(planner, service, concurrency=1).finish()
    assert planner.histogram is None


@pytest.mark.parametrize("lost", [True, False])
def test_the_end_is_asked_for_only_where_much_came_behind_the_histogram(*, lost: bool) -> None:
    rows = even(3_000)
    query = by_creation(50, "asc")

    def asks_for_the_end(request: PageRequest) -> bool:
        return request.query.sort_direction != "asc" and request.query.created_before is None

    histogram = histogram_of(rows[:1_000], query)
    for number, asks in ((1_000, False), (1_020, False), (3_000, True)):
        planner = chosen(query, histogram=histogram)
        run = Run(
            planner, Service(rows[:number]), dispensable=asks_for_the_end if lost else None
        ).finish()
        assert len(run.ids) == number
        assert sum(map(asks_for_the_end, run.asked)) == asks
