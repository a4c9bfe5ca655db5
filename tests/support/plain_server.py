"""A server that writes what a test says, for answers that no sandbox gives."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Iterable

__all__ = ["PlainServer", "answer", "serving"]


@dataclass
class PlainServer:
    """What it saw.

    Attributes:
        port: Where it listens on loopback.
        requests: The head of each request, as it came.
        written: How many bytes of answers it got rid of.
        connections: How many there were, also without a request.
    """

    port: int = 0
    requests: list[bytes] = field(default_factory=list[bytes])
    written: int = 0
    connections: int = 0


@asynccontextmanager
async def serving(
    pieces: Iterable[bytes], *, context: ssl.SSLContext | None = None, at_once: bool = False
) -> AsyncGenerator[PlainServer]:
    """Answer every request with these pieces, until the client goes away, and close.

    With ``at_once`` whatever comes first, not only a request, is answered.
    """
    seen = PlainServer()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        with suppress(OSError, asyncio.IncompleteReadError):
            until = (await reader.read(1)) if at_once else await reader.readuntil(b"\r\n\r\n")
            seen.requests.append(until)
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                seen.written += len(piece)
            writer.close()
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    seen.port = server.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        server.close()
        await server.wait_closed()


def answer(body: bytes, *, status: str = "200 OK", **headers: str) -> bytes:
    """The bytes of an answer; the names of headers have underscores."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: application/json"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
