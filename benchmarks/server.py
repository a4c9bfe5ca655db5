"""The service that is measured against: the sandbox, in a process of its own.

Four sandboxes run in it: the measured catalogue and one of 30 models to warm up with, each with
plain and with compressed answers. They keep every page that they were once asked for ready to be
sent, so that from the second run on they hardly compute.

It is spoken to in lines of JSON. It writes where it listens and what it has (``Announcement``); to
each ``Order`` on its standard input it answers with what it did since the last one (``Work``). It
ends with its input, so that none is left behind.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import msgspec
from processors import use_processor

from scenario_async.sandbox import Catalogue, Sandbox

if TYPE_CHECKING:
    from collections.abc import Mapping

WARM_UP_MODELS = 30
# Contenders ask for the same rows in other words, and each answer is kept: a row takes 4.5 KB in
# each of some seven listings.
CACHE_PER_MODEL = 32 * 1024
SMALLEST_CACHE = 256 * 1024 * 1024
RETRIEVED_MODELS = 700


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """Where the service listens and what it has.

    Attributes:
        plain: The URL of the measured catalogue, answers not compressed.
        gzip: The same, answers compressed with gzip.
        warm_up_plain: The URL of the small catalogue, answers not compressed.
        warm_up_gzip: The same, answers compressed with gzip.
        api_key: The API key that it takes.
        api_secret: The API secret that it takes.
        models: How many private models there are, and as many public ones.
        ids: Some ids of private models, for retrieving them one by one.
        warm_up_ids: The same from the small catalogue.
    """

    plain: str
    gzip: str
    warm_up_plain: str
    warm_up_gzip: str
    api_key: str
    api_secret: str
    models: int
    ids: list[str]
    warm_up_ids: list[str]


class Order(msgspec.Struct, frozen=True):
    """What the service is to do from now on.

    Attributes:
        latency: Seconds to wait before each answer of the measured catalogue.
    """

    latency: float


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What the service did since the order before.

    Attributes:
        requests: How many requests it got for the measured catalogue.
        cpu: The processor time that it took, in seconds.
    """

    requests: int
    cpu: float


async def serve(models: int) -> None:
    """Serve until standard input ends."""
    cache_bytes = max(SMALLEST_CACHE, models * CACHE_PER_MODEL)
    measured = Catalogue.seeded(public=models, private=models, kept_rows=2 * models)
    small = Catalogue.seeded(public=WARM_UP_MODELS, private=WARM_UP_MODELS)
    async with AsyncExitStack() as stack:
        sandboxes: Mapping[str, Sandbox] = {
            name: await stack.enter_async_context(
                Sandbox(catalogue, compression=compression, cache_bytes=cache_bytes)
            )
            for name, catalogue, compression in (
                ("plain", measured, False),
                ("gzip", measured, True),
                ("warm_up_plain", small, False),
                ("warm_up_gzip", small, True),
            )
        }
        # What is here now stays: the collector need not walk it in the middle of a measurement.
        gc.collect()
        gc.freeze()
        write(
            Announcement(
                plain=sandboxes["plain"].base_url,
                gzip=sandboxes["gzip"].base_url,
                warm_up_plain=sandboxes["warm_up_plain"].base_url,
                warm_up_gzip=sandboxes["warm_up_gzip"].base_url,
                api_key=sandboxes["plain"].api_key,
                api_secret=sandboxes["plain"].api_secret,
                models=len(measured.ids("private")),
                ids=measured.ids("private")[:RETRIEVED_MODELS],
                warm_up_ids=small.ids("private"),
            )
        )
        await obey((sandboxes["plain"], sandboxes["gzip"]))


async def obey(sandboxes: tuple[Sandbox, Sandbox]) -> None:
    """Follow orders until there are no more."""
    cpu = time.process_time()
    while line := await asyncio.to_thread(sys.stdin.readline):
        order = msgspec.json.decode(line, type=Order)
        requests = 0
        for sandbox in sandboxes:
            requests += len(sandbox.requests)
            sandbox.requests.clear()
            sandbox.latency = order.latency
        before, cpu = cpu, time.process_time()
        write(Work(requests=requests, cpu=cpu - before))


def write(value: msgspec.Struct) -> None:
    """Write one line."""
    print(msgspec.json.encode(value).decode(), flush=True)


def main() -> None:
    """Serve on the processor that the contenders leave alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, required=True, help="private, and as many public")
    arguments = parser.parse_args()
    use_processor("server")
    asyncio.run(serve(arguments.models))


if __name__ == "__main__":
    main()
