"""Tells the hooks what happens while one call is answered."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from scenario_async._errors import RateLimitError
from scenario_async._events import (
    Operation,
    RequestEvent,
    ResponseEvent,
    RetryEvent,
    WaitEvent,
    emit,
    entered,
    tell_failure,
)

from .responses import request_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from scenario_async._errors import APIError
    from scenario_async._events import EventHooks, WaitReason

    from .clock import Clock
    from .messages import Call, HTTPResponse

__all__ = ["CallEvents"]

_PORTS = {"http": 80, "https": 443}


@dataclass(slots=True, kw_only=True)
class CallEvents:
    """Tells of one call.

    Attributes:
        hooks: Who is told.
        call: What is asked for.
        operation: Of the kind ``"call"``.
        base_url: Whom.
        secrets: What nobody is told.
        clock: That of the client.
    """

    hooks: EventHooks
    call: Call
    operation: Operation
    base_url: str
    secrets: Sequence[str] = field(repr=False)
    clock: Clock
    _pauses_for: WaitReason = field(default="retry", init=False)

    async def request(
        self, attempt: int, send: Callable[[], Awaitable[HTTPResponse]]
    ) -> HTTPResponse:
        """Tell of a request that goes out, and of what becomes of it."""
        hooks, call = self.hooks, self.call
        operation = Operation(kind="request", name=self.operation.name, parent=self.operation.id)
        named = {"method": call.method, "path": call.path}
        host, port = _server(self.base_url)
        begun = time.monotonic()
        event = RequestEvent(
            **named,
            attempt=attempt,
            operation=operation,
            template=call.template or call.path,
            host=host,
            port=port,
        )
        try:
            emit(hooks.on_request, event)
            with entered(hooks, operation):
                response = await send()
        except BaseException as error:
            tell_failure(hooks, operation, begun, error)
            raise
        answer = ResponseEvent(
            **named,
            attempt=attempt,
            status_code=response.status,
            seconds=response.seconds,
            size=len(response.body),
            sends=response.sends,
            operation=operation,
            request_id=request_id(response.headers, self.secrets),
        )
        emit(hooks.on_response, answer)
        return response

    def retry(self, attempt: int, wait: float, error: APIError) -> None:
        """Tell that an attempt failed, and another one follows after a pause."""
        self._pauses_for = "pause" if isinstance(error, RateLimitError) else "retry"
        event = RetryEvent(
            method=self.call.method,
            path=self.call.path,
            attempt=attempt,
            wait=wait,
            error=error,
            operation=self.operation,
        )
        emit(self.hooks.on_retry, event)

    def waited(self, reason: WaitReason, seconds: float) -> None:
        """Tell that it waited."""
        event = WaitEvent(reason=reason, seconds=seconds, operation=self.operation)
        emit(self.hooks.on_wait, event)

    async def pause(self, seconds: float) -> None:
        """Let the pause pass, and tell of it."""
        begun = self.clock.now()
        try:
            await self.clock.sleep(seconds)
        finally:
            self.waited(self._pauses_for, self.clock.now() - begun)


@lru_cache(maxsize=16)
def _server(base_url: str) -> tuple[str, int]:
    """The host and the port of a URL."""
    url = urlsplit(base_url)
    return url.hostname or "", url.port or _PORTS[url.scheme]
