"""Changes of a catalogue at random: the same ones for the same catalogue and numbers."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final, Literal

from . import words as _words

if TYPE_CHECKING:
    from random import Random

    from .catalogue import Catalogue
    from .rows import Row

ChangeKind = Literal["added", "changed", "moved", "deleted", "restored"]
"""What happens to a model; ``moved`` puts it into other collections."""

_KINDS: Final[tuple[ChangeKind, ...]] = ("added", "changed", "moved", "deleted", "restored")
_KIND_BOUNDS: Final = (0.35, 0.65, 0.75, 0.95, 1.0)


def change_at_random(catalogue: Catalogue, source: Random) -> tuple[ChangeKind, str]:
    """Add, change, move, delete or restore a model that is not public; return what was done.

    Where there is no model to do it to, one is added.
    """
    kind = _KINDS[bisect_right(_KIND_BOUNDS, source.random())]
    row = None if kind == "added" else _chosen(catalogue, source, deleted=kind == "restored")
    if row is None:
        return "added", _add(catalogue, source)
    if kind == "changed":
        _change(catalogue, row, source)
    elif kind == "moved":
        catalogue.move(row.id, *_collections(catalogue, source))
    elif kind == "deleted":
        catalogue.delete(row.id)
    else:
        catalogue.restore(row.id)
    return kind, row.id


def _chosen(catalogue: Catalogue, source: Random, *, deleted: bool) -> Row | None:
    rows = [
        row
        for row in catalogue.store.rows()
        if row.privacy != "public" and (row.deleted is not None) is deleted
    ]
    return source.choice(rows) if rows else None


def _add(catalogue: Catalogue, source: Random) -> str:
    return catalogue.add(
        name=_name(source),
        type=source.choice(_words.PRIVATE_TYPES),
        status=source.choice(_words.PRIVATE_STATUSES),
        tags=_tags(source),
        collection_ids=_collections(catalogue, source),
    )


def _change(catalogue: Catalogue, row: Row, source: Random) -> None:
    which = source.randrange(3)
    catalogue.update(
        row.id,
        name=_name(source) if which == 0 else None,
        tags=_tags(source) if which == 1 else None,
        status=source.choice(_words.PRIVATE_STATUSES) if which == 2 else None,  # noqa: PLR2004 -- the third
    )


def _name(source: Random) -> str:
    thing, flourish = source.choice(_words.THINGS), source.choice(_words.FLOURISHES)
    return f"{source.choice(_words.MAKERS)} {thing} {source.randrange(1000)}{flourish}"


def _tags(source: Random) -> list[str]:
    return sorted(source.sample(_words.PRIVATE_TAGS, source.randrange(4)))


def _collections(catalogue: Catalogue, source: Random) -> list[str]:
    known = catalogue.collection_ids
    return source.sample(known, min(len(known), source.randrange(3)))
