"""When an account is due, and when it is set aside, by the package's own schedule. No I/O."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from scenario_async import APIConnectionError
from scenario_async.fleet import _schedule
from scenario_async.fleet._schedule import Standing

from .moments import moment, seconds

if TYPE_CHECKING:
    from .accounts import Account

__all__ = [
    "begin",
    "due_now",
    "failed",
    "first",
    "hit_by_outage",
    "lost",
    "refused",
    "returned",
    "succeeded",
]

_OUTAGE = APIConnectionError("the service is down")
_BY_ITSELF = ValueError("a record that nobody can read")


def first(name: str, every: float) -> Standing:
    """An account that has run for a while: due at its own place in the first period."""
    period = timedelta(seconds=every)
    due_at = _schedule.next_period(name, period, moment(-every / 2))
    return Standing(name=name, every=period, state="waiting", due_at=due_at)


def begin(account: Account, now: float) -> bool:
    """Count a failure before the work, and say whether there may be one."""
    begun = _schedule.begun(account.standing, moment(now))
    if begun is None:
        _keep(account, msgspec.structs.replace(account.standing, state="set aside"))
        return False
    _keep(account, begun)
    return True


def succeeded(account: Account, now: float) -> None:
    """A run did well."""
    _keep(account, _schedule.succeeded(account.standing, moment(now)))


def failed(account: Account, now: float) -> None:
    """A run failed by itself."""
    _keep(account, _schedule.failed(account.standing, moment(now), _BY_ITSELF))


def hit_by_outage(account: Account, now: float) -> None:
    """A run failed as the service did."""
    _keep(account, _schedule.failed(account.standing, moment(now), _OUTAGE))


def refused(account: Account, now: float) -> None:
    """Its key was refused."""
    _keep(account, _schedule.refused(account.standing, moment(now)))


def returned(account: Account, now: float) -> None:
    """Its worker was told to end."""
    _keep(account, _schedule.returned(account.standing, moment(now)))


def lost(account: Account, now: float) -> None:
    """Its worker has ended without a word."""
    _keep(account, _schedule.lost(account.standing, moment(now)))


def due_now(account: Account, now: float) -> None:
    """It is wanted now."""
    due_at = min(account.standing.due_at, moment(now))
    _keep(account, msgspec.structs.replace(account.standing, due_at=due_at))


def _keep(account: Account, standing: Standing) -> None:
    account.standing = standing
    account.due_at = seconds(standing.due_at)
    account.set_aside = standing.state == "set aside"
