"""Two runs on one store at once, and runs that are ended in the middle."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import pytest
from support.store_contents import Contents, assert_same, assert_whole, contents_of, read
from support.sync_child import Job
from support.sync_process import SyncProcess, copy

from scenario_async.sandbox import Catalogue, Sandbox
from scenario_async.sync import CatalogStore, FleetStore, ScopeReport, StoreBusyError, sync
from scenario_async.sync._store.writer import ScopeWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from support.client import Connect
    from support.clocks import FakeClock

pytestmark = [
    pytest.mark.one_loop,
    pytest.mark.once,
    pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL as POSIX has it"),
]

SCOPES = ["private", "public"]
_SOON = 60  # seconds; nothing that waits so long is told apart from hanging


@pytest.fixture(scope="module")
def sandbox() -> Generator[Sandbox]:
    catalogue = Catalogue.seeded(public=200, private=1100, collections=2, odd=False)
    with Sandbox(catalogue).in_thread() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def undisturbed(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Contents:
    """What a store has in the end, whatever went on before."""
    url = f"sqlite:///{tmp_path_factory.mktemp('undisturbed') / 'models.db'}"
    copy(sandbox, Job(url=url, scopes=SCOPES))
    return read(url)


def holding(
    sandbox: Sandbox, url: str, scopes: list[str], account: str | None = None
) -> SyncProcess:
    """A run that has written a page, and goes on when it is let go."""
    process = SyncProcess(sandbox, Job(url=url, scopes=scopes, account=account, hold=1))
    assert process.wait_for("holding"), process.why()
    return process


class TestTwoRunsOfTheSame:
    @pytest.mark.anyio
    async def test_the_second_is_refused_at_once(
        self, sandbox: Sandbox, connect: Connect, new_store: Callable[[], str]
    ) -> None:
        url = new_store()
        with holding(sandbox, url, SCOPES) as first:
            async with connect() as scenario, CatalogStore.open(url) as store:
                asked = len(sandbox.requests)
                with anyio.fail_after(_SOON), pytest.raises(StoreBusyError) as caught:
                    await sync(scenario, store, scopes=SCOPES)
                assert len(sandbox.requests) == asked
                assert [run.status for run in await store.runs()] == ["running"]
            first.let_go()
            first.end()

        assert "another run is at work" in str(caught.value)
        assert url.rpartition("/")[2] in str(caught.value)

    @pytest.mark.anyio
    async def test_the_second_is_refused_without_a_file(self, connect: Connect) -> None:
        begun = anyio.Event()

        def begin(_: ScopeReport) -> None:
            begun.set()

        async with connect() as scenario, CatalogStore.open("sqlite://") as store:
            first = asyncio.create_task(sync(scenario, store, scopes=SCOPES, on_progress=begin))
            await begun.wait()
            with pytest.raises(StoreBusyError, match="another run is at work"):
                await sync(scenario, store, scopes=SCOPES)
            assert (await first).new == 1300
            assert (await sync(scenario, store, scopes=SCOPES)).new == 0

    @pytest.mark.anyio
    async def test_one_that_waits_runs_after_the_first(
        self,
        sandbox: Sandbox,
        connect: Connect,
        new_store: Callable[[], str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        looked = anyio.Event()

        async def look_again(_: float) -> None:
            looked.set()
            await anyio.lowlevel.checkpoint()

        url = new_store()
        with holding(sandbox, url, SCOPES) as first:
            async with connect() as scenario, CatalogStore.open(url) as store:
                async with anyio.create_task_group() as tasks:
                    with monkeypatch.context() as patched:
                        patched.setattr("scenario_async.sync._runs.run.anyio.sleep", look_again)
                        tasks.start_soon(partial(sync, scenario, store, scopes=SCOPES, wait=True))
                        with anyio.fail_after(_SOON):
                            await looked.wait()
                        assert [run.status for run in await store.runs()] == ["running"]
                    first.let_go()
                    await anyio.to_thread.run_sync(first.end)
                runs = await store.runs()

        second, first_run = runs
        assert (first_run.status, second.status) == ("finished", "finished")
        assert first_run.finished_at is not None
        assert second.started_at >= first_run.finished_at
        assert second.report is not None
        assert second.report.new == 0

    @pytest.mark.anyio
    async def test_a_killed_run_lets_go_of_the_store(
        self, sandbox: Sandbox, connect: Connect, new_store: Callable[[], str]
    ) -> None:
        url = new_store()
        with holding(sandbox, url, SCOPES) as first:
            first.kill()
        async with connect() as scenario, CatalogStore.open(url) as store:
            # A server learns a moment later that its client is gone; a file is free at once.
            waits = url.startswith("postgresql")
            with anyio.fail_after(_SOON):
                report = await sync(scenario, store, scopes=SCOPES, wait=waits)
            second, killed = await store.runs()

        assert [scope.complete for scope in report.scopes] == [True, True]
        assert (killed.status, second.status) == ("interrupted", "finished")


@pytest.mark.anyio
async def test_a_killed_run_lets_go_of_its_account(
    sandbox: Sandbox, connect: Connect, new_postgresql: Callable[[], str]
) -> None:
    url = new_postgresql()
    async with FleetStore.open(url, partitions=2) as fleet, connect() as scenario:
        store = fleet.account("one")
        with holding(sandbox, url, ["private"], account="one") as first:
            with pytest.raises(StoreBusyError, match="at work on the account 'one'"):
                await sync(scenario, store)
            first.kill()
        with anyio.fail_after(_SOON):
            report = await sync(scenario, store, wait=True)
        second, killed = await store.runs()
        counts = await store.counts()

    assert (report.scopes[0].mode, report.new < counts.models) == ("resumed", True)
    assert counts.models == len(sandbox.catalogue.ids("private"))
    assert (killed.status, second.status) == ("interrupted", "finished")


def test_two_runs_of_different_scopes_go_on_at_once_in_postgresql(
    sandbox: Sandbox, new_postgresql: Callable[[], str]
) -> None:
    # Most models of the collection are written by both.
    scopes = ["private", f"collection:{sandbox.catalogue.collection_ids[0]}"]
    apart, together = new_postgresql(), new_postgresql()
    for scope in scopes:
        copy(sandbox, Job(url=apart, scopes=[scope]))

    with (
        SyncProcess(sandbox, Job(url=together, scopes=scopes[:1], hold=-1)) as one,
        SyncProcess(sandbox, Job(url=together, scopes=scopes[1:], hold=-1)) as other,
    ):
        for process in (one, other):
            assert process.wait_for("holding")
        for process in (one, other):
            process.let_go()
        for process in (one, other):
            process.end()

    assert_same(read(together), read(apart))


def test_a_run_of_one_scope_goes_on_beside_one_that_holds_another_in_postgresql(
    sandbox: Sandbox, new_postgresql: Callable[[], str]
) -> None:
    url = new_postgresql()
    with holding(sandbox, url, ["private"]) as first:
        assert copy(sandbox, Job(url=url, scopes=["public"])).scopes[0].complete
        with SyncProcess(sandbox, Job(url=url, scopes=["public", "private"])) as third:
            assert third.fail()[0].startswith("StoreBusyError")
        first.let_go()
        first.end()

    assert {scope for scope, _ in read(url).memberships} == {"private", "public"}


@pytest.mark.anyio
@pytest.mark.parametrize("how", ["task", "scope"])
@pytest.mark.parametrize("when", ["before", "between", "amid"])
async def test_a_cancelled_run_leaves_a_whole_store_that_the_next_one_finishes(  # noqa: PLR0917
    how: str,
    when: str,
    sandbox: Sandbox,
    connect: Connect,
    clock: FakeClock,
    new_store: Callable[[], str],
    undisturbed: Contents,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = new_store()
    write = ScopeWriter.write
    async with connect() as scenario, CatalogStore.open(url) as store:
        scope = anyio.CancelScope()
        written = 0

        async def run() -> None:
            with scope:
                await sync(scenario, store, scopes=SCOPES, on_progress=progress)

        def cancel() -> None:
            if how == "task":
                task.cancel()
            else:
                scope.cancel()

        def progress(report: ScopeReport) -> None:
            nonlocal written
            written = max(written, report.pages)
            if when == "before" or (when == "between" and written == 2):
                cancel()

        async def cancel_and_write(*arguments: Any) -> Any:
            if when == "amid" and written:
                cancel()
                await asyncio.sleep(0)
            return await write(*arguments)

        monkeypatch.setattr(ScopeWriter, "write", cancel_and_write)
        task = asyncio.ensure_future(run())
        await asyncio.wait([task])
        assert task.cancelled() if how == "task" else scope.cancelled_caught
        assert [one.status for one in await store.runs()] == ["interrupted"]
        assert_whole(await contents_of(url), SCOPES, sandbox.catalogue)

        monkeypatch.setattr(ScopeWriter, "write", write)
        report = await sync(scenario, store, scopes=SCOPES)

    assert all(one.complete for one in report.scopes)
    if when != "before":
        # What was written is gone on from: one scope may be whole, and another one not begun.
        assert {one.mode for one in report.scopes} != {"full"}
    assert_same(await contents_of(url), undisturbed)
