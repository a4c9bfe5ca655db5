"""A fleet: its accounts, and the workers that keep them fresh."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from ._accounts import Accounts
from ._credentials import credentials_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenario_async import AsyncScenario
    from scenario_async.sync import FleetStore

    from ._credentials import Resolver
    from ._status import Account, FleetStatus

__all__ = ["Fleet"]


class Fleet:
    """Accounts whose models are kept fresh in one store, by workers on any number of machines.

    Args:
        store: Where their models are. It is open while the fleet is used.
        credentials: ``async (account, credential_ref) -> Credentials``; default:
            :func:`credentials_of`.
        client: The client that those of the accounts are derived from: its timeouts, session and
            hooks are theirs. It is not closed. Default: one that is made for each :meth:`run`.
        requests_per_minute: The limit of the service for each limit group.
    """

    def __init__(
        self,
        store: FleetStore,
        *,
        credentials: Resolver = credentials_of,
        client: AsyncScenario | None = None,
        requests_per_minute: float = 100,
    ) -> None:
        raise NotImplementedError

    async def add(
        self,
        name: str,
        *,
        credential_ref: str,
        scopes: Sequence[str] = ("private",),
        every: timedelta = timedelta(hours=1),
        limit_group: str | None = None,
    ) -> None:
        """Add an account, or replace the settings of one that is there and keep its history."""
        raise NotImplementedError

    async def account(self, name: str) -> Account | None:
        """The account of this name, ``None`` where there is none."""
        raise NotImplementedError

    async def release(self, name: str) -> None:
        """Let an account be due now that was set aside, or whose credentials were refused."""
        raise NotImplementedError

    async def remove(self, name: str, *, delete_copy: bool = False) -> None:
        """Remove an account; its models stay, unless they are to go."""
        raise NotImplementedError

    async def status(self) -> FleetStatus:
        """How the fleet is."""
        raise NotImplementedError

    async def run(self, *, concurrency: int = 50) -> None:
        """Sync what is due, until SIGTERM or SIGINT, or until it is cancelled."""
        from ._running import run_fleet

        await run_fleet(
            self._store,
            self._accounts,
            self._credentials,
            client=self._client,
            concurrency=concurrency,
            requests_per_minute=self._requests_per_minute,
        )
