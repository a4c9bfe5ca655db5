"""What has to be true of a fleet whatever happened to it, as checks of what was noted. No I/O.

Moments are seconds by one clock for all processes of a machine.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = ["Copied", "Note", "Stretch", "at_once", "differences", "most_within", "stretches"]


@dataclass(frozen=True, slots=True)
class Note:
    """That a worker did something with an account.

    Attributes:
        worker: Its name.
        account: Its name.
        when: The moment.
    """

    worker: str
    account: str
    when: float


@dataclass(frozen=True, slots=True)
class Stretch:
    """A worker was at work on an account from one moment to another."""

    worker: str
    account: str
    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class Copied:
    """A model as a store has it.

    Attributes:
        record: As the service sent it.
        deleted: Whether it is marked as deleted.
    """

    record: str
    deleted: bool


def most_within(moments: Iterable[float], seconds: float) -> int:
    """The largest number of moments in any stretch of less than so many seconds."""
    ordered = sorted(moments)
    return max(
        (count - bisect_right(ordered, end - seconds) for count, end in enumerate(ordered, 1)),
        default=0,
    )


def stretches(begun: Iterable[Note], asked: Iterable[Note]) -> list[Stretch]:
    """When each worker was at work on which account.

    From when it began to the last request for that account before it began with it anew. Whether a
    worker was killed makes no difference to that.

    Raises:
        ValueError: A worker asked for an account that it had not begun with.
    """
    begins: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for note in begun:
        begins[note.worker, note.account].append(note.when)
    ends: dict[tuple[str, str], list[float]] = {}
    for key, moments in begins.items():
        moments.sort()
        ends[key] = list(moments)
    for note in asked:
        key = note.worker, note.account
        number = bisect_right(begins.get(key, []), note.when) - 1
        if number < 0:
            raise ValueError(f"{note.worker} asked for {note.account} before it began with it")
        ends[key][number] = max(ends[key][number], note.when)
    return [
        Stretch(worker, account, begin, end)
        for (worker, account), moments in begins.items()
        for begin, end in zip(moments, ends[worker, account], strict=True)
    ]


def at_once(
    found: Iterable[Stretch], group_of: Callable[[str], str] = lambda account: account
) -> list[tuple[Stretch, Stretch]]:
    """Stretches on one account, or one group of accounts, that overlap: there should be none.

    Each that overlaps with an earlier one is named, with the one before that ended last.
    """
    groups: defaultdict[str, list[Stretch]] = defaultdict(list)
    for stretch in found:
        groups[group_of(stretch.account)].append(stretch)
    pairs: list[tuple[Stretch, Stretch]] = []
    for members in groups.values():
        members.sort(key=lambda stretch: (stretch.begin, stretch.end))
        last = members[0]
        for stretch in members[1:]:
            if stretch.begin < last.end:
                pairs.append((last, stretch))
            last = max(last, stretch, key=lambda one: one.end)
    return pairs


def differences(
    service: Mapping[str, str], deleted: Iterable[str], copies: Mapping[str, Copied]
) -> Sequence[str]:
    """What a copy of an account has that the service has not, and the reverse: one line each.

    Args:
        service: The records that the service lists, by their ids.
        deleted: Ids that it listed once. The copy may never have seen them.
        copies: What the store has, by its ids.
    """
    gone = set(deleted)
    lines: list[str] = []
    for model_id, record in service.items():
        copy = copies.get(model_id)
        if copy is None:
            lines.append(f"{model_id} is missing")
        elif copy.deleted:
            lines.append(f"{model_id} is not deleted")
        elif copy.record != record:
            lines.append(f"{model_id} has another record")
    for model_id in copies.keys() - service.keys():
        if model_id not in gone:
            lines.append(f"{model_id} was never listed")
        elif not copies[model_id].deleted:
            lines.append(f"{model_id} is deleted")
    return lines
