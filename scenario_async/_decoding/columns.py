"""The columns of a row: what people filter on, and what a store and a table have of it. No I/O."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from scenario_async.types._base import Timestamp  # noqa: TC001 - msgspec reads it at run time

__all__ = ["ListedRow", "listed_row", "read_columns"]

_Texts: TypeAlias = list[str | None] | None


class _Thumbnail(msgspec.Struct, rename="camel", gc=False):
    asset_id: str | None = None


class _Columns(msgspec.Struct, rename="camel", gc=False):
    """What is read of a row, with the types that a ``Model`` has: nulls in lists are no reason.

    So a date that one reads the other reads, to the same moment.
    """

    id: str
    name: str | None = None
    type: str | None = None
    status: str | None = None
    privacy: str | None = None
    capabilities: _Texts = None
    tags: _Texts = None
    collection_ids: _Texts = None
    created_at: Timestamp | None = None
    updated_at: Timestamp | None = None
    deleted_at: Timestamp | None = None
    owner_id: object = None
    thumbnail: _Thumbnail | None = None

    @property
    def thumbnail_asset_id(self) -> str | None:
        return None if self.thumbnail is None else self.thumbnail.asset_id


read_columns = msgspec.json.Decoder(_Columns).decode


class ListedRow(msgspec.Struct, gc=False):
    """A row of a listing as a row of a table. Nulls in lists are left out.

    Attributes:
        record: All of it, as it was sent.
    """

    id: str
    name: str | None
    type: str | None
    status: str | None
    privacy: str | None
    capabilities: list[str] | None
    tags: list[str] | None
    collection_ids: list[str] | None
    created_at: Timestamp | None
    updated_at: Timestamp | None
    thumbnail_asset_id: str | None
    deleted_at: Timestamp | None
    record: str


def listed_row(raw: msgspec.Raw | bytes) -> ListedRow:
    """A row on the wire as a row of a table, or an error of ``NOT_DECODED``."""
    columns = read_columns(raw)
    return ListedRow(
        columns.id,
        columns.name,
        columns.type,
        columns.status,
        columns.privacy,
        _texts(columns.capabilities),
        _texts(columns.tags),
        _texts(columns.collection_ids),
        columns.created_at,
        columns.updated_at,
        columns.thumbnail_asset_id,
        columns.deleted_at,
        bytes(raw).decode(),
    )


def _texts(values: _Texts) -> list[str] | None:
    return None if values is None else [one for one in values if one is not None]
