"""A client whose requests are counted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from scenario_async._client import context_of
from scenario_async._events import emit

if TYPE_CHECKING:
    from scenario_async import AsyncScenario, RequestEvent, ResponseEvent, RetryEvent
    from scenario_async.sync._report import Counts

__all__ = ["counting"]


def counting(client: AsyncScenario, counts: Counts) -> AsyncScenario:
    """The same client, with its requests counted."""
    hooks = context_of(client).event_hooks

    def on_request(event: RequestEvent) -> None:
        counts.requests += 1
        emit(hooks.on_request, event)

    def on_response(event: ResponseEvent) -> None:
        # Where aiohttp has repeated it by itself.
        counts.requests += event.sends - 1
        emit(hooks.on_response, event)

    def on_retry(event: RetryEvent) -> None:
        counts.retries += 1
        emit(hooks.on_retry, event)

    counted = replace(hooks, on_request=on_request, on_response=on_response, on_retry=on_retry)
    return client.with_options(event_hooks=counted)
