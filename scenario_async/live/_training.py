"""Waiting until a model of a live catalogue is trained, by what its refreshes bring."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeVar

import anyio

from scenario_async import TrainingError, UsageError
from scenario_async._retrieval import still_waiting, training_ended

from ._snapshot import contents_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._deltas import Feed
    from ._snapshot import Snapshot

__all__ = ["trained"]

ModelT = TypeVar("ModelT")


async def trained(
    model_id: str, max_wait: float, feed: Feed[Any], now: Callable[[], Snapshot[ModelT]]
) -> ModelT:
    """The model, once it is trained.

    Args:
        model_id: Its id; it may not be there yet.
        max_wait: How long it is waited for, in seconds.
        feed: Tells of changes.
        now: The snapshot at that moment.

    Raises:
        TrainingError: Its training failed, or it is not there any more.
        TrainingTimeoutError: It was not trained in time.
        UsageError: The catalogue was left meanwhile.
    """
    status: str | None = None
    seen: ModelT | None = None
    # One is enough: what is told is looked up.
    async with aclosing(feed.consume(1)) as changes:
        with anyio.move_on_after(max_wait):
            while True:
                entry = contents_of(now()).entries.get(model_id)
                if entry is not None:
                    status, seen = entry.status, entry.model
                    if training_ended(model_id, status, seen):
                        return entry.model
                elif seen is not None:
                    message = f"model {model_id} is not there any more, and was {status!r}"
                    raise TrainingError(message, model_id=model_id, model=seen)
                if await anext(changes, None) is None:
                    raise UsageError(f"the live catalogue was left before {model_id} was trained")
    raise still_waiting(max_wait, {model_id: status})
