"""The facets beside the grid: their values, and where each leads. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zlib import crc32

from scenario_async.sync._store import FACETS

from ._text import line
from ._url_state import can_be_in_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scenario_async.sync._store import Facets

    from ._url_state import GridState

__all__ = ["Choice", "Facet", "chosen_choices", "deleted_choices", "facet_list"]

_TITLES = {
    "type": "Type",
    "status": "Status",
    "tag": "Tags",
    "capability": "Capabilities",
    "collection": "Collections",
    "scope": "Scope",
}
_LABEL = 60
_SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A value that can be chosen.

    Attributes:
        key: What it is called in the page; stays the same when the page is changed.
        label: What people read.
        count: How many models there would be; ``None`` where nobody has counted.
        query: The parameters of where it leads.
        chosen: Whether it is chosen; then it leads to where it is not.
    """

    key: str
    label: str
    count: int | None
    query: str
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """One facet.

    Attributes:
        name: As in URLs.
        title: What people read.
        first: The values that are shown at once.
        more: The others.
    """

    name: str
    title: str
    first: tuple[Choice, ...]
    more: tuple[Choice, ...]


def facet_list(state: GridState, counts: Facets) -> list[Facet]:
    """The facets that have something to choose."""
    facets: list[Facet] = []
    for name in FACETS:
        choices = tuple(_choices(name, state, counts.values.get(name, {})))
        # What is chosen is always to be seen.
        ordered = sorted(choices, key=lambda one: not one.chosen)
        shown = max(_SHOWN, sum(one.chosen for one in choices))
        if choices:
            first, more = tuple(ordered[:shown]), tuple(ordered[shown:])
            facets.append(Facet(name=name, title=_TITLES[name], first=first, more=more))
    return facets


def _choices(name: str, state: GridState, counts: dict[str, int]) -> Iterator[Choice]:
    uncounted = [value for value in state.chosen(name) if value not in counts]
    for value in (*uncounted, *(one for one in counts if can_be_in_url(one))):
        yield _choice(name, state, name, value, counts.get(value))


def _choice(key: str, state: GridState, facet: str, value: str, count: int | None) -> Choice:
    return Choice(
        key=f"{key}-{crc32(value.encode()):08x}",
        label=line(value, _LABEL),
        count=count,
        query=state.toggled(facet, value).query(),
        chosen=value in state.chosen(facet),
    )


def deleted_choices(state: GridState) -> list[Choice]:
    """Whether models that are marked as deleted are shown."""
    labels: dict[str, bool | None] = {"Existing": False, "Deleted": True, "All": None}
    return [
        Choice(
            key=f"deleted-{label.lower()}",
            label=label,
            count=None,
            query=state.with_deleted(deleted=deleted).query(),
            chosen=state.search.deleted is deleted,
        )
        for label, deleted in labels.items()
    ]


def chosen_choices(state: GridState) -> list[Choice]:
    """What is chosen, each of which leads to where it is not."""
    return [
        _choice(f"chip-{facet}", state, facet, value, None)
        for facet in FACETS
        for value in state.chosen(facet)
    ]
