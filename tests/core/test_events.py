from __future__ import annotations

import asyncio
import logging

import pytest

from scenario_async import Operation, PageEvent, RequestEvent
from scenario_async._events import emit

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


def test_an_event_is_equal_to_one_that_was_made_without_what_came_later() -> None:
    later = RequestEvent(
        method="GET", path="/models", attempt=1, operation=Operation(kind="request", name="GET /")
    )
    assert later == RequestEvent(method="GET", path="/models", attempt=1)
    assert len({Operation(kind="page", name="/models").id for _ in range(3)}) == 3
