"""A proxy in front of a server that can stop to forward, as a network does that loses a machine."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

_PIECE = 65536


class StallingProxy:
    """Forwards what comes on its port; what comes while it stalls is kept, and nobody is told.

    Attributes:
        port: On the loopback interface.
    """

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._flows = asyncio.Event()
        self._flows.set()
        self._pumps: set[asyncio.Task[None]] = set()
        self.port = 0

    def stall(self) -> None:
        """Forward nothing from now on."""
        self._flows.clear()

    def go_on(self) -> None:
        """Forward what was kept, and what comes."""
        self._flows.set()

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[StallingProxy]:
        """Listen on a free port until left."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for pump in self._pumps:
                pump.cancel()
            await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(*self._to)
        for pump in (self._pump(reader, back), self._pump(there, writer)):
            task = asyncio.ensure_future(pump)
            self._pumps.add(task)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError):
                while piece := await source.read(_PIECE):
                    await self._flows.wait()
                    sink.write(piece)
                    await sink.drain()
        finally:
            sink.close()
            with suppress(ConnectionError):
                await sink.wait_closed()


@asynccontextmanager
async def stalling(url: str) -> AsyncGenerator[tuple[StallingProxy, str]]:
    """A proxy in front of the database of a URL, and the URL through it."""
    place = urlsplit(url)
    proxy = StallingProxy(place.hostname or "", place.port or 0)
    async with proxy.listening():
        netloc = f"{place.username}@127.0.0.1:{proxy.port}"
        yield proxy, place._replace(netloc=netloc).geturl()
