"""Signed URLs of assets: looked up together, and kept until shortly before they expire."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from scenario_async import Model, Preview, ScenarioError
from scenario_async._http import until_done

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Sequence

    from scenario_async import Missing

    Fetch: TypeAlias = Callable[[Iterable[Model | str]], AsyncGenerator[Preview | Missing, None]]

__all__ = ["Addresses"]

# Browsers ask for a few pictures at a time, and all of them within this.
_GATHERED_FOR = 0.02
_MARGIN = timedelta(minutes=1)
# For URLs that do not say when they expire, and for assets without one.
_KEPT = timedelta(minutes=10)
# After a failure nothing is asked for so long: a service that is down is not made to hear of it.
_PAUSE = timedelta(seconds=15)
_MOST_KEPT = 5_000
_MOST_EXPECTED = 40
_log = logging.getLogger("scenario_async")


class _Address(NamedTuple):
    url: str | None
    until: datetime


class _Wanted:
    """Assets that are asked for together, and the task that asks."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.task: asyncio.Task[None]


class Addresses:
    """The signed URLs of assets.

    Args:
        fetch: Fetches previews of models, as the client does.
        now: The time of day, by which URLs expire.
    """

    def __init__(
        self, fetch: Fetch, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._fetch = fetch
        self._now = now
        self._known: dict[str, _Address] = {}
        self._expected: deque[frozenset[str]] = deque(maxlen=_MOST_EXPECTED)
        self._wanted: dict[str, _Wanted] = {}
        self._gathering: _Wanted | None = None
        self._paused_until: datetime | None = None

    def expect(self, asset_ids: Iterable[str]) -> None:
        """Note assets that are shown together: with the first that is asked for all are."""
        self._expected.append(frozenset(asset_ids))

    async def url(self, asset_id: str) -> str | None:
        """The URL of an asset; ``None`` where the service has none, or does not answer."""
        known = self._fresh(asset_id)
        if known is None and not self._paused():
            wanted = self._wanted.get(asset_id)
            task = self._look_up(asset_id) if wanted is None else wanted.task
            # Others wait for the same: whoever leaves does not end it.
            await asyncio.wait((task,))
            if task.cancelled():
                return None
            task.result()
            known = self._fresh(asset_id)
        return None if known is None else known.url

    def forget(self, asset_id: str) -> None:
        """Look an asset up anew when it is asked for again: its URL is refused."""
        self._known.pop(asset_id, None)

    async def aclose(self) -> None:
        """End what is under way."""
        tasks = {wanted.task for wanted in self._wanted.values()}
        for task in tasks:
            task.cancel()
        await until_done(tuple(tasks))

    def _fresh(self, asset_id: str) -> _Address | None:
        known = self._known.get(asset_id)
        return known if known is not None and self._now() < known.until else None

    def _paused(self) -> bool:
        return self._paused_until is not None and self._now() < self._paused_until

    def _look_up(self, asset_id: str) -> asyncio.Task[None]:
        """Look an asset up, together with what is shown beside it."""
        wanted = self._gathering
        if wanted is None:
            wanted = self._gathering = _Wanted()
            wanted.task = asyncio.create_task(self._run(wanted), name="pictures looked up")
        groups = (group for group in self._expected if asset_id in group)
        beside = (one for group in groups for one in group if self._fresh(one) is None)
        for one in (asset_id, *beside):
            if one not in self._wanted:
                self._wanted[one] = wanted
                wanted.ids.append(one)
        return wanted.task

    async def _run(self, wanted: _Wanted) -> None:
        try:
            await asyncio.sleep(_GATHERED_FOR)
            if self._gathering is wanted:
                self._gathering = None
            await self._ask(wanted.ids)
        finally:
            for asset_id in wanted.ids:
                del self._wanted[asset_id]

    def _until(self, preview: Preview) -> datetime:
        """Until when its URL is handed out."""
        now, expires_at = self._now(), preview.expires_at
        # One that expired in the year 1 leaves no room for a margin before it.
        return now + _KEPT if expires_at is None else max(now, expires_at) - _MARGIN

    async def _ask(self, asset_ids: Sequence[str]) -> None:
        """Ask for the URLs of some assets, in one request for 200 of them."""
        models = [Model(id=one, example_asset_ids=(one,)) for one in asset_ids]
        found: dict[str, _Address] = {}
        try:
            async with aclosing(self._fetch(models)) as previews:
                async for preview in previews:
                    if isinstance(preview, Preview) and preview.kind in (None, "image"):
                        found[preview.model_id] = _Address(preview.url, self._until(preview))
        except ScenarioError as error:
            self._paused_until = self._now() + _PAUSE
            _log.info("%d pictures could not be looked up: %s", len(asset_ids), error)
            return
        missing = _Address(None, self._now() + _KEPT)
        for asset_id in asset_ids:
            self._known.pop(asset_id, None)
            self._known[asset_id] = found.get(asset_id, missing)
        while len(self._known) > _MOST_KEPT:
            del self._known[next(iter(self._known))]
