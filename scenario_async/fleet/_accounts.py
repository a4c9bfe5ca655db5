"""The accounts of a fleet in its database: who is due, who is at work, and how it went.

All moments are of the clock of the database, as those of machines differ. Each change locks its row
first, so several workers may do anything of this at once.
"""

from __future__ import annotations

import os
import secrets
import socket
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import delete, func, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from scenario_async.sync._backends import in_own_task

from . import _schedule
from ._errors import UnknownAccountError
from ._schedule import MOST_FAILURES, Standing
from ._status import Account, FleetStatus, Lag
from ._tables import accounts, make_tables, workers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime, timedelta

    from sqlalchemy.ext.asyncio import AsyncConnection

    from scenario_async.sync import SyncReport
    from scenario_async.sync._backends import Database

__all__ = ["Accounts"]


class Accounts:
    """The accounts of a fleet, and its workers.

    What ends a run (:meth:`succeeded`, :meth:`failed`, :meth:`refused`, :meth:`returned`) is of the
    run that :meth:`begin` of this object began. It returns whether that was still the last one of
    the account: another worker may have begun anew, where this one was cut off.

    Args:
        database: Of the store.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self,
        name: str,
        *,
        credential_ref: str,
        scopes: Sequence[str],
        every: timedelta,
        limit_group: str,
    ) -> None:
        """Add an account, due now; of one that is there replace the settings."""
        raise NotImplementedError

    async def get(self, name: str) -> Account | None:
        """The account of this name, ``None`` where there is none."""
        raise NotImplementedError

    async def release(self, name: str) -> None:
        """Let it be due now, with nothing held against it.

        Raises:
            UnknownAccountError: There is none of this name.
        """
        raise NotImplementedError

    async def remove(self, name: str) -> None:
        """Remove it.

        Raises:
            UnknownAccountError: There is none of this name.
        """
        raise NotImplementedError

    async def overdue(self, limit: int) -> list[str]:
        """The limit groups with an account that is due, the one that is overdue longest first.

        Not of accounts that are set aside, nor of those that a worker is at work on.
        """
        raise NotImplementedError

    async def next_due(self, group: str, *, after: Account | None = None) -> Account | None:
        """The account of a limit group that is overdue longest; ``None`` where none is due.

        Whoever asks has the lock of the group. So an account that is running has lost its worker,
        and is due again when its pause is over.

        Args:
            group: The limit group.
            after: Only those that were due after this one: one that was returned, or is busy, does
                not come again at once.
        """
        raise NotImplementedError

    async def begin(self, name: str) -> bool:
        """Begin a run, which is counted as a failure until it ends. It is committed at once.

        Returns:
            Whether it was begun: not where it was removed or set aside in the meantime.
        """
        raise NotImplementedError

    async def succeeded(self, name: str, report: SyncReport) -> bool:
        """The run did well: nothing is held against the account any more."""
        raise NotImplementedError

    async def failed(self, name: str, error: BaseException) -> bool:
        """The run failed; :meth:`refused` where the credentials were. Nothing secret is kept."""
        raise NotImplementedError

    async def refused(self, name: str, error: BaseException | None = None) -> bool:
        """The credentials were refused, those that were resolved anew as well, or there are none."""
        raise NotImplementedError

    async def returned(self, name: str) -> bool:
        """The run was ended in order: it does not count, and the account is due as before."""
        raise NotImplementedError

    async def beat(self, worker: str, slots: int) -> None:
        """A worker lives, and syncs so many accounts at once; to be told each 10 seconds or so.

        It is the worker of all runs that are begun from now on. Runs of workers that were not seen
        for 30 seconds are given up.
        """
        raise NotImplementedError

    async def leave(self, worker: str) -> None:
        """A worker has ended."""
        raise NotImplementedError

    async def slots(self) -> int:
        """How many accounts the workers sync at once that were seen in the last 30 seconds."""
        raise NotImplementedError

    async def status(self) -> FleetStatus:
        """How the fleet is."""
        raise NotImplementedError
