"""From a row as it was sent to a row of the store, and what differs between two. No I/O."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec

from scenario_async._decode import InvalidRow, RowDecoder, invalid_row
from scenario_async.types._base import Timestamp  # noqa: TC001 - msgspec reads it at run time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["ModelRow", "changed_fields", "content_hash", "read_row"]

# A signed URL carries its signature in its query and is another one each time that it is asked for,
# while the same thing lies behind it. Parameters as CloudFront, S3, GCS and Azure name them.
_SIGNATURE = re.compile(rb"[?&](?:[A-Za-z-]*Signature|Policy|Expires|sig)=")
_URL = b'"http'
_HASH_BYTES = 16


class _Thumbnail(msgspec.Struct, rename="camel", gc=False):
    asset_id: str | None = None


class ModelRow(msgspec.Struct, kw_only=True, rename="camel", gc=False):
    """The columns of a model that people filter on, and the record that they were read from."""

    id: str
    name: str | None = None
    type: str | None = None
    status: str | None = None
    privacy: str | None = None
    capabilities: list[str | None] | None = None
    tags: list[str | None] | None = None
    collection_ids: list[str | None] | None = None
    created_at: Timestamp | None = None
    updated_at: Timestamp | None = None
    deleted_at: Timestamp | None = None
    thumbnail: _Thumbnail | None = None
    record: str = ""
    content_hash: str = ""

    @property
    def thumbnail_asset_id(self) -> str | None:
        """The asset that shows the model."""
        return None if self.thumbnail is None else self.thumbnail.asset_id


_decoder = RowDecoder(ModelRow)


def read_row(raw: msgspec.Raw | bytes) -> ModelRow | InvalidRow:
    """The columns of a row with its record and their hash, or why it is none."""
    row = _decoder.decode(raw)
    if isinstance(row, InvalidRow):
        return row
    record = bytes(raw)
    try:
        row.record = record.decode()
    except UnicodeDecodeError as error:
        return invalid_row(record, error)
    row.content_hash = content_hash(record)
    return row


def content_hash(record: bytes) -> str:
    """A hash that is the same as long as nothing of a record changes but signatures in its URLs."""
    hashed = blake2b(digest_size=_HASH_BYTES)
    for part in _unsigned(record):
        hashed.update(part)
    return hashed.hexdigest()


def changed_fields(old: str, new: str) -> tuple[str, ...]:
    """The names on the wire of the fields that differ between two records, sorted.

    Signatures in URLs do not count, nor the order of fields.
    """
    before, after = _fields(old.encode()), _fields(new.encode())
    names = before.keys() | after.keys()
    return tuple(sorted(name for name in names if before.get(name) != after.get(name)))


def _fields(record: bytes) -> Mapping[str, Any]:
    unsigned = b"".join(_unsigned(record))
    fields: Mapping[str, Any] = msgspec.json.decode(unsigned, type=dict[str, Any])
    return fields


def _unsigned(record: bytes) -> Iterator[bytes]:
    """The record without the queries of its signed URLs.

    By searching for what every URL begins with: a regular expression for all of it would take
    longer than everything else that is done with a row.
    """
    begin = 0
    url = record.find(_URL)
    while url >= 0:
        end = record.find(b'"', url + 1)
        query = record.find(b"?", url, end)
        if query >= 0 and _SIGNATURE.search(record, query, end):
            yield record[begin:query]
            begin = end
        url = record.find(_URL, end)
    yield record[begin:]
