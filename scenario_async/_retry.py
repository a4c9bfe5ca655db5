"""Trying again: what is worth it, how long to wait, when to give up (P6, P7).

The only module that knows tenacity.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_random_exponential

from ._errors import APIConnectionError, APIError, APIResponseValidationError, APIStatusError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ._clock import Clock, Deadline
    from ._pacing import RetryBudget

__all__ = ["call_with_retries", "is_transient"]

ResultT = TypeVar("ResultT")

_TRANSIENT_STATUS = frozenset({408, 409, 429})
_SERVER_ERROR = 500
# Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
_BACKOFF = wait_random_exponential(multiplier=0.5, max=30.0)
_JITTER_SHARE = 0.25  # of a hint, within these bounds in seconds
_LEAST_JITTER = 0.25
_MOST_JITTER = 1.0


def is_transient(error: BaseException) -> bool:
    """Whether the same request may well succeed a little later. Never so for a cancellation."""
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
    clock: Clock,
    after_failure: Callable[[float, APIError], None],
    before_pause: Callable[[int, float, APIError], None],
) -> ResultT:
    """Run ``attempt`` (with its number, from 1 on) until it succeeds or it is time to give up.

    Gives up, with the last error as it came, when the retries, the deadline or the client's retry
    budget are spent: in particular at once when the service asks for a longer wait than the
    deadline leaves. ``after_failure`` learns of every failure that another attempt may mend, with
    the pause in seconds that it asks for; ``before_pause`` of those that are followed by one, with
    the number of the attempt.
    """

    def give_up(state: RetryCallState) -> bool:
        error = _error_of(state)
        if error is not None:
            after_failure(state.upcoming_sleep, error)
        return (
            state.attempt_number > max_retries
            or not deadline.allows(state.upcoming_sleep)
            or not budget.take()
        )

    def announce(state: RetryCallState) -> None:
        error = _error_of(state)
        assert error is not None  # noqa: S101 - tenacity pauses after a failure only
        before_pause(state.attempt_number, state.upcoming_sleep, error)

    budget.called()
    async for step in AsyncRetrying(
        retry=retry_if_exception(is_transient),
        wait=_wait,
        stop=give_up,
        sleep=clock.sleep,
        before_sleep=announce,
        reraise=True,
    ):
        with step:
            return await attempt(step.retry_state.attempt_number)
    raise AssertionError("tenacity ends with a result or an exception")


def _wait(state: RetryCallState) -> float:
    """The service's hint is a floor; the jitter on top keeps a crowd from coming back as one.

    It is small beside the hint, because it is time in which a client gets nothing done; a client
    that comes back begins with a single request.
    """
    error = _error_of(state)
    if error is not None and (hint := error.retry_after) is not None:
        most = min(_MOST_JITTER, max(_LEAST_JITTER, hint * _JITTER_SHARE))
        return hint + random.uniform(0, most)  # noqa: S311 - no secret
    return _BACKOFF(state)


def _error_of(state: RetryCallState) -> APIError | None:
    error = state.outcome.exception() if state.outcome is not None else None
    return error if isinstance(error, APIError) else None
