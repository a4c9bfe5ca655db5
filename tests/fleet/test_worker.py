"""What a worker does with the accounts of a group, in a fleet in memory."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from functools import partial
from itertools import chain, repeat
from typing import TYPE_CHECKING, get_args

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fleet_simulation import Killed, Member, Outcome, Process, World

from scenario_async import AsyncScenario, EventHooks, Operation
from scenario_async.fleet import ResolverError
from scenario_async.fleet._worker import LATER
from scenario_async.sync import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

pytestmark = [pytest.mark.anyio, pytest.mark.one_loop]
OUTCOMES = st.sampled_from(get_args(Outcome))


def world_of(*members: Member, pauses: Iterable[int] = (), outages: range = range(0)) -> World:
    return World(list(members), chain(pauses, repeat(1)), outages)


TOLD = {
    "well": "succeeded",
    "badly": "failed: ValueError",
    "unanswered": "failed: APIConnectionError",
    "refused": "failed: AuthenticationError",
    "busy": "returned",
    "no database": "failed: StoreError",
    "no store": "failed: StoreError",
    "no vault": "failed: ResolverError",
    "cancelled": "returned",
}


def check_runs(member: Member, processes: Mapping[str, Process]) -> None:
    """Each run ends with what became of it, and credentials that are refused are tried twice."""
    for position, run in enumerate(member.runs):
        process = processes[run.process]
        if run.told is None:
            begun_again = run.process in {later.process for later in member.runs[position + 1 :]}
            assert process.killed or begun_again
        elif run is process.last_run:
            # A cancellation came at any point of it.
            assert run.told in ("returned", *(TOLD[outcome] for outcome in run.synced))
        else:
            assert run.told == TOLD[run.synced[-1]]
            assert run.told != TOLD["refused"] or len(run.synced) == 2


@st.composite
def fleets(draw: st.DrawFn) -> list[Member]:
    groups = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    return [
        Member(
            f"{group}-{number}", f"group {group}", [*draw(st.lists(OUTCOMES, max_size=4)), "well"]
        )
        for group, size in enumerate(groups)
        for number in range(size)
    ]


async def serve(process: Process) -> None:
    """Work on all groups again and again."""
    with suppress(Killed):
        while True:
            for group in process.world.groups:
                await process.worker.work(group)
                process.world.now += timedelta(minutes=7)


async def beat(process: Process) -> None:
    """Tell again and again what could not be told."""
    with suppress(Killed):
        while True:
            with suppress(StoreError):
                await process.worker.tell_again()
            await anyio.lowlevel.checkpoint()


async def live(process: Process, turns: int, *, killed: bool) -> None:
    """Serve for so many turns of the loop, until it is killed or told to end."""
    # As asyncio cancels, which knows no shields.
    serving, beating = (asyncio.ensure_future(do(process)) for do in (serve, beat))
    for _ in range(turns):
        await anyio.lowlevel.checkpoint()
    if killed:
        process.kill()
    serving.cancel()
    await asyncio.wait([serving])
    beating.cancel()
    await asyncio.wait([beating])
    assert serving.cancelled() or killed
    process.world.outages = range(0)
    if not killed:
        await process.worker.tell_again()


@given(
    members=fleets(),
    pauses=st.lists(st.integers(0, 4), max_size=60),
    outages=st.builds(range, st.integers(1, 60), st.integers(1, 80)),
    ends=st.lists(st.tuples(st.integers(0, 90), st.booleans()), min_size=3, max_size=3),
)
def test_accounts_are_synced_one_at_a_time_and_counted_whatever_ends_the_workers(
    members: list[Member], pauses: list[int], outages: range, ends: list[tuple[int, bool]]
) -> None:
    async def check() -> None:
        world = world_of(*members, pauses=pauses, outages=outages)
        async with AsyncScenario(public=True) as client:
            processes = [Process(f"process {number}", world, client) for number in range(3)]
            async with anyio.create_task_group() as machines:
                for process, (turns, killed) in zip(processes, ends, strict=True):
                    machines.start_soon(partial(live, process, turns, killed=killed))
            last = Process("last", world, client)
            while not all(member.is_set_aside or member.is_fresh for member in members):
                for group in world.groups:
                    await last.worker.work(group)
                    world.now += timedelta(hours=3)
        for member in members:
            check_runs(member, {process.name: process for process in (*processes, last)})
        assert world.locks == {}

    anyio.run(check)


async def test_an_account_that_cannot_be_begun_keeps_nobody_away() -> None:
    gone = Member("a", "group", ["well"], gone=True)
    well = Member("b", "group", ["well"])
    async with AsyncScenario(public=True) as client:
        process = Process("process", world_of(gone, well), client)
        assert await process.worker.work("group") is None
    assert well.is_fresh


async def test_a_group_that_another_worker_has_is_looked_at_later() -> None:
    member = Member("a", "group", ["well"])
    world = world_of(member)
    world.locks["group"] = "another one"
    async with AsyncScenario(public=True) as client:
        assert await Process("process", world, client).worker.work("group") == LATER
    assert member.runs == []


async def test_a_group_is_left_alone_where_its_lock_may_be_lost() -> None:
    lost, well = Member("a", "group", ["no database", "well"]), Member("b", "group", ["well"])
    async with AsyncScenario(public=True) as client:
        process = Process("process", world_of(lost, well), client)
        assert await process.worker.work("group") == LATER
        assert well.runs == []


async def test_an_account_that_somebody_syncs_by_hand_keeps_nobody_away() -> None:
    busy, well = Member("a", "group", ["busy", "well"]), Member("b", "group", ["well"])
    async with AsyncScenario(public=True) as client:
        process = Process("process", world_of(busy, well), client)
        assert await process.worker.work("group") == LATER
        assert (well.is_fresh, busy.is_fresh) == (True, False)
        assert await process.worker.work("group") is None
    assert busy.is_fresh


async def test_what_a_resolver_raises_is_the_fault_of_no_account() -> None:
    member = Member("a", "group", ["no vault", "well"])
    failures: list[BaseException] = []
    hooks = EventHooks(on_failure=lambda event: failures.append(event.error))
    async with AsyncScenario(public=True, event_hooks=hooks) as client:
        process = Process("process", world_of(member), client)
        await process.worker.work("group")
    (error,) = failures
    assert isinstance(error, ResolverError)
    assert str(error) == "the function that finds credentials raised OSError"
    assert (member.standing.failures, member.standing.outages) == (0, 1)


async def test_hooks_are_told_of_an_account_and_of_what_is_asked_for_it() -> None:
    ended: list[Operation] = []
    hooks = EventHooks(on_end=lambda event: ended.append(event.operation))
    member = Member("a", "group", ["refused once", "well"])
    async with AsyncScenario(public=True, event_hooks=hooks) as client:
        await Process("process", world_of(member), client).worker.work("group")

    *parts, whole = ended
    assert (whole.kind, whole.name) == ("account", "a")
    assert [(part.kind, part.parent) for part in parts] == [("sync", whole.id)]


async def test_a_group_makes_room_for_others_once_an_account_is_through() -> None:
    members = [Member(name, "group", ["well"]) for name in "abc"]
    async with AsyncScenario(public=True) as client:
        process = Process("process", world_of(*members), client, longest=timedelta(0))
        assert await process.worker.work("group") is None
    assert [member.is_fresh for member in members] == [True, False, False]


async def test_a_run_whose_end_could_not_be_told_is_told_before_anything_else_is_begun() -> None:
    member = Member("a", "group", ["well"])
    async with AsyncScenario(public=True) as client:
        # Its eighth call says that the run did well.
        process = Process("process", world_of(member, outages=range(8, 9)), client)
        assert await process.worker.work("group") == LATER
        assert [run.told for run in member.runs] == [None]
        assert await process.worker.work("group") is None
    assert [run.told for run in member.runs] == ["succeeded"]
