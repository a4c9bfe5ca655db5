"""A fleet whose workers are killed, cut off and restarted, and whose accounts are bad."""

from __future__ import annotations

import sys
import time
from random import Random
from typing import TYPE_CHECKING

import anyio
import pytest
from support.fleet_checks import Note, Stretch, at_once, stretches
from support.fleet_child import Job
from support.fleet_process import PATIENCE, Workers, until
from support.fleet_service import Member, Studios, connected, studios
from support.store_fixtures import running_postgresql
from support.tcp_proxy import TcpProxy, proxied

from scenario_async.fleet import Fleet
from scenario_async.sandbox import RateLimit
from scenario_async.sync import FleetStore

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from support.fleet_process import Worker
    from support.postgresql import PostgreSQL

    from scenario_async.fleet import FleetStatus

pytestmark = [
    pytest.mark.fleet,
    pytest.mark.anyio,
    pytest.mark.one_loop,
    pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL as POSIX has it"),
]

# Less than the service takes, so that some groups are at their limit all the time. Requests come a
# little sooner or later than they were sent, the more so on a busy machine.
PACE = 40
LIMIT = RateLimit(requests=48, seconds=60, window="sliding")
# A commit that was answered survives a crash of the server. Nothing has to survive the machine.
SERVER = {"synchronous_commit": "on", "max_connections": "200"}


def two_hundred() -> list[Member]:
    """Two groups always have more to do than their limit allows, and some accounts take pages."""
    return [
        *(Member(f"hot-{n}", every=1, group=f"hot-{n % 2}") for n in range(20)),
        *(Member(f"shared-{n}", group=f"project-{n % 20}") for n in range(80)),
        *(Member(f"large-{n}", models=1200) for n in range(10)),
        *(Member(f"single-{n}") for n in range(90)),
    ]


async def test_two_hundred_accounts_are_the_services_after_kills_restarts_and_a_cut(
    tmp_path: Path,
) -> None:
    random = Random(16)  # noqa: S311 - no secret
    members = two_hundred()
    with running_postgresql(**SERVER) as server:
        url = server.url(server.create())
        async with (
            studios(members, url, tmp_path, limit=LIMIT) as fleet,
            proxied(server.port) as network,
        ):
            base_url = fleet.sandbox.base_url
            workers = Workers(
                Job(worker="worker", url=url, base_url=base_url, requests_per_minute=PACE)
            )
            try:
                for _ in range(3):
                    await workers.start()
                far = await workers.start(url=url.replace(f":{server.port}/", f":{network.port}/"))
                await kill_some(workers, random, far, 3)
                await restart(server, workers, "immediate")
                fleet.change(random)
                await cut_off(workers, far, network)
                await kill_some(workers, random, far, 2)
                await restart(server, workers, "fast")
                fleet.change(random)
                await end_in_order(workers, random, far)
                await catch_up(fleet, workers)
                await workers.end()
            finally:
                await workers.close()
            assert not await fleet.differences()
            await assert_one_at_a_time(fleet, workers, members)
            assert_within_limits(fleet, workers)
            status = await status_of(url)
            assert status.states == {**status.states, "waiting": 200}


async def kill_some(workers: Workers, random: Random, far: Worker, kills: int) -> None:
    """Kill workers while they are at work, at random, and replace them."""
    for _ in range(kills):
        await workers.journal.more(random.randrange(10, 60))
        victim = random.choice([one for one in workers.alive if one is not far])
        await workers.journal.more_of(victim.name)
        await anyio.sleep(random.uniform(0, 0.1))
        await workers.kill(victim)
        await workers.start()


async def restart(server: PostgreSQL, workers: Workers, mode: str) -> None:
    """Restart the database, and wait until each worker goes on by itself."""
    await workers.journal.more(20)
    await anyio.to_thread.run_sync(server.stop, mode)
    await anyio.to_thread.run_sync(server.start)
    for worker in workers.alive:
        await workers.journal.more_of(worker.name, 2)


async def cut_off(workers: Workers, far: Worker, network: TcpProxy) -> None:
    """Cut one off: at first so briefly that nobody notices, then until others have its work."""
    journal = workers.journal
    await journal.more_of(far.name, 5)
    network.hold()
    await journal.more(20)
    network.go_on()

    await journal.more_of(far.name, 5)
    network.hold()
    # The server gives up, and with it the locks that the worker takes for its own.
    network.end_behind()
    lost = [note for note in journal.begun if note.worker == far.name][-5:]
    await until(lambda: all(journal.taken_over(note) for note in lost), lambda: lost)
    network.go_on()
    await journal.more_of(far.name, 5)


async def end_in_order(workers: Workers, random: Random, far: Worker) -> None:
    """End one as a deploy does, and replace it."""
    leaving = random.choice([one for one in workers.alive if one is not far])
    await workers.journal.more_of(leaving.name)
    await workers.end(leaving)
    await workers.start()


async def catch_up(fleet: Studios, workers: Workers) -> None:
    """Wait until each account was synced since now."""
    since = time.time()
    with anyio.move_on_after(PATIENCE):
        while await fleet.behind(since):
            await workers.journal.more(20)
        return
    raise AssertionError(await fleet.behind(since))


async def assert_one_at_a_time(fleet: Studios, workers: Workers, members: Iterable[Member]) -> None:
    """No account, and no limit group, was synced by two at once."""
    groups = {one.name: one.group or one.name for one in members}
    asked = [
        Note(request.user_agent, name, request.when)
        for name, account in fleet.sandbox.items()
        for request in account.requests
    ]
    assert not at_once(stretches(workers.journal.begun, asked), groups.__getitem__)
    # Of a group they may overlap: who was cut off records the end of a run once it is back.
    assert not at_once(await recorded_runs(fleet.url), str)


async def recorded_runs(url: str) -> list[Stretch]:
    """The runs of which the store knows the end."""
    async with connected(url) as connection:
        rows = await connection.fetch(
            "SELECT account, id, extract(epoch FROM started_at)::float8 AS begin,"
            " extract(epoch FROM finished_at)::float8 AS end"
            " FROM runs WHERE finished_at IS NOT NULL"
        )
    assert len(rows) > 200
    return [Stretch(f"run {row['id']}", row["account"], row["begin"], row["end"]) for row in rows]


def assert_within_limits(fleet: Studios, workers: Workers) -> None:
    """No limit was exceeded by more than the requests that killed workers had under way."""
    most = 0
    for name, group in fleet.sandbox.limit_groups.items():
        dead = {request.user_agent for request in group.requests} & workers.killed.keys()
        found = group.most_within(60)
        assert found <= LIMIT.requests + len(dead), name
        assert sum(request.status == 429 for request in group.requests) <= len(dead), name
        most = max(most, found)
    # Otherwise nothing was shown; a very busy machine asks less than the pace allows.
    assert most > PACE / 4


async def status_of(url: str) -> FleetStatus:
    async with FleetStore.open(url) as store:
        return await Fleet(store).status()
