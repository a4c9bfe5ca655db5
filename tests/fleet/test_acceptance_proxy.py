"""The network that fails without a word, as the tests of a fleet have it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from support.client import until
from support.tcp_proxy import TcpProxy, proxied

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

pytestmark = [pytest.mark.anyio, pytest.mark.one_loop]

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Server:
    """Notes what comes, and sends it back."""

    def __init__(self) -> None:
        self.heard = b""
        self.ended = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(100):
                self.heard += piece
                writer.write(piece)
        except ConnectionError:
            pass
        finally:
            self.ended += 1
            writer.close()


@asynccontextmanager
async def connected() -> AsyncGenerator[tuple[_Server, TcpProxy, Ends]]:
    behind = _Server()
    server = await asyncio.start_server(behind.serve, "127.0.0.1", 0)
    async with proxied(server.sockets[0].getsockname()[1]) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"1")
        assert await reader.readexactly(1) == b"1"
        yield behind, proxy, (reader, writer)
        writer.close()
    server.close()
    await server.wait_closed()
    await until(lambda: behind.ended == 1)


async def turns() -> None:
    """As many passes of the loop as would bring anything through."""
    for _ in range(200):
        await asyncio.sleep(0)


async def test_nothing_comes_through_a_held_proxy_and_all_of_it_afterwards() -> None:
    async with connected() as (behind, proxy, (reader, writer)):
        proxy.hold()
        writer.write(b"2")
        late, late_writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        await until(lambda: proxy.connections == 2)
        await turns()
        assert behind.heard == b"1"

        proxy.go_on()
        assert await reader.readexactly(1) == b"2"
        late_writer.close()
        await until(lambda: proxy.connections == 1)
        assert await late.read() == b""
        await until(lambda: behind.ended == 1)
        behind.ended = 0  # that was the other connection


async def test_the_end_of_a_connection_does_not_come_through_a_held_proxy() -> None:
    async with connected() as (behind, proxy, (_, writer)):
        proxy.hold()
        writer.close()
        await turns()
        assert not behind.ended
        proxy.go_on()
        await until(lambda: behind.ended == 1)


async def test_a_server_that_gives_up_is_not_heard_of_until_the_proxy_goes_on() -> None:
    async with connected() as (behind, proxy, (reader, writer)):
        proxy.hold()
        proxy.end_behind()
        await until(lambda: behind.ended == 1)
        writer.write(b"2")
        reading = asyncio.ensure_future(reader.read(1))
        await turns()
        assert not reading.done()
        proxy.go_on()
        with suppress(ConnectionError):
            assert await reading == b""


async def test_connections_are_reset_on_both_sides() -> None:
    async with connected() as (behind, proxy, (reader, _)):
        proxy.end()
        with suppress(ConnectionError):
            assert await reader.read(1) == b""
        await until(lambda: behind.ended == 1)
        assert behind.heard == b"1"
