"""One call to the service: authentication, pacing, retries and events around the transport."""

from __future__ import annotations

import logging
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast
from urllib.parse import urlencode

from scenario_async._decoding import encode
from scenario_async._errors import (
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    QuotaExceededError,
    RateLimitError,
)
from scenario_async._events import RequestEvent, ResponseEvent, RetryEvent, emit
from scenario_async._options import NOT_GIVEN, NotGiven, Timeout, check_headers
from scenario_async._query import wire_value
from scenario_async._urls import redact

from .clock import Deadline
from .messages import HTTP_OK, HTTPRequest
from .responses import error_from_response, is_redirect, redirect_target, request_id
from .retry import call_with_retries

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scenario_async._options import ClientOptions

    from .clock import Clock
    from .lifetime import Lifetime
    from .loop_budget import LoopBudget
    from .messages import HTTPResponse
    from .pacing import Pacer
    from .transport import Transport

__all__ = ["Call", "RequestOptions", "Requester"]

_log = logging.getLogger("scenario_async")
ResultT = TypeVar("ResultT")
Parse: TypeAlias = "Callable[[bytes], ResultT | Generator[None, None, ResultT]]"
_MOST_REDIRECTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestOptions:
    """What a single call may add, under the names of the official SDK."""

    extra_headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    extra_query: Mapping[str, object] = field(default_factory=dict[str, object])
    extra_body: object | None = None
    timeout: Timeout | float | NotGiven | None = NOT_GIVEN

    def __post_init__(self) -> None:
        check_headers("extra_headers", self.extra_headers)
        if not isinstance(self.timeout, NotGiven):
            Timeout.of(self.timeout)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is asked for: a path below the base URL, and parameters by their names on the wire."""

    path: str
    parameters: Mapping[str, str]
    method: str = "GET"


class Requester:
    """Sends calls for one client and its options.

    Attributes:
        loop_budget: For whatever else holds the loop of this client.
    """

    def __init__(
        self,
        options: ClientOptions,
        *,
        transport: Transport,
        pacer: Pacer,
        lifetime: Lifetime,
        clock: Clock,
    ) -> None:
        self._options = options
        self._lifetime = lifetime
        self._transport = transport
        self._pacer = pacer
        self._clock = clock
        self.loop_budget: LoopBudget = transport.loop_budget

    def check_usable(self) -> None:
        """Raises UsageError where no call could be sent: closed, or on a wrong event loop."""
        self._transport.check_usable()

    @property
    def scarce(self) -> bool:
        """Whether requests are limited now, so that none may be made in vain."""
        return self._pacer.scarce

    async def call(self, call: Call, parse: Parse[ResultT], options: RequestOptions) -> ResultT:
        """Send a call until its answer can be parsed, or it is time to give up.

        ``parse`` returns what an answer says, or the steps that lead there.

        An answer that ``parse`` finds malformed is worth another attempt: a gateway's error page
        with status 200 is gone a moment later.
        """
        self.check_usable()
        with self._lifetime.call():
            return await self._call(call, parse, options)

    async def _call(self, call: Call, parse: Parse[ResultT], options: RequestOptions) -> ResultT:
        limits = self._options.timeout
        if not isinstance(options.timeout, NotGiven):
            limits = Timeout.of(options.timeout)
        deadline = Deadline(self._clock, limits.total)
        request = self._request(call, options)

        async def attempt(number: int) -> ResultT:
            # Making a request takes a part of a millisecond, and walks make many at once.
            await self.loop_budget.take()
            response = await self._send_once(call, request, number, limits, deadline)
            try:
                return await self._parse(parse, response.body)
            except APIResponseValidationError as error:
                error.status_code = response.status
                error.request_id = request_id(response.headers)
                raise

        def before_pause(number: int, wait: float, error: APIError) -> None:
            _log.debug("%s %s: retrying in %.2f s: %s", call.method, call.path, wait, error)
            event = RetryEvent(
                method=call.method, path=call.path, attempt=number, wait=wait, error=error
            )
            emit(self._options.event_hooks.on_retry, event)

        return await call_with_retries(
            attempt,
            max_retries=self._options.max_retries,
            deadline=deadline,
            budget=self._pacer.retries,
            clock=self._clock,
            pause_left=self._pacer.pause_left,
            before_pause=before_pause,
        )

    async def _parse(self, parse: Parse[ResultT], body: bytes) -> ResultT:
        parsed = await self.loop_budget.run(partial(parse, body), len(body))
        if isinstance(parsed, Generator):
            return await self.loop_budget.finish(cast("Generator[None, None, ResultT]", parsed))
        return parsed

    def _request(self, call: Call, options: RequestOptions) -> HTTPRequest:
        parameters: dict[str, str] = {}
        if self._options.project_id is not None:
            parameters["projectId"] = self._options.project_id
        parameters |= _wire(self._options.default_query)
        parameters |= call.parameters
        parameters |= _wire(options.extra_query)
        query = f"?{urlencode(parameters)}" if parameters else ""
        headers = {
            "Accept": "application/json",
            **self._options.default_headers,
            **options.extra_headers,
        }
        body = None
        if options.extra_body is not None:
            body = encode(options.extra_body)
            headers.setdefault("Content-Type", "application/json")
        return HTTPRequest(
            method=call.method,
            url=f"{self._options.base_url}{call.path}{query}",
            authorization=self._options.credentials.authorization,
            headers=headers,
            body=body,
            max_response_size=self._options.max_response_size,
        )

    async def _send_once(
        self, call: Call, request: HTTPRequest, number: int, limits: Timeout, deadline: Deadline
    ) -> HTTPResponse:
        """One attempt, with the redirects inside the origin that it may meet."""
        async with self._pacer.slot(deadline) as turn:
            try:
                response = await self._follow(call, request, number, limits, deadline)
            except APITimeoutError:
                self._pacer.timed_out(turn)
                raise
        if response.status in HTTP_OK:
            self._pacer.succeeded(turn)
            return response
        error = self._status_error(call, response)
        if isinstance(error, QuotaExceededError):
            # Waiting does not help, so nobody waits. It tells nothing about the rate either.
            pass
        elif isinstance(error, RateLimitError):
            self._pacer.refused(turn, error.retry_after)
        elif response.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            self._pacer.succeeded(turn)
        raise error

    async def _follow(
        self, call: Call, request: HTTPRequest, number: int, limits: Timeout, deadline: Deadline
    ) -> HTTPResponse:
        response = await self._send_and_report(call, request, number, limits, deadline)
        for _ in range(_MOST_REDIRECTS):
            if not is_redirect(response):
                break
            request = replace(request, url=self._target(call, request, response))
            response = await self._send_and_report(call, request, number, limits, deadline)
        return response

    async def _send_and_report(
        self, call: Call, request: HTTPRequest, number: int, limits: Timeout, deadline: Deadline
    ) -> HTTPResponse:
        hooks = self._options.event_hooks
        emit(hooks.on_request, RequestEvent(method=call.method, path=call.path, attempt=number))
        # aiohttp reads a limit of 0 as none; a deadline that has just run out is a tiny one.
        left = deadline.remaining()
        total = None if left is None else max(left, 0.001)
        response = await self._transport.send(request, replace(limits, total=total))
        self._report(call, response, number)
        return response

    def _target(self, call: Call, request: HTTPRequest, response: HTTPResponse) -> str:
        target = redirect_target(request.url, response.headers["location"])
        if target is not None:
            return target
        location = redact(response.headers["location"], self._options.credentials.secrets)
        reason = f"redirect to another origin refused ({location})"
        raise APIStatusError(
            f"{call.method} {call.path}: {reason}: credentials go to the host of base_url only",
            status_code=response.status,
            reason=reason,
            request_id=request_id(response.headers),
        )

    def _status_error(self, call: Call, response: HTTPResponse) -> APIStatusError:
        return error_from_response(
            response,
            request_name=f"{call.method} {call.path}",
            secrets=self._options.credentials.secrets,
        )

    def _report(self, call: Call, response: HTTPResponse, number: int) -> None:
        _log.debug(
            "%s %s: attempt %d answered with %d, %d bytes, in %.3f s",
            call.method,
            call.path,
            number,
            response.status,
            len(response.body),
            response.seconds,
        )
        event = ResponseEvent(
            method=call.method,
            path=call.path,
            attempt=number,
            status_code=response.status,
            seconds=response.seconds,
            size=len(response.body),
            sends=response.sends,
        )
        emit(self._options.event_hooks.on_response, event)


def _wire(parameters: Mapping[str, object]) -> dict[str, str]:
    return {name: wire_value(value) for name, value in parameters.items() if value is not None}
