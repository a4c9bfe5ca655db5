"""URLs of pictures: asked for together, each once, and kept until shortly before they expire."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

import anyio

from scenario_async._errors import ScenarioError
from scenario_async._http import until_done
from scenario_async.types import Model
from scenario_async.types._preview import Preview

from .planner import Missing

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FetchPreviews", "PreviewUrls"]

FetchPreviews: TypeAlias = Callable[
    [Iterable[Model | str]], AsyncGenerator[Preview | Missing, None]
]
"""Fetches the previews of models, as the client does."""

# For URLs that do not say when they expire, and for models without a picture.
_KEPT = timedelta(minutes=10)
# So many that are over do no harm.
_FEW = 1_000


class PreviewUrls:
    """The URLs of the pictures of models.

    Args:
        fetch: Fetches the previews of some models, in their order.
        margin: How long whoever gets a URL has to load what it leads to.
        gather: How many seconds others may ask, to be asked for together; 0 is one pass of the
            loop.
        most: How many are kept at most.
        now: The time of day, by which URLs expire.
    """

    def __init__(
        self,
        fetch: FetchPreviews,
        *,
        margin: timedelta,
        gather: float = 0.0,
        most: int = sys.maxsize,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._fetch = fetch
        self._margin = margin
        self._gather = gather
        self._most = most
        self._now = now
        self._pictures: dict[str, _Picture] = {}
        self._left = _FEW
        self._wanted: dict[str, Model | str] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __contains__(self, model_id: str) -> bool:
        """Whether a URL is there, or is being asked for."""
        picture = self._pictures.get(model_id)
        return picture is not None and not picture.over(self._now())

    def forget(self, model_id: str) -> None:
        """Ask for a URL anew when it is wanted again: the one that came is refused."""
        picture = self._pictures.get(model_id)
        if picture is not None and not picture.is_awaited:
            del self._pictures[model_id]

    async def urls(self, models: Mapping[str, Model | str]) -> dict[str, str | None]:
        """The URLs of some models by their ids; ``None`` for a model without a picture.

        A cancellation ends the waiting, and not the requests: others may wait for the same.

        Args:
            models: By their ids; each may be its id itself, and takes more requests then.

        Raises:
            ScenarioError: A request failed, or all was ended meanwhile.
        """
        self.want(models)
        pictures = {model_id: self._pictures[model_id] for model_id in models}
        return {model_id: await picture.url() for model_id, picture in pictures.items()}

    def want(self, models: Mapping[str, Model | str]) -> None:
        """Ask for those that are not there, without waiting for them."""
        for model_id, model in models.items():
            if model_id not in self:
                self._pictures[model_id] = _Picture()
                if not self._wanted:
                    task = asyncio.create_task(self._fetch_wanted(), name="previews")
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)
                self._wanted[model_id] = model

    async def end(self, error: Exception) -> None:
        """End what is under way; this is raised to those who wait for it."""
        self._fail(dict(self._pictures), error)
        self._wanted = {}
        for task in self._tasks:
            task.cancel()
        await until_done(tuple(self._tasks))

    async def _fetch_wanted(self) -> None:
        await asyncio.sleep(self._gather)
        wanted, self._wanted = self._wanted, {}
        # One that is over before the others have come is asked for again, with another request.
        pictures = {model_id: self._pictures[model_id] for model_id in wanted}
        self._forget_some()
        try:
            async with aclosing(self._fetch(wanted.values())) as found:
                async for one in found:
                    if isinstance(one, Preview):
                        pictures[one.model_id].come(one.url, self._until(one.expires_at))
            for picture in pictures.values():
                if picture.is_awaited:
                    picture.come(None, self._until(None))
        except Exception as failure:  # noqa: BLE001 - raised to those who wait
            self._fail(pictures, failure)
        finally:
            # Where nobody ended this: a future below was cancelled, or a hook raised it.
            self._fail(
                pictures, ScenarioError("something that the previews waited for was cancelled")
            )

    def _until(self, expires_at: datetime | None) -> datetime:
        """Until when a URL is given that expires then."""
        now = self._now()
        # One that expired in the year 1 leaves no room for a margin before it.
        return now + _KEPT if expires_at is None else max(now, expires_at) - self._margin

    def _forget_some(self) -> None:
        """Forget what is over, and the oldest above the most: whoever asks may make up ids."""
        if len(self._pictures) > min(2 * self._left, self._most):
            now = self._now()
            kept = [(key, one) for key, one in self._pictures.items() if not one.over(now)]
            self._pictures, self._left = dict(kept[-self._most :]), max(_FEW, len(kept))

    def _fail(self, pictures: Mapping[str, _Picture], error: Exception) -> None:
        """Tell those who wait for these pictures that they do not come."""
        for model_id, picture in pictures.items():
            if picture.is_awaited:
                if self._pictures.get(model_id) is picture:
                    del self._pictures[model_id]
                picture.fail(error)


class _Picture:
    """The picture of one model, for all who wait for it and who come later."""

    def __init__(self) -> None:
        self._there = anyio.Event()
        self._until: datetime | None = None
        self._url: str | None = None
        self._error: Exception | None = None

    @property
    def is_awaited(self) -> bool:
        """Whether it has not come yet."""
        return not self._there.is_set()

    def over(self, now: datetime) -> bool:
        """Whether it has come, and expires soon."""
        return self._until is not None and self._until <= now

    def come(self, url: str | None, until: datetime) -> None:
        self._url, self._until = url, until
        self._there.set()

    def fail(self, error: Exception) -> None:
        self._error = error
        self._there.set()

    async def url(self) -> str | None:
        await self._there.wait()
        if self._error is not None:
            # Several raise it, and none of them the frames of the others.
            raise self._error.with_traceback(None)
        return self._url
