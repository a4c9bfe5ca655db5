"""When an account is due, and when it is set aside. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .scene import DAY, HOUR, MINUTE

if TYPE_CHECKING:
    import random

    from .accounts import Account

__all__ = [
    "MOST_FAILURES",
    "begin",
    "failed",
    "hit_by_outage",
    "refused",
    "returned",
    "succeeded",
]

MOST_FAILURES = 5
"""Above so many failures in a row an account is set aside."""

_FIRST_PAUSE = MINUTE / 2
_REFUSED = (5 * MINUTE, HOUR, DAY)


def begin(account: Account, now: float, every: float, chance: random.Random) -> bool:
    """Count a failure before the work, and say whether there may be one.

    Where the worker ends without a word, the account is due again after a while.
    """
    account.set_aside = account.failures > MOST_FAILURES
    if account.set_aside:
        return False
    account.failures += 1
    account.was_due_at = account.due_at
    account.due_at = now + _pause(account.failures, every, chance)
    return True


def succeeded(account: Account, now: float, every: float) -> None:
    """Due at the account's own place in the period that is nearest to a period from now."""
    place = account.place * every
    account.due_at = max(place + round((now + every - place) / every) * every, now + every / 2)
    account.failures = account.refusals = account.outages = 0


def failed(account: Account, now: float, every: float, chance: random.Random) -> None:
    """It failed by itself: later each time, and set aside in the end."""
    account.set_aside = account.failures > MOST_FAILURES
    account.due_at = now + _pause(account.failures, every, chance)


def hit_by_outage(account: Account, now: float, every: float, chance: random.Random) -> None:
    """The service failed: later each time, and the account is not to blame."""
    account.failures -= 1
    account.outages += 1
    account.due_at = now + _pause(account.outages, every, chance)


def refused(account: Account, now: float) -> None:
    """5 minutes, an hour, a day, and each day."""
    account.failures -= 1
    account.refusals += 1
    account.due_at = now + _REFUSED[min(account.refusals, len(_REFUSED)) - 1]


def returned(account: Account) -> None:
    """Its worker was told to end: due as before."""
    account.failures -= 1
    account.due_at = account.was_due_at


def _pause(failures: int, every: float, chance: random.Random) -> float:
    return min(every, _FIRST_PAUSE * 2.0 ** min(failures - 1, 60)) * (1 + chance.random()) / 2
