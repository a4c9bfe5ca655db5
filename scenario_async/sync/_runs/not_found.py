"""What a full walk did not find: asked for by its id before it counts as deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenario_async.sync._errors import TooManyDeletionsError

from .costs import requests_by_id, requests_for_walk
from .deletions import allowed_deletions
from .scope_run import batches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .scope_run import ScopeRun

__all__ = ["NotFound"]


class NotFound:
    """Settles what became of models that were not found where they should be.

    Args:
        work: The run that this is part of.
    """

    def __init__(self, work: ScopeRun) -> None:
        self._work = work
        self._models = 0
        self._allowed: int | None = None
        self._may_be_too_many = False
        self._gone: list[str] = []

    async def settle(self, *, may_walk: bool) -> bool:
        """Ask for each of them by its id: it may just be elsewhere now.

        Args:
            may_walk: Whether another walk may be made in place of asking.

        Returns:
            Whether they are settled; ``False`` where another walk takes fewer requests.

        Raises:
            TooManyDeletionsError: More are gone than may be marked as deleted. None is.
            APIError: The service could not be asked.
            StoreError: The database failed.
        """
        members = self._work.members
        missing, nowhere = await members.missing(), await members.nowhere()
        listed = await members.count()
        self._models = listed + len(nowhere)
        self._allowed = allowed_deletions(self._work.max_deletions, self._models)
        unconfirmed = sorted({*missing, *nowhere})
        self._may_be_too_many = self._allowed is not None and len(unconfirmed) > self._allowed
        self._gone.clear()
        # What is in no scope is not found by another walk either.
        findable = set(missing)
        for part in batches(unconfirmed):
            refused = self._work.catalogue.bulk_refused
            by_id = requests_by_id(len(findable), bulk_refused=refused)
            if may_walk and by_id > requests_for_walk(listed):
                return False
            await self._work.look_up(part, self._settle)
            findable.difference_update(part)
        for part in batches(self._gone):
            await self._work.remove(part, {})
        return True

    async def _settle(self, existing: Sequence[str], gone: Sequence[str]) -> None:
        await self._work.writer.leave(existing)
        if not self._may_be_too_many:
            await self._work.remove(gone, {})
            return
        self._gone += gone
        if self._allowed is not None and len(self._gone) > self._allowed:
            raise TooManyDeletionsError(
                f"{len(self._gone):,} of the {self._models:,} models of the scope "
                f"{str(self._work.scope)!r} are gone, and no more than {self._allowed:,} may be "
                "marked as deleted: none was. Where that is as it should be, run again with "
                "max_deletions=1.0 (--max-deletions 100%)",
                scope=str(self._work.scope),
                deletions=len(self._gone),
                models=self._models,
            )
