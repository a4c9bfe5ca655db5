"""The parameters that listings share, each in one place.

A method takes ``**parameters: Unpack[PrivateParameters]``. Type checkers and editors refuse and
complete them as if the method spelled them out. At run time ``checks_names`` does so, also in the
signature that ``help()``, notebooks and the documentation show.

Other ways to say them once lose more: a decorator that copies a signature cannot leave out
parameters for type checkers, and an object of options would change every call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scenario_async._decoding import InvalidRow
    from scenario_async._options import NotGiven, Timeout
    from scenario_async._pagination import Strategy
    from scenario_async._query import Names, SortBy, SortDirection, Status, Time

__all__ = ["FetchParameters", "ListParameters", "PrivateParameters", "PublicParameters"]


class Filters(TypedDict, total=False):
    """What the API takes for every listing."""

    blacklisted: bool | None
    created_after: Time | None
    created_before: Time | None
    loaded_only: bool | None
    original_assets: bool | None
    page_size: int | None
    pagination_token: str | None
    project_id: str | None
    sort_direction: SortDirection | None


class PrivateFilters(Filters, total=False):
    """What it takes for private and unlisted models."""

    sort_by: Literal["createdAt", "score"] | None
    status: Status | None


class PublicFilters(Filters, total=False):
    """What it takes for public models."""

    sort_by: SortBy | None
    tags: Names | None
    type: str | None
    types: Names | None
    updated_after: Time | None
    updated_before: Time | None


class ListFilters(PublicFilters, total=False):
    """What it takes for any models."""

    status: Status | None


class FetchParameters(TypedDict, total=False):
    """How a listing is fetched, whatever is listed."""

    on_invalid: Callable[[InvalidRow], object] | None
    strategy: Strategy
    max_concurrency: int | None
    extra_headers: Mapping[str, str] | None
    extra_query: Mapping[str, object] | None
    extra_body: object | None
    timeout: Timeout | float | NotGiven | None


class PrivateParameters(PrivateFilters, FetchParameters):
    """What a listing of private or unlisted models takes."""


class PublicParameters(PublicFilters, FetchParameters):
    """What a listing of public models takes."""


class ListParameters(ListFilters, FetchParameters):
    """What a listing of any models takes."""
