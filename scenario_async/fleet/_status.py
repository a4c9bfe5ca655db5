"""What is told of a fleet and its accounts, as values that can be written as JSON. No I/O."""

from __future__ import annotations

from datetime import datetime, timedelta  # noqa: TC003 - msgspec reads the annotations
from typing import Literal, TypeAlias

import msgspec

__all__ = ["Account", "AccountState", "FleetStatus", "Lag"]

AccountState: TypeAlias = Literal["waiting", "running", "refused", "set aside"]
"""How an account is: it waits until it is due, a worker is at work on it, its credentials were
refused and are tried again later, or it failed too often and waits for a release."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An account of a fleet. It has no secret.

    Attributes:
        name: Its name, by which :meth:`FleetStore.account` has its models.
        credential_ref: Where its credentials are, such as ``"env:STUDIO_7"``.
        scopes: What is copied of it.
        every: How often.
        limit_group: The accounts of a group share one limit of the service, so one of them is
            synced at a time.
        due_at: When it is synced next.
        state: See :data:`AccountState`.
        failures: How many of the last runs failed, or ended with their worker.
        last_success_at: When the last run ended that did well.
        last_error: What the last run failed with, without credentials and URLs' queries.
        rows: How many rows the last run read that did well.
        changes: How many models were new, changed or deleted in it.
        requests: How many requests it took.
        seconds: How long it took.
    """

    name: str
    credential_ref: str
    scopes: tuple[str, ...]
    every: timedelta
    limit_group: str
    due_at: datetime
    state: AccountState = "waiting"
    failures: int = 0
    last_success_at: datetime | None = None
    last_error: str | None = None
    rows: int | None = None
    changes: int | None = None
    requests: int | None = None
    seconds: float | None = None


class Lag(msgspec.Struct, frozen=True, kw_only=True):
    """How long accounts are overdue, in seconds; 0 for one that is not.

    Those that are set aside do not count.

    Attributes:
        median: Of half of them it is less.
        p95: Of 95 in 100 it is less.
        worst: Of the one that is overdue longest.
    """

    median: float = 0.0
    p95: float = 0.0
    worst: float = 0.0


class FleetStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a fleet is, at one moment.

    Attributes:
        as_of: That moment, by the clock of the database.
        accounts: How many there are.
        states: How many are in each state; see :data:`AccountState`.
        overdue: How many are overdue.
        failing: How many failed in their last run and are tried again.
        lag: How long they are overdue.
        oldest_due: The account that is overdue longest, where one is.
        oldest_due_at: Since when it is.
        set_aside: The names of those that are set aside, of at most 100 of them.
        refused: The same of those whose credentials are refused.
        rows_per_second: How many rows were read, on the average of the last five minutes.
        workers: How many workers were seen in the last 30 seconds.
        slots: How many accounts they sync at once.
    """

    as_of: datetime
    accounts: int
    states: dict[AccountState, int]
    overdue: int
    failing: int
    lag: Lag
    oldest_due: str | None = None
    oldest_due_at: datetime | None = None
    set_aside: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    rows_per_second: float = 0.0
    workers: int = 0
    slots: int = 0
