"""Spans: one for each operation that a user has asked for, and for each request."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from scenario_async import EventHooks

from ._names import (
    ACCOUNT,
    ATTEMPT,
    COMPLETE,
    ERROR_TYPE,
    METHOD,
    MODELS,
    OUTCOMES,
    PAGES,
    PORT,
    REQUEST_ID,
    RESENDS,
    SCOPE,
    SERVER,
    TEMPLATE,
    WAIT,
    error_type,
    known_scopes,
    status_attributes,
)

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from contextvars import Token

    from opentelemetry.context import Context
    from opentelemetry.trace import Span, Tracer
    from opentelemetry.util.types import AttributeValue

    from scenario_async import (
        EndEvent,
        FailureEvent,
        Operation,
        PageEvent,
        RequestEvent,
        ResponseEvent,
        RetryEvent,
        ScopeEvent,
        StartEvent,
        WaitEvent,
    )

__all__ = ["Spans"]

# They are nobody's part, also where a catalogue was entered or a fleet is run inside of a span.
_ROOTS = {"account", "refresh"}
_OF_SCOPES = {"listing", "refresh", "scope", "sync"}


@dataclass(slots=True)
class _Open:
    """An operation that has a span, and has not ended.

    Attributes:
        operation: Its id.
        span: Its span.
        context: The one in which it is the current one.
        counts: Attributes that are known in the end.
    """

    operation: int
    span: Span
    context: Context
    counts: dict[str, int] = field(default_factory=dict[str, int])

    def count(self, name: str, more: int) -> None:
        self.counts[name] = self.counts.get(name, 0) + more

    def end(self, attributes: dict[str, AttributeValue], *, failed: bool) -> None:
        self.span.set_attributes({**self.counts, **attributes})
        if failed:
            # Without a description: what an error says may name models.
            self.span.set_status(StatusCode.ERROR)
        self.span.end()


@dataclass(slots=True)
class _Call:
    """A call that has not ended.

    Attributes:
        within: The operation that it is a part of.
        sent: How many requests were sent for it.
        waits: What was waited for since the last one.
    """

    within: _Open | None
    sent: int = 0
    waits: dict[str, float] = field(default_factory=dict[str, float])


class Spans:
    """Makes spans of what hooks are told.

    A request is a span of the kind "client", and its parent the listing, the retrieval or the scope
    that sends it. Pages and calls are in between and have none, but for a page with no parent.

    Args:
        tracer: Makes them.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._open: dict[int, _Open] = {}
        self._calls: dict[int, _Call] = {}
        self.hooks: EventHooks = EventHooks(
            on_start=self._start,
            on_request=self._request,
            on_response=self._response,
            on_retry=self._retry,
            on_wait=self._wait,
            on_page=self._page,
            on_scope=self._scope,
            on_end=self._end,
            on_failure=self._failure,
            around=self._around,
        )

    def _start(self, event: StartEvent) -> None:
        operation = event.operation
        within = self._open.get(operation.parent or 0)
        if operation.kind == "call":
            self._calls[operation.id] = _Call(within)
        elif operation.kind == "page" and within is not None:
            self._open[operation.id] = within
        else:
            context = contexts.Context() if operation.kind in _ROOTS else _context_of(within)
            name, attributes = _named(operation)
            span = self._tracer.start_span(name, context=context, attributes=attributes)
            self._keep(operation, span, context)

    def _request(self, event: RequestEvent) -> None:
        operation = event.operation
        if operation is None:
            return
        call = self._calls.get(operation.parent or 0) or _Call(None)
        attributes: dict[str, AttributeValue] = {
            METHOD: event.method,
            SERVER: event.host,
            PORT: event.port,
            TEMPLATE: event.template,
            **{f"{WAIT}.{reason}": seconds for reason, seconds in call.waits.items()},
        }
        if call.sent:
            attributes[RESENDS] = call.sent
        call.waits.clear()
        call.sent += 1
        context = _context_of(call.within)
        span = self._tracer.start_span(
            operation.name, context=context, kind=SpanKind.CLIENT, attributes=attributes
        )
        self._keep(operation, span, context)

    def _response(self, event: ResponseEvent) -> None:
        operation = event.operation
        sent = self._open.pop(operation.id, None) if operation is not None else None
        if operation is None or sent is None:
            return
        attributes: dict[str, AttributeValue] = {**status_attributes(event.status_code)}
        call = self._calls.get(operation.parent or 0)
        if call is not None and event.sends > 1:
            call.sent += event.sends - 1
            attributes[RESENDS] = call.sent - 1
        if event.request_id is not None:
            attributes[REQUEST_ID] = event.request_id
        sent.end(attributes, failed=ERROR_TYPE in attributes)

    def _retry(self, event: RetryEvent) -> None:
        call = self._calls.get(event.operation.id) if event.operation is not None else None
        if call is not None and call.within is not None:
            attributes: dict[str, AttributeValue] = {
                ATTEMPT: event.attempt,
                WAIT: event.wait,
                ERROR_TYPE: error_type(event.error),
            }
            call.within.span.add_event("retry", attributes)

    def _wait(self, event: WaitEvent) -> None:
        call = self._calls.get(event.operation.id)
        if call is not None:
            call.waits[event.reason] = call.waits.get(event.reason, 0.0) + event.seconds

    def _page(self, event: PageEvent) -> None:
        listing = self._open.get(event.listing or 0)
        if listing is not None:
            listing.count(PAGES, 1)
            listing.count(MODELS, event.models)

    def _scope(self, event: ScopeEvent) -> None:
        sync = self._open.get(event.sync)
        if sync is not None:
            for outcome in OUTCOMES:
                sync.count(f"{MODELS}.{outcome}", getattr(event, outcome))

    def _end(self, event: EndEvent) -> None:
        ended = self._ended(event.operation)
        if ended is not None:
            ended.end({} if event.complete else {COMPLETE: False}, failed=False)

    def _failure(self, event: FailureEvent) -> None:
        ended = self._ended(event.operation)
        if ended is not None:
            attributes: dict[str, AttributeValue] = {ERROR_TYPE: error_type(event.error)}
            # A caller that cancels has not failed, and nor has the service.
            ended.end(attributes, failed=not isinstance(event.error, asyncio.CancelledError))

    def _ended(self, operation: Operation) -> _Open | None:
        """What has a span that ends with this operation."""
        self._calls.pop(operation.id, None)
        ended = self._open.pop(operation.id, None)
        return None if ended is None or ended.operation != operation.id else ended

    def _around(self, operation: Operation) -> AbstractContextManager[object] | None:
        running = self._open.get(operation.id)
        if running is None or running.operation != operation.id:
            return None
        return _Current(running.context)

    def _keep(self, operation: Operation, span: Span, context: Context | None) -> None:
        within = trace.set_span_in_context(span, context)
        self._open[operation.id] = _Open(operation.id, span, within)


class _Current:
    """Lets a context be the current one. Less work than ``use_span``, which looks at errors too."""

    __slots__ = ("_context", "_token")

    def __init__(self, context: Context) -> None:
        self._context = context
        self._token: Token[Context] | None = None

    def __enter__(self) -> None:
        self._token = contexts.attach(self._context)

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            contexts.detach(self._token)


def _context_of(within: _Open | None) -> Context | None:
    """The context that a part begins in; ``None`` for the one that is current."""
    return None if within is None else within.context


def _named(operation: Operation) -> tuple[str, dict[str, str]]:
    """The name of a span, of which there are few, and what more it says of the operation."""
    kind, name = operation.kind, operation.name
    if kind == "account":
        return kind, {ACCOUNT: name}
    if kind in _OF_SCOPES:
        scopes = known_scopes(name)
        return f"{kind} {scopes}", {SCOPE: scopes}
    return f"{kind} {name}", {TEMPLATE: name}
