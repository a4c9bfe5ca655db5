"""The gallery on a port of this machine."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

__all__ = ["serving"]

_SHUTDOWN = 0.5  # seconds that a browser has for what is under way


@asynccontextmanager
async def serving(app: web.Application, host: str, port: int) -> AsyncGenerator[int]:
    """Answer on a port, which is given; with 0 on any that is free.

    What is asked for is logged nowhere.

    Raises:
        OSError: It cannot listen there.
    """
    runner = web.AppRunner(
        app, access_log=None, handler_cancellation=True, shutdown_timeout=_SHUTDOWN
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield site.port
    finally:
        await runner.cleanup()
