"""What a user can watch: one small value for each thing that happens, and where to send it."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from inspect import iscoroutinefunction
from itertools import count
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from ._errors import APIError

__all__ = [
    "NO_HOOKS",
    "EndEvent",
    "EventHooks",
    "FailureEvent",
    "Operation",
    "OperationKind",
    "PageEvent",
    "RequestEvent",
    "ResponseEvent",
    "RetryEvent",
    "StartEvent",
    "check_callback",
    "emit",
    "tell_failure",
    "told",
]

_log = logging.getLogger("scenario_async")
_Event = TypeVar("_Event")
_ids = count(1)

OperationKind: TypeAlias = Literal[
    "sync", "scope", "listing", "page", "retrieval", "call", "request"
]
"""What is done: see :class:`Operation`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """Something with a start and an end; the hooks are told once of each.

    A ``"sync"`` is one run of :func:`scenario_async.sync.sync`, a ``"scope"`` one of its scopes. A
    ``"listing"`` is one way through a listing or through several that are merged, a ``"page"`` what
    is asked for one page. A ``"retrieval"`` is of models or previews by their ids. A ``"call"`` is
    one answer with all attempts that it takes, a ``"request"`` what goes out once.

    Attributes:
        id: Of this operation alone, in this process.
        parent: The id of the operation that it is a part of, where it is part of one.
        kind: What is done; see above.
        name: What it is done with, in a few words that do not differ from model to model: the scope
            of a listing, the scopes of a sync, else the method or the path below the base URL.
    """

    id: int = field(default_factory=_ids.__next__)
    parent: int | None = None
    kind: OperationKind
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartEvent:
    """An operation begins. One :class:`EndEvent` or :class:`FailureEvent` of it follows.

    Attributes:
        operation: Which one.
    """

    operation: Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class EndEvent:
    """An operation came to its end.

    Attributes:
        operation: Which one.
        seconds: Since its start.
        complete: ``False`` where the caller left before the end, as by ``break`` or ``aclose``.
    """

    operation: Operation
    seconds: float
    complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureEvent:
    """An operation was ended by an error or a cancellation.

    That a ``"request"`` fails is final where its ``"call"`` fails as well; else a
    :class:`RetryEvent` follows.

    Attributes:
        operation: Which one.
        seconds: Since its start.
        error: What ended it.
    """

    operation: Operation
    seconds: float
    error: BaseException


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestEvent:
    """A request is about to go out: its operation begins.

    A :class:`ResponseEvent` follows, or a :class:`FailureEvent` where no whole answer came.

    Attributes:
        method: Such as ``"GET"``.
        path: Below the base URL, such as ``"/models"``; without the query.
        attempt: 1 for the first, 2 for the first retry.
        operation: Of the kind ``"request"``; its parent is a ``"call"``.
    """

    method: str
    path: str
    attempt: int
    operation: Operation | None = field(default=None, compare=False)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class PageEvent:
    """A page of a listing was given to the caller.

    Attributes:
        models: How many were given.
        repeated: How many were dropped because the run had given their id before.
        invalid: How many did not fit the type.
        last: Whether the listing ends here.
        filtered: How many were dropped because they show that they were not asked for, as where the
            service has no index of a tag.
        listing: The id of the listing's operation, where all of it is gone through.
    """

    models: int
    repeated: int
    invalid: int
    last: bool
    filtered: int = 0
    listing: int | None = field(default=None, compare=False)


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
        on_start: Called before each operation. For requests, ``on_request`` is called instead.
        on_end: Called after each operation. For requests, ``on_response`` is called instead.
        on_failure: Called after each operation that an error or a cancellation ends.
    """

    on_request: Callable[[RequestEvent], object] | None = None
    on_response: Callable[[ResponseEvent], object] | None = None
    on_retry: Callable[[RetryEvent], object] | None = None
    on_page: Callable[[PageEvent], object] | None = None
    on_start: Callable[[StartEvent], object] | None = None
    on_end: Callable[[EndEvent], object] | None = None
    on_failure: Callable[[FailureEvent], object] | None = None

    def __post_init__(self) -> None:
        for name in self.__slots__:
            check_callback(name, getattr(self, name))


@contextmanager
def told(hooks: EventHooks, operation: Operation | None) -> Generator[None]:
    """Tell of an operation, if there is one, from its start to its end, whatever ends it."""
    if operation is None:
        yield
        return
    begun = time.monotonic()
    emit(hooks.on_start, StartEvent(operation=operation))
    try:
        yield
    except GeneratorExit:
        seconds = time.monotonic() - begun
        emit(hooks.on_end, EndEvent(operation=operation, seconds=seconds, complete=False))
        raise
    except BaseException as error:
        tell_failure(hooks, operation, begun, error)
        raise
    seconds = time.monotonic() - begun
    emit(hooks.on_end, EndEvent(operation=operation, seconds=seconds))


def tell_failure(
    hooks: EventHooks, operation: Operation, begun: float, error: BaseException
) -> None:
    """Tell what has ended an operation that began then, by the monotonic clock."""
    seconds = time.monotonic() - begun
    emit(hooks.on_failure, FailureEvent(operation=operation, seconds=seconds, error=error))


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


NO_HOOKS = EventHooks()
"""Those of a client that was given none: no operation is made for them, and no event."""
