"""What may have changed in one scope since the last run."""

from __future__ import annotations

from collections import Counter
from contextlib import aclosing
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from scenario_async._pagination import MILLISECOND, NotByDateError, Timeline, position_of
from scenario_async.sync._comparison import ScopePage
from scenario_async.sync._state import MARGIN, deletions_are_listed, later

from .costs import models_for_walk, requests_by_id, requests_by_status
from .full_run import FullRun
from .scope_run import batches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenario_async.sync._store import ChangingModel

    from .scope_run import ScopeRun

__all__ = ["IncrementalRun"]

_Listed: TypeAlias = Literal["new", "training"]
# What a model goes through before it is as it stays, as far as the service lists it by that.
_LISTED: tuple[_Listed, ...] = ("new", "training")
# "copying" is a status of records, and none to list by (API reference, `status`).
_CHANGING = frozenset({*_LISTED, "copying"})


class IncrementalRun:
    """Lists what may have changed; everything, where that takes fewer requests.

    Args:
        work: The run that this is part of.
    """

    def __init__(self, work: ScopeRun) -> None:
        self._work = work
        self._seen: set[str] = set()

    async def run(self) -> None:
        """List what is new, and look at what is not yet as it stays.

        Raises:
            TooManyDeletionsError: As for a full run, where this becomes one.
            APIError: The service could not be listed. All pages before are kept.
            StoreError: The database failed.
        """
        work = self._work
        if not await self._list_changes():
            work.report.mode = "full"
            await FullRun(work).run()
            return
        await work.mark_deleted()
        if work.scope.public or deletions_are_listed(work.state, work.now):
            work.state = msgspec.structs.replace(work.state, run_at=work.now)
        await work.writer.save(work.state)

    async def _list_changes(self) -> bool:
        """Whether all changes were listed; otherwise everything has to be."""
        changing: Sequence[ChangingModel] = ()
        if not self._work.scope.public:
            changing = await self._work.members.changing(_CHANGING)
            if await self._costs_more_than_all(self._requests_for(changing)):
                return False
        try:
            await self._list_since_last_run()
            return await self._list_changing(changing)
        except NotByDateError:
            return False

    async def _costs_more_than_all(self, requests: int) -> bool:
        """Whether it takes fewer requests to list everything."""
        return not await self._work.members.are_at_least(models_for_walk(requests))

    @staticmethod
    def _requests_for(changing: Sequence[ChangingModel]) -> int:
        """What is to be expected: that most are as they were."""
        counts = Counter(model.status for model in changing)
        by_status = requests_by_status(counts[status] for status in _LISTED if counts[status])
        return 1 + by_status + requests_by_id(counts["copying"], bulk_refused=False)

    async def _list_since_last_run(self) -> None:
        """What is new behind the high-water mark, oldest first: what changes meanwhile follows."""
        work = self._work
        updated = work.scope.public
        query = work.scope.query("updated" if updated else "created")
        start = Timeline(query).begin
        if work.state.high_water is not None:
            start = position_of(work.state.high_water) - MARGIN // MILLISECOND
        async with aclosing(work.catalogue.windows(query, [(start, None)])) as pages:
            async for page in pages:
                dates = (row.updated_at if updated else row.created_at for row in page.rows)
                high_water = later(work.state.high_water, dates)
                state = msgspec.structs.replace(work.state, high_water=high_water)
                await work.write(ScopePage(rows=page.rows, invalid=page.invalid, state=state))
                work.state = state
                self._seen |= page.ids

    async def _list_changing(self, changing: Sequence[ChangingModel]) -> bool:
        """Bring models that were not yet as they stay up to date, and say whether that was done.

        Those that still are so are listed by their status. Only those that are not, or that cannot
        be listed so, are asked for.
        """
        for status in _LISTED:
            if any(model.status == status and model.id not in self._seen for model in changing):
                await self._list_status(status)
        left = [model for model in changing if model.id not in self._seen]
        for part in batches([model.id for model in left]):
            refused = self._work.catalogue.bulk_refused
            by_id = requests_by_id(len(left), bulk_refused=refused)
            if await self._costs_more_than_all(by_id):
                return False
            if not await self._ask(part):
                return await self._list_where_created(left)
            left = left[len(part) :]
        return True

    async def _list_status(self, status: _Listed) -> None:
        query = self._work.scope.query(status)
        # Page after page: a model that leaves the listing meanwhile may push another one past the
        # reader, which then is asked for by its id.
        async with aclosing(self._work.catalogue.listing(query, by_cursor=True)) as pages:
            async for page in pages:
                rows = [row for row in page.rows if row.status == status and not row.deleted_at]
                respected = len(rows) == len(page.rows)
                await self._work.write(
                    ScopePage(rows=rows, invalid=page.invalid if respected else ())
                )
                self._seen.update(row.id for row in rows)
                if not respected:
                    return  # the service lists everything, and there are cheaper ways to that
                self._seen |= page.ids

    async def _ask(self, ids: Sequence[str]) -> bool:
        """Ask for models by their ids. Returns whether the service tells of many at once."""
        found = await self._work.catalogue.in_bulk(ids)
        if found is None:
            return False
        await self._work.write(ScopePage(rows=found.rows, invalid=found.invalid, joins=False))
        return True

    async def _list_where_created(self, models: Sequence[ChangingModel]) -> bool:
        """List the milliseconds in which these were created, and say whether that was worth it.

        A full record is not a row of a listing: asking for one by its id would tell nothing.
        """
        dates = [model.created_at for model in models if model.created_at is not None]
        created = {position_of(date) for date in dates}
        # A model without a date may be in no window.
        if len(dates) < len(models) or await self._costs_more_than_all(len(created)):
            return False
        windows = [(position, position + 1) for position in sorted(created)]
        query = self._work.scope.query("full")
        most = self._work.catalogue.most
        async with aclosing(self._work.catalogue.windows(query, windows, most=most)) as pages:
            async for page in pages:
                await self._work.write(ScopePage(rows=page.rows, invalid=page.invalid))
        return True
