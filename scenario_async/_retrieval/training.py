"""Waiting until models are trained: what a status means, when to ask again, and when to stop."""

from __future__ import annotations

import random
from contextlib import aclosing
from typing import TYPE_CHECKING

from scenario_async._errors import APIError, TrainingError, TrainingTimeoutError
from scenario_async._http import is_transient
from scenario_async._pauses import asked_pause, jittered
from scenario_async._query import given_texts

from .ids import given_id
from .planner import Missing
from .retrieval import retrieve_many, retrieve_one

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping

    from scenario_async._context import Context
    from scenario_async.types import Model

    from .retrieval import Retrieval

__all__ = ["as_trained", "pause_after", "still_waiting", "training_ended", "wait_until_trained"]

TRAINED = "trained"
# The others, "new", "training" and "copying", become something else, and so may those that are not
# documented.
_NOT_TRAINED = frozenset({"failed", "training-canceled", "deleted"})
_SHORTEST, _LONGEST = 5.0, 60.0
_SHARE = 0.2
_SOME = 5


def training_ended(model_id: str, status: str | None, model: object) -> bool:
    """Whether a model is trained.

    Raises:
        TrainingError: It is not, and does not become so.
    """
    if status in _NOT_TRAINED:
        message = f"model {model_id} is not trained: its status is {status!r}"
        raise TrainingError(message, model_id=model_id, status=status, model=model)
    return status == TRAINED


def pause_after(waited: float, chance: float) -> float:
    """Seconds until models are asked for again.

    A fifth of the time that was waited, so that nobody learns of it later than that and long waits
    take few requests; from 5 seconds to a minute, and not the same for all programs.

    Args:
        waited: Since the first time, in seconds.
        chance: Drawn from 0 to 1.
    """
    return jittered(min(max(_SHORTEST, _SHARE * waited), _LONGEST), chance)


def still_waiting(max_wait: float, statuses: Mapping[str, str | None]) -> TrainingTimeoutError:
    """What is raised where models are not trained in time, with their statuses by their ids."""
    named = [f"{one} ({status or 'no status'})" for one, status in statuses.items()]
    more = f" and {len(named) - _SOME} more" if len(named) > _SOME else ""
    return TrainingTimeoutError(
        f"not trained in {max_wait:,.10g} seconds: {', '.join(named[:_SOME])}{more}",
        statuses=dict(statuses),
    )


async def wait_until_trained(
    context: Context, model_id: str, retrieval: Retrieval[Model], max_wait: float
) -> Model:
    """The model, once it is trained."""
    given_id("model_id", model_id)
    wait = _Wait(context, max_wait)
    status: str | None = None
    while True:
        try:
            model = await retrieve_one(context, model_id, retrieval)
        except APIError as error:
            wait.failed(error)
        else:
            status = model.status
            if training_ended(model_id, status, model):
                return model
        await wait.pause({model_id: status})


def as_trained(
    context: Context, ids: Iterable[str], retrieval: Retrieval[Model], max_wait: float
) -> AsyncGenerator[Model | Missing, None]:
    """Each of the models, once its training has ended.

    Raises:
        TypeError: At once, for ids that are no ids.
        ValueError: As above.
    """
    texts = given_texts("ids", ids)
    wanted = dict.fromkeys(given_id(f"ids[{index}]", one) for index, one in enumerate(texts))
    return _as_trained(context, wanted, retrieval, max_wait)


async def _as_trained(
    context: Context,
    waiting: dict[str, str | None],
    retrieval: Retrieval[Model],
    max_wait: float,
) -> AsyncGenerator[Model | Missing, None]:
    wait = _Wait(context, max_wait)
    while waiting:
        seen: list[Model | Missing] = []
        found = retrieve_many(context, list(waiting), retrieval, ordered=False)
        try:
            async with aclosing(found) as records:
                async for record in records:
                    seen.append(record)  # noqa: PERF401 - what came before an error counts as well
        except APIError as error:
            wait.failed(error)
        for record in seen:
            if isinstance(record, Missing) or record.status in {TRAINED, *_NOT_TRAINED}:
                del waiting[record.id]
                yield record
            else:
                waiting[record.id] = record.status
        if waiting:
            await wait.pause(waiting)


class _Wait:
    """One wait: how long it takes, and what went wrong meanwhile."""

    def __init__(self, context: Context, max_wait: float) -> None:
        self._context = context
        self._max_wait = max_wait
        self._begun = context.now()
        self._error: APIError | None = None
        self._last = False

    def failed(self, error: APIError) -> None:
        """Note what went wrong, until the next pause."""
        self._error = error.with_traceback(None) if is_transient(error) else error

    async def pause(self, statuses: Mapping[str, str | None]) -> None:
        """Wait before the next time, unless that was the last one.

        It goes on where the next time may be better: an outage is shorter than a training.

        Raises:
            APIError: The next time would not be.
            TrainingTimeoutError: It was.
            UsageError: The client was closed.
        """
        error, self._error = self._error, None
        if error is not None and not is_transient(error):
            raise error
        waited = self._context.now() - self._begun
        left = self._max_wait - waited
        if self._last or left <= 0:
            raise still_waiting(self._max_wait, statuses) from error
        chance = random.random()  # noqa: S311 - it is no secret
        pause = max(asked_pause(error), pause_after(waited, chance))
        # Said before, as timers may be early.
        self._last = pause >= left
        await self._context.sleep(min(pause, left))
