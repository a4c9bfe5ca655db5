"""A fleet: its accounts, and the workers that keep them fresh."""

from __future__ import annotations

import asyncio
import math
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import anyio

from scenario_async import AsyncScenario, _extras
from scenario_async._argument_errors import check_count
from scenario_async._context import context_of
from scenario_async._http import until_done
from scenario_async._query import given_flag
from scenario_async.sync import StoreBusyError
from scenario_async.sync._store import checked_account, fleet_database_of

from ._accounts import Accounts
from ._credentials import check_reference, credentials_of, resolving
from ._errors import UnknownAccountError
from ._settings import settings_of
from ._telling import keep_telling
from ._worker_accounts import WorkerAccounts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenario_async.sync import FleetStore

    from ._credentials import Resolver
    from ._status import Account, FleetStatus

__all__ = ["Fleet"]

_LOOK_AGAIN = 1.0  # seconds


class Fleet:
    """Accounts whose models are kept fresh in one store, by workers on any number of machines.

    The accounts are in the database of the store, and none of their credentials is. Tables for
    them, ``fleet_accounts`` and ``fleet_workers``, are made when they are first used.

    Args:
        store: Where the models are. It is open while the fleet is used.
        credentials: Finds the credentials of an account, by its name and its reference, within a
            minute. It raises :class:`CredentialsError` where there are none, which is as good as
            credentials that are refused. All else that it raises says that it cannot be known
            now. Default: :func:`credentials_of`.
        scenario: The client that those of the accounts are derived from: its session, timeouts and
            hooks are theirs. It stays open. Default: one for each :meth:`run`.
        requests_per_minute: The limit of the service for a limit group.

    Raises:
        TypeError: ``store`` is not a FleetStore, or ``requests_per_minute`` not a number.
        ValueError: ``requests_per_minute`` is not above zero.
    """

    def __init__(
        self,
        store: FleetStore,
        *,
        credentials: Resolver = credentials_of,
        scenario: AsyncScenario | None = None,
        requests_per_minute: float = 100,
    ) -> None:
        _check_rate(requests_per_minute)
        self._store = store
        self._accounts = Accounts(fleet_database_of(store))
        self._credentials = credentials
        self._scenario = scenario
        self._requests_per_minute = requests_per_minute

    def __repr__(self) -> str:
        return f"<Fleet in {self._store!r}>"

    async def add(
        self,
        name: str,
        *,
        credential_ref: str,
        scopes: Sequence[str] = ("private",),
        every: timedelta = timedelta(hours=1),
        limit_group: str | None = None,
    ) -> None:
        """Add an account, which is due now; of one that is there, replace the settings.

        What is known of it stays. With other scopes it is due now, and so it is with another
        ``credential_ref`` where its credentials were refused. One that is set aside stays so:
        see :meth:`release`.

        Args:
            name: Its name, by which ``store.account(name)`` has its models. ``"public"`` is the
                account of the public models, which are the same for all.
            credential_ref: Where its credentials are, and never the credentials: ``"env:NAME"``,
                ``"file:PATH"``, or whatever ``credentials`` of the fleet understands.
            scopes: What is copied: ``"private"``, ``"unlisted"`` or both; ``"public"`` of the
                account ``"public"``. Models of a collection are among those: ask for them by
                ``store.account(name).models(collection=...)``.
            every: How often, from a second to 366 days.
            limit_group: Accounts of a group share one limit of the service, as the keys of one
                project do, so one of them is synced at a time. Default: a group of its own.

        Raises:
            TypeError: An argument is of the wrong type.
            ValueError: An argument does not do; says what would.
            StoreError: The database failed.
        """
        settings = settings_of(
            name,
            credential_ref=credential_ref,
            scopes=scopes,
            every=every,
            limit_group=limit_group,
        )
        if self._credentials is credentials_of:
            check_reference(credential_ref)
        await self._accounts.add(settings)

    async def account(self, name: str) -> Account | None:
        """The account of this name, ``None`` where there is none.

        Raises:
            TypeError: The name is not a string.
            ValueError: No account can have it.
            StoreError: The database failed.
        """
        return await self._accounts.get(checked_account(name))

    async def release(self, name: str) -> None:
        """Let an account be due now, as if it had never failed.

        For one that was set aside, or whose credentials were refused, once that is mended.

        Raises:
            TypeError: The name is not a string.
            ValueError: No account can have it.
            UnknownAccountError: There is none of this name.
            StoreError: The database failed.
        """
        await self._accounts.release(checked_account(name))

    async def remove(self, name: str, *, delete_copy: bool = False) -> None:
        """Remove an account. A run that is under way comes to its end.

        Args:
            name: Which one.
            delete_copy: Delete its models from the store as well, once no run is at work on them;
                also those of an account that was removed without.

        Raises:
            TypeError: The name is not a string, or ``delete_copy`` not a ``bool``.
            ValueError: No account can have it.
            UnknownAccountError: There is none of this name.
            StoreError: The database failed.
        """
        given_flag("delete_copy", delete_copy)
        group: str | None = None
        try:
            group = await self._accounts.remove(checked_account(name))
        except UnknownAccountError:
            if not delete_copy or not await self._store.account(name).runs(limit=1):
                raise
        if delete_copy:
            await self._delete_copy(name, group)

    async def status(self) -> FleetStatus:
        """How the fleet is: one query, whoever asks and whether a worker runs or not.

        Raises:
            StoreError: The database failed.
        """
        return await self._accounts.status()

    async def run(self, *, concurrency: int = 50) -> None:
        """Sync what is due, again and again, as one of any number of workers.

        It comes back after SIGTERM or Ctrl-C in the main thread, once all that it has begun is
        ended in order; a cancellation does the same. It outlives a restart of PostgreSQL.

        Args:
            concurrency: How many accounts are synced at once.

        Raises:
            TypeError: ``concurrency`` is not an int.
            ValueError: It is below 1.
            ModuleNotFoundError: The extra ``scenario-async[fleet]`` is not installed.
            StoreError: The database cannot have a fleet, as behind a pooler that gives each
                transaction another session, or with a role that may not write.
        """
        check_count("concurrency", concurrency, least=1)
        _extras.need("Fleet.run", "pgqueuer", extra="fleet")
        # Only here: those who look at a fleet, or add to it, do without the engine.
        from ._running import run_fleet  # noqa: PLC0415 - see above

        async with AsyncExitStack() as stack:
            client = self._scenario
            if client is None:
                client = await stack.enter_async_context(AsyncScenario(public=True))
            # Of its own: each worker knows what it has begun.
            accounts = WorkerAccounts(fleet_database_of(self._store))
            telling = asyncio.ensure_future(
                keep_telling(accounts, lambda: context_of(client).event_hooks)
            )
            stack.push_async_callback(_ended, telling)
            await run_fleet(
                self._store,
                accounts,
                resolving(self._credentials),
                client=client,
                concurrency=concurrency,
                requests_per_minute=self._requests_per_minute,
            )

    async def _delete_copy(self, name: str, group: str | None) -> None:
        while True:
            try:
                async with AsyncExitStack() as stack:
                    # A run that is still looking for credentials would copy it again.
                    if group is not None:
                        await stack.enter_async_context(self._accounts.lead(group))
                    await self._store.delete(name)
            except StoreBusyError:
                await anyio.sleep(_LOOK_AGAIN)
            else:
                break


async def _ended(task: asyncio.Task[None]) -> None:
    """Cancel a task, and wait until it has ended."""
    task.cancel()
    await until_done([task])
    with suppress(asyncio.CancelledError):
        task.result()


def _check_rate(given: object) -> None:
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise TypeError(f"requests_per_minute must be a number, not {type(given).__name__}")
    if not 0 < given < math.inf:
        raise ValueError(f"requests_per_minute must be more than 0, not {given}")
