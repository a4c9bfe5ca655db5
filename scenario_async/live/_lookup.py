"""What users ask a snapshot for, checked, and the ids of what fits. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from scenario_async._query import given_count, given_text, given_texts
from scenario_async.sync._store import RecordOrder

if TYPE_CHECKING:
    from collections.abc import Collection

    from ._entries import Facet
    from ._index import Index

__all__ = ["Sort", "fitting", "slice_of"]

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
    groups += [can.get(one, _NOTHING) for one in given_texts("capabilities", capabilities)]
    by_tag = [index.facets["tags"].get(tag, _NOTHING) for tag in given_texts("tags", tags)]
    groups += [_NOTHING.union(*by_tag)] if by_tag else []
    groups.sort(key=len)
    return groups[0].intersection(*groups[1:]) if groups else None


def slice_of(limit: int | None, offset: int) -> slice[int, int | None, None]:
    """Which of those that fit are wanted.

    Raises:
        ValueError: A number is below 0.
        TypeError: It is no number.
    """
    count, first = given_count("limit", limit, least=0), given_count("offset", offset, least=0) or 0
    return slice(first, None if count is None else first + count)
