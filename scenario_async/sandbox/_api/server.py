"""The network side of a sandbox: the only module here that knows aiohttp. It decides nothing."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from aiohttp import web

from scenario_async.sandbox._answers import Answer, accepted_encoding, compress, reason
from scenario_async.sandbox._catalogue import is_picture
from scenario_async.sandbox._faults import Dropped, Stalled, Truncated
from scenario_async.sandbox._requests import Request

from .access import authorization_kind
from .service import Effects

if TYPE_CHECKING:
    from collections.abc import Callable

    from .account import Account

# How long a stop waits for a client that does not read its answer.
_SHUTDOWN_TIMEOUT: Final = 0.5
_SHORT: Final = 0.001


class Server:
    """Listens on one port and sends what the service answers.

    Args:
        find: Finds the account that a request belongs to, by its ``Authorization`` header.
        latency: Seconds to wait before each answer.
        compression: Whether bodies may be compressed.
    """

    def __init__(
        self,
        find: Callable[[str | None], Account],
        *,
        latency: Callable[[], float],
        compression: bool,
    ) -> None:
        self._find = find
        self._latency = latency
        self._compression = compression
        self._stopping = asyncio.Event()
        # One worker: pages are built off the event loop, and never the same one twice at once.
        self._builder = ThreadPoolExecutor(1, thread_name_prefix="scenario-sandbox-builder")
        self._web = web.Server(self._handle, handler_cancellation=True, access_log=None)
        self._runner = web.ServerRunner(self._web, shutdown_timeout=_SHUTDOWN_TIMEOUT)

    @property
    def open_connections(self) -> int:
        """How many connections are open."""
        return len(self._web.connections)

    async def start(self, host: str, port: int) -> int:
        """Listen, and give the port."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        try:
            await site.start()
        except BaseException:
            await self.stop()
            raise
        return site.port

    async def stop(self) -> None:
        """Stop listening, end what is under way, close every connection."""
        self._stopping.set()
        # asyncio leaks a connection that it accepted in the very turn of the loop in which the
        # listening socket is closed. Timers come after sockets in a turn: behind this one, what was
        # accepted has been set up.
        await asyncio.sleep(_SHORT)
        for site in self._runner.sites:
            await site.stop()
        # Such connections are known to the runner a little later only.
        await _let_callbacks_run()
        await self._runner.cleanup()
        self._builder.shutdown(cancel_futures=True)
        # Transports are closed by callbacks of the loop, which may be closed right after this.
        await _let_callbacks_run()

    async def _handle(self, incoming: web.BaseRequest) -> web.StreamResponse:
        account = self._find(incoming.headers.get("Authorization"))
        request = _request(incoming, account.log.next_number())
        account.log.arrived(request)
        try:
            return await self._respond(incoming, request, account)
        finally:
            account.log.answered(request.number, status=None)

    async def _respond(
        self, incoming: web.BaseRequest, request: Request, account: Account
    ) -> web.StreamResponse:
        # The network that pictures come from has no limit, and is near.
        refusal = None if is_picture(request.path) else account.limiter.refusal(request.when)
        # A request over the limit uses up no fault.
        effects = Effects() if refusal is not None else account.service.effects(request)
        latency = 0.0 if is_picture(request.path) else self._latency()
        if not await self._pause(latency + effects.seconds):
            return _drop(incoming)
        if refusal is not None:
            answer = refusal.answer()
        elif effects.answer is None:
            answer = await self._answer(incoming, request, account)
        elif isinstance(effects.answer, Dropped):
            return _drop(incoming, reset=effects.answer.reset)
        else:
            answer = effects.answer.answer()
        account.log.answered(
            request.number, status=answer.status, compressed=answer.encoding is not None
        )
        headers = _headers(answer, request)
        if effects.cut is not None:
            return await self._send_part(incoming, answer, headers, effects.cut)
        return web.Response(status=answer.status, body=answer.body, headers=headers)

    async def _answer(
        self, incoming: web.BaseRequest, request: Request, account: Account
    ) -> Answer:
        if is_picture(request.path):
            return account.service.picture(request)
        if not account.accepts(incoming.headers.get("Authorization")):
            return reason(401, "Authorization is missing or wrong")
        encoding = None
        if self._compression:
            encoding = accepted_encoding(incoming.headers.get("Accept-Encoding", ""))
        kept = account.service.kept_answer(request, encoding)
        if kept is not None:
            return kept
        try:
            body = await incoming.read()
        except (ConnectionError, web.RequestPayloadError):
            return reason(400, "The body broke off")
        answer = await asyncio.get_running_loop().run_in_executor(
            self._builder, account.service.answer, request, body, encoding
        )
        return answer if answer.encoding is not None else compress(answer, encoding)

    async def _pause(self, seconds: float) -> bool:
        """Wait; tell whether the server still runs."""
        if seconds > 0:
            try:
                await asyncio.wait_for(self._stopping.wait(), seconds)
            except TimeoutError:
                return True
        return not self._stopping.is_set()

    async def _send_part(
        self,
        incoming: web.BaseRequest,
        answer: Answer,
        headers: dict[str, str],
        cut: Truncated | Stalled,
    ) -> web.StreamResponse:
        response = web.StreamResponse(status=answer.status, headers=headers)
        if isinstance(cut, Truncated) and cut.chunked:
            response.enable_chunked_encoding()
        else:
            response.content_length = len(answer.body)
        length = min(int(len(answer.body) * cut.fraction), len(answer.body) - 1)
        await response.prepare(incoming)
        await response.write(answer.body[: max(0, length)])
        if isinstance(cut, Stalled):
            # Ends by cancellation when the client leaves.
            await self._stopping.wait()
        if incoming.transport is not None:
            incoming.transport.close()
        return response


async def _let_callbacks_run() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def _request(incoming: web.BaseRequest, number: int) -> Request:
    transport = incoming.transport
    peer = None if transport is None else transport.get_extra_info("peername")
    return Request(
        number=number,
        method=incoming.method,
        path=incoming.path,
        parameters=tuple(incoming.query.items()),
        authorization_kind=authorization_kind(incoming.headers.get("Authorization")),
        connection="gone" if peer is None else f"{peer[0]}:{peer[1]}",
        user_agent=incoming.headers.get("User-Agent", ""),
        when=time.monotonic(),
    )


def _headers(answer: Answer, request: Request) -> dict[str, str]:
    headers = {"Content-Type": answer.content_type, "x-request-id": f"sandbox-{request.number}"}
    headers.update(answer.headers)
    if answer.encoding is not None:
        headers["Content-Encoding"] = answer.encoding
        headers["Vary"] = "Accept-Encoding"
    return headers


def _drop(incoming: web.BaseRequest, *, reset: bool = False) -> web.Response:
    """Close the connection; aiohttp then finds that it cannot send the response given here."""
    transport = incoming.transport
    if transport is not None:
        if reset:
            _reset_on_close(transport)
        transport.abort()
    return web.Response()


def _reset_on_close(transport: asyncio.Transport) -> None:
    """Make closing send a reset instead of an orderly end.

    The option goes through a second descriptor of the same socket, because what uvloop hands out
    has no ``setsockopt``.
    """
    descriptor = os.dup(transport.get_extra_info("socket").fileno())
    with socket.socket(fileno=descriptor) as same:
        same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
