from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.catalogue_simulation import Manners, Row, Service, by_creation, moment

from scenario_async._decoding.envelope import PageAnswer
from scenario_async._pagination.windows.timeline import Timeline
from scenario_async._query.query import ListingQuery, wire_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenario_async._query.query import SortDirection

directions: st.SearchStrategy[SortDirection] = st.sampled_from(["asc", "desc"])
births = st.lists(st.integers(-9000, 9000), max_size=40)
near_a_second = st.sampled_from([second + at for second in (0, 1000) for at in (-2, -1, 0, 1, 2)])
lengths = st.none() | st.integers(-6, 6).map(lambda seconds: 1000 * seconds)


def listing(direction: SortDirection) -> ListingQuery:
    return by_creation(500, direction)


def service(births: Sequence[int], *, by_second: bool = False) -> Service:
    manners = Manners(sorts_by_second=by_second, bounds_by_second=by_second)
    return Service([Row(f"m{index:03}", born) for index, born in enumerate(births)], manners)


def answer(*created: object) -> PageAnswer:
    return PageAnswer([b'{"createdAt":%s}' % str(one).encode() for one in created], None)


@given(births, directions, st.integers(0, 39), lengths, st.booleans())
def test_a_window_is_all_rows_from_its_start_and_before_its_stop(
    births: list[int],
    direction: SortDirection,
    start: int,
    length: int | None,
    by_second: bool,
) -> None:
    query = listing(direction)
    there = service(births, by_second=by_second)
    timeline = Timeline(query)
    rows = there.listed(query)
    positions = timeline.positions(there.answer(query))
    if not positions:
        return
    begin = positions[start % len(positions)]
    stop = None if length is None else begin + length
    window = there.listed(timeline.window(begin, stop))
    assert window == [
        row
        for row, position in zip(rows, positions, strict=True)
        if position >= begin and (stop is None or position < stop)
    ]


@given(
    st.lists(near_a_second, min_size=5, max_size=9),
    directions,
    st.integers(0, 8),
    st.sampled_from([None, 0, 1000]),
)
@example([0, 999, 1000], "desc", 0, 1000)
def test_what_is_left_from_a_millisecond_on_is_all_rows_of_it_and_behind_it(
    births: list[int], direction: SortDirection, start: int, length: int | None
) -> None:
    query = listing(direction)
    there = service(births)
    timeline = Timeline(query)
    found = there.answer(query)
    positions, moments = timeline.positions(found), found.moments(by_update=False)
    begin = moments[start % len(moments)]
    assert begin is not None
    stop = None if length is None else positions[start % len(moments)] + length
    left = there.listed(timeline.from_millisecond(begin, stop))
    assert left == [
        row
        for row, created, position in zip(there.listed(query), moments, positions, strict=True)
        if created is not None
        and (created >= begin if direction == "asc" else created <= begin)
        and (stop is None or position < stop)
    ]


@given(births=births, direction=directions)
def test_positions_grow_along_the_listing(births: list[int], direction: SortDirection) -> None:
    query = listing(direction)
    positions = Timeline(query).positions(service(births).answer(query))
    assert positions == sorted(positions)
    assert len(positions) == len(births)


@given(births=births, direction=directions, start=st.integers(-9, 9), length=lengths)
def test_a_window_backwards_has_the_same_rows_from_its_end_on(
    births: list[int], direction: SortDirection, start: int, length: int | None
) -> None:
    there = service(births)
    timeline = Timeline(listing(direction))
    (zero,) = timeline.positions(answer(f'"{moment(0)}"'))
    window = zero + 1000 * start, None if length is None else zero + 1000 * start + length
    forwards = there.listed(timeline.window(*window))
    backwards = timeline.backwards(*window)
    assert {direction, backwards.sort_direction} == {"asc", "desc"}
    assert there.listed(backwards) == forwards[::-1]


def test_a_listing_without_direction_comes_newest_first() -> None:
    query = Timeline(ListingQuery(privacy="private")).window(0, None)
    assert (query.sort_by, query.sort_direction) == ("createdAt", "desc")
    assert query.created_before == "1970-01-01T00:00:01.000Z"


def test_a_window_keeps_everything_else_that_was_asked_and_no_token() -> None:
    asked = ListingQuery(collection_id="c", page_size=7, pagination_token="t")
    query = Timeline(asked).window(-5000, -2000)
    assert query == ListingQuery(
        collection_id="c",
        page_size=7,
        sort_by="createdAt",
        sort_direction="desc",
        created_after="1970-01-01T00:00:02.999Z",
        created_before="1970-01-01T00:00:06.000Z",
    )


@given(st.datetimes(timezones=st.just(UTC)), directions)
@example(datetime.min.replace(tzinfo=UTC), "asc")
@example(datetime.min.replace(tzinfo=UTC), "desc")
@example(datetime.max.replace(tzinfo=UTC), "asc")
@example(datetime.max.replace(tzinfo=UTC), "desc")
def test_the_position_of_a_model_is_its_second(created: datetime, direction: SortDirection) -> None:
    timeline = Timeline(listing(direction))
    (position,) = timeline.positions(answer(f'"{created.isoformat()}"'))
    second = created.replace(microsecond=0)
    since = (second - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert position == (since if direction == "asc" else -since)
    assert position <= timeline.end
    query = timeline.window(position, None)
    bound = query.created_after if direction == "asc" else query.created_before
    # At the edge of the calendar there is no bound, and nothing for it to leave out.
    if bound is None:
        assert abs(created - created.replace(year=1 if direction == "asc" else 9999)) < timedelta(1)
    else:
        off = timedelta(milliseconds=-1) if direction == "asc" else timedelta(seconds=1)
        assert datetime.fromisoformat(bound) == second + off


@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_the_end_is_the_bound_of_the_listing(direction: SortDirection) -> None:
    query = ListingQuery(
        sort_direction=direction,
        created_after="1970-01-01T00:00:03.000Z",
        created_before="1970-01-01T00:00:09.000Z",
    )
    assert Timeline(query).end == (9000 if direction == "asc" else -3000)


def test_rows_without_a_time_that_can_be_told_have_no_position() -> None:
    found = answer('"2024-05-01T00:00:00"', "null", 5, '"soon"', '"1970-01-01T00:00:07.001Z"')
    assert Timeline(listing("asc")).positions(found) == [7000]
    assert Timeline(listing("desc")).positions(found) == [-7000]


def test_a_time_of_another_zone_is_the_same_moment() -> None:
    found = answer('"1970-01-01T02:00:01.001+02:00"')
    assert Timeline(listing("asc")).positions(found) == [1000]


@pytest.mark.parametrize("date", ["createdAt", "updatedAt"])
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_milliseconds_are_relied_on_where_no_chance_has_put_them_in_order(
    direction: SortDirection, date: Literal["createdAt", "updatedAt"]
) -> None:
    timeline = Timeline(ListingQuery(privacy="public", sort_by=date, sort_direction=direction))
    times = [f"2024-05-01T00:00:00.{number:03}Z" for number in range(8)]
    times = times[:: 1 if direction == "asc" else -1]

    def page(*times: str) -> PageAnswer:
        """Rows whose other date tells nothing."""
        dates = dict.fromkeys(("createdAt", "updatedAt"), "2024-05-01T00:00:09Z")
        return PageAnswer([json.dumps({**dates, date: one}).encode() for one in times], None)

    last = datetime.fromisoformat(times[-1])
    for found in (page(*times), page(*times, times[-1])):
        assert timeline.last_millisecond(found) == last
        assert timeline.has(found, last)
    assert not timeline.has(page(*times[:-1]), last)
    assert timeline.last_millisecond(page(*times[1:], times[-1])) is None
    assert timeline.last_millisecond(page(*times[1:], times[0])) is None


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_moment_is_written_in_whole_milliseconds(moment: datetime) -> None:
    text = wire_time(moment)
    assert len(text) == len("2026-01-02T03:04:05.678Z")
    cut = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert datetime.fromisoformat(text) == cut
