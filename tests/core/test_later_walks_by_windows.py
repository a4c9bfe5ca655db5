"""Walks that know from an earlier one where models lie: the same promises, fewer requests."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.catalogue_simulation import Manners, Row, Script, Service, Walk, by_creation, chosen
from support.catalogue_strategies import catalogues, directions, scripts

from scenario_async import APIConnectionError, BadRequestError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenario_async._pagination.planner import PageRequest
    from scenario_async._pagination.windows.histogram import Histogram
    from scenario_async._query.query import ListingQuery, SortDirection

pytestmark = pytest.mark.once

DIRECTIONS: tuple[SortDirection, ...] = ("asc", "desc")
MODELS, PAGE, AT_ONCE = 10_000, 500, 8
ROUNDS = 1 + -(-(MODELS // PAGE - 1) // AT_ONCE)

sizes = st.integers(1, 20)


@st.composite
def later(draw: st.DrawFn, rows: Sequence[Row]) -> list[Row]:
    """What may have become of a catalogue: any models are gone, others have come, or many have."""
    kept = draw(st.sampled_from([0, 1, 5, 10]))
    script = draw(scripts)
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


def even(number: int) -> list[Row]:
    return [Row(f"m{index:05}", 1000 * index) for index in range(number)]


def bursty(number: int, largest: int) -> list[Row]:
    """Seconds with several models, and gaps of all lengths between them."""
    chance = random.Random(largest)  # noqa: S311 - no secret
    rows: list[Row] = []
    created = 0
    while len(rows) < number:
        models = min(chance.randint(1, largest), number - len(rows))
        rows += [Row(f"m{len(rows) + index:05}", created) for index in range(models)]
        created += 1000 * chance.choice([1, 5, 1000, 10**5, 10 ** chance.randint(0, 9)])
    return rows


def histogram_known(
    rows: Sequence[Row], query: ListingQuery, *, limit: int = 4, script: Script | None = None
) -> Histogram | None:
    planner = chosen(query, limit=limit)
    Walk(planner, Service(rows), script or Script(), concurrency=limit).run()
    assert not isinstance(planner.histogram, int)
    return planner.histogram


def in_rounds(
    service: Service, query: ListingQuery, *, ordered: bool, histogram: Histogram | None = None
) -> tuple[int, int, Histogram | None]:
    """Requests, waits where all under way are answered at once, the histogram."""
    planner = chosen(query, limit=AT_ONCE, ordered=ordered, histogram=histogram)
    given_: set[str | None] = set()
    requests = rounds = 0
    while not planner.finished():
        sent = planner.requests(AT_ONCE, 0)
        requests += len(sent)
        rounds += 1
        for request in sent:
            for page in planner.receive(request, service.answer(request.query)):
                given_.update(page.answer.ids)
    assert given_ == set(service.rows)
    assert not isinstance(planner.histogram, int)
    return requests, rounds, planner.histogram


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("largest", [0, 1, 8, 40])
def test_a_later_walk_needs_hardly_more_than_the_fewest_requests_and_rounds(
    *, largest: int, direction: SortDirection, ordered: bool
) -> None:
    service = Service(bursty(MODELS, largest) if largest else even(MODELS))
    query = by_creation(PAGE, direction)
    *_, histogram = in_rounds(service, query, ordered=ordered)
    alone = Walk(chosen(query, strategy="windows", limit=1), service, concurrency=1).run()
    for _ in range(3):
        requests, rounds, histogram = in_rounds(
            service, query, ordered=ordered, histogram=histogram
        )
        assert requests <= 1.1 * len(alone.asked)
        # Of a second with many models, two pages can share only what both ask for.
        assert rounds <= (2 if largest == 40 else 1) * ROUNDS


@pytest.mark.parametrize("ordered", [True, False])
def test_many_pages_have_work_for_all_to_their_end(*, ordered: bool) -> None:
    service = Service(even(6_000))
    query = by_creation(20)
    *_, histogram = in_rounds(service, query, ordered=ordered)
    requests, rounds, _ = in_rounds(service, query, ordered=ordered, histogram=histogram)
    # By key, each page repeats a model of the one before.
    assert requests <= 1.1 * 300 + (0 if ordered else AT_ONCE)
    assert rounds <= 1.1 * (1 + 300 / AT_ONCE) + 1


@pytest.mark.parametrize("ordered", [True, False])
def test_a_histogram_of_pages_of_one_size_is_one_of_others(*, ordered: bool) -> None:
    service = Service(bursty(2_000, 8))
    *_, histogram = in_rounds(service, by_creation(PAGE), ordered=ordered)
    requests, rounds, _ = in_rounds(service, by_creation(100), ordered=ordered, histogram=histogram)
    assert requests <= 20 + 3
    assert rounds <= ROUNDS + 1


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_few_new_models_cost_hardly_more(*, direction: SortDirection, ordered: bool) -> None:
    rows = bursty(MODELS, 8)
    query = by_creation(PAGE, direction)
    *_, histogram = in_rounds(Service(rows), query, ordered=ordered)
    # After a month without any.
    born = rows[-1].created + 30 * 86_400_000
    rows += [Row(f"new{number}", born + number) for number in range(20)]
    requests, rounds, _ = in_rounds(Service(rows), query, ordered=ordered, histogram=histogram)
    assert requests <= MODELS // PAGE + 3
    assert rounds <= ROUNDS + 1


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_many_new_models_or_few_left_are_gone_through_at_once_too(
    *, direction: SortDirection, ordered: bool
) -> None:
    rows = bursty(MODELS, 8)
    query = by_creation(PAGE, direction)
    *_, histogram = in_rounds(Service(rows[:3_000]), query, ordered=ordered)
    requests, rounds, _ = in_rounds(Service(rows), query, ordered=ordered, histogram=histogram)
    assert requests <= 1.15 * MODELS // PAGE
    assert rounds <= 4 * ROUNDS
    *_, histogram = in_rounds(Service(rows), query, ordered=ordered)
    requests, rounds, _ = in_rounds(Service(rows[::4]), query, ordered=ordered, histogram=histogram)
    assert requests <= MODELS // PAGE // 4 + 2
    assert rounds <= ROUNDS + 2


@settings(max_examples=700)
@given(
    data=st.data(),
    rows=catalogues(),
    size=sizes,
    direction=directions,
    limit=st.integers(1, 9),
    ordered=st.booleans(),
    script=scripts,
    changes=st.integers(0, 30),
    takes=st.integers(0, 12),
)
def test_a_histogram_that_does_not_hold_costs_no_model(
    *,
    data: st.DataObject,
    rows: list[Row],
    size: int,
    direction: SortDirection,
    limit: int,
    ordered: bool,
    script: Script,
    changes: int,
    takes: int,
) -> None:
    query = by_creation(size, direction)
    histogram = histogram_known(rows, query)
    now = data.draw(later(rows))
    planner = chosen(query, strategy="windows", limit=limit, ordered=ordered, histogram=histogram)
    walk = Walk(
        planner, Service(now), script, concurrency=limit, changes=changes, takes=takes
    ).run()
    assert not walk.fell_back
    assert len(walk.given) == len(set(walk.given))
    assert walk.survivors <= set(walk.given)
    if not changes:
        assert set(walk.given) == {row.id for row in now}
    in_order = (
        walk.given
        if ordered
        else [
            model_id
            for page in sorted(walk.emitted, key=lambda page: page.sort_key)
            for model_id in walk.new_ids[page.request.depth]
        ]
    )
    births = [walk.created[model_id] // 1000 for model_id in in_order]
    assert births == sorted(births, reverse=direction == "desc")


@settings(max_examples=700)
@given(
    data=st.data(),
    rows=catalogues(limit=200),
    size=sizes,
    direction=directions,
    limit=st.integers(2, 9),
    ordered=st.booleans(),
    script=scripts,
)
def test_a_histogram_that_does_not_hold_costs_no_more_than_windows_may(
    *,
    data: st.DataObject,
    rows: list[Row],
    size: int,
    direction: SortDirection,
    limit: int,
    ordered: bool,
    script: Script,
) -> None:
    query = by_creation(size, direction)
    histogram = histogram_known(rows, query)
    now = data.draw(later(rows))
    alone = Walk(chosen(query, strategy="windows", limit=1), Service(now), concurrency=1).run()
    planner = chosen(query, strategy="windows", limit=limit, ordered=ordered, histogram=histogram)
    walk = Walk(planner, Service(now), script, concurrency=limit).run()
    # With what comes once more on top, pages by key may have more new models than they are to have.
    assert len(walk.asked) <= max(len(alone.asked), -(-len(now) // size)) + 2 * limit


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("limit", [2, 8])
def test_a_listing_that_was_nearly_emptied_costs_no_request_for_each_page_it_had(
    *, limit: int, ordered: bool
) -> None:
    rows = even(2_000)
    query = by_creation(10, "asc")
    # All that is left stands at both ends.
    service = Service([*rows[:15], *rows[-15:]])
    planner = chosen(query, limit=limit, ordered=ordered, histogram=histogram_known(rows, query))
    walk = Walk(planner, service, concurrency=limit).run()
    assert len(walk.given) == 30
    alone = Walk(chosen(query, strategy="windows", limit=1), service, concurrency=1).run()
    more = len(walk.asked) - len(alone.asked)
    assert more <= 2 * limit + (0.25 * len(walk.asked) if ordered else 0)


@settings(max_examples=200)
@given(rows=catalogues(), size=sizes, direction=directions, ordered=st.booleans(), script=scripts)
def test_one_at_a_time_asks_the_same_with_a_histogram(
    *,
    rows: list[Row],
    size: int,
    direction: SortDirection,
    ordered: bool,
    script: Script,
) -> None:
    query = by_creation(size, direction)
    walks = [
        Walk(
            chosen(query, strategy="windows", limit=1, ordered=ordered, histogram=histogram),
            Service(rows),
            concurrency=1,
        ).run()
        for histogram in (None, histogram_known(rows, query, script=script))
    ]
    assert walks[0].asked == walks[1].asked


@settings(max_examples=300)
@given(
    rows=catalogues(),
    size=sizes,
    direction=directions,
    limit=st.integers(1, 9),
    ordered=st.booleans(),
    script=scripts,
    again=st.booleans(),
)
def test_the_histogram_after_a_walk_tells_where_all_models_lie(
    *,
    rows: list[Row],
    size: int,
    direction: SortDirection,
    limit: int,
    ordered: bool,
    script: Script,
    again: bool,
) -> None:
    query = by_creation(size, direction)
    planner = chosen(
        query,
        strategy="windows",
        limit=limit,
        ordered=ordered,
        histogram=histogram_known(rows, query) if again else None,
    )
    walk = Walk(planner, Service(rows), script, concurrency=limit).run()
    histogram = planner.histogram
    assert not isinstance(histogram, int)
    if histogram is None:
        # It never came to windows.
        assert all(request.query.created_before is None for request in walk.asked)
        return
    # Pages of one second alone may come before the first window.
    assert len(rows) - histogram.counts[-1] <= sum(
        row.created // 1000 == first_of(rows, direction) // 1000 for row in rows
    )
    assert histogram.counts == tuple(sorted(histogram.counts))
    assert histogram.positions == tuple(sorted(histogram.positions))


def first_of(rows: Sequence[Row], direction: SortDirection) -> int:
    return (
        min(row.created for row in rows) if direction == "asc" else max(row.created for row in rows)
    )


def test_a_walk_leaves_no_histogram_before_it_is_over() -> None:
    service = Service(even(200))
    planner = chosen(by_creation(20))
    while not planner.finished():
        assert planner.histogram is None
        for request in planner.requests(3, 0):
            planner.receive(request, service.answer(request.query))
    assert planner.histogram is not None


def test_a_walk_that_broke_off_leaves_no_histogram() -> None:
    service = Service(even(200))
    planner = chosen(by_creation(20))
    (first,) = planner.requests(3, 0)
    planner.receive(first, service.answer(first.query))
    window = next(one for one in planner.requests(3, 0) if one.query.sort_direction != "asc")
    with pytest.raises(APIConnectionError):
        planner.failed(window, APIConnectionError("gone"))
    assert planner.histogram is None


@pytest.mark.parametrize("ignored", ["createdAfter", "createdBefore"])
def test_a_walk_without_windows_leaves_no_histogram(ignored: str) -> None:
    rows = even(200)
    planner = chosen(by_creation(20))
    walk = Walk(planner, Service(rows, Manners(ignores=frozenset({ignored})))).run()
    assert walk.fell_back
    assert planner.histogram is None


def test_a_walk_from_the_middle_leaves_no_histogram() -> None:
    service = Service(even(200))
    query = by_creation(20)
    token = service.answer(query).token
    assert token is not None
    planner = chosen(query.after(token))
    assert len(Walk(planner, service).run().given) == 180
    assert planner.histogram is None


def test_a_walk_that_goes_on_by_windows_where_a_cursor_expired_leaves_no_histogram() -> None:
    service = Service(even(200))
    planner = chosen(by_creation(20), strategy="cursor")
    for _ in range(3):
        for request in planner.requests(1, 0):
            planner.receive(request, service.answer(request.query))
    (request,) = planner.requests(1, 0)
    planner.failed(request, BadRequestError("expired", status_code=400))
    Walk(planner, service, concurrency=1).run()
    assert planner.histogram is None


@pytest.mark.parametrize("lost", [True, False])
def test_the_end_is_asked_for_only_where_much_came_behind_the_histogram(*, lost: bool) -> None:
    rows = even(3_000)
    query = by_creation(50, "asc")

    def asks_for_the_end(request: PageRequest) -> bool:
        return request.query.sort_direction != "asc" and request.query.created_before is None

    histogram = histogram_known(rows[:1_000], query)
    for number, asks in ((1_000, False), (1_020, False), (3_000, True)):
        planner = chosen(query, histogram=histogram)
        walk = Walk(
            planner, Service(rows[:number]), dispensable=asks_for_the_end if lost else None
        ).run()
        assert len(walk.given) == number
        assert sum(map(asks_for_the_end, walk.asked)) == asks
