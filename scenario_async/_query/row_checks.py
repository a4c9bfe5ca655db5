"""Whether a row is one of those that were asked for, as far as the row shows it. No I/O.

Services leave filters out, and index less than their rows carry. A row that shows that it does not
fit is left out. One that does not show what was asked is kept.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import msgspec

from scenario_async.types._base import Timestamp
from scenario_async.types._decoding import NOT_DECODED

from .query import ListingQuery, names_in

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

__all__ = ["RowCheck", "row_check", "tags_of"]

RowCheck: TypeAlias = "Callable[[msgspec.Raw | bytes], bool]"
"""Whether a row as it was sent is one of those that were asked for."""

_Shown: TypeAlias = Any
"""A row, with the fields that are looked at; what they hold is whatever the service sent."""

_BY_WIRE_NAME = {field.encode_name: field.name for field in msgspec.structs.fields(ListingQuery)}


def row_check(query: ListingQuery, *, replaced: Iterable[str] = ()) -> RowCheck | None:
    """A check for the rows of a listing; ``None`` where no filter was asked that rows show.

    Privacy is checked along with filters. Alone it says which listing is meant, and rows of a
    listing without filters are not looked into.

    Args:
        query: What was asked.
        replaced: Parameters, by their names on the wire, in whose place something else is sent: of
            what a caller puts into ``extra_query`` nothing is known here.
    """
    given = {_BY_WIRE_NAME[name]: None for name in replaced if name in _BY_WIRE_NAME}
    query = msgspec.structs.replace(query, **given)
    checks = [(fields, fits) for make, fields in _FILTERS if (fits := make(query)) is not None]
    if not checks:
        return None
    privacy = _privacy(query)
    checks += [] if privacy is None else [(("privacy",), privacy)]
    decoder = _decoder_of(tuple(dict.fromkeys(name for fields, _ in checks for name in fields)))
    tests = [fits for _, fits in checks]

    def fits_all(raw: msgspec.Raw | bytes) -> bool:
        try:
            shown = decoder.decode(raw)
        except NOT_DECODED:
            # It shows nothing. Whoever types it says what is wrong with it.
            return True
        return all(fits(shown) for fits in tests)

    return fits_all


def tags_of(raw: msgspec.Raw | bytes) -> frozenset[str]:
    """The tags that a row carries; none where they cannot be read."""
    try:
        return _strings(_decoder_of(("tags",)).decode(raw).tags)
    except NOT_DECODED:
        return frozenset()


@cache
def _decoder_of(fields: tuple[str, ...]) -> msgspec.json.Decoder[_Shown]:
    """A decoder of these fields alone. None of them can make a row fail, whatever it holds."""
    shown = msgspec.defstruct("Shown", [(name, object, None) for name in fields])
    return msgspec.json.Decoder(cast("type[_Shown]", shown))


def _tags(query: ListingQuery) -> Callable[[_Shown], bool] | None:
    """At least one of those named: exact and case-sensitive, as the service compares them."""
    if query.tags is None:
        return None
    wanted = names_in(query.tags)
    return lambda row: not wanted.isdisjoint(_strings(row.tags))


def _status(query: ListingQuery) -> Callable[[_Shown], bool] | None:
    """The status asked for; of models that exist, unless deleted ones were asked for."""
    wanted = query.status
    if wanted is None:
        return None
    if wanted == "deleted":
        return lambda row: row.deletedAt is not None or row.status == "deleted"
    return lambda row: row.deletedAt is None and _shows(row.status, {wanted})


def _type(query: ListingQuery) -> Callable[[_Shown], bool] | None:
    if query.type is None and query.types is None:
        return None
    wanted = names_in(query.types) if query.types else {query.type}
    return lambda row: _shows(row.type, wanted)


def _collections(query: ListingQuery) -> Callable[[_Shown], bool] | None:
    """One of the collections, where the row names any: public rows name none."""
    collections = query.collection_ids or query.collection_id
    if collections is None:
        return None
    wanted = names_in(collections)

    def fits(row: _Shown) -> bool:
        named = _strings(row.collectionIds)
        return not named or not wanted.isdisjoint(named)

    return fits


def _created(query: ListingQuery) -> Callable[[_Shown], bool] | None:
    between = _between(query.created_after, query.created_before)
    return between and (lambda row: between(row.createdAt))


def _updated(query: ListingQuery) -> Callable[[_Shown], bool] | None:
    between = _between(query.updated_after, query.updated_before)
    return between and (lambda row: between(row.updatedAt))


def _privacy(query: ListingQuery) -> Callable[[_Shown], bool] | None:
    """Public or not: whether unlisted models are private ones as well is not documented."""
    if query.privacy is None and query.route != "public":
        return None
    public = query.route == "public" or query.privacy == "public"
    return lambda row: not isinstance(row.privacy, str) or (row.privacy == "public") == public


def _between(after: str | None, before: str | None) -> Callable[[object], bool] | None:
    """Whether a date lies between bounds, both exclusive; one that cannot be read does."""
    if after is None and before is None:
        return None
    low = after and datetime.fromisoformat(after)
    high = before and datetime.fromisoformat(before)

    def fits(value: object) -> bool:
        try:
            moment: datetime = msgspec.convert(value, Timestamp)
        except msgspec.ValidationError:
            return True
        return (not low or moment > low) and (not high or moment < high)

    return fits


def _shows(value: object, wanted: Collection[object]) -> bool:
    """Whether a value is one of these; what is not a string says nothing."""
    return not isinstance(value, str) or value in wanted


def _strings(value: object) -> frozenset[str]:
    if not isinstance(value, list):
        return frozenset()
    return frozenset(one for one in cast("list[object]", value) if isinstance(one, str))


_FILTERS: tuple[
    tuple[Callable[[ListingQuery], Callable[[_Shown], bool] | None], tuple[str, ...]], ...
] = (
    (_tags, ("tags",)),
    (_status, ("status", "deletedAt")),
    (_type, ("type",)),
    (_collections, ("collectionIds",)),
    (_created, ("createdAt",)),
    (_updated, ("updatedAt",)),
)
