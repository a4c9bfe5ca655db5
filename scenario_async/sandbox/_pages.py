"""Turning pages: an accepted listing and its rows become a page, and a page becomes JSON."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Literal

import msgspec

from scenario_async.sandbox._parameters import RefusedError
from scenario_async.sandbox._rows import PROJECT_ID, Row, iso
from scenario_async.sandbox._tokens import KeyPlace, OffsetPlace, Place, Tokens, TokenStyle

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenario_async.sandbox._catalogue import Catalogue, Collection
    from scenario_async.sandbox._rules import CollectionListing, Listing
    from scenario_async.sandbox._selection import Window

EndStyle = Literal["absent", "null", "empty"]
"""How the last page says that it is the last: no token, a null or an empty text."""

_BAD_TOKEN = "paginationToken is not valid"  # noqa: S105 -- a message
_OTHER_SIZE = "pageSize differs from the one that the paginationToken was given for"
_OTHER_LISTING = "paginationToken was given for other filters: start again without it"


@dataclasses.dataclass(frozen=True, slots=True)
class Page:
    """One page before it is written, which is when faults change it.

    Attributes:
        rows: The rows in order; bytes are written as they are.
        place: Where this page begins.
        following: Where the next page begins, ``None`` after the last one.
        number: How many pages of the walk lie before this one.
        before: Gives the last ``count`` rows before this page.
        sent_token: The token that the request came with.
        style: How the token of the next page is written.
        end: How the end is said.
        repeat_token: Whether to hand out the token that came with the request.
    """

    rows: list[Row | bytes]
    place: Place
    following: Place | None
    number: int
    before: Callable[[int], list[Row]]
    sent_token: str | None = None
    style: TokenStyle = "usual"
    end: EndStyle = "absent"
    repeat_token: bool = False


def turn_to(
    listing: Listing, catalogue: Catalogue, tokens: Tokens, *, bounded: bool = True
) -> Page:
    """Give the page that a listing asks for, date bounds left aside if not ``bounded``.

    Raises:
        RefusedError: The token does not belong to this listing.
    """
    low, high = (listing.low, listing.high) if bounded else (None, None)
    window = catalogue.store.window(listing.filters, low, high, descending=listing.descending)
    place = _place_of(listing, tokens)
    size = place.limit
    start = _start(place, window)
    rows = window.rows(start, start + size)
    following = None
    number = start // size if isinstance(place, OffsetPlace) else place.page
    number += place.skipped
    if start + len(rows) < len(window) and rows:
        following = _following(listing, window, start + len(rows), size, number + 1)
    return Page(
        rows=list(rows),
        place=place,
        following=following,
        number=number,
        before=lambda count: window.rows(max(0, start - count), start),
        sent_token=listing.token,
    )


def _place_of(listing: Listing, tokens: Tokens) -> Place:
    if listing.token is not None:
        return _place_of_token(listing, tokens, listing.token)
    size = listing.page_size or 1
    if listing.by_offset or listing.offset is not None:
        return OffsetPlace(offset=listing.offset or 0, limit=size)
    return KeyPlace(value=None, id="", limit=size, binding=listing.binding, page=0)


def _place_of_token(listing: Listing, tokens: Tokens, token: str) -> Place:
    """Read the token and refuse one that belongs elsewhere.

    An offset says nothing about its listing: another page size shows, other filters do not.
    """
    place = tokens.read(token)
    if place is None or isinstance(place, OffsetPlace) != listing.by_offset:
        raise RefusedError(_BAD_TOKEN)
    if listing.page_size not in (None, place.limit):
        raise RefusedError(_OTHER_SIZE)
    if isinstance(place, KeyPlace) and place.binding != listing.binding:
        raise RefusedError(_OTHER_LISTING)
    return place


def _start(place: Place, window: Window) -> int:
    if isinstance(place, OffsetPlace):
        return place.offset
    return 0 if place.value is None else window.position_behind((place.value, place.id))


def _following(listing: Listing, window: Window, position: int, size: int, page: int) -> Place:
    if listing.by_offset:
        return OffsetPlace(offset=position, limit=size)
    value, model_id = window.key(position - 1)
    return KeyPlace(value=value, id=model_id, limit=size, binding=listing.binding, page=page)


def write_page(page: Page, catalogue: Catalogue, tokens: Tokens) -> bytes:
    """Write a page as JSON."""
    rows = [row if isinstance(row, bytes) else catalogue.store.encoded(row) for row in page.rows]
    return envelope(b"models", rows, _next_token(page, tokens), page.end)


def _next_token(page: Page, tokens: Tokens) -> str | None:
    if page.repeat_token and page.sent_token is not None:
        return page.sent_token
    return None if page.following is None else tokens.issue(page.following, page.style)


def envelope(name: bytes, rows: list[bytes], token: str | None, end: EndStyle = "absent") -> bytes:
    """Write rows that are JSON already, and the token of the next page, as one JSON text."""
    if token is not None:
        ending = b',"nextPaginationToken":' + msgspec.json.encode(token)
    else:
        ending = {
            "absent": b"",
            "null": b',"nextPaginationToken":null',
            "empty": b',"nextPaginationToken":""',
        }[end]
    return b'{"' + name + b'":[' + b",".join(rows) + b"]" + ending + b"}"


def write_collections(listing: CollectionListing, catalogue: Catalogue, tokens: Tokens) -> bytes:
    """Write one page of collections, newest first.

    Raises:
        RefusedError: The token does not belong to this listing.
    """
    place = None if listing.token is None else tokens.read(listing.token)
    binding = "collections"
    if listing.token is not None and (not isinstance(place, KeyPlace) or place.binding != binding):
        raise RefusedError(_BAD_TOKEN)
    size = listing.page_size or 1
    remaining = list(catalogue.collections)
    if isinstance(place, KeyPlace):
        if listing.page_size not in (None, place.limit):
            raise RefusedError(_OTHER_SIZE)
        size = place.limit
        last = (-(place.value or 0), place.id)
        remaining = [one for one in remaining if (-one.created, one.id) > last]
    given = remaining[:size]
    token = None
    if len(remaining) > size:
        token = tokens.issue(
            KeyPlace(value=given[-1].created, id=given[-1].id, limit=size, binding=binding, page=0)
        )
    rows = [_write_collection(one, catalogue) for one in given]
    return envelope(b"collections", rows, token)


def _write_collection(collection: Collection, catalogue: Catalogue) -> bytes:
    count = catalogue.model_count(collection.id)
    return msgspec.json.encode(
        {
            "id": collection.id,
            "ownerId": PROJECT_ID,
            "name": collection.name,
            "createdAt": iso(collection.created),
            "updatedAt": iso(collection.updated),
            "assetCount": 0,
            "itemCount": count,
            "modelCount": count,
        }
    )
