"""A full walk of one scope, in windows that a later run can take up, and what it did not find."""

from __future__ import annotations

import math
import time
import warnings
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from scenario_async import ScenarioWarning
from scenario_async._pagination import NotByDateError, Timeline, moment_at, position_of
from scenario_async.sync._comparison import Coverage, ScopePage
from scenario_async.sync._errors import TooManyDeletionsError
from scenario_async.sync._state import FullWalk, ScopeState, later
from scenario_async.sync._windows import cut, without

from .costs import WINDOW_ROWS
from .not_found import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenario_async.sync._rows import ModelRow
    from scenario_async.sync._windows import Window

    from .catalogue_reader import ListedPage
    from .scope_run import ScopeRun

__all__ = ["FullRun"]

_TICK = 0.001
_UNKNOWN = datetime.min.replace(tzinfo=UTC)


class FullRun:
    """Lists all of a scope; then looks for what was not found.

    Args:
        work: The run that this is part of.
        counted: Whether models that did not change count as seen.
    """

    def __init__(self, work: ScopeRun, *, counted: bool = True) -> None:
        self._work = work
        self._counted = counted
        # Of a millisecond that fills pages: what the pages before had of it.
        self._seen_before: dict[int, set[str]] = {}
        # All milliseconds that filled pages: where a cursor is refused, such a one begins again.
        self._filled: set[int] = set()
        # These may be on two pages: a window does not tell to which one they belong.
        self._undated: set[str] = set()
        self._query = work.scope.query("full")

    async def run(self) -> None:
        """List everything, in windows; then look for what was not found.

        Raises:
            TooManyDeletionsError: More models are gone than may be marked as deleted.
            APIError: The service could not be listed. All pages before are kept.
            StoreError: The database failed.
        """
        if self._work.state.walk is None:
            if self._work.state.full_at is None and await self._work.members.are_at_least(1):
                # Somebody took the state out of the store, and what is there may be gone.
                self._work.state = ScopeState(full_at=_UNKNOWN)
            newest = await self._newest_update() if self._work.scope.public else None
            walk = FullWalk(
                run=self._work.run,
                began_at=self._work.now,
                left=await self._all_windows(),
                high_water=newest,
            )
            self._work.state = msgspec.structs.replace(self._work.state, walk=walk)
        await self._list()
        await self._work.mark_deleted()
        if self._work.state.full_at is not None:  # otherwise nothing was there before
            await self._settle_unconfirmed()
        walk = self._walk
        self._work.state = ScopeState(
            high_water=walk.high_water, full_at=walk.began_at, run_at=walk.began_at
        )
        await self._work.writer.finish_walk(self._work.state, walk.run)

    @property
    def _walk(self) -> FullWalk:
        assert self._work.state.walk is not None  # noqa: S101 - for the type checker: a full walk has begun
        return self._work.state.walk

    async def _all_windows(self) -> tuple[Window, ...]:
        """Parts of nearly a page each, by what is known of the last walk."""
        dates = await self._work.members.each_nth_creation(WINDOW_ROWS)
        return tuple(cut(Timeline(self._query).begin, map(position_of, dates)))

    async def _list(self) -> None:
        """List what is left of the walk, and models that are in no window."""
        try:
            await self._list_windows()
            known = self._work.state.full_at is not None
            seen: set[str] = set()
            if self._walk.undated or (known and await self._work.members.has_undated()):
                seen = await self._list_undated()
            if known:
                # Written by itself: it is not a page.
                coverage = Coverage(None, None, seen, dated=False)
                await self._work.writer.write(ScopePage(rows=(), coverage=coverage))
        except NotByDateError as error:
            warnings.warn(
                f"{self._work.scope}: {error}: the listing is gone through page after page",
                ScenarioWarning,
                stacklevel=2,
            )
            await self._list_by_cursor()

    async def _list_windows(self) -> None:
        """The windows that are left: one page to learn from, then as many at once as it takes.

        More pages at once than can be written would wait in memory, and cost requests for nothing.
        """
        if not self._walk.left:
            return
        most = await self._list_first_page()
        async with aclosing(
            self._work.catalogue.windows(self._query, self._walk.left, most=most)
        ) as pages:
            async for page in pages:
                await self._write_window(page)

    async def _list_first_page(self) -> int:
        """List one page. Returns how many at once are of use: as many as come in one's writing."""
        asked = time.monotonic()
        page = await self._work.catalogue.first_page(self._query, self._walk.left)
        if page is None:
            return self._work.catalogue.most
        came = time.monotonic()
        await self._write_window(page)
        # Clocks may stand still for some milliseconds.
        writing = max(time.monotonic() - came, _TICK)
        return max(1, min(self._work.catalogue.most, math.ceil((came - asked) / writing)))

    async def _list_undated(self) -> set[str]:
        """Models without a creation date may be in no window: they need a walk by cursor.

        Returns the ids of those that are there, and of rows that do not fit: they may be undated.
        """
        unfit: set[str] = set()
        async with aclosing(self._work.catalogue.listing(self._query, by_cursor=True)) as pages:
            async for page in pages:
                unfit |= {row.id for row in page.invalid if row.id is not None}
                await self._write(
                    ScopePage(rows=self._new_undated(page.rows), invalid=page.invalid)
                )
        return self._undated | unfit

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
        rows = [row for row in page.rows if row.created_at is not None]
        rows += self._new_undated(page.rows)
        start, stop = covers
        if start == stop:
            self._filled.add(start)
        walk = self._walk
        created = [row.created_at for row in rows]
        mark = walk.high_water if self._work.scope.public else later(walk.high_water, created)
        undated = walk.undated or None in created
        left = tuple(without(walk.left, covers))
        state = msgspec.structs.replace(
            self._work.state,
            walk=msgspec.structs.replace(walk, left=left, high_water=mark, undated=undated),
        )
        seen = {row.id for row in rows}
        seen |= {row.id for row in page.invalid if row.id is not None}
        await self._write(
            ScopePage(
                rows=rows,
                invalid=page.invalid,
                # Windows do not overlap, but for a millisecond that is begun again.
                fresh=self._work.alone and walk.run == self._work.run and start not in self._filled,
                coverage=self._coverage(covers, seen, later(None, created)),
                state=state,
            )
        )
        self._work.state = state

    def _coverage(self, covers: Window, seen: set[str], last: datetime | None) -> Coverage | None:
        """What the page proves, together with those before it of the same millisecond."""
        if self._work.state.full_at is None:
            return None  # nothing was there before
        start, stop = covers
        seen |= self._seen_before.pop(start, set())
        end = None if stop is None else moment_at(stop)
        at_end = end is not None and last is not None and last >= end
        if stop is not None and (at_end or start == stop):
            # A cursor leads on behind these: with the next page they are not repeated.
            self._seen_before[stop] = self._seen_before.get(stop, set()) | seen
        return None if start == stop else Coverage(moment_at(start), end, seen)

    async def _list_by_cursor(self) -> None:
        """The whole listing in one go: without windows it cannot be taken up in the middle."""
        walk = self._walk
        seen: set[str] = set()
        async with aclosing(self._work.catalogue.listing(self._query, by_cursor=True)) as pages:
            async for page in pages:
                fresh = [row for row in page.rows if row.id not in seen]
                seen |= page.ids
                if not self._work.scope.public:
                    mark = later(walk.high_water, (row.created_at for row in fresh))
                    walk = msgspec.structs.replace(walk, high_water=mark)
                await self._write(ScopePage(rows=fresh, invalid=page.invalid))
        walk = msgspec.structs.replace(walk, left=())
        self._work.state = msgspec.structs.replace(self._work.state, walk=walk)
        await self._write(
            ScopePage(rows=(), coverage=Coverage(None, None, seen), state=self._work.state)
        )

    async def _settle_unconfirmed(self) -> None:
        """Look for what was not found, with another walk first where many are missing."""
        not_found, again = NotFound(self._work), False
        try:
            while not await not_found.settle(may_walk=not again):
                again = True
                await self._begin_again()
                await FullRun(self._work, counted=False)._list()  # noqa: SLF001 - the same class
        except TooManyDeletionsError:
            # Whatever the reason is, the next run looks for all of them anew.
            await self._begin_again()
            await self._work.writer.save(self._work.state)
            raise

    async def _begin_again(self) -> None:
        walk = msgspec.structs.replace(self._walk, left=await self._all_windows())
        self._work.state = msgspec.structs.replace(self._work.state, walk=walk)

    async def _write(self, page: ScopePage) -> None:
        await self._work.write(page, counted=self._counted)

    async def _newest_update(self) -> datetime | None:
        """The last update of any model, so that none that comes during the walk is missed."""
        answer = await self._work.catalogue.page(self._work.scope.query("newest"))
        return next(iter(answer.moments(by_update=True)), None)
