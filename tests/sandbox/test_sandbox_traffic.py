"""What a log of requests shows of those who sent them."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from scenario_async.sandbox import Request, RequestLog


def request(
    number: int, when: float, ended: float | None, client: str = "a", connection: str = "one"
) -> Request:
    return Request(
        number=number,
        method="GET",
        path="/v1/models",
        parameters=(),
        authorization_kind="basic",
        connection=connection,
        user_agent=client,
        when=when,
        ended=ended,
    )


def log_of(*requests: Request) -> RequestLog:
    log = RequestLog(itertools.count(1))
    for one in requests:
        log.arrived(one)
    return log


# Whole numbers: many of them fall together, and sums of them are exact.
moments = st.integers(0, 30).map(float)


@st.composite
def logs(draw: st.DrawFn) -> RequestLog:
    arrivals = sorted(draw(st.lists(moments, max_size=12)))
    made: list[Request] = []
    for number, when in enumerate(arrivals, 1):
        takes = draw(st.none() | st.integers(1, 6))
        ended = None if takes is None else when + takes
        made.append(request(number, when, ended, draw(st.sampled_from("ab"))))
    return log_of(*made)


@given(log=logs(), seconds=st.integers(1, 40))
def test_the_most_requests_of_any_span_are_counted(log: RequestLog, seconds: int) -> None:
    spans = [sum(start <= one.when < start + seconds for one in log) for start in range(31)]
    assert log.most_within(seconds) == max(spans)


@given(log=logs(), gap=st.integers(0, 8))
def test_two_clients_were_at_work_at_once_where_a_moment_shows_both(
    log: RequestLog, gap: int
) -> None:
    def at_work(client: str, moment: float) -> bool:
        """Whether it waits for an answer, or has one and asks again soon enough."""
        own = [one for one in log if one.user_agent == client]
        if any(one.when <= moment and (one.ended is None or moment < one.ended) for one in own):
            return True
        before = [one.ended for one in own if one.ended is not None and one.ended <= moment]
        after = [one.when for one in own if one.when > moment]
        return bool(before and after) and min(after) - max(before) <= gap

    shown = log.overlaps(gap=gap)
    moments = [half / 2 for half in range(80)]
    assert bool(shown) == any(at_work("a", one) and at_work("b", one) for one in moments)
    assert all(before.user_agent != later.user_agent for before, later in shown)
    assert all(before.number < later.number for before, later in shown)
    assert shown == sorted(shown, key=lambda pair: pair[1].number)


def test_a_client_is_named_by_its_user_agent_unless_told_otherwise() -> None:
    log = log_of(request(1, 0, 2, "a", "one"), request(2, 1, 3, "a", "two"))
    assert log.overlaps() == []
    assert log.overlaps(by=lambda one: one.connection) == [(log[0], log[1])]


def test_a_gap_closes_the_pauses_of_a_run_but_not_the_time_between_two() -> None:
    first = [request(1, 0, 1, "a"), request(3, 4, 5, "a")]
    within, later = request(2, 2, 2.5, "b"), request(4, 6, 7, "b")
    assert log_of(*first, later).overlaps(gap=3) == []
    log = log_of(first[0], within, first[1])
    assert log.overlaps() == log.overlaps(gap=2.9) == []
    assert log.overlaps(gap=3) == [(first[0], within)]


def test_whoever_begins_when_the_other_one_has_ended_is_alone() -> None:
    log = log_of(request(1, 0, 2, "a"), request(2, 2, 3, "b"), request(3, 3, 4, "a"))
    assert log.overlaps() == []


def test_a_request_without_an_answer_is_under_way() -> None:
    log = log_of(request(1, 0, None, "a"), request(2, 9, 10, "b"))
    assert log.overlaps() == [(log[0], log[1])]
    log.answered(1, status=200)
    assert log[0].ended is not None
