"""Clients with one key at a service with a rate limit, in a time that passes as fast as it can.

The clients are the real thing from the requester down to the transport; only the transport is not.
The service counts as the sandbox does: a token bucket, and a 429 with whole seconds to wait.
"""

from __future__ import annotations

import asyncio
import random
import selectors
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from scenario_async import EventHooks, RateLimitError, Timeout
from scenario_async._credentials import Credentials
from scenario_async._http import HTTPResponse
from scenario_async._lifetime import Lifetime
from scenario_async._options import ClientOptions
from scenario_async._pacing import Pacer
from scenario_async._requester import Call, Requester, RequestOptions
from scenario_async._turns import Turns
from scenario_async.sandbox import RateLimit
from scenario_async.sandbox._answers import Answer
from scenario_async.sandbox._limits import Limiter

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from scenario_async._http import HTTPRequest
    from scenario_async._transport import Transport

__all__ = ["Outcome", "Scene", "in_simulated_time", "simulate"]

_CALLERS = 16  # of each client: twice its slots, as some wait for another attempt


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

    ``starts`` are those of the clients, one each; ``later`` is another limit from some time on.
    """

    rate: float
    burst: int
    latency: float = 0.1
    starts: tuple[float, ...] = (0.0, 0.5, 1.0, 1.5)
    seconds: float = 60.0
    later: tuple[float, float] | None = None
    requests_per_second: float | None = None
    seed: int = 0


@dataclass
class Outcome:
    """When each client sent what was taken and what was refused, as the service saw it."""

    scene: Scene
    good: list[list[float]] = field(default_factory=list[list[float]])
    refused: list[list[float]] = field(default_factory=list[list[float]])

    def utilisation(self, since: float = 0.0) -> float:
        """Good answers a second, as a part of the limit."""
        seconds = self.scene.seconds - since
        return self._count(self.good, since) / (self.scene.rate * seconds)

    def refused_share(self, since: float = 0.0) -> float:
        refused = self._count(self.refused, since)
        return refused / (refused + self._count(self.good, since))

    def least_share(self, since: float = 0.0) -> float:
        """Of the client that got least, as a part of what would have been fair since its start."""
        fair = self.scene.rate / len(self.good)
        return min(
            self._count([good], since) / (fair * (self.scene.seconds - max(since, start)))
            for good, start in zip(self.good, self.scene.starts, strict=True)
        )

    @staticmethod
    def _count(times: list[list[float]], since: float) -> int:
        return sum(time >= since for some in times for time in some)


class _Service:
    """Takes the place of one client's transport; the bucket is shared by all."""

    def __init__(self, scene: Scene, bucket: Limiter, chance: random.Random) -> None:
        self._scene, self._bucket, self._chance = scene, bucket, chance
        self.turns = Turns()
        self.good: list[float] = []
        self.refused: list[float] = []

    def check_usable(self) -> None:
        pass

    async def send(self, _request: HTTPRequest, _limits: Timeout) -> HTTPResponse:
        await self._way()
        now = asyncio.get_running_loop().time()
        refusal = self._bucket.refusal(now)
        (self.good if refusal is None else self.refused).append(now)
        await self._way()
        answer = Answer() if refusal is None else refusal.answer()
        return HTTPResponse(
            status=answer.status,
            headers={name.lower(): value for name, value in answer.headers},
            body=b"",
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
        timeout=Timeout(),
        max_retries=4,
        max_concurrency=8,
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
    )


def simulate(scene: Scene) -> Outcome:
    """Clients that ask as fast as they may."""
    outcome = Outcome(scene)
    in_simulated_time(_simulate(scene, outcome))
    return outcome


async def _simulate(scene: Scene, outcome: Outcome) -> None:
    random.seed(scene.seed)  # the jitter of retries
    chance = random.Random(scene.seed)  # noqa: S311 - no secret
    bucket = Limiter(RateLimit(requests_per_second=scene.rate, burst=scene.burst), 0.0)
    tasks: list[asyncio.Task[None]] = []
    for start in scene.starts:
        service = _Service(scene, bucket, chance)
        outcome.good.append(service.good)
        outcome.refused.append(service.refused)
        requester = _requester(scene, service)
        tasks += [asyncio.create_task(_ask(requester, start)) for _ in range(_CALLERS)]
    if scene.later is not None:
        tasks.append(asyncio.create_task(_change(bucket, scene.burst, *scene.later)))
    await asyncio.sleep(scene.seconds)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def _ask(requester: Requester, start: float) -> None:
    await asyncio.sleep(start)
    while True:
        try:
            await requester.call(Call(path="/models", parameters={}), len, RequestOptions())
        except RateLimitError:
            continue


async def _change(bucket: Limiter, burst: int, when: float, rate: float) -> None:
    await asyncio.sleep(when)
    bucket.refusal(when)
    bucket.limit = RateLimit(requests_per_second=rate, burst=burst)
