"""The rules between the parameters of a listing, from the API reference. Pure.

Each rule is a function from a query to what is wrong with it, or ``None``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from scenario_async._argument_errors import ArgumentError, Parameter, argument_error

from .query import LARGEST_PAGE, Privacy, Route, SortBy, SortDirection, Status
from .suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

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
            return argument_error(
                "{name} must be one of {known}, not {value!r}{hint}; {extra_query} sends a value "
                "that this version does not know",
                name=Parameter(name),
                known=", ".join(map(repr, known)),
                value=value,
                hint=did_you_mean(str(value), known),
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
        return argument_error("{offset} must be 0 or more, not {given}", given=query.offset)
    if query.pagination_token is not None:
        return argument_error("{offset} and {pagination_token} both say where to begin: give one")
    return None


def _public_route(query: ListingQuery) -> ArgumentError | None:
    if query.route != "public":
        given = _first_given(query, ("limit", "offset"))
        if given is None:
            return None
        return argument_error(
            "{given} needs {route=public}: only /models/public takes it", given=Parameter(given)
        )
    if query.page_size is not None and query.limit is not None:
        return argument_error(
            "{page_size} and {limit} are the same thing with {route=public}: give one"
        )
    return None


def _public_only(query: ListingQuery) -> ArgumentError | None:
    given = _first_given(query, _PUBLIC_ONLY)
    if given is None or _is_public(query):
        return None
    return argument_error(
        "{given} needs {privacy=public}: the API takes it for public models only",
        given=Parameter(given),
    )


def _private_only(query: ListingQuery) -> ArgumentError | None:
    given = _first_given(query, _PRIVATE_ONLY)
    if given is None or not _is_public(query):
        return None
    return argument_error(
        "{given} cannot be combined with {privacy=public}: the API takes it for private and "
        "unlisted models only"
        + ("; public ones take {collection_ids}" if given == "collection_id" else ""),
        given=Parameter(given),
    )


def _one_collection(query: ListingQuery) -> ArgumentError | None:
    if query.collection_id is not None and "," in query.collection_id:
        return argument_error(
            "{collection_id} is one id, not {given!r}: the API lists private models of one "
            "collection at a time",
            given=query.collection_id,
        )
    return None


def _type_or_types(query: ListingQuery) -> ArgumentError | None:
    if query.type is not None and query.types is not None:
        return argument_error(
            "{type} and {types} cannot be used together: put all of them into {types}"
        )
    return None


def _one_kind_of_bounds(query: ListingQuery) -> ArgumentError | None:
    created = _first_given(query, ("created_after", "created_before"))
    updated = _first_given(query, ("updated_after", "updated_before"))
    if created is not None and updated is not None:
        return argument_error(
            "{created} and {updated} cannot be used together: each needs the listing sorted by its "
            "own date",
            created=Parameter(created),
            updated=Parameter(updated),
        )
    for given, sort_by in ((created, "createdAt"), (updated, "updatedAt")):
        if given is not None and query.sort_by != sort_by:
            return argument_error(
                "{given} needs {wanted}, not {other}",
                given=Parameter(given),
                wanted=Parameter("sort_by", sort_by),
                other=Parameter("sort_by", query.sort_by),
            )
    return None


def _private_sort(query: ListingQuery) -> ArgumentError | None:
    if _is_public(query):
        return None
    if query.sort_by == "updatedAt":
        return argument_error(
            "{sort_by=updatedAt} needs {privacy=public}: private models have no such sort"
        )
    needed = (("{privacy}", query.privacy), ("{status}", query.status))
    missing = [name for name, value in needed if value is None]
    if query.sort_by == "score" and missing:
        return argument_error("{sort_by=score} on private models needs " + " and ".join(missing))
    return None


def _direction(query: ListingQuery) -> ArgumentError | None:
    if query.sort_direction is None:
        return None
    if query.sort_by is None:
        return argument_error("{sort_direction} needs {sort_by}: the API ignores it otherwise")
    if query.sort_by == "score":
        return argument_error(
            "{sort_direction} cannot be used together with {sort_by=score}: the API takes it with "
            "{sort_by=createdAt} and {sort_by=updatedAt} alone"
        )
    return None


def _is_public(query: ListingQuery) -> bool:
    return query.route == "public" or query.privacy == "public"


def _first_given(query: ListingQuery, names: Iterable[str]) -> str | None:
    return next((name for name in names if getattr(query, name) is not None), None)


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
