"""What happens while the answer to one call is fetched."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from scenario_async._errors import APIError

    from .operations import Operation

__all__ = ["RequestEvent", "ResponseEvent", "RetryEvent", "WaitEvent", "WaitReason"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestEvent:
    """A request is about to go out: its operation begins.

    A :class:`ResponseEvent` follows, or a :class:`FailureEvent` where no whole answer came.

    Attributes:
        method: Such as ``"GET"``.
        path: Below the base URL, such as ``"/models"``; without the query.
        attempt: 1 for the first, 2 for the first retry.
        operation: Of the kind ``"request"``; its parent is a ``"call"``.
        template: The path without the ids in it, such as ``"/models/{modelId}"``.
        host: That of the base URL.
        port: That of the base URL.
    """

    method: str
    path: str
    attempt: int
    operation: Operation | None = field(default=None, compare=False)
    template: str = field(default="", compare=False)
    host: str = field(default="", compare=False)
    port: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseEvent:
    """An answer came, whole, of whatever status: the operation of the request ends.

    Attributes:
        method: As in the request.
        path: As in the request.
        attempt: As in the request.
        status_code: The HTTP status.
        seconds: From sending the request to the last byte of the answer.
        size: The bytes of the body, decompressed.
        sends: How often the request went out on a wire. It is 2 where aiohttp repeated it by itself
            because the connection broke before an answer, as a kept one does that the service has
            closed meanwhile; always 1 on a borrowed session, where this cannot be seen.
        operation: As in the request.
        request_id: The service's name for the request, where it gave one.
    """

    method: str
    path: str
    attempt: int
    status_code: int
    seconds: float
    size: int
    sends: int
    operation: Operation | None = field(default=None, compare=False)
    request_id: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryEvent:
    """An attempt failed, and another one follows after a pause.

    Attributes:
        method: As in the request.
        path: As in the request.
        attempt: The attempt that failed.
        wait: The pause in seconds.
        error: Why.
        operation: The ``"call"`` that goes on.
    """

    method: str
    path: str
    attempt: int
    wait: float
    error: APIError
    operation: Operation | None = field(default=None, compare=False)


WaitReason: TypeAlias = Literal["slot", "pace", "pause", "retry"]
"""What is waited for: see :class:`WaitEvent`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitEvent:
    """A call has waited, and its next request may go out; or it was ended while it waited.

    Attributes:
        reason: ``"slot"`` where as many requests were under way as may be (``max_concurrency``, or
            fewer after a sign of overload). ``"pace"`` where the next one was not due yet
            (``requests_per_second``, or the rate that the service was found to allow). ``"pause"``
            where the service had asked for one, by a 429. ``"retry"`` where another failure is
            followed by another attempt, of which a :class:`RetryEvent` told before.
        seconds: How long, as it came to be. Who stands in the queue of the client waits for what
            the first one in it waits for.
        operation: The ``"call"`` that waited.
    """

    reason: WaitReason
    seconds: float
    operation: Operation
