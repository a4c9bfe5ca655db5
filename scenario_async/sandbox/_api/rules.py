"""The rules of the listing parameters: a query becomes a listing or a refusal.

The rules are those of the parameter documentation of the official SDK (``model_list_params.py`` in
``scenario-sdk`` 2.4.0) and of the help article on filtering models; where they disagree with what
was measured, ``Behavior`` says which one counts. Where all are silent, the choice is named in a
comment. No rule here is shared with the client of this package: the sandbox is a second reading of
the documentation.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, cast

import msgspec

from scenario_async.sandbox._catalogue import Filters, SortBy

from .behavior import Behavior
from .paging import Paging, Route, paging_parameters, read_paging
from .parameters import (
    MODEL_TYPES,
    RefusedError,
    choice,
    flag,
    known_parameters,
    microseconds,
    whole_number,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from scenario_async.sandbox._catalogue import Privacy


STATUSES: Final = ("new", "training", "trained", "failed", "deleted")
PRIVACIES: Final = ("private", "public", "unlisted")
SORT_FIELDS: Final = ("createdAt", "updatedAt", "score")
LARGEST_COLLECTION_PAGE: Final = 100
DEFAULT_COLLECTION_PAGE: Final = 10

_PUBLIC_ONLY: Final = ("collectionIds", "tags", "type", "types", "updatedAfter", "updatedBefore")
_PRIVATE_ONLY: Final = ("status", "collectionId")
_BOUNDS: Final = {
    "createdAfter": "createdAt",
    "createdBefore": "createdAt",
    "updatedAfter": "updatedAt",
    "updatedBefore": "updatedAt",
}
_FLAGS: Final = ("blacklisted", "loadedOnly", "originalAssets")
_LISTING_PARAMETERS: Final = frozenset(
    {
        *_PUBLIC_ONLY,
        *_PRIVATE_ONLY,
        *_BOUNDS,
        *_FLAGS,
        "privacy",
        "sortBy",
        "sortDirection",
        "projectId",
    }
)
_COLLECTION_PARAMETERS: Final = frozenset({"pageSize", "paginationToken", "projectId"})
_MEASURED: Final = Behavior()


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted request for one page of a listing of models.

    Attributes:
        filters: What is listed and sorted.
        low: Smallest sorted date in milliseconds, included; ``None`` for no bound.
        high: Largest sorted date in milliseconds, included; ``None`` for no bound.
        descending: Whether the order is reversed.
        paging: Which page of it.
        blacklisted: Whether blacklisted models were asked for (the sandbox has none).
        project_id: The ``projectId`` of the request; any is accepted.
    """

    filters: Filters
    low: int | None = None
    high: int | None = None
    descending: bool = True
    paging: Paging = Paging()
    blacklisted: bool = False
    project_id: str | None = None

    @property
    def by_offset(self) -> bool:
        """Whether tokens are offsets: seen on public listings by score, and on no others."""
        return self.filters.privacy == "public" and self.filters.sort_by == "score"

    @property
    def binding(self) -> str:
        """A short text that differs for listings whose tokens must not be mixed up."""
        walk = msgspec.structs.replace(self, paging=Paging())
        return hashlib.blake2b(msgspec.json.encode(walk), digest_size=9).hexdigest()


class CollectionListing(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted request for one page of collections.

    Attributes:
        page_size: Collections in a page; ``None`` where a token came without ``pageSize``.
        token: The pagination token.
    """

    page_size: int | None = DEFAULT_COLLECTION_PAGE
    token: str | None = None


def read_listing(
    parameters: Sequence[tuple[str, str]], route: Route = "models", behavior: Behavior = _MEASURED
) -> Listing:
    """Read the query of a listing of models. Unknown parameters are ignored.

    Raises:
        RefusedError: The API does not accept this combination.
    """
    paging_names = paging_parameters((name for name, _ in parameters), route, behavior)
    query = known_parameters(parameters, _LISTING_PARAMETERS | paging_names)
    privacy = _privacy(query, route)
    sort_by = _sort_by(query, privacy)
    _check_scope(query, privacy)
    _check_bounds(query, sort_by)
    flags = {name: flag(query, name) for name in _FLAGS}
    status, with_deleted = _status(query, behavior)
    low, high = _bounds(query)
    return Listing(
        filters=Filters(
            privacy=privacy,
            sort_by=sort_by,
            by_second=behavior.dates == "seconds",
            status=status,
            with_deleted=with_deleted,
            collections=_collections(query),
            tags=_tags(query, route, behavior),
            every_tag=behavior.several_tags == "all" and "tags" in query,
            types=_types(query),
            loaded_only=flags["loadedOnly"],
        ),
        low=low,
        high=high,
        descending=_descending(query, privacy, behavior),
        paging=read_paging(query, route, behavior),
        blacklisted=flags["blacklisted"],
        project_id=query.get("projectId"),
    )


def read_collection_listing(parameters: Iterable[tuple[str, str]]) -> CollectionListing:
    """Read the query of a listing of collections.

    Raises:
        RefusedError: The API does not accept it.
    """
    query = known_parameters(parameters, _COLLECTION_PARAMETERS)
    token = query.get("paginationToken")
    size = whole_number(query, "pageSize", smallest=1, largest=LARGEST_COLLECTION_PAGE)
    if size is None and token is None:
        size = DEFAULT_COLLECTION_PAGE
    return CollectionListing(page_size=size, token=token)


def _privacy(query: dict[str, str], route: Route) -> Privacy:
    default = "public" if route == "models/public" else "private"
    privacy = choice(query, "privacy", PRIVACIES) or default
    if route == "models/public" and privacy != "public":
        raise RefusedError(f"privacy={privacy} cannot be listed by /models/public: use /models")
    return cast("Privacy", privacy)


def _sort_by(query: dict[str, str], privacy: Privacy) -> SortBy:
    given = choice(query, "sortBy", SORT_FIELDS)
    if given is None:
        return "score" if privacy == "public" else "createdAt"
    if privacy != "public":
        if given == "updatedAt":
            raise RefusedError(f"sortBy=updatedAt is not available with privacy={privacy}")
        if given == "score" and not {"privacy", "status"} <= query.keys():
            raise RefusedError(
                f"sortBy=score with privacy={privacy} requires both privacy and status"
            )
    return cast("SortBy", given)


def _descending(query: dict[str, str], privacy: Privacy, behavior: Behavior) -> bool:
    """Read the direction. Newest and best first, unless an effective ``sortDirection`` says not.

    It is "only used when sortBy is specified", and for public models "ignored when sortBy is not
    specified or set to score". The words of the refusal of ``sortBy=score`` were measured. The
    default with ``sortBy`` alone is not documented; descending is the choice here.
    """
    direction = choice(query, "sortDirection", ("asc", "desc"))
    by_score = query.get("sortBy") == "score"
    if by_score and direction is not None and behavior.score_direction == "refused":
        raise RefusedError(
            "sortDirection must be used together with sortBy to createdAt or updatedAt"
        )
    ignored = "sortBy" not in query or (privacy == "public" and by_score)
    return ignored or direction != "asc"


def _status(query: dict[str, str], behavior: Behavior) -> tuple[str | None, bool]:
    """Read the status, and whether deleted models are listed among the others."""
    status = query.get("status")
    if status is None or status in STATUSES:
        return status, False
    if behavior.unknown_status == "refused":
        raise RefusedError(f"status must be one of {', '.join(STATUSES)}")
    return None, True


def _check_scope(query: dict[str, str], privacy: Privacy) -> None:
    if privacy == "public":
        for name in _PRIVATE_ONLY:
            if name in query:
                raise RefusedError(
                    f"{name} is only available with privacy=private or privacy=unlisted"
                )
    else:
        for name in _PUBLIC_ONLY:
            if name in query:
                raise RefusedError(
                    f"{name} is only available with privacy=public, not privacy={privacy}"
                )


def _check_bounds(query: dict[str, str], sort_by: SortBy) -> None:
    for name, needed in _BOUNDS.items():
        if name in query and (sort_by != needed or "sortBy" not in query):
            raise RefusedError(f"{name} requires sortBy={needed}")


def _bounds(query: dict[str, str]) -> tuple[int | None, int | None]:
    """Turn the exclusive bounds into included milliseconds."""
    low: int | None = None
    high: int | None = None
    for name in _BOUNDS:
        if name not in query:
            continue
        moment = microseconds(query, name)
        if name.endswith("After"):
            low = moment // 1000 + 1
        else:
            high = -(-moment // 1000) - 1
    return low, high


def _tags(query: dict[str, str], route: Route, behavior: Behavior) -> tuple[str, ...] | None:
    """Read the tags that select, ``None`` if none was asked for."""
    if "tags" not in query:
        return None
    wanted = words(query, "tags")
    indexed = behavior.indexed(wanted, public_route=route == "models/public")
    # All of several tags, one of which selects nothing, select nothing together.
    return () if behavior.several_tags == "all" and indexed != wanted else indexed


def _collections(query: dict[str, str]) -> tuple[str, ...]:
    if "collectionId" in query:
        # One id: a comma is part of it, and names no collection.
        return (query["collectionId"],)
    return words(query, "collectionIds")


def _types(query: dict[str, str]) -> tuple[str, ...]:
    if "type" in query and "types" in query:
        raise RefusedError("type and types cannot be used together")
    name = "types" if "types" in query else "type"
    wanted = words(query, "types") if name == "types" else tuple(filter(None, [query.get("type")]))
    for value in wanted:
        if value not in MODEL_TYPES:
            raise RefusedError(f"{name} has an unknown value: {value}")
    return wanted
