"""What a format is given: records of one kind, and how their file is to be laid out. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenario_async.types import Model

__all__ = ["MODELS", "Records", "Style"]

RecordT = TypeVar("RecordT")


@dataclass(frozen=True, slots=True)
class Records(Generic[RecordT]):
    """What there is to write of records of one kind.

    Attributes:
        columns: The attributes that people filter on, in the order of their columns.
        record: Returns all of a record, as JSON.
        texts: The attributes with all of it as text, for formats that write that in columns.
    """

    columns: tuple[str, ...]
    record: Callable[[RecordT], bytes]
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """What a format leaves open. Each attribute is for one of them, and ignored by the others.

    Attributes:
        csv_safe: Write an apostrophe before text that a spreadsheet would take for a formula.
        indented: Indent JSON, in place of the line and the bytes that each record came with.
        alone: Write a single record of JSON, and no array around it.
        width: Of the terminal that a table is for; ``None`` where nothing is to be shortened.
    """

    csv_safe: bool = False
    indented: bool = False
    alone: bool = False
    width: int | None = None


MODELS: Records[Model] = Records(
    (
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
    ),
    attrgetter("raw"),
)
"""Models as the service lists them."""
