"""Whatever happens to a catalogue: what readers of a live one see at any moment."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scenario_async import AsyncScenario, InternalServerError
from scenario_async.live import Delta, LiveCatalog, Snapshot
from scenario_async.sandbox import Catalogue, Sandbox, ServerError

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.once

Event: TypeAlias = Literal["add", "publish", "rename", "train", "delete", "sign", "fail"]
SCOPES = ("private", "public")
Contents: TypeAlias = dict[str, tuple[Any, ...]]


def happen(sandbox: Sandbox, event: Event, which: int) -> None:
    """Something that the next refresh learns of; see ``watch`` for what only full runs see."""
    catalogue = sandbox.catalogue
    private, public = catalogue.ids("private"), catalogue.ids("public")
    training = [row.id for row in catalogue if row.status == "training" and row.deleted is None]
    match event:
        case "add":
            catalogue.add(name=f"New {which}", status="training")
        case "publish":
            catalogue.add(name=f"New {which}", privacy="public")
        case "rename":
            catalogue.update(public[which % len(public)], name=f"Name {which}")
        case "train" if training:
            catalogue.update(training[which % len(training)], status="trained")
        case "delete" if private:
            catalogue.delete(private[which % len(private)])
        case "sign":
            catalogue.sign_again()
        case "fail":
            sandbox.faults.add(ServerError(500), after=which % 3)
        case _:
            pass


def on_server(catalogue: Catalogue) -> Contents:
    return {
        row.id: (row.name, row.status, row.privacy, row.updated)
        for row in catalogue
        if row.deleted is None
    }


def seen_in(snapshot: Snapshot[Any]) -> Contents:
    return {
        one.id: (one.name, one.status, one.privacy, round(one.updated_at.timestamp() * 1000))
        for one in snapshot.values()
    }


async def sample(live: LiveCatalog[Any], taken: list[Snapshot[Any]]) -> None:
    """Take a snapshot at each pass of the loop."""
    while True:
        if not taken or taken[-1] is not live.now:
            taken.append(live.now)
        await asyncio.sleep(0)


async def live_through(history: Sequence[Sequence[tuple[Event, int]]]) -> None:
    catalogue = Catalogue.seeded(private=5, public=5, odd=False)
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(Sandbox(catalogue))
        options: Any = {"api_key": sandbox.api_key, "api_secret": sandbox.api_secret}
        client = AsyncScenario(base_url=sandbox.base_url, max_retries=0, **options)
        scenario = await stack.enter_async_context(client)
        live: LiveCatalog[Any] = await stack.enter_async_context(
            LiveCatalog(scenario, scopes=SCOPES, every=3600)
        )
        first, changes = live.now, live.changes()
        versions = {live.now.version: seen_in(live.now)}
        taken: list[Snapshot[Any]] = []
        sampling = asyncio.create_task(sample(live, taken))
        last = on_server(catalogue)
        for events in history:
            for event, which in events:
                happen(sandbox, event, which)
            taken.clear()
            try:
                await live.refresh()
            except InternalServerError:
                assert seen_in(live.now) == last
                continue
            before, last = last, on_server(catalogue)
            assert seen_in(live.now) == last
            assert all(seen_in(one) in (before, last) for one in taken)
            # Equal contents have equal versions, and other ones others.
            assert versions.setdefault(live.now.version, last) == last
            assert list(versions.values()).count(last) == 1
        sampling.cancel()
        end = live.now
    known = dict(first)
    async for change in changes:
        assert isinstance(change, Delta)
        known = {key: one for key, one in known.items() if key not in change.removed}
        known |= {**change.added, **change.changed}
        assert known == dict(change.snapshot)
    assert known == dict(end)


events = st.tuples(
    st.sampled_from(["add", "publish", "rename", "train", "delete", "sign", "fail"]),
    st.integers(0, 9),
)


@settings(max_examples=20)
@example([[("fail", 8)], [("add", 0)]])  # the next run finishes a full one
@given(st.lists(st.lists(events, max_size=4), max_size=4))
def test_each_snapshot_is_the_service_at_some_moment_since_the_one_before(
    history: list[list[tuple[Event, int]]],
) -> None:
    asyncio.run(live_through(history))
