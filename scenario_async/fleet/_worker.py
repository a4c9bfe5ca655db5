"""What a worker does with a job of the engine: it syncs the accounts of a group that are due."""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import anyio

from scenario_async import AuthenticationError, PermissionDeniedError
from scenario_async._context import at_pace_of, context_of, operation_of
from scenario_async._options import NOT_GIVEN
from scenario_async.sync import StoreBusyError, StoreError
from scenario_async.sync._backends import in_own_task

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from scenario_async import AsyncScenario
    from scenario_async.sync import SyncReport

    from ._credentials import Credentials, Resolver
    from ._status import Account
    from ._worker_accounts import WorkerAccounts

__all__ = ["LATER", "Worker"]

Sync: TypeAlias = "Callable[[AsyncScenario, Account], Awaitable[SyncReport]]"
"""Brings the models of an account up to date, asking with this client."""

LATER = timedelta(seconds=10)
"""When a group that somebody else is at work on is looked at again."""

_LONGEST = timedelta(minutes=5)
_AT_ONCE = 4


class Worker:
    """Syncs accounts: those of one limit group one after the other, at one pace.

    Args:
        accounts: Which are due, who is at work on them, and how it went.
        credentials: Finds those of an account.
        client: Whose session all requests go through.
        sync: Syncs one account.
        requests_per_minute: The limit of the service for a group.
        longest: After how long a group makes room for others, between two of its accounts.
    """

    def __init__(
        self,
        accounts: WorkerAccounts,
        credentials: Resolver,
        client: AsyncScenario,
        *,
        sync: Sync,
        requests_per_minute: float,
        longest: timedelta = _LONGEST,
    ) -> None:
        self._accounts = accounts
        self._credentials = credentials
        self._client = client
        self._sync = sync
        self._rate = requests_per_minute / 60
        self._longest = longest.total_seconds()
        self._untold: dict[str, Callable[[], Awaitable[bool]]] = {}

    @in_own_task
    async def work(self, group: str) -> timedelta | None:
        """Sync the accounts of a group that are due.

        What the engine cancels is returned: it does not count, and is due as before.

        Returns:
            ``None``, or after how long to look at it again.
        """
        try:
            async with self._accounts.lead(group):
                return await self._sync_group(group)
        except StoreError:
            # Another worker has it, or had it and is cut off; or the database is away for a moment.
            return LATER

    async def tell_again(self) -> None:
        """Write how runs ended where that failed before, as the database was away."""
        for name, tell in tuple(self._untold.items()):
            # Another task may write it meanwhile, and begin the account anew: it is done then.
            if self._untold.get(name) is tell:
                await tell()
                if self._untold.get(name) is tell:
                    del self._untold[name]

    async def _sync_group(self, group: str) -> timedelta | None:
        ends_at = anyio.current_time() + self._longest
        again: timedelta | None = None
        # Before an account is begun anew: afterwards it would be taken for the end of the new run.
        await self.tell_again()
        account = await self._accounts.next_due(group)
        if account is None:
            return None
        async with self._paced() as client:
            while account is not None:
                if not await self._sync_counted(client, account):
                    again = LATER
                if anyio.current_time() >= ends_at:
                    break
                await self._accounts.check_lead()
                account = await self._accounts.next_due(group, after=account)
        return again

    @asynccontextmanager
    async def _paced(self) -> AsyncGenerator[AsyncScenario]:
        """A client whose pace is that of a group; left when its next request could go out."""
        client = self._client.with_options(requests_per_second=self._rate, max_concurrency=_AT_ONCE)
        async with client:
            yield client
            # The next one of the group may be at another worker, and knows nothing of this one.
            context = context_of(client)
            await context.sleep(context.requester.until_due())

    async def _sync_counted(self, paced: AsyncScenario, account: Account) -> bool:
        """Sync an account, which counts as a failure from its beginning on until it is through.

        Returns:
            Whether nobody else is at work on it: somebody may sync it by hand.
        """
        accounts, name = self._accounts, account.name
        with anyio.CancelScope(shield=True):
            if not await accounts.begin(name):
                return True
        try:
            with operation_of(paced, "account", name) as inside:
                report = await self._sync_as_known(inside, account)
        except anyio.get_cancelled_exc_class():
            with suppress(StoreError):
                await self._tell(name, partial(accounts.returned, name))
            raise
        except StoreBusyError:
            await self._tell(name, partial(accounts.returned, name))
            return False
        except Exception as error:  # noqa: BLE001 - it is kept with the account, and told to hooks
            await self._tell(name, partial(accounts.failed, name, error))
        else:
            await self._tell(name, partial(accounts.succeeded, name, report))
        return True

    async def _tell(self, name: str, tell: Callable[[], Awaitable[bool]]) -> None:
        with anyio.CancelScope(shield=True):
            try:
                await tell()
            except StoreError:
                self._untold[name] = tell
                raise

    async def _sync_as_known(self, paced: AsyncScenario, account: Account) -> SyncReport:
        """Sync an account; where its credentials are refused, with others that are found now."""
        found = await self._credentials(account.name, account.credential_ref)
        try:
            return await self._sync_with(found, paced, account)
        except (AuthenticationError, PermissionDeniedError):
            anew = await self._credentials(account.name, account.credential_ref)
            if anew == found:
                raise
        return await self._sync_with(anew, paced, account)

    async def _sync_with(
        self, found: Credentials, paced: AsyncScenario, account: Account
    ) -> SyncReport:
        client = paced.with_options(
            api_key=found.api_key,
            api_secret=found.api_secret,
            bearer_auth=found.bearer_auth,
            public=found.public,
            base_url=found.base_url,
            project_id=NOT_GIVEN if found.project_id is None else found.project_id,
        )
        async with at_pace_of(paced, client) as asking:
            return await self._sync(asking, account)
