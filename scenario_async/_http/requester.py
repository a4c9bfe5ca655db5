"""One call to the service: what is asked, by whom, and until when it is tried again."""

from __future__ import annotations

import logging
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast
from urllib.parse import urlencode

from scenario_async._decoding import encode
from scenario_async._errors import APIError, APIResponseValidationError
from scenario_async._events import NO_HOOKS, Operation, told_around
from scenario_async._options import NOT_GIVEN, NotGiven, Timeout, check_headers
from scenario_async._query import wire_value

from .attempt import Attempt
from .call_events import CallEvents
from .clock import Deadline
from .messages import HTTPRequest
from .responses import request_id
from .retry import call_with_retries

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scenario_async._events import ClientHooks
    from scenario_async._options import ClientOptions

    from .clock import Clock
    from .lifetime import Lifetime
    from .loop_budget import LoopBudget
    from .messages import Call
    from .pacing import Pacer
    from .transport import Transport

__all__ = ["Parse", "RequestOptions", "Requester"]

_log = logging.getLogger("scenario_async")
ResultT = TypeVar("ResultT")
Parse: TypeAlias = "Callable[[bytes], ResultT | Generator[None, None, ResultT]]"


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


class Requester:
    """Sends calls for one client and its options.

    Attributes:
        clock: What waits and limits go by.
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
        hooks: ClientHooks,
    ) -> None:
        self._options = options
        self._lifetime = lifetime
        self._transport = transport
        self._pacer = pacer
        self.clock: Clock = clock
        self._hooks = hooks
        self.loop_budget: LoopBudget = transport.loop_budget

    @property
    def scarce(self) -> bool:
        """Whether requests are limited now, so that none may be made in vain."""
        return self._pacer.scarce

    def until_due(self) -> float:
        """Seconds until another request would go out, without a pause of the service."""
        return self._pacer.until_due()

    async def call(
        self,
        call: Call,
        parse: Parse[ResultT],
        options: RequestOptions,
        *,
        parent: int | None = None,
    ) -> ResultT:
        """Send a call until its answer can be parsed, or it is time to give up.

        ``parse`` returns what an answer says, or the steps that lead there.

        An answer that ``parse`` finds malformed is worth another attempt: a gateway's error page
        with status 200 is gone a moment later.

        ``parent`` is the id of the operation that this is a part of.
        """
        hooks = self._hooks.together
        if hooks is NO_HOOKS:
            with self._lifetime.call():
                return await self._call(call, parse, options, None)
        name = f"{call.method} {call.template or call.path}"
        operation = Operation(kind="call", name=name, parent=parent)
        events = CallEvents(
            hooks=hooks,
            call=call,
            operation=operation,
            base_url=self._options.base_url,
            secrets=self._options.credentials.secrets,
            clock=self.clock,
        )
        with self._lifetime.call(), told_around(hooks, operation):
            return await self._call(call, parse, options, events)

    async def _call(
        self,
        call: Call,
        parse: Parse[ResultT],
        options: RequestOptions,
        events: CallEvents | None,
    ) -> ResultT:
        limits = self._options.timeout
        if not isinstance(options.timeout, NotGiven):
            limits = Timeout.of(options.timeout)
        deadline = Deadline(self.clock, limits.total)
        first = Attempt(
            options=self._options,
            transport=self._transport,
            pacer=self._pacer,
            call=call,
            events=events,
            request=self._request(call, options),
            limits=limits,
            deadline=deadline,
        )

        async def attempt(number: int) -> ResultT:
            # Making a request takes a part of a millisecond, and runs make many at once.
            await self.loop_budget.take()
            response = await replace(first, number=number).send()
            try:
                return await self._parse(parse, response.body)
            except APIResponseValidationError as error:
                error.status_code = response.status
                error.request_id = request_id(response.headers, self._options.credentials.secrets)
                raise

        def before_pause(number: int, wait: float, error: APIError) -> None:
            _log.debug("%s: retrying in %.2f s: %s", call, wait, error)
            if events is not None:
                events.retry(number, wait, error)

        return await call_with_retries(
            attempt,
            max_retries=self._options.max_retries,
            deadline=deadline,
            budget=self._pacer.retries,
            sleep=self.clock.sleep if events is None else events.pause,
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


def _wire(parameters: Mapping[str, object]) -> dict[str, str]:
    return {name: wire_value(value) for name, value in parameters.items() if value is not None}
