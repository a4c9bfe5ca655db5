"""From what a user gives to a :class:`ListingQuery`: normalised, and checked by the rules. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

from scenario_async._argument_errors import ArgumentError, Parameter

from .query import ListingQuery, wire_time
from .rules import broken_rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .query import Names, Privacy, Route, SortBy, SortDirection, Status, Time

__all__ = ["given_count", "given_text", "given_time", "listing_query"]

_BEYOND_MICROSECONDS = re.compile(r"[.,]\d{6}\d*[1-9]")
_MILLISECOND = timedelta(milliseconds=1)


def listing_query(
    *,
    route: Route = "filter",
    blacklisted: bool | None = None,
    collection_id: str | None = None,
    collection_ids: Names | None = None,
    created_after: Time | None = None,
    created_before: Time | None = None,
    limit: int | None = None,
    loaded_only: bool | None = None,
    offset: int | None = None,
    original_assets: bool | None = None,
    page_size: int | None = None,
    pagination_token: str | None = None,
    privacy: Privacy | None = None,
    project_id: str | None = None,
    sort_by: SortBy | None = None,
    sort_direction: SortDirection | None = None,
    status: Status | None = None,
    tags: Names | None = None,
    type: str | None = None,  # noqa: A002 - the API's name
    types: Names | None = None,
    updated_after: Time | None = None,
    updated_before: Time | None = None,
) -> ListingQuery:
    """Normalise what a user gave, and refuse what the API would refuse.

    Raises:
        ValueError: A value that cannot be sent, or a combination that the API refuses; it names the
            parameters and the rule.
        TypeError: A value of the wrong type.
    """
    query = ListingQuery(
        route=route,
        blacklisted=_flag("blacklisted", blacklisted),
        collection_id=given_text("collection_id", collection_id),
        collection_ids=_names("collection_ids", collection_ids),
        created_after=given_time("created_after", created_after, round_up=False),
        created_before=given_time("created_before", created_before, round_up=True),
        limit=given_count("limit", limit),
        loaded_only=_flag("loaded_only", loaded_only),
        offset=given_count("offset", offset),
        original_assets=_flag("original_assets", original_assets),
        page_size=given_count("page_size", page_size),
        pagination_token=given_text("pagination_token", pagination_token),
        privacy=privacy,
        project_id=given_text("project_id", project_id),
        sort_by=_implied_sort(
            sort_by,
            created=created_after is not None or created_before is not None,
            updated=updated_after is not None or updated_before is not None,
        ),
        sort_direction=sort_direction,
        status=status,
        tags=_names("tags", tags),
        type=given_text("type", type),
        types=_names("types", types),
        updated_after=given_time("updated_after", updated_after, round_up=False),
        updated_before=given_time("updated_before", updated_before, round_up=True),
    )
    problem = broken_rule(query)
    if problem is not None:
        raise problem
    return query.with_rows_per_page(query.rows_per_page)


def _implied_sort(sort_by: SortBy | None, *, created: bool, updated: bool) -> SortBy | None:
    """The sort that the API demands for time bounds, where the user left it open."""
    if sort_by is not None:
        return sort_by
    if created:
        return "createdAt"
    return "updatedAt" if updated else None


def _flag(name: str, value: object) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise TypeError(f"{name} must be True or False, not {type(value).__name__}")


def given_count(name: str, value: object) -> int | None:
    """A whole number, if one is given.

    Raises:
        TypeError: It is something else.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    return value


def given_text(name: str, value: object) -> str | None:
    """A text that says something, if one is given.

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


def _names(name: str, value: object) -> str | None:
    if value is None or isinstance(value, str):
        return given_text(name, value)
    if not isinstance(value, list | tuple):
        raise TypeError(f"{name} must be a list of str, not {type(value).__name__}")
    if not value:
        raise ArgumentError(Parameter(name), " is an empty list: give values, or leave it out")
    parts = [
        given_text(f"{name}[{index}]", part)
        for index, part in enumerate(cast("Sequence[object]", value))
    ]
    for part in parts:
        if part is None or "," in part:
            raise ArgumentError(
                Parameter(name),
                f" has {part!r}: the API separates values by commas, so none can contain one",
            )
    return ",".join(part for part in parts if part is not None)


def given_time(name: str, value: object, *, round_up: bool) -> str | None:
    """A bound in the service's grain of a millisecond.

    Both bounds are exclusive. Rounding an upper bound up, and a lower one down, keeps exactly the
    rows that the caller's finer time would keep, because rows have whole milliseconds.

    Raises:
        ValueError: It has no time zone, is no time, or beyond the calendar.
        TypeError: It is neither a datetime nor text.
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
