from __future__ import annotations

import asyncio
import logging
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

from scenario_async import EventHooks, FailureEvent, Operation, PageEvent, RequestEvent
from scenario_async._events import NO_HOOKS, ClientHooks, emit, entered, told
from scenario_async._http.call_events import _server

if TYPE_CHECKING:
    from scenario_async._events import OperationKind

PAGE = PageEvent(models=1, repeated=0, invalid=0, last=True)


def test_a_hook_that_raises_is_logged_and_costs_nothing_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(event: PageEvent) -> None:
        raise ZeroDivisionError(event.models)

    emit(broken, PAGE)
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("scenario_async", logging.ERROR)
    assert "PageEvent" in record.getMessage()
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError


@pytest.mark.parametrize("stop", [KeyboardInterrupt, asyncio.CancelledError, SystemExit])
def test_a_hook_does_not_swallow_what_is_to_end_the_program(stop: type[BaseException]) -> None:
    def stopping(_: PageEvent) -> None:
        raise stop

    with pytest.raises(stop):
        emit(stopping, PAGE)


@pytest.mark.parametrize("at", ["on_start", "on_end"])
def test_a_hook_that_ends_the_program_keeps_from_no_other_what_began_and_ended(at: str) -> None:
    def stopping(_: object) -> None:
        raise KeyboardInterrupt

    def watching(seen: list[str]) -> EventHooks:
        def see(event: object) -> None:
            seen.append(type(event).__name__)

        return EventHooks(on_start=see, on_end=see, on_failure=see)

    before, after = list[str](), list[str]()
    hooks = ClientHooks(watching(before))
    hooks.add(EventHooks(**{at: stopping}))
    hooks.add(watching(after))
    with (
        pytest.raises(KeyboardInterrupt),
        told(hooks.together, Operation(kind="listing", name="private")),
    ):
        pass
    assert before == after == ["StartEvent", "FailureEvent" if at == "on_start" else "EndEvent"]


def test_an_event_is_equal_to_one_that_was_made_without_what_came_later() -> None:
    later = RequestEvent(
        method="GET", path="/models", attempt=1, operation=Operation(kind="request", name="GET /")
    )
    assert later == RequestEvent(method="GET", path="/models", attempt=1)
    assert len({Operation(kind="page", name="/models").id for _ in range(3)}) == 3


class Leaving:
    """A context manager that fails as it is left."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(self, *_: object) -> None:
        raise self._error


@pytest.mark.parametrize("inside", [None, ZeroDivisionError()])
def test_what_is_around_an_operation_can_end_the_program_and_nothing_less(
    inside: Exception | None, caplog: pytest.LogCaptureFixture
) -> None:
    operation = Operation(kind="call", name="GET /models")

    def run(error: BaseException) -> None:
        with entered(EventHooks(around=lambda _: Leaving(error)), operation):
            if inside is not None:
                raise inside

    with pytest.raises(KeyboardInterrupt):
        run(KeyboardInterrupt())
    assert caplog.records == []
    with pytest.raises(ZeroDivisionError) if inside else nullcontext():
        run(ValueError())
    (record,) = caplog.records
    assert record.getMessage() == "a context manager around a call failed"


def test_what_fails_is_final_unless_it_is_a_request() -> None:
    def final(kind: OperationKind) -> bool:
        operation = Operation(kind=kind, name="GET /models")
        return FailureEvent(operation=operation, seconds=1.0, error=ValueError()).final

    assert (final("call"), final("listing"), final("request")) == (True, True, False)


def test_hooks_with_nothing_in_them_are_none() -> None:
    hooks = ClientHooks(EventHooks())
    assert hooks.together is NO_HOOKS
    seen: list[PageEvent] = []
    remove = hooks.add(EventHooks(on_page=seen.append))
    emit(hooks.together.on_page, PAGE)
    remove()
    assert hooks.together is NO_HOOKS
    assert seen == [PAGE]


@pytest.mark.parametrize(
    ("base_url", "server"),
    [
        ("https://api.cloud.scenario.com/v1", ("api.cloud.scenario.com", 443)),
        ("http://localhost", ("localhost", 80)),
        ("https://[::1]:8443/v1", ("::1", 8443)),
    ],
)
def test_a_server_has_the_port_of_its_scheme_unless_it_says_another(
    base_url: str, server: tuple[str, int]
) -> None:
    assert _server(base_url) == server
