"""A gallery in a thread of its own, for a browser that is driven from this one."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from aiohttp import web

from scenario_async import AsyncScenario
from scenario_async.gallery import application
from scenario_async.sync import CatalogStore, sync

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator
    from pathlib import Path

    from scenario_async.sandbox import Sandbox

__all__ = ["Gallery", "Run", "gallery_of"]

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Run:
    """A run of a sync."""

    future: Future[None]
    ended: threading.Event

    def finish(self) -> None:
        """Wait until it is complete."""
        self.future.result()

    def cancel(self) -> None:
        """Cancel it, and wait until it has ended."""
        self.future.cancel()
        self.ended.wait()


@dataclass(frozen=True, slots=True)
class Gallery:
    """A gallery that runs.

    Attributes:
        url: Where it is.
        store: What it shows.
        scenario: A client of its service.
        loop: In which both of them are.
    """

    url: str
    store: CatalogStore
    scenario: AsyncScenario
    loop: asyncio.AbstractEventLoop

    def sync(self) -> Run:
        """Begin to copy all models into the store."""
        ended = threading.Event()

        async def copy() -> None:
            try:
                await sync(self.scenario, self.store, scopes=["public", "private"])
            finally:
                ended.set()

        return Run(asyncio.run_coroutine_threadsafe(copy(), self.loop), ended)


@contextmanager
def gallery_of(
    database: Path, sandbox: Sandbox, *, pictures: Path, asks: bool = True
) -> Generator[Gallery]:
    """Show a store, with pictures of the sandbox unless it ``asks`` nobody."""
    started: Future[tuple[Gallery, Callable[[], object]]] = Future()

    async def serve() -> None:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with AsyncExitStack() as held:
            scenario = await held.enter_async_context(
                AsyncScenario(
                    base_url=sandbox.base_url,
                    api_key=sandbox.api_key,
                    api_secret=sandbox.api_secret,
                    max_retries=0,
                )
            )
            store = await held.enter_async_context(CatalogStore.open(f"sqlite:///{database}"))
            app = application(store, scenario=scenario if asks else None, pictures=pictures)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
            held.push_async_callback(runner.cleanup)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            gallery = Gallery(f"http://127.0.0.1:{site.port}/", store, scenario, loop)
            started.set_result((gallery, lambda: loop.call_soon_threadsafe(stopped.set)))
            await stopped.wait()

    thread = threading.Thread(target=_in_loop, args=(serve, started), name="gallery", daemon=True)
    thread.start()
    gallery, stop = started.result()
    try:
        yield gallery
    finally:
        stop()
        thread.join()


def _in_loop(serve: Callable[[], Awaitable[None]], started: Future[ResultT]) -> None:
    async def run() -> None:
        await serve()

    try:
        asyncio.run(run())
    except BaseException as error:
        if started.done():
            raise
        started.set_exception(error)
