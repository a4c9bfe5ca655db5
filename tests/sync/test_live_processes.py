"""Several live catalogues on one store: one refreshes it, the others follow."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
import traceback
from contextlib import AsyncExitStack, ExitStack
from itertools import pairwise
from pathlib import Path
from queue import Empty, Queue
from typing import TYPE_CHECKING, Any, Self

import pytest
from support.client import until
from support.sync_process import environment_of

from scenario_async import AuthenticationError, InternalServerError, UsageError
from scenario_async.live import LiveCatalog, NotLoadedError
from scenario_async.sandbox import Catalogue, ServerError, Stalled
from scenario_async.sync import CatalogStore, sync

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from support.client import Connect

    from scenario_async import AsyncScenario
    from scenario_async.sandbox import Sandbox
    from scenario_async.sync import RunRecord

LATER = 3600.0
LONG = 120  # seconds; nothing here takes a tenth of that
EVERY = 3.0
SCOPES = ["private", "public"]  # of the processes
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
    sandbox: Sandbox, connect: Connect, new_store_or_account: Callable[[], str]
) -> None:
    url = new_store_or_account()
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
        role_since: When it said so of its role, by the monotonic clock.
    """

    def __init__(self, sandbox: Sandbox, url: str) -> None:
        self.role = ""
        self.version = ""
        self.role_since = 0.0
        self._said: Queue[tuple[float, str] | None] = Queue()
        self._process = subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, str(_SCRIPT), url, str(EVERY)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment_of(sandbox),
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

    def end(self) -> None:
        """Let it leave."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait(LONG) == 0

    def until(self, condition: Callable[[Worker], bool]) -> None:
        """Wait until what it says makes this true."""
        end = time.monotonic() + LONG
        while not condition(self):
            try:
                said = self._said.get(timeout=end - time.monotonic())
            except (Empty, ValueError):
                raise AssertionError(f"still {self.role} at {self.version}") from None
            assert said is not None, "it ended"
            word, _, rest = said[1].strip().partition(" ")
            if word == "role":
                self.role, self.role_since = rest, said[0]
            else:
                self.version = rest

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._said.put((time.monotonic(), line))
        self._said.put(None)


def records_of(url: str) -> tuple[str, dict[str, str | None], list[RunRecord]]:
    """The version, the names of the models and the runs that a store has, the first one first."""

    async def read() -> tuple[str, dict[str, str | None], list[RunRecord]]:
        async with (
            CatalogStore.open(url) as store,
            LiveCatalog(None, store=store, scopes=SCOPES, role="reader", start="stored") as live,
        ):
            names = {model.id: model.name for model in live.now.values()}
            return live.now.version, names, (await store.runs(limit=1000))[::-1]

    return asyncio.run(read())


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

        # In the middle of a refresh, which would have brought this.
        seen, asked = leader.version, len(sandbox.requests)
        sandbox.faults.add(Stalled(), times=None)
        sandbox.catalogue.delete(sandbox.catalogue.ids("private")[0])
        sandbox.catalogue.update(sandbox.catalogue.ids("public")[0], name="Renamed")
        until_asked(sandbox, asked + 1)
        killed = time.monotonic()
        leader.kill()
        sandbox.faults.clear()
        for one in followers:
            one.until(lambda one: one.version != seen)
        last = followers[0].version
        sandbox.catalogue.add(name="Another")
        for one in followers:
            one.until(lambda one: one.version != last)
        (new,) = (one for one in followers if one.role == "leader")
        assert new.role_since - killed <= 2 * EVERY
        versions = {one.version for one in followers}
        for one in followers:
            one.end()
    version, names, runs = records_of(url)
    assert versions == {version}
    assert names == {one.id: one.name for one in sandbox.catalogue if one.deleted is None}

    # One refresh after the other, by one of them, each an interval after the one before.
    begun = [run.started_at.timestamp() for run in runs]
    early = [run for run, gap in zip(runs, gaps(begun), strict=True) if gap < 0.85 * EVERY]
    cut_short = [run for run in runs if run.report is None]
    assert len(cut_short) == 1
    assert len(early) <= 1
    # No request is anybody's but a refresh's, and what the killed one sent is no more than that.
    sent = [run.report.requests for run in runs if run.report is not None]
    assert 1 <= len(sandbox.requests) - sum(sent) <= max(sent)


def until_asked(sandbox: Sandbox, requests: int) -> None:
    """Wait until so many requests have come."""
    end = time.monotonic() + LONG
    while len(sandbox.requests) < requests:
        assert time.monotonic() < end
        time.sleep(0.01)


def gaps(moments: Sequence[float]) -> list[float]:
    """How long after the one before each of them comes; the first one after a long time."""
    return [LATER, *(later - earlier for earlier, later in pairwise(moments))]
