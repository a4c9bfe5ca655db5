"""Where events are sent: what users give, and how several of them are told at once."""

from __future__ import annotations

import logging
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from functools import partial
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from contextlib import AbstractContextManager

    from .models import FleetEvent, LiveEvent, PageEvent, ScopeEvent
    from .operations import EndEvent, FailureEvent, Operation, StartEvent
    from .requests import RequestEvent, ResponseEvent, RetryEvent, WaitEvent

__all__ = ["NO_HOOKS", "ClientHooks", "EventHooks", "check_callback", "emit", "entered"]

_log = logging.getLogger("scenario_async")
EventT = TypeVar("EventT")


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
        on_wait: Called after each wait of a call.
        on_scope: Called at the end of a sync, for each of its scopes.
        on_live: Called when a live catalogue was refreshed, or has looked at its store, and when it
            is left.
        on_fleet: Called twice a minute by a worker of a fleet, and when it ends.
        around: Returns a context manager for an operation, or ``None``. Each stretch of its work is
            done inside of one, after ``on_start`` and before what tells of the end. Most operations
            have one stretch. A listing or retrieval that is gone through with ``async for`` has one
            for each step, and what its caller does in between is in none: so the caller does not
            see what is set, such as a context variable. The tasks that send its requests do. No
            exception is swallowed, whatever the context manager says.
    """

    on_request: Callable[[RequestEvent], object] | None = None
    on_response: Callable[[ResponseEvent], object] | None = None
    on_retry: Callable[[RetryEvent], object] | None = None
    on_page: Callable[[PageEvent], object] | None = None
    on_start: Callable[[StartEvent], object] | None = None
    on_end: Callable[[EndEvent], object] | None = None
    on_failure: Callable[[FailureEvent], object] | None = None
    on_wait: Callable[[WaitEvent], object] | None = None
    on_scope: Callable[[ScopeEvent], object] | None = None
    on_live: Callable[[LiveEvent], object] | None = None
    on_fleet: Callable[[FleetEvent], object] | None = None
    around: Callable[[Operation], AbstractContextManager[object] | None] | None = None

    def __post_init__(self) -> None:
        for name in self.__slots__:
            check_callback(name, getattr(self, name))


def check_callback(name: str, value: object) -> None:
    """Raises TypeError for what cannot be called, or would have to be awaited."""
    if value is None:
        return
    if not callable(value):
        raise TypeError(f"{name} must be a function, not {type(value).__name__}")
    if iscoroutinefunction(value):
        raise TypeError(f"{name} must be a plain function: nobody would await an async one")


def emit(hook: Callable[[EventT], object] | None, event: EventT) -> None:
    """Call a hook, if there is one, and outlive it."""
    if hook is None:
        return
    try:
        hook(event)
    except Exception:  # noqa: BLE001 - anything may come out of a user's function
        _log.exception("an event hook failed on %s", type(event).__name__)


@contextmanager
def entered(hooks: EventHooks, operation: Operation) -> Generator[None]:
    """Inside of the user's context manager, if there is one, which can break nothing."""
    if hooks.around is None:
        yield
        return
    manager = None
    try:
        manager = hooks.around(operation)
        if manager is not None:
            manager.__enter__()
    except Exception:  # noqa: BLE001 - as for emit
        _log.exception("a context manager around a %s failed", operation.kind)
        manager = None
    try:
        yield
    except BaseException as error:
        _leave(manager, operation, error)
        raise
    _leave(manager, operation, None)


def _leave(
    manager: AbstractContextManager[object] | None,
    operation: Operation,
    error: BaseException | None,
) -> None:
    if manager is None:
        return
    try:
        if error is None:
            manager.__exit__(None, None, None)
        else:
            manager.__exit__(type(error), error, error.__traceback__)
    except Exception:  # noqa: BLE001 - as for emit
        _log.exception("a context manager around a %s failed", operation.kind)


NO_HOOKS = EventHooks()
"""Those of a client that was given none: no operation is made for them, and no event."""


class ClientHooks:
    """The hooks of one client: its own, those that were added to it, and those of its parent.

    Args:
        own: What it was made with.
        parent: Those of the client it was derived from, which hold for this one as well, but for
            its own ones.
    """

    def __init__(self, own: EventHooks, parent: ClientHooks | None = None) -> None:
        self._own = own
        self._parent = parent
        self._added: dict[object, EventHooks] = {}
        self._all: tuple[EventHooks, ...] = ()
        self._together = NO_HOOKS

    @property
    def together(self) -> EventHooks:
        """All of them as one; :data:`NO_HOOKS` where there are none."""
        everyone = (self._own, *self._all_added())
        if everyone != self._all:
            self._all, self._together = everyone, _together(everyone)
        return self._together

    def add(self, hooks: EventHooks) -> Callable[[], None]:
        """Add some; returns what takes them away again.

        Raises:
            TypeError: They are something else.
        """
        if not isinstance(hooks, EventHooks):  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
            raise TypeError(f"hooks must be EventHooks, not {type(hooks).__name__}")
        key = object()
        self._added[key] = hooks

        def remove() -> None:
            self._added.pop(key, None)

        return remove

    def _all_added(self) -> tuple[EventHooks, ...]:
        inherited = () if self._parent is None else self._parent._all_added()  # noqa: SLF001 - its own kind
        return (*inherited, *self._added.values())


def _together(everyone: Sequence[EventHooks]) -> EventHooks:
    """Hooks that call all of these, each whatever the others raise."""
    hooks = [one for one in everyone if one != NO_HOOKS]
    if len(hooks) < 2:  # noqa: PLR2004 - one is what it is
        return hooks[0] if hooks else NO_HOOKS
    merged: dict[str, Any] = {}
    for name in (field.name for field in fields(EventHooks) if field.name != "around"):
        given = [hook for one in hooks if (hook := getattr(one, name)) is not None]
        if given:
            merged[name] = given[0] if len(given) == 1 else partial(_emit_to_all, given)
    around = [one for one in hooks if one.around is not None]
    if around:
        merged["around"] = around[0].around if len(around) == 1 else partial(_entered_all, around)
    return EventHooks(**merged)


def _emit_to_all(given: Sequence[Callable[[object], object]], event: object) -> None:
    for number, hook in enumerate(given, start=1):
        try:
            emit(hook, event)
        except BaseException:
            # It ends the program, or a task. The others still hear of what began, and of its end.
            _emit_to_all(given[number:], event)
            raise


@contextmanager
def _entered_all(around: Sequence[EventHooks], operation: Operation) -> Generator[None]:
    with ExitStack() as stack:
        for hooks in around:
            stack.enter_context(entered(hooks, operation))
        yield
