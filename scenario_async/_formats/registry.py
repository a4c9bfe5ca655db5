"""All formats, and what each of them needs. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, cast

from scenario_async._argument_errors import ArgumentError, Parameter
from scenario_async._extras import need

from .csv_rows import CSV
from .json_records import JSONArray, JSONLines
from .parquet import Parquet
from .records import Style

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .records import Records

__all__ = [
    "ENCODED",
    "FORMATS",
    "Encoder",
    "ExportFormat",
    "Format",
    "format_of",
    "new_encoder",
]

ExportFormat: TypeAlias = Literal["json", "jsonl", "csv", "parquet"]
"""What an export is written as; Parquet needs the extra ``scenario-async[export]``."""


class Encoder(Protocol):
    """How models become bytes: batch after batch, then the end."""

    def batch(self, models: Sequence[Any], /) -> bytes:
        """What can be written as soon as these models are known."""
        ...

    def end(self) -> bytes:
        """What is left to write once there are no more models."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format, and which commands have it.

    Attributes:
        name: What it is called; with a dot before it, the suffix of a file.
        about: What is written, in a sentence.
        encoder: Makes what writes it.
        kind: ``"text"`` is for programs, and can be shown on a terminal; ``"binary"`` cannot;
            ``"layout"`` is made for a terminal, and is not the format of a file.
        streamed: Whether models are written as they come, in memory that does not grow.
        whole: Whether all of a record is written.
        needs: The module that it needs besides those of this package, and the extra that has it.
    """

    name: str
    about: str
    encoder: Callable[[Records[Any], Style], Encoder]
    kind: Literal["text", "binary", "layout"] = "text"
    streamed: bool = True
    whole: bool = False
    needs: tuple[str, str] | None = None


def _table(records: Records[Any], style: Style) -> Encoder:
    from .table import Table  # noqa: PLC0415 - rich is there with the command line alone

    return Table(records, style)


FORMATS: dict[str, Format] = {
    one.name: one
    for one in (
        Format(
            name="table",
            about="As many columns as fit the terminal, ids always whole; written when all models "
            "are known. Into a pipe or a file nothing is shortened.",
            encoder=_table,
            kind="layout",
            streamed=False,
            needs=("rich", "cli"),
        ),
        Format(
            name="json",
            about="One array of records. It stays open where a listing fails: a part is no JSON.",
            encoder=JSONArray,
            whole=True,
        ),
        Format(
            name="jsonl",
            about="One record on each line, exactly as the service sent it.",
            encoder=JSONLines,
            whole=True,
        ),
        Format(
            name="csv",
            about="Column names, then a line for each model; times in UTC, lists comma separated.",
            encoder=CSV,
        ),
        Format(
            name="parquet",
            about="The columns of csv with real lists and times, and the records as text. Needs: "
            "pip install 'scenario-async[export]'",
            encoder=Parquet,
            kind="binary",
            whole=True,
            needs=("pyarrow", "export"),
        ),
    )
}
"""Each by its name. One that is added here is an option of each command that can have it."""

ENCODED = tuple(name for name, one in FORMATS.items() if one.kind != "layout")
"""The formats of files."""


def new_encoder(name: str, records: Records[Any], style: Style | None = None) -> Encoder:
    """What writes a format, at the beginning of a file.

    Raises:
        ValueError: The style is for another format.
        MissingExtraError: The format needs a module that is not installed.
    """
    style = style or Style()
    if style.csv_safe and name != "csv":
        raise ArgumentError(Parameter("csv_safe"), f" is for CSV, and has no meaning for {name!r}")
    format_ = FORMATS[name]
    if format_.needs is not None:
        module, extra = format_.needs
        need(name, module, extra=extra)
    return format_.encoder(records, style)


def format_of(path: str | Path, chosen: str | None = None) -> ExportFormat:
    """The format of a file: the one that is chosen, or that the suffix of its path names.

    Raises:
        ValueError: There is none of that name.
    """
    name = Path(path).suffix.lower().removeprefix(".") if chosen is None else chosen
    if name in ENCODED:
        return cast("ExportFormat", name)
    if chosen is None:
        suffixes = ", ".join(f".{one}" for one in ENCODED)
        raise ValueError(
            f"{str(path)!r} ends in none of {suffixes}: rename it, or say which format it is"
        )
    raise ValueError(f"there is no format {name!r}; there are {', '.join(ENCODED)}")
