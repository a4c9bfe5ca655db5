"""What a user can watch: one small value for each thing that happens, and where to send it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._errors import APIError

__all__ = [
    "EventHooks",
    "PageEvent",
    "RequestEvent",
    "ResponseEvent",
    "RetryEvent",
    "check_callback",
    "emit",
]

_log = logging.getLogger("scenario_async")
_Event = TypeVar("_Event")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestEvent:
    """A request is about to go out.

    Attributes:
        method: Such as ``"GET"``.
        path: Below the base URL, such as ``"/models"``; without the query.
        attempt: 1 for the first, 2 for the first retry.
    """

    method: str
    path: str
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseEvent:
    """An answer came, whole, of whatever status.

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
    """

    method: str
    path: str
    attempt: int
    status_code: int
    seconds: float
    size: int
    sends: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryEvent:
    """An attempt failed, and another one follows after a pause.

    Attributes:
        method: As in the request.
        path: As in the request.
        attempt: The attempt that failed.
        wait: The pause in seconds.
        error: Why.
    """

    method: str
    path: str
    attempt: int
    wait: float
    error: APIError


@dataclass(frozen=True, slots=True, kw_only=True)
class PageEvent:
    """A page of a listing was given to the caller.

    Attributes:
        models: How many were given.
        repeated: How many were dropped because the walk had given their id before.
        invalid: How many did not fit the type.
        last: Whether the listing ends here.
        filtered: How many were dropped because they show that they were not asked for, as where the
            service has no index of a tag.
    """

    models: int
    repeated: int
    invalid: int
    last: bool
    filtered: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EventHooks:
    """Functions that are called with each event, to hang metrics or tracing on.

    They run on the event loop and must be quick. One that raises is logged and costs nothing else:
    a broken metric must not break a listing.

    Attributes:
        on_request: Called before each request goes out, retries included.
        on_response: Called after each whole answer, of whatever status.
        on_retry: Called before each pause that a retry follows.
        on_page: Called for each page whose models were given.
    """

    on_request: Callable[[RequestEvent], object] | None = None
    on_response: Callable[[ResponseEvent], object] | None = None
    on_retry: Callable[[RetryEvent], object] | None = None
    on_page: Callable[[PageEvent], object] | None = None

    def __post_init__(self) -> None:
        for name in ("on_request", "on_response", "on_retry", "on_page"):
            check_callback(name, getattr(self, name))


def check_callback(name: str, value: object) -> None:
    """Raises TypeError for what cannot be called, or would have to be awaited."""
    if value is None:
        return
    if not callable(value):
        raise TypeError(f"{name} must be a function, not {type(value).__name__}")
    if iscoroutinefunction(value):
        raise TypeError(f"{name} must be a plain function: nobody would await an async one")


def emit(hook: Callable[[_Event], object] | None, event: _Event) -> None:
    """Call a hook, if there is one, and outlive it."""
    if hook is None:
        return
    try:
        hook(event)
    except Exception:  # noqa: BLE001 - anything may come out of a user's function
        _log.exception("an event hook failed on %s", type(event).__name__)
