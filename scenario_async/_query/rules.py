"""The rules between the parameters of a listing, from the API reference. Pure.

Each rule is a function from a query to what is wrong with it, or ``None``. The texts name
parameters as Python spells them, because that is where the reader has to mend something.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from scenario_async._suggestions import did_you_mean

from .query import LARGEST_PAGE, Privacy, Route, SortBy, SortDirection, Status

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


def broken_rule(query: ListingQuery) -> str | None:
    """What is wrong with a query, in a sentence that names the parameters; ``None`` if nothing."""
    return next((problem for rule in _RULES if (problem := rule(query)) is not None), None)


def _known_values(query: ListingQuery) -> str | None:
    for name, known in _CLOSED_SETS.items():
        value = getattr(query, name)
        if value is not None and value not in known:
            choices = ", ".join(repr(choice) for choice in known)
            return (
                f"{name} must be one of {choices}, not {value!r}{did_you_mean(str(value), known)}; "
                "extra_query sends a value that this version does not know"
            )
    return None


def _page_size(query: ListingQuery) -> str | None:
    for name in ("page_size", "limit"):
        value = getattr(query, name)
        if value is not None and not 1 <= value <= LARGEST_PAGE:
            return f"{name} must be from 1 to {LARGEST_PAGE}, not {value}"
    return None


def _offset(query: ListingQuery) -> str | None:
    if query.offset is None:
        return None
    if query.offset < 0:
        return f"offset must be 0 or more, not {query.offset}"
    if query.pagination_token is not None:
        return "offset and pagination_token both say where to begin: give one"
    return None


def _public_route(query: ListingQuery) -> str | None:
    if query.route == "public":
        if query.page_size is not None and query.limit is not None:
            return "page_size and limit are the same thing with route='public': give one"
        return None
    given = next(_given(query, ("limit", "offset")), None)
    return given and f"{given} needs route='public': only /models/public takes it"


def _public_only(query: ListingQuery) -> str | None:
    given = next(_given(query, _PUBLIC_ONLY), None)
    if given is None or _is_public(query):
        return None
    return f"{given} needs privacy='public': the API takes it for public models only"


def _private_only(query: ListingQuery) -> str | None:
    given = next(_given(query, _PRIVATE_ONLY), None)
    if given is None or not _is_public(query):
        return None
    instead = "; public ones take collection_ids" if given == "collection_id" else ""
    return (
        f"{given} cannot be combined with privacy='public': "
        f"the API takes it for private and unlisted models only{instead}"
    )


def _one_collection(query: ListingQuery) -> str | None:
    if query.collection_id is not None and "," in query.collection_id:
        return (
            f"collection_id is one id, not {query.collection_id!r}: the API lists private models "
            "of one collection at a time"
        )
    return None


def _type_or_types(query: ListingQuery) -> str | None:
    if query.type is not None and query.types is not None:
        return "type and types cannot be used together: put all of them into types"
    return None


def _one_kind_of_bounds(query: ListingQuery) -> str | None:
    created = next(_given(query, ("created_after", "created_before")), None)
    updated = next(_given(query, ("updated_after", "updated_before")), None)
    if created is not None and updated is not None:
        return (
            f"{created} and {updated} cannot be used together: "
            "each needs the listing sorted by its own date"
        )
    for given, sort_by in ((created, "createdAt"), (updated, "updatedAt")):
        if given is not None and query.sort_by != sort_by:
            return f"{given} needs sort_by={sort_by!r}, not sort_by={query.sort_by!r}"
    return None


def _private_sort(query: ListingQuery) -> str | None:
    if _is_public(query):
        return None
    if query.sort_by == "updatedAt":
        return "sort_by='updatedAt' needs privacy='public': private models have no such sort"
    if query.sort_by == "score":
        missing = [name for name in ("privacy", "status") if getattr(query, name) is None]
        if missing:
            return f"sort_by='score' on private models needs {' and '.join(missing)}"
    return None


def _direction(query: ListingQuery) -> str | None:
    if query.sort_direction is not None and query.sort_by is None:
        return "sort_direction needs sort_by: the API ignores it otherwise"
    if query.sort_direction is not None and query.sort_by == "score":
        return (
            "sort_direction cannot be used together with sort_by='score': "
            "the API takes it with sort_by='createdAt' and sort_by='updatedAt' alone"
        )
    return None


def _is_public(query: ListingQuery) -> bool:
    return query.route == "public" or query.privacy == "public"


def _given(query: ListingQuery, names: Iterable[str]) -> Iterator[str]:
    return (name for name in names if getattr(query, name) is not None)


# A closed set comes first: the other rules may then rely on it.
_RULES: tuple[Callable[[ListingQuery], str | None], ...] = (
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
