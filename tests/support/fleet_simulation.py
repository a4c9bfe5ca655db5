"""A fleet in memory: accounts, locks and workers that are killed."""

from __future__ import annotations

import itertools
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import anyio
import anyio.lowlevel

from scenario_async import APIConnectionError, AsyncScenario, AuthenticationError
from scenario_async._context import operation_of
from scenario_async.fleet import Account, Credentials, _schedule
from scenario_async.fleet._credentials import resolving
from scenario_async.fleet._schedule import MOST_FAILURES, Standing
from scenario_async.fleet._worker import Worker
from scenario_async.sync import StoreBusyError, StoreError, SyncReport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

__all__ = ["Killed", "Member", "Outcome", "Process", "Run", "World"]

Outcome: TypeAlias = Literal[
    "well",
    "badly",
    "unanswered",
    "refused",
    "refused once",
    "busy",
    "no database",
    "no store",
    "no vault",
]
"""What becomes of asking the service for an account."""

_BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


class Killed(BaseException):
    """What a process that is killed would do next it does not do."""


@dataclass(eq=False)
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


@dataclass(eq=False)
class Member:
    """An account of a fleet.

    Attributes:
        name: Its name.
        group: Its limit group.
        outcomes: What becomes of it, one after the other; the last one goes on for ever.
        gone: Whether it was removed in the meantime.
        standing: How it is, by the decisions of the fleet.
        at_work: Which processes ask the service for it now.
        runs: All that was done.
    """

    name: str
    group: str
    outcomes: list[Outcome]
    gone: bool = False
    at_work: set[str] = field(default_factory=set[str])
    runs: list[Run] = field(default_factory=list[Run])

    def __post_init__(self) -> None:
        self.standing = Standing(
            name=self.name, every=timedelta(hours=1), state="waiting", due_at=_BEGINNING
        )

    @property
    def is_fresh(self) -> bool:
        """Whether its last run did well."""
        return bool(self.runs) and self.runs[-1].told == "succeeded"

    @property
    def is_set_aside(self) -> bool:
        """Whether nobody begins it any more."""
        return self.standing.failures > MOST_FAILURES

    def next_outcome(self) -> Outcome:
        """What becomes of it now."""
        return self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]

    def account(self) -> Account:
        """It as a worker sees it."""
        return Account(
            name=self.name,
            credential_ref=f"ref {self.name}",
            scopes=("private",),
            every=self.standing.every,
            limit_group=self.group,
            due_at=self.standing.due_at,
        )


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
        self.now = _BEGINNING
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
        self._led = ""
        self._keys = itertools.count()
        self.began: dict[str, Run] = {}
        self.last_run: Run | None = None
        self.worker = Worker(
            cast("Any", self),
            resolving(self._credentials),
            client,
            sync=self._sync,
            requests_per_minute=100,
            **options,
        )

    def kill(self) -> None:
        """End it as the machine would: it learns nothing of it, and its locks are free."""
        self.killed = True
        self._lose_locks()
        for member in self.world.members.values():
            member.at_work.discard(self.name)

    async def next_due(self, group: str, *, after: Account | None = None) -> Account | None:
        await self._database()
        accounts = [
            member.account()
            for member in self.world.members.values()
            if member.group == group
            and not member.is_set_aside
            and member.standing.due_at <= self.world.now
        ]
        if after is not None:
            start = after.due_at, after.name
            accounts = [account for account in accounts if (account.due_at, account.name) > start]
        return min(accounts, key=lambda account: (account.due_at, account.name), default=None)

    async def begin(self, name: str) -> bool:
        await self._database()
        member = self.world.members[name]
        begun = _schedule.begun(member.standing, self.world.now)
        if begun is None or member.gone:
            return False
        member.standing = begun
        member.runs.append(Run(self.name))
        self.began[name] = self.last_run = member.runs[-1]
        await self._outside()
        return True

    async def succeeded(self, name: str, report: SyncReport) -> bool:
        assert report.run == 1
        standing = self.world.members[name].standing
        return await self._end(name, "succeeded", _schedule.succeeded(standing, self.world.now))

    async def failed(self, name: str, error: BaseException) -> bool:
        standing, now = self.world.members[name].standing, self.world.now
        ended = _schedule.failed(standing, now, error)
        return await self._end(name, f"failed: {type(error).__name__}", ended)

    async def returned(self, name: str) -> bool:
        standing = self.world.members[name].standing
        return await self._end(name, "returned", _schedule.returned(standing, self.world.now))

    async def _end(self, name: str, said: str, standing: Standing) -> bool:
        await self._database()
        member, run = self.world.members[name], self.began[name]
        # It may be told again where there was no answer, and says the same.
        assert run.told in (None, said)
        ended = run is member.runs[-1] and run.told is None
        run.told = said
        if ended:
            member.standing = standing
        # What is committed may get no answer.
        await self._database()
        return ended

    async def _credentials(self, account: str, reference: str) -> Credentials:
        await self._outside()
        assert reference == f"ref {account}"
        member = self.world.members[account]
        if member.outcomes[0] == "no vault":
            self.began[account].synced.append(member.next_outcome())
            raise OSError("the vault is away")
        return Credentials(api_key=f"key {next(self._keys)}", api_secret="secret")

    async def _sync(self, client: AsyncScenario, account: Account) -> SyncReport:
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
                with operation_of(client, "sync", "private"):
                    return SyncReport(run=1)
            if outcome == "busy":
                raise StoreBusyError("somebody does it by hand")
            if outcome == "no database":
                self._lose_locks()
                raise StoreError("it is away")
            if outcome == "unanswered":
                raise APIConnectionError("no answer")
            if outcome == "badly":
                raise ValueError("a record that nobody can read")
            if outcome == "no store":
                raise StoreError("it is a copy of another owner")
            if outcome == "refused once":
                outcome = "refused"
                member.outcomes.insert(0, "well")
            raise AuthenticationError("refused", status_code=401)
        finally:
            member.at_work.discard(self.name)
            self.began[account.name].synced.append(outcome)

    @asynccontextmanager
    async def lead(self, group: str) -> AsyncGenerator[None]:
        await self._database()
        if group in self.world.locks:
            raise StoreBusyError("another one leads")
        self.world.locks[group] = self.name
        self._led = group
        try:
            yield
        finally:
            if self.world.locks.get(group) == self.name:
                del self.world.locks[group]

    async def check_lead(self) -> None:
        await self._outside()
        if self.world.locks.get(self._led) != self.name:
            raise StoreError("the lock is lost")

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
