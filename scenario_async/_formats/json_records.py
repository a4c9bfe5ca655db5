"""JSON: records as they were sent, one on each line or in an array. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .records import Records, Style

__all__ = ["JSONArray", "JSONLines"]


class JSONLines:
    """One record on each line, byte for byte as the service sent it."""

    def __init__(self, records: Records[Any], _: Style) -> None:
        self._record = records.record

    def batch(self, models: Sequence[Any]) -> bytes:
        """The lines of these models."""
        return b"".join(_on_one_line(self._record(model)) + b"\n" for model in models)

    def end(self) -> bytes:
        """Nothing."""
        return b""


class JSONArray:
    """One array of all records, which :meth:`end` closes: a part is not valid JSON."""

    def __init__(self, records: Records[Any], style: Style) -> None:
        self._record = records.record
        self._style = style
        self._before, self._after = (b"", b"\n") if style.alone else (b"[\n", b"\n]\n")

    def batch(self, models: Sequence[Any]) -> bytes:
        """These records, after those before."""
        if not models:
            return b""
        data = self._before + b",\n".join([self._written(self._record(one)) for one in models])
        self._before = b",\n"
        return data

    def end(self) -> bytes:
        """The end of the array."""
        return b"[]\n" if self._before == b"[\n" else self._after

    def _written(self, record: bytes) -> bytes:
        if not self._style.indented:
            return _on_one_line(record)
        indented = msgspec.json.format(record, indent=2)
        # JSON escapes line breaks in strings, so that each one here begins a line.
        return indented if self._style.alone else b"  " + indented.replace(b"\n", b"\n  ")


def _on_one_line(record: bytes) -> bytes:
    # Only a service that indents its answers needs this; space inside texts and numbers stay.
    if b"\n" in record or b"\r" in record:
        return msgspec.json.format(record, indent=-1)
    return record
