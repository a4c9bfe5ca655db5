"""What is listed: a query as a value, what a user may give for it, what the API refuses."""

from .arguments import (
    given_choice,
    given_count,
    given_flag,
    given_text,
    given_texts,
    given_time,
    listing_query,
)
from .public_route import PublicRoute, first_row
from .query import (
    LARGEST_PAGE,
    ListingQuery,
    Names,
    Privacy,
    Route,
    SortBy,
    SortDirection,
    Status,
    Time,
    in_utc,
    wire_time,
    wire_value,
)
from .row_checks import RowCheck, row_check
from .suggestions import did_you_mean
from .tag_index import TagIndex

__all__ = [
    "LARGEST_PAGE",
    "ListingQuery",
    "Names",
    "Privacy",
    "PublicRoute",
    "Route",
    "RowCheck",
    "SortBy",
    "SortDirection",
    "Status",
    "TagIndex",
    "Time",
    "did_you_mean",
    "first_row",
    "given_choice",
    "given_count",
    "given_flag",
    "given_text",
    "given_texts",
    "given_time",
    "in_utc",
    "listing_query",
    "row_check",
    "wire_time",
    "wire_value",
]
