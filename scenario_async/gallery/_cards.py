"""What a card of the grid shows of a model. No I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import msgspec

from ._placeholder import initials
from ._text import ago, in_path, line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from scenario_async.sync import StoredModel

__all__ = ["Card", "card_of", "examples_of", "preview_path"]

_NAME = 120
_TAG = 28
_TAGS = 3
_TONES = {
    **dict.fromkeys(("failed", "training-canceled", "deleted"), "bad"),
    **dict.fromkeys(("new", "training", "copying"), "busy"),
}


class _Pictured(msgspec.Struct, rename="camel"):
    """What of a record leads to pictures, whatever else it may be."""

    example_asset_ids: list[object] = []


_pictured = msgspec.json.Decoder(_Pictured)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What is shown.

    Attributes:
        id: Of the model, as it is.
        path: The path of its page, from the root of the gallery.
        asset_id: Of its picture, where it has one.
        preview: The path of that picture, or of one that is drawn.
        name: Its name, or its id.
        type: ``None`` where it has none; so are all that follow.
        status: See ``type``; ``deleted`` where it is marked so.
        tags: The first few.
        more_tags: How many others there are.
        age: When it was created, in words.
        created_at: The same, for machines.
        tone: How much the status asks for attention: ``"good"``, ``"busy"`` or ``"bad"``.
        deleted: Whether it is marked as deleted.
    """

    id: str
    path: str
    asset_id: str | None
    preview: str
    name: str
    type: str | None
    status: str | None
    tags: tuple[str, ...]
    more_tags: int
    age: str | None
    created_at: str | None
    tone: str
    deleted: bool


def card_of(model: StoredModel, now: datetime) -> Card:
    """The card of a model."""
    name = line(model.name or "", _NAME) or line(model.id, _NAME)
    tags = [tag for tag in model.tags or () if tag.strip()]
    asset_id = model.thumbnail_asset_id or next(examples_of(model), None)
    deleted = model.deleted_at is not None
    return Card(
        id=model.id,
        path=f"models/{in_path(model.id)}",
        asset_id=asset_id,
        preview=preview_path(asset_id, name, model.id),
        name=name,
        type=line(model.type, _TAG) if model.type else None,
        status="deleted" if deleted else line(model.status, _TAG) if model.status else None,
        tags=tuple(line(tag, _TAG) for tag in tags[:_TAGS]),
        more_tags=max(0, len(tags) - _TAGS),
        age=None if model.created_at is None else ago(model.created_at, now),
        created_at=None if model.created_at is None else model.created_at.isoformat(),
        tone="bad" if deleted else _TONES.get(model.status or "", "good"),
        deleted=deleted,
    )


def examples_of(model: StoredModel) -> Iterator[str]:
    """The ids of the pictures that a model is shown with."""
    try:
        ids = _pictured.decode(model.record).example_asset_ids
    except (msgspec.MsgspecError, RecursionError):
        return
    for one in ids:
        if isinstance(one, str) and in_path(one) is not None:
            yield one


def preview_path(asset_id: str | None, name: str, model_id: str) -> str:
    """The path of a picture of a model, which is drawn with its initials where there is none."""
    asset = None if asset_id is None else in_path(asset_id)
    shown = {"label": initials(name)} if asset else {"label": initials(name), "key": model_id}
    query = urlencode({name: value for name, value in shown.items() if value}, errors="replace")
    return f"preview/{asset or 'none'}" + (f"?{query}" if query else "")
