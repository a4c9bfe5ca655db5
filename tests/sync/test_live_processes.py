"""Several live catalogues on one store: one refreshes it, the others follow."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
import traceback
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from queue import Empty, Queue
from typing import TYPE_CHECKING, Any, Self

import pytest
from support.client import until

from scenario_async import AuthenticationError, InternalServerError, UsageError
from scenario_async.live import LiveCatalog, NotLoadedError
from scenario_async.sandbox import Catalogue, ServerError
from scenario_async.sync import CatalogStore, sync

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from support.client import Connect

    from scenario_async import AsyncScenario
    from scenario_async.sandbox import Sandbox

LATER = 3600.0
LONG = 120  # seconds; nothing here takes a tenth of that
EVERY = 1.0
_SCRIPT = Path(__file__).with_name("live_child.py")


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue.seeded(private=12, public=30, collections=2, odd=False)


# In one process


async def opened(stack: AsyncExitStack, url: str, scenario: AsyncScenario, **options: Any) -> Any:
    store = await stack.enter_async_context(CatalogStore.open(url))
    return await stack.enter_async_context(LiveCatalog(scenario, store=store, **options))


def count_looks(live: LiveCatalog[Any]) -> Callable[[], int]:
    """How often a catalogue has read its store from now on."""
    reader = live._parts.reader
    assert reader is not None
    read, looks = reader.read, 0

    async def counted(**options: Any) -> bool:
        nonlocal looks
        looks += 1
        return await read(**options)

    reader.read = counted  # type: ignore[method-assign]
    return lambda: looks


@pytest.mark.anyio
async def test_one_of_several_refreshes_and_the_others_follow_without_a_request(
    sandbox: Sandbox, connect: Connect, new_store: Callable[[], str]
) -> None:
    url = new_store()
    async with AsyncExitStack() as stack:
        scenario = await stack.enter_async_context(connect())
        leader = await opened(stack, url, scenario, scopes=["public"], every=LATER)
        sandbox.requests.clear()
        followers = [
            await opened(stack, url, scenario, scopes=["public"], every=LATER) for _ in range(3)
        ]
        await asyncio.gather(*(one.refresh() for one in followers))
        assert not sandbox.requests
        assert leader.status.role == "leader"
        assert {one.status.role for one in followers} == {"follower"}
        assert {one.now.version for one in followers} == {leader.now.version}

        sandbox.catalogue.update(sandbox.catalogue.ids("public")[0], name="Changed")
        await leader.refresh()
        for one in followers:
            await one.refresh()
        assert len(sandbox.requests) == 1
        assert {one.now.version for one in followers} == {leader.now.version}


@pytest.mark.anyio
async def test_whoever_leaves_hands_the_store_on(
    sandbox: Sandbox, connect: Connect, new_store: Callable[[], str]
) -> None:
    url = new_store()
    async with AsyncExitStack() as stack:
        scenario = await stack.enter_async_context(connect())
        async with AsyncExitStack() as first:
            await opened(first, url, scenario, every=LATER)
            other = await opened(stack, url, scenario, every=LATER)
            await other.refresh()
            assert other.status.role == "follower"
        sandbox.requests.clear()
        new = sandbox.catalogue.add(name="New")
        assert new in await other.refresh()
        assert other.status.role == "leader"


@pytest.mark.anyio
async def test_whoever_has_a_closed_client_hands_the_store_on(
    sandbox: Sandbox, connect: Connect, new_sqlite: Callable[[], str]
) -> None:
    url = new_sqlite()
    async with AsyncExitStack() as stack:
        scenario = await stack.enter_async_context(connect())
        async with connect() as closed:
            leader = await opened(stack, url, closed, every=LATER)
        other = await opened(stack, url, scenario, every=LATER)
        with pytest.raises(UsageError, match="is closed"):
            await leader.refresh()
        new = sandbox.catalogue.add(name="New")
        assert new in await other.refresh()
        assert other.status.role == "leader"


@pytest.mark.anyio
async def test_a_first_run_that_fails_leaves_a_new_file_to_the_others(
    sandbox: Sandbox, connect: Connect, new_sqlite: Callable[[], str]
) -> None:
    url = new_sqlite()
    async with AsyncExitStack() as stack:
        scenario = await stack.enter_async_context(connect(max_retries=0))
        sandbox.faults.add(ServerError(500), times=None)
        async with CatalogStore.open(url) as store:
            other = await opened(stack, url, scenario, every=LATER, start="background")
            await until(lambda: other.status.failures == 1)
            with pytest.raises(InternalServerError):
                await sync(scenario, store, wait=True)
        sandbox.faults.clear()
        assert len(await other.refresh()) == 12


@pytest.mark.anyio
async def test_catalogues_of_other_scopes_do_not_wait_for_each_other(
    connect: Connect, new_store: Callable[[], str]
) -> None:
    url = new_store()
    async with AsyncExitStack() as stack:
        scenario = await stack.enter_async_context(connect())
        public = await opened(stack, url, scenario, scopes=["public"], every=LATER)
        private = await opened(stack, url, scenario, scopes=["private"], every=LATER)
        assert public.status.role == private.status.role == "leader"
        assert (len(public), len(private)) == (30, 12)


@pytest.mark.anyio
async def test_a_follower_that_has_nothing_is_told_that_the_first_refresh_failed(
    sandbox: Sandbox, connect: Connect, new_store: Callable[[], str]
) -> None:
    url = new_store()
    sandbox.faults.add(ServerError(500), times=None)
    async with AsyncExitStack() as stack:
        scenario = await stack.enter_async_context(connect(max_retries=0))
        leader = await opened(stack, url, scenario, every=LATER, start="background")
        await until(lambda: leader.status.failures == 1)
        store = await stack.enter_async_context(CatalogStore.open(url))
        other = LiveCatalog(scenario, store=store)
        entering = asyncio.create_task(other.__aenter__())
        # Not for the failure of before, which it has seen by then: another one may come to more.
        await until(lambda: other._parts.refresher is not None or entering.done())
        assert not entering.done()
        with pytest.raises(Exception, match="500"):
            await leader.refresh()
        with pytest.raises(NotLoadedError, match=r"failed elsewhere: .*500"):
            await entering


@pytest.mark.anyio
async def test_whoever_has_refused_credentials_leaves_the_store_to_the_others(
    sandbox: Sandbox, connect: Connect, new_store: Callable[[], str]
) -> None:
    url = new_store()
    async with AsyncExitStack() as stack:
        refused = await stack.enter_async_context(connect(api_key="wrong", api_secret="wrong"))
        scenario = await stack.enter_async_context(connect())
        leader = await opened(stack, url, refused, every=LATER, start="background")
        await until(lambda: leader.status.failures == 1 and leader.status.role == "follower")
        store = await stack.enter_async_context(CatalogStore.open(url))
        with pytest.raises(AuthenticationError):
            await LiveCatalog(refused, store=store, every=LATER).__aenter__()

        with pytest.raises(AuthenticationError):
            await leader.refresh()
        assert leader.status.failures == 2
        other = await opened(stack, url, scenario, every=LATER)
        assert len(other) == 12
        assert other.status.role == "leader"
        await leader.refresh()
        assert leader.now.version == other.now.version
        assert (leader.status.state, leader.status.failures) == ("current", 0)


@pytest.mark.anyio
async def test_a_look_at_the_store_does_not_hide_that_credentials_are_refused(
    sandbox: Sandbox, connect: Connect, new_sqlite: Callable[[], str]
) -> None:
    async with (
        CatalogStore.open(new_sqlite()) as store,
        connect(api_key="wrong", api_secret="wrong") as refused,
    ):
        async with connect() as scenario:
            await sync(scenario, store)
        async with LiveCatalog(refused, store=store, every=0.01) as live:
            await until(lambda: live.status.failures == 1)
            sandbox.requests.clear()
            looks = count_looks(live)
            await until(lambda: looks() > 3)
            assert live.status.state == "failing"
            assert isinstance(live.status.error, AuthenticationError)
            assert not sandbox.requests


@pytest.mark.anyio
async def test_all_who_wait_are_told_of_a_failure_without_the_frames_of_the_others(
    sandbox: Sandbox, connect: Connect
) -> None:
    async with connect(max_retries=0) as scenario, LiveCatalog(scenario, every=LATER) as live:
        sandbox.faults.add(ServerError(500), times=None)
        frames = set[int]()
        for _ in range(3):
            told = await asyncio.gather(*(live.refresh() for _ in range(5)), return_exceptions=True)
            assert {type(one) for one in told} == {InternalServerError}
            (error,) = {id(one): one for one in told}.values()
            assert isinstance(error, InternalServerError)
            frames.add(len(traceback.extract_tb(error.__traceback__)))
        assert max(frames) <= 3


# In several processes


class Worker:
    """A process with a live catalogue, killed at the latest when its block is left.

    Attributes:
        role: What it said last of its role.
        version: What it said last of its version.
    """

    def __init__(self, sandbox: Sandbox, url: str) -> None:
        self.role = ""
        self.version = ""
        self._said: Queue[str | None] = Queue()
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("SCENARIO_", "COVERAGE_")) and "proxy" not in name.lower()
        }
        self._process = subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, str(_SCRIPT), url, str(EVERY)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **kept,
                "PYTHONWARNINGS": "error",
                "SCENARIO_BASE_URL": sandbox.base_url,
                "SCENARIO_SDK_API_KEY": sandbox.api_key,
                "SCENARIO_SDK_API_SECRET": sandbox.api_secret,
            },
        )
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()
        self._reading.join(LONG)
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()

    def kill(self) -> None:
        """End it as the machine would."""
        self._process.kill()
        self._process.wait(LONG)

    def until(self, condition: Callable[[Worker], bool]) -> None:
        """Wait until what it says makes this true."""
        end = time.monotonic() + LONG
        while not condition(self):
            try:
                line = self._said.get(timeout=end - time.monotonic())
            except (Empty, ValueError):
                raise AssertionError(f"still {self.role} at {self.version}") from None
            assert line is not None, "it ended"
            word, _, rest = line.strip().partition(" ")
            if word == "role":
                self.role = rest
            else:
                self.version = rest

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._said.put(line)
        self._said.put(None)


@pytest.mark.once
def test_a_leader_that_is_killed_is_replaced_and_no_change_is_lost(
    sandbox: Sandbox, new_store: Callable[[], str]
) -> None:
    url = new_store()
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker(sandbox, url)) for _ in range(4)]
        for one in workers:
            one.until(lambda one: bool(one.role and one.version))
        (leader,) = (one for one in workers if one.role == "leader")
        followers = [one for one in workers if one is not leader]

        sandbox.catalogue.add(name="New")
        before = leader.version
        for one in workers:
            one.until(lambda one: one.version != before)
        assert len({one.version for one in workers}) == 1

        # One refresh after the other, by one of them: no two listings at once of one scope.
        assert sandbox.requests.most_unanswered <= 4
        seen = leader.version
        leader.kill()
        sandbox.catalogue.delete(sandbox.catalogue.ids("private")[0])
        for one in followers:
            one.until(lambda one: one.version != seen)
        assert len({one.version for one in followers}) == 1
        # What the killed one had asked is answered by now.
        sandbox.requests.clear()
        for one in followers:
            one.until(lambda one: bool(one.role))
        # Whoever it is has said so by now, or does in a moment.
        sandbox.catalogue.add(name="Another")
        last = followers[0].version
        for one in followers:
            one.until(lambda one: one.version != last)
        assert sorted(one.role for one in followers).count("leader") == 1
    assert sandbox.requests.most_unanswered <= 4
