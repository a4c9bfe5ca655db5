"""The planner of single records, driven in every order that answers can come in."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenario_async import (
    APIConnectionError,
    APIError,
    InternalServerError,
    Missing,
    NotFoundError,
    PermissionDeniedError,
)
from scenario_async._planners.records import IdsRead, MoreIds, RecordRequest, Records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from scenario_async._planners.records import Request

Outcomes = dict[str, APIError]

IDS = st.lists(st.sampled_from("abcdefghij"), max_size=40)
MOST = st.integers(1, 5)


class Drive:
    """What a fetcher does with a planner, with the answers and the caller in an order drawn."""

    def __init__(
        self,
        ids: Iterator[str],
        data: st.DataObject,
        *,
        most: int,
        ordered: bool,
        failing: Mapping[str, APIError] | None = None,
        ids_error: Exception | None = None,
    ) -> None:
        self.planner: Records[str] = Records(most=most, ordered=ordered)
        self.given: list[str | Missing] = []
        self.asked: list[str] = []
        self.most_ahead = 0
        self.most_under_way = 0
        self._ids = ids
        self._data = data
        self._most = most
        self._failing = failing or {}
        self._ids_error = ids_error
        self._under_way: list[Request] = []
        self._waiting = 0

    def run(self, *, steps: int = 10_000) -> None:
        for _ in range(steps):
            if self.planner.finished():
                return
            room = self._most + 1 - len(self._under_way)
            for request in self.planner.requests(room, self._waiting):
                self._under_way.append(request)
                if isinstance(request, RecordRequest):
                    self.asked.append(request.id)
            records = [one for one in self._under_way if isinstance(one, RecordRequest)]
            self.most_under_way = max(self.most_under_way, len(records))
            self.most_ahead = max(self.most_ahead, len(self.asked) - self._taken())
            moves: list[Callable[[], None]] = []
            if self._waiting:
                moves.append(self._take)
            if self._under_way:
                moves.append(self._answer)
            assert moves, "the walk stands still"
            self._data.draw(st.sampled_from(moves))()

    def _taken(self) -> int:
        return len(self.given) - self._waiting

    def _take(self) -> None:
        self._waiting -= 1

    def _answer(self) -> None:
        place = self._data.draw(st.integers(0, len(self._under_way) - 1))
        request = self._under_way.pop(place)
        if isinstance(request, MoreIds):
            released = self.planner.receive(request, self._read(request.count))
        elif request.id in self._failing:
            released = self.planner.failed(request, self._failing[request.id])
        else:
            released = self.planner.receive(request, request.id.upper())
        self.given += released
        self._waiting += len(released)

    def _read(self, most: int) -> IdsRead:
        ids: list[str] = []
        for _ in range(self._data.draw(st.integers(1, most))):
            try:
                ids.append(next(self._ids))
            except StopIteration:
                return IdsRead(ids, last=True, error=self._ids_error)
        return IdsRead(ids)


@given(IDS, MOST, st.data())
def test_records_come_in_the_order_of_the_ids_each_as_often_as_asked_for(
    ids: list[str], most: int, data: st.DataObject
) -> None:
    drive = Drive(iter(ids), data, most=most, ordered=True)
    drive.run()
    assert drive.given == [model_id.upper() for model_id in ids]


@given(IDS, MOST, st.data())
def test_records_without_order_all_come(ids: list[str], most: int, data: st.DataObject) -> None:
    drive = Drive(iter(ids), data, most=most, ordered=False)
    drive.run()
    assert sorted(map(str, drive.given)) == sorted(model_id.upper() for model_id in ids)


@given(IDS, MOST, st.booleans(), st.data())
def test_what_is_missing_comes_in_its_place(
    ids: list[str], most: int, ordered: bool, data: st.DataObject
) -> None:
    missing: Outcomes = {
        "a": NotFoundError("no", status_code=404, reason="not here"),
        "b": PermissionDeniedError("no", status_code=403),
    }
    values = {"a": Missing("a", 404, "not here"), "b": Missing("b", 403, None)}
    drive = Drive(iter(ids), data, most=most, ordered=ordered, failing=missing)
    drive.run()
    expected = [values.get(model_id, model_id.upper()) for model_id in ids]
    assert drive.given == expected if ordered else set(drive.given) == set(expected)


@given(IDS, MOST, st.data())
def test_a_failure_comes_after_all_records_before_it_and_none_behind_it(
    ids: list[str], most: int, data: st.DataObject
) -> None:
    ids = [*ids, "broken", *ids]
    failure = InternalServerError("down", status_code=500)
    drive = Drive(iter(ids), data, most=most, ordered=True, failing={"broken": failure})
    with pytest.raises(InternalServerError) as caught:
        drive.run()
    assert caught.value is failure
    assert drive.given == [model_id.upper() for model_id in ids[: ids.index("broken")]]


@given(IDS, MOST, st.data())
def test_without_order_a_failure_ends_the_walk_after_what_came(
    ids: list[str], most: int, data: st.DataObject
) -> None:
    failure = APIConnectionError("gone")
    drive = Drive(
        iter([*ids, "broken", *ids]), data, most=most, ordered=False, failing={"broken": failure}
    )
    with pytest.raises(APIConnectionError):
        drive.run()
    assert set(map(str, drive.given)) <= {model_id.upper() for model_id in ids}


@given(IDS, MOST, st.booleans(), st.data())
def test_ids_that_fail_do_so_after_the_records_of_all_ids_before(
    ids: list[str], most: int, ordered: bool, data: st.DataObject
) -> None:
    error = LookupError("mine")
    drive = Drive(iter(ids), data, most=most, ordered=ordered, ids_error=error)
    with pytest.raises(LookupError) as caught:
        drive.run()
    assert caught.value is error
    assert sorted(map(str, drive.given)) == sorted(model_id.upper() for model_id in ids)


def test_an_api_error_of_the_ids_comes_out_after_the_records_before_it() -> None:
    planner: Records[str] = Records(most=2, ordered=True)
    planner.requests(3, 0)
    planner.receive(MoreIds(2), IdsRead(["a"]))
    more, record = planner.requests(3, 0)
    assert (more, record) == (MoreIds(2), RecordRequest("a", 0))

    planner.failed(more, APIConnectionError("gone"))

    assert not planner.finished()
    assert planner.receive(record, "A") == ["A"]
    with pytest.raises(APIConnectionError):
        planner.finished()


@given(MOST, st.booleans(), st.data())
def test_of_ids_without_end_a_bounded_number_is_under_way_and_waiting(
    most: int, ordered: bool, data: st.DataObject
) -> None:
    read = count()
    drive = Drive((f"id_{number}" for number in read), data, most=most, ordered=ordered)
    drive.run(steps=60)
    assert drive.most_under_way <= most
    assert drive.most_ahead <= 2 * most
    assert next(read) <= len(drive.asked) + 2 * most


def test_a_slow_first_record_keeps_the_others_waiting_and_their_number_bounded() -> None:
    planner: Records[str] = Records(most=3, ordered=True)
    (more,) = planner.requests(4, 0)
    planner.receive(more, IdsRead([f"id_{number}" for number in range(20)], last=True))
    asked = [*planner.requests(4, 0)]
    for request in asked[1:]:
        assert planner.receive(request, "") == []
    while next_ := [*planner.requests(4, 0)]:
        asked += next_
        for request in next_:
            assert planner.receive(request, "") == []

    assert len(asked) == 6
    assert len(planner.receive(asked[0], "")) == 6


def test_nothing_more_is_asked_for_after_a_failure() -> None:
    planner: Records[str] = Records(most=3, ordered=True)
    (more,) = planner.requests(4, 0)
    planner.receive(more, IdsRead([f"id_{number}" for number in range(20)], last=True))
    asked = planner.requests(4, 0)

    planner.failed(asked[2], APIConnectionError("gone"))

    assert planner.requests(4, 0) == ()
    assert not planner.finished()


def test_missing_is_a_value() -> None:
    missing = Missing("model_a", 404, "not here")
    assert missing == Missing("model_a", 404, "not here")
    assert pickle.loads(pickle.dumps(missing)) == missing  # noqa: S301 - our own
    assert repr(missing) == "Missing(id='model_a', status_code=404, reason='not here')"
    with pytest.raises(FrozenInstanceError):
        missing.id = "model_b"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
