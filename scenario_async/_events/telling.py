"""Tells hooks of an operation from its start to its end, and lets its work run inside of them."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from .hooks import EventHooks, emit, entered
from .operations import EndEvent, FailureEvent, Operation, StartEvent

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

__all__ = ["in_stretches", "tell_failure", "told", "told_around"]

StepT = TypeVar("StepT")


@contextmanager
def told(hooks: EventHooks, operation: Operation) -> Generator[None]:
    """Tell of an operation from its start to its end, whatever ends it."""
    begun = time.monotonic()
    try:
        emit(hooks.on_start, StartEvent(operation=operation))
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


@contextmanager
def told_around(hooks: EventHooks, operation: Operation) -> Generator[None]:
    """The same with all of it as one stretch of work; never across the yield of a generator."""
    with told(hooks, operation), entered(hooks, operation):
        yield


async def in_stretches(
    hooks: EventHooks, operation: Operation, steps: AsyncGenerator[StepT, None]
) -> AsyncGenerator[StepT, None]:
    """The steps of an operation, each of them as one stretch of its work.

    What is set around it is set in the context of whoever asks for a step, and may be another one
    at the next: so it is left before each step is given.
    """
    try:
        while True:
            with entered(hooks, operation):
                try:
                    step = await anext(steps)
                except StopAsyncIteration:
                    break
            yield step
    finally:
        with entered(hooks, operation):
            await steps.aclose()


def tell_failure(
    hooks: EventHooks, operation: Operation, begun: float, error: BaseException
) -> None:
    """Tell what has ended an operation that began then, by the monotonic clock."""
    seconds = time.monotonic() - begun
    emit(hooks.on_failure, FailureEvent(operation=operation, seconds=seconds, error=error))
