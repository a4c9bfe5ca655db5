"""One run for one scope: from what the service says to what is written, page by page."""

from __future__ import annotations

import math
import time
import warnings
from contextlib import aclosing
from typing import TYPE_CHECKING

import msgspec

from scenario_async import ScenarioWarning
from scenario_async._planners.timeline import MILLISECOND, Timeline, moment_at, place_of
from scenario_async._query import LARGEST_PAGE

from ._comparison import Absence, ScopePage
from ._lanes import BULK, NotByDateError
from ._state import MARGIN, FullWalk, Plan, ScopeState, deletions_are_listed, later
from ._windows import cut, inside, without

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from ._lanes import Lanes, ListedPage
    from ._members import Members
    from ._report import ScopeReport
    from ._rows import ModelRow
    from ._scopes import Scope
    from ._windows import Window
    from ._writes import ScopeWriter

__all__ = ["ScopeRun"]

# What a model goes through before it is as it stays (API reference, `status`).
_CHANGING = frozenset({"new", "training", "copying"})
_TICK = 0.001
_NEARLY_A_PAGE = int(0.96 * LARGEST_PAGE)


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
        self._scope = scope
        self._lanes = lanes
        self._members = members
        self._writer = writer
        self._report = report
        self._run = run
        self._now = now
        self._alone = alone
        self._notify = notify
        self._state = ScopeState()
        # Of a millisecond that fills pages: what the pages before had of it.
        self._held: dict[int, set[str]] = {}
        # All milliseconds that filled pages: where a cursor is refused, such a one begins again.
        self._crowded: set[int] = set()
        # These may be on two pages: a window does not tell to which one they belong.
        self._undated: set[str] = set()
        self._rejected: set[str | bytes] = set()
        self._query = scope.query("full")

    async def run(self, state: ScopeState, plan: Plan) -> None:
        """Do what is planned.

        Raises:
            APIError: The service could not be listed. All pages before are kept.
            StoreError: The database failed.
        """
        self._state = state
        if plan is Plan.INCREMENTAL:
            await self._incremental()
        else:
            await self._full()

    # Full walks

    async def _full(self) -> None:
        """List everything, in windows; then look for what was not found."""
        if self._state.walk is None:
            mark = await self._newest_update() if self._scope.public else None
            # Parts of nearly a page each, by what is known of the last walk.
            dates = await self._members.each_nth_creation(_NEARLY_A_PAGE)
            left = cut(Timeline(self._query).begin, map(place_of, dates))
            walk = FullWalk(run=self._run, began_at=self._now, left=tuple(left), mark=mark)
            self._state = msgspec.structs.replace(self._state, walk=walk)
        try:
            await self._list_windows()
            known = self._state.full_at is not None
            if self._walk.undated or (known and await self._members.has_undated()):
                await self._list_undated()
        except NotByDateError as error:
            warnings.warn(
                f"{self._scope}: {error}: the listing is gone through page after page",
                ScenarioWarning,
                stacklevel=2,
            )
            await self._list_by_cursor()
        await self._mark_deleted()
        await self._settle_doubts()
        walk = self._walk
        self._state = ScopeState(mark=walk.mark, full_at=walk.began_at, run_at=walk.began_at)
        await self._writer.finish_walk(self._state, walk.run)

    @property
    def _walk(self) -> FullWalk:
        assert self._state.walk is not None  # noqa: S101 - for the type checker: a full walk has begun
        return self._state.walk

    async def _list_windows(self) -> None:
        """The windows that are left: one page to learn from, then as many at once as it takes.

        More pages at once than can be written would wait in memory, and cost requests for nothing.
        """
        if not self._walk.left:
            return
        most = await self._list_first_page()
        async with aclosing(self._lanes.windows(self._query, self._walk.left, most=most)) as pages:
            async for page in pages:
                await self._write_window(page)

    async def _list_first_page(self) -> int:
        """One page; gives how many at once are of use: as many as come while one is written."""
        asked = time.monotonic()
        page = await self._lanes.first_page(self._query, self._walk.left)
        if page is None:
            return self._lanes.most
        came = time.monotonic()
        await self._write_window(page)
        # Clocks may stand still for some milliseconds.
        writing = max(time.monotonic() - came, _TICK)
        return max(1, min(self._lanes.most, math.ceil((came - asked) / writing)))

    async def _list_undated(self) -> None:
        """Models without a creation date may be in no window: they need a walk by cursor."""
        async with aclosing(self._lanes.listing(self._query, by_cursor=True)) as pages:
            async for page in pages:
                await self._write(ScopePage(rows=self._new_undated(page.rows)))
        await self._write(
            ScopePage(rows=(), absence=Absence(None, None, self._undated, dated=False))
        )

    def _new_undated(self, rows: Sequence[ModelRow]) -> list[ModelRow]:
        """Of the rows without a creation date those that no page of this run had."""
        new = {row.id: row for row in rows if row.created_at is None}
        for model_id in new.keys() & self._undated:
            del new[model_id]
        self._undated |= new.keys()
        return list(new.values())

    async def _write_window(self, page: ListedPage) -> None:
        covers = page.covers
        assert covers is not None  # noqa: S101 - for the type checker: windows have them
        rows = inside(covers, [(row.created_at, row) for row in page.rows if row.created_at])
        rows += self._new_undated(page.rows)
        start, stop = covers
        if start == stop:
            self._crowded.add(start)
        walk = self._walk
        created = [row.created_at for row in rows]
        mark = walk.mark if self._scope.public else later(walk.mark, created)
        undated = walk.undated or None in created
        left = tuple(without(walk.left, covers))
        state = msgspec.structs.replace(
            self._state,
            walk=msgspec.structs.replace(walk, left=left, mark=mark, undated=undated),
        )
        seen = {row.id for row in rows}
        seen |= {row.id for row in page.invalid if row.id is not None}
        await self._write(
            ScopePage(
                rows=rows,
                invalid=page.invalid,
                # Windows do not overlap, but for a millisecond that is begun again.
                fresh=self._alone and walk.run == self._run and start not in self._crowded,
                absence=self._absence(covers, seen, later(None, created)),
                state=state,
            )
        )
        self._state = state

    def _absence(self, covers: Window, seen: set[str], last: datetime | None) -> Absence | None:
        """What the page proves, together with those before it of the same millisecond."""
        if self._state.full_at is None:
            return None  # nothing was there before
        start, stop = covers
        seen |= self._held.pop(start, set())
        end = None if stop is None else moment_at(stop)
        at_end = end is not None and last is not None and last >= end
        if stop is not None and (at_end or start == stop):
            # A cursor leads on behind these: with the next page they do not come again.
            self._held[stop] = self._held.get(stop, set()) | seen
        return None if start == stop else Absence(moment_at(start), end, seen)

    async def _list_by_cursor(self) -> None:
        """The whole listing in one go: without windows it cannot be taken up in the middle."""
        walk = self._walk
        seen: set[str] = set()
        async with aclosing(self._lanes.listing(self._query, by_cursor=True)) as pages:
            async for page in pages:
                fresh = [row for row in page.rows if row.id not in seen]
                seen |= page.ids
                if not self._scope.public:
                    mark = later(walk.mark, (row.created_at for row in fresh))
                    walk = msgspec.structs.replace(walk, mark=mark)
                await self._write(ScopePage(rows=fresh, invalid=page.invalid))
        walk = msgspec.structs.replace(walk, left=())
        self._state = msgspec.structs.replace(self._state, walk=walk)
        await self._write(ScopePage(rows=(), absence=Absence(None, None, seen), state=self._state))

    async def _settle_doubts(self) -> None:
        """Ask for each model that was not found by its id: it may just be elsewhere now."""
        if self._state.full_at is None:
            return  # nothing was there before
        for ids in _batches(await self._members.doubtful()):
            existing = await self._existing(ids, counted=False)
            await self._writer.leave([one for one in ids if one in existing])
            await self._remove([one for one in ids if one not in existing], {})

    # Incremental runs

    async def _incremental(self) -> None:
        lane = "updated" if self._scope.public else "created"
        try:
            await self._list_since_mark(lane == "updated")
        except NotByDateError:
            self._report.mode = "full"
            await self._full()
            return
        if not self._scope.public:
            await self._mark_deleted()
            unfinished = await self._members.unfinished(_CHANGING)
            for ids in _batches(unfinished):
                await self._existing(ids)
        if self._scope.public or deletions_are_listed(self._state, self._now):
            self._state = msgspec.structs.replace(self._state, run_at=self._now)
        await self._writer.save(self._state)

    async def _list_since_mark(self, updated: bool) -> None:
        """What is new behind the mark, from the oldest on: what changes meanwhile comes behind."""
        query = self._scope.query("updated" if updated else "created")
        start = Timeline(query).begin
        if self._state.mark is not None:
            start = place_of(self._state.mark) - MARGIN // MILLISECOND
        async with aclosing(self._lanes.windows(query, [(start, None)])) as pages:
            async for page in pages:
                assert page.covers is not None  # noqa: S101 - for the type checker: windows have them
                dated = [(row.updated_at if updated else row.created_at, row) for row in page.rows]
                rows = inside(page.covers, [(date, row) for date, row in dated if date])
                rows += [row for date, row in dated if not date]
                dates = (row.updated_at if updated else row.created_at for row in rows)
                mark = later(self._state.mark, dates)
                state = msgspec.structs.replace(self._state, mark=mark)
                await self._write(ScopePage(rows=rows, invalid=page.invalid, state=state))
                self._state = state

    async def _mark_deleted(self) -> None:
        """Mark what the service lists as deleted, unless it exists again by now.

        Public models are in no such listing, and a store without a whole walk has none to look for.
        """
        if self._scope.public or self._state.full_at is None:
            return
        query = self._scope.query("deleted")
        async with aclosing(self._lanes.listing(query, by_cursor=False)) as pages:
            async for page in pages:
                at = {row.id: row.deleted_at for row in page.rows if row.deleted_at is not None}
                for ids in _batches(await self._members.alive(sorted(page.ids))):
                    existing = await self._existing(ids, counted=False)
                    await self._remove([one for one in ids if one not in existing], at)

    async def _newest_update(self) -> datetime | None:
        """The last update of any model, so that none that comes during the walk is missed."""
        answer = await self._lanes.page(self._scope.query("newest"))
        return None if not answer.rows else answer.moment(0, by_update=True)

    # What all of them share

    async def _existing(self, ids: Sequence[str], *, counted: bool = True) -> set[str]:
        """Which of these models exist; what the service says of them is written as well.

        Args:
            ids: Which models.
            counted: Whether those that did not change count as seen.
        """
        existing = await self._lanes.existing(ids)
        # What is asked for in doubt may not be in the scope any more.
        invalid = existing.invalid if counted else ()
        page = ScopePage(rows=existing.rows, invalid=invalid, joins=False)
        await self._write(page, counted=counted)
        return existing.ids

    async def _remove(self, ids: Sequence[str], at: Mapping[str, str]) -> None:
        self._report.deleted += await self._writer.remove(ids, at)
        self._notify()

    async def _write(self, page: ScopePage, *, counted: bool = True) -> None:
        comparison = await self._writer.write(page)
        report = self._report
        report.new += len(comparison.new)
        report.changed += len(comparison.changed)
        report.unchanged += comparison.unchanged if counted else 0
        self._rejected.update(row.id or row.raw for row in page.invalid)
        report.rejected = len(self._rejected)
        report.pages += 1
        self._notify()


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + BULK] for start in range(0, len(ids), BULK))
