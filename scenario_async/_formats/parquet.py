"""Parquet: the columns with real lists and times, and the records as text. No I/O."""

from __future__ import annotations

import io
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .arrow import ArrowColumns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .records import Records, Style

__all__ = ["Parquet"]


class Parquet:
    """A row group for each batch; what the writer has ready is taken from it after each one."""

    def __init__(self, records: Records[Any], _: Style) -> None:
        self._columns = ArrowColumns((*records.columns, *records.texts))
        # Only here: it takes long to import, and has no types.
        parquet: Any = import_module("pyarrow.parquet")
        self._file = _Appended()
        self._writer: Any = parquet.ParquetWriter(
            self._file, self._columns.schema, compression="zstd"
        )

    def batch(self, models: Sequence[Any]) -> bytes:
        """The bytes that are ready with these models."""
        self._writer.write_batch(self._columns.batch(models))
        return self._file.taken()

    def end(self) -> bytes:
        """The rest, with the index of the file."""
        self._writer.close()
        return self._file.taken()


class _Appended(io.RawIOBase):
    """A file that is only ever appended to, and hands over what it has."""

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
