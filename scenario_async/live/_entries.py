"""One model of a snapshot, and what it is found by. No I/O."""

from __future__ import annotations

from hashlib import blake2b
from sys import intern
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar

import msgspec

from scenario_async import Model
from scenario_async._decoding import InvalidRow, RowDecoder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from scenario_async.sync import StoredModel

__all__ = ["Entry", "Facet", "SortKey", "entry_of", "facets_of", "kept", "sort_value"]

ModelT = TypeVar("ModelT")
Facet: TypeAlias = Literal["type", "status", "privacy", "tags", "capabilities", "collection"]
"""What the models of a snapshot are counted by."""

SortKey: TypeAlias = Literal["id", "name", "created_at", "updated_at"]
_DIGEST = 16


class Entry(msgspec.Struct, Generic[ModelT], frozen=True, gc=False):
    """A model with the columns of the store that it is found by, whatever type it has itself.

    Attributes:
        id: Its id.
        content_hash: The same as long as the record is, signatures of URLs aside.
        model: What users get.
        name: As in the record; so are all that follow.
        text: The name, the tags and the description, each on a line, without case.
    """

    id: str
    content_hash: str
    model: ModelT
    name: str | None
    type: str | None
    status: str | None
    privacy: str | None
    tags: tuple[str, ...]
    capabilities: tuple[str, ...]
    collections: tuple[str, ...]
    created_at: datetime | None
    updated_at: datetime | None
    text: str

    @property
    def digest(self) -> int:
        """A number of 128 bits that stands for the id and the contents together."""
        both = f"{self.id}\0{self.content_hash}".encode()
        return int.from_bytes(blake2b(both, digest_size=_DIGEST).digest())


class _Described(msgspec.Struct, rename="camel", gc=False):
    short_description: str | None = None


_description = msgspec.json.Decoder(_Described)


def entry_of(
    stored: StoredModel, content_hash: str, decoder: RowDecoder[ModelT]
) -> Entry[ModelT] | InvalidRow:
    """A row of the store as an entry, or why its record does not fit the type.

    A :class:`Model` comes without its ``raw``, which would be three times as large as itself.
    """
    raw = stored.record.encode()
    model = decoder.decode(raw)
    if isinstance(model, InvalidRow):
        return model
    if isinstance(model, Model):
        model = msgspec.structs.replace(model)
    return Entry(
        id=stored.id,
        content_hash=content_hash,
        model=model,
        name=stored.name,
        type=_shared(stored.type),
        status=_shared(stored.status),
        privacy=_shared(stored.privacy),
        tags=_all_shared(stored.tags),
        capabilities=_all_shared(stored.capabilities),
        collections=_all_shared(stored.collection_ids),
        created_at=stored.created_at,
        updated_at=stored.updated_at,
        text="\n".join((stored.name or "", *(stored.tags or ()), _described(raw))).casefold(),
    )


def kept(entry: Entry[ModelT]) -> Entry[ModelT]:
    """The same entry for as long as it is kept, with a model that the collector passes over.

    CPython's garbage collector visits each :class:`Model` with fields that it visits, and looks for
    that only when the model is made. The tuples in them are new when they are decoded, and are
    passed over from its first pass on, which is a few hundred models later.
    """
    if not isinstance(entry.model, Model):
        return entry
    return msgspec.structs.replace(entry, model=msgspec.structs.replace(entry.model))


def facets_of(entry: Entry[Any]) -> Iterator[tuple[Facet, str]]:
    """The values that an entry is counted and found by, each once."""
    single: tuple[tuple[Facet, str | None], ...] = (
        ("type", entry.type),
        ("status", entry.status),
        ("privacy", entry.privacy),
    )
    several: tuple[tuple[Facet, tuple[str, ...]], ...] = (
        ("tags", entry.tags),
        ("capabilities", entry.capabilities),
        ("collection", entry.collections),
    )
    for facet, value in single:
        if value is not None:
            yield facet, value
    for facet, values in several:
        for value in values:
            yield facet, value


def sort_value(entry: Entry[Any], key: SortKey) -> Any:  # noqa: ANN401 - str or datetime, alike for one key
    """What an entry is sorted by, ``None`` where it has no such value. Names are without case."""
    value: Any = getattr(entry, key)
    return value.casefold() if key == "name" and value is not None else value


def _described(raw: bytes) -> str:
    try:
        return _description.decode(raw).short_description or ""
    except msgspec.DecodeError:
        return ""  # it is not a string, which a type of the caller's own need not mind


def _shared(value: str | None) -> str | None:
    # Thousands of models have one of a few values.
    return None if value is None else intern(value)


def _all_shared(values: list[str] | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(intern, values or ())))
