from __future__ import annotations

import asyncio
import dataclasses
import logging

import pytest

from scenario_async import (
    APIConnectionError,
    EventHooks,
    PageEvent,
    RequestEvent,
    ResponseEvent,
    RetryEvent,
)
from scenario_async._events import emit

PAGE = PageEvent(models=1, repeated=0, invalid=0, last=True)
EVENTS = [
    RequestEvent(method="GET", path="/models", attempt=1),
    ResponseEvent(
        method="GET", path="/models", attempt=1, status_code=200, seconds=0.1, size=9, sends=1
    ),
    RetryEvent(method="GET", path="/models", attempt=1, wait=0.5, error=APIConnectionError("gone")),
    PAGE,
]


def test_a_hook_gets_the_event() -> None:
    got: list[PageEvent] = []
    emit(got.append, PAGE)
    assert got == [PAGE]


def test_without_a_hook_nothing_happens() -> None:
    emit(None, PAGE)
    hooks = EventHooks()
    assert [getattr(hooks, field.name) for field in dataclasses.fields(hooks)] == [None] * 4


def test_what_a_hook_returns_is_of_no_interest() -> None:
    emit(lambda _: False, PAGE)
    emit(lambda _: [1], PAGE)


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


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_is_a_value(event: object) -> None:
    assert dataclasses.is_dataclass(event)
    assert not isinstance(event, type)
    assert dataclasses.replace(event) == event
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(event, dataclasses.fields(event)[0].name, None)


def test_there_is_a_hook_for_each_event() -> None:
    names = [field.name for field in dataclasses.fields(EventHooks)]
    assert names == ["on_request", "on_response", "on_retry", "on_page"]
