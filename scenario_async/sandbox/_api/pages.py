"""Turning pages: an accepted listing and its rows become a page, and a page becomes JSON."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from scenario_async.sandbox._catalogue import Row, iso

from .parameters import RefusedError
from .tokens import KeyPlace, OffsetPlace, Place, Tokens, TokenStyle

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenario_async.sandbox._catalogue import Collection, Contents, Window

    from .behavior import Behavior, EndStyle
    from .rules import CollectionListing, Listing

_LOOKED_AT = 4
"""How many rows a short page looks at for each that it may have."""

_SHORT_EVERY = 4
"""Under date bounds every fourth page is short."""

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
        gives_tokens: Whether pages of this listing have tokens.
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
    gives_tokens: bool = True
    repeat_token: bool = False


def turn_to(
    listing: Listing,
    catalogue: Contents,
    tokens: Tokens,
    behavior: Behavior,
    *,
    bounded: bool = True,
) -> Page:
    """Return the page that a listing asks for, date bounds left aside if not ``bounded``.

    Raises:
        RefusedError: The token does not belong to this listing.
    """
    low, high = (listing.low, listing.high) if bounded else (None, None)
    store = catalogue.store_of(listing.filters.privacy)
    window = partial(store.window, low=low, high=high, descending=listing.descending)
    matching = window(listing.filters)
    listed = window(listing.filters.looked_through) if behavior.short_pages else matching
    place = _place_of(listing, tokens)
    number = _number(place, filtered=len(listed) != len(matching))
    if listing.paging.offset is not None:
        found = _counted(listing.paging.offset, place.limit, matching, listed)
    else:
        short = behavior.short_pages and (low, high) != (None, None)
        short = short and number % _SHORT_EVERY == _SHORT_EVERY - 1
        found = _looked_up(place, matching, listed, short=short)
    following = None
    if found.end < len(listed) and listing.paging.gives_tokens:
        following = _following(listing, listed, found.end, place.limit, number + 1)
    return Page(
        rows=list(matching.rows(found.start, found.stop)),
        place=place,
        following=following,
        number=number,
        before=lambda count: matching.rows(max(0, found.start - count), found.start),
        sent_token=listing.paging.token,
        end=behavior.end if listing.paging.gives_tokens else "absent",
        gives_tokens=listing.paging.gives_tokens,
    )


class _Found(NamedTuple):
    """The rows of a page.

    Attributes:
        start: The position of the first one among the matching rows.
        stop: The position behind the last one.
        end: How far the page has come in the listing that tokens lead through.
    """

    start: int
    stop: int
    end: int


def _counted(offset: int, limit: int, matching: Window, listed: Window) -> _Found:
    """Return the rows at an offset among those that match."""
    stop = min(offset + limit, len(matching))
    if stop >= len(matching):
        return _Found(offset, stop, len(listed))
    return _Found(offset, stop, listed.position_behind(matching.key(stop - 1)))


def _looked_up(place: Place, matching: Window, listed: Window, *, short: bool) -> _Found:
    """Look at some rows of the listing from a place on, and return those that match."""
    size = place.limit
    start = _start(place, listed)
    look = min(start + _LOOKED_AT * size, len(listed))
    first = _position_of(start, matching, listed)
    stop = _position_of(look, matching, listed)
    most = size - max(1, size // 10) if short and size > 1 else size
    if stop <= first + most:
        return _Found(first, stop, look)
    stop = first + most
    return _Found(first, stop, listed.position_behind(matching.key(stop - 1)))


def _position_of(position: int, matching: Window, listed: Window) -> int:
    """Return how many matching rows lie before a position in the listing."""
    if position >= len(listed):
        return len(matching)
    return matching.position_behind(listed.key(position - 1)) if position > 0 else 0


def _number(place: Place, *, filtered: bool) -> int:
    """Return how many pages lie before a place.

    A plain offset cannot tell how many pages stopped early because they were full: under filters
    the fewest possible are counted.
    """
    if isinstance(place, KeyPlace):
        return place.page + place.skipped
    step = place.limit * (_LOOKED_AT if filtered else 1)
    return (place.offset if not filtered else place.offset + step - 1) // step + place.skipped


def _place_of(listing: Listing, tokens: Tokens) -> Place:
    paging = listing.paging
    if paging.token is not None:
        return _place_of_token(listing, tokens, paging.token)
    size = paging.size or 1
    if listing.by_offset or paging.offset is not None:
        return OffsetPlace(offset=paging.offset or 0, limit=size)
    return KeyPlace(value=None, id="", limit=size, binding=listing.binding, page=0)


def _place_of_token(listing: Listing, tokens: Tokens, token: str) -> Place:
    """Read the token and refuse one that belongs elsewhere.

    An offset says nothing about its listing: another page size shows, other filters do not.
    """
    place = tokens.read(token)
    if place is None or isinstance(place, OffsetPlace) != listing.by_offset:
        raise RefusedError(_BAD_TOKEN)
    if listing.paging.size not in (None, place.limit):
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


def write_page(page: Page, catalogue: Contents, tokens: Tokens) -> bytes:
    """Write a page as JSON."""
    rows = [row if isinstance(row, bytes) else catalogue.encoded(row) for row in page.rows]
    return envelope(b"models", rows, _next_token(page, tokens), page.end)


def _next_token(page: Page, tokens: Tokens) -> str | None:
    if page.repeat_token and page.sent_token is not None:
        return page.sent_token
    return None if page.following is None else tokens.issue(page.following, page.style)


def envelope(name: bytes, rows: list[bytes], token: str | None, end: EndStyle) -> bytes:
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


def write_collections(
    listing: CollectionListing, catalogue: Contents, tokens: Tokens, end: EndStyle
) -> bytes:
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
    return envelope(b"collections", rows, token, end)


def _write_collection(collection: Collection, catalogue: Contents) -> bytes:
    count = catalogue.model_count(collection.id)
    return msgspec.json.encode(
        {
            "id": collection.id,
            "ownerId": catalogue.owner,
            "name": collection.name,
            "createdAt": iso(collection.created),
            "updatedAt": iso(collection.updated),
            "assetCount": 0,
            "itemCount": count,
            "modelCount": count,
        }
    )
