"""A live catalogue as a process of its own, one of several on a store, which tests kill.

It takes the URL of the store and the interval, and says on its output ``loaded`` with its version,
then ``role`` and the role whenever that is another one, and ``version`` with the version whenever
there is another snapshot. It ends when its input does. The service is named by the environment.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress

import anyio
import anyio.to_thread

from scenario_async import AsyncScenario, Model
from scenario_async.live import LiveCatalog
from scenario_async.sync import CatalogStore


def say(*words: object) -> None:
    print(*words, flush=True)  # noqa: T201 - that is what it is for


async def main(url: str, every: float) -> None:
    async with (
        CatalogStore.open(url) as store,
        AsyncScenario() as scenario,
        LiveCatalog(scenario, store=store, scopes=["private", "public"], every=every) as live,
        anyio.create_task_group() as tasks,
    ):
        say("loaded", live.now.version)
        tasks.start_soon(tell_changes, live)
        tasks.start_soon(tell_role, live)
        await anyio.to_thread.run_sync(sys.stdin.read, abandon_on_cancel=True)
        tasks.cancel_scope.cancel()


async def tell_changes(live: LiveCatalog[Model]) -> None:
    async for change in live.changes():
        say("version", change.snapshot.version)


async def tell_role(live: LiveCatalog[Model]) -> None:
    said = ""
    while True:
        role = live.status.role
        if role != said:
            said = role
            say("role", role)
        await anyio.sleep(0.02)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(sys.argv[1], float(sys.argv[2])))
