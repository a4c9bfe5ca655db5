"""Pictures by the ids of their assets: from the disk, else from the service."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import anyio.to_thread

from scenario_async._http import until_done

from .addresses import Addresses
from .content import content_type, is_asset_id
from .disk_cache import DiskCache
from .downloads import Downloads, ExpiredURLError, NoPictureError
from .folders import cache_folder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scenario_async import AsyncScenario

__all__ = ["Picture", "Pictures"]

MEGABYTE = 1_000_000
# Six in memory at once are less than a hundred megabytes.
_LARGEST = 16 * MEGABYTE
_AT_ONCE = 6
_SECONDS = 60.0
# Seconds of the loop until a picture that failed is tried again.
_PAUSE = 60.0
_MOST_FAILED = 5_000
_log = logging.getLogger("scenario_async")


class Picture(NamedTuple):
    """A picture that can be sent.

    Attributes:
        content: What it consists of.
        content_type: As in HTTP, such as ``image/webp``.
    """

    content: bytes
    content_type: str


class Pictures:
    """Pictures by the ids of their assets. Used with ``async with``.

    A picture stays the same under its id, so it is fetched once and then kept on disk.

    Args:
        scenario: The client that looks up URLs, at its own pace; without one there is what is kept.
        folder: Where pictures are kept; the user's folder for caches if left out.
        most_bytes: How many bytes are kept; what was not used for longest is removed first.
        timeout: How many seconds :meth:`open` waits. A browser asks a host for few things at once:
            pictures that do not come would keep it from all others.
    """

    def __init__(
        self,
        *,
        scenario: AsyncScenario | None = None,
        folder: Path | None = None,
        most_bytes: int = 500 * MEGABYTE,
        timeout: float = 3.0,
    ) -> None:
        self._addresses = None if scenario is None else Addresses(scenario.models.previews)
        self._folder = folder
        self._most_bytes = most_bytes
        self._timeout = timeout
        self._cache: DiskCache | None = None
        self._downloads = Downloads(most_bytes=_LARGEST, seconds=_SECONDS, at_once=_AT_ONCE)
        self._fetched: dict[str, _Fetched] = {}
        self._failed: dict[str, float] = {}
        self._held = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._cache = DiskCache(self._folder or _users_folder(), self._most_bytes)
        await anyio.to_thread.run_sync(self._cache.clean)
        await self._held.enter_async_context(self._downloads)
        return self

    async def __aexit__(self, *_: object) -> None:
        with anyio.CancelScope(shield=True):
            tasks = tuple(fetched.task for fetched in self._fetched.values())
            for task in tasks:
                task.cancel()
            await until_done(tasks)
            if self._addresses is not None:
                await self._addresses.aclose()
            await self._held.aclose()

    def expect(self, asset_ids: Iterable[str]) -> None:
        """Note the assets of a page: with the first picture of it the URLs of all are asked for.

        No request is made where none of them is opened, or where all are kept.
        """
        if self._addresses is not None:
            self._addresses.expect(one for one in asset_ids if is_asset_id(one))

    async def open(self, asset_id: str) -> Picture | None:
        """The picture of an asset; ``None`` where there is none, or none in time.

        One that does not come in time is fetched all the same, and is there later.
        """
        if not is_asset_id(asset_id):
            return None
        kept = await self._kept(asset_id)
        if kept is not None or self._addresses is None:
            return kept
        fetched = self._fetched.get(asset_id)
        if fetched is None:
            if self._failed_lately(asset_id):
                return None
            fetched = self._fetched[asset_id] = _Fetched(
                asyncio.create_task(self._fetch(asset_id, self._addresses), name="picture"),
                _now() + self._timeout,
            )
        # Others may wait for the same: whoever leaves does not end it.
        await asyncio.wait((fetched.task,), timeout=max(0.0, fetched.awaited_until - _now()))
        if not fetched.task.done() or fetched.task.cancelled():
            return None
        return fetched.task.result()

    async def _kept(self, asset_id: str) -> Picture | None:
        assert self._cache is not None  # noqa: S101 - entered first
        content = await anyio.to_thread.run_sync(self._cache.get, asset_id)
        if content is None:
            return None
        kind = content_type(content)
        if kind is None:  # not what was written
            await anyio.to_thread.run_sync(self._cache.remove, asset_id)
            return None
        return Picture(content, kind)

    async def _fetch(self, asset_id: str, addresses: Addresses) -> Picture | None:
        """Fetch a picture and keep it."""
        try:
            content = await self._download(asset_id, addresses)
            if content is None:
                return None
            assert self._cache is not None  # noqa: S101 - entered first
            await anyio.to_thread.run_sync(self._cache.put, asset_id, content)
            return Picture(content, content_type(content) or "")
        except NoPictureError as error:
            _log.info("no picture of the asset %s: %s", asset_id, error)
            self._failed[asset_id] = _now() + _PAUSE
            return None
        finally:
            del self._fetched[asset_id]

    async def _download(self, asset_id: str, addresses: Addresses) -> bytes | None:
        url = await addresses.url(asset_id)
        if url is None:
            return None
        try:
            return await self._downloads.fetch(url)
        except ExpiredURLError:
            addresses.forget(asset_id)
            url = await addresses.url(asset_id)
            return None if url is None else await self._downloads.fetch(url)

    def _failed_lately(self, asset_id: str) -> bool:
        if len(self._failed) > _MOST_FAILED:
            self._failed = {one: until for one, until in self._failed.items() if until > _now()}
        return self._failed.get(asset_id, 0.0) > _now()


class _Fetched(NamedTuple):
    """A picture that is being fetched.

    Attributes:
        task: Fetches it.
        awaited_until: For how long whoever wants it waits.
    """

    task: asyncio.Task[Picture | None]
    awaited_until: float


def _now() -> float:
    return asyncio.get_running_loop().time()


def _users_folder() -> Path:
    return cache_folder(sys.platform, os.environ, Path("~").expanduser())
