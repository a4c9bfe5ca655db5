"""Each operation has one start and one end or failure, whatever ends it, and knows its parent."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from scenario_async import (
    APIError,
    AsyncScenario,
    EndEvent,
    EventHooks,
    FailureEvent,
    InternalServerError,
    Operation,
    PageEvent,
    RequestEvent,
    ResponseEvent,
    RetryEvent,
    StartEvent,
    UsageError,
)
from scenario_async.sandbox import BadRow, Catalogue, Dropped, RateLimited, ServerError
from scenario_async.sync import CatalogStore, sync

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
    from pathlib import Path

    from support.client import Connect
    from support.clocks import FakeClock

    from scenario_async.pytest_plugin import SandboxFactory
    from scenario_async.sandbox import Sandbox

    Event = StartEvent | EndEvent | FailureEvent | RequestEvent | ResponseEvent
    Way = Callable[[AsyncScenario, Sandbox], AsyncGenerator[object, None]]

pytestmark = pytest.mark.anyio


class Watched:
    """Sees that every operation ends once, before the one that it is a part of."""

    def __init__(self, at_event: Callable[[], object] = lambda: None) -> None:
        self.done: list[Operation] = []
        self.ends: dict[int, EndEvent | FailureEvent | ResponseEvent] = {}
        self.pages: list[PageEvent] = []
        self.retries: list[RetryEvent] = []
        self._open: dict[int, Operation] = {}
        self._at_event = at_event
        self.hooks = EventHooks(
            on_request=self._begin,
            on_response=self._finish,
            on_retry=self.retries.append,
            on_page=self.pages.append,
            on_start=self._begin,
            on_end=self._finish,
            on_failure=self._finish,
        )

    def _begin(self, event: StartEvent | RequestEvent) -> None:
        operation = event.operation
        assert operation is not None
        assert operation.id not in self._open.keys() | self.ends.keys()
        assert operation.parent is None or operation.parent in self._open
        self._open[operation.id] = operation
        self._at_event()

    def _finish(self, event: EndEvent | FailureEvent | ResponseEvent) -> None:
        operation = event.operation
        assert operation is not None
        assert self._open.pop(operation.id) == operation
        assert operation.id not in [one.parent for one in self._open.values()]
        assert event.seconds >= 0
        self.ends[operation.id] = event
        self.done.append(operation)
        self._at_event()

    def check(self, caplog: pytest.LogCaptureFixture) -> None:
        assert self._open == {}
        # What a hook raises is logged.
        assert [record for record in caplog.records if record.levelname == "ERROR"] == []

    def kinds(self) -> Counter[str]:
        return Counter(operation.kind for operation in self.done)

    def lines(self) -> list[str]:
        """The operations as a tree, the earlier ones first."""
        depths: dict[int | None, int] = {None: -1}
        lines: list[str] = []
        for operation in sorted(self.done, key=lambda one: one.id):
            depths[operation.id] = depths[operation.parent] + 1
            lines.append("  " * depths[operation.id] + f"{operation.kind} {operation.name}")
        return lines


class CancelsAt:
    """Cancels a task at one of the moments at which it is called."""

    def __init__(self, moment: int) -> None:
        self._left = moment
        self._task: asyncio.Future[int] | None = None

    def __call__(self) -> None:
        self._left -= 1
        if self._left == 0 and self._task is not None:
            self._task.cancel()

    async def ends(self, work: Coroutine[Any, Any, int]) -> bool:
        """Whether it was cancelled, and not through before."""
        self._task = asyncio.ensure_future(work)
        await asyncio.wait((self._task,))
        return self._task.cancelled()


async def one(result: Awaitable[object]) -> AsyncGenerator[object, None]:
    yield await result


def some_ids(sandbox: Sandbox) -> list[str]:
    return sandbox.catalogue.ids("private")[:5]


WAYS: dict[str, Way] = {
    "models": lambda client, _: aiter(client.models.private(page_size=30)),
    "cursor": lambda client, _: aiter(client.models.private(page_size=30, strategy="cursor")),
    "unordered": lambda client, _: client.models.public(page_size=30).unordered(),
    "pages": lambda client, _: client.models.private(page_size=30).pages(),
    "page": lambda client, _: one(client.models.private(page_size=30)),
    "collect": lambda client, _: one(client.models.private(page_size=30).collect()),
    "first": lambda client, _: one(client.models.private().first()),
    "limit": lambda client, _: one(client.models.public(tags=["sc:scenario"]).collect(limit=3)),
    "details": lambda client, _: client.models.private(page_size=50).with_details(),
    "merge": lambda client, _: aiter(
        client.models.merge(client.models.private(page_size=50), client.models.public())
    ),
    "one": lambda client, sandbox: one(client.models.retrieve(some_ids(sandbox)[0])),
    "many": lambda client, sandbox: client.models.retrieve_many(some_ids(sandbox)),
    "summaries": lambda client, sandbox: client.models.retrieve_many(some_ids(sandbox), full=False),
    "previews": lambda client, sandbox: client.models.previews(some_ids(sandbox)),
}
each_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


async def go(steps: AsyncGenerator[object, None], most: int | None = None) -> int:
    count = 0
    async with aclosing(steps):
        async for _ in steps:
            count += 1
            if count == most:
                break
    return count


@each_way
async def test_what_is_gone_through_ends_as_complete(
    way: Way, connect: Connect, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    watched = Watched()
    async with connect(event_hooks=watched.hooks) as client:
        assert await go(way(client, sandbox))
    watched.check(caplog)
    roots = [operation for operation in watched.done if operation.parent is None]
    for root in roots:
        assert isinstance(end := watched.ends[root.id], EndEvent)
        assert end.complete is (way is not WAYS["limit"])  # nobody needs the rest of that one
    # A page that turned out not to be needed may not have come to its turn.
    assert 0 < watched.kinds()["request"] <= watched.kinds()["call"]


@each_way
@pytest.mark.parametrize("most", [1, 35])
async def test_whoever_leaves_early_ends_all_of_it(
    way: Way, most: int, connect: Connect, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    watched = Watched()
    async with connect(event_hooks=watched.hooks) as client:
        await go(way(client, sandbox), most)
        watched.check(caplog)
    for root in (operation for operation in watched.done if operation.parent is None):
        # The ids are read in a task of their own, which is cancelled.
        assert isinstance(watched.ends[root.id], EndEvent) or way is WAYS["details"]


@each_way
async def test_a_cancellation_at_any_event_is_a_failure_of_what_is_open(
    way: Way, connect: Connect, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    moment, cancelled = 0, True
    while cancelled:
        moment += 1 + moment // 4
        cancel = CancelsAt(moment)
        watched = Watched(cancel)
        async with connect(event_hooks=watched.hooks) as client:
            cancelled = await cancel.ends(go(way(client, sandbox)))
            watched.check(caplog)
        failed = [end for end in watched.ends.values() if isinstance(end, FailureEvent)]
        assert all(isinstance(end.error, asyncio.CancelledError) for end in failed)
    assert moment > 4


@each_way
@pytest.mark.parametrize("close", [False, True], ids=["a broken service", "a closed client"])
async def test_a_failure_is_told_of_all_that_it_ends(
    way: Way, connect: Connect, sandbox: Sandbox, caplog: pytest.LogCaptureFixture, *, close: bool
) -> None:
    closing: list[asyncio.Task[None]] = []

    def at_event() -> None:
        if close and not closing:
            closing.append(asyncio.ensure_future(client.aclose()))

    watched = Watched(at_event)
    async with connect(event_hooks=watched.hooks, max_retries=0) as client:
        if not close:
            sandbox.faults.add(ServerError(500), times=None)
        with pytest.raises(UsageError if close else InternalServerError):
            await go(way(client, sandbox))
        await asyncio.gather(*closing)
        watched.check(caplog)
    roots = [operation for operation in watched.done if operation.parent is None]
    assert any(isinstance(watched.ends[root.id], FailureEvent) for root in roots)


async def test_a_row_that_does_not_fit_fails_the_listing_and_not_its_page(
    connect: Connect, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.faults.add(BadRow("wrong-type"))
    watched = Watched()
    async with connect(event_hooks=watched.hooks) as client:
        with pytest.raises(APIError) as caught:
            await go(aiter(client.models.private()))
    watched.check(caplog)
    failures = [end for end in watched.ends.values() if isinstance(end, FailureEvent)]
    assert [(one.operation.kind, one.error) for one in failures] == [("listing", caught.value)]


async def test_a_call_has_all_its_attempts(
    connect: Connect, sandbox: Sandbox, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    for fault in (ServerError(503), Dropped(), Dropped(), RateLimited(retry_after=2)):
        sandbox.faults.add(fault)
    watched = Watched()
    async with connect(event_hooks=watched.hooks) as client:
        await go(aiter(client.models.private()))
    watched.check(caplog)
    assert watched.lines()[:3] == ["listing private", "  page /models", "    call GET /models"]
    assert set(watched.lines()[3:]) == {"      request GET /models"}
    (call,) = (operation for operation in watched.done if operation.kind == "call")
    assert {retry.operation for retry in watched.retries} == {call}
    statuses = [
        end.status_code if isinstance(end, ResponseEvent) else type(end).__name__
        for operation, end in zip(watched.done, watched.ends.values(), strict=True)
        if operation.kind == "request"
    ]
    assert statuses == [503, "FailureEvent", 429, 200]


async def test_a_page_knows_its_listing(connect: Connect) -> None:
    watched = Watched()
    async with connect(event_hooks=watched.hooks) as client:
        await client.models.private(page_size=30).collect()
        await client.models.private(page_size=30)
    (listing,) = (operation for operation in watched.done if operation.kind == "listing")
    *walked, alone = watched.pages
    assert {page.listing for page in walked} == {listing.id}
    assert alone.listing is None


@each_way
async def test_nothing_is_made_for_hooks_that_are_not_there(
    way: Way, connect: Connect, sandbox: Sandbox
) -> None:
    async with connect() as client:
        before = Operation(kind="call", name="before").id
        assert await go(way(client, sandbox))

    assert Operation(kind="call", name="after").id == before + 1


async def test_a_single_hook_is_told_of_the_same_operations_as_all_of_them(
    connect: Connect,
) -> None:
    pages: list[PageEvent] = []
    requests: list[RequestEvent] = []
    hooks = EventHooks(on_page=pages.append, on_request=requests.append)
    async with connect(event_hooks=hooks) as client:
        await client.models.private(page_size=30).collect()

    assert len({page.listing for page in pages}) == 1
    assert all(page.listing is not None for page in pages)
    assert all(request.operation and request.operation.parent for request in requests)


async def test_a_record_that_does_not_fit_fails_its_retrieval(
    connect: Connect,
    scenario_sandbox_factory: SandboxFactory,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sandbox = scenario_sandbox_factory(Catalogue.seeded(public=0, private=1, odd=False))
    (model_id,) = sandbox.catalogue.ids("private")
    sandbox.catalogue.update(model_id, fields={"tags": 5}, touch=False)
    watched = Watched()
    async with connect(base_url=sandbox.base_url, event_hooks=watched.hooks) as client:
        with pytest.raises(APIError) as caught:
            await client.models.retrieve(model_id)
    watched.check(caplog)
    failures = [end for end in watched.ends.values() if isinstance(end, FailureEvent)]
    assert [(one.operation.kind, one.error) for one in failures] == [("retrieval", caught.value)]


async def test_the_names_of_records_have_no_ids(connect: Connect, sandbox: Sandbox) -> None:
    watched = Watched()
    async with connect(event_hooks=watched.hooks) as client:
        await go(WAYS["one"](client, sandbox))
    assert watched.lines() == [
        "retrieval /models/{modelId}",
        "  call GET /models/{modelId}",
        "    request GET /models/{modelId}",
    ]


class TestSync:
    async def run(self, client: AsyncScenario, path: Path) -> int:
        async with CatalogStore.open(path / "models.db") as store:
            await sync(client, store, scopes=["private", "public"], details=True)
        return 1

    async def test_a_run_has_its_scopes_and_they_have_the_rest(
        self, connect: Connect, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        watched = Watched()
        async with connect(event_hooks=watched.hooks) as client:
            await self.run(client, tmp_path)
        watched.check(caplog)
        lines = watched.lines()
        assert lines[0] == "sync private public"
        # Twice, for the full records; the scopes go on beside each other, in either order.
        scopes = sorted(line for line in lines if line.startswith("  scope"))
        assert scopes == ["  scope private"] * 2 + ["  scope public"] * 2
        assert [line for line in lines[1:] if not line.startswith("  ")] == []

    @pytest.mark.parametrize("moment", [1, 2, 5, 11, 30, 100])
    async def test_a_cancelled_run_ends_all_of_it(
        self, connect: Connect, tmp_path: Path, caplog: pytest.LogCaptureFixture, moment: int
    ) -> None:
        cancel = CancelsAt(moment)
        watched = Watched(cancel)
        async with connect(event_hooks=watched.hooks) as client:
            assert await cancel.ends(self.run(client, tmp_path))
            watched.check(caplog)
        assert isinstance(list(watched.ends.values())[-1], FailureEvent)

    async def test_a_run_fails_with_its_scope_and_the_others_end(
        self, connect: Connect, sandbox: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        sandbox.faults.add(
            ServerError(500),
            times=None,
            when=lambda request: request.query.get("privacy") == "public",
        )
        watched = Watched()
        async with connect(event_hooks=watched.hooks, max_retries=0) as client:
            with pytest.raises(InternalServerError) as caught:
                await self.run(client, tmp_path)
        watched.check(caplog)
        ends: dict[str, Any] = {
            str(one.kind) + one.name: watched.ends[one.id] for one in watched.done
        }
        assert ends["syncprivate public"].error is ends["scopepublic"].error is caught.value
        assert ends["scopeprivate"].complete
