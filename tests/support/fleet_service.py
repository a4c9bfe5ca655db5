"""The accounts of a fleet, at the service and in its store, and how the two differ."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec

from scenario_async.fleet import Fleet
from scenario_async.sandbox import Catalogue, SandboxAccounts
from scenario_async.sync import FleetStore
from support.fleet_checks import Copied, differences

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable
    from pathlib import Path
    from random import Random

    from scenario_async.sandbox import RateLimit, SandboxAccount

__all__ = ["Member", "Studios", "catalogues_of", "connected", "studios"]

_asyncpg: Any = import_module("asyncpg")  # it has no types


@dataclass(frozen=True, slots=True)
class Member:
    """An account of a fleet.

    Attributes:
        name: Its name.
        models: How many models it has at first.
        every: Its period, in seconds.
        group: Its limit group.
    """

    name: str
    models: int = 30
    every: float = 20
    group: str | None = None


def catalogues_of(members: Iterable[Member]) -> dict[str, Catalogue]:
    """What they have at the service: different models each, which belong to different owners."""
    return {
        member.name: Catalogue.seeded(
            public=0,
            private=member.models,
            collections=2,
            odd=False,
            seed=number,
            owner=f"proj_{member.name}",
        )
        for number, member in enumerate(members)
    }


class Studios:
    """The accounts of one fleet.

    Args:
        sandbox: The service.
        url: The store.
        folder: Where their keys are.
    """

    def __init__(self, sandbox: SandboxAccounts, url: str, folder: Path) -> None:
        self.sandbox = sandbox
        self.url = url
        self._folder = folder

    async def enrol(self, members: Iterable[Member]) -> None:
        """Add accounts to the fleet."""
        async with FleetStore.open(self.url) as store:
            fleet = Fleet(store)
            for member in members:
                keys = self.sandbox[member.name]
                path = self._folder / member.name
                path.write_bytes(
                    msgspec.json.encode({"api_key": keys.api_key, "api_secret": keys.api_secret})
                )
                await fleet.add(
                    member.name,
                    credential_ref=f"file:{path}",
                    scopes=["private"],
                    every=timedelta(seconds=member.every),
                    limit_group=member.group,
                )

    async def execute(self, statement: str) -> None:
        """Change what the fleet knows of its accounts."""
        async with connected(self.url) as connection:
            await connection.execute(statement)

    def change(self, random: Random) -> None:
        """Give each account something to find that runs find at once."""
        for account in self.sandbox.values():
            catalogue = account.catalogue
            for model_id in random.sample(catalogue.ids("private"), 2):
                catalogue.delete(model_id)
            for _ in range(random.randrange(1, 4)):
                catalogue.add(privacy="private", name=f"New {random.random()}")

    async def behind(self, since: float) -> set[str]:
        """The accounts of which no run that began since a moment has listed what is new.

        One that resumes what another one had begun does not list it again.

        Args:
            since: Seconds since 1970.
        """
        async with connected(self.url) as connection:
            rows = await connection.fetch(
                "SELECT DISTINCT account FROM runs WHERE status = 'finished'"
                " AND started_at > to_timestamp($1) AND report #>> '{scopes,0,mode}' <> 'resumed'",
                since,
            )
        return self.sandbox.keys() - {row["account"] for row in rows}

    async def differences(self) -> dict[str, list[str]]:
        """What the copies of accounts have that the service has not, and the reverse."""
        found: dict[str, list[str]] = {}
        async with FleetStore.open(self.url) as store:
            for name, account in self.sandbox.items():
                copies = {
                    model.id: Copied(model.record, model.deleted_at is not None)
                    async for model in store.account(name).models(deleted=None)
                }
                lines = differences(*_at_service(account), copies)
                if lines:
                    found[name] = list(lines)
        return found


@asynccontextmanager
async def connected(url: str) -> AsyncGenerator[Any]:
    """A connection to a database."""
    connection = await _asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def studios(
    members: Iterable[Member],
    url: str,
    folder: Path,
    *,
    limit: RateLimit | None = None,
) -> AsyncGenerator[Studios]:
    """A service with these accounts, and a fleet that knows them."""
    members = list(members)
    groups = {one.name: one.group for one in members if one.group is not None}
    sandbox = SandboxAccounts(catalogues_of(members), limit_groups=groups, rate_limit=limit)
    async with sandbox:
        found = Studios(sandbox, url, folder)
        await found.enrol(members)
        yield found


def _at_service(account: SandboxAccount) -> tuple[dict[str, str], list[str]]:
    records = {one: record.decode() for one, record in account.records("private").items()}
    deleted = [row.id for row in account.catalogue.store.rows() if row.deleted is not None]
    return records, deleted
