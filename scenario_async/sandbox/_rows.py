"""One model of the sandbox: the few facts that are kept, and the record they expand to.

A catalogue of 100,000 models is 450 MB of JSON, so only the facts that filters and sorting need
are kept. Everything else in a record follows from them and from one number, ``Row.content``.
"""

from __future__ import annotations

import random
import struct
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from scenario_async.sandbox import _words

if TYPE_CHECKING:
    from collections.abc import Mapping

Privacy = Literal["public", "private", "unlisted"]
"""Who sees a model: everybody, the project, or whoever has the link."""

Oddity = Literal["", "article", "draft", "unknown-value", "new-field", "nulls"]
"""How a row departs from the published schema; each was seen or announced, see ``odd_fields``."""

PROJECT_ID: Final = "proj_SANDBOX00000000000000000"
USER_ID: Final = "apiu_SANDBOX0000000000000000"

_DAY: Final = 86_400_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ALPHABET: Final = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
_ID_LENGTH: Final = 24
_FEWEST_EXAMPLES: Final = 32
_MOST_EXAMPLES: Final = 130
_SIGNATURE_LENGTH: Final = 344
_POLICY_LENGTH: Final = 200

# Random letters are the bulk of a record. Cut out of one pool they cost a slice instead of a
# generator per row, which is what makes 100,000 records affordable.
_POOL: Final = (
    random.Random(20_261_015)  # noqa: S311 -- invented data, nothing to protect
    .randbytes(1 << 20)
    .translate(bytes(_ALPHABET[value % len(_ALPHABET)] for value in range(256)))
)
_POOL_TEXT: Final = _POOL.decode()
_CUTTERS: Final = tuple(
    struct.Struct(f"{_ID_LENGTH}s" * count) for count in range(_MOST_EXAMPLES + 1)
)
_LAST_CUT: Final = len(_POOL) - _MOST_EXAMPLES * _ID_LENGTH - _SIGNATURE_LENGTH - _POLICY_LENGTH

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
        "userId": USER_ID,
        "authorId": USER_ID,
        "ownerId": PROJECT_ID,
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
        "trainingImagesNumber": 0 if row.type == "custom" else content % 40,
        "trainingImagePairs": (),
        "tags": row.tags,
        "collectionIds": row.collections,
        "exampleAssetIds": _example_asset_ids(content),
        "custom": row.type == "custom",
        "accessRestrictions": _pick(_words.ACCESS_RESTRICTIONS, content >> 5),
    }
    # Most models have a picture; the schema leaves it optional.
    if content & 7:
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


def odd_fields(fields: dict[str, Any], row: Row) -> None:
    """Change ``fields`` into the kind of record that ``row.oddity`` names.

    ``article`` is the shape of the samples in the help article on filtering: other types, a
    ``thumbnailUrl``, neither dates nor status. The others are what a service may do between two
    releases of a client: a value that no list has, a field that no type has, a null.
    """
    if row.oddity == "article":
        for name in ("createdAt", "updatedAt", "status", "thumbnail", "complianceMetadata"):
            fields.pop(name, None)
        fields["thumbnailUrl"] = _signed_url(row)
    elif row.oddity == "unknown-value":
        fields["capabilities"] = ("txt2img", "txt2hologram")
        fields["source"] = "elsewhere"
    elif row.oddity == "new-field":
        fields["lineage"] = {"generation": row.content % 9, "parents": [], "note": "neu · 新"}
        fields["popularity"] = 0.5
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


def letters(content: int, length: int, *, skip: int = 0) -> str:
    """Cut ``length`` random letters out of the pool at the place that ``content`` names."""
    start = (content >> 8) % _LAST_CUT + skip
    return _POOL_TEXT[start : start + length]


def _pick(choices: tuple[Any, ...], number: int) -> Any:  # noqa: ANN401 -- any choice of a table
    return choices[number % len(choices)]


def _description(content: int) -> str:
    opening = _pick(_words.OPENINGS, content >> 7)
    middle = _pick(_words.MIDDLES, content >> 11)
    closing = _pick(_words.CLOSINGS, content >> 15)
    return f"{opening} {middle}. {closing}"


def _example_asset_ids(content: int) -> msgspec.Raw:
    count = _FEWEST_EXAMPLES + (content >> 19) % (_MOST_EXAMPLES - _FEWEST_EXAMPLES + 1)
    pieces = _CUTTERS[count].unpack_from(_POOL, (content >> 8) % _LAST_CUT)
    return msgspec.Raw(b'["asset_' + b'","asset_'.join(pieces) + b'"]')


def _thumbnail(row: Row) -> dict[str, str]:
    return {"assetId": "asset_" + letters(row.content, _ID_LENGTH), "url": _signed_url(row)}


def _signed_url(row: Row) -> str:
    """Give a URL as long as a signed one; a renewed signature changes it and nothing else."""
    behind_ids = _MOST_EXAMPLES * _ID_LENGTH
    policy = letters(row.content, _POLICY_LENGTH, skip=behind_ids)
    signature = letters(row.content, _SIGNATURE_LENGTH, skip=behind_ids + _POLICY_LENGTH)
    turn = row.signature % _SIGNATURE_LENGTH
    return (
        f"https://cdn.sandbox.invalid/assets-transform/asset_{letters(row.content, _ID_LENGTH)}"
        f"?p=100&width=640&Expires={1_792_000_000 + row.signature * 86_400}&Policy={policy}__"
        f"&Key-Pair-Id=KSANDBOX00000&Signature={signature[turn:]}{signature[:turn]}__"
    )


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
