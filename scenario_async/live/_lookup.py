"""What users ask a snapshot for, checked, and the ids of what fits. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, cast, get_args

from scenario_async._argument_errors import ArgumentError, Parameter
from scenario_async._query import did_you_mean, given_count, given_text
from scenario_async.sync._store import RecordOrder

from ._entries import Facet, SortKey

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from ._index import Index

__all__ = ["Sort", "facet_of", "fitting", "order_of", "slice_of", "type_name"]

Sort: TypeAlias = RecordOrder
"""The orders of the models of a snapshot; ``-`` puts the largest first."""

_NOTHING: frozenset[str] = frozenset()


def fitting(  # noqa: PLR0917 - as the methods of a snapshot have them
    index: Index,
    type_: str | None,
    status: str | None,
    privacy: str | None,
    tags: Collection[str],
    capabilities: Collection[str],
    collection: str | None,
) -> frozenset[str] | None:
    """The ids of what has all of these, and one of the tags; ``None`` for all there are.

    Raises:
        ValueError: A value is empty.
        TypeError: A value is of the wrong type.
    """
    given: tuple[tuple[Facet, str | None], ...] = (
        ("type", type_),
        ("status", status),
        ("privacy", privacy),
        ("collection", collection),
    )
    groups = [
        index.facets[facet].get(text, _NOTHING)
        for facet, one in given
        if (text := given_text(facet, one)) is not None
    ]
    can = index.facets["capabilities"]
    groups += [can.get(one, _NOTHING) for one in _texts("capabilities", capabilities)]
    by_tag = [index.facets["tags"].get(tag, _NOTHING) for tag in _texts("tags", tags)]
    groups += [_NOTHING.union(*by_tag)] if by_tag else []
    groups.sort(key=len)
    return groups[0].intersection(*groups[1:]) if groups else None


def facet_of(name: Facet) -> Facet:
    """The facet, if there is one of this name.

    Raises:
        ValueError: There is none.
        TypeError: It is no text.
    """
    return cast("Facet", _one_of("facet", name, get_args(Facet)))


def order_of(sort: Sort) -> tuple[SortKey, bool]:
    """What is sorted by, and whether backwards.

    Raises:
        ValueError: There is no such order.
        TypeError: It is no text.
    """
    text = _one_of("sort", sort, get_args(Sort))
    return cast("SortKey", text.removeprefix("-")), text.startswith("-")


def slice_of(limit: int | None, offset: int) -> slice[int, int | None, None]:
    """Which of those that fit are wanted.

    Raises:
        ValueError: A number is below 0.
        TypeError: It is no number.
    """
    for name, value in (("limit", limit), ("offset", offset)):
        if (given_count(name, value) or 0) < 0:
            raise ArgumentError(Parameter(name), f" must not be below 0, and is {value}")
    return slice(offset, None if limit is None else (offset or 0) + limit)


def type_name(value: object) -> str:
    """What to call a value of the wrong type."""
    return type(value).__name__


def _one_of(name: str, value: object, known: Sequence[str]) -> str:
    text = given_text(name, value)
    if text is None or text not in known:
        hint = did_you_mean(str(value), known)
        names = ", ".join(map(repr, known))
        raise ArgumentError(Parameter(name), f" must be one of {names}, not {value!r}{hint}")
    return text


def _texts(name: str, values: object) -> Iterator[str]:
    if isinstance(values, str) or not isinstance(values, list | tuple | set | frozenset):
        raise TypeError(f"{name} must be several str, such as ['...'], not {type_name(values)}")
    for value in cast("Collection[object]", values):
        if not isinstance(value, str):
            raise TypeError(f"{name} must be several str, and has {value!r}")
        yield value
