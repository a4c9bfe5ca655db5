"""What the page of a model shows. No I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from ._cards import card_of, examples_of, preview_path
from ._record_view import sections_of
from ._text import ago, json_of, line, paragraph
from ._url_state import GridState, can_be_in_url

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from scenario_async.sync import StoredModel

    from ._cards import Card
    from ._record_view import Section

__all__ = ["Event", "Link", "ModelView", "model_view"]

_PICTURES = 60
_LABEL = 60
_LONGEST_TITLE = 300


class _Described(msgspec.Struct, rename="camel"):
    short_description: str | None = None


_described = msgspec.json.Decoder(_Described)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a model.

    Attributes:
        what: In words.
        when: For machines.
        age: In words.
    """

    what: str
    when: str
    age: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A value that leads to the models that have it.

    Attributes:
        label: What people read.
        query: The parameters of the grid; ``None`` where none can be asked for.
    """

    label: str
    query: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelView:
    """All that is shown.

    Attributes:
        card: As in the grid.
        title: The name in full.
        id: The id as text.
        description: As its owner wrote it.
        asset_ids: Of its pictures.
        pictures: The paths of those.
        more_pictures: How many others it has.
        links: Its tags, capabilities and collections.
        sections: Its fields.
        events: What happened, the latest first.
        scopes: In which it was seen.
        details: Whether the full record is there.
        record: The record as JSON, without what gives access.
        python: How to get it in Python: from the service, and from the store.
    """

    card: Card
    title: str
    id: str
    description: str
    asset_ids: tuple[str, ...]
    pictures: tuple[str, ...]
    more_pictures: int
    links: dict[str, tuple[Link, ...]]
    sections: list[Section]
    events: list[Event]
    scopes: tuple[str, ...]
    details: bool
    record: str
    python: tuple[tuple[str, str], ...]


def model_view(model: StoredModel, scopes: Sequence[str], store: str, now: datetime) -> ModelView:
    """The page of a model.

    Args:
        model: As the store has it.
        scopes: In which it was seen.
        store: What the store is called.
        now: By the clock.
    """
    record = model.details or model.record
    card = card_of(model, now)
    asset_ids = dict.fromkeys((model.thumbnail_asset_id, *examples_of(model)))
    pictures = [one for one in asset_ids if one]
    shown = tuple(pictures[:_PICTURES])
    return ModelView(
        card=card,
        title=line(model.name or model.id, _LONGEST_TITLE) or card.name,
        id=line(model.id),
        description=_description(record),
        asset_ids=shown,
        pictures=tuple(preview_path(one, card.name, model.id) for one in shown),
        more_pictures=max(0, len(pictures) - _PICTURES),
        links={
            "Tags": _links("tag", model.tags),
            "Capabilities": _links("capability", model.capabilities),
            "Collections": _links("collection", model.collection_ids),
        },
        sections=sections_of(record),
        events=_events(model, now),
        scopes=tuple(line(scope) for scope in scopes),
        details=model.details is not None,
        record=json_of(record),
        python=(
            ("From the service", _FROM_SERVICE.format(id=_literal(model.id))),
            ("From this copy", _FROM_STORE.format(store=_literal(store), id=_literal(model.id))),
        ),
    )


_FROM_SERVICE = """\
import asyncio

from scenario_async import AsyncScenario


async def main() -> None:
    async with AsyncScenario() as scenario:
        model = await scenario.models.retrieve({id})
        print(model.name, model.inputs)


asyncio.run(main())
"""
_FROM_STORE = """\
import asyncio

from scenario_async.sync import CatalogStore


async def main() -> None:
    async with CatalogStore.open({store}, create=False) as store:
        model = await store.get({id})
        if model is not None:
            print(model.name, model.model().short_description)


asyncio.run(main())
"""


def _literal(text: str) -> str:
    """A text as Python spells it, in ASCII: what is copied is what is seen."""
    return '"' + ascii(text)[1:-1].replace('"', '\\"').replace("\\'", "'") + '"'


def _description(record: str) -> str:
    try:
        return paragraph(_described.decode(record).short_description or "")
    except (msgspec.MsgspecError, RecursionError):
        return ""


def _links(facet: str, values: Sequence[str] | None) -> tuple[Link, ...]:
    return tuple(
        Link(
            label=line(value, _LABEL),
            query=GridState().toggled(facet, value).query() if can_be_in_url(value) else None,
        )
        for value in dict.fromkeys(values or ())
        if value.strip()
    )


def _events(model: StoredModel, now: datetime) -> list[Event]:
    moments = {
        "Deleted": model.deleted_at,
        "Last changed at the service": model.updated_at,
        "First seen by this copy": model.first_seen_at,
        "Created": model.created_at,
    }
    known = [(moment, what) for what, moment in moments.items() if moment is not None]
    return [
        Event(what=what, when=moment.isoformat(timespec="seconds"), age=ago(moment, now))
        for moment, what in sorted(known, key=lambda one: one[0], reverse=True)
    ]
