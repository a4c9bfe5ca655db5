"""One request to the service, once: the only module of the client that knows aiohttp.

It makes no decision: whether to try again, how long to wait and what an answer means is decided by
its callers.
"""

from __future__ import annotations

import asyncio
import platform
import time
from functools import partial
from io import BytesIO
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp

from scenario_async._errors import UsageError
from scenario_async._version import __version__

from .connection_errors import bare, connection_error, too_large
from .environment import environment_proxy
from .loop_budget import LoopBudget
from .messages import HTTP_OK, LARGEST_ERROR, HTTPResponse

if TYPE_CHECKING:
    from scenario_async._options import Timeout

    from .messages import HTTPRequest
    from .proxies import Proxy

__all__ = ["Transport"]

# What a service says of the size of its answer is not worth more memory than this.
_LARGEST_BUFFER = 16 * 1024 * 1024

USER_AGENT = (
    f"scenario-async/{__version__} Python/{platform.python_version()} aiohttp/{aiohttp.__version__}"
)


class Transport:
    """Owns an aiohttp session, or borrows the caller's.

    Our own session begins with the first request, because aiohttp wants a running loop for it; from
    then on the transport belongs to that loop.

    Attributes:
        loop_budget: For whatever holds that loop.
        closed: Whether :meth:`aclose` was called.
    """

    def __init__(self, session: aiohttp.ClientSession | None) -> None:
        if session is not None and not isinstance(session, aiohttp.ClientSession):  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
            raise TypeError(
                f"session must be an aiohttp.ClientSession, not {type(session).__name__}"
            )
        self._borrowed = session
        self._own: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._proxies: dict[str, Proxy | None] = {}
        self.loop_budget: LoopBudget = LoopBudget()
        self.closed: bool = False

    async def send(self, request: HTTPRequest, limits: Timeout) -> HTTPResponse:
        """Send a request and read the whole answer, or the beginning of one that is not a success.

        Raises:
            APIConnectionError: No whole answer came.
            APIResponseValidationError: The answer is larger than the request allows.
            APITimeoutError: A limit ran out.
            UsageError: After :meth:`aclose`, or on another loop than the first.
        """
        session = self._session()
        sent = SimpleNamespace(count=0)
        headers, options = self._per_request(session, request, sent)
        started = time.monotonic()
        try:
            async with session.request(
                request.method,
                request.url,
                headers=headers,
                data=request.body,
                middlewares=_middlewares(session, request.authorization),
                allow_redirects=False,
                raise_for_status=False,
                timeout=aiohttp.ClientTimeout(
                    total=limits.total,
                    # Name look-up is in `connect` alone, together with the wait for a place in the
                    # pool: ours has no bound, and that of a borrowed session is its owner's.
                    connect=None if session is self._borrowed else limits.connect,
                    sock_connect=limits.connect,
                    sock_read=limits.read,
                ),
                **options,
            ) as response:
                body = await self._read(request, response)
                return HTTPResponse(
                    status=response.status,
                    headers={name.lower(): value for name, value in response.headers.items()},
                    body=body,
                    seconds=time.monotonic() - started,
                    sends=max(1, sent.count),
                )
        except (aiohttp.ClientError, OSError) as error:
            if self.closed and not isinstance(error, TimeoutError):
                raise UsageError("the client was closed while a request was under way") from None
            seconds = time.monotonic() - started
            raise connection_error(error, request, seconds) from bare(error)

    async def _read(self, request: HTTPRequest, response: aiohttp.ClientResponse) -> bytes:
        """The body, as far as it is wanted. What is left of it is never read."""
        wanted = response.status in HTTP_OK
        most = request.max_response_size if wanted else LARGEST_ERROR
        announced = response.content_length or 0
        if "Content-Encoding" in response.headers:
            announced = 0  # that is its size before it inflates
        if announced > most and wanted:
            raise too_large(request, response.status, f"{announced:,} bytes")
        # Joining the pieces of a page in the end would hold the loop, and need its memory twice.
        # The whole value of a buffer is the buffer itself and no copy.
        body = BytesIO(bytes(min(announced, most, _LARGEST_BUFFER)))
        # Pieces as they were received: aiohttp would join all that wait into another copy.
        async for piece, _ in response.content.iter_chunks():
            # Until a piece is taken aiohttp reads little more from its connection, so that turns
            # spread the reading over passes of the loop as well.
            await self.loop_budget.run(partial(body.write, piece), len(piece))
            if body.tell() > most:
                if wanted:
                    raise too_large(request, response.status, "more")
                break
        body.truncate(min(body.tell(), most))
        return body.getvalue()

    def check_usable(self) -> None:
        """Bind to the running loop at the first call.

        Raises:
            UsageError: After :meth:`aclose`, outside a running asyncio loop, or on another loop.
        """
        if self.closed:
            raise UsageError("this client is closed: make a new one")
        if self._borrowed is not None and self._borrowed.closed:
            raise UsageError("the aiohttp session that this client borrowed is closed")
        self._loop = self.check_loop()

    def check_loop(self) -> asyncio.AbstractEventLoop:
        """The running loop.

        Raises:
            UsageError: It is not asyncio's, or not the one of the first request.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise UsageError("this client needs a running asyncio event loop") from None
        if self._loop is not None and self._loop is not loop:
            raise UsageError(
                "this client belongs to another event loop, the one of its first request: "
                "make one client for each loop, and close it there"
            )
        # aiohttp has no public name for it, and fails in another loop with a riddle.
        if getattr(self._borrowed, "_loop", loop) is not loop:
            raise UsageError("the borrowed aiohttp session belongs to another event loop")
        return loop

    async def aclose(self) -> None:
        """Close our own session; a borrowed one stays open. Further calls do nothing."""
        self.closed = True
        if self._own is not None:
            await self._own.close()

    def _session(self) -> aiohttp.ClientSession:
        self.check_usable()
        if self._borrowed is not None:
            return self._borrowed
        if self._own is None:
            self._own = aiohttp.ClientSession(
                # The pacer bounds requests: a second bound in the pool would eat the timeouts.
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                trace_configs=[_count_sends()],
            )
        return self._own

    def _per_request(
        self, session: aiohttp.ClientSession, request: HTTPRequest, sent: SimpleNamespace
    ) -> tuple[dict[str, str], dict[str, Any]]:
        headers = {"User-Agent": USER_AGENT, **request.headers}
        if session is self._borrowed:
            # Proxies, tracing and decompression of a borrowed session are its owner's choice.
            if not session.auto_decompress:
                headers["Accept-Encoding"] = "identity"
            return headers, {}
        proxy = self._proxy_for(request.url)
        if proxy is None:
            return headers, {"trace_request_ctx": sent}
        if request.url.startswith("http:"):
            headers |= proxy.headers
        return headers, {
            "proxy": proxy.url,
            "proxy_headers": proxy.headers,
            "trace_request_ctx": sent,
        }

    def _proxy_for(self, url: str) -> Proxy | None:
        """The proxy of the environment, read once for each host."""
        origin = "://".join(urlsplit(url)[:2])
        if origin not in self._proxies:
            self._proxies[origin] = environment_proxy(url)
        return self._proxies[origin]


def _middlewares(
    session: aiohttp.ClientSession, authorization: str
) -> tuple[aiohttp.ClientMiddlewareType, ...]:
    """The session's own middlewares, and last the one that sets our header.

    As a middleware it wins over the default authentication of a borrowed session and over a
    ``.netrc`` file; as a plain header it would be refused beside either. What is given with a
    request replaces what the session has, and aiohttp has no public name for that
    (https://docs.aiohttp.org/en/stable/client_middleware_cookbook.html).
    """

    async def authorize(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        request.headers["Authorization"] = authorization
        return await handler(request)

    return (*getattr(session, "_middlewares", ()), authorize)


def _count_sends() -> aiohttp.TraceConfig:
    """Counts what goes out: aiohttp itself repeats a request once when its connection breaks."""

    async def on_sent(_session: object, context: SimpleNamespace, _params: object) -> None:
        context.trace_request_ctx.count += 1

    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(on_sent)
    return trace
