"""From a store to the next snapshot: only what changed is read, and nothing that is half done."""

from __future__ import annotations

from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Generic, TypeVar

import anyio

from scenario_async._decoding import InvalidRow, RowDecoder
from scenario_async._http import TimeSlice
from scenario_async.sync._store import contents, copy_status, records

from ._deltas import change
from ._entries import entry_of, kept
from ._index import Index
from ._snapshot import Contents, Snapshot, contents_of, replaced

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Sequence

    from scenario_async._http import LoopBudget
    from scenario_async.sync import CatalogStore
    from scenario_async.sync._store import CopyStatus

    from ._deltas import Delta
    from ._entries import Entry

__all__ = ["StoreReader"]

ModelT = TypeVar("ModelT")
_BATCH = 100
# A run takes about a second; one that was killed looks as if it were under way.
_RUN_TIMEOUT = 2.0
_LOOK_AGAIN = 0.05


class StoreReader(Generic[ModelT]):
    """Reads some scopes of a store, each time what changed since.

    Args:
        store: Which store; open.
        scopes: Which scopes of it.
        type_: What the records become.
        tell: Called with what changed, when the snapshot is another one.
        loop_budget: What its work on the loop is held to.

    Attributes:
        snapshot: What was read last; of no models at first.
        as_of: When the run began that this is the outcome of; ``None`` before anything was read.
    """

    def __init__(
        self,
        store: CatalogStore,
        scopes: Sequence[str],
        type_: type[ModelT],
        tell: Callable[[Delta[ModelT]], None],
        loop_budget: LoopBudget,
    ) -> None:
        self._store = store
        self._scopes = scopes
        self._decoder = RowDecoder(type_)
        self._tell = tell
        self._loop_budget = loop_budget
        self._read: CopyStatus | None = None
        # What does not fit, by the hash of what it was; and what a reading that came to nothing
        # has typed already.
        self._unfit: dict[str, str] = {}
        self._spare: dict[str, Entry[ModelT]] = {}
        self._replaced: list[object] = []
        self.snapshot: Snapshot[ModelT] = Snapshot(Contents({}, Index.empty(), 0, loop_budget))
        self.as_of: datetime | None = None

    @property
    def invalid(self) -> int:
        """How many models are left out."""
        return len(self._unfit)

    async def status(self) -> CopyStatus:
        """How far the store is.

        Raises:
            StoreError: The database failed.
        """
        return await copy_status(self._store, self._scopes)

    def age(self) -> float | None:
        """How long ago ``as_of`` is, in seconds, by the clock of this machine."""
        if self.as_of is None:
            return None
        return max(0.0, (datetime.now(UTC) - self.as_of).total_seconds())

    async def read_stored(self) -> None:
        """Take what the store has, where it has all of it, at once.

        Raises:
            StoreError: As for :meth:`read`.
        """
        with anyio.move_on_after(_RUN_TIMEOUT):
            while (await self.status()).under_way:  # noqa: ASYNC110 - it may be in another process
                await anyio.sleep(_LOOK_AGAIN)
        await self.read(unfinished=True)

    async def read(self, *, unfinished: bool = False) -> bool:
        """Read what changed since, where the store has anything that is whole.

        A store is read in parts. Where a run has begun or ended meanwhile, what was read may be of
        two moments, and is not taken; most of it need not be read again.

        Args:
            unfinished: Also where the last run was cut short, so that some models may be as they
                are now and others as they were.

        Returns:
            Whether the snapshot is what the store has.

        Raises:
            StoreError: The database failed, or a model in it cannot be read.
        """
        await self._loop_budget.finish(_emptied(self._replaced))
        before = await self.status()
        if before.as_of is None or not (unfinished or before.finished):
            return False
        if self._read is not None and before.runs == self._read.runs:
            return True
        removed, entries, unfit = await self._changes()
        if await self.status() != before:
            self._spare = {entry.id: entry for entry in entries}
            return False
        if removed or entries:
            delta = await self._loop_budget.finish(change(self.snapshot, removed, entries))
            # Whoever has the snapshot before lets go of it in one step, and not of what is in it:
            # that would hold the loop, and is here until the next time.
            steps = replaced(contents_of(self.snapshot), delta.removed, delta.changed)
            self._replaced = await self._loop_budget.finish(steps)
            self.snapshot = delta.snapshot
            self._tell(delta)
        self._spare, self._unfit = {}, unfit
        self._read, self.as_of = before, before.as_of
        return True

    async def _changes(self) -> tuple[list[str], list[Entry[ModelT]], dict[str, str]]:
        """Models that are gone, those that are new or changed, and those that do not fit."""
        unfit: dict[str, str] = {}
        entries: list[Entry[ModelT]] = []
        known = contents_of(self.snapshot).entries
        left = dict.fromkeys(known)
        async with aclosing(contents(self._store, self._scopes)) as parts:
            async for part in parts:
                stale: list[str] = []
                for model_id, content_hash in part:
                    entry, spare = known.get(model_id), self._spare.get(model_id)
                    if entry is not None and entry.content_hash == content_hash:
                        left.pop(model_id, None)
                    elif self._unfit.get(model_id) == content_hash:
                        unfit[model_id] = content_hash
                    elif spare is not None and spare.content_hash == content_hash:
                        entries.append(spare)
                    else:
                        stale.append(model_id)
                for start in range(0, len(stale), _BATCH):
                    entries += await self._typed(stale[start : start + _BATCH], unfit)
        await self._loop_budget.finish(_settled(left, entries))
        return list(left), entries, unfit

    async def _typed(self, ids: Collection[str], unfit: dict[str, str]) -> Sequence[Entry[ModelT]]:
        time_slice = TimeSlice(self._loop_budget)
        entries: list[Entry[ModelT]] = []
        async with aclosing(records(self._store, list(ids))) as found:
            async for stored, content_hash in found:
                entry = entry_of(stored, content_hash, self._decoder)
                if isinstance(entry, InvalidRow):
                    unfit[stored.id] = content_hash
                else:
                    entries.append(entry)
                if time_slice.over():
                    await time_slice.give_back()
        return entries


def _settled(left: dict[str, None], entries: list[Entry[ModelT]]) -> Generator[None, None, None]:
    """Take the ids of the entries out of those that are left, and have the entries as kept ones."""
    for number, entry in enumerate(entries):
        left.pop(entry.id, None)
        entries[number] = kept(entry)
        yield


def _emptied(things: list[object]) -> Generator[None, None, None]:
    """Let go of these things."""
    while things:
        things.pop()
        yield
