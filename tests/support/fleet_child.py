"""A worker of a fleet as a process of its own, which tests kill, end and cut off.

It takes its job as JSON, and says on its output what it does, line by line: ``running`` once it has
opened the store, ``begin MOMENT ACCOUNT`` each time that it has resolved credentials, which it does
at the beginning of a run, and ``ended`` when it came to an end in order. The moments are of the
clock that all processes of a machine share.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING
from unittest.mock import patch

import msgspec

from scenario_async import AsyncScenario
from scenario_async.fleet import Credentials, Fleet, credentials_of
from scenario_async.fleet._pgqueuer import PgQueuerEngine
from scenario_async.sync import FleetStore

if TYPE_CHECKING:
    from collections.abc import Callable


class Job(msgspec.Struct, kw_only=True):
    """What to do.

    Attributes:
        worker: Its name, which its requests show.
        url: The store.
        base_url: The service.
        concurrency: How many accounts it syncs at once.
        requests_per_minute: The limit of a group of accounts.
        deadly: Accounts at which it dies.
        lease: After how many seconds others get the jobs of one that is dead, in place of the
            engine's own.
    """

    worker: str
    url: str
    base_url: str
    concurrency: int = 8
    requests_per_minute: float = 100
    deadly: tuple[str, ...] = ()
    lease: float | None = None


def say(*words: object) -> None:
    print(*words, flush=True)  # noqa: T201 - that is what it is for


def engine_of(job: Job) -> Callable[..., PgQueuerEngine]:
    if job.lease is None:
        return PgQueuerEngine
    return partial(PgQueuerEngine, lease=timedelta(seconds=job.lease))


async def work(job: Job) -> None:
    async def resolve(account: str, reference: str) -> Credentials:
        found = await credentials_of(account, reference)
        say("begin", time.monotonic(), account)
        if account in job.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    client = AsyncScenario(
        public=True, base_url=job.base_url, default_headers={"User-Agent": job.worker}
    )
    async with client, FleetStore.open(job.url) as store:
        say("running")
        fleet = Fleet(
            store,
            credentials=resolve,
            scenario=client,
            requests_per_minute=job.requests_per_minute,
        )
        with patch("scenario_async.fleet._running.PgQueuerEngine", engine_of(job)):
            await fleet.run(concurrency=job.concurrency)
    say("ended")


if __name__ == "__main__":
    asyncio.run(work(msgspec.json.decode(sys.argv[1], type=Job)))
