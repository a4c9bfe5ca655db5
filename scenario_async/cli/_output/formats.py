"""From models to bytes, one small class for each format. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from scenario_async._csv_rows import csv_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenario_async import Model

__all__ = ["CSV", "CSV_COLUMNS", "Format", "JSONArray", "JSONLines", "JSONRecord"]

CSV_COLUMNS = (
    "id",
    "name",
    "type",
    "status",
    "privacy",
    "created_at",
    "updated_at",
    "deleted_at",
    "tags",
    "collection_ids",
    "capabilities",
    "source",
    "custom",
    "parent_model_id",
    "author_id",
    "owner_id",
    "training_images_number",
    "short_description",
)
"""Fields of a model. Times are UTC; lists are comma separated, as the filters take them."""


class Format(Protocol):
    """How models are written: page after page, then the end."""

    def page(self, models: Sequence[Model]) -> bytes:
        """What can be written as soon as these models are known."""
        ...

    def end(self) -> bytes:
        """What is left to write once there are no more models."""
        ...


class JSONLines:
    """One record on each line, byte for byte as the service sent it."""

    def page(self, models: Sequence[Model]) -> bytes:
        """The lines of these models."""
        return b"".join(_on_one_line(model.raw) + b"\n" for model in models)

    def end(self) -> bytes:
        """Nothing."""
        return b""


class JSONArray:
    """One array of all records. It is closed by ``end`` alone: a part is no valid JSON.

    Args:
        pretty: Indent the records, instead of giving each the line and bytes it came with.
    """

    def __init__(self, *, pretty: bool = False) -> None:
        self._pretty = pretty
        self._begun = False

    def page(self, models: Sequence[Model]) -> bytes:
        """These records, after those before."""
        return b"".join(self._separator() + self._record(model.raw) for model in models)

    def end(self) -> bytes:
        """The end of the array."""
        return b"\n]\n" if self._begun else b"[]\n"

    def _separator(self) -> bytes:
        if self._begun:
            return b",\n"
        self._begun = True
        return b"[\n"

    def _record(self, raw: bytes) -> bytes:
        if not self._pretty:
            return _on_one_line(raw)
        # JSON has no line break inside a text, so each one begins a line.
        return b"  " + _indented(raw).replace(b"\n", b"\n  ")


class JSONRecord:
    """Records by themselves, indented."""

    def page(self, models: Sequence[Model]) -> bytes:
        """These records."""
        return b"".join(_indented(model.raw) + b"\n" for model in models)

    def end(self) -> bytes:
        """Nothing."""
        return b""


class CSV:
    """A line of column names, then a line for each model, with the fields of ``CSV_COLUMNS``.

    Args:
        safe: Keep spreadsheets from taking text for formulas.
    """

    def __init__(self, *, safe: bool = False) -> None:
        self._safe = safe
        self._header = csv_row(CSV_COLUMNS)

    def page(self, models: Sequence[Model]) -> bytes:
        """The lines of these models."""
        rows = ((getattr(model, name) for name in CSV_COLUMNS) for model in models)
        return self.end() + "".join([csv_row(row, safe=self._safe) for row in rows]).encode()

    def end(self) -> bytes:
        """The column names, unless they were written."""
        header, self._header = self._header, ""
        return header.encode()


def _on_one_line(raw: bytes) -> bytes:
    # Only a service that indents its answers needs this; space inside texts and numbers stay.
    return msgspec.json.format(raw, indent=-1) if b"\n" in raw or b"\r" in raw else raw


def _indented(raw: bytes) -> bytes:
    return msgspec.json.format(raw, indent=2)
