"""One run for one scope: what full and incremental ones share, from a page to what is written."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import anyio

from scenario_async.sync._comparison import ScopePage
from scenario_async.sync._scopes import Scope

from .at_once import for_each
from .costs import BULK

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from scenario_async.sync._report import ScopeReport
    from scenario_async.sync._rows import ModelRow
    from scenario_async.sync._state import ScopeState
    from scenario_async.sync._store import Members, Owners, ScopeWriter

    from .catalogue_reader import CatalogueReader

__all__ = ["ScopeRun", "batches"]


@dataclass(slots=True, kw_only=True)
class ScopeRun:
    """Brings the copy of one scope up to date.

    Attributes:
        scope: Which one.
        catalogue: Who is asked.
        members: What the store has of it.
        writer: Who writes.
        report: Where the counts go.
        owners: Whose models the store has.
        run: The number of the run.
        now: When it began, by the clock of the machine.
        alone: Whether no other scope is brought up to date by this run.
        max_deletions: How many models may be marked as deleted, as for ``allowed_deletions``.
        notify: Called after each page.
        state: How far the copy is.
    """

    scope: Scope
    catalogue: CatalogueReader
    members: Members
    writer: ScopeWriter
    report: ScopeReport
    owners: Owners
    run: int
    now: datetime
    alone: bool
    max_deletions: float | None
    notify: Callable[[], None]
    state: ScopeState
    _rejected: set[str | bytes] = field(default_factory=set["str | bytes"])

    async def mark_deleted(self) -> None:
        """Mark what the service lists as deleted, unless it exists again by now.

        Public models are in no such listing, and a store without a whole walk has none to look for.
        """
        if self.scope.public or self.state.full_at is None:
            return
        query = self.scope.query("deleted")
        async with aclosing(self.catalogue.listing(query, by_cursor=False)) as pages:
            async for page in pages:
                at = page.deleted
                settle = partial(self._remove_gone, at)
                await self.look_up(await self.members.alive(sorted(at)), settle)

    async def _remove_gone(
        self, at: Mapping[str, str | None], _: Sequence[str], gone: Sequence[str]
    ) -> None:
        await self.remove(gone, at)

    async def look_up(
        self,
        ids: Sequence[str],
        settle: Callable[[Sequence[str], Sequence[str]], Awaitable[None]],
    ) -> None:
        """Ask for models by their ids. What the service says of them is written as it comes.

        Args:
            ids: Which models.
            settle: Called with those that exist and those that do not, a part at a time.
        """

        async def look_up_one(model_id: str) -> None:
            exists = await self.catalogue.exists(model_id)
            # That was paid for with a request, and is not to be lost.
            with anyio.CancelScope(shield=True):
                await (settle([model_id], []) if exists else settle([], [model_id]))

        for part in batches(ids):
            found = await self.catalogue.in_bulk(part)
            if found is None:
                await for_each(part, look_up_one, at_once=self.catalogue.most)
                continue
            with anyio.CancelScope(shield=True):
                # They may not be in the scope any more, and nobody wants to hear of their rows.
                await self.write(ScopePage(rows=found.rows, joins=False), counted=False)
                await settle(
                    [one for one in part if one in found.ids],
                    [one for one in part if one not in found.ids],
                )

    async def remove(self, ids: Sequence[str], at: Mapping[str, str | None]) -> None:
        """Mark models as deleted, at their date where it is known."""
        if not ids:
            return
        removed = await self.writer.remove(ids, at)
        self.report.deleted += removed  # now: several may be under way
        self.notify()

    async def write(self, page: ScopePage, *, counted: bool = True) -> None:
        """Write a page, and count what it changes; what it does not change only if ``counted``.

        Raises:
            StoreError: The models belong to another owner than those of the store, or the database
                failed.
        """
        if page.joins and not self.scope.public:
            await self.owners.check(page.rows, self._latest)
        comparison = await self.writer.write(page)
        report = self.report
        report.new += len(comparison.new)
        report.changed += len(comparison.changed)
        report.unchanged += comparison.unchanged if counted else 0
        self._rejected.update(row.id or row.raw for row in page.invalid)
        report.rejected = len(self._rejected)
        report.pages += 1
        self.notify()

    async def _latest(self) -> Sequence[ModelRow]:
        """The private models that were created last: a collection may have only shared ones."""
        return (await self.catalogue.first(Scope("private").query("latest"))).rows


def batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """The ids in parts of as many as may be asked for at once."""
    return (ids[start : start + BULK] for start in range(0, len(ids), BULK))
