"""All fields of a model in a readable order. No I/O.

They are read of the record as it was sent, so that also those are shown that this release does not
know.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import cast

from ._text import line, paragraph

__all__ = ["Field", "Section", "sections_of"]

_SECTIONS: dict[str, tuple[str, ...]] = {
    "About": (
        "id", "name", "type", "status", "privacy", "source", "custom", "accessRestrictions",
        "createdAt", "updatedAt", "deletedAt", "softDeletionOn",
    ),
    "Sorted by": ("capabilities", "tags", "collectionIds", "class"),
    "Where it comes from": (
        "parentModelId", "concepts", "compliantModelIds", "complianceMetadata", "ownerId",
        "authorId", "userId",
    ),
    "How it is used": (
        "inputs", "uiConfig", "modelKeyword", "promptEmbedding", "negativePromptEmbedding",
        "performanceStats", "disableRefund",
    ),
    "Training": (
        "trainingImagesNumber", "trainingStats", "trainingProgress", "epoch", "epochs",
        "parameters", "jobId", "trainingImages", "trainingImagePairs",
    ),
}  # fmt: skip
_ELSEWHERE = {"exampleAssetIds", "shortDescription"}
_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_LINK = re.compile(r"https?://[^\s?#\"'<>@]+")
_DEEPEST = 5
_MOST = 200
_LABEL = 60
_SHORT = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field, or an element of a list.

    Attributes:
        label: What people read; empty for an element of a list.
        kind: ``"text"``, ``"long"`` for text with line breaks, ``"link"``, ``"list"`` for short
            texts, ``"fields"`` for fields in it.
        text: Of a text or a link.
        parts: Of a list or of fields.
    """

    label: str
    kind: str
    text: str = ""
    parts: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Fields under one title."""

    title: str
    fields: tuple[Field, ...]


def sections_of(record: str) -> list[Section]:
    """The fields of a record that say something; none where it cannot be read."""
    try:
        # Numbers stay as they were sent: some are larger than any number of this machine.
        sent = json.loads(record, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return []
    if not isinstance(sent, dict):
        return []
    sent = cast("dict[str, object]", sent)
    known = {name for names in _SECTIONS.values() for name in names} | _ELSEWHERE
    rest = tuple(name for name in sent if name not in known)
    sections: list[Section] = []
    for title, names in {**_SECTIONS, "Other": rest}.items():
        fields = (_field(label_of(name), sent.get(name)) for name in names)
        shown = tuple(field for field in fields if field is not None)
        if shown:
            sections.append(Section(title=title, fields=shown))
    return sections


def label_of(name: str) -> str:
    """What people read for a name on the wire."""
    words = _WORD.findall(name)
    said = " ".join(word if word.isupper() else word.lower() for word in words)
    said = re.sub(r"\b(id|url|ui)(s?)\b", lambda found: found[1].upper() + found[2], said)
    return line(said[:1].upper() + said[1:] if said else name, _LABEL)


def _field(label: str, value: object, depth: int = 0) -> Field | None:
    """A field, unless it says nothing."""
    if isinstance(value, dict | list):
        return _nested(label, cast("dict[str, object] | list[object]", value), depth)
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return Field(label=label, kind="text", text="yes" if value else "no")
    value = str(value)
    if _LINK.fullmatch(value):
        return Field(label=label, kind="link", text=line(value))
    long = "\n" in value or len(value) > _SHORT
    return Field(label=label, kind="long" if long else "text", text=paragraph(value))


def _nested(label: str, value: dict[str, object] | list[object], depth: int) -> Field | None:
    if depth >= _DEEPEST:
        return Field(label=label, kind="text", text="…") if value else None
    if isinstance(value, dict):
        pairs = [(label_of(name), one) for name, one in list(value.items())[:_MOST]]
    else:
        pairs = [("", one) for one in value[:_MOST]]
    found = (_field(name, one, depth + 1) for name, one in pairs)
    parts = tuple(part for part in found if part is not None)
    if not parts:
        return None
    if len(value) > _MOST:
        parts += (Field(label="", kind="text", text=f"… and {len(value) - _MOST:,} more"),)
    plain = isinstance(value, list) and all(part.kind == "text" for part in parts)
    return Field(label=label, kind="list" if plain else "fields", parts=parts)
