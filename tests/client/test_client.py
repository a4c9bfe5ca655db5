"""The client around its listings: session, loop, environment, headers, events."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
from typing import TYPE_CHECKING, Any, Self

import aiohttp
import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from scenario_async import (
    APIConnectionError,
    AsyncScenario,
    EventHooks,
    RateLimitError,
    RequestEvent,
    ResponseEvent,
    RetryEvent,
    UsageError,
    __version__,
)
from scenario_async.sandbox import Dropped, RateLimited, Sandbox, ServerError

if TYPE_CHECKING:
    from pathlib import Path

    from support.client import Connect
    from support.clocks import FakeClock


pytestmark = pytest.mark.anyio


async def test_the_session_is_ours_to_close(connect: Connect, sandbox: Sandbox) -> None:
    async with connect() as scenario:
        await scenario.models.private()
        assert sandbox.open_connections == 1

    with anyio.fail_after(30):
        while sandbox.open_connections:
            await anyio.lowlevel.checkpoint()


async def test_a_client_works_without_async_with_and_closes_by_either_name(
    connect: Connect,
) -> None:
    for name in ("aclose", "close"):
        scenario = connect()
        assert (await scenario.models.private()).models
        await getattr(scenario, name)()
        assert scenario.is_closed()


async def test_a_client_that_was_never_used_may_just_be_dropped(connect: Connect) -> None:
    connect()
    gc.collect()


async def test_closing_twice_is_fine(connect: Connect) -> None:
    async with connect() as scenario:
        await scenario.models.private()
        await scenario.aclose()


async def test_use_after_close_is_a_clear_error(connect: Connect) -> None:
    scenario = connect()
    await scenario.aclose()

    with pytest.raises(UsageError, match="closed"):
        await scenario.models.private()
    with pytest.raises(UsageError, match="closed"):
        await scenario.models.private().collect()
    with pytest.raises(UsageError, match="closed"):
        await scenario.models.retrieve("model_x")
    with pytest.raises(UsageError, match="closed"):
        async with scenario:
            pass


def test_a_client_made_outside_a_loop_serves_the_first_loop_that_asks_and_no_other(
    connect: Connect,
) -> None:
    scenario = connect()

    async def use() -> None:
        await scenario.models.private()

    async def use_and_close() -> None:
        await use()
        await scenario.aclose()

    with asyncio.Runner() as first, asyncio.Runner() as second:
        first.run(use())
        with pytest.raises(UsageError, match="another event loop"):
            second.run(use())
        with pytest.raises(UsageError, match="another event loop"):
            second.run(scenario.aclose())
        first.run(use_and_close())


async def test_a_borrowed_session_is_never_closed(connect: Connect) -> None:
    async with aiohttp.ClientSession() as session:
        async with connect(session=session) as scenario:
            assert (await scenario.models.private()).models
        assert not session.closed


async def test_a_borrowed_session_may_have_any_defaults(connect: Connect) -> None:
    async def refuse(response: aiohttp.ClientResponse) -> None:
        raise AssertionError(response.status)

    async with aiohttp.ClientSession(
        auto_decompress=False,
        raise_for_status=refuse,
        headers={"Authorization": "Basic d3Jvbmc6d3Jvbmc="},
        timeout=aiohttp.ClientTimeout(total=1e-6),
    ) as session:
        async with connect(session=session) as scenario:
            assert len(await scenario.models.private().collect()) > 100


async def test_middlewares_of_a_borrowed_session_still_run(connect: Connect) -> None:
    seen: list[str] = []

    async def watch(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        seen.append(request.method)
        return await handler(request)

    async with aiohttp.ClientSession(middlewares=(watch,)) as session:
        async with connect(session=session) as scenario:
            await scenario.models.private()

    assert seen == ["GET"]


async def test_a_borrowed_session_that_its_owner_closed_is_a_clear_error(
    connect: Connect,
) -> None:
    async with aiohttp.ClientSession() as session:
        scenario = connect(session=session)

    with pytest.raises(UsageError, match="borrowed"):
        await scenario.models.private()


@pytest.mark.parametrize("borrowed", [False, True])
async def test_a_netrc_file_does_not_replace_our_authorization(
    borrowed: bool,
    connect: Connect,
    sandbox: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login wrong password wrong\n")
    monkeypatch.setenv("NETRC", str(netrc))

    async with contextlib.AsyncExitStack() as stack:
        session = None
        if borrowed:
            session = await stack.enter_async_context(aiohttp.ClientSession(trust_env=True))
        scenario = await stack.enter_async_context(connect(session=session))
        await scenario.models.private()

    assert sandbox.requests[-1].authorization_kind == "basic"
    assert sandbox.requests[-1].status == 200


class Proxy:
    """A proxy that notes what it was asked, and answers like a service without models."""

    def __init__(self) -> None:
        self.requests: list[str] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.requests.append(head)
        body = b'{"models": []}'
        status = "403 Forbidden" if head.startswith("CONNECT") else "200 OK"
        writer.write(
            f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        writer.write(body)
        await writer.drain()
        writer.close()
        await writer.wait_closed()


async def test_a_proxy_of_the_environment_is_used_with_its_login(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Proxy() as proxy:
        monkeypatch.setenv("http_proxy", f"http://us%40er:pass@127.0.0.1:{proxy.port}")
        monkeypatch.setenv("no_proxy", "")
        async with connect(base_url="http://scenario.invalid/v1") as scenario:
            assert (await scenario.models.private()).models == []

    (head,) = proxy.requests
    assert head.startswith("GET http://scenario.invalid/v1/models")
    assert "Proxy-Authorization: Basic dXNAZXI6cGFzcw==" in head
    assert "\r\nAuthorization: Basic" in head


async def test_a_proxy_that_refuses_a_tunnel_learns_no_credentials_and_shows_none(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Proxy() as proxy:
        monkeypatch.setenv("https_proxy", f"http://user:secretpass@127.0.0.1:{proxy.port}")
        monkeypatch.setenv("no_proxy", "")
        async with connect(base_url="https://scenario.invalid/v1", max_retries=0) as scenario:
            with pytest.raises(APIConnectionError) as caught:
                await scenario.models.private()

    (head,) = proxy.requests
    assert str(caught.value).endswith("the proxy answered with 403 Forbidden")
    assert head.startswith("CONNECT scenario.invalid:443")
    assert "\r\nAuthorization:" not in head
    error: BaseException | None = caught.value
    while error is not None:
        assert "dXNlcjpzZWNyZXRwYXNz" not in repr(error)
        assert "secretpass" not in repr(error)
        error = error.__cause__


async def test_a_service_on_this_machine_is_asked_without_a_proxy(
    connect: Connect, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    async with connect() as scenario:
        await scenario.models.private()

    assert len(sandbox.requests) == 1


async def test_a_proxy_of_another_kind_is_a_clear_error(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    async with connect(base_url="http://scenario.invalid/v1", max_retries=0) as scenario:
        with pytest.raises(UsageError, match=r"HTTP_PROXY.*socks5"):
            await scenario.models.private()


async def test_a_server_that_is_not_there_is_an_error_that_says_where(connect: Connect) -> None:
    async with connect(base_url="http://127.0.0.1:9/v1", max_retries=0) as scenario:
        with pytest.raises(APIConnectionError) as caught:
            await scenario.models.private()
    assert str(caught.value) == (
        "GET /v1/models got no whole answer: cannot connect to 127.0.0.1:9: Connection refused"
    )


async def test_a_unix_socket_that_is_not_there_is_told_by_its_path(connect: Connect) -> None:
    connector = aiohttp.UnixConnector("/nowhere/socket")
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        connect(session=session, max_retries=0) as scenario,
    ):
        with pytest.raises(APIConnectionError, match="/nowhere/socket"):
            await scenario.models.private()


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_is_not_there_is_told_from_the_service(
    scheme: str, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{scheme}_proxy", "http://user:secretpass@127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    async with connect(base_url=f"{scheme}://scenario.invalid/v1", max_retries=0) as scenario:
        with pytest.raises(APIConnectionError) as caught:
            await scenario.models.private()
    assert str(caught.value) == (
        "GET /v1/models got no whole answer: "
        "cannot connect to the proxy 127.0.0.1:9: Connection refused"
    )


async def test_events_tell_what_happened(
    connect: Connect, sandbox: Sandbox, clock: FakeClock
) -> None:
    events: list[object] = []
    hooks = EventHooks(
        on_request=events.append,
        on_response=events.append,
        on_retry=events.append,
        on_page=events.append,
    )
    sandbox.faults.add(ServerError(503))
    async with connect(event_hooks=hooks) as scenario:
        await scenario.models.private().collect()

    kinds = [type(event).__name__ for event in events]
    assert kinds == [
        "RequestEvent",
        "ResponseEvent",
        "RetryEvent",
        "RequestEvent",
        "ResponseEvent",
        "PageEvent",
    ]
    request, response, retry = events[0], events[1], events[2]
    assert isinstance(request, RequestEvent)
    assert request == RequestEvent(method="GET", path="/models", attempt=1)
    assert isinstance(response, ResponseEvent)
    assert (response.status_code, response.sends) == (503, 1)
    assert response.seconds > 0
    assert isinstance(retry, RetryEvent)
    assert retry.attempt == 1


async def test_a_hook_that_fails_is_logged_and_costs_nothing(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(_: object) -> None:
        raise ZeroDivisionError

    async with connect(event_hooks=EventHooks(on_request=fails, on_page=fails)) as scenario:
        assert await scenario.models.private().collect()

    assert [r.levelname for r in caplog.records if r.name == "scenario_async"] == ["ERROR"] * 2


async def test_a_request_that_aiohttp_repeats_by_itself_is_counted(
    connect: Connect, sandbox: Sandbox
) -> None:
    responses: list[ResponseEvent] = []
    async with connect(event_hooks=EventHooks(on_response=responses.append)) as scenario:
        await scenario.models.private(page_size=1)
        sandbox.faults.add(Dropped())
        await scenario.models.private(page_size=1)

    assert [event.sends for event in responses] == [1, 2]
    assert [event.attempt for event in responses] == [1, 1]


async def test_debug_logs_tell_each_answer(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="scenario_async")
    async with connect() as scenario:
        await scenario.models.private()

    (record,) = (r for r in caplog.records if r.name == "scenario_async")
    assert "GET /models: attempt 1 answered with 200" in record.getMessage()


async def test_requests_name_this_package_and_carry_the_headers_given() -> None:
    async with Proxy() as server:
        base_url = f"http://127.0.0.1:{server.port}/v1"
        async with AsyncScenario(
            public=True, base_url=base_url, default_headers={"X-Client": "a"}
        ) as scenario:
            await scenario.models.public(extra_headers={"X-Call": "b"})

    (head,) = server.requests
    assert f"User-Agent: scenario-async/{__version__}" in head
    assert "X-Client: a" in head
    assert "X-Call: b" in head
    assert "Authorization: public-auth-token" in head
    assert "Accept-Encoding: gzip, deflate" in head


async def test_other_options_share_the_session(connect: Connect, sandbox: Sandbox) -> None:
    async with connect() as scenario:
        await scenario.models.private()
        async with scenario.with_options(timeout=5, project_id="proj_other") as other:
            await other.models.private()
        await scenario.models.private()

    assert len({request.connection for request in sandbox.requests}) == 1
    assert [r.query.get("projectId") for r in sandbox.requests] == [None, "proj_other", None]


async def test_a_derived_client_ends_with_its_origin(connect: Connect) -> None:
    scenario = connect()
    other = scenario.with_options(max_retries=1)
    await scenario.models.private()
    await scenario.aclose()

    with pytest.raises(UsageError, match="closed"):
        await other.models.private()


async def test_a_derived_client_of_an_unused_one_closes_the_session(
    connect: Connect, sandbox: Sandbox
) -> None:
    async with connect().with_options(max_retries=1) as scenario:
        await scenario.models.private()

    with anyio.fail_after(30):
        while sandbox.open_connections:
            await anyio.lowlevel.checkpoint()


async def test_other_options_may_bring_other_credentials(
    connect: Connect, sandbox: Sandbox
) -> None:
    async with connect() as scenario:
        await scenario.with_options(public=True).models.public()
        await scenario.with_options(bearer_auth=sandbox.bearer_auth).models.private()
        with pytest.raises(ValueError, match="pair"):
            scenario.with_options(api_key="alone")

    assert [r.authorization_kind for r in sandbox.requests] == ["public", "bearer"]


async def test_a_pause_holds_for_the_derived_client_too(
    connect: Connect, sandbox: Sandbox, clock: FakeClock
) -> None:
    sandbox.faults.add(RateLimited(retry_after=30))
    async with connect(max_retries=0) as scenario:
        with pytest.raises(RateLimitError):
            await scenario.models.private()
        await scenario.with_options(project_id="other").models.private()

    assert sum(clock.slept) >= 30


async def test_the_environment_names_of_the_official_sdk_are_read(
    connect: Connect, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect()
    monkeypatch.setenv("SCENARIO_BASE_URL", sandbox.base_url)
    monkeypatch.setenv("SCENARIO_SDK_JWT", sandbox.bearer_auth)
    async with AsyncScenario() as scenario:
        await scenario.models.private()
        assert scenario.base_url == sandbox.base_url
    monkeypatch.setenv("SCENARIO_SDK_JWT", "")
    monkeypatch.setenv("SCENARIO_SDK_API_KEY", "wrong")
    monkeypatch.setenv("SCENARIO_SDK_API_SECRET", "wrong")
    async with AsyncScenario(bearer_auth=sandbox.bearer_auth) as scenario:
        await scenario.models.private()

    assert [r.authorization_kind for r in sandbox.requests] == ["bearer", "bearer"]


@pytest.mark.parametrize("configured", [None, "https://other.example/v1"])
async def test_an_empty_base_url_is_not_the_usual_service(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, configured: str | None
) -> None:
    connect()
    if configured is not None:
        monkeypatch.setenv("SCENARIO_BASE_URL", configured)
    with pytest.raises(ValueError, match="base_url must be an absolute URL"):
        connect(base_url="")


async def test_any_running_loop_will_do_but_one_of_asyncio_it_must_be(connect: Connect) -> None:
    scenario = connect()
    coroutine = scenario.models.retrieve("model_x")
    with pytest.raises(UsageError, match="asyncio"):
        await anyio.to_thread.run_sync(coroutine.send, None)


async def test_a_walk_outside_asyncio_is_refused_as_clearly(connect: Connect) -> None:
    walk = aiter(connect().models.private())
    with pytest.raises(UsageError, match="asyncio"):
        await anyio.to_thread.run_sync(anext(walk).__await__().send, None)


async def test_closing_ends_a_call_that_waits_for_another_attempt(
    connect: Connect, sandbox: Sandbox
) -> None:
    sandbox.faults.add(RateLimited(retry_after=60))
    retrying = asyncio.Event()
    scenario = connect(event_hooks=EventHooks(on_retry=lambda _: retrying.set()))
    call = asyncio.create_task(scenario.models.retrieve("model_x"))
    await retrying.wait()

    await scenario.aclose()

    with anyio.fail_after(30):
        with pytest.raises(UsageError, match="closed"):
            await call


async def test_closing_a_derived_client_leaves_its_sibling_the_session(connect: Connect) -> None:
    base = connect()
    async with base.with_options(timeout=30) as slow:
        await slow.models.private(page_size=1)
        async with base.with_options(timeout=5) as fast:
            await fast.models.private(page_size=1)
        assert (await slow.models.private(page_size=1)).models


async def test_a_borrowed_session_of_another_loop_is_a_clear_error(connect: Connect) -> None:
    def in_another_loop() -> None:
        async def use() -> None:
            await connect(session=session).models.private()

        with pytest.raises(UsageError, match="borrowed"):
            asyncio.run(use())

    async with aiohttp.ClientSession() as session:
        await anyio.to_thread.run_sync(in_another_loop)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"session": "x"}, TypeError),
        ({"event_hooks": print}, TypeError),
        ({"default_headers": {"X": 5}}, TypeError),
        ({"default_headers": {"X": "a\nb"}}, ValueError),
        ({"default_headers": {5: "a"}}, TypeError),
        ({"default_headers": {"X Y": "a"}}, ValueError),
        ({"default_headers": {"": "a"}}, ValueError),
        ({"default_headers": {"X-Line: c2VjcmV0c2VjcmV0": ""}}, ValueError),
        ({"default_headers": {"X-Line: c2VjcmV0c2VjcmV0": 5}}, ValueError),
        ({"default_headers": {b"X-Line: c2VjcmV0c2VjcmV0": "a"}}, TypeError),
        ({"default_headers": [("X", "a")]}, TypeError),
        ({"default_headers": ""}, TypeError),
        ({"default_query": 5}, TypeError),
        ({"default_query": "a=b"}, TypeError),
        ({"default_query": {5: "a"}}, TypeError),
        ({"public": "no"}, TypeError),
        ({"project_id": ""}, ValueError),
        ({"project_id": 5}, TypeError),
        ({"timeout": "5"}, TypeError),
    ],
    ids=repr,
)
async def test_an_option_that_cannot_work_is_refused_at_once_by_its_name(
    options: dict[str, Any], error: type[Exception], connect: Connect
) -> None:
    (name,) = options
    with pytest.raises(error, match=f"^{name}") as caught:
        connect(**options)
    assert "c2VjcmV0c2VjcmV0" not in str(caught.value)
    if name == "session":
        return
    async with connect() as scenario:
        with pytest.raises(error, match=f"^{name}"):
            scenario.with_options(**options)
        of_a_call = {name.replace("default_", "extra_"): options[name]}
        if name not in {"event_hooks", "public"}:
            with pytest.raises(error, match=f"^{next(iter(of_a_call))}"):
                scenario.models.private(**of_a_call)
            with pytest.raises(error, match=f"^{next(iter(of_a_call))}"):
                await scenario.models.retrieve("model", **of_a_call)


async def test_a_function_that_would_have_to_be_awaited_is_refused(connect: Connect) -> None:
    async def take(_: object) -> None:
        raise AssertionError

    with pytest.raises(TypeError, match="on_page"):
        EventHooks(on_page=take)
    async with connect() as scenario:
        with pytest.raises(TypeError, match="on_invalid"):
            scenario.models.private(on_invalid=take)


async def test_a_429_without_a_hint_pauses_the_client_also_when_its_call_gives_up(
    connect: Connect, sandbox: Sandbox, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.uniform", max)
    sandbox.faults.add(RateLimited())
    async with connect(max_retries=0) as scenario:
        with pytest.raises(RateLimitError):
            await scenario.models.private()
        await scenario.models.private()

    assert sum(clock.slept) > 0
