"""What is listed: the parameters of ``GET /v1/models`` as one value. No I/O.

A :class:`ListingQuery` is a value: it can be compared, written as JSON and read again, so that a
listing can be handed to another process.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "LARGEST_PAGE",
    "ListingQuery",
    "Names",
    "Privacy",
    "Route",
    "SortBy",
    "SortDirection",
    "Status",
    "Time",
    "in_utc",
    "names_in",
    "wire_time",
    "wire_value",
]

Privacy: TypeAlias = Literal["private", "public", "unlisted"]
"""Who sees the models that are listed."""

SortBy: TypeAlias = Literal["createdAt", "updatedAt", "score"]
"""What a listing is sorted by; private listings are not sorted by ``"updatedAt"``."""

SortDirection: TypeAlias = Literal["asc", "desc"]
"""Ascending or descending."""

Status: TypeAlias = Literal["new", "training", "trained", "failed", "deleted"]
"""The status of the private models that are listed."""

Route: TypeAlias = Literal["filter", "public"]
"""How public models are listed: by ``GET /models``, or by ``GET /models/public``."""

Time: TypeAlias = datetime | str
"""A moment: an aware ``datetime``, or ISO 8601, which is UTC where it names no zone."""

Names: TypeAlias = str | list[str] | tuple[str, ...]
"""One name or several, also as a string that separates them with commas."""

LARGEST_PAGE = 500
"""The largest number of rows that the service returns in one page (API reference, ``pageSize``)."""


class ListingQuery(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One listing, in the API's own terms.

    ``route`` is ``"filter"`` for ``GET /models`` and ``"public"`` for ``GET /models/public``. Times
    are ISO 8601 in UTC with milliseconds, lists are comma separated, as the API takes them.
    """

    route: Route = "filter"
    blacklisted: bool | None = None
    collection_id: str | None = None
    collection_ids: str | None = None
    created_after: str | None = None
    created_before: str | None = None
    limit: int | None = None
    loaded_only: bool | None = None
    offset: int | None = None
    original_assets: bool | None = None
    page_size: int | None = None
    pagination_token: str | None = None
    privacy: Privacy | None = None
    project_id: str | None = None
    sort_by: SortBy | None = None
    sort_direction: SortDirection | None = None
    status: Status | None = None
    tags: str | None = None
    type: str | None = None
    types: str | None = None
    updated_after: str | None = None
    updated_before: str | None = None

    @property
    def path(self) -> str:
        """Below the base URL."""
        return "/models/public" if self.route == "public" else "/models"

    @property
    def scope(self) -> str:
        """What is listed, in a word; see :attr:`Listing.scope`."""
        privacy = "public" if self.route == "public" else self.privacy or "private"
        collections = self.collection_ids or self.collection_id
        if collections is None:
            return privacy
        within = f"collection:{collections}"
        return within if privacy == "private" else f"{privacy}:{within}"

    @property
    def by_offset(self) -> bool:
        """Whether a page is asked for by ``limit`` and ``offset``; ``/models/public`` only."""
        return self.route == "public" and self.offset is not None

    @property
    def rows_per_page(self) -> int | None:
        """How many rows a page is asked to have; ``None`` leaves it to the service."""
        return self.limit or self.page_size

    def with_rows_per_page(self, rows: int | None) -> ListingQuery:
        """The same listing in pages of this size, under the name that fits."""
        if self.by_offset:
            return msgspec.structs.replace(self, limit=rows, page_size=None)
        return msgspec.structs.replace(self, limit=None, page_size=rows)

    def after(self, token: str | None) -> ListingQuery:
        """The same listing from a token on, or from its beginning, in pages of the same size."""
        return msgspec.structs.replace(
            self, pagination_token=token, offset=None, limit=None, page_size=self.rows_per_page
        )

    def at(self, offset: int) -> ListingQuery:
        """The same listing from a row on, by its number; ``/models/public`` only."""
        return msgspec.structs.replace(
            self, pagination_token=None, offset=offset, limit=self.rows_per_page, page_size=None
        )

    def whole(self) -> ListingQuery:
        """The same listing from its beginning, in pages of no size."""
        return msgspec.structs.replace(
            self, pagination_token=None, offset=None, limit=None, page_size=None
        )

    def parameters(self) -> dict[str, str]:
        """The query parameters of one request, by their names on the wire."""
        fields: Mapping[str, object] = msgspec.to_builtins(self)
        return {name: wire_value(value) for name, value in fields.items() if name != "route"}


def names_in(value: str | None) -> frozenset[str]:
    """The names in a list as the API takes it: separated by commas; none where none is given."""
    return frozenset() if value is None else frozenset(map(str.strip, value.split(",")))


def wire_value(value: object) -> str:
    """A parameter as text: ``true`` and ``false`` for booleans, lists comma separated.

    An aware moment is as :func:`wire_time` writes it.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime) and value.tzinfo is not None:
        return wire_time(value)
    if isinstance(value, list | tuple):
        return ",".join(map(wire_value, cast("Sequence[object]", value)))
    return str(value)


_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)


def in_utc(moment: datetime) -> datetime:
    """An aware moment in UTC: where that is beyond the calendar, the first or last one within."""
    if moment.tzinfo is UTC:
        return moment
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return _FIRST if moment.year == _FIRST.year else _LAST


def wire_time(moment: datetime) -> str:
    """An aware moment as the API writes it, in UTC and whole milliseconds.

    One that is beyond the calendar in UTC is written as the first or the last moment within.
    """
    # By msgspec, which is several times as fast as isoformat; it writes six digits or none.
    # It takes no subclass, as pandas and pendulum have.
    utc = in_utc(moment)
    text: str = msgspec.to_builtins(datetime.combine(utc.date(), utc.timetz()))
    return f"{text[:-4]}Z" if "." in text else f"{text[:-1]}.000Z"
