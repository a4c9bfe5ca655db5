"""One attempt of a call: its turn, what goes out for it, and what the answer means."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from scenario_async._errors import (
    APIStatusError,
    APITimeoutError,
    QuotaExceededError,
    RateLimitError,
)
from scenario_async._urls import redact

from .messages import HTTP_OK
from .responses import error_from_response, is_redirect, redirect_target, request_id

if TYPE_CHECKING:
    from scenario_async._options import ClientOptions, Timeout

    from .call_events import CallEvents
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
        events: Who is told, where somebody wants to be.
        request: What goes out, and after a redirect goes elsewhere.
        limits: The time limits of one attempt; the total is kept by ``deadline``.
        deadline: When the whole call has to be over.
        number: 1 for the first attempt of the call.
    """

    options: ClientOptions
    transport: Transport
    pacer: Pacer
    call: Call
    events: CallEvents | None
    request: HTTPRequest = field(repr=False)
    limits: Timeout
    deadline: Deadline
    number: int = 1

    async def send(self) -> HTTPResponse:
        """The answer, which is a success.

        Raises:
            APIError: It is not, or no whole answer came.
        """
        tell = None if self.events is None else self.events.waited
        async with self.pacer.slot(self.deadline, tell) as turn:
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
        send = partial(self.transport.send, request, limits)
        response = await (send() if self.events is None else self.events.request(self.number, send))
        _log.debug(
            "%s: attempt %d answered with %d, %d bytes, in %.3f s",
            self.call,
            self.number,
            response.status,
            len(response.body),
            response.seconds,
        )
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
            request_id=request_id(response.headers, self.options.credentials.secrets),
        )

    def _error(self, response: HTTPResponse) -> APIStatusError:
        return error_from_response(
            response, request_name=str(self.call), secrets=self.options.credentials.secrets
        )
