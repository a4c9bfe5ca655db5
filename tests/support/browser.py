"""A real Chromium, and what is wrong on the pages that it was shown."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import (  # pyright: ignore[reportMissingTypeStubs] - it has no types
    Axe,
)
from playwright.sync_api import expect, sync_playwright

from scenario_async.sandbox import Catalogue, Sandbox

from .gallery_server import gallery_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request

    from .gallery_server import Gallery

__all__ = [
    "chromium",
    "copied",
    "gallery",
    "launched",
    "look",
    "sandbox",
    "serve",
    "until_pictures",
    "watched",
]

# It asks nobody for updates. A container has no user whose sandbox it could use.
_ARGUMENTS = (
    "--no-sandbox",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# So long only where a test fails.
_MILLISECONDS = 30_000
_GRAVE = frozenset({"serious", "critical"})


@contextmanager
def launched() -> Generator[Browser]:
    """The browser of the system; none is downloaded."""
    program = shutil.which("chromium")
    if program is None:
        reason = "Chromium is not installed: apt-get install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def watched(browser: Browser, url: str, picture: Path | None, **options: Any) -> Generator[Page]:
    """A window of its own on a page. When it is left, nothing may have gone wrong in it.

    Args:
        browser: The browser.
        url: What is opened first.
        picture: Where to keep what it shows in the end.
        options: Of the window, such as ``color_scheme``.
    """
    wrong: list[str] = []
    host = urlsplit(url).netloc

    def on_console(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            wrong.append(f"console: {message.text}")

    def on_error(error: Error) -> None:
        wrong.append(f"error: {error}")

    def on_request(request: Request) -> None:
        if urlsplit(request.url).netloc != host:
            wrong.append(f"asked another host: {request.url}")

    options = {"viewport": {"width": 1280, "height": 800}, **options}
    context = browser.new_context(**options)
    context.set_default_timeout(_MILLISECONDS)
    expect.set_options(timeout=_MILLISECONDS)
    page = context.new_page()
    page.on("console", on_console)
    page.on("pageerror", on_error)
    page.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
    context.on("request", on_request)
    page.goto(url)
    yield page
    if picture is not None:
        page.screenshot(path=picture)
    wrong += _barriers(page)
    context.close()
    assert not wrong, wrong


def until_pictures(page: Page) -> None:
    """Wait for the first pictures of the grid."""
    page.wait_for_function(
        "() => [...document.querySelectorAll('.card img')].slice(0, 6)"
        ".every(one => one.complete && one.naturalWidth)"
    )


def _barriers(page: Page) -> list[str]:
    """What keeps people out, as axe sees it. Of many cards it sees the first."""
    axe: Any = Axe()
    found: list[Any] = axe.run(page, {"exclude": [[".card:nth-child(n+9)"]]}).response["violations"]
    return [
        f"axe: {one['id']}: {[node['html'] for node in one['nodes']][:3]}"
        for one in found
        if one["impact"] in _GRAVE
    ]


@pytest.fixture(scope="session")
def chromium() -> Generator[Browser]:
    """The browser."""
    with launched() as browser:
        yield browser


@pytest.fixture(scope="session")
def _service() -> Generator[Sandbox]:
    with Sandbox(Catalogue.seeded(public=709, private=300, collections=3)).in_thread() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_service: Sandbox) -> Sandbox:
    """The service, without faults."""
    _service.reset()
    return _service


@pytest.fixture(scope="session")
def copied(_service: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of all models of the service. It is read only."""
    folder = tmp_path_factory.mktemp("store")
    with gallery_of(folder / "models.db", _service, pictures=folder / "pictures") as gallery:
        gallery.sync().finish()
    return folder / "models.db"


@pytest.fixture
def serve(sandbox: Sandbox, tmp_path: Path) -> Generator[Callable[..., Gallery]]:
    """Shows stores, with no picture seen yet."""
    with ExitStack() as served:

        def show(database: Path, service: Sandbox = sandbox) -> Gallery:
            folder = tmp_path / "pictures"
            return served.enter_context(gallery_of(database, service, pictures=folder))

        yield show


@pytest.fixture
def gallery(serve: Callable[..., Gallery], copied: Path) -> Gallery:
    """The gallery of the copy of all models."""
    return serve(copied)


@pytest.fixture
def look(
    chromium: Browser, serve: object, request: pytest.FixtureRequest
) -> Generator[Callable[..., Page]]:
    """Opens windows on pages, which are closed before whoever serves them ends."""
    folder: str | None = request.config.getoption("--screenshots")
    name: str = request.node.name.removeprefix("test_")
    numbers = count(1)
    with ExitStack() as windows:

        def open_window(url: str, **options: Any) -> Page:
            picture = None if folder is None else Path(folder) / f"{name}_{next(numbers)}.png"
            return windows.enter_context(watched(chromium, url, picture, **options))

        yield open_window
