"""What a run counts: the requests of a client, and for the hooks what became of models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenario_async import EventHooks, ScopeEvent
from scenario_async._events import emit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scenario_async import AsyncScenario, RequestEvent, ResponseEvent, RetryEvent
    from scenario_async._context import Context
    from scenario_async.sync._report import Counts, ScopeReport

__all__ = ["counting", "tell_scopes"]


def counting(client: AsyncScenario, counts: Counts) -> AsyncScenario:
    """The same client, with its requests counted."""

    def on_request(_: RequestEvent) -> None:
        counts.requests += 1

    def on_response(event: ResponseEvent) -> None:
        # Where aiohttp has repeated it by itself.
        counts.requests += event.sends - 1

    def on_retry(_: RetryEvent) -> None:
        counts.retries += 1

    counted = client.with_options()
    counted.add_event_hooks(
        EventHooks(on_request=on_request, on_response=on_response, on_retry=on_retry)
    )
    return counted


def tell_scopes(context: Context, reports: Iterable[ScopeReport]) -> None:
    """Tell the hooks of a run what it did to the models of each scope."""
    if context.within is None:
        return
    for report in reports:
        event = ScopeEvent(
            scope=report.scope,
            new=report.new,
            changed=report.changed,
            unchanged=report.unchanged,
            deleted=report.deleted,
            rejected=report.rejected,
            complete=report.complete,
            sync=context.within.id,
        )
        emit(context.event_hooks.on_scope, event)
