"""Accounts that break, refuse, are down or kill their worker: the others are as fresh as ever."""

from __future__ import annotations

import signal
import sys
import time
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import pytest
from support.fleet_child import Job
from support.fleet_process import PATIENCE, Workers, until
from support.fleet_service import Member, Studios, studios
from support.store_fixtures import running_postgresql

from scenario_async.fleet import Fleet
from scenario_async.sandbox import NotJSON, ServerError
from scenario_async.sync import FleetStore

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

    from scenario_async.fleet import FleetStatus

pytestmark = [
    pytest.mark.fleet,
    pytest.mark.anyio,
    pytest.mark.one_loop,
    pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL as POSIX has it"),
]

GOOD = [f"good-{n}" for n in range(16)]
BAD = ("broken", "down", "refused")
# So seldom that a busy machine has time for more: what is late waits for something.
EVERY = 8
ROUNDS = 4
# Both fleets are on the same machine at the same time, so what keeps one waiting keeps the other.
# Where processors are scarce, a worker that takes the place of a killed one is late by itself.
SHARE = 0.5


class Side:
    """A fleet beside another one, with the same good accounts."""

    def __init__(self, fleet: Studios, workers: Workers) -> None:
        self.fleet = fleet
        self.workers = workers

    @classmethod
    async def open(cls, stack: AsyncExitStack, url: str, folder: Path, *bad: str) -> Side:
        """Begin with two workers, and without the account at which they would die."""
        members = [Member(name, every=EVERY) for name in (*GOOD, *bad)]
        fleet = await stack.enter_async_context(studios(members, url, folder))
        await fleet.execute(
            "UPDATE fleet_accounts SET due_at = now() + interval '1 day' WHERE name = 'deadly'"
        )
        job = Job(
            worker=folder.name,
            url=url,
            base_url=fleet.sandbox.base_url,
            # Far from being taken by the good ones, and each bad one may take one.
            concurrency=12,
            requests_per_minute=600,
            deadly=("deadly",),
            lease=4,
        )
        workers = Workers(job)
        stack.push_async_callback(workers.close)
        for _ in range(2):
            await workers.start()
        return cls(fleet, workers)

    @property
    def rounds(self) -> int:
        """How often each of the good accounts was begun at least."""
        return min(self.workers.journal.counts[name] for name in GOOD)

    @property
    def runs(self) -> int:
        """How often good accounts were begun."""
        return sum(self.workers.journal.counts[name] for name in GOOD)

    async def until(self, condition: Callable[[FleetStatus], bool]) -> FleetStatus:
        """Wait for a status of the fleet."""
        async with FleetStore.open(self.fleet.url) as store:
            fleet = Fleet(store)
            status = await fleet.status()
            with anyio.move_on_after(PATIENCE):
                while not condition(status):
                    await self.workers.journal.more(3)
                    status = await fleet.status()
        assert condition(status), (status, self.workers.journal.counts)
        return status

    async def release(self, *names: str) -> None:
        """Let accounts be due that are good again."""
        async with FleetStore.open(self.fleet.url) as store:
            for name in names:
                await Fleet(store).release(name)


async def test_bad_accounts_keep_no_other_waiting(tmp_path: Path) -> None:
    with running_postgresql(synchronous_commit="on", max_connections="200") as server:
        urls = [server.url(server.create()) for _ in range(2)]
        async with AsyncExitStack() as stack:
            without = await Side.open(stack, urls[0], folder(tmp_path, "without"))
            among = await Side.open(stack, urls[1], folder(tmp_path, "among"), *BAD, "deadly")
            make_bad(among)
            counts = among.workers.journal.counts
            await until(lambda: min(without.rounds, among.rounds) > 0, lambda: counts)

            async with keeping_pace(without, among):
                status = await among.until(lambda status: len(status.set_aside) == 1)
                await until(lambda: counts["down"] >= 3, lambda: counts)
                assert (status.set_aside, status.refused) == (("broken",), ("refused",))

            # As if it had killed five already: by its pauses alone that takes a quarter of an hour.
            await among.fleet.execute(
                "UPDATE fleet_accounts SET due_at = now(), failures = 5 WHERE name = 'deadly'"
            )
            await replace_dead(among.workers)
            rounds = among.rounds
            await until(lambda: among.rounds > rounds, lambda: counts)
            async with keeping_pace(without, among):
                status = await among.until(lambda status: "deadly" in status.set_aside)
                assert (status.set_aside, status.refused) == (("broken", "deadly"), ("refused",))
            # One that loses its database in between is given back, and begun once more.
            assert (counts["broken"] >= 6, counts["deadly"]) == (True, 1)
            assert all(worker.alive for worker in among.workers.alive)

            for name in BAD:
                among.fleet.sandbox[name].reset()
                among.fleet.sandbox[name].key_refused = False
            since = time.time()
            await among.release(*BAD)
            with anyio.fail_after(PATIENCE):
                while await among.fleet.behind(since) - {"deadly"}:
                    await among.workers.journal.more(3)
            for side in (without, among):
                await side.workers.end()
            assert (await among.fleet.differences()).keys() == {"deadly"}
            assert not await without.fleet.differences()


def folder(parent: Path, name: str) -> Path:
    made = parent / name
    made.mkdir()
    return made


def make_bad(side: Side) -> None:
    service = side.fleet.sandbox
    service["broken"].faults.add(NotJSON(), times=None)
    service["down"].faults.add(ServerError(503), times=None)
    service["refused"].key_refused = True


@asynccontextmanager
async def keeping_pace(without: Side, among: Side) -> AsyncGenerator[None]:
    """See that good accounts are begun as often among bad ones as without them."""
    rounds = [side.rounds for side in (without, among)]
    runs = [side.runs for side in (without, among)]
    yield
    await until(
        lambda: without.rounds >= rounds[0] + ROUNDS, lambda: without.workers.journal.counts
    )
    assert among.runs - runs[1] >= SHARE * (without.runs - runs[0])
    # Nor is there one among them that pays for the others.
    assert among.rounds > rounds[1]


async def replace_dead(workers: Workers) -> None:
    """Wait until a worker has died, and start another one, as a supervisor does."""
    await until(
        lambda: not all(worker.alive for worker in workers.alive), lambda: workers.journal.counts
    )
    dead = next(worker for worker in workers.alive if not worker.alive)
    assert await dead.wait() == -signal.SIGKILL, await dead.why()
    await workers.kill(dead)
    await workers.start()
