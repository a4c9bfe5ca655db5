"""What changed from one snapshot to the next, for each of those who want to know. No I/O."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar
from weakref import WeakSet

import anyio

from ._snapshot import Snapshot, changed_to, contents_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Mapping, Sequence

    from ._entries import Entry

__all__ = ["Change", "Delta", "Feed", "Resync", "change"]

ModelT = TypeVar("ModelT")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Delta(Generic[ModelT]):
    """What changed from one snapshot to the next: the models by their ids.

    Attributes:
        added: Models that were not in the one before.
        changed: Models with another record than before.
        removed: Models that are not there any more, as they were.
        snapshot: The next one.
    """

    added: Mapping[str, ModelT]
    changed: Mapping[str, ModelT]
    removed: Mapping[str, ModelT]
    snapshot: Snapshot[ModelT]

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(getattr(self, name))} {name}" for name in _KINDS)
        return f"<Delta: {counts}>"


@dataclass(frozen=True, slots=True)
class Resync(Generic[ModelT]):
    """More changed since the last time than was kept: go by the whole snapshot.

    Attributes:
        snapshot: The one that the next :class:`Delta` goes on from.
    """

    snapshot: Snapshot[ModelT]


_KINDS = ("added", "changed", "removed")
Change: TypeAlias = Delta[ModelT] | Resync[ModelT]


def change(
    before: Snapshot[ModelT], removed: Sequence[str], entries: Sequence[Entry[ModelT]]
) -> Generator[None, None, Delta[ModelT]]:
    """Take these models out of a snapshot and put these in, in small steps."""
    contents = yield from changed_to(contents_of(before), removed, entries)
    added: dict[str, ModelT] = {}
    changed: dict[str, ModelT] = {}
    for one in entries:
        (changed if one.id in before else added)[one.id] = one.model
        yield
    return Delta(
        added=added,
        changed=changed,
        removed={model_id: before[model_id] for model_id in removed},
        snapshot=Snapshot(contents),
    )


class _Consumer(Generic[ModelT]):
    """What one of those who want to know has not been told yet."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffered: deque[Change[ModelT]] = deque()
        self._news = anyio.Event()
        self._closed = False

    def tell(self, delta: Delta[ModelT]) -> None:
        """One more; of a consumer that is too slow, all that it was not told is forgotten."""
        if len(self._buffered) >= self._limit:
            self._buffered.clear()
            self._buffered.append(Resync(delta.snapshot))
        else:
            self._buffered.append(delta)
        self._news.set()

    def close(self) -> None:
        """Nothing more comes."""
        self._closed = True
        self._news.set()

    async def changes(self) -> AsyncGenerator[Change[ModelT], None]:
        """What it is told, to the end."""
        while True:
            while self._buffered:
                yield self._buffered.popleft()
            if self._closed:
                return
            self._news = anyio.Event()
            await self._news.wait()


class Feed(Generic[ModelT]):
    """Tells all that want to know of changes; each of them is told by itself."""

    def __init__(self) -> None:
        # Weakly: who drops its iterator wants to know nothing more.
        self._consumers: WeakSet[_Consumer[ModelT]] = WeakSet()
        self._closed = False

    def consume(self, limit: int) -> AsyncGenerator[Change[ModelT], None]:
        """What is told from now on, of which so much is kept."""
        consumer: _Consumer[ModelT] = _Consumer(limit)
        if self._closed:
            consumer.close()
        self._consumers.add(consumer)
        return consumer.changes()

    def tell(self, delta: Delta[ModelT]) -> None:
        """Tell all of them."""
        for consumer in tuple(self._consumers):
            consumer.tell(delta)

    def close(self) -> None:
        """Nothing more comes: those who wait are done when they were told the rest."""
        self._closed = True
        for consumer in tuple(self._consumers):
            consumer.close()
