"""A TCP proxy on which a network can fail without a word: nothing comes through, nothing ends."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

__all__ = ["TcpProxy", "proxied"]

_PIECE = 65536


class TcpProxy:
    """Forwards connections on loopback to a port, and stops when it is told to.

    A held proxy takes connections, as a network does that loses what is sent: whoever connects
    waits. The end of a connection does not come through either.

    Attributes:
        port: Where it listens.
        connections: How many are open.
    """

    def __init__(self, target: int) -> None:
        self.port = 0
        self._target = target
        self._flows = asyncio.Event()
        self._flows.set()
        self._connections: set[_Connection] = set()

    @property
    def connections(self) -> int:
        """How many are open on the side of those who connected."""
        return len(self._connections)

    def hold(self) -> None:
        """Forward nothing from now on, in both directions."""
        self._flows.clear()

    def go_on(self) -> None:
        """Forward again, beginning with what was held back."""
        self._flows.set()

    def end_behind(self) -> None:
        """Let the server see the end of all connections, as its keep-alive would find it.

        Whoever connected learns of it when the proxy goes on.
        """
        for connection in self._connections:
            connection.abort_behind()

    def end(self) -> None:
        """Reset all connections on both sides."""
        for connection in tuple(self._connections):
            connection.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection until it has ended on both sides."""
        connection = _Connection(reader, writer, self._flows)
        self._connections.add(connection)
        try:
            await connection.forward(self._target)
        finally:
            connection.abort()
            self._connections.discard(connection)


class _Connection:
    """One connection through the proxy."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flows: asyncio.Event
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._flows = flows
        self._behind: asyncio.StreamWriter | None = None
        self._ended = False

    def abort_behind(self) -> None:
        self._ended = True
        if self._behind is not None:
            self._behind.transport.abort()

    def abort(self) -> None:
        self.abort_behind()
        self._writer.transport.abort()

    async def forward(self, target: int) -> None:
        await self._flows.wait()
        if self._ended:
            return
        try:
            reader, self._behind = await asyncio.open_connection("127.0.0.1", target)
        except OSError:
            return  # nobody listens, which the other side sees as a reset
        both = [
            asyncio.ensure_future(self._pump(self._reader, self._behind)),
            asyncio.ensure_future(self._pump(reader, self._writer)),
        ]
        try:
            # PostgreSQL and its clients never close one direction alone.
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            await asyncio.wait(both)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(_PIECE):
                await self._flows.wait()
                writer.write(piece)
                await writer.drain()
        # Its end takes the same way as what came before.
        await self._flows.wait()
        with suppress(OSError):
            writer.close()
            await writer.wait_closed()


@asynccontextmanager
async def proxied(target: int) -> AsyncGenerator[TcpProxy]:
    """A proxy to a port of loopback, for as long as the block is open."""
    proxy = TcpProxy(target)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.go_on()
        proxy.end()
        await server.wait_closed()
        while proxy.connections:  # noqa: ASYNC110 - their tasks end in the next passes of the loop
            await asyncio.sleep(0)
