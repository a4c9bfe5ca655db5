"""What the URLs of the grid say."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenario_async.gallery._facet_links import deleted_choices, facet_list
from scenario_async.gallery._url_state import SORTS, BadUrlError, GridState, can_be_in_url
from scenario_async.sync._store import FACETS, Facets, Search

values = st.text(min_size=1, max_size=20).filter(can_be_in_url)
lists = st.lists(values, max_size=4, unique=True).map(tuple)
states: st.SearchStrategy[GridState] = st.builds(
    GridState,
    search=st.builds(
        Search,
        text=st.lists(values.map(lambda text: "".join(text.split()) or "a"), max_size=3).map(
            " ".join
        ),
        type=values | st.none(),
        status=values | st.none(),
        tags=lists,
        capabilities=lists,
        collection=values | st.none(),
        scope=values | st.none(),
        deleted=st.sampled_from((False, True, None)),
    ),
    sort=st.sampled_from(list(SORTS)),
    page=st.integers(1, 100_000),
)


def parsed(query: str) -> GridState:
    return GridState.parse(parse_qsl(query, keep_blank_values=True))


@given(states)
def test_a_state_is_read_from_its_own_url(state: GridState) -> None:
    assert parsed(state.query()) == state


@given(states, st.sampled_from(FACETS), values)
def test_a_choice_leads_to_a_state_with_it_and_back(
    state: GridState, facet: str, value: str
) -> None:
    chosen = parsed(state.toggled(facet, value).query())

    assert chosen.page == 1
    assert (value in chosen.chosen(facet)) is (value not in state.chosen(facet))
    again = chosen.toggled(facet, value)
    if facet in ("tag", "capability") or not state.chosen(facet):
        assert set(again.chosen(facet)) == set(state.chosen(facet))


@given(st.lists(st.tuples(st.sampled_from(("q", "tag", "page", "sort", "x")), st.text())))
def test_any_url_is_read_or_refused(pairs: list[tuple[str, str]]) -> None:
    state = None
    with suppress(BadUrlError):
        state = GridState.parse(pairs)

    assert state is None or parsed(state.query()) == state


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("tpe=custom", r"There is no parameter 'tpe'.*'type'"),
        ("type=a&type=b", "'type' is there 2 times; it has one value"),
        ("page=0", "'page' is a number from 1 to 100,000, not '0'"),
        ("page=-1", "'page' is a number"),
        ("page=%D9%A1", "'page' is a number"),
        ("page=100001", "'page' is a number"),
        ("page=" + "9" * 5000, "'page' is longer than 1,000 characters"),
        ("sort=size", "'sort' is one of -created_at, .*, not 'size'"),
        ("deleted=yes", "'deleted' is one of only, all, not 'yes'"),
        ("q=a%00b", "'q' has a character that no text has"),
        ("tag=a%1Bb", "'tag' has a character"),
        ("&".join(f"tag={n}" for n in range(21)), "'tag' is there more than 20 times"),
    ],
)
def test_a_url_that_says_nothing_is_refused(query: str, words: str) -> None:
    with pytest.raises(BadUrlError, match=words):
        parsed(query)


def test_what_a_form_sends_empty_says_nothing() -> None:
    assert parsed("q=&type=&tag=+&sort=&page=&deleted=") == GridState()
    assert GridState().query() == ""


def test_a_facet_shows_what_is_chosen_first_also_where_nothing_has_it() -> None:
    counts = {f"tag{number}": 20 - number for number in range(12)} | {"a\0b": 1, "x" * 1001: 1}
    state = GridState(search=Search(tags=("tag11", "gone")))

    (tags,) = facet_list(state, Facets(models=1, values={"tag": counts, "type": {}}))

    shown: list[Any] = [(one.label, one.count, one.chosen) for one in tags.first]
    assert shown[:3] == [("gone", None, True), ("tag11", 9, True), ("tag0", 20, False)]
    assert [one.label for one in tags.more] == [f"tag{number}" for number in range(6, 11)]
    assert [one.chosen for one in deleted_choices(state)] == [True, False, False]
