"""How long to wait before the next time. No I/O, no clock: all times are in seconds."""

from __future__ import annotations

from ._errors import APIError, AuthenticationError, PermissionDeniedError

__all__ = [
    "after_failure",
    "asked_pause",
    "doubled",
    "jittered",
    "look_again",
    "refuses_credentials",
    "until_due",
]

# How often in an interval those look at the store who do not refresh it.
_LOOKS = 4
# At most so many seconds pass between two looks of those who have nothing yet.
_SOON = 1.0
_JITTER = 0.1  # of a pause, either way
_LONGEST = 600.0
_REFUSED = 300.0
_REFUSED_LONGEST = 3600.0
_REFUSALS = (AuthenticationError, PermissionDeniedError)


def jittered(pause: float, chance: float) -> float:
    """The pause, give or take a tenth, so that it is not the same for all programs.

    Args:
        pause: In seconds.
        chance: Drawn from 0 to 1.
    """
    return pause * (1 - _JITTER + 2 * _JITTER * chance)


def after_failure(every: float, failures: int, error: Exception, chance: float) -> float:
    """Seconds until the next refresh after some that failed, one after the other.

    Twice as long each time, up to ten minutes, or to the interval where that is longer; from five
    minutes to an hour where the credentials are refused; and no less than the service asks for.

    Args:
        every: The interval.
        failures: How many failed; at least one.
        error: What the last one failed with.
        chance: Drawn from 0 to 1.
    """
    first, longest = every, max(every, _LONGEST)
    if refuses_credentials(error):
        first, longest = max(every, _REFUSED), max(every, _REFUSED_LONGEST)
    pause = min(longest, doubled(first, failures))
    return max(asked_pause(error), jittered(pause, chance))


def doubled(first: float, failures: int) -> float:
    """The pause after some failures in a row: twice as long after each but the first."""
    # A power of two that no float has would be an error.
    return first * 2.0 ** min(failures - 1, 60)


def asked_pause(error: BaseException | None) -> float:
    """How many seconds the service asks to wait, 0 where it does not."""
    return error.retry_after or 0.0 if isinstance(error, APIError) else 0.0


def refuses_credentials(error: BaseException) -> bool:
    """Whether the service refuses the credentials, which others may have other ones of."""
    return isinstance(error, _REFUSALS)


def until_due(every: float, age: float | None) -> float:
    """Seconds until whoever begins to refresh a copy of this age has to; 0 where there is none."""
    return 0.0 if age is None else min(every, max(0.0, every - age))


def look_again(every: float, chance: float, *, loaded: bool) -> float:
    """Seconds until whoever does not refresh looks at the store again."""
    pause = jittered(every / _LOOKS, chance)
    return pause if loaded else min(pause, _SOON)
