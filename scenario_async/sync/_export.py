"""A store written out as one file: Parquet, CSV, JSON lines or a JSON array."""

from __future__ import annotations

import csv
import io
import os
import secrets
import shutil
from contextlib import aclosing, contextmanager, suppress
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, cast, get_args

import anyio.to_thread
import msgspec

from scenario_async import ScenarioError
from scenario_async._query import wire_time

from ._store import StoredModel

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Sequence
    from types import TracebackType
    from typing import Self

    from ._store import CatalogStore

__all__ = ["COLUMNS", "ExportError", "ExportFormat", "encoded", "export", "format_of"]

ExportFormat: TypeAlias = Literal["parquet", "csv", "jsonl", "json"]

_RECORDS = ("record", "details")
COLUMNS = tuple(name for name in StoredModel.__struct_fields__ if name not in _RECORDS)
"""The columns that people filter on: all of CSV, and of Parquet all but the records."""

# What is in memory at once, whatever the store has.
_BATCH_BYTES = 8 * 1024 * 1024
_BATCH_MODELS = 10_000


class ExportError(ScenarioError):
    """The file cannot be written. What was there before is untouched."""


async def export(
    store: CatalogStore,
    path: str | Path,
    *,
    format: ExportFormat | None = None,  # noqa: A002 - the name that everybody knows
    scope: str | None = None,
    type: str | None = None,  # noqa: A002 - the API's name
    status: str | None = None,
    privacy: str | None = None,
    tags: Sequence[str] = (),
    collection: str | None = None,
    deleted: bool | None = False,
) -> int:
    """Write models of a store to a file, by their ids.

    The file is written beside its place and moved there once it is whole: whatever fails, an older
    one stays as it is. Memory does not grow with the store.

    Args:
        store: An open store.
        path: Which file.
        format: ``"jsonl"`` and ``"json"`` have the records as they were sent, with their details
            where the store has them. ``"csv"`` has the columns of :class:`StoredModel` without
            the records, with lists comma separated. ``"parquet"`` has lists, times in UTC, and the
            records as text; it needs the extra ``scenario-async[export]``. ``None`` takes the
            format that the suffix of the path names.
        scope: As for :meth:`CatalogStore.models`, and so are all that follow.
        type: See ``scope``.
        status: See ``scope``.
        privacy: See ``scope``.
        tags: See ``scope``.
        collection: See ``scope``.
        deleted: See ``scope``.

    Returns:
        How many models were written.

    Raises:
        ValueError: There is no such format, or the suffix names none.
        ModuleNotFoundError: Parquet needs pyarrow.
        ExportError: The file cannot be written.
        StoreError: The database failed.
    """
    chosen = format_of(path) if format is None else format
    models = store.models(
        scope=scope,
        type=type,
        status=status,
        privacy=privacy,
        tags=tags,
        collection=collection,
        deleted=deleted,
    )
    count = 0
    async with aclosing(encoded(models, chosen)) as parts, _Replacement(Path(path)) as file:
        async for number, data in parts:
            count += number
            await file.write(data)
    return count


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


async def encoded(
    models: AsyncGenerator[StoredModel, None], format_: ExportFormat
) -> AsyncGenerator[tuple[int, bytes], None]:
    """How many more models are written with how many more bytes of a file, up to its end.

    Raises:
        ValueError: There is no such format.
        ModuleNotFoundError: Parquet needs pyarrow.
        StoreError: The database failed.
    """
    encoder = _encoder(format_)
    async with aclosing(_batches(models)) as batches:
        async for batch in batches:
            # In a thread: a batch takes a tenth of a second.
            yield len(batch), await anyio.to_thread.run_sync(encoder.batch, batch)
    yield 0, await anyio.to_thread.run_sync(encoder.end)


async def _batches(
    models: AsyncGenerator[StoredModel, None],
) -> AsyncGenerator[Sequence[StoredModel], None]:
    batch: list[StoredModel] = []
    size = 0
    async with aclosing(models):
        async for model in models:
            batch.append(model)
            size += len(model.record) + len(model.details or "")
            if size >= _BATCH_BYTES or len(batch) >= _BATCH_MODELS:
                yield batch
                batch, size = [], 0
    if batch:
        yield batch


class _Encoder(Protocol):
    """How models become bytes: batch after batch, then the end."""

    def batch(self, models: Sequence[StoredModel]) -> bytes: ...

    def end(self) -> bytes: ...


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
    def __init__(self) -> None:
        self._text = io.StringIO(newline="")
        self._rows = csv.writer(self._text, lineterminator="\n")
        self._rows.writerow(COLUMNS)

    def batch(self, models: Sequence[StoredModel]) -> bytes:
        self._rows.writerows([_text(getattr(model, name)) for name in COLUMNS] for model in models)
        return _taken(self._text).encode()

    def end(self) -> bytes:
        return _taken(self._text).encode()


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


_ENCODERS: dict[str, type[_Encoder]] = {
    "parquet": _Parquet,
    "csv": _CSV,
    "jsonl": _JSONLines,
    "json": _JSONArray,
}


def _encoder(format_: str) -> _Encoder:
    made = _ENCODERS.get(format_)
    if made is None:
        raise ValueError(f"there is no format {format_!r}; there are {_known()}")
    return made()


def _known(before: str = "") -> str:
    return ", ".join(f"{before}{one}" for one in _ENCODERS)


def _record(model: StoredModel) -> bytes:
    record = (model.details or model.record).encode()
    # Only a service that indents its answers needs this; space inside texts and numbers stay.
    if b"\n" in record or b"\r" in record:
        return msgspec.json.format(record, indent=-1)
    return record


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return wire_time(value.astimezone(UTC))
    if isinstance(value, list):
        return ",".join(map(str, cast("list[object]", value)))
    return str(value)


def _taken(text: io.StringIO) -> str:
    data = text.getvalue()
    text.seek(0)
    text.truncate()
    return data


class _Replacement:
    """A file that takes its place when it is whole."""

    def __init__(self, path: Path) -> None:
        self._named = path
        self._path = path
        self._part = path
        self._file: io.BufferedWriter | None = None

    async def __aenter__(self) -> Self:
        # A few system calls, and no thread in which a cancellation could lose the file.
        with self._failures():
            self._open()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exc is None:
            with self._failures():
                await anyio.to_thread.run_sync(self._finish)
        else:
            self._discard()

    async def write(self, data: bytes) -> None:
        """Append to what is not in its place yet."""
        with self._failures():
            await anyio.to_thread.run_sync(self._write, data)

    @contextmanager
    def _failures(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            self._discard()
            reason = error.strerror or error
            raise ExportError(f"cannot write {str(self._named)!r}: {reason}") from error
        except BaseException:
            self._discard()
            raise

    def _open(self) -> None:
        # A link stays one, and what is no file, as a device, is not replaced by one.
        self._path = Path(os.path.realpath(self._named))
        if self._path.exists() and not self._path.is_file():
            raise OSError(0, "it is no file")
        self._part = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}.part")
        self._file = self._part.open("xb")
        with suppress(FileNotFoundError):
            shutil.copymode(self._path, self._part)

    def _write(self, data: bytes) -> None:
        assert self._file is not None  # noqa: S101 - for the type checker: it was opened
        self._file.write(data)

    def _finish(self) -> None:
        assert self._file is not None  # noqa: S101 - as above
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.replace(self._path)

    def _discard(self) -> None:
        if self._file is None:
            return
        with suppress(OSError):
            self._file.close()
        self._part.unlink(missing_ok=True)
