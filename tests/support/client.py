"""What the tests of the client share beside fixtures."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import anyio
import anyio.lowlevel

from scenario_async import AsyncScenario, EventHooks

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Iterable

    from scenario_async import Listing, Model, RequestEvent, ResponseEvent
    from scenario_async.sandbox import Sandbox

Connect = Callable[..., AsyncScenario]
ThingT = TypeVar("ThingT")


async def until(condition: Callable[[], bool]) -> None:
    """Wait for it; only a test that fails waits to the end."""
    with anyio.fail_after(30):
        while not condition():  # noqa: ASYNC110 - what is waited for is in another thread
            # Not a bare checkpoint: that thread has to come to its turn as well.
            await anyio.sleep(0.001)


async def until_requests(sandbox: Sandbox, count: int) -> None:
    await until(lambda: len(sandbox.requests) >= count)


async def until_answered(expected: object, ask: Callable[[], Awaitable[object]]) -> None:
    """Wait for this answer, as of a server that sets no event; an error says the last other one."""
    answer = await ask()
    with anyio.move_on_after(30):
        while answer != expected:
            await anyio.sleep(0.01)
            answer = await ask()
    assert answer == expected


async def one_by_one(things: Iterable[ThingT]) -> AsyncGenerator[ThingT, None]:
    """The same, as of an asynchronous generator that lets others run in between."""
    for thing in things:
        await anyio.lowlevel.checkpoint()
        yield thing


async def into(found: list[str], models: AsyncIterable[Any]) -> None:
    """Put the ids of all models into a list; what came before an error is in there as well."""
    async for model in models:
        found.append(model.id)  # noqa: PERF401 - see above


class Passes:
    """Counts the passes of the running loop."""

    def __init__(self) -> None:
        self.count = 0
        self._next()

    def _next(self) -> None:
        self.count += 1
        asyncio.get_running_loop().call_soon(self._next)


class UnderWay:
    """Counts the requests of a client that are under way, as its hooks tell of them.

    Whether two of them meet at the server is a race; that both were sent before an answer is none.
    """

    def __init__(self) -> None:
        self.sent = self.answered = self.most = 0
        self.hooks = EventHooks(on_request=self._sent, on_response=self._answered)

    async def ended(self) -> None:
        """Come back when no request is under way and none follows."""
        quiet = 0
        with anyio.fail_after(30):
            while quiet < 50:
                quiet = quiet + 1 if self.sent == self.answered else 0
                await anyio.lowlevel.checkpoint()

    def _sent(self, _: RequestEvent) -> None:
        self.sent += 1
        self.most = max(self.most, self.sent - self.answered)

    def _answered(self, _: ResponseEvent) -> None:
        self.answered += 1


class Leftovers:
    """What a piece of work has left behind."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def check(self) -> None:
        gc.collect()
        # Generators that were dropped close themselves in tasks of the loop.
        with suppress(TimeoutError):
            await until(lambda: not self._tasks() and not self._sandbox.requests.unanswered)
        assert not self._tasks()
        assert not self._sandbox.requests.unanswered

    async def check_connections(self) -> None:
        await self.check()
        await until(lambda: not self._sandbox.open_connections)

    def _tasks(self) -> set[asyncio.Task[Any]]:
        # The test and its fixtures run in tasks of anyio's test runner.
        return {task for task in asyncio.all_tasks() if "TestRunner" not in repr(task.get_coro())}


@dataclass(frozen=True, slots=True)
class Way:
    """A way through a listing of the sandbox: what is listed, and how its pages are fetched.

    Attributes:
        scope: Which models.
        strategy: As the listing is told; what "auto" comes to depends on the scope.
    """

    scope: Literal["private", "public"]
    strategy: Literal["auto", "cursor", "predicted", "windows"] = "auto"

    def listing(self, scenario: AsyncScenario, **options: Any) -> Listing[Model]:
        """The listing, in pages of 20 unless the options say otherwise."""
        options = {"page_size": 20, "strategy": self.strategy, **options}
        return scenario.models.list(privacy=self.scope, **options)

    def ids(self, sandbox: Sandbox) -> list[str]:
        """What the listing has to give, in its order."""
        return sandbox.catalogue.ids(self.scope)


CURSOR = Way("private", "cursor")
WINDOWS = Way("private")
PREDICTED = Way("public")
WAYS = {"cursor": CURSOR, "windows": WINDOWS, "predicted": PREDICTED}
