"""The rules of the listing parameters: a query becomes a listing or a refusal.

The rules are those of the parameter documentation of the official SDK (``model_list_params.py`` in
``scenario-sdk`` 2.4.0) and of the help article on filtering models. Where both are silent, the
choice is named in a comment. No rule here is shared with the client of this package: the sandbox
is a second reading of the documentation.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, Literal, cast

import msgspec

from scenario_async.sandbox._parameters import (
    MODEL_TYPES,
    RefusedError,
    choice,
    flag,
    known_parameters,
    microseconds,
    whole_number,
    words,
)
from scenario_async.sandbox._selection import Filters, SortBy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scenario_async.sandbox._rows import Privacy


STATUSES: Final = ("new", "training", "trained", "failed", "deleted")
PRIVACIES: Final = ("private", "public", "unlisted")
SORT_FIELDS: Final = ("createdAt", "updatedAt", "score")
LARGEST_PAGE: Final = 500
DEFAULT_PAGE: Final = 100
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
        "pageSize",
        "paginationToken",
        "sortBy",
        "sortDirection",
        "projectId",
    }
)
_WINDOW_PARAMETERS: Final = frozenset({"limit", "offset"})
_COLLECTION_PARAMETERS: Final = frozenset({"pageSize", "paginationToken", "projectId"})
Route = Literal["models", "models/public"]


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted request for one page of a listing of models.

    Attributes:
        filters: What is listed and sorted.
        low: Smallest sorted date in milliseconds, included; ``None`` for no bound.
        high: Largest sorted date in milliseconds, included; ``None`` for no bound.
        descending: Whether the order is reversed.
        page_size: Rows in a page. A request with a token may leave ``pageSize`` out: ``None``.
        token: The pagination token.
        offset: Rows to skip, for requests that count rows themselves.
        blacklisted: Whether blacklisted models were asked for (the sandbox has none).
        project_id: The ``projectId`` of the request; any is accepted.
    """

    filters: Filters
    low: int | None = None
    high: int | None = None
    descending: bool = True
    page_size: int | None = DEFAULT_PAGE
    token: str | None = None
    offset: int | None = None
    blacklisted: bool = False
    project_id: str | None = None

    @property
    def by_offset(self) -> bool:
        """Whether tokens are offsets: seen on public listings by score, and on no others."""
        return self.filters.privacy == "public" and self.filters.sort_by == "score"

    @property
    def binding(self) -> str:
        """A short text that differs for listings whose tokens must not be mixed up."""
        walk = msgspec.structs.replace(self, page_size=None, token=None, offset=None)
        return hashlib.blake2b(msgspec.json.encode(walk), digest_size=9).hexdigest()


class CollectionListing(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted request for one page of collections.

    Attributes:
        page_size: Collections in a page; ``None`` where a token came without ``pageSize``.
        token: The pagination token.
    """

    page_size: int | None = DEFAULT_COLLECTION_PAGE
    token: str | None = None


def read_listing(parameters: Iterable[tuple[str, str]], route: Route = "models") -> Listing:
    """Read the query of a listing of models. Unknown parameters are ignored.

    Raises:
        RefusedError: The API does not accept this combination.
    """
    known = _LISTING_PARAMETERS
    if route == "models/public":
        known |= _WINDOW_PARAMETERS
    query = known_parameters(parameters, known)
    privacy = _privacy(query, route)
    sort_by = _sort_by(query, privacy)
    _check_scope(query, privacy)
    _check_bounds(query, sort_by)
    _check_window(query)
    flags = {name: flag(query, name) for name in _FLAGS}
    low, high = _bounds(query)
    token = query.get("paginationToken")
    return Listing(
        filters=Filters(
            privacy=privacy,
            sort_by=sort_by,
            status=choice(query, "status", STATUSES),
            collections=_collections(query),
            tags=words(query, "tags"),
            types=_types(query),
            loaded_only=flags["loadedOnly"],
        ),
        low=low,
        high=high,
        descending=_descending(query, privacy, sort_by),
        page_size=_page_size(query, token),
        token=token,
        offset=_offset(query),
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


def _descending(query: dict[str, str], privacy: Privacy, sort_by: SortBy) -> bool:
    """Read the direction. Newest and best first, unless an effective ``sortDirection`` says not.

    It is "only used when sortBy is specified", and for public models "ignored when sortBy is not
    specified or set to score": in these cases it has no effect and is not refused. The default
    with ``sortBy`` alone is not documented; descending is the choice here.
    """
    direction = choice(query, "sortDirection", ("asc", "desc"))
    ignored = "sortBy" not in query or (privacy == "public" and sort_by == "score")
    return ignored or direction != "asc"


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


def _check_window(query: dict[str, str]) -> None:
    """Refuse two ways of turning pages at once; the article never mixes them."""
    for name in ("limit", "offset"):
        for other in ("pageSize", "paginationToken"):
            if name in query and other in query:
                raise RefusedError(f"{name} and {other} cannot be used together")


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


def _page_size(query: dict[str, str], token: str | None) -> int | None:
    size = whole_number(query, "pageSize", smallest=1, largest=LARGEST_PAGE)
    limit = whole_number(query, "limit", smallest=1, largest=LARGEST_PAGE)
    if size is None and limit is None:
        return None if token is not None else DEFAULT_PAGE
    return limit if size is None else size


def _offset(query: dict[str, str]) -> int | None:
    offset = whole_number(query, "offset", smallest=0, largest=1_000_000_000)
    return 0 if offset is None and "limit" in query else offset


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
