"""Values that users give: one of a few, several strings, a number."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from scenario_async._argument_errors import ArgumentError
from scenario_async._query import given_choice, given_count, given_texts

if TYPE_CHECKING:
    from collections.abc import Callable

WRONG: list[tuple[Callable[[str, Any], object], Any, type[Exception], str]] = [
    (given_texts, "ab", TypeError, "tags must be several, such as ['ab'], and not one str"),
    (given_texts, 5, TypeError, "tags must be an iterable of str, not int"),
    (given_texts, ["a", 5], TypeError, "tags[1] must be a str, not int"),
    (partial(given_choice, known=("a",)), 5, TypeError, "tags must be a str, not int"),
    (given_count, "1", TypeError, "tags must be an int, not str"),
    (given_count, True, TypeError, "tags must be an int, not bool"),
]


@pytest.mark.parametrize(("read", "value", "error", "message"), WRONG)
def test_a_value_of_another_type_is_named(
    read: Callable[[str, Any], object], value: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as raised:
        read("tags", value)
    assert str(raised.value) == message


def test_several_strings_are_kept_as_they_are() -> None:
    assert given_texts("tags", (one for one in ["b", "", "a", "b"])) == ["b", "", "a", "b"]


def test_what_is_none_of_a_few_is_told_which_there_are() -> None:
    assert given_choice("role", "auto", ("auto", "reader")) == "auto"
    with pytest.raises(ArgumentError) as raised:
        given_choice("role", "Reader", ("auto", "reader"))
    assert str(raised.value) == (
        "role must be one of 'auto', 'reader', not 'Reader'; did you mean 'reader'?"
    )


def test_a_number_has_a_least_one_where_that_is_said() -> None:
    assert given_count("limit", None, least=0) is None
    assert given_count("limit", -1) == -1
    assert given_count("limit", 0, least=0) == 0
    with pytest.raises(ArgumentError, match="limit must be 0 or more, not -1"):
        given_count("limit", -1, least=0)
