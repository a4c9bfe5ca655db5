"""Trying again: what is worth it, how long to wait, when to give up.

What is promised is under "Polite" and "Finite" in ``docs/explanation/promises.md``. The only module
that knows tenacity.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, TypeVar, cast

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception

from scenario_async._errors import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    QuotaExceededError,
    RateLimitError,
)
from scenario_async._pauses import doubled

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .clock import Deadline
    from .pacing import RetryBudget

__all__ = ["call_with_retries", "is_transient"]

ResultT = TypeVar("ResultT")

_TRANSIENT_STATUS = frozenset({408, 409, 429})
_SERVER_ERROR = 500
# Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
_LEAST_BACKOFF = 0.5
_MOST_BACKOFF = 30.0
_JITTER_SHARE = 0.25  # of a hint, within these bounds in seconds
_LEAST_JITTER = 0.25
_MOST_JITTER = 1.0


def is_transient(error: BaseException) -> bool:
    """Whether the same request may well succeed a little later. Never so for a cancellation."""
    if isinstance(error, QuotaExceededError):
        return False
    if isinstance(error, APIError) and error.should_retry is not None:
        return error.should_retry
    if isinstance(error, APIStatusError):
        return error.status_code in _TRANSIENT_STATUS or error.status_code >= _SERVER_ERROR
    if isinstance(error, APIResponseValidationError):
        return error.malformed
    return isinstance(error, APIConnectionError) and not error.permanent


async def call_with_retries(
    attempt: Callable[[int], Awaitable[ResultT]],
    *,
    max_retries: int,
    deadline: Deadline,
    budget: RetryBudget,
    sleep: Callable[[float], Awaitable[None]],
    pause_left: Callable[[], float],
    before_pause: Callable[[int, float, APIError], None],
) -> ResultT:
    """Run ``attempt`` (with its number, from 1 on) until it succeeds or it is time to give up.

    Gives up, with the last error as it came, when the retries, the deadline or the client's retry
    budget are spent: in particular at once when the service asks for a longer wait than the
    deadline leaves. A 429 is not a failed attempt: it spends neither retries nor budget, and is
    waited out until the deadline, unless ``max_retries`` is 0. Its wait is the pause of the whole
    client (``pause_left``). ``before_pause`` learns of every failure that is followed by another
    attempt, with the number of the attempt and the wait in seconds.
    """
    failures = 0

    def count(state: RetryCallState) -> None:
        nonlocal failures
        failures += not isinstance(_error_of(state), RateLimitError)

    def wait(state: RetryCallState) -> float:
        error = _error_of(state)
        return (
            max(0.0, pause_left()) if isinstance(error, RateLimitError) else _wait(error, failures)
        )

    def give_up(state: RetryCallState) -> bool:
        if not deadline.allows(state.upcoming_sleep):
            return True
        if isinstance(_error_of(state), RateLimitError):
            return max_retries == 0
        return failures > max_retries or budget.left < 1

    def go_on(state: RetryCallState) -> None:
        error = _error_of(state)
        if not isinstance(error, RateLimitError):
            budget.retried()
        before_pause(state.attempt_number, state.upcoming_sleep, error)

    budget.called()
    async for step in AsyncRetrying(
        retry=retry_if_exception(is_transient),
        after=count,
        wait=wait,
        stop=give_up,
        before_sleep=go_on,
        sleep=sleep,
        reraise=True,
    ):
        with step:
            return await attempt(step.retry_state.attempt_number)
    raise AssertionError("tenacity ends with a result or an exception")


def _wait(error: APIError, failures: int) -> float:
    """The service's hint is a floor; the jitter on top keeps a crowd from coming back as one."""
    if (hint := error.retry_after) is not None:
        most = min(_MOST_JITTER, max(_LEAST_JITTER, hint * _JITTER_SHARE))
        return hint + random.uniform(0, most)  # noqa: S311 - no secret
    most = min(_MOST_BACKOFF, doubled(_LEAST_BACKOFF, failures))
    return random.uniform(0, most)  # noqa: S311 - no secret


def _error_of(state: RetryCallState) -> APIError:
    """What an attempt failed with: nothing else is transient, so that nothing else comes here."""
    return cast("APIError", state.outcome and state.outcome.exception())
