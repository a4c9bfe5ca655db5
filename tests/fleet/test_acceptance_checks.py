"""The checks by which a fleet is judged: each finds what it is there for, and nothing else."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fleet_checks import (
    Copied,
    Note,
    Stretch,
    at_once,
    differences,
    most_within,
    stretches,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

moments = st.integers(0, 30).map(float)
names = st.sampled_from("abc")
notes = st.lists(st.builds(Note, names, names, moments))


@given(st.lists(moments), st.integers(1, 10))
def test_the_most_in_a_time_is_that_of_every_beginning_looked_at(
    when: Sequence[float], seconds: int
) -> None:
    counts = [sum(begin <= one < begin + seconds for one in when) for begin in when]
    assert most_within(when, seconds) == max(counts, default=0)


@given(notes, notes)
def test_each_request_lies_in_the_last_stretch_that_began_before_it(
    begun: Sequence[Note], asked: Sequence[Note]
) -> None:
    known = [
        note
        for note in asked
        if any((one.worker, one.account) == (note.worker, note.account) for one in begun)
        and note.when
        >= min(
            one.when for one in begun if (one.worker, one.account) == (note.worker, note.account)
        )
    ]
    found = stretches(begun, known)
    assert sorted((one.worker, one.account, one.begin) for one in found) == sorted(
        (one.worker, one.account, one.when) for one in begun
    )
    for note in known:
        own = [one for one in found if (one.worker, one.account) == (note.worker, note.account)]
        last = max(one.begin for one in own if one.begin <= note.when)
        assert any(one.begin == last and note.when <= one.end for one in own)
    ends = {note.when for note in (*begun, *known)}
    assert all(one.end in ends for one in found)


def test_a_request_of_a_worker_that_never_began_is_no_stretch() -> None:
    with pytest.raises(ValueError, match="one asked for studio before it began with it"):
        stretches(
            [Note("one", "studio", 2), Note("other", "studio", 1)], [Note("one", "studio", 1)]
        )


@given(
    st.lists(
        st.tuples(names, names, moments, moments).map(
            lambda one: Stretch(one[0], one[1], min(one[2:]), max(one[2:]))
        )
    ),
    st.booleans(),
)
def test_stretches_at_once_are_found_where_any_two_overlap(
    found: Sequence[Stretch], together: bool
) -> None:
    def group_of(account: str) -> str:
        return "all" if together else account

    overlapping = any(
        one.begin < other.end and other.begin < one.end
        for one, other in combinations(found, 2)
        if group_of(one.account) == group_of(other.account)
    )
    pairs = at_once(found, group_of)
    assert bool(pairs) == overlapping
    for one, other in pairs:
        assert group_of(one.account) == group_of(other.account)
        assert one.begin <= other.begin < one.end


def test_a_copy_differs_in_each_way_that_it_can() -> None:
    service = {"same": "1", "missing": "1", "called deleted": "1", "changed": "2"}
    copies = {
        "same": Copied("1", deleted=False),
        "called deleted": Copied("1", deleted=True),
        "changed": Copied("1", deleted=False),
        "gone": Copied("1", deleted=True),
        "not yet gone": Copied("1", deleted=False),
        "of another account": Copied("1", deleted=True),
    }
    assert set(differences(service, ["gone", "not yet gone", "never seen"], copies)) == {
        "missing is missing",
        "called deleted is not deleted",
        "changed has another record",
        "not yet gone is deleted",
        "of another account was never listed",
    }
