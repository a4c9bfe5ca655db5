"""Which page of a listing a query asks for, on either route."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from .parameters import RefusedError, whole_number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .behavior import Behavior

Route = Literal["models", "models/public"]

LARGEST_PAGE: Final = 500
DEFAULT_PAGE: Final = 100
BY_TOKENS: Final = frozenset({"pageSize", "paginationToken"})
BY_OFFSETS: Final = frozenset({"limit", "offset"})


class Paging(msgspec.Struct, frozen=True, kw_only=True):
    """The page that a query asks for.

    Attributes:
        size: Rows in a page. A request with a token may leave ``pageSize`` out: ``None``.
        token: The pagination token.
        offset: Rows to skip, for requests that count rows themselves.
        gives_tokens: Whether pages have tokens.
    """

    size: int | None = DEFAULT_PAGE
    token: str | None = None
    offset: int | None = None
    gives_tokens: bool = True


def paging_parameters(given: Iterable[str], route: Route, behavior: Behavior) -> frozenset[str]:
    """Return the names that a route pages by.

    Raises:
        RefusedError: Another one is given, and the route refuses what it does not know.
    """
    if route == "models":
        return BY_TOKENS
    known = {
        "tokens": BY_TOKENS,
        "offsets": BY_OFFSETS,
        "both": BY_TOKENS | BY_OFFSETS,
    }[behavior.public_route_paging]
    if behavior.public_route_unknown == "refused":
        for name in given:
            if name in (BY_TOKENS | BY_OFFSETS) - known:
                raise RefusedError(f"{name} is not a parameter of /models/public")
    return known


def read_paging(query: dict[str, str], route: Route, behavior: Behavior) -> Paging:
    """Read the page that a query asks for; a token and ``pageSize`` win where both kinds are given.

    Raises:
        RefusedError: A value is out of bounds, or the route refuses to be asked in both ways.
    """
    if route == "models/public" and behavior.public_route_unknown == "refused":
        _check_mixture(query)
    token = query.get("paginationToken")
    size = whole_number(query, "pageSize", smallest=1, largest=LARGEST_PAGE)
    limit = whole_number(query, "limit", smallest=1, largest=LARGEST_PAGE)
    offset = whole_number(query, "offset", smallest=0, largest=1_000_000_000)
    gives_tokens = route == "models" or behavior.public_route_paging != "offsets"
    if token is not None:
        return Paging(size=size, token=token)
    if size is None:
        default = DEFAULT_PAGE if route == "models" else behavior.public_route_page
        size = default if limit is None else limit
        offset = 0 if offset is None and (limit is not None or not gives_tokens) else offset
    return Paging(size=size, offset=offset, gives_tokens=gives_tokens)


def _check_mixture(query: dict[str, str]) -> None:
    for name in sorted(BY_OFFSETS & query.keys()):
        for other in sorted(BY_TOKENS & query.keys()):
            raise RefusedError(f"{name} and {other} cannot be used together")
