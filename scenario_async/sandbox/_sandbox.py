"""The sandbox: a catalogue, faults and a log around a server."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

import anyio

from scenario_async.sandbox._api import Behavior, Credentials, Limiter, RateLimit, Server, Service
from scenario_async.sandbox._catalogue import Catalogue
from scenario_async.sandbox._faults import BASE_PATH, FaultSchedule

from ._requests import RequestLog

if TYPE_CHECKING:
    from types import TracebackType


class Sandbox:
    """A Scenario API on this machine, for trying, testing and measuring.

    ``async with Sandbox() as sandbox:`` serves in the running event loop;
    ``with Sandbox().in_thread() as sandbox:`` serves in a thread with its own loop, for programs
    that are not asynchronous or that measure their own loop. Either way nothing is left behind.

    Args:
        catalogue: What is listed; an ordinary seeded catalogue if left out.
        host: The address to listen on.
        port: The port to listen on; 0 for any free one.
        latency: Seconds to wait before each answer; can be changed while the sandbox runs.
        rate_limit: How many requests are taken, ``None`` for all.
        behavior: How the service behaves where it is not known; as measured if left out.
        api_key: The API key that is accepted.
        api_secret: The API secret that is accepted.
        bearer_auth: The JWT that is accepted.
        compression: Whether answers are compressed for clients that ask for it.
        cache_bytes: How much memory may go to ready answers, which make a sandbox fast enough to
            measure clients with.

    Attributes:
        catalogue: What is listed.
        faults: The faults to show.
        requests: The requests so far.
        latency: Seconds to wait before each answer.
        behavior: How the service behaves where it is not known.
        api_key: The API key that is accepted.
        api_secret: The API secret that is accepted.
        bearer_auth: The JWT that is accepted.
    """

    def __init__(
        self,
        catalogue: Catalogue | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        latency: float = 0.0,
        rate_limit: RateLimit | None = None,
        behavior: Behavior | None = None,
        api_key: str = "sandbox-key",
        api_secret: str = "sandbox-secret",  # noqa: S107 -- invented, for the sandbox only
        bearer_auth: str = "sandbox-jwt",
        compression: bool = True,
        cache_bytes: int = 256 * 1024 * 1024,
    ) -> None:
        self.catalogue: Catalogue = Catalogue.seeded() if catalogue is None else catalogue
        self.faults: FaultSchedule = FaultSchedule()
        self.requests: RequestLog = RequestLog()
        self.latency = latency
        self.behavior: Behavior = Behavior() if behavior is None else behavior
        self.api_key = api_key
        self.api_secret = api_secret
        self.bearer_auth = bearer_auth
        self._host = host
        self._wanted_port = port
        self._port: int | None = None
        self._rate_limit = rate_limit
        self._compression = compression
        self._service = Service(self.catalogue, self.faults, self.behavior, cache_bytes=cache_bytes)
        self._server: Server | None = None

    def __repr__(self) -> str:
        where = "not running" if self._port is None else self.base_url
        return f"<{type(self).__name__} {where}, {self.catalogue!r}>"

    @property
    def base_url(self) -> str:
        """Where the API is, such as ``http://127.0.0.1:8123/v1``.

        Raises:
            RuntimeError: The sandbox does not run.
        """
        if self._port is None:
            raise RuntimeError("The sandbox does not run: use `async with` or `in_thread()` first")
        return f"{self._origin(self._port)}{BASE_PATH}"

    def _origin(self, port: int) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{port}"

    @property
    def open_connections(self) -> int:
        """How many connections clients hold open."""
        return 0 if self._server is None else self._server.open_connections

    def record(self, model_id: str) -> bytes:
        """Return the record of a model as listings carry it: JSON, with URLs of this sandbox.

        Raises:
            KeyError: There is no such model.
        """
        return self._service.record(self.catalogue.get(model_id))

    def reset(self) -> None:
        """Forget the faults and the logged requests; the catalogue stays as it is."""
        self.faults.clear()
        self.requests.clear()

    async def __aenter__(self) -> Self:
        if self._server is not None:
            raise RuntimeError("The sandbox runs already: make another one")
        limit = self._rate_limit
        server = Server(
            self._service,
            Credentials(self.api_key, self.api_secret, self.bearer_auth),
            self.requests,
            latency=lambda: self.latency,
            limiter=None if limit is None else Limiter(limit, time.monotonic()),
            compression=self._compression,
        )
        self._server = server
        try:
            self._port = await server.start(self._host, self._wanted_port)
            self._service.serve_at(self._origin(self._port))
        except BaseException:
            self._server = None
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        server, self._server, self._port = self._server, None, None
        if server is not None:
            # A cancelled block is the usual way to leave, and must not cut the cleaning up short.
            with anyio.CancelScope(shield=True):
                await server.stop()

    async def serve_forever(self) -> None:
        """Serve until cancelled; starts the sandbox, unless ``async with`` has done so."""
        for_ever = asyncio.Event()
        if self._server is not None:
            await for_ever.wait()
        else:
            async with self:
                await for_ever.wait()

    @contextmanager
    def in_thread(self) -> Generator[Self]:
        """Serve in a thread of its own until the ``with`` block is left."""
        started: Future[_Stop] = Future()
        thread = threading.Thread(
            target=_serve_in_thread, args=(self, started), name="scenario-sandbox", daemon=True
        )
        thread.start()
        try:
            stop = started.result()
        except BaseException:
            thread.join()
            raise
        try:
            yield self
        finally:
            stop()
            thread.join()


_Stop = Callable[[], object]


def _serve_in_thread(sandbox: Sandbox, started: Future[_Stop]) -> None:
    """Serve until the function is called that ``started`` comes to hold."""

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        async with sandbox:
            started.set_result(lambda: loop.call_soon_threadsafe(stopped.set))
            await stopped.wait()

    try:
        asyncio.run(serve())
    except BaseException as error:
        if started.done():
            raise
        # It belongs to whoever waits for the start.
        started.set_exception(error)
