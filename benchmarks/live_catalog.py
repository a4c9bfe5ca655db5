"""What a live catalogue costs: lookups, memory, and how long a refresh holds the event loop.

Takes turns, and prints medians. The service is a sandbox in a process of its own, and so is the
client of the web application. Run it with ``nox -s bench``, or by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import asyncio.events
import gc
import random
import statistics
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import ClientSession, web

from scenario_async import AsyncScenario, Model
from scenario_async.live import LiveCatalog
from scenario_async.sandbox import Catalogue, Sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

TYPE = "flux.1-lora"
RATE = 500
SECONDS = 4
CHANGED = (0, 1_000)


async def serve(models: int) -> None:
    """A sandbox; each line on the input has so many models renamed."""
    catalogue = Catalogue.seeded(public=models, private=0, odd=False)
    loop = asyncio.get_running_loop()
    async with Sandbox(catalogue) as sandbox:
        print(sandbox.base_url, sandbox.api_key, sandbox.api_secret, flush=True)
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            for model_id in random.sample(catalogue.ids("public"), int(line)):
                catalogue.update(model_id, name=f"name {random.random()}")  # noqa: S311 - no secret
            print("done", flush=True)


async def ask(port: int) -> None:
    """A client; for each line on the input it asks at a fixed rate, whatever is answered when."""
    loop = asyncio.get_running_loop()
    async with ClientSession(f"http://127.0.0.1:{port}") as session:

        async def one() -> float:
            begun = time.perf_counter()
            async with session.get("/") as answer:
                await answer.read()
            return time.perf_counter() - begun

        while await loop.run_in_executor(None, sys.stdin.readline):
            begun, asked = time.perf_counter(), list[asyncio.Task[float]]()
            for number in range(RATE * SECONDS):
                await asyncio.sleep(max(0.0, begun + number / RATE - time.perf_counter()))
                asked.append(asyncio.create_task(one()))
            taken = sorted(await asyncio.gather(*asked))
            print(taken[len(taken) // 2], taken[int(len(taken) * 0.999)], flush=True)


class Child:
    """This script in another role, which answers each line with a line."""

    def __init__(self, *role: object) -> None:
        arguments = [sys.executable, __file__, "--role", *map(str, role)]
        self._process = subprocess.Popen(  # noqa: S603 - ours
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def read(self) -> list[str]:
        """The words of the next line."""
        assert self._process.stdout is not None  # noqa: S101 - for the type checker
        return self._process.stdout.readline().split()

    async def tell(self, what: object) -> list[str]:
        """Say a line, and wait for the answer."""
        assert self._process.stdin is not None  # noqa: S101 - for the type checker
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        return await asyncio.get_running_loop().run_in_executor(None, self.read)

    def end(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()


class Holds:
    """The longest time that one callback of the loop held its thread, by the thread's own clock."""

    def __init__(self) -> None:
        self.longest = 0.0
        self.collecting = 0.0
        run = asyncio.events.Handle._run  # noqa: SLF001 - there is no public place
        holds = self

        def measured(handle: asyncio.Handle) -> None:
            begun, collected = time.thread_time(), holds.collecting
            run(handle)
            held = time.thread_time() - begun - (holds.collecting - collected)
            holds.longest = max(holds.longest, held)

        asyncio.events.Handle._run = measured  # type: ignore[method-assign] # noqa: SLF001
        gc.callbacks.append(self._collector)

    def _collector(self, phase: str, _: dict[str, int]) -> None:
        self.collecting += time.thread_time() * (1 if phase == "stop" else -1)


def seconds_a_call(call: Callable[[], object], calls: int) -> float:
    """Processor time."""
    begun = time.process_time()
    for _ in range(calls):
        call()
    return (time.process_time() - begun) / calls


def memory() -> int:
    """Of this process, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@asynccontextmanager
async def application(live: LiveCatalog[Model]) -> AsyncGenerator[Child]:
    """A web application that answers from the catalogue, and its client."""

    async def newest(_: web.Request) -> web.Response:
        found = live.now.find(type=TYPE, sort="-created_at", limit=24)
        return web.json_response([model.name for model in found])

    app = web.Application()
    app.router.add_get("/", newest)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    client = Child("ask", runner.addresses[0][1])
    try:
        await client.tell("warm up")
        yield client
    finally:
        client.end()
        await runner.cleanup()


async def measure(models: int, turns: int) -> dict[str, list[float]]:
    """All figures of all turns, by what they are of."""
    taken: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        taken.setdefault(name, []).append(value)

    service = Child("serve", models)
    url, key, secret = service.read()
    gc.collect()
    before = memory()
    async with (
        AsyncScenario(base_url=url, api_key=key, api_secret=secret) as scenario,
        LiveCatalog(scenario, scopes=["public"], every=3600) as live,
    ):
        gc.collect()
        note("kB a model, with the store in memory", (memory() - before) / 1000 / models)
        gc.freeze()
        await lookups(live, scenario, turns, note)
        holds = Holds()
        for _ in range(turns):
            for changed in CHANGED:
                await service.tell(changed)
                holds.longest = 0.0
                await live.refresh()
                note(f"ms held by a refresh, {changed:,} changed", holds.longest * 1e3)
        async with application(live) as client:
            for _ in range(turns):
                quiet = await client.tell("go")
                asking = asyncio.ensure_future(client.tell("go"))
                while not asking.done():
                    await service.tell(10)
                    await live.refresh()
                    await asyncio.sleep(0.5)
                busy = await asking
                for name, words in (("without", quiet), ("with", busy)):
                    note(f"ms of an answer {name} refreshes, median", float(words[0]) * 1e3)
                    note(f"ms of an answer {name} refreshes, 99.9 %", float(words[1]) * 1e3)
                note("99.9 % with refreshes over without", float(busy[1]) / float(quiet[1]))
    service.end()
    return taken


async def lookups(
    live: LiveCatalog[Model],
    scenario: AsyncScenario,
    turns: int,
    note: Callable[[str, float], None],
) -> None:
    """Beside what one would write who has a dict of the same models."""
    own = dict(live.now)
    some = next(iter(own))

    def by_hand() -> list[Model]:
        fitting = [model for model in own.values() if model.type == TYPE]
        fitting.sort(key=_created, reverse=True)
        return fitting[:24]

    for _ in range(turns):
        note("us of live.get", seconds_a_call(lambda: live.get(some), 5_000) * 1e6)
        note("us of get of a dict", seconds_a_call(lambda: own.get(some), 5_000) * 1e6)
        find = seconds_a_call(lambda: live.now.find(type=TYPE, sort="-created_at", limit=24), 200)
        note("us of find, 24 newest of a type", find * 1e6)
        note("us of a comprehension that is sorted", seconds_a_call(by_hand, 20) * 1e6)
        begun = time.perf_counter()
        await scenario.models.public(type=TYPE, sort_by="createdAt").collect(limit=24)
        note("us of a listing in its place", (time.perf_counter() - begun) * 1e6)


def _created(model: Model) -> Any:  # noqa: ANN401 - they all have one here
    return model.created_at


def main() -> None:
    """Measure, or play a role of that."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=10_000)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print all figures")
    parser.add_argument("--plot", type=Path, help="draw lookups into this SVG")
    parser.add_argument("--role", nargs=2, default=None, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.role is not None:
        name, number = options.role
        asyncio.run((serve if name == "serve" else ask)(int(number)))
        return
    taken = asyncio.run(measure(options.models, options.turns))
    if options.plot is not None:
        # Only here: the rest needs nothing but the package.
        from live_plot import write_plot  # noqa: PLC0415 - see above

        write_plot(taken, options.plot)
    if options.json:
        print(msgspec.json.encode(taken).decode())
        return
    print(f"median of {options.turns} turns, {options.models:,} models")
    for name, values in taken.items():
        print(f"{name:<45} {statistics.median(values):10.2f}   best {min(values):10.2f}")


if __name__ == "__main__":
    main()
