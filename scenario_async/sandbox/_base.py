"""Starting and stopping the server of a sandbox, in the running event loop or in a thread."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Self

import anyio

from scenario_async.sandbox._api import Account, Server
from scenario_async.sandbox._faults import BASE_PATH


class BaseSandbox(ABC):
    """What a sandbox with one account and one with many have in common: a server.

    Args:
        host: The address to listen on.
        port: The port to listen on; 0 for any free one.
        latency: Seconds to wait before each answer; can be changed while the sandbox runs.
        compression: Whether answers are compressed for clients that ask for it.

    Attributes:
        latency: Seconds to wait before each answer.

    Raises:
        TypeError: ``latency`` is not a number.
        ValueError: It is below 0.
    """

    def __init__(self, *, host: str, port: int, latency: float, compression: bool) -> None:
        if not isinstance(latency, int | float):  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
            raise TypeError(f"latency must be seconds, not {type(latency).__name__}")
        if not latency >= 0:
            raise ValueError(f"latency must be 0 seconds or more, not {latency}")
        self.latency: float = latency
        self._host = host
        self._wanted_port = port
        self._port: int | None = None
        self._compression = compression
        self._server: Server | None = None

    @abstractmethod
    def _find(self, authorization: str | None) -> Account:
        """Find the account that a request with such a header belongs to."""

    @abstractmethod
    def _serve_at(self, origin: str) -> None:
        """Prepare to answer at this address."""

    def _where(self) -> str:
        return "not running" if self._port is None else self.base_url

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

    async def __aenter__(self) -> Self:
        if self._server is not None:
            raise RuntimeError("The sandbox runs already: make another one")
        server = Server(self._find, latency=lambda: self.latency, compression=self._compression)
        self._server = server
        try:
            self._port = await server.start(self._host, self._wanted_port)
            self._serve_at(self._origin(self._port))
        except BaseException:
            self._server = None
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
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


def _serve_in_thread(sandbox: BaseSandbox, started: Future[_Stop]) -> None:
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
