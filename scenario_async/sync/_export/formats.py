"""The formats that a store can be written in: from models to bytes. No I/O."""

from __future__ import annotations

import io
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, cast, get_args

import msgspec

from scenario_async._csv_rows import csv_row
from scenario_async.sync._store import StoredModel

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["COLUMNS", "Encoder", "ExportFormat", "encoder_of", "format_of"]

ExportFormat: TypeAlias = Literal["parquet", "csv", "jsonl", "json"]
"""What an export is written as; Parquet needs the extra ``scenario-async[export]``."""

_RECORDS = ("record", "details")
COLUMNS = tuple(name for name in StoredModel.__struct_fields__ if name not in _RECORDS)
"""The columns that people filter on: all of CSV, and of Parquet all but the records."""


def format_of(path: str | Path) -> ExportFormat:
    """The format that the suffix of a path names.

    Raises:
        ValueError: It names none.
    """
    suffix = Path(path).suffix
    for one in get_args(ExportFormat):
        if suffix.lower() == f".{one}":
            return cast("ExportFormat", one)
    raise ValueError(
        f"{str(path)!r} ends in none of {_known('.')}: rename it, or say which format it is"
    )


class Encoder(Protocol):
    """How models become bytes: batch after batch, then the end."""

    def batch(self, models: Sequence[StoredModel]) -> bytes:
        """The next bytes of the file."""
        ...

    def end(self) -> bytes:
        """The last bytes of the file."""
        ...


class _JSONLines:
    def batch(self, models: Sequence[StoredModel]) -> bytes:
        return b"".join(_record(model) + b"\n" for model in models)

    def end(self) -> bytes:
        return b""


class _JSONArray:
    def __init__(self) -> None:
        self._separator = b"[\n"

    def batch(self, models: Sequence[StoredModel]) -> bytes:
        data = self._separator + b",\n".join(map(_record, models))
        self._separator = b",\n"
        return data

    def end(self) -> bytes:
        return b"[]\n" if self._separator == b"[\n" else b"\n]\n"


class _CSV:
    def __init__(self, *, safe: bool = False) -> None:
        self._safe = safe
        self._header = csv_row(COLUMNS)

    def batch(self, models: Sequence[StoredModel]) -> bytes:
        rows = ((getattr(model, name) for name in COLUMNS) for model in models)
        return self.end() + "".join([csv_row(row, safe=self._safe) for row in rows]).encode()

    def end(self) -> bytes:
        header, self._header = self._header, ""
        return header.encode()


class _Parquet:
    """A row group for each batch; what the writer has ready is taken from it after each one."""

    def __init__(self) -> None:
        try:
            arrow: Any = import_module("pyarrow")
            parquet: Any = import_module("pyarrow.parquet")
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "Parquet needs pyarrow: pip install 'scenario-async[export]'", name="pyarrow"
            ) from error
        texts = arrow.list_(arrow.string())
        moment = arrow.timestamp("ms", tz="UTC")
        types = {
            **dict.fromkeys(("capabilities", "tags", "collection_ids"), texts),
            **dict.fromkeys(("created_at", "updated_at", "deleted_at", "first_seen_at"), moment),
        }
        self._schema: Any = arrow.schema(
            arrow.field(
                name,
                types.get(name, arrow.string()),
                nullable=name not in ("id", "first_seen_at", "record"),
            )
            for name in (*COLUMNS, *_RECORDS)
        )
        self._record_batch: Any = arrow.record_batch
        self._array: Any = arrow.array
        self._file = _Appended()
        self._writer: Any = parquet.ParquetWriter(self._file, self._schema, compression="zstd")

    def batch(self, models: Sequence[StoredModel]) -> bytes:
        columns = [
            self._array([getattr(model, field.name) for model in models], field.type)
            for field in self._schema
        ]
        self._writer.write_batch(self._record_batch(columns, schema=self._schema))
        return self._file.taken()

    def end(self) -> bytes:
        self._writer.close()
        return self._file.taken()


class _Appended(io.RawIOBase):
    """A file that is only ever appended to, and gives away what it has."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._length = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:  # noqa: ANN401 - anything with a buffer
        part = bytes(data)
        self._parts.append(part)
        self._length += len(part)
        return len(part)

    def tell(self) -> int:
        return self._length

    def taken(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        return data


_ENCODERS: dict[str, type[Encoder]] = {
    "parquet": _Parquet,
    "csv": _CSV,
    "jsonl": _JSONLines,
    "json": _JSONArray,
}


def encoder_of(format_: str, *, csv_safe: bool = False) -> Encoder:
    """What writes this format.

    Raises:
        ValueError: There is no such format, or only CSV could be safe.
        ModuleNotFoundError: Parquet needs pyarrow.
    """
    made = _ENCODERS.get(format_)
    if made is None:
        raise ValueError(f"there is no format {format_!r}; there are {_known()}")
    if csv_safe:
        if made is not _CSV:
            raise ValueError(f"csv_safe is for CSV, and has no meaning for {format_!r}")
        return _CSV(safe=True)
    return made()


def _known(before: str = "") -> str:
    return ", ".join(f"{before}{one}" for one in _ENCODERS)


def _record(model: StoredModel) -> bytes:
    record = (model.details or model.record).encode()
    # Only a service that indents its answers needs this; space inside texts and numbers stay.
    if b"\n" in record or b"\r" in record:
        return msgspec.json.format(record, indent=-1)
    return record
