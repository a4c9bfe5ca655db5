"""What is read of a store, as values: models, runs and counts. No I/O.

Anybody may write into the tables: what does not fit is named, with what can be done about it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from sqlalchemy import Text, case, cast

from scenario_async import Model
from scenario_async._decoding import InvalidRow, RowDecoder
from scenario_async.sync._errors import StoreError
from scenario_async.sync._report import SyncReport
from scenario_async.types._base import Timestamp

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, FromClause

__all__ = [
    "RunRecord",
    "StoreCounts",
    "StoredModel",
    "as_stored",
    "moment_of",
    "part_of_model",
    "read_model",
    "read_stored",
]

StoredT = TypeVar("StoredT", bound=msgspec.Struct)
_COLUMN = re.compile(r" - at `\$\.?(?P<column>\w*)[^`]*`$")


class StoredModel(msgspec.Struct, frozen=True):
    """A model as the store has it.

    Attributes:
        id: The id.
        name: As in the record; so are all up to ``thumbnail_asset_id``.
        type: See ``name``.
        status: See ``name``.
        privacy: See ``name``.
        capabilities: See ``name``.
        tags: See ``name``.
        collection_ids: See ``name``.
        created_at: See ``name``.
        updated_at: See ``name``.
        thumbnail_asset_id: See ``name``.
        deleted_at: When it was deleted, or when a run found that it is gone.
        first_seen_at: When the run began that saw it first.
        record: The row of the listing, as it was sent.
        details: The full record with ``inputs`` and ``uiConfig``, as it was sent, where it was
            fetched since the row last changed.
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
    first_seen_at: Timestamp
    record: str
    details: str | None

    def __repr__(self) -> str:
        # The records have signed URLs.
        return f"<StoredModel {self.id} {self.name!r}>"

    def model(self) -> Model:
        """The typed record: the full one where ``details`` has it.

        Raises:
            APIResponseValidationError: It does not fit the type.
        """
        model = read_model(self.record, self.details)
        if isinstance(model, InvalidRow):
            raise model.error
        return model


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One run, as the table ``runs`` has it.

    Attributes:
        id: Its number.
        started_at: When it began.
        finished_at: When it ended; ``None`` where it is under way, or was killed.
        status: ``"running"``, ``"finished"``, ``"failed"``, or ``"interrupted"`` where it was
            cancelled or killed; the latter shows when the next run with one of its scopes begins.
        scopes: What it was to bring up to date.
        report: What it did; ``None`` where it was killed.
        error: What ended it, where something did.
    """

    id: int
    started_at: Timestamp
    finished_at: Timestamp | None
    status: str
    scopes: list[str]
    report: SyncReport | None
    error: str | None


class StoreCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How much a store has.

    Attributes:
        models: Models that exist.
        deleted: Models that are marked as deleted.
        rejected: Rows that do not fit.
        scopes: Of each scope that was begun, how many of its models exist.
    """

    models: int
    deleted: int
    rejected: int
    scopes: dict[str, int]


_texts = msgspec.json.Decoder(list[str])
_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    **dict.fromkeys(("capabilities", "tags", "collection_ids", "scopes"), _texts),
    "report": msgspec.json.Decoder(SyncReport),
}
_REPAIR_OF_RUN = ("run", "delete its row")
_REPAIR_OF_MODEL = (
    "model",
    (
        "delete its row, or, if the service still has it, set its content_hash to '': "
        "the next full run writes it again"
    ),
)


def as_stored(table: FromClause, kind: type[StoredT]) -> list[ColumnElement[Any]]:
    """The columns for :func:`read_stored`: JSON as text."""
    columns = ((name, _column(table, name)) for name in kind.__struct_fields__)
    # The drivers would take JSON apart by themselves.
    return [cast(column, Text) if name in _DECODERS else column for name, column in columns]


def _column(table: FromClause, name: str) -> ColumnElement[Any]:
    column = table.c[name]
    if name != "details":
        return column
    # Those that were fetched for an older row say what is not true any more.
    return case((table.c.details_hash == table.c.content_hash, column))


def part_of_model(columns: Collection[str]) -> type[msgspec.Struct]:
    """The type of a :class:`StoredModel` that has no more than the id and these columns."""
    fields = msgspec.structs.fields(StoredModel)
    wanted = [(one.name, one.type) for one in fields if one.name == "id" or one.name in columns]
    return msgspec.defstruct(StoredModel.__name__, wanted, frozen=True)


def read_stored(row: Sequence[Any], kind: type[StoredT], store: str) -> StoredT:
    """A row of these columns as a value.

    Of lists, nulls are left out, and what is not a string becomes its JSON.

    Raises:
        StoreError: It cannot be read; names the store, the row and the column.
    """
    values = dict(zip(kind.__struct_fields__, row, strict=True))
    column: str | None = None
    try:
        for column in values.keys() & _DECODERS.keys():
            if values[column] is not None:
                values[column] = _decoded(column, values[column])
        column = None
        return msgspec.convert(values, kind)
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError, RecursionError) as error:
        found = _COLUMN.search(str(error))
        column = column or (found and found["column"])
        noun, repair = _REPAIR_OF_RUN if kind is RunRecord else _REPAIR_OF_MODEL
        # Not chained: an error of a decoder keeps what it was to decode.
        raise StoreError(
            f"{store}: the {noun} {values['id']!r} cannot be read, for its {column}: {repair}"
        ) from None


def read_model(record: str, details: str | None) -> Model | InvalidRow:
    """The typed record, the full one where there is one, or why it does not fit."""
    return RowDecoder(Model).decode((details or record).encode())


def moment_of(stored: object) -> datetime | None:
    """A date as the database has it; ``None`` for anything else."""
    try:
        return msgspec.convert(stored, Timestamp)
    except msgspec.ValidationError:
        return None


def _decoded(column: str, json: str) -> object:
    decoder = _DECODERS[column]
    try:
        return decoder.decode(json)
    except msgspec.ValidationError:
        if decoder is not _texts:
            raise
    parts = msgspec.json.decode(json, type=list[msgspec.Raw])
    return [_as_text(part) for part in parts if bytes(part) != b"null"]


def _as_text(value: msgspec.Raw) -> str:
    data = bytes(value)
    return msgspec.json.decode(data, type=str) if data.startswith(b'"') else data.decode()
