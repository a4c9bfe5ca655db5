"""What will not change is not tried again; what was sent is in no traceback."""

from __future__ import annotations

import asyncio
import io
import itertools
import ssl
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console
from rich.traceback import Traceback
from support.plain_server import answer, serving

from scenario_async import APIConnectionError, APIError, AsyncScenario, Timeout
from scenario_async._http.connection_errors import bare
from scenario_async.sandbox import NotJSON, ServerError, Stalled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from support.client import Connect
    from support.clocks import FakeClock

    from scenario_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio
# In its debug mode asyncio reports each handshake that is broken off, which is the point here.
without_debug_mode = pytest.mark.parametrize(
    "anyio_backend", [("asyncio", {"debug": False, "use_uvloop": False})], ids=["asyncio"]
)

CERTIFICATE = Path(__file__).with_name("self_signed.pem")


@pytest.fixture
def context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@without_debug_mode
async def test_a_certificate_that_is_refused_is_said_at_once(
    connect: Connect, clock: FakeClock, context: ssl.SSLContext
) -> None:
    async with serving([], context=context) as server:
        async with connect(base_url=f"https://127.0.0.1:{server.port}/v1") as scenario:
            with pytest.raises(APIConnectionError) as caught:
                await scenario.models.private()

    assert caught.value.permanent
    assert f"the certificate of 127.0.0.1:{server.port} is refused: self-signed certificate" in str(
        caught.value
    ).replace("self signed", "self-signed")
    assert not any(clock.slept)


async def test_a_server_that_speaks_no_tls_is_not_asked_again(
    connect: Connect, clock: FakeClock
) -> None:
    pieces = [answer(b"this is plain HTTP")]
    async with serving(pieces, at_once=True) as server:
        async with connect(base_url=f"https://127.0.0.1:{server.port}/v1") as scenario:
            with pytest.raises(APIConnectionError) as caught:
                await scenario.models.private()

    assert caught.value.permanent
    assert server.connections == 1
    assert not any(clock.slept)


async def test_a_connection_that_breaks_in_the_handshake_is_tried_again(
    connect: Connect, clock: FakeClock
) -> None:
    async with serving([], at_once=True) as server:
        base_url = f"https://127.0.0.1:{server.port}/v1"
        async with connect(base_url=base_url, max_retries=2) as scenario:
            with pytest.raises(APIConnectionError) as caught:
                await scenario.models.private()

    assert not caught.value.permanent
    assert server.connections == 3


@pytest.mark.parametrize(
    ("status", "asked"), [("407 Proxy Authentication Required", 1), ("502 Bad Gateway", 3)]
)
async def test_a_proxy_that_refuses_a_login_is_asked_once(
    connect: Connect,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    status: str,
    asked: int,
) -> None:
    async with serving([answer(b"", status=status)]) as proxy:
        monkeypatch.setenv("https_proxy", f"http://user:pass-word@127.0.0.1:{proxy.port}")
        base_url = "https://scenario.invalid/v1"
        async with connect(base_url=base_url, max_retries=2) as scenario:
            with pytest.raises(APIConnectionError) as caught:
                await scenario.models.private()

    assert len(proxy.requests) == asked
    assert caught.value.permanent is (asked == 1)


SECRETS = ("some-api-key", "a-very-secret", "c29tZS1hcGkta2V5", "pass-word", "dXNlcjpwYXNzLXdvcmQ")


@without_debug_mode
@pytest.mark.parametrize(
    "case", ["refused", "timeout", "401", "malformed", "certificate", "proxy", "plain proxy"]
)
async def test_a_traceback_with_locals_shows_no_credentials(
    case: str,
    connect: Connect,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    context: ssl.SSLContext,
) -> None:
    fault = {"timeout": Stalled(), "401": ServerError(401), "malformed": NotJSON()}.get(case)
    if fault is not None:
        sandbox.faults.add(fault, times=None)
    async with (
        serving([], context=context) as server,
        serving([answer(b"", status="407 No")]) as proxy,
    ):
        for kind in ("http", "https"):
            monkeypatch.setenv(f"{kind}_proxy", f"http://user:pass-word@127.0.0.1:{proxy.port}")
        base_url = {
            "refused": "http://127.0.0.1:9/v1",
            "certificate": f"https://127.0.0.1:{server.port}/v1",
            "proxy": "https://scenario.invalid/v1",
            "plain proxy": "http://scenario.invalid/v1",
        }.get(case, sandbox.base_url)
        client = connect(
            api_key="some-api-key",
            api_secret="a-very-secret-secret",
            base_url=base_url,
            max_retries=0,
            timeout=Timeout(read=0.05) if case == "timeout" else Timeout(),
        )
        async with client as scenario:
            with pytest.raises(APIError) as caught:
                await scenario.models.private()

    for shown in with_locals(caught.value):
        assert "scenario_async" in shown
        assert [secret for secret in SECRETS if secret in shown] == []


async def test_a_traceback_of_a_cancellation_shows_no_credentials(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forever() -> Iterator[bytes]:
        request.cancel()
        yield b""
        yield from itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n")

    async with serving(forever()) as proxy:
        monkeypatch.setenv("http_proxy", f"http://user:pass-word@127.0.0.1:{proxy.port}")
        async with connect(
            api_key="some-api-key",
            api_secret="a-very-secret-secret",
            base_url="http://scenario.invalid/v1",
        ) as scenario:

            async def ask() -> object:
                return await scenario.models.private()

            request = asyncio.create_task(ask())
            with pytest.raises(asyncio.CancelledError) as caught:
                await request

    for shown in with_locals(caught.value):
        assert "aiohttp" in shown
        assert [secret for secret in SECRETS if secret in shown] == []


def test_the_cause_of_an_error_has_no_frames_of_aiohttp() -> None:
    with pytest.raises(ValueError, match="inner") as inner:
        raise ValueError("inner")
    with pytest.raises(OSError, match="outer") as outer:
        raise OSError("outer") from inner.value

    assert inner.value.__traceback__ is not None
    assert bare(outer.value) is outer.value
    assert outer.value.__traceback__ is None
    assert inner.value.__traceback__ is None


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"SCENARIO_SDK_API_KEY": "some-api-key"},
        {"SCENARIO_SDK_API_KEY": "some-api-key", "SCENARIO_SDK_JWT": "a-very-secret-jwt"},
        {"SCENARIO_SDK_JWT": "Bearer a-very-secret-jwt"},
        {"SCENARIO_SDK_API_KEY": "some-api-key:", "SCENARIO_SDK_API_SECRET": "a-very-secret"},
    ],
)
def test_a_traceback_of_bad_credentials_shows_nothing_of_the_environment(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_OTHER_VARIABLE", "some-api-key")
    for name in ("API_KEY", "API_SECRET", "JWT"):
        monkeypatch.delenv(f"SCENARIO_SDK_{name}", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match="SCENARIO_SDK") as caught:
        AsyncScenario()

    for shown in with_locals(caught.value):
        assert [secret for secret in SECRETS if secret in shown] == []


def with_locals(error: BaseException) -> Sequence[str]:
    """A traceback with the values of locals, as the standard library and as rich shows it.

    Without the frame of the test itself, which knows the credentials.
    """
    assert error.__traceback__ is not None
    error = error.with_traceback(error.__traceback__.tb_next)
    plain = traceback.TracebackException.from_exception(error, capture_locals=True)
    out = io.StringIO()
    Console(file=out, width=400).print(
        Traceback.from_exception(
            type(error),
            error,
            error.__traceback__,
            show_locals=True,
            locals_max_length=10_000,
            locals_max_string=100_000,
        )
    )
    return "".join(plain.format()), out.getvalue()
