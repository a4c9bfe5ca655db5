"""When an account is due, and how it stands after a run. No I/O, no clock: the moment is given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Final

import msgspec

from scenario_async import APIConnectionError, InternalServerError, RateLimitError
from scenario_async._pauses import asked_pause, doubled, refuses_credentials
from scenario_async.sync import StoreError

from ._errors import CredentialsError, ResolverError
from ._status import AccountState  # noqa: TC001 - whoever reads the hints needs it

__all__ = [
    "MOST_FAILURES",
    "Standing",
    "begun",
    "failed",
    "lost",
    "next_period",
    "refused",
    "released",
    "returned",
    "settled",
    "succeeded",
]

MOST_FAILURES: Final = 5
"""Above so many failures in a row an account is set aside."""

_FIRST_PAUSE = 30.0  # seconds
_REFUSED = (300.0, 3_600.0, 86_400.0)
_LONGEST_ASKED = 86_400.0
_JITTER = 0.1
# No account is to blame for these, so none is set aside for them.
_OUTAGES = (APIConnectionError, InternalServerError, RateLimitError, ResolverError, StoreError)


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What the schedule knows of an account.

    Attributes:
        name: Its name.
        every: Its period.
        state: See :data:`AccountState`.
        due_at: When it may be begun. While it is running: when it is begun again should its worker
            end without a word.
        was_due_at: When it was due before it was begun; while it is running.
        failures: How many runs in a row failed or ended with their worker, the one that is under
            way included.
        refusals: How many runs in a row were refused.
        outages: How many runs in a row failed by the service, the database or a vault.
    """

    name: str
    every: timedelta
    state: AccountState
    due_at: datetime
    was_due_at: datetime | None = None
    failures: int = 0
    refusals: int = 0
    outages: int = 0


def next_period(name: str, every: timedelta, now: datetime) -> datetime:
    """The next due time after a run that did well: half a period to one and a half from now.

    The name of an account decides its place in the period. So accounts that were added together, or
    that an outage has brought together, are spread over the whole period. The due time is the
    moment at this place that is nearest to one period from now.
    """
    period = every.total_seconds()
    place = _chance(name) * period
    wanted = now.timestamp() + period
    due = place + round((wanted - place) / period) * period
    # Half a period is as near, and a float may be a little less than that.
    return max(datetime.fromtimestamp(due, UTC), now + every / 2)


def begun(standing: Standing, now: datetime) -> Standing | None:
    """A run begins, which counts as a failure until it ends: a worker may be killed at any time.

    Returns:
        ``None`` where it may not begin.
    """
    if standing.state == "set aside" or standing.failures > MOST_FAILURES:
        return None
    failures = standing.failures + 1
    return msgspec.structs.replace(
        standing,
        state="running",
        failures=failures,
        # Also where the period is short: those that lost their worker together do not come back
        # together for long, as one of them may be what kills it.
        due_at=now + _spread(standing, failures, doubled(_FIRST_PAUSE, failures)),
        was_due_at=standing.due_at,
    )


def succeeded(standing: Standing, now: datetime) -> Standing:
    """The run did well."""
    due_at = next_period(standing.name, standing.every, now)
    return _ended(standing, "waiting", due_at)


def failed(standing: Standing, now: datetime, error: BaseException) -> Standing:
    """The run failed. Where something that all share is down, no account is set aside for it."""
    least = timedelta(seconds=min(asked_pause(error), _LONGEST_ASKED))
    if refuses_credentials(error) or isinstance(error, CredentialsError):
        return refused(standing, now)
    if isinstance(error, _OUTAGES):
        outages = standing.outages + 1
        due_at = now + max(least, _pause(standing, outages))
        return _ended(standing, "waiting", due_at, failures=_taken_back(standing), outages=outages)
    failures = standing.failures
    state: AccountState = "set aside" if failures > MOST_FAILURES else "waiting"
    return _ended(standing, state, now + max(least, _pause(standing, failures)), failures=failures)


def refused(standing: Standing, now: datetime) -> Standing:
    """The credentials were refused, or there are none: they may be other ones the next time."""
    refusals = standing.refusals + 1
    pause = _REFUSED[min(refusals, len(_REFUSED)) - 1]
    pause *= 1 + _JITTER * _chance(standing.name, refusals)
    return _ended(
        standing,
        "refused",
        now + timedelta(seconds=pause),
        failures=_taken_back(standing),
        refusals=refusals,
    )


def returned(standing: Standing, now: datetime) -> Standing:  # noqa: ARG001 - as the others
    """The run was ended in order, by a shutdown, and is taken up by another worker."""
    return msgspec.structs.replace(
        standing,
        state="refused" if standing.refusals else "waiting",
        due_at=standing.was_due_at or standing.due_at,
        was_due_at=None,
        failures=_taken_back(standing),
    )


def lost(standing: Standing, now: datetime) -> Standing:  # noqa: ARG001 - as the others
    """Its worker ended and did not say how the run went. It stays due when :func:`begun` said."""
    state: AccountState = "set aside" if standing.failures > MOST_FAILURES else "waiting"
    return msgspec.structs.replace(standing, state=state, was_due_at=None)


def released(standing: Standing, now: datetime) -> Standing:
    """Somebody has looked after it: it is due now, as if it had never failed."""
    state: AccountState = "running" if standing.state == "running" else "waiting"
    return msgspec.structs.replace(
        standing, state=state, due_at=now, failures=0, refusals=0, outages=0
    )


def settled(
    standing: Standing,
    now: datetime,
    *,
    every: timedelta,
    other_scopes: bool,
    other_credentials: bool,
) -> Standing:
    """It gets other settings. What was set aside stays so; a run that is under way goes on."""
    standing = msgspec.structs.replace(standing, every=every)
    if standing.state in ("running", "set aside"):
        return standing
    if other_credentials and standing.state == "refused":
        return released(standing, now)
    due_at = now if other_scopes else now + every
    return msgspec.structs.replace(standing, due_at=min(standing.due_at, due_at))


def _ended(
    standing: Standing,
    state: AccountState,
    due_at: datetime,
    *,
    failures: int = 0,
    refusals: int = 0,
    outages: int = 0,
) -> Standing:
    return msgspec.structs.replace(
        standing,
        state=state,
        due_at=due_at,
        was_due_at=None,
        failures=failures,
        refusals=refusals,
        outages=outages,
    )


def _taken_back(standing: Standing) -> int:
    """The failures without the run that is under way, which :func:`begun` counted as one."""
    return max(0, standing.failures - 1)


def _pause(standing: Standing, failures: int) -> timedelta:
    """Twice as long after each failure, up to the period, and by chance up to half of it less."""
    pause = min(standing.every.total_seconds(), doubled(_FIRST_PAUSE, failures))
    return _spread(standing, failures, pause)


def _spread(standing: Standing, failures: int, pause: float) -> timedelta:
    return timedelta(seconds=pause * (1 + _chance(standing.name, failures)) / 2)


def _chance(*of: object) -> float:
    """From 0 to 1, the same each time and in each process."""
    drawn = blake2b(repr(of).encode(errors="surrogatepass"), digest_size=6).digest()
    return int.from_bytes(drawn) / 2**48
