"""Pictures over sockets: looked up together, fetched once, kept, and nothing but pictures."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import anyio
import pytest
from aiohttp import web
from support.client import until
from support.plain_server import answer, serving
from yarl import URL

from scenario_async.gallery._pictures import Picture, Pictures, pictures_routes
from scenario_async.gallery._pictures.disk_cache import file_name
from scenario_async.gallery._pictures.downloads import Downloads, NoPictureError, checked_url
from scenario_async.sandbox import (
    Behavior,
    Catalogue,
    ExpiredURL,
    Fault,
    NotJSON,
    PictureContent,
    Redirect,
    Sandbox,
    ServerError,
    Stalled,
    Truncated,
)
from scenario_async.sandbox._catalogue.pictures import picture

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from contextlib import AbstractAsyncContextManager

    from support.client import Connect, Leftovers

    from scenario_async import AsyncScenario
    from scenario_async.pytest_plugin import SandboxFactory

    Show = Callable[..., AbstractAsyncContextManager["Shown"]]

pytestmark = pytest.mark.anyio

ASSETS = "/v1/assets/get-bulk"
PNG = b"\x89PNG\r\n\x1a\n"


class Shown:
    """A browser that looks at pictures."""

    def __init__(self, pictures: Pictures, origin: str, browser: aiohttp.ClientSession) -> None:
        self.pictures = pictures
        self._origin = origin
        self._browser = browser

    async def get(self, asset_id: str, **headers: str) -> tuple[aiohttp.ClientResponse, bytes]:
        url = f"{self._origin}/preview/{asset_id}?label=AB"
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self._browser.get(url, headers=sent) as response:
            return response, await response.read()

    async def is_drawn(self, asset_id: str) -> bool:
        """Whether the picture is a placeholder; else it must be the one of the sandbox."""
        response, body = await self.get(asset_id)
        assert response.status == 200
        if response.content_type == "image/svg+xml":
            assert "ETag" not in response.headers
            assert response.headers["Cache-Control"] == "private, max-age=10"
            assert b"script" not in body
            return True
        assert (response.content_type, body) == ("image/png", picture(asset_id))
        return False


@pytest.fixture
def show(folder: Path) -> Show:
    """Serves pictures that are kept in one folder."""

    @asynccontextmanager
    async def serve(scenario: AsyncScenario | None, **options: Any) -> AsyncGenerator[Shown]:
        # So long only where a test fails.
        options = {"folder": folder, "timeout": 30.0, **options}
        async with Pictures(scenario=scenario, **options) as pictures:
            app = web.Application()
            app.add_routes(pictures_routes(pictures))
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            try:
                async with aiohttp.ClientSession() as browser:
                    yield Shown(pictures, f"http://127.0.0.1:{site.port}", browser)
            finally:
                await runner.cleanup()

    return serve


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where pictures are kept."""
    return tmp_path / "kept"


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def asset_ids(catalogue: Catalogue, sandbox: Sandbox) -> list[str]:
    """Assets of 230 models."""
    return [_example(sandbox, model_id) for model_id in catalogue.ids("public")]


def _example(sandbox: Sandbox, model_id: str) -> str:
    record = sandbox.record(model_id).decode()
    return record.partition('"exampleAssetIds":["')[2].partition('"')[0]


def lookups(sandbox: Sandbox) -> int:
    return sum(request.path == ASSETS for request in sandbox.requests)


def downloads(sandbox: Sandbox) -> int:
    return sum(request.path.startswith("/assets/") for request in sandbox.requests)


async def test_a_page_of_pictures_costs_one_request_and_later_none(
    show: Show, scenario: AsyncScenario, asset_ids: list[str], sandbox: Sandbox
) -> None:
    page = asset_ids[:24]
    async with show(scenario) as shown:
        shown.pictures.expect([*page, "not an id"])
        # As browsers do: some at a time, and not all at once.
        for first in range(0, 24, 6):
            some = page[first : first + 6]
            assert [await shown.is_drawn(one) for one in some] == [False] * 6
        assert (lookups(sandbox), downloads(sandbox)) == (1, 24)
    assert {request.authorization_kind for request in sandbox.requests} == {"basic", "none"}
    sandbox.requests.clear()

    async with show(scenario) as shown:
        assert [await shown.is_drawn(one) for one in page] == [False] * 24
    async with show(None) as shown:
        assert not await shown.is_drawn(page[0])
        assert await shown.is_drawn(asset_ids[30])
    assert not sandbox.requests


@pytest.mark.one_loop
async def test_many_at_once_are_asked_for_by_the_hundreds_and_each_once(
    show: Show, scenario: AsyncScenario, asset_ids: list[str], sandbox: Sandbox
) -> None:
    sandbox.faults.add(PictureContent(PNG), times=None)
    async with show(scenario) as shown:
        shown.pictures.expect(asset_ids)
        opened = await asyncio.gather(*map(shown.pictures.open, [*asset_ids, *asset_ids]))
    assert opened == [Picture(PNG, "image/png")] * 2 * len(asset_ids)
    assert (lookups(sandbox), downloads(sandbox)) == (2, len(asset_ids))


async def test_a_url_that_has_expired_is_looked_up_anew_once(
    show: Show,
    scenario: AsyncScenario,
    asset_ids: list[str],
    sandbox: Sandbox,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    sandbox.faults.add(ExpiredURL())
    async with show(scenario) as shown:
        assert not await shown.is_drawn(asset_ids[0])
        assert (lookups(sandbox), downloads(sandbox)) == (2, 2)
        sandbox.faults.add(ExpiredURL(), times=None)
        # What fails is left alone for a while.
        assert [await shown.is_drawn(asset_ids[1]) for _ in range(3)] == [True] * 3
        assert (lookups(sandbox), downloads(sandbox)) == (4, 4)
    assert f"no picture of the asset {asset_ids[1]}: it was refused with 403" in caplog.text
    for secret in ("Signature", "Policy", sandbox.api_secret):
        assert secret not in caplog.text


async def test_without_the_service_what_was_seen_is_there_and_nothing_is_asked_twice(
    show: Show, connect: Connect, scenario_sandbox_factory: SandboxFactory, asset_ids: list[str]
) -> None:
    sandbox = scenario_sandbox_factory(Catalogue.seeded(public=230, private=136, collections=3))
    async with connect(base_url=sandbox.base_url, max_retries=0) as scenario:
        async with show(scenario) as shown:
            assert not await shown.is_drawn(asset_ids[0])
            sandbox.faults.add(ServerError(), times=None)
            sandbox.requests.clear()
            assert not await shown.is_drawn(asset_ids[0])
            assert [await shown.is_drawn(one) for one in asset_ids[1:9]] == [True] * 8
            assert lookups(sandbox) == 1


async def test_a_service_that_refuses_pictures_is_not_asked_again_and_again(
    show: Show, connect: Connect, catalogue: Catalogue, scenario_sandbox_factory: SandboxFactory
) -> None:
    sandbox = scenario_sandbox_factory(catalogue, behavior=Behavior(assets="refused"))
    async with connect(base_url=sandbox.base_url) as scenario, show(scenario) as shown:
        assert [await shown.is_drawn(f"asset_{one}") for one in range(5)] == [True] * 5
    assert lookups(sandbox) == 1


async def test_assets_that_the_service_does_not_have_are_drawn(
    show: Show, scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    async with show(scenario) as shown:
        for asset_id in ("asset_unknown", "asset_unknown", "%2e%2e%2fsecret", "x" * 300, "%7B%7D"):
            assert await shown.is_drawn(asset_id)
    assert lookups(sandbox) == 1


@pytest.mark.parametrize(
    "fault",
    [
        PictureContent(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
        PictureContent(b"<script>alert(1)</script>", "text/html"),
        PictureContent(b"<script>alert(1)</script>", "image/png"),
        PictureContent(PNG, "application/octet-stream"),
        PictureContent(b"", "image/png"),
        PictureContent(PNG + bytes(16_000_000), "image/png"),
        NotJSON("html"),
        ServerError(502),
        Truncated(),
        Redirect("file:///etc/passwd"),
        Redirect("http://someone:secret@127.0.0.1/"),
        Redirect("http://[::1/"),
        Redirect("/assets/asset_a"),
    ],
    ids=lambda fault: repr(fault)[:50],
)
async def test_what_is_no_picture_is_never_shown(
    fault: Fault, show: Show, scenario: AsyncScenario, asset_ids: list[str], sandbox: Sandbox
) -> None:
    sandbox.faults.add(fault, times=None, pictures=True)
    async with show(scenario) as shown:
        assert await shown.is_drawn(asset_ids[0])
    assert downloads(sandbox) <= 4
    async with show(None) as shown:
        assert await shown.is_drawn(asset_ids[0])


async def test_a_picture_without_end_is_not_read_to_its_end(
    show: Show, scenario: AsyncScenario, asset_ids: list[str], sandbox: Sandbox
) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n" + PNG
    async with serving([head, *[bytes(1_000_000)] * 100]) as server:
        sandbox.faults.add(Redirect(f"http://127.0.0.1:{server.port}/"), pictures=True)
        async with show(scenario) as shown:
            assert await shown.is_drawn(asset_ids[0])
    assert server.written < 50_000_000


@pytest.mark.parametrize(
    ("status", "headers", "reason"),
    [
        ("200 OK", {"Content_Encoding": "gzip"}, "compressed"),
        ("302 Found", {"Location": "http://127.0.0.1/"}, "redirected to this machine"),
        ("302 Found", {"Location": "/a.png"}, "redirected too often"),
    ],
)
async def test_odd_answers_of_other_hosts_are_no_pictures(
    status: str, headers: dict[str, str], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = [answer(PNG, status=status, **headers).replace(b"application/json", b"image/png")]
    async with serving(pieces) as proxy:
        monkeypatch.setenv("http_proxy", f"http://user:pass@127.0.0.1:{proxy.port}")
        async with Downloads(most_bytes=99, seconds=30, at_once=1) as fetching:
            with pytest.raises(NoPictureError, match=reason) as raised:
                await fetching.fetch("http://cdn.sandbox.invalid/a.png?Signature=secret")
    assert "secret" not in str(raised.value)
    # The proxy of the environment was asked, with what is for it.
    request = proxy.requests[0]
    assert len(proxy.requests) <= 4
    assert request.startswith(b"GET http://cdn.sandbox.invalid/a.png?Signature=secret ")
    assert b"Proxy-Authorization: Basic" in request
    assert b"\r\nAuthorization" not in request


@pytest.mark.parametrize(
    "host",
    [
        *("127.1", "0x7f000001", "[::ffff:127.0.0.1]", "127\u30020\u30020\u30021", "LOCALHOST."),
        *("169.254.169.254", "10.0.0.1", "[fe80::1%25lo]", "[fd00::1]", "0", "2130706433"),
    ],
)
def test_no_redirect_leads_from_elsewhere_into_this_machine_or_its_network(host: str) -> None:
    with pytest.raises(NoPictureError, match="this machine or its network"):
        checked_url(f"https://{host}/a.png", URL("https://cdn.sandbox.invalid/"))
    # A sandbox, or a service of one's own, may redirect to its like.
    assert checked_url(f"http://{host}/a.png", URL("http://192.168.1.1/")).path == "/a.png"
    assert checked_url("https://1.1.1.1/", URL("https://cdn.sandbox.invalid/")).host == "1.1.1.1"


@pytest.mark.parametrize(
    "host", ["a..b", "x" * 70 + ".invalid", "127.0.0.1:99999", "127.0.0.1:-1", "\ud800", "\u0130.x"]
)
async def test_a_url_that_nobody_could_ask_for_is_no_picture(host: str) -> None:
    async with Downloads(most_bytes=99, seconds=30, at_once=1) as fetching:
        with pytest.raises(NoPictureError, match="could not be fetched"):
            await fetching.fetch(f"http://{host}/a.png?Signature=secret")


async def test_no_url_leads_from_https_to_http_or_logs_in() -> None:
    with pytest.raises(NoPictureError, match="from HTTPS to HTTP"):
        checked_url("http://cdn.sandbox.invalid/a.png", URL("https://cdn.sandbox.invalid/"))
    with pytest.raises(NoPictureError, match="without a user"):
        checked_url("https://someone:secret@cdn.sandbox.invalid/a.png", None)
    after = checked_url("/b%2fc?d=%7e", URL("https://cdn.sandbox.invalid/a"))
    assert str(after) == "https://cdn.sandbox.invalid/b%2fc?d=%7e"


@asynccontextmanager
async def held(asset_id: str) -> AsyncGenerator[tuple[str, asyncio.Event, asyncio.Event]]:
    """Serves a picture: where, whether it was asked for, and what lets it go."""
    asked, let_go = asyncio.Event(), asyncio.Event()

    async def handle(_: web.BaseRequest) -> web.StreamResponse:
        asked.set()
        await let_go.wait()
        return web.Response(body=picture(asset_id), content_type="image/png")

    runner = web.ServerRunner(web.Server(handle, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{site.port}/", asked, let_go
    finally:
        let_go.set()
        await runner.cleanup()


async def test_a_picture_that_takes_long_is_drawn_meanwhile_and_there_later(
    show: Show,
    scenario: AsyncScenario,
    asset_ids: list[str],
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with held(asset_ids[0]) as (url, asked, let_go), show(scenario, timeout=60) as shown:
        sandbox.faults.add(Redirect(url), pictures=True)
        first = asyncio.create_task(shown.pictures.open(asset_ids[0]))
        await asked.wait()
        first.cancel()
        monkeypatch.setattr(
            "scenario_async.gallery._pictures.pictures._now",
            lambda: asyncio.get_running_loop().time() + 60,
        )
        # Nobody waits as long again for the same.
        with anyio.fail_after(30):
            assert await shown.is_drawn(asset_ids[0])
        let_go.set()
        with anyio.fail_after(30):
            while await shown.is_drawn(asset_ids[0]):
                pass
    assert downloads(sandbox) == 1


async def test_a_browser_that_leaves_does_not_end_what_others_wait_for(
    show: Show, scenario: AsyncScenario, asset_ids: list[str], sandbox: Sandbox
) -> None:
    async with held(asset_ids[0]) as (url, asked, let_go), show(scenario) as shown:
        sandbox.faults.add(Redirect(url), pictures=True)
        leaving = asyncio.create_task(shown.get(asset_ids[0]))
        staying = asyncio.create_task(shown.is_drawn(asset_ids[0]))
        await asked.wait()
        leaving.cancel()
        await asyncio.wait((leaving,))
        let_go.set()
        assert not await staying
    assert downloads(sandbox) == 1


async def test_leaving_ends_what_is_under_way(
    show: Show,
    scenario: AsyncScenario,
    asset_ids: list[str],
    sandbox: Sandbox,
    leftovers: Leftovers,
) -> None:
    sandbox.faults.add(Stalled(), times=None, pictures=True)
    async with show(scenario, timeout=0.05) as shown:
        assert [await shown.is_drawn(one) for one in asset_ids[:8]] == [True] * 8
        await until(lambda: downloads(sandbox) == 6)
    await leftovers.check()
    # Also while URLs are looked up.
    async with show(scenario, timeout=0.0) as shown:
        assert await shown.is_drawn(asset_ids[9])
    await leftovers.check()


async def test_a_browser_keeps_a_picture_for_good(
    show: Show, scenario: AsyncScenario, asset_ids: list[str], folder: Path
) -> None:
    async with show(scenario) as shown:
        first, _ = await shown.get(asset_ids[0])
        again, body = await shown.get(asset_ids[0], If_None_Match=first.headers["ETag"])
        other, _ = await shown.get(asset_ids[1], If_None_Match=first.headers["ETag"])
    assert first.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert (again.status, body, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert other.status == 200
    assert names(folder) == set(map(file_name, asset_ids[:2]))


async def test_what_failed_is_remembered_in_bounds(
    show: Show, scenario: AsyncScenario, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scenario_async.gallery._pictures.pictures._MOST_FAILED", 1)
    monkeypatch.setattr("scenario_async.gallery._pictures.pictures._PAUSE", 0.0)
    sandbox.faults.add(NotJSON(), times=3, pictures=True)
    ids = [_example(sandbox, one) for one in sandbox.catalogue.ids("public")[:3]]
    async with show(scenario) as shown:
        assert [await shown.is_drawn(one) for one in ids] == [True] * 3
        # Once the pause is over it is tried again.
        assert [await shown.is_drawn(one) for one in ids] == [False] * 3


async def test_a_file_that_was_spoilt_is_fetched_again(
    show: Show, scenario: AsyncScenario, asset_ids: list[str], folder: Path
) -> None:
    async with show(scenario) as shown:
        assert not await shown.is_drawn(asset_ids[0])
        (folder / file_name(asset_ids[0])).write_bytes(b"<html>")
        assert not await shown.is_drawn(asset_ids[0])


async def test_a_folder_that_cannot_be_written_takes_no_picture_away(
    show: Show, scenario: AsyncScenario, asset_ids: list[str]
) -> None:
    async with show(scenario, folder=Path(__file__)) as shown:
        assert not await shown.is_drawn(asset_ids[0])


async def test_pictures_are_in_the_cache_folder_of_the_user_unless_told_otherwise(
    scenario: AsyncScenario,
    asset_ids: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    async with Pictures(scenario=scenario) as pictures:
        assert await pictures.open(asset_ids[0]) is not None
    assert names(tmp_path / "scenario-async" / "pictures") == {file_name(asset_ids[0])}
