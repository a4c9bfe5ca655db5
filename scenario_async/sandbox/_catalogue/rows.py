"""One model of the sandbox: the few facts that are kept, and the record they expand to.

A catalogue of 100,000 models is 450 MB of JSON, so only the facts that filters and sorting need
are kept. Everything else in a record follows from them and from one number, ``Row.content``.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - msgspec looks for it where it shows a signature
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, Literal

import msgspec

from . import words as _words
from .letters import asset_id, example_ids
from .signed_urls import signed_url

Privacy = Literal["public", "private", "unlisted"]
"""Who sees a model: everybody, the project, or whoever has the link."""

Oddity = Literal["", "article", "draft", "unknown-value", "new-field", "nulls", "restricted"]
"""How a row departs from the published schema; each was seen or announced, see ``odd_fields``."""

PROJECT_ID: Final = "proj_SANDBOX00000000000000000"
"""Who owns the private models of a catalogue that is not told otherwise."""

SERVICE_ID: Final = "proj_SANDBOXSERVICE0000000000"
"""Who owns public models."""

_DAY: Final = 86_400_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_encoder: Final = msgspec.json.Encoder()


class Row(msgspec.Struct, frozen=True, gc=False):
    """What the sandbox keeps of one model.

    Attributes:
        id: The model id.
        name: The name, as listed.
        privacy: Who sees the model.
        type: The model type, as listed.
        status: The model status, as listed.
        created: Creation time in milliseconds since 1970.
        updated: Time of the last update in milliseconds since 1970.
        deleted: Deletion time in milliseconds since 1970, ``None`` while the model exists.
        score: What listings by score are sorted by. Never part of a record.
        tags: The tags.
        collections: Ids of the collections that the model is in.
        loaded: Whether ``loadedOnly`` listings give the model.
        content: The number from which the rest of the record is made.
        oddity: How the record departs from the published schema.
        signature: Counts renewals of the signed URLs.
        fields: Fields that replace or extend those of the record.
        owner: The project that the model belongs to.
    """

    id: str
    name: str
    privacy: Privacy
    type: str
    status: str
    created: int
    updated: int
    deleted: int | None = None
    score: int = 0
    tags: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    loaded: bool = False
    content: int = 0
    oddity: Oddity = ""
    signature: int = 0
    fields: Mapping[str, Any] | None = None
    owner: str = PROJECT_ID

    @property
    def author(self) -> str:
        """Who made it: each project has one user here."""
        return "apiu_" + self.owner.removeprefix("proj_")


def encode_row(row: Row) -> bytes:
    """Give the record of ``row`` as listings carry it: compact JSON in UTF-8."""
    return _encoder.encode(record(row))


def encode_summary(row: Row) -> bytes:
    """Give the record that get-bulk answers with when asked for ``minimal`` ones."""
    return _encoder.encode({"id": row.id, "name": row.name, "type": row.type})


def record(row: Row) -> dict[str, Any]:
    """Give the record of ``row``; long lists in it are JSON already (``msgspec.Raw``)."""
    content = row.content
    fields: dict[str, Any] = {
        "id": row.id,
        "userId": row.author,
        "authorId": row.author,
        "ownerId": row.owner,
        "createdAt": iso(row.created),
        "updatedAt": iso(row.updated),
        "name": row.name,
        "shortDescription": _description(content),
        "type": row.type,
        "privacy": row.privacy,
        "capabilities": _pick(_words.CAPABILITIES, content >> 3),
        "source": "other" if row.privacy == "public" else "scenario",
        "status": row.status,
        "trainingProgress": {},
        "parameters": {},
        "trainingImagesNumber": training_images_number(row),
        "trainingImagePairs": (),
        "tags": row.tags,
        "collectionIds": row.collections,
        "exampleAssetIds": msgspec.Raw(example_ids(content)),
        "custom": row.type == "custom",
        "accessRestrictions": _pick(_words.ACCESS_RESTRICTIONS, content >> 5),
    }
    if _has_thumbnail(row):
        fields["thumbnail"] = _thumbnail(row)
    if row.privacy == "public":
        fields["complianceMetadata"] = _compliance(content)
    if row.deleted is not None:
        fields["deletedAt"] = iso(row.deleted)
    if row.oddity:
        odd_fields(fields, row)
    if row.fields:
        fields.update(row.fields)
    return fields


def training_images_number(row: Row) -> int:
    """Return how many pictures a model was trained with."""
    return 0 if row.type == "custom" else row.content % 40


def odd_fields(fields: dict[str, Any], row: Row) -> None:
    """Change ``fields`` into the kind of record that ``row.oddity`` names.

    ``article`` is the shape of the samples in the help article on filtering: other types, a
    ``thumbnailUrl``, neither dates nor status. The others are what a service may do between two
    releases of a client: a value that no list has, a field that no type has, a null.
    """
    if row.oddity == "article":
        for name in ("createdAt", "updatedAt", "status", "thumbnail", "complianceMetadata"):
            fields.pop(name, None)
        fields["thumbnailUrl"] = _thumbnail(row)["url"]
    elif row.oddity == "unknown-value":
        fields["capabilities"] = ("txt2img", "txt2hologram")
        fields["source"] = "elsewhere"
    elif row.oddity == "new-field":
        fields["lineage"] = {"generation": row.content % 9, "parents": [], "note": "neu · 新"}
        fields["popularity"] = 0.5
    elif row.oddity == "restricted":
        fields["accessRestrictions"] = 1
    elif row.oddity == "nulls":
        for name in ("shortDescription", "thumbnail", "parameters", "trainingProgress"):
            fields[name] = None
        fields["collectionIds" if row.privacy == "public" else "accessRestrictions"] = None


def iso(milliseconds: int) -> str:
    """Write a time as the service does: ISO 8601 in UTC with milliseconds and ``Z``."""
    day, rest = divmod(milliseconds, _DAY)
    seconds, thousandths = divmod(rest, 1000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{_date(day)}T{hour:02}:{minute:02}:{second:02}.{thousandths:03}Z"


def milliseconds_of(moment: datetime) -> int:
    """Give an aware datetime in whole milliseconds since 1970, finer parts cut off.

    Raises:
        ValueError: ``moment`` has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone: give an aware datetime, such as one in UTC")
    return (moment - _EPOCH) // timedelta(milliseconds=1)


@lru_cache(maxsize=4096)
def _date(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).date().isoformat()


def _pick(choices: tuple[Any, ...], number: int) -> Any:  # noqa: ANN401 -- any choice of a table
    return choices[number % len(choices)]


def _description(content: int) -> str:
    opening = _pick(_words.OPENINGS, content >> 7)
    middle = _pick(_words.MIDDLES, content >> 11)
    closing = _pick(_words.CLOSINGS, content >> 15)
    return f"{opening} {middle}. {closing}"


def _has_thumbnail(row: Row) -> bool:
    """Three of four public models have none (measured); one of eight others, which is a choice."""
    if row.privacy == "public":
        return row.content & 3 == 0
    return row.content & 7 != 0


def _thumbnail(row: Row) -> dict[str, str]:
    """Return the first example asset at the size of a thumbnail."""
    first = asset_id(row.content)
    url = signed_url(first, row.content, renewals=row.signature, size="p=100&width=640")
    return {"assetId": first, "url": url}


def _compliance(content: int) -> dict[str, str]:
    maker = _pick(_words.MAKERS, content >> 23)
    return {
        "enterpriseStatus": "Ready",
        "licenseTerms": f"https://terms.sandbox.invalid/{maker.replace(' ', '-').lower()}/licence",
        "modelProvider": maker,
        "subProcessor": "Provider",
        "dataProcessingComment": "temporaryRetention",
        "maintainer": "Sandbox",
    }
