"""One run for one scope: what full and incremental ones share, from a page to what is written."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from ._comparison import ScopePage
from ._lanes import BULK
from ._state import ScopeState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from ._lanes import Lanes
    from ._members import Members
    from ._report import ScopeReport
    from ._scopes import Scope
    from ._writes import ScopeWriter

__all__ = ["ScopeRun", "batches"]


class ScopeRun:
    """Brings the copy of one scope up to date.

    Args:
        scope: Which one.
        lanes: Who is asked.
        members: What the store has of it.
        writer: Who writes.
        report: Where the counts go.
        run: The number of the run.
        now: When it began, by the clock of the machine.
        alone: Whether no other scope is brought up to date by this run.
        notify: Called after each page.

    Attributes:
        state: How far the copy is.
    """

    def __init__(
        self,
        scope: Scope,
        lanes: Lanes,
        members: Members,
        writer: ScopeWriter,
        report: ScopeReport,
        *,
        run: int,
        now: datetime,
        alone: bool,
        notify: Callable[[], None],
    ) -> None:
        self.scope = scope
        self.lanes = lanes
        self.members = members
        self.writer = writer
        self.report = report
        self.run = run
        self.now = now
        self.alone = alone
        self.state = ScopeState()
        self._notify = notify
        self._rejected: set[str | bytes] = set()

    async def mark_deleted(self) -> None:
        """Mark what the service lists as deleted, unless it exists again by now.

        Public models are in no such listing, and a store without a whole walk has none to look for.
        """
        if self.scope.public or self.state.full_at is None:
            return
        query = self.scope.query("deleted")
        async with aclosing(self.lanes.listing(query, by_cursor=False)) as pages:
            async for page in pages:
                at = {row.id: row.deleted_at for row in page.rows if row.deleted_at is not None}
                for ids in batches(await self.members.alive(sorted(page.ids))):
                    existing = await self.existing(ids, counted=False)
                    await self.remove([one for one in ids if one not in existing], at)

    async def existing(self, ids: Sequence[str], *, counted: bool = True) -> set[str]:
        """Which of these models exist; what the service says of them is written as well.

        Args:
            ids: Which models.
            counted: Whether those that did not change count as seen.
        """
        existing = await self.lanes.existing(ids)
        # What is asked for in doubt may not be in the scope any more.
        invalid = existing.invalid if counted else ()
        page = ScopePage(rows=existing.rows, invalid=invalid, joins=False)
        await self.write(page, counted=counted)
        return existing.ids

    async def remove(self, ids: Sequence[str], at: Mapping[str, str]) -> None:
        """Mark models as deleted, at their date where it is known."""
        self.report.deleted += await self.writer.remove(ids, at)
        self._notify()

    async def write(self, page: ScopePage, *, counted: bool = True) -> None:
        """Write a page, and count what it changes; what it does not change only if ``counted``."""
        comparison = await self.writer.write(page)
        report = self.report
        report.new += len(comparison.new)
        report.changed += len(comparison.changed)
        report.unchanged += comparison.unchanged if counted else 0
        self._rejected.update(row.id or row.raw for row in page.invalid)
        report.rejected = len(self._rejected)
        report.pages += 1
        self._notify()


def batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """The ids in parts of as many as may be asked for at once."""
    return (ids[start : start + BULK] for start in range(0, len(ids), BULK))
