"""An answer costs no more than was allowed, whatever it says of its size."""

from __future__ import annotations

import gzip
import itertools
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from support.plain_server import answer, serving

from scenario_async import APIResponseValidationError, APIStatusError, EventHooks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.client import Connect

    from scenario_async import ResponseEvent
    from scenario_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio

MIB = 1024 * 1024


def chunked(piece: bytes, *, status: str = "200 OK") -> Iterator[bytes]:
    """A body without an end."""
    yield f"HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    yield from itertools.repeat(b"%x\r\n%b\r\n" % (len(piece), piece))


async def test_an_answer_that_inflates_beyond_the_limit_is_refused_and_not_asked_for_again(
    connect: Connect,
) -> None:
    bomb = answer(gzip.compress(bytes(300 * MIB)), Content_Encoding="gzip")
    assert len(bomb) < MIB
    async with serving([bomb]) as server:
        url = f"http://127.0.0.1:{server.port}/v1"
        async with connect(base_url=url, max_response_size=4 * MIB) as scenario:
            tracemalloc.start()
            try:
                with pytest.raises(
                    APIResponseValidationError, match=r"max_response_size is 4,194,304 bytes"
                ) as caught:
                    await scenario.models.private()
                peak = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

    assert len(server.requests) == 1
    assert caught.value.status_code == 200
    assert peak < 64 * MIB


async def test_an_answer_without_an_end_is_left_at_the_limit(connect: Connect) -> None:
    async with serving(chunked(bytes(64 * 1024))) as server:
        url = f"http://127.0.0.1:{server.port}/v1"
        async with connect(base_url=url, max_response_size=MIB) as scenario:
            with pytest.raises(APIResponseValidationError, match="has more, and max_response_size"):
                await scenario.models.private()

    assert len(server.requests) == 1


async def test_an_answer_that_says_it_is_too_large_is_not_read(connect: Connect) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
    async with serving([head, bytes(10)]) as server:
        url = f"http://127.0.0.1:{server.port}/v1"
        async with connect(base_url=url, max_response_size=999_999) as scenario:
            with pytest.raises(APIResponseValidationError, match="has 1,000,000 bytes"):
                await scenario.models.private()

    assert len(server.requests) == 1


async def test_an_answer_of_just_the_size_allowed_is_taken(
    connect: Connect, sandbox: Sandbox
) -> None:
    seen: list[ResponseEvent] = []
    hooks = EventHooks(on_response=seen.append)
    async with connect(event_hooks=hooks) as scenario:
        page = await scenario.models.private()
        size = seen[0].size
        again = await scenario.with_options(max_response_size=size).models.private()
        with pytest.raises(APIResponseValidationError, match="max_response_size"):
            await scenario.with_options(max_response_size=size - 1).models.private()

    assert [model.id for model in again.models] == [model.id for model in page.models]
    assert len(sandbox.requests) == 3


@pytest.mark.parametrize("status", ["400 Bad Request", "404 Not Found"])
async def test_of_an_error_only_the_beginning_is_read(connect: Connect, status: str) -> None:
    async with serving(chunked(b"x" * 4096, status=status)) as server:
        url = f"http://127.0.0.1:{server.port}/v1"
        async with connect(base_url=url) as scenario:
            with pytest.raises(APIStatusError) as caught:
                await scenario.models.private()

    assert caught.value.body == "x" * 64 * 1024
    assert len(server.requests) == 1
