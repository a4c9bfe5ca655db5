"""From what a user gives to a :class:`ListingQuery`: normalised, and checked by the rules. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from scenario_async._argument_errors import ArgumentError, Parameter, check_count

from .query import ListingQuery, wire_time
from .rules import broken_rule
from .suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .query import SortBy

__all__ = [
    "given_choice",
    "given_count",
    "given_flag",
    "given_text",
    "given_texts",
    "given_time",
    "listing_query",
]

ChoiceT = TypeVar("ChoiceT", bound=str)

_BEYOND_MICROSECONDS = re.compile(r"[.,]\d{6}\d*[1-9]")
_MILLISECOND = timedelta(milliseconds=1)


def listing_query(**given: object) -> ListingQuery:
    """Normalise what a user gave for the fields of a query, and refuse what the API would refuse.

    Raises:
        ValueError: A value that cannot be sent, or a combination that the API refuses; it names the
            parameters and the rule.
        TypeError: A value of the wrong type.
    """
    read: dict[str, Any] = given | {
        name: reader(name, given[name]) for name, reader in _READERS.items() if name in given
    }
    query = ListingQuery(**read)
    if query.sort_by is None:
        query = msgspec.structs.replace(query, sort_by=_implied_sort(query))
    problem = broken_rule(query)
    if problem is not None:
        raise problem
    return query.with_rows_per_page(query.rows_per_page)


def _implied_sort(query: ListingQuery) -> SortBy | None:
    """The sort that the API demands for time bounds, where the user left it open."""
    if query.created_after is not None or query.created_before is not None:
        return "createdAt"
    if query.updated_after is not None or query.updated_before is not None:
        return "updatedAt"
    return None


def given_flag(name: str, value: object) -> bool | None:
    """The answer to a question, if that is given.

    Raises:
        TypeError: It is neither ``True`` nor ``False``.
    """
    if value is None or isinstance(value, bool):
        return value
    raise TypeError(f"{name} must be True or False, not {type(value).__name__}")


def given_count(name: str, value: object, *, least: int | None = None) -> int | None:
    """A whole number, if one is given.

    Raises:
        ValueError: It is below the least one.
        TypeError: It is something else.
    """
    return None if value is None else check_count(name, value, least=least)


def given_text(name: str, value: object) -> str | None:
    """A string that is not blank, if one is given.

    Raises:
        ValueError: It is empty.
        TypeError: It is something else.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")
    if not value.strip():
        raise ArgumentError(Parameter(name), " is empty: give a value, or leave it out")
    return value


def given_choice(name: str, value: ChoiceT, known: Sequence[ChoiceT]) -> ChoiceT:
    """One of a few strings.

    Raises:
        ValueError: It is none of them.
        TypeError: It is not a string.
    """
    if given_text(name, value) not in known:
        names = ", ".join(map(repr, known))
        hint = did_you_mean(str(value), known)
        raise ArgumentError(Parameter(name), f" must be one of {names}, not {value!r}{hint}")
    return value


def given_texts(name: str, values: object) -> list[str]:
    """Several strings.

    Raises:
        TypeError: It is one string, or there is something else among them.
    """
    if isinstance(values, str):
        raise TypeError(f"{name} must be several, such as [{values!r}], and not one str")
    if not isinstance(values, Iterable):
        raise TypeError(f"{name} must be an iterable of str, not {type(values).__name__}")
    texts: list[str] = []
    for index, one in enumerate(cast("Iterable[object]", values)):
        if not isinstance(one, str):
            raise TypeError(f"{name}[{index}] must be a str, not {type(one).__name__}")
        texts.append(one)
    return texts


def _names(name: str, value: object) -> str | None:
    if value is None or isinstance(value, str):
        return given_text(name, value)
    if not isinstance(value, list | tuple):
        raise TypeError(f"{name} must be a list of str, not {type(value).__name__}")
    if not value:
        raise ArgumentError(Parameter(name), " is an empty list: give values, or leave it out")
    texts = given_texts(name, cast("object", value))
    for index, text in enumerate(texts):
        given_text(f"{name}[{index}]", text)
        if "," in text:
            raise ArgumentError(
                Parameter(name),
                f" has {text!r}: the API separates values by commas, so none can contain one",
            )
    return ",".join(texts)


def given_time(name: str, value: object, *, round_up: bool) -> str | None:
    """A bound in the service's grain of a millisecond.

    Both bounds are exclusive. Rounding an upper bound up, and a lower one down, keeps exactly the
    rows that the caller's finer time would keep, because rows have whole milliseconds.

    Raises:
        ValueError: It has no time zone, is not a time, or is beyond the calendar.
        TypeError: It is neither a datetime nor a string.
    """
    if value is None:
        return None
    moment = _moment(name, value)
    if moment.utcoffset() is None:
        raise ArgumentError(
            Parameter(name),
            " is a datetime without time zone: give an aware one, "
            "such as datetime.now(timezone.utc)",
        )
    try:
        moment = moment.astimezone(UTC)
        rest = timedelta(microseconds=moment.microsecond % 1000)
        if rest:
            moment = moment - rest + (_MILLISECOND if round_up else timedelta())
    except OverflowError:
        raise ArgumentError(Parameter(name), f" is beyond the calendar: {moment}") from None
    return wire_time(moment)


def _moment(name: str, value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise TypeError(
            f"{name} must be a datetime or an ISO 8601 string, not {type(value).__name__}"
        )
    try:
        moment = datetime.fromisoformat(value)
        if _BEYOND_MICROSECONDS.search(value):
            # Cut off by Python; which microsecond above it is makes no difference to the rounding.
            moment = moment.replace(microsecond=moment.microsecond | 1)
    except ValueError:
        raise ArgumentError(
            Parameter(name), f" is not an ISO 8601 time: {value!r}; such as 2026-01-31T12:00:00Z"
        ) from None
    # UTC, so that the same string lists the same models on every machine.
    return moment.replace(tzinfo=UTC) if moment.utcoffset() is None else moment


_READERS: dict[str, Callable[[str, object], object]] = {
    **dict.fromkeys(("blacklisted", "loaded_only", "original_assets"), given_flag),
    **dict.fromkeys(("limit", "offset", "page_size"), given_count),
    **dict.fromkeys(("collection_id", "pagination_token", "project_id", "type"), given_text),
    **dict.fromkeys(("collection_ids", "tags", "types"), _names),
    **dict.fromkeys(("created_after", "updated_after"), partial(given_time, round_up=False)),
    **dict.fromkeys(("created_before", "updated_before"), partial(given_time, round_up=True)),
}
