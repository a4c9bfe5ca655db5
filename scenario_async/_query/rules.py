"""The rules between the parameters of a listing, from the API reference. Pure.

Each rule is a function from a query to what is wrong with it, or ``None``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from scenario_async._argument_errors import ArgumentError, Parameter

from .query import LARGEST_PAGE, Privacy, Route, SortBy, SortDirection, Status
from .suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .query import ListingQuery

__all__ = ["broken_rule"]

_CLOSED_SETS: dict[str, tuple[str, ...]] = {
    "privacy": get_args(Privacy),
    "route": get_args(Route),
    "sort_by": get_args(SortBy),
    "sort_direction": get_args(SortDirection),
    "status": get_args(Status),
}
_PUBLIC_ONLY = ("collection_ids", "tags", "type", "types", "updated_after", "updated_before")
_PRIVATE_ONLY = ("collection_id", "status")


def broken_rule(query: ListingQuery) -> ArgumentError | None:
    """What is wrong with a query, in a sentence that names the parameters; ``None`` if nothing."""
    return next((problem for rule in _RULES if (problem := rule(query)) is not None), None)


def _known_values(query: ListingQuery) -> ArgumentError | None:
    for name, known in _CLOSED_SETS.items():
        value = getattr(query, name)
        if value is not None and value not in known:
            choices = ", ".join(repr(choice) for choice in known)
            return ArgumentError(
                Parameter(name),
                f" must be one of {choices}, not {value!r}{did_you_mean(str(value), known)}; ",
                Parameter("extra_query"),
                " sends a value that this version does not know",
            )
    return None


def _page_size(query: ListingQuery) -> ArgumentError | None:
    for name in ("page_size", "limit"):
        value = getattr(query, name)
        if value is not None and not 1 <= value <= LARGEST_PAGE:
            return ArgumentError(Parameter(name), f" must be from 1 to {LARGEST_PAGE}, not {value}")
    return None


def _offset(query: ListingQuery) -> ArgumentError | None:
    if query.offset is None:
        return None
    if query.offset < 0:
        return ArgumentError(Parameter("offset"), f" must be 0 or more, not {query.offset}")
    if query.pagination_token is not None:
        return ArgumentError(
            Parameter("offset"),
            " and ",
            Parameter("pagination_token"),
            " both say where to begin: give one",
        )
    return None


def _public_route(query: ListingQuery) -> ArgumentError | None:
    if query.route == "public":
        if query.page_size is not None and query.limit is not None:
            return ArgumentError(
                Parameter("page_size"),
                " and ",
                Parameter("limit"),
                " are the same thing with ",
                Parameter("route", "public"),
                ": give one",
            )
        return None
    given = next(_given(query, ("limit", "offset")), None)
    if given is None:
        return None
    return ArgumentError(
        Parameter(given),
        " needs ",
        Parameter("route", "public"),
        ": only /models/public takes it",
    )


def _public_only(query: ListingQuery) -> ArgumentError | None:
    given = next(_given(query, _PUBLIC_ONLY), None)
    if given is None or _is_public(query):
        return None
    return ArgumentError(
        Parameter(given),
        " needs ",
        Parameter("privacy", "public"),
        ": the API takes it for public models only",
    )


def _private_only(query: ListingQuery) -> ArgumentError | None:
    given = next(_given(query, _PRIVATE_ONLY), None)
    if given is None or not _is_public(query):
        return None
    by_collection = ("; public ones take ", Parameter("collection_ids"))
    return ArgumentError(
        Parameter(given),
        " cannot be combined with ",
        Parameter("privacy", "public"),
        ": the API takes it for private and unlisted models only",
        *(by_collection if given == "collection_id" else ()),
    )


def _one_collection(query: ListingQuery) -> ArgumentError | None:
    if query.collection_id is not None and "," in query.collection_id:
        return ArgumentError(
            Parameter("collection_id"),
            f" is one id, not {query.collection_id!r}: the API lists private models of one "
            "collection at a time",
        )
    return None


def _type_or_types(query: ListingQuery) -> ArgumentError | None:
    if query.type is not None and query.types is not None:
        return ArgumentError(
            Parameter("type"),
            " and ",
            Parameter("types"),
            " cannot be used together: put all of them into ",
            Parameter("types"),
        )
    return None


def _one_kind_of_bounds(query: ListingQuery) -> ArgumentError | None:
    created = next(_given(query, ("created_after", "created_before")), None)
    updated = next(_given(query, ("updated_after", "updated_before")), None)
    if created is not None and updated is not None:
        return ArgumentError(
            Parameter(created),
            " and ",
            Parameter(updated),
            " cannot be used together: each needs the listing sorted by its own date",
        )
    for given, sort_by in ((created, "createdAt"), (updated, "updatedAt")):
        if given is not None and query.sort_by != sort_by:
            return ArgumentError(
                Parameter(given),
                " needs ",
                Parameter("sort_by", sort_by),
                ", not ",
                Parameter("sort_by", query.sort_by),
            )
    return None


def _private_sort(query: ListingQuery) -> ArgumentError | None:
    if _is_public(query):
        return None
    if query.sort_by == "updatedAt":
        return ArgumentError(
            Parameter("sort_by", "updatedAt"),
            " needs ",
            Parameter("privacy", "public"),
            ": private models have no such sort",
        )
    if query.sort_by == "score":
        missing = [name for name in ("privacy", "status") if getattr(query, name) is None]
        if missing:
            return ArgumentError(
                Parameter("sort_by", "score"),
                " on private models needs ",
                Parameter(missing[0]),
                *(part for name in missing[1:] for part in (" and ", Parameter(name))),
            )
    return None


def _direction(query: ListingQuery) -> ArgumentError | None:
    if query.sort_direction is not None and query.sort_by is None:
        return ArgumentError(
            Parameter("sort_direction"),
            " needs ",
            Parameter("sort_by"),
            ": the API ignores it otherwise",
        )
    if query.sort_direction is not None and query.sort_by == "score":
        return ArgumentError(
            Parameter("sort_direction"),
            " cannot be used together with ",
            Parameter("sort_by", "score"),
            ": the API takes it with ",
            Parameter("sort_by", "createdAt"),
            " and ",
            Parameter("sort_by", "updatedAt"),
            " alone",
        )
    return None


def _is_public(query: ListingQuery) -> bool:
    return query.route == "public" or query.privacy == "public"


def _given(query: ListingQuery, names: Iterable[str]) -> Iterator[str]:
    return (name for name in names if getattr(query, name) is not None)


# A closed set comes first: the other rules may then rely on it.
_RULES: tuple[Callable[[ListingQuery], ArgumentError | None], ...] = (
    _known_values,
    _page_size,
    _offset,
    _public_route,
    _public_only,
    _private_only,
    _one_collection,
    _type_or_types,
    _one_kind_of_bounds,
    _private_sort,
    _direction,
)
