"""The exceptions that come out of this package.

They carry the names of the official SDK, so that an ``except`` clause needs a new import and
nothing else. None of them holds a live object, and each survives pickling.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scenario_async.sync import SyncReport

__all__ = [
    "APIConnectionError",
    "APIError",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "ConflictError",
    "InternalServerError",
    "NotFoundError",
    "PaginationError",
    "PermissionDeniedError",
    "QuotaExceededError",
    "RateLimitError",
    "ScenarioError",
    "ScenarioWarning",
    "TrainingError",
    "TrainingTimeoutError",
    "UnprocessableEntityError",
    "UsageError",
    "error_for_status",
]


class ScenarioError(Exception):
    """The root of all that this package raises.

    Except for bad arguments: they are a ``ValueError`` or a ``TypeError``.

    Attributes:
        report: What a run of :func:`~scenario_async.sync.sync` did before this ended it; ``None``
            for any other error.
    """

    report: SyncReport | None = None


class ScenarioWarning(UserWarning):
    """The service does not do what its documentation says. Results are right, and cost more."""


class UsageError(ScenarioError, RuntimeError):
    """The client was used where it cannot work.

    After it was closed, from another event loop than its first one, for the page after the last, or
    for the rest of a listing that was cut short: by a cancellation, an error or ``aclose``.
    """


class TrainingError(ScenarioError):
    """A model that is waited for does not become trained.

    Attributes:
        model_id: Its id.
        status: How it ended, such as ``"failed"``; ``None`` where it is not there any more.
        model: The model as it was seen last: of the type that the catalogue has.
    """

    def __init__(
        self,
        message: str,
        *,
        model_id: str = "",
        status: str | None = None,
        model: object = None,
    ) -> None:
        # Only the message is an argument of the exception: pickle calls the class with `args` and
        # then restores the attributes from `__dict__`.
        super().__init__(message)
        self.model_id = model_id
        self.status = status
        self.model: Any = model


class TrainingTimeoutError(ScenarioError, TimeoutError):
    """Models that are waited for were not trained in time.

    Attributes:
        statuses: The statuses that they were seen with last, by their ids; ``None`` for one without
            a status, or that was not seen.
    """

    def __init__(self, message: str, *, statuses: Mapping[str, str | None] | None = None) -> None:
        super().__init__(message)
        self.statuses: Mapping[str, str | None] = statuses or {}


class APIError(ScenarioError):
    """A request that did not end well.

    Attributes:
        message: What happened, in a sentence, without credentials and signed URLs.
        status_code: The HTTP status, where an answer came.
        reason: The service's own words from the body of the answer, where it gave any.
        retry_after: Seconds that the service asks to wait, where it said so.
        should_retry: What the service says of another attempt (``x-should-retry``), where it does.
        code: A word for the kind of failure from the body of the answer, such as
            ``"INVALID_PARAMETER"``, where it has one.
        name: The service's name for the kind of failure, such as ``"PlanLimitReachedError"``, from
            the body of the answer, where it has one.
        request_id: The service's name for the request, where it gave one: quote it to the support.
        trace_id: The service's name for the failure (``trace_id`` or ``traceId`` in the body),
            where it gave one: quote it as well.
        body: The decoded JSON body of the answer, or its text where it is not JSON.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int | None = None,
        reason: str | None = None,
        retry_after: float | None = None,
        should_retry: bool | None = None,
        code: str | None = None,
        name: str | None = None,
        request_id: str | None = None,
        trace_id: str | None = None,
        body: object = None,
    ) -> None:
        # Only the message is an argument of the exception: pickle calls the class with `args` and
        # then restores the attributes from `__dict__`.
        super().__init__(message)
        self.message = message
        self.status_code = status_code
        self.reason = reason
        self.retry_after = retry_after
        self.should_retry = should_retry
        self.code = code
        self.name = name
        self.request_id = request_id
        self.trace_id = trace_id
        self.body = body


class APIConnectionError(APIError):
    """No whole answer came: no connection, or one that broke before its end.

    Attributes:
        permanent: Whether trying again cannot help, as with a certificate that is refused or a
            proxy that wants another login. Such a request is not tried again.
    """

    permanent: bool = False


class APITimeoutError(APIConnectionError, TimeoutError):
    """One of the limits of :class:`~scenario_async.Timeout` ran out."""


class APIResponseValidationError(APIError):
    """The service answered, and the answer is not what its documentation says.

    Attributes:
        model_id: The record at fault, where its id could be read.
        field: The path of the value at fault inside the record, such as ``$.createdAt``.
        malformed: Whether the answer was no JSON at all, or was cut short. A gateway's error page
            is gone a moment later, so such a request is tried again.
    """

    def __init__(
        self,
        message: str,
        *,
        model_id: str | None = None,
        field: str | None = None,
        status_code: int | None = None,
        request_id: str | None = None,
        body: object = None,
        malformed: bool = False,
    ) -> None:
        super().__init__(message, status_code=status_code, request_id=request_id, body=body)
        self.model_id = model_id
        self.field = field
        self.malformed = malformed


class PaginationError(APIError):
    """The chain of pages is broken: following it would repeat for ever, or lose models."""


class APIStatusError(APIError):
    """The service answered with a status that is not a success."""

    status_code: int


class BadRequestError(APIStatusError):
    """Status 400."""


class AuthenticationError(APIStatusError):
    """Status 401: the credentials are wrong."""


class PermissionDeniedError(APIStatusError):
    """Status 403: these credentials may not read this."""


class NotFoundError(APIStatusError):
    """Status 404."""


class ConflictError(APIStatusError):
    """Status 409."""


class UnprocessableEntityError(APIStatusError):
    """Status 422."""


class RateLimitError(APIStatusError):
    """Status 429: too many requests. ``retry_after`` is the service's hint, where it gave one.

    It is waited out: this comes out where ``timeout.total`` does not leave the time for that, or
    where ``max_retries`` is 0.
    """


class QuotaExceededError(RateLimitError):
    """Status 429 that does not pass by waiting; it comes out at once.

    The service says so: by the name ``PlanLimitReachedError``, where the plan of the account does
    not include what was asked for; by the code ``QUOTA_EXCEEDED``, where a quota is used up; or by
    ``x-should-retry: false``. ``reason`` has its words.
    """


class InternalServerError(APIStatusError):
    """Status 500 and above."""


_BY_STATUS: dict[int, type[APIStatusError]] = {
    HTTPStatus.BAD_REQUEST: BadRequestError,
    HTTPStatus.UNAUTHORIZED: AuthenticationError,
    HTTPStatus.FORBIDDEN: PermissionDeniedError,
    HTTPStatus.NOT_FOUND: NotFoundError,
    HTTPStatus.CONFLICT: ConflictError,
    HTTPStatus.UNPROCESSABLE_ENTITY: UnprocessableEntityError,
    HTTPStatus.TOO_MANY_REQUESTS: RateLimitError,
}


def error_for_status(status: int) -> type[APIStatusError]:
    """The exception class for an HTTP status that is not a success."""
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return InternalServerError
    return _BY_STATUS.get(status, APIStatusError)
