"""What users ask a snapshot for, checked, and the ids of what fits. No I/O."""

from __future__ import annotations

from collections.abc import Collection  # noqa: TC003 - whoever reads the hints of what is public needs it
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict, cast

from scenario_async._query import given_count, given_text, given_texts
from scenario_async.sync._store import RecordOrder

if TYPE_CHECKING:
    from ._entries import Facet
    from ._index import Index

__all__ = ["SnapshotFilters", "Sort", "fitting", "slice_of"]

Sort: TypeAlias = RecordOrder
"""The orders of the models of a snapshot; ``-`` puts the largest first."""

_NOTHING: frozenset[str] = frozenset()
_SINGLE: tuple[Facet, ...] = ("type", "status", "privacy", "collection")


class SnapshotFilters(TypedDict, total=False):
    """Which models of a snapshot, by values of their records.

    As ``**filters: Unpack[SnapshotFilters]`` type checkers know the names and types.

    Attributes:
        type: Of this type.
        status: With this status.
        privacy: ``"private"``, ``"public"`` or ``"unlisted"``.
        tags: With at least one of these tags, exact and case-sensitive.
        capabilities: With all of these capabilities.
        collection: In this collection.
    """

    type: str | None
    status: str | None
    privacy: str | None
    tags: Collection[str]
    capabilities: Collection[str]
    collection: str | None


def fitting(index: Index, filters: SnapshotFilters) -> frozenset[str] | None:
    """The ids of what has all of these, and one of the tags; ``None`` for all there are.

    Raises:
        ValueError: A value is empty.
        TypeError: A value is of the wrong type.
    """
    given, facets = cast("dict[str, Any]", filters), index.facets
    groups: list[frozenset[str]] = []
    for facet in _SINGLE:
        text = given_text(facet, given.get(facet))
        groups += [] if text is None else [facets[facet].get(text, _NOTHING)]
    for one in given_texts("capabilities", given.get("capabilities", ())):
        groups.append(facets["capabilities"].get(one, _NOTHING))
    tags = given_texts("tags", given.get("tags", ()))
    groups += [_NOTHING.union(*(facets["tags"].get(tag, _NOTHING) for tag in tags))] if tags else []
    groups.sort(key=len)
    return groups[0].intersection(*groups[1:]) if groups else None


def slice_of(limit: int | None, offset: int) -> slice[int, int | None, None]:
    """Which of those that fit are wanted.

    Raises:
        ValueError: A number is below 0.
        TypeError: It is not a whole number.
    """
    count, first = given_count("limit", limit, least=0), given_count("offset", offset, least=0) or 0
    return slice(first, None if count is None else first + count)
