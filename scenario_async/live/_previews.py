"""URLs of pictures: asked for together, each once, and kept until shortly before they expire."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

import anyio

from scenario_async import Model, Preview, ScenarioError, UsageError
from scenario_async._http import until_done
from scenario_async._retrieval import check_id

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Mapping

    from scenario_async import Missing

    from ._reader import StoreReader

    Fetch: TypeAlias = Callable[[Iterable[Model | str]], AsyncGenerator[Preview | Missing, None]]

__all__ = ["PreviewUrls"]

# Whoever gets a URL has this long to load what it leads to.
_MARGIN = timedelta(minutes=10)
# For URLs that do not say when they expire, and for models without a picture.
_KEPT = timedelta(minutes=10)
# So many that are over do no harm.
_FEW = 1_000


class PreviewUrls:
    """The URLs of the pictures of models.

    Args:
        fetch: Fetches the previews of some models, in their order.
        reader: What has models that may be asked for by their ids.
    """

    def __init__(self, fetch: Fetch, reader: StoreReader[Any]) -> None:
        self._fetch = fetch
        self._reader = reader
        self._pictures: dict[str, _Picture] = {}
        self._left = _FEW
        self._wanted: dict[str, Model | str] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def urls(self, models: Iterable[Model | str]) -> dict[str, str | None]:
        """The URLs of some models by their ids; ``None`` for a model without a picture.

        A cancellation ends the waiting, and not the requests: others may wait for the same.

        Raises:
            TypeError: One is neither a model nor an id, or it is one for several.
            ValueError: An id is empty.
            UsageError: It was ended meanwhile.
            APIError: A request failed.
        """
        # One that cannot be asked for must not fail for others who ask at the same time.
        given = _by_id(models)
        pictures = {model_id: self._picture(model_id, one) for model_id, one in given.items()}
        return {model_id: await picture.url() for model_id, picture in pictures.items()}

    async def end(self) -> None:
        """End what is under way; who waits for it is told so."""
        left = UsageError("the live catalogue was left before the previews came")
        self._fail(dict(self._pictures), left)
        for task in self._tasks:
            task.cancel()
        await until_done(tuple(self._tasks))

    def _picture(self, model_id: str, model: Model | str) -> _Picture:
        picture = self._pictures.get(model_id)
        if picture is None or picture.over(datetime.now(UTC)):
            picture = self._pictures[model_id] = _Picture()
            if not self._wanted:
                task = asyncio.create_task(self._fetch_wanted(), name="previews")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            # A model takes fewer requests than its id.
            known = self._reader.snapshot.get(model_id) if isinstance(model, str) else model
            self._wanted[model_id] = known if isinstance(known, Model) else model
        return picture

    async def _fetch_wanted(self) -> None:
        # All who ask in this pass of the loop are asked for together.
        await asyncio.sleep(0)
        wanted, self._wanted = self._wanted, {}
        # One that is over before the others have come is asked for again, with another request.
        pictures = {model_id: self._pictures[model_id] for model_id in wanted}
        self._forget_some()
        try:
            async with aclosing(self._fetch(wanted.values())) as found:
                async for one in found:
                    if isinstance(one, Preview):
                        pictures[one.model_id].come(one, datetime.now(UTC))
            for picture in pictures.values():
                if picture.is_awaited:
                    picture.come(None, datetime.now(UTC))
        except Exception as failure:  # noqa: BLE001 - raised to those who wait
            self._fail(pictures, failure)
        finally:
            # Where nobody ended this: a future below was cancelled, or a hook raised it.
            self._fail(
                pictures, ScenarioError("something that the previews waited for was cancelled")
            )

    def _forget_some(self) -> None:
        """Forget what is over, now and then: whoever asks may make up ids."""
        if len(self._pictures) > 2 * self._left:
            now = datetime.now(UTC)
            kept = {key: one for key, one in self._pictures.items() if not one.over(now)}
            self._pictures, self._left = kept, max(_FEW, len(kept))

    def _fail(self, pictures: Mapping[str, _Picture], error: Exception) -> None:
        """Tell those who wait for these pictures that they do not come."""
        for model_id, picture in pictures.items():
            if picture.is_awaited:
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

    def come(self, preview: Preview | None, now: datetime) -> None:
        self._until = now + _KEPT
        if preview is not None:
            self._url = preview.url
            if preview.expires_at is not None:
                self._until = preview.expires_at - _MARGIN
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


def _by_id(models: Iterable[Model | str]) -> dict[str, Model | str]:
    if isinstance(models, str | Model):
        raise TypeError(f"models must be several, such as [model], not one {type(models).__name__}")
    found: dict[str, Model | str] = {}
    for place, one in enumerate(models):
        if not isinstance(one, Model | str):  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
            raise TypeError(
                f"models[{place}] must be a Model or the id of one, not {type(one).__name__}"
            )
        found[one.id if isinstance(one, Model) else check_id(f"models[{place}]", one)] = one
    return found
