"""What may have changed in one scope since the last run."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import msgspec

from scenario_async._planners.timeline import MILLISECOND, Timeline, place_of

from ._comparison import ScopePage
from ._full_run import FullRun
from ._lanes import NotByDateError
from ._scope_run import batches
from ._state import MARGIN, deletions_are_listed, later
from ._windows import inside

if TYPE_CHECKING:
    from ._scope_run import ScopeRun

__all__ = ["IncrementalRun"]

# What a model goes through before it is as it stays (API reference, `status`).
_CHANGING = frozenset({"new", "training", "copying"})


class IncrementalRun:
    """Lists what may have changed.

    Args:
        work: The run that this is part of.
    """

    def __init__(self, work: ScopeRun) -> None:
        self._work = work

    async def run(self) -> None:
        """List what is new, and look at what is not as it stays.

        Raises:
            APIError: The service could not be listed. All pages before are kept.
            StoreError: The database failed.
        """
        lane = "updated" if self._work.scope.public else "created"
        try:
            await self._list_since_mark(lane == "updated")
        except NotByDateError:
            self._work.report.mode = "full"
            await FullRun(self._work).run()
            return
        if not self._work.scope.public:
            await self._work.mark_deleted()
            unfinished = await self._work.members.unfinished(_CHANGING)
            for ids in batches(unfinished):
                await self._work.existing(ids)
        if self._work.scope.public or deletions_are_listed(self._work.state, self._work.now):
            self._work.state = msgspec.structs.replace(self._work.state, run_at=self._work.now)
        await self._work.writer.save(self._work.state)

    async def _list_since_mark(self, updated: bool) -> None:
        """What is new behind the mark, from the oldest on: what changes meanwhile comes behind."""
        query = self._work.scope.query("updated" if updated else "created")
        start = Timeline(query).begin
        if self._work.state.mark is not None:
            start = place_of(self._work.state.mark) - MARGIN // MILLISECOND
        async with aclosing(self._work.lanes.windows(query, [(start, None)])) as pages:
            async for page in pages:
                assert page.covers is not None  # noqa: S101 - for the type checker: windows have them
                dated = [(row.updated_at if updated else row.created_at, row) for row in page.rows]
                rows = inside(page.covers, [(date, row) for date, row in dated if date])
                rows += [row for date, row in dated if not date]
                dates = (row.updated_at if updated else row.created_at for row in rows)
                mark = later(self._work.state.mark, dates)
                state = msgspec.structs.replace(self._work.state, mark=mark)
                await self._work.write(ScopePage(rows=rows, invalid=page.invalid, state=state))
                self._work.state = state
