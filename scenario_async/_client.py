"""The client: who asks, how, and on which session."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

from scenario_async._http import Pacer, SystemClock
from scenario_async._pagination import Learned

from ._context import Context
from ._credentials import hidden, resolve_credentials
from ._events import NO_HOOKS
from ._models import Models
from ._options import (
    DEFAULT_BASE_URL,
    DEFAULT_MAX_RESPONSE_SIZE,
    NOT_GIVEN,
    ClientOptions,
    NotGiven,
    Timeout,
    check_base_url,
    given_mapping,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import aiohttp

    from scenario_async._events import EventHooks
    from scenario_async._http.transport import Transport

__all__ = ["AsyncScenario"]


class AsyncScenario:
    """A client of Scenario's model catalogue.

    Use it with ``async with``, or close it with :meth:`aclose`. It may be made outside a running
    event loop; it belongs to the loop of its first request. One client serves any number of tasks.

    Credentials are ``api_key`` and ``api_secret``, or ``bearer_auth`` (a JWT), or ``public=True``
    (public models without an account). Given explicitly they beat the environment, which is read as
    the official SDK reads it: ``SCENARIO_SDK_API_KEY`` and ``SCENARIO_SDK_API_SECRET``, or
    ``SCENARIO_SDK_JWT``.

    Args:
        api_key: With ``api_secret``.
        api_secret: With ``api_key``.
        bearer_auth: The JWT alone, without ``Bearer``.
        public: Ask with the service's public token.
        base_url: Default: ``SCENARIO_BASE_URL``, else the service.
        project_id: Sent with each request that does not say otherwise.
        timeout: Seconds for connecting and for reading of each attempt, or a :class:`Timeout`;
            ``None`` waits for ever. Default: :class:`Timeout` as it is.
        max_retries: How often a failed request is tried again at most. A 429 does not count: it is
            waited out within ``timeout.total``. With 0 nothing is tried again, a 429 neither.
        max_concurrency: How many requests of this client are under way at most. A listing asks for
            8 pages of them at once unless told otherwise.
        requests_per_second: How many requests of this client go out in a second at most, evenly
            spaced; ``None`` for no limit of its own. A limit of the service that is answered with
            429 is found and kept to without it, also by several processes with one key.
        max_response_size: How many bytes of an answer are read at most, counted after
            decompression. A larger one is an :class:`APIResponseValidationError`, and is not asked
            for again. Default: 64 MiB, where a page of 500 models has 1.5 to 2.5 MB.
        session: The caller's own aiohttp session: it is borrowed, and never closed here. Its
            connector, proxies, cookies and tracing are used as they are.
        default_headers: Added to each request. Not ``Authorization``.
        default_query: Added to each request.
        event_hooks: Functions to call with each request, response, retry, wait and page, and with
            the start, the end or the failure of each operation.

    Raises:
        ValueError: No credentials, half a pair, two kinds at once, or an option out of its range.
        TypeError: An option of another type.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        api_secret: str | None = None,
        bearer_auth: str | None = None,
        public: bool = False,
        base_url: str | None = None,
        project_id: str | None = None,
        timeout: Timeout | float | NotGiven | None = NOT_GIVEN,
        max_retries: int = 4,
        max_concurrency: int = 16,
        requests_per_second: float | None = None,
        max_response_size: int = DEFAULT_MAX_RESPONSE_SIZE,
        session: aiohttp.ClientSession | None = None,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, object] | None = None,
        event_hooks: EventHooks | None = None,
    ) -> None:
        # Importing aiohttp takes most of the time, and models, errors and queries do without it.
        from scenario_async._http.transport import Transport  # noqa: PLC0415 - see above

        # What a traceback shows of this frame, it shows without them.
        api_key, api_secret, bearer_auth = hidden(api_key), hidden(api_secret), hidden(bearer_auth)
        options = ClientOptions(
            credentials=resolve_credentials(
                api_key=api_key,
                api_secret=api_secret,
                bearer_auth=bearer_auth,
                public=public,
                environment=os.environ,
            ),
            base_url=check_base_url(
                base_url
                if base_url is not None
                else os.environ.get("SCENARIO_BASE_URL") or DEFAULT_BASE_URL
            ),
            project_id=project_id,
            timeout=Timeout() if isinstance(timeout, NotGiven) else Timeout.of(timeout),
            max_retries=max_retries,
            max_concurrency=max_concurrency,
            requests_per_second=requests_per_second,
            max_response_size=max_response_size,
            default_headers=given_mapping("default_headers", default_headers),
            default_query=given_mapping("default_query", default_query),
            event_hooks=NO_HOOKS if event_hooks is None else event_hooks,
        )
        pacer = Pacer(SystemClock(), max_concurrency, requests_per_second)
        self._bind(options, Transport(session), pacer, Learned())

    def _bind(
        self,
        options: ClientOptions,
        transport: Transport,
        pacer: Pacer,
        learned: Learned,
        parent: Context | None = None,
    ) -> None:
        self._options = options
        self._transport = transport
        self._pacer = pacer
        self._context = Context.of(
            options, transport, pacer, SystemClock(), learned=learned, parent=parent
        )

    @cached_property
    def models(self) -> Models:
        """The model catalogue."""
        return Models(self._context)

    def with_options(
        self,
        *,
        api_key: str | None = None,
        api_secret: str | None = None,
        bearer_auth: str | None = None,
        public: bool = False,
        base_url: str | None = None,
        project_id: str | NotGiven | None = NOT_GIVEN,
        timeout: Timeout | float | NotGiven | None = NOT_GIVEN,
        max_retries: int | None = None,
        max_concurrency: int | None = None,
        requests_per_second: float | NotGiven | None = NOT_GIVEN,
        max_response_size: int | None = None,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, object] | None = None,
        event_hooks: EventHooks | None = None,
    ) -> AsyncScenario:
        """A client with other options on the same session.

        What is left out stays as it is here; headers and query are added to those of this client.
        The new client ends with this one; closing it ends its own listings and calls, and closes
        the session only where no other client on it is in use. Both share their slots, their rate
        and their pauses, unless the new one has other credentials, another host, or is given
        ``max_concurrency`` or ``requests_per_second``: then it has a pace of its own, and knows
        nothing of what the other has learned.

        Raises:
            ValueError: As for a new client, and so is TypeError.
        """
        api_key, api_secret, bearer_auth = hidden(api_key), hidden(api_secret), hidden(bearer_auth)
        old = self._options
        credentials = old.credentials
        if public or not (api_key is None and api_secret is None and bearer_auth is None):
            credentials = resolve_credentials(
                api_key=api_key,
                api_secret=api_secret,
                bearer_auth=bearer_auth,
                public=public,
                environment={},
            )
        headers = given_mapping("default_headers", default_headers)
        query = given_mapping("default_query", default_query)
        options = replace(
            old,
            credentials=credentials,
            base_url=old.base_url if base_url is None else check_base_url(base_url),
            project_id=old.project_id if isinstance(project_id, NotGiven) else project_id,
            timeout=old.timeout if isinstance(timeout, NotGiven) else Timeout.of(timeout),
            max_retries=old.max_retries if max_retries is None else max_retries,
            max_concurrency=old.max_concurrency if max_concurrency is None else max_concurrency,
            requests_per_second=(
                old.requests_per_second
                if isinstance(requests_per_second, NotGiven)
                else requests_per_second
            ),
            max_response_size=(
                old.max_response_size if max_response_size is None else max_response_size
            ),
            default_headers={**old.default_headers, **headers},
            default_query={**old.default_query, **query},
            event_hooks=old.event_hooks if event_hooks is None else event_hooks,
        )
        same_service = options.credentials == old.credentials and options.base_url == old.base_url
        same_pace = max_concurrency is None and isinstance(requests_per_second, NotGiven)
        pacer = self._pacer
        if not (same_service and same_pace):
            pacer = Pacer(SystemClock(), options.max_concurrency, options.requests_per_second)
        same_models = (
            same_service
            and options.project_id == old.project_id
            and options.default_query == old.default_query
        )
        learned = self._context.learned if same_models else Learned()
        derived = object.__new__(type(self))
        derived._bind(options, self._transport, pacer, learned, self._context)
        return derived

    copy = with_options

    def _at_pace_of(self, paced: AsyncScenario) -> AsyncScenario:
        twin = object.__new__(type(self))
        pacer = paced._pacer
        twin._bind(self._options, self._transport, pacer, self._context.learned, self._context)
        twin._context = replace(twin._context, within=paced._context.within)
        return twin

    @property
    def base_url(self) -> str:
        """Where requests go, without a slash at the end."""
        return self._options.base_url

    @property
    def project_id(self) -> str | None:
        """Which project requests are for, where they do not say otherwise."""
        return self._options.project_id

    def add_event_hooks(self, hooks: EventHooks) -> Callable[[], None]:
        """Tell others as well of all that happens from now on, beside ``event_hooks``.

        Also of what clients do that are derived from this one, before or after. What is under way
        may end without a word where it began with none.

        Returns:
            A function that takes them away again.

        Raises:
            TypeError: They are something else.
        """
        return self._context.hooks.add(hooks)

    def is_closed(self) -> bool:
        """Whether the client was closed."""
        return self._context.lifetime.closed

    async def aclose(self) -> None:
        """End all listings and calls under way, and close the session if it is ours.

        Raises:
            UsageError: On another event loop than the one of the first request.
        """
        self._transport.check_loop()
        owns_session = self._context.lifetime.owns_session
        try:
            await self._context.lifetime.aclose()
        finally:
            if owns_session:
                await self._transport.aclose()

    async def close(self) -> None:
        """:meth:`aclose`, by the official SDK's name."""
        await self.aclose()

    async def __aenter__(self) -> Self:
        self._context.lifetime.use()
        # anyio loads its backend at its first use, too slowly for the middle of a request handler.
        await SystemClock().sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __getstate__(self) -> object:  # unlike __reduce__, a subclass that pickles replaces it
        return self._context.__reduce__()

    def __repr__(self) -> str:
        options: ClientOptions | None = getattr(self, "_options", None)
        if options is None:  # as in a traceback of bad arguments, with the values of locals
            return f"<{type(self).__name__}>"
        return f"<{type(self).__name__} {options.base_url} ({options.credentials.kind})>"
