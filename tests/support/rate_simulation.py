"""Clients with one key at a service with a rate limit, in a time that passes as fast as it can.

The clients are the real thing from the requester down to the transport; only the transport is not.
The service counts as the sandbox does, and its 429s are those of the sandbox.
"""

from __future__ import annotations

import asyncio
import random
import selectors
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from scenario_async import APIError, EventHooks, Timeout
from scenario_async._credentials import Credentials
from scenario_async._events import ClientHooks
from scenario_async._http.lifetime import Lifetime
from scenario_async._http.loop_budget import LoopBudget
from scenario_async._http.messages import Call, HTTPResponse
from scenario_async._http.pacing import Pacer
from scenario_async._http.requester import Requester, RequestOptions
from scenario_async._options import ClientOptions
from scenario_async.sandbox._answers import Answer
from scenario_async.sandbox._api.limits import Limiter

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from scenario_async._http.messages import HTTPRequest
    from scenario_async._http.transport import Transport
    from scenario_async.sandbox import RateLimit

__all__ = ["Outcome", "Scene", "in_simulated_time", "simulate"]


class _Selector(selectors.DefaultSelector):
    """Passes the time that a loop would wait at once."""

    time = 0.0

    def select(self, timeout: float | None = None) -> Any:
        assert timeout is not None, "everybody waits and nobody is due"
        self.time += max(0.0, timeout)
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._passed = _Selector()
        super().__init__(self._passed)

    def time(self) -> float:
        return self._passed.time


class _LoopClock:
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def in_simulated_time(work: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=_Loop) as runner:
        runner.run(work)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What is simulated; times in seconds.

    Attributes:
        limit: What the service takes.
        later: Another limit from some time on.
        calls: How many calls each client makes.
        at_once: How many of them it makes at once.
        starts: When the clients begin, one each.
        phase: What the clock of the service shows at the beginning.
        latency: How long an answer takes.
        timeout: The limits of each call.
        max_retries: How often a call is tried again.
        requests_per_second: The fixed rate of each client.
        seed: Of whatever is by chance.
    """

    limit: RateLimit
    later: tuple[float, RateLimit] | None = None
    calls: int = 550
    at_once: int = 16
    starts: tuple[float, ...] = (0.0,)
    phase: float = 0.0
    latency: float = 0.1
    timeout: Timeout = field(default_factory=Timeout)
    max_retries: int = 4
    requests_per_second: float | None = None
    seed: int = 0


@dataclass
class Outcome:
    """When each client sent what was taken and what was refused, and the calls that failed."""

    scene: Scene
    taken: list[list[float]] = field(default_factory=list[list[float]])
    refused: list[list[float]] = field(default_factory=list[list[float]])
    failed: list[APIError] = field(default_factory=list[APIError])

    @property
    def refused_share(self) -> float:
        """Refused requests among all."""
        refused = sum(map(len, self.refused))
        return refused / (refused + sum(map(len, self.taken)))

    @property
    def used(self) -> float:
        """What was taken while all had work, as a part of what the limit allows.

        From the second window on; what a bucket holds at first is left out.
        """
        limit = self.scene.limit
        end = min(client[-1] for client in self.taken)
        times = sorted(time for client in self.taken for time in client if time <= end)
        begin = times[0] + limit.seconds
        if limit.window == "bucket":
            # What it holds at first may be taken at any time.
            begin = times[0]
        elif limit.window == "fixed" and limit.fixed_from == "clock":
            begin = (times[0] + self.scene.phase) // limit.seconds * limit.seconds + limit.seconds
            begin -= self.scene.phase
        return self.rate(begin, end) / (limit.requests / limit.seconds)

    def rate(self, begin: float, end: float) -> float:
        """How many requests a second were taken in a span of time."""
        limit = self.scene.limit
        times = sorted(time for client in self.taken for time in client)
        if limit.window == "bucket" and begin == times[0]:
            times = times[limit.requests :]
        return sum(begin <= time <= end for time in times) / (end - begin)

    def share(self, begin: float, end: float) -> list[float]:
        """Of each client, as a part of what was taken from all."""
        counts = [sum(begin <= time <= end for time in client) for client in self.taken]
        return [count / sum(counts) for count in counts]


class _Service:
    """Takes the place of one client's transport; the limiter is shared by all."""

    def __init__(self, scene: Scene, limiter: Limiter, chance: random.Random) -> None:
        self._scene, self._limiter, self._chance = scene, limiter, chance
        self.loop_budget = LoopBudget()
        self.taken: list[float] = []
        self.refused: list[float] = []

    async def send(self, _request: HTTPRequest, _limits: Timeout) -> HTTPResponse:
        await self._way()
        now = asyncio.get_running_loop().time()
        refusal = self._limiter.refusal(now + self._scene.phase)
        (self.taken if refusal is None else self.refused).append(now)
        await self._way()
        answer = Answer() if refusal is None else refusal.answer()
        return HTTPResponse(
            status=answer.status,
            headers={name.lower(): value for name, value in answer.headers},
            body=answer.body,
            seconds=0.0,
            sends=1,
        )

    async def _way(self) -> None:
        await asyncio.sleep(self._scene.latency / 2 * self._chance.uniform(0.8, 1.2))


def _requester(scene: Scene, service: _Service) -> Requester:
    options = ClientOptions(
        credentials=Credentials("public", "public-auth-token"),
        base_url="https://service.invalid",
        project_id=None,
        timeout=scene.timeout,
        max_retries=scene.max_retries,
        max_concurrency=16,
        requests_per_second=scene.requests_per_second,
        default_headers={},
        default_query={},
        event_hooks=EventHooks(),
    )
    clock = _LoopClock()
    return Requester(
        options,
        transport=cast("Transport", service),
        pacer=Pacer(clock, options.max_concurrency, options.requests_per_second),
        lifetime=Lifetime(),
        clock=clock,
        hooks=ClientHooks(options.event_hooks),
    )


def simulate(scene: Scene) -> Outcome:
    """Clients that ask as fast as they may."""
    outcome = Outcome(scene)
    in_simulated_time(_simulate(scene, outcome))
    return outcome


async def _simulate(scene: Scene, outcome: Outcome) -> None:
    random.seed(scene.seed)  # the jitter of retries
    chance = random.Random(scene.seed)  # noqa: S311 - no secret
    limiter = Limiter(scene.limit, scene.phase)
    async with asyncio.TaskGroup() as clients:
        for start in scene.starts:
            service = _Service(scene, limiter, chance)
            outcome.taken.append(service.taken)
            outcome.refused.append(service.refused)
            clients.create_task(_run(scene, service, start, outcome.failed))
        if scene.later is not None:
            clients.create_task(_change(limiter, *scene.later))


async def _run(scene: Scene, service: _Service, start: float, failed: list[APIError]) -> None:
    requester = _requester(scene, service)
    left = scene.calls

    async def ask() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            try:
                await requester.call(Call(path="/models", parameters={}), len, RequestOptions())
            except APIError as error:
                failed.append(error)

    await asyncio.sleep(start)
    async with asyncio.TaskGroup() as callers:
        for _ in range(scene.at_once):
            callers.create_task(ask())


async def _change(limiter: Limiter, when: float, limit: RateLimit) -> None:
    await asyncio.sleep(when)
    limiter.limit = limit
