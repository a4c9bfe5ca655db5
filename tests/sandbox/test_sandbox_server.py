"""Starting, stopping, logging, limits, and clients that leave."""

from __future__ import annotations

import asyncio
import gc
import gzip
import http.client
import logging
import socket
import struct
import threading
import zlib
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import urlsplit

import aiohttp
import anyio
import anyio.lowlevel
import pytest
from support.wire import Wire, serving, wired

from scenario_async.sandbox import (
    Catalogue,
    Delayed,
    Dropped,
    Fault,
    RateLimit,
    Sandbox,
    SandboxAccounts,
    ServerError,
    Stalled,
    Truncated,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def small() -> Catalogue:
    return Catalogue.seeded(public=30, private=20)


def until(condition: Callable[[], bool]) -> None:
    """Give the server's thread time to notice something, without a fixed wait."""
    for _ in range(12_000):
        if condition():
            return
        threading.Event().wait(0.005)
    raise AssertionError("it did not happen in a minute")


def test_a_sandbox_in_a_thread_leaves_nothing_behind() -> None:
    # Others may end meanwhile, of whatever was tested before.
    before = set(threading.enumerate())
    sandbox = Sandbox(small())
    with sandbox.in_thread() as running, wired(running) as wire:
        assert running is sandbox
        assert wire.get().status == 200
        assert set(threading.enumerate()) - before
        base_url = sandbox.base_url
    assert set(threading.enumerate()) <= before
    with (
        pytest.raises(ConnectionRefusedError),
        socket.create_connection((urlsplit(base_url).hostname, urlsplit(base_url).port)),
    ):
        pass


def test_a_sandbox_can_run_again() -> None:
    sandbox = Sandbox(small())
    for _ in range(2):
        with sandbox.in_thread(), wired(sandbox) as wire:
            assert wire.get().status == 200
    assert len(sandbox.requests) == 2


def test_a_sandbox_that_does_not_run_has_no_address() -> None:
    sandbox = Sandbox(small())
    with pytest.raises(RuntimeError, match="does not run"):
        _ = sandbox.base_url
    assert "not running" in repr(sandbox)
    assert sandbox.open_connections == 0


def test_a_taken_port_is_an_error_where_it_was_asked_for() -> None:
    with Sandbox(small()).in_thread() as running:
        port = urlsplit(running.base_url).port
        assert port is not None
        second = Sandbox(small(), port=port)
        before = set(threading.enumerate())
        with pytest.raises(OSError, match="address already in use"), second.in_thread():
            pass
        assert set(threading.enumerate()) <= before
    with second.in_thread():
        assert urlsplit(second.base_url).port == port


def test_clients_that_connect_during_the_stop_leave_nothing_behind() -> None:
    for attempt in range(12):
        with Sandbox(small()).in_thread() as sandbox:
            parts = urlsplit(sandbox.base_url)
            clients = [socket.create_connection((parts.hostname, parts.port)) for _ in range(4)]
            if attempt % 2:
                clients[0].sendall(b"GET /v1/models HTTP/1.1\r\nHost: sandbox\r\n\r\n")
        for client in clients:
            client.close()
    gc.collect()  # what was not closed would warn now


def test_a_running_sandbox_does_not_start_twice() -> None:
    with (
        Sandbox(small()).in_thread() as sandbox,
        pytest.raises(RuntimeError, match="runs already"),
        sandbox.in_thread(),
    ):
        pass


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"catalogue": 709}, TypeError),
        ({"behavior": "as documented"}, TypeError),
        ({"rate_limit": 5}, TypeError),
        ({"latency": "1"}, TypeError),
        ({"latency": -1}, ValueError),
    ],
    ids=str,
)
def test_what_no_sandbox_can_be_made_of_is_told_at_once(
    wrong: dict[str, Any], error: type[Exception]
) -> None:
    (name,) = wrong
    with pytest.raises(error, match=f"^{name} must be "):
        Sandbox(**wrong)
    of_many: dict[str, Any] = {"accounts": {}, **wrong}
    if name == "catalogue":
        of_many["accounts"]["a"] = of_many.pop("catalogue")
    with pytest.raises(error, match=f"^{name} must be "):
        SandboxAccounts(**of_many)


def test_what_is_not_a_limit_does_not_take_the_place_of_one() -> None:
    sandbox = Sandbox(Catalogue(), rate_limit=RateLimit(requests=3))
    with pytest.raises(TypeError, match="rate_limit must be a RateLimit or None"):
        sandbox.rate_limit = cast("Any", 5)
    assert sandbox.rate_limit == RateLimit(requests=3)
    sandbox.rate_limit = None
    assert sandbox.rate_limit is None


def test_an_ordinary_sandbox_has_the_size_of_the_public_catalogue() -> None:
    assert len(Sandbox().catalogue.ids("public")) == 709


@pytest.mark.anyio
async def test_a_sandbox_in_the_running_loop_leaves_nothing_behind() -> None:
    tasks, threads = asyncio.all_tasks(), set(threading.enumerate())
    async with Sandbox(small()) as sandbox, aiohttp.ClientSession() as session:
        headers = {"Authorization": f"Bearer {sandbox.bearer_auth}"}
        async with session.get(sandbox.base_url + "/models", headers=headers) as response:
            assert len((await response.json())["models"]) == 20
        assert sandbox.open_connections == 1
    assert asyncio.all_tasks() == tasks
    assert set(threading.enumerate()) <= threads


@pytest.mark.anyio
async def test_serving_forever_ends_by_cancellation() -> None:
    sandbox = Sandbox(small())
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sandbox.serve_forever)
        with anyio.fail_after(30):
            while "not running" in repr(sandbox):
                await anyio.lowlevel.checkpoint()
        assert sandbox.base_url
        tasks.cancel_scope.cancel()
    assert "not running" in repr(sandbox)

    async with sandbox, anyio.create_task_group() as tasks:
        tasks.start_soon(sandbox.serve_forever)
        await anyio.wait_all_tasks_blocked()
        assert "not running" not in repr(sandbox)
        tasks.cancel_scope.cancel()
    assert "not running" in repr(sandbox)


@pytest.mark.anyio
@pytest.mark.parametrize("fault", [Delayed(3_600), Stalled()])
async def test_a_stop_ends_answers_that_are_held_back(fault: Delayed | Stalled) -> None:
    sandbox = Sandbox(small())
    failures: list[Exception] = []

    async def ask(session: aiohttp.ClientSession) -> None:
        headers = {"Authorization": f"Bearer {sandbox.bearer_auth}"}
        try:
            async with session.get(sandbox.base_url + "/models", headers=headers) as response:
                await response.read()
        except aiohttp.ClientError as error:
            failures.append(error)

    with anyio.fail_after(30):
        async with (
            aiohttp.ClientSession() as session,
            anyio.create_task_group() as tasks,
            sandbox,
        ):
            sandbox.faults.add(fault)
            tasks.start_soon(ask, session)
            while len(sandbox.faults):
                await anyio.lowlevel.checkpoint()
    assert len(failures) == 1


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Dropped(), aiohttp.ServerDisconnectedError),
        (Dropped(reset=True), aiohttp.ClientOSError),
        (Truncated(0.3), aiohttp.ClientPayloadError),
        (Truncated(chunked=True), aiohttp.ClientPayloadError),
        (ServerError(), aiohttp.ClientResponseError),
    ],
)
async def test_faults_are_the_same_on_every_event_loop(
    fault: Fault, error: type[aiohttp.ClientError]
) -> None:
    async with (
        Sandbox(small()) as sandbox,
        aiohttp.ClientSession(raise_for_status=True) as session,
    ):
        headers = {"Authorization": f"Bearer {sandbox.bearer_auth}"}
        # aiohttp sends a request on a connection that it used before again: let it meet two.
        sandbox.faults.add(fault, times=2)
        with pytest.raises(error) as caught:
            async with session.get(sandbox.base_url + "/models", headers=headers) as response:
                await response.read()

    assert type(caught.value) is error


def test_a_rate_limit_that_lets_nothing_through_is_refused() -> None:
    for rate, burst in ((0, 1), (-1, 1), (1, 0)):
        with pytest.raises(ValueError, match=r"above 0|at least 1"):
            RateLimit(requests_per_second=rate, burst=burst)
    for requests, seconds in ((0, 1), (1, 0), (1, float("inf"))):
        with pytest.raises(ValueError, match=r"above 0|at least 1"):
            RateLimit(requests=requests, seconds=seconds)


def test_a_log_entry_says_what_was_asked_and_answered() -> None:
    with serving(small()) as (sandbox, wire):
        wire.get("/models", "privacy=public&pageSize=3&privacy=public")
        wire.get("/models/public", "limit=3", headers={"Authorization": "public-auth-token"})
        wire.get("/nothing", headers={"Authorization": "nonsense"})
        first, second, third = sandbox.requests

    assert first.method == "GET"
    assert first.path == "/v1/models"
    assert first.parameters[0] == ("privacy", "public")
    assert len(first.parameters) == 3
    assert first.query == {"privacy": "public", "pageSize": "3"}
    assert [one.status for one in (first, second, third)] == [400, 200, 401]
    assert [one.authorization_kind for one in (first, second, third)] == [
        "basic", "public", "none",
    ]  # fmt: skip
    assert first.when <= second.when <= third.when
    assert [one.number for one in (first, second, third)] == [1, 2, 3]
    assert sandbox.requests[1] is second
    assert list(sandbox.requests[1:]) == [second, third]


def test_an_answer_names_its_request() -> None:
    with serving(small()) as (sandbox, wire):
        wire.get()
        sandbox.reset()
        assert len(sandbox.requests) == 0
        assert wire.get().headers["x-request-id"] == f"sandbox-{sandbox.requests[0].number}"
        assert repr(sandbox.requests) == "<RequestLog of 1 requests>"


def test_the_log_forgets_the_oldest_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scenario_async.sandbox._requests._KEPT_REQUESTS", 2)
    with serving(small()) as (sandbox, wire):
        for _ in range(4):
            wire.get()
        assert [request.number for request in sandbox.requests] == [3, 4]
        assert sandbox.requests.unanswered == 0


def test_the_log_tells_connections_apart() -> None:
    with serving(small()) as (sandbox, wire):
        wire.get()
        wire.get()
        with wired(sandbox) as other:
            other.get()
            assert sandbox.open_connections == 2
        first, second, third = (request.connection for request in sandbox.requests)
        until(lambda: sandbox.open_connections == 1)

    assert first == second != third


def test_the_log_counts_requests_that_wait_at_once() -> None:
    with serving(small()) as (sandbox, wire):
        sandbox.faults.add(Delayed(3_600), times=2)
        with wired(sandbox) as one, wired(sandbox) as other:
            one.send("/models")
            other.send("/models")
            until(lambda: sandbox.requests.unanswered == 2)
        until(lambda: sandbox.requests.unanswered == 0)
        wire.get()
        assert sandbox.requests.most_unanswered == 2
        sandbox.requests.clear()
        assert sandbox.requests.most_unanswered == 0


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br", "gzip"),
        ("deflate", "deflate"),
        ("br, zstd", None),
        ("identity", None),
        ("gzip;q=0, deflate;q=0.5", "deflate"),
        ("GZIP;q=1.0", "gzip"),
        ("*", "gzip"),
        ("", None),
    ],
)
def test_answers_are_compressed_as_accepted(accepted: str, encoding: str | None) -> None:
    with serving(small()) as (sandbox, wire):
        plain = wire.get("/models", "pageSize=10").body
        built, kept = (
            wire.get("/models", "pageSize=10", headers={"Accept-Encoding": accepted})
            for _ in range(2)
        )

    assert built.body == kept.body
    assert built.headers.get("Content-Encoding") == encoding
    assert kept.headers.get("Content-Encoding") == encoding
    assert built.headers["Content-Length"] == str(len(built.body))
    compressed = [request.compressed for request in sandbox.requests]
    assert compressed == [False, encoding is not None, encoding is not None]
    if encoding == "gzip":
        assert gzip.decompress(built.body) == plain
    elif encoding == "deflate":
        assert zlib.decompress(built.body) == plain
    else:
        assert built.body == plain


def test_single_records_are_compressed_and_short_answers_are_not() -> None:
    with serving(small()) as (sandbox, wire):
        headers = {"Accept-Encoding": "gzip"}
        model = wire.get(f"/models/{sandbox.catalogue.ids()[0]}", headers=headers)
        error = wire.get("/models/model_unknown", headers=headers)

    assert model.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in error.headers


def test_compression_can_be_off() -> None:
    with Sandbox(small(), compression=False).in_thread() as sandbox, wired(sandbox) as wire:
        reply = wire.get(headers={"Accept-Encoding": "gzip"})

    assert "Content-Encoding" not in reply.headers


def test_a_small_memory_for_answers_changes_nothing() -> None:
    with Sandbox(small(), cache_bytes=30_000).in_thread() as sandbox, wired(sandbox) as wire:
        for _ in range(2):
            assert wire.walk_ids(pageSize=4) == sandbox.catalogue.ids()
            assert wire.get("/models").ids == sandbox.catalogue.ids()


def test_a_rate_limit_lets_a_burst_through_and_names_whole_seconds() -> None:
    limit = RateLimit(requests_per_second=0.001, burst=3)
    with Sandbox(small(), rate_limit=limit).in_thread() as sandbox, wired(sandbox) as wire:
        replies = [wire.get() for _ in range(5)]

    assert [reply.status for reply in replies] == [200, 200, 200, 429, 429]
    for reply in replies[3:]:
        assert 900 < int(reply.headers["Retry-After"]) <= 1_000


@pytest.mark.parametrize("window", ["sliding", "bucket"])
def test_a_sandbox_that_runs_again_has_counted_no_request(
    window: Literal["sliding", "bucket"],
) -> None:
    sandbox = Sandbox(small(), rate_limit=RateLimit(requests=1, seconds=1_000, window=window))
    for _ in range(2):
        with sandbox.in_thread(), wired(sandbox) as wire:
            assert [wire.get().status for _ in range(2)] == [200, 429]


def test_a_request_over_the_limit_uses_up_no_fault() -> None:
    limit = RateLimit(requests=1, seconds=100, window="sliding")
    with Sandbox(small(), rate_limit=limit).in_thread() as sandbox, wired(sandbox) as wire:
        wire.get()
        sandbox.faults.add(ServerError())
        assert wire.get().status == 429
        assert len(sandbox.faults) == 1


def test_latency_can_change_while_a_sandbox_runs(pauses: list[float]) -> None:
    with Sandbox(small(), latency=0.05).in_thread() as sandbox, wired(sandbox) as wire:
        wire.get()
        sandbox.latency = 3_600
        wire.get()
    assert pauses == [0.05, 3_600]


def leave_before_reading(sandbox: Sandbox, wire: Wire) -> None:
    wire.send("/models", "privacy=public&pageSize=500")
    until(lambda: len(sandbox.requests) > 0)
    assert wire.connection.sock is not None
    wire.connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def leave_in_the_middle(_: Sandbox, wire: Wire) -> None:
    wire.send("/models", "privacy=public&pageSize=500")
    assert wire.connection.sock is not None
    wire.connection.sock.recv(100)


def leave_a_delay(sandbox: Sandbox, wire: Wire) -> None:
    sandbox.faults.add(Delayed(3_600))
    wire.send("/models")
    until(lambda: not len(sandbox.faults))


def leave_a_stall(sandbox: Sandbox, wire: Wire) -> None:
    sandbox.faults.add(Stalled())
    wire.send("/models")
    assert wire.connection.sock is not None
    wire.connection.sock.recv(100)


def leave_half_a_body(sandbox: Sandbox, wire: Wire) -> None:
    wire.connection.putrequest("POST", wire.prefix + "/models/get-bulk")
    wire.connection.putheader("Authorization", wire.authorization)
    wire.connection.putheader("Content-Length", "1000")
    wire.connection.endheaders(b'{"modelIds":')
    until(lambda: len(sandbox.requests) > 0)


def get_dropped(sandbox: Sandbox, wire: Wire) -> None:
    sandbox.faults.add(Dropped(reset=True))
    with pytest.raises(OSError, match=r".+"):
        wire.get()


def get_cut(sandbox: Sandbox, wire: Wire) -> None:
    for chunked in (False, True):
        sandbox.faults.add(Truncated(chunked=chunked))
        with pytest.raises(http.client.IncompleteRead):
            wire.get()
        wire.connection.close()


@pytest.mark.parametrize(
    "leave",
    [
        leave_before_reading,
        leave_in_the_middle,
        leave_a_delay,
        leave_a_stall,
        leave_half_a_body,
        get_dropped,
        get_cut,
    ],
)
def test_a_client_that_leaves_makes_no_noise(
    leave: Callable[[Sandbox, Wire], None],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with caplog.at_level(logging.DEBUG), serving(Catalogue.seeded()) as (sandbox, wire):
        leave(sandbox, wire)
        wire.connection.close()
        until(lambda: sandbox.open_connections == 0)
        until(lambda: sandbox.requests.unanswered == 0)

    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []
    assert capfd.readouterr() == ("", "")


def test_many_clients_at_once_get_what_they_ask_for() -> None:
    catalogue = Catalogue.seeded(public=400, private=300)
    results: list[bool] = []
    with Sandbox(catalogue).in_thread() as sandbox:

        def read_all() -> None:
            with wired(sandbox) as wire:
                results.append(wire.walk_ids(pageSize=50) == catalogue.ids())
                results.append(
                    wire.walk_ids("/models/public", pageSize=50) == catalogue.ids("public")
                )

        threads = [threading.Thread(target=read_all) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert results == [True] * 12


def test_changes_from_other_threads_do_not_disturb_a_walk() -> None:
    catalogue = Catalogue.seeded(public=0, private=200)
    stays = set(catalogue.ids())
    finished = threading.Event()

    def change() -> None:
        while not finished.is_set():
            model_id = catalogue.add()
            catalogue.update(model_id, name="Changed")
            catalogue.delete(model_id)

    with serving(catalogue) as (_, wire):
        thread = threading.Thread(target=change)
        thread.start()
        try:
            listed = wire.walk_ids(pageSize=20)
        finally:
            finished.set()
            thread.join()

    kept = [model_id for model_id in listed if model_id in stays]
    assert len(kept) == len(set(kept)) == len(stays)


def test_an_error_does_not_end_a_connection() -> None:
    with serving(small()) as (sandbox, wire):
        sandbox.faults.add(ServerError(), times=3)
        assert [wire.get().status for _ in range(4)] == [503, 503, 503, 200]
        assert len({request.connection for request in sandbox.requests}) == 1
