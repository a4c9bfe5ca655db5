"""Signed URLs of assets, those of a page together; none are asked for while the service is down."""

from __future__ import annotations

import logging
from collections import deque
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from scenario_async import Missing, Model, ScenarioError, UsageError
from scenario_async._retrieval import PreviewUrls

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable

    from scenario_async import Preview
    from scenario_async._retrieval import FetchPreviews

__all__ = ["Addresses"]

# Browsers ask for a few pictures at a time, and all of them within this.
_GATHERED_FOR = 0.02
_MARGIN = timedelta(minutes=1)
# After a failure nothing is asked for this long: a service that is down gets no more requests.
_PAUSE = timedelta(seconds=15)
_MOST_KEPT = 5_000
_MOST_EXPECTED = 40
_log = logging.getLogger("scenario_async")


class Addresses:
    """The signed URLs of assets.

    Args:
        fetch: Fetches previews of models, as the client does.
        now: The time of day, by which URLs expire.
    """

    def __init__(
        self, fetch: FetchPreviews, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._fetch = fetch
        self._now = now
        self._urls = PreviewUrls(
            self._images, margin=_MARGIN, gather=_GATHERED_FOR, most=_MOST_KEPT, now=now
        )
        self._expected: deque[frozenset[str]] = deque(maxlen=_MOST_EXPECTED)
        self._paused_until: datetime | None = None

    def expect(self, asset_ids: Iterable[str]) -> None:
        """Note assets that are shown together: with the first that is asked for all are."""
        self._expected.append(frozenset(asset_ids))

    async def url(self, asset_id: str) -> str | None:
        """The URL of an asset; ``None`` where the service has none, or does not answer."""
        if asset_id not in self._urls:
            if self._paused():
                return None
            together = (one for group in self._expected if asset_id in group for one in group)
            self._urls.want({one: _showing(one) for one in together})
        try:
            return (await self._urls.urls({asset_id: _showing(asset_id)}))[asset_id]
        except ScenarioError as error:
            if not self._paused():
                self._paused_until = self._now() + _PAUSE
                _log.info("pictures could not be looked up: %s", error)
            return None

    def forget(self, asset_id: str) -> None:
        """Look an asset up anew when it is asked for again: its URL is refused."""
        self._urls.forget(asset_id)

    async def aclose(self) -> None:
        """End what is under way."""
        await self._urls.end(UsageError("the gallery was left before they came"))

    def _paused(self) -> bool:
        return self._paused_until is not None and self._now() < self._paused_until

    async def _images(self, models: Iterable[Model | str]) -> AsyncGenerator[Preview, None]:
        """The previews that are pictures, and can be loaded."""
        async with aclosing(self._fetch(models)) as previews:
            async for one in previews:
                if isinstance(one, Missing) or one.kind not in (None, "image"):
                    continue
                if one.expires_at is None or one.expires_at > self._now():
                    yield one


def _showing(asset_id: str) -> Model:
    """A model that is shown with this asset: its preview is asked for."""
    return Model(id=asset_id, example_asset_ids=(asset_id,))
