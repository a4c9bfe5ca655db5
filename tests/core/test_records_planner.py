"""The planner of single records, driven in every order that answers can come in."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError
from itertools import count
from typing import TYPE_CHECKING, Any

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
from scenario_async._errors import error_for_status
from scenario_async._retrieval.planner import IdsRead, Known, MoreIds, RecordPlanner, RecordRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Outcomes = dict[str, APIError]
Request = MoreIds | RecordRequest[str]

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
        batch: int = 1,
        patient: bool = False,
        failing: Mapping[str, APIError] | None = None,
        ids_error: Exception | None = None,
        known: str = "",
        untold: str = "",
        refusal: APIError | None = None,
    ) -> None:
        self.planner: RecordPlanner[str, str] = RecordPlanner(
            most=most, ordered=ordered, batch=batch, patient=patient
        )
        self.given: list[str | Missing] = []
        self.places: list[int] = []
        self.asked: list[str] = []
        self.batches: list[list[str]] = []
        self.read = 0
        self.most_ahead = 0
        self.most_under_way = 0
        self._ids = ids
        self._data = data
        self._most = most
        self._failing = failing or {}
        self._ids_error = ids_error
        self._known = known
        self._untold = untold
        self._refusal = refusal
        self._under_way: list[Request] = []
        self._waiting = 0

    def run(self, *, steps: int = 10_000) -> None:
        for _ in range(steps):
            if self.planner.finished():
                return
            free_slots = self._most + 1 - len(self._under_way)
            for request in self.planner.requests(free_slots, self._waiting):
                self._under_way.append(request)
                if isinstance(request, RecordRequest):
                    (self.batches.append if request.bulk else self.asked.extend)([*request.ids])
            records = [one for one in self._under_way if isinstance(one, RecordRequest)]
            self.most_under_way = max(self.most_under_way, len(records))
            self.most_ahead = max(self.most_ahead, self.read - self._taken())
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
            emitted = self.planner.receive(request, self._read(request.count))
        elif request.bulk and self._refusal is not None:
            emitted = self.planner.failed(request, self._refusal)
        elif not request.bulk and (failing := {*request.ids} & {*self._failing}):
            emitted = self.planner.failed(request, self._failing[failing.pop()])
        else:
            outcomes = {
                one: self._failing.get(one, one.upper())
                for one in request.ids
                if not (request.bulk and one in self._untold)
            }
            emitted = self.planner.receive(request, outcomes)
        self.given += [record for _, record in emitted]
        self.places += [place for place, _ in emitted]
        self._waiting += len(emitted)

    def _read(self, most: int) -> IdsRead[str, str]:
        ids: list[str | Known[str]] = []
        for _ in range(self._data.draw(st.integers(1, most))):
            try:
                one = next(self._ids)
            except StopIteration:
                return IdsRead(ids, last=True, error=self._ids_error)
            self.read += 1
            ids.append(Known(one.upper()) if one in self._known else one)
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
    planner: RecordPlanner[str, str] = RecordPlanner(most=2, ordered=True)
    planner.requests(3, 0)
    planner.receive(MoreIds(2), IdsRead(["a"]))
    more, record = planner.requests(3, 0)
    assert (more, record) == (MoreIds(2), RecordRequest(("a",)))

    planner.failed(more, APIConnectionError("gone"))

    assert not planner.finished()
    assert planner.receive(record, {"a": "A"}) == [(0, "A")]
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
    assert drive.most_ahead <= 4 * most
    assert next(read) <= len(drive.asked) + 2 * most


def asked_by(planner: RecordPlanner[str, str], buffered: int = 0) -> list[RecordRequest[str]]:
    requests = planner.requests(100, buffered)
    return [request for request in requests if not isinstance(request, MoreIds)]


def answer(request: RecordRequest[str]) -> dict[str, str]:
    return dict.fromkeys(request.ids, "")


def test_a_slow_first_record_keeps_the_others_waiting_and_their_number_bounded() -> None:
    planner: RecordPlanner[str, str] = RecordPlanner(most=3, ordered=True)
    (more,) = planner.requests(4, 0)
    planner.receive(more, IdsRead([f"id_{number}" for number in range(20)], last=True))
    asked = asked_by(planner)
    for request in asked[1:]:
        assert planner.receive(request, answer(request)) == []
    while next_ := asked_by(planner):
        asked += next_
        for request in next_:
            assert planner.receive(request, answer(request)) == []

    assert len(asked) == 6
    assert len(planner.receive(asked[0], answer(asked[0]))) == 6


def test_nothing_more_is_asked_for_after_a_failure() -> None:
    planner: RecordPlanner[str, str] = RecordPlanner(most=3, ordered=True)
    (more,) = planner.requests(4, 0)
    planner.receive(more, IdsRead([f"id_{number}" for number in range(20)], last=True))
    asked = asked_by(planner)

    planner.failed(asked[2], APIConnectionError("gone"))

    assert planner.requests(4, 0) == []
    assert not planner.finished()


def assert_all_given(drive: Drive, ids: list[str], *, ordered: bool) -> None:
    assert drive.given == [ids[place].upper() for place in drive.places]
    assert drive.places == [*range(len(ids))] if ordered else {*drive.places} == {*range(len(ids))}
    assert len(drive.places) == len(ids)


BATCH = st.integers(2, 7)
KNOWN = st.sampled_from(["", "ab", "abcdefghij"])
UNTOLD = st.sampled_from(["", "a", "bcd", "abcdefghij"])


OPTIONS = st.fixed_dictionaries(
    {
        "most": MOST,
        "batch": BATCH,
        "ordered": st.booleans(),
        "patient": st.booleans(),
        "known": KNOWN,
        "untold": UNTOLD,
    }
)


@given(IDS, OPTIONS, st.data())
def test_in_batches_something_comes_for_each_id_as_often_as_it_is_given(
    ids: list[str], options: dict[str, Any], data: st.DataObject
) -> None:
    drive = Drive(iter(ids), data, **options)
    drive.run()
    assert_all_given(drive, ids, ordered=options["ordered"])
    assert all(len(one) <= options["batch"] for one in drive.batches)
    assert not {one for ids in drive.batches for one in ids} & {*options["known"]}
    assert {*drive.asked} <= {*options["untold"]}
    assert drive.most_under_way <= options["most"]
    assert drive.most_ahead <= 4 * options["most"] * options["batch"]


@given(st.integers(0, 60), MOST, BATCH, st.data())
def test_ids_that_come_without_delay_fill_all_batches_but_the_last(
    number: int, most: int, batch: int, data: st.DataObject
) -> None:
    ids = (f"id_{one}" for one in range(number))
    drive = Drive(ids, data, most=most, ordered=True, batch=batch, patient=True)
    drive.run()
    assert len(drive.batches) == -(-number // batch)


@given(IDS, OPTIONS, st.sampled_from([400, 403, 404, 405]), st.data())
def test_ids_that_are_refused_in_a_batch_are_asked_for_one_by_one(
    ids: list[str], options: dict[str, Any], status: int, data: st.DataObject
) -> None:
    refusal = error_for_status(status)("no", status_code=status)
    drive = Drive(iter(ids), data, refusal=refusal, **options)
    drive.run()
    assert_all_given(drive, ids, ordered=options["ordered"])
    assert {*drive.asked} == {*ids} - {*options["known"]}
    if status != 400:
        # No more than were under way when the first of them was refused.
        assert len(drive.batches) <= options["most"]


@given(IDS, MOST, BATCH, st.sampled_from([401, 429, 500]), st.data())
def test_another_failure_of_a_batch_is_a_failure(
    ids: list[str], most: int, batch: int, status: int, data: st.DataObject
) -> None:
    failure = error_for_status(status)("no", status_code=status)
    drive = Drive(iter(["a", *ids]), data, most=most, ordered=True, batch=batch, refusal=failure)
    with pytest.raises(APIError) as caught:
        drive.run()
    assert caught.value is failure
    assert drive.given == drive.asked == []


@given(IDS, MOST, BATCH, UNTOLD, st.data())
def test_a_failure_inside_a_batch_comes_after_all_records_before_it(
    ids: list[str], most: int, batch: int, untold: str, data: st.DataObject
) -> None:
    failure = InternalServerError("down", status_code=500)
    drive = Drive(
        iter([*ids, "broken", *ids]),
        data,
        most=most,
        ordered=True,
        batch=batch,
        untold=untold,
        failing={"broken": failure},
    )
    with pytest.raises(InternalServerError):
        drive.run()
    assert drive.given == [model_id.upper() for model_id in ids]


def test_without_order_all_that_stands_in_an_answer_is_given_before_its_failure() -> None:
    planner: RecordPlanner[str, str] = RecordPlanner(most=2, ordered=False, batch=3)
    (more,) = planner.requests(3, 0)
    planner.receive(more, IdsRead(["a", "b", "c"], last=True))
    (request,) = asked_by(planner)

    emitted = planner.receive(request, {"a": "A", "b": APIConnectionError("gone"), "c": "C"})

    assert emitted == [(0, "A"), (2, "C")]
    with pytest.raises(APIConnectionError):
        planner.finished()


def test_a_slow_reader_of_ids_costs_a_request_for_each_answer_and_not_for_each_id() -> None:
    planner: RecordPlanner[str, str] = RecordPlanner(most=4, ordered=True, batch=50)
    (more,) = planner.requests(5, 0)
    planner.receive(more, IdsRead(["a"]))
    (first,) = asked_by(planner)
    for one in "bcdef":
        planner.receive(MoreIds(200), IdsRead([one]))
        assert asked_by(planner) == []

    assert planner.receive(first, {"a": "A"}) == [(0, "A")]
    (second,) = asked_by(planner, buffered=1)
    assert second.ids == ("b", "c", "d", "e", "f")


def test_what_is_asked_for_is_not_asked_for_again_until_it_came() -> None:
    planner: RecordPlanner[str, str] = RecordPlanner(most=2, ordered=True)
    (more,) = planner.requests(3, 0)
    planner.receive(more, IdsRead(["a", "a", "a", "b"], last=True))
    first, second = asked_by(planner)
    assert (first.ids, second.ids) == (("a",), ("b",))

    assert planner.receive(first, {"a": "A"}) == [(0, "A"), (1, "A"), (2, "A")]


def test_known_records_that_wait_for_one_before_them_do_not_keep_it_from_being_asked_for() -> None:
    planner: RecordPlanner[str, str] = RecordPlanner(most=1, ordered=True, batch=2, patient=True)
    (more,) = planner.requests(2, 0)
    planner.receive(more, IdsRead(["a", *map(Known, "BCDEF")]))

    (request,) = planner.requests(2, 0)

    assert request == RecordRequest(("a",), bulk=True)
    assert [one for _, one in planner.receive(request, {"a": "A"})] == [*"ABCDEF"]


def test_a_refusal_without_a_way_by_single_ids_is_a_failure() -> None:
    planner: RecordPlanner[str, str] = RecordPlanner(most=2, ordered=True, batch=3, singly=False)
    (more,) = planner.requests(3, 0)
    planner.receive(more, IdsRead(["a"], last=True))
    (request,) = asked_by(planner)

    planner.failed(request, PermissionDeniedError("no", status_code=403))

    with pytest.raises(PermissionDeniedError):
        planner.finished()


def test_missing_is_a_value() -> None:
    missing = Missing("model_a", 404, "not here")
    assert missing == Missing("model_a", 404, "not here")
    assert pickle.loads(pickle.dumps(missing)) == missing  # noqa: S301 - our own
    assert repr(missing) == "Missing(id='model_a', status_code=404, reason='not here')"
    with pytest.raises(FrozenInstanceError):
        missing.id = "model_b"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
