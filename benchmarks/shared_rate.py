"""Several processes with one key at one rate limit: how well they use it, and how evenly.

A sandbox with a limit runs in a process of its own; each client process retrieves a model as often
as it may. They know nothing of each other. Run it with ``nox -s bench``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scenario_async import AsyncScenario, EventHooks, RateLimitError
from scenario_async.sandbox import Catalogue, RateLimit, Sandbox

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    from scenario_async import ResponseEvent

TOO_MANY_REQUESTS = 429
CALLERS = 16  # in each process: twice its slots, as some wait for another attempt
CLOSE_TOGETHER = 0.5  # seconds between the starts of two clients


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What is measured; times in seconds."""

    processes: int
    rate: float
    burst: int
    latency: float
    seconds: float
    requests_per_second: float | None


@dataclass(frozen=True, kw_only=True)
class Count:
    """What one client process saw, in how many seconds."""

    good: int
    refused: int
    seconds: float


def serve(scene: Scene, address: Connection) -> None:
    """Run a sandbox until the other end of the pipe is closed."""
    sandbox = Sandbox(
        Catalogue.seeded(public=1, private=10, collections=1),
        latency=scene.latency,
        rate_limit=RateLimit(requests_per_second=scene.rate, burst=scene.burst),
    )
    with sandbox.in_thread():
        address.send((sandbox.base_url, sandbox.api_key, sandbox.api_secret))
        try:
            address.recv()
        except EOFError:
            return


def ask(scene: Scene, where: tuple[str, str, str], start: float, result: Connection) -> None:
    """Be one client process; ``start`` is a time of the clock that all processes share."""
    result.send(asyncio.run(_ask(scene, where, start)))


async def _ask(scene: Scene, where: tuple[str, str, str], start: float) -> Count:
    good = refused = 0

    def count(event: ResponseEvent) -> None:
        nonlocal good, refused
        if event.status_code == TOO_MANY_REQUESTS:
            refused += 1
        else:
            good += 1

    base_url, key, secret = where
    await asyncio.sleep(max(0.0, start - time.time()))
    begun = time.monotonic()
    async with AsyncScenario(
        base_url=base_url,
        api_key=key,
        api_secret=secret,
        requests_per_second=scene.requests_per_second,
        event_hooks=EventHooks(on_response=count),
    ) as scenario:

        async def call() -> None:
            while True:
                try:
                    await scenario.models.private(page_size=1)
                except RateLimitError:
                    continue

        callers = [asyncio.create_task(call()) for _ in range(CALLERS)]
        ended, _ = await asyncio.wait(
            callers, timeout=scene.seconds, return_when=asyncio.FIRST_EXCEPTION
        )
        counted = Count(good=good, refused=refused, seconds=time.monotonic() - begun)
        for caller in callers:
            caller.cancel()
        await asyncio.wait(callers)
        for caller in ended:
            caller.result()  # no call is expected to fail: show why
    return counted


def measure(scene: Scene) -> list[Count]:
    """Let the processes run, and collect what they saw."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=serve, args=(scene, theirs))
    server.start()
    theirs.close()
    where = ours.recv()
    start = time.time() + 2.0  # by then all of them have been imported
    clients: list[tuple[BaseProcess, Connection]] = []
    for number in range(scene.processes):
        receive, send = context.Pipe(duplex=False)
        begin = start + number * CLOSE_TOGETHER
        client = context.Process(target=ask, args=(scene, where, begin, send))
        client.start()
        send.close()
        clients.append((client, receive))
    counts: list[Count] = []
    for client, receive in clients:
        counts.append(receive.recv())
        client.join()
    ours.close()
    server.join()
    return counts


def summary(scene: Scene, counts: list[Count]) -> dict[str, object]:
    """The figures that matter, each without a unit: parts of what could be."""
    good = sum(count.good for count in counts)
    refused = sum(count.refused for count in counts)
    lasted = scene.seconds + (scene.processes - 1) * CLOSE_TOGETHER
    fair = scene.rate / scene.processes
    return {
        "utilisation": round(good / (scene.rate * lasted), 4),
        "refused_share": round(refused / (good + refused), 4),
        "shares_of_fair_share": [round(count.good / count.seconds / fair, 3) for count in counts],
    }


def main() -> None:
    """Measure once, print it, and write it as JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--rate", type=float, default=20.0, help="requests a second in all")
    parser.add_argument("--burst", type=int, default=None, help="default: as many as in a second")
    parser.add_argument("--latency", type=float, default=0.05, help="seconds")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--requests-per-second", type=float, help="a fixed rate of each client")
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args()
    scene = Scene(
        processes=given.processes,
        rate=given.rate,
        burst=max(1, round(given.rate)) if given.burst is None else given.burst,
        latency=given.latency,
        seconds=given.seconds,
        requests_per_second=given.requests_per_second,
    )
    counts = measure(scene)
    figures = summary(scene, counts)
    print(
        f"{scene.processes} processes at {scene.rate:g} requests a second in all "
        f"(burst {scene.burst}, latency {scene.latency * 1000:.0f} ms), {scene.seconds:g} s"
    )
    for name, value in figures.items():
        print(f"{name:<22} {value}")
    if given.json is not None:
        report = {
            "scene": asdict(scene),
            "processes": [asdict(count) for count in counts],
            **figures,
        }
        given.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
