"""A page with what it proves, and what of it has to be written. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from ._rows import changed_fields

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Mapping, Sequence
    from datetime import datetime

    from scenario_async import InvalidRow

    from ._rows import ModelRow
    from ._state import ScopeState

__all__ = ["Comparison", "Coverage", "Known", "ScopePage", "compare", "without_same"]


@dataclass(frozen=True, slots=True)
class Coverage:
    """Part of a scope that was listed whole: its members that were not listed are missing.

    Attributes:
        after: The first creation date of the part; ``None`` for the beginning.
        before: The first creation date behind it; ``None`` for the end.
        seen: The ids that were listed.
        dated: Whether it is about models with a creation date; otherwise about those without.
    """

    after: datetime | None
    before: datetime | None
    seen: Collection[str]
    dated: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopePage:
    """Some models as the service lists them, and what that proves.

    Attributes:
        rows: The models.
        invalid: Rows that do not fit.
        joins: Whether they are in the scope; records read by id may have left it.
        fresh: Whether none of them was listed before in this run, by any scope.
        coverage: Of what part of the scope these are all models.
        state: How far the copy is with them.
    """

    rows: Sequence[ModelRow]
    invalid: Sequence[InvalidRow] = field(default=())
    joins: bool = True
    fresh: bool = False
    coverage: Coverage | None = None
    state: ScopeState | None = None


class Known(NamedTuple):
    """What the store has of a model.

    Attributes:
        content_hash: Of its record.
        deleted: Whether it counts as deleted.
        member: Whether it was seen in the scope.
        missing: Whether the walk under way did not find it where it was.
    """

    content_hash: str
    deleted: bool
    member: bool
    missing: bool


@dataclass(slots=True)
class Comparison:
    """What has to be written of a page.

    Attributes:
        new: Models that the store has not, or counts as deleted.
        changed: Models whose record differs; for :func:`compare` in any byte.
        fields: The names of the fields that differ, by the id of the model; empty for
            :func:`compare`.
        unchanged: How many models need no write.
        joined: The ids of those that were not seen in the scope before.
        found: The ids of those that were missing a moment ago.
    """

    new: list[ModelRow] = field(default_factory=list["ModelRow"])
    changed: list[ModelRow] = field(default_factory=list["ModelRow"])
    fields: dict[str, tuple[str, ...]] = field(default_factory=dict[str, "tuple[str, ...]"])
    unchanged: int = 0
    joined: list[str] = field(default_factory=list[str])
    found: list[str] = field(default_factory=list[str])


def compare(rows: Sequence[ModelRow], known: Mapping[str, Known]) -> Comparison:
    """Tell new rows, changed ones and the others apart; of a repeated id the last row counts."""
    comparison = Comparison()
    # In the order of ids: two programs that write the same rows must lock them in the same order.
    for model_id, row in sorted({row.id: row for row in rows}.items()):
        before = known.get(model_id)
        if before is None or before.deleted:
            comparison.new.append(row)
        elif before.content_hash != row.content_hash:
            comparison.changed.append(row)
        else:
            comparison.unchanged += 1
        if before is None or not before.member:
            comparison.joined.append(model_id)
        elif before.missing:
            comparison.found.append(model_id)
    return comparison


def without_same(
    comparison: Comparison, known: Mapping[str, Known], records: Mapping[str, str]
) -> Generator[None, None, Comparison]:
    """Count those as unchanged whose record says the same in other bytes. A step is a row.

    Hashes are compared first, as taking each record apart would cost as much as all else. A hash
    that was emptied asks for the row to be written again.

    Args:
        comparison: What hashes say.
        known: What the store has.
        records: The stored records of the models that count as changed.
    """
    changed: list[ModelRow] = []
    fields: dict[str, tuple[str, ...]] = {}
    for row in comparison.changed:
        fields[row.id] = changed_fields(records[row.id], row.record)
        if fields[row.id] or not known[row.id].content_hash:
            changed.append(row)
        yield
    same = len(comparison.changed) - len(changed)
    unchanged = comparison.unchanged + same
    return replace(comparison, changed=changed, fields=fields, unchanged=unchanged)
