"""One attempt of a call: its turn, what goes out for it, and what the answer means."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from scenario_async._errors import (
    APIStatusError,
    APITimeoutError,
    QuotaExceededError,
    RateLimitError,
)
from scenario_async._events import Operation, RequestEvent, ResponseEvent, emit, tell_failure
from scenario_async._urls import redact

from .messages import HTTP_OK
from .responses import error_from_response, is_redirect, redirect_target, request_id

if TYPE_CHECKING:
    from scenario_async._options import ClientOptions, Timeout

    from .clock import Deadline
    from .messages import Call, HTTPRequest, HTTPResponse
    from .pacing import Pacer
    from .transport import Transport

__all__ = ["Attempt"]

_log = logging.getLogger("scenario_async")
_MOST_REDIRECTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt of a call, with the redirects inside the origin that it may meet.

    Attributes:
        call: What is asked for.
        operation: That of the call, where somebody wants to be told of it.
        request: What goes out, and after a redirect goes elsewhere.
        limits: The time limits of one attempt; the total is kept by ``deadline``.
        deadline: When the whole call has to be over.
        number: 1 for the first attempt of the call.
    """

    options: ClientOptions
    transport: Transport
    pacer: Pacer
    call: Call
    operation: Operation | None
    request: HTTPRequest = field(repr=False)
    limits: Timeout
    deadline: Deadline
    number: int = 1

    async def send(self) -> HTTPResponse:
        """The answer, which is a success.

        Raises:
            APIError: It is none, or no whole answer came.
        """
        async with self.pacer.slot(self.deadline) as turn:
            try:
                response = await self._follow()
            except APITimeoutError:
                self.pacer.timed_out(turn)
                raise
        if response.status in HTTP_OK:
            self.pacer.succeeded(turn)
            return response
        error = self._error(response)
        if isinstance(error, QuotaExceededError):
            # Waiting does not help, so nobody waits. It tells nothing about the rate either.
            pass
        elif isinstance(error, RateLimitError):
            self.pacer.refused(turn, error.retry_after)
        elif response.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            self.pacer.succeeded(turn)
        raise error

    async def _follow(self) -> HTTPResponse:
        request = self.request
        response = await self._send(request)
        for _ in range(_MOST_REDIRECTS):
            if not is_redirect(response):
                break
            request = replace(request, url=self._target(request, response))
            response = await self._send(request)
        return response

    async def _send(self, request: HTTPRequest) -> HTTPResponse:
        # aiohttp reads a limit of 0 as none; a deadline that has just run out is a tiny one.
        left = self.deadline.remaining()
        limits = replace(self.limits, total=None if left is None else max(left, 0.001))
        if self.operation is None:
            response = await self.transport.send(request, limits)
        else:
            response = await self._send_and_tell(request, limits, self.operation)
        _log.debug(
            "%s: attempt %d answered with %d, %d bytes, in %.3f s",
            self.call,
            self.number,
            response.status,
            len(response.body),
            response.seconds,
        )
        return response

    async def _send_and_tell(
        self, request: HTTPRequest, limits: Timeout, call: Operation
    ) -> HTTPResponse:
        hooks = self.options.event_hooks
        sending = Operation(kind="request", name=call.name, parent=call.id)
        named = {"method": self.call.method, "path": self.call.path}
        begun = time.monotonic()
        emit(hooks.on_request, RequestEvent(**named, attempt=self.number, operation=sending))
        try:
            response = await self.transport.send(request, limits)
        except BaseException as error:
            tell_failure(hooks, sending, begun, error)
            raise
        event = ResponseEvent(
            **named,
            attempt=self.number,
            status_code=response.status,
            seconds=response.seconds,
            size=len(response.body),
            sends=response.sends,
            operation=sending,
            request_id=request_id(response.headers),
        )
        emit(hooks.on_response, event)
        return response

    def _target(self, request: HTTPRequest, response: HTTPResponse) -> str:
        target = redirect_target(request.url, response.headers["location"])
        if target is not None:
            return target
        location = redact(response.headers["location"], self.options.credentials.secrets)
        reason = f"redirect to another origin refused ({location})"
        raise APIStatusError(
            f"{self.call}: {reason}: credentials go to the host of base_url only",
            status_code=response.status,
            reason=reason,
            request_id=request_id(response.headers),
        )

    def _error(self, response: HTTPResponse) -> APIStatusError:
        return error_from_response(
            response, request_name=str(self.call), secrets=self.options.credentials.secrets
        )
