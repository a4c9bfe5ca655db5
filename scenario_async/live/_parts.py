"""What a live catalogue is made of: begun when it is entered, and ended when it is left."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import anyio

from scenario_async import UsageError
from scenario_async._context import context_of
from scenario_async._http import LoopBudget
from scenario_async._retrieval import PreviewUrls
from scenario_async.sync import CatalogStore

from ._deltas import Feed
from ._errors import NotLoadedError
from ._reader import StoreReader
from ._refresher import Refresher

if TYPE_CHECKING:
    from ._arguments import Settings

__all__ = ["Parts"]

ModelT = TypeVar("ModelT")
_IN_MEMORY = "sqlite://"
# Whoever gets the URL of a picture has this long to load it.
_MARGIN = timedelta(minutes=10)


class Parts(Generic[ModelT]):
    """The parts of a live catalogue.

    Args:
        settings: What users gave.
        type_: What the models become.

    Attributes:
        feed: Tells of changes.
        reader: Reads the store; ``None`` before the store is open, as the others are.
        refresher: Keeps it fresh.
        previews: Has URLs of pictures; ``None`` for a reader as well.
        closed: Whether it was left.
    """

    def __init__(self, settings: Settings, type_: type[Any]) -> None:
        self._settings = settings
        self._type = type_
        self._held = AsyncExitStack()
        self.feed: Feed[ModelT] = Feed()
        self.reader: StoreReader[ModelT] | None = None
        self.refresher: Refresher | None = None
        self.previews: PreviewUrls | None = None
        self.closed = False

    @property
    def error(self) -> Exception | None:
        """What the last refresh failed with."""
        return None if self.refresher is None else self.refresher.error

    async def begin(self) -> None:
        """Begin, and wait for what ``start`` says.

        Raises:
            UsageError: It was begun before, or the store is not open.
            NotLoadedError: There is no copy to start with.
            ScenarioError: The first refresh failed.
        """
        if self.reader is not None or self.closed:
            raise UsageError("a live catalogue is entered once: make another one")
        try:
            await self._begin()
        except BaseException:
            await self.end()
            raise

    async def end(self) -> None:
        """End all of them, the last first, whatever becomes of the others."""
        self.closed = True
        with anyio.CancelScope(shield=True):
            await self._held.aclose()

    async def _begin(self) -> None:
        self._held.callback(self.feed.close)
        settings, store = self._settings, self._settings.store
        if store is None:
            store = await self._held.enter_async_context(CatalogStore.open(_IN_MEMORY))
        client = settings.client
        budget = LoopBudget() if client is None else context_of(client).requester.loop_budget
        reader = StoreReader(store, settings.scopes, self._type, self.feed.tell, budget)
        self.reader = reader
        if settings.start != "background":
            await reader.read_stored()
        if settings.start == "stored" and reader.as_of is None:
            scopes = ", ".join(settings.scopes)
            raise NotLoadedError(f"the store has no complete copy of {scopes}: run a sync first")
        seen = await reader.status()
        if client is not None:
            # A row that cannot be read is a model without a picture, and does not fail others.
            fetch = partial(client.models.previews, on_invalid=lambda _: None)
            self.previews = PreviewUrls(fetch, margin=_MARGIN)
            left = UsageError("the live catalogue was left before the previews came")
            self._held.push_async_callback(self.previews.end, left)
        self.refresher = Refresher(settings, store, reader)
        self._held.push_async_callback(self.refresher.stop)
        self.refresher.start()
        if settings.start == "wait":
            await self.refresher.loaded(seen)
