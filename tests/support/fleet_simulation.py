"""A fleet in memory: accounts, locks and workers that are killed."""

from __future__ import annotations

import itertools
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

import anyio
import anyio.lowlevel

from scenario_async import APIConnectionError, AsyncScenario, AuthenticationError
from scenario_async.fleet._worker import Worker
from scenario_async.sync import StoreBusyError, StoreError, SyncReport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator
    from datetime import timedelta

__all__ = ["Killed", "Member", "Outcome", "Process", "Run", "World"]

Outcome: TypeAlias = Literal["well", "badly", "refused", "refused once", "busy", "no database"]


class Killed(BaseException):
    """What a process that is killed would do next it does not do."""


@dataclass
class Run:
    """A run of an account, from its beginning on.

    Attributes:
        process: Which worker does it.
        synced: What became of asking the service, each time.
        told: How the worker said that it ended.
    """

    process: str
    synced: list[str] = field(default_factory=list[str])
    told: str | None = None


@dataclass
class Member:
    """An account, and what is to become of its runs: the last of the outcomes goes on for ever."""

    name: str
    group: str
    outcomes: list[Outcome]
    credential_ref: str = "env:NAME"
    due: int = 0
    gone: bool = False
    failures: int = 0
    at_work: set[str] = field(default_factory=set[str])
    runs: list[Run] = field(default_factory=list[Run])

    @property
    def is_fresh(self) -> bool:
        """Whether its last run did well."""
        return bool(self.runs) and self.runs[-1].told == "succeeded"

    def next_outcome(self) -> Outcome:
        return self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]


class World:
    """What all processes share.

    Args:
        members: All accounts.
        pauses: How many turns of the loop each call to the outside takes, one after the other.
        outages: Which of those calls find no database.
    """

    def __init__(
        self, members: list[Member], pauses: Iterator[int], outages: range = range(0)
    ) -> None:
        self.members = {member.name: member for member in members}
        self.groups = sorted({member.group for member in members})
        self.locks: dict[str, str] = {}
        self.now = 0
        self.outages = outages
        self._pauses = pauses
        self._calls = 0

    async def pause(self) -> int:
        """Let others run; gives the number of this call."""
        self._calls += 1
        number = self._calls
        for _ in range(next(self._pauses)):
            await anyio.lowlevel.checkpoint()
        return number


class Process:
    """A worker in a process of its own, with its view of the accounts."""

    def __init__(
        self, name: str, world: World, client: AsyncScenario, **options: timedelta
    ) -> None:
        self.name = name
        self.world = world
        self.killed = False
        self._keys = itertools.count()
        self.began: dict[str, Run] = {}
        self.last_run: Run | None = None
        self.worker = Worker(
            self,
            self._credentials,
            client,
            sync=self._sync,
            lead=self._lead,
            requests_per_minute=100,
            **options,
        )

    def kill(self) -> None:
        """End it as the machine would: it learns nothing of it, and its locks are free."""
        self.killed = True
        self._lose_locks()
        for member in self.world.members.values():
            member.at_work.discard(self.name)

    async def next_due(self, group: str, *, after: Member | None = None) -> Member | None:
        await self._database()
        start = (-1, "") if after is None else (after.due, after.name)
        due = [
            member
            for member in self.world.members.values()
            if member.group == group and member.failures <= 5 and member.due <= self.world.now
        ]
        later = [member for member in due if (member.due, member.name) > start]
        return min(later, key=lambda member: (member.due, member.name), default=None)

    async def begin(self, name: str) -> bool:
        await self._database()
        member = self.world.members[name]
        if member.gone:
            return False
        member.failures += 1
        member.runs.append(Run(self.name))
        self.began[name] = self.last_run = member.runs[-1]
        await self._outside()
        return True

    async def succeeded(self, name: str, report: SyncReport) -> bool:
        assert report.run == 1
        return await self._end(name, "succeeded", failures=0, pause=100)

    async def failed(self, name: str, error: BaseException) -> bool:
        kind = type(error).__name__
        return await self._end(name, f"failed: {kind}", failures=None, pause=1)

    async def returned(self, name: str) -> bool:
        return await self._end(name, "returned", failures=-1, pause=0)

    async def overdue(self, limit: int) -> list[str]:
        raise NotImplementedError

    async def slots(self) -> int:
        raise NotImplementedError

    async def beat(self, worker: str, slots: int) -> None:
        raise NotImplementedError

    async def leave(self, worker: str) -> None:
        raise NotImplementedError

    async def _end(self, name: str, said: str, *, failures: int | None, pause: int) -> bool:
        await self._database()
        member = self.world.members[name]
        assert self.began[name].told is None
        self.began[name].told = said
        if failures is not None:
            member.failures = max(0, member.failures - 1) if failures else 0
        member.due = self.world.now + pause if pause else member.due
        await self._outside()
        return True

    async def _credentials(self, account: str, ref: str) -> _Key:
        await self._outside()
        assert ref == self.world.members[account].credential_ref
        return _Key(f"key {next(self._keys)}")

    async def _sync(self, client: AsyncScenario, account: Member) -> SyncReport:
        assert not client.is_closed()
        member = self.world.members[account.name]
        for other in self.world.members.values():
            assert other.group != member.group or not other.at_work, "two of one group at once"
        member.at_work.add(self.name)
        outcome = "cancelled"
        try:
            await self._outside()
            await self._outside()
            outcome = member.next_outcome()
            if outcome == "well":
                return SyncReport(run=1)
            if outcome == "busy":
                raise StoreBusyError("somebody does it by hand")
            if outcome == "no database":
                self._lose_locks()
                raise StoreError("it is away")
            if outcome == "badly":
                raise APIConnectionError("no answer")
            if outcome == "refused once":
                outcome = "refused"
                member.outcomes.insert(0, "well")
            raise AuthenticationError("refused", status_code=401)
        finally:
            member.at_work.discard(self.name)
            self.began[account.name].synced.append(outcome)

    @asynccontextmanager
    async def _lead(self, group: str) -> AsyncGenerator[None]:
        await self._database()
        if group in self.world.locks:
            raise StoreBusyError("another one leads")
        self.world.locks[group] = self.name
        try:
            yield
        finally:
            if self.world.locks.get(group) == self.name:
                del self.world.locks[group]

    def _lose_locks(self) -> None:
        for group in [group for group, owner in self.world.locks.items() if owner == self.name]:
            del self.world.locks[group]

    async def _database(self) -> None:
        if await self._outside() in self.world.outages:
            raise StoreError("it is away")

    async def _outside(self) -> int:
        number = await self.world.pause()
        if self.killed:
            raise Killed
        return number


@dataclass(frozen=True)
class _Key:
    api_key: str
    api_secret: str = "secret"
    bearer_auth: None = None
    public: bool = False
    base_url: None = None
    project_id: None = None
