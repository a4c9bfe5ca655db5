"""Who may look, and what browsers are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp import CookieJar
from hypothesis import given
from hypothesis import strategies as st
from support.gallery import browsing, text_of, write

from scenario_async.gallery import application
from scenario_async.gallery._access import HEADERS, Access, Token, refusal
from scenario_async.sync import CatalogStore

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

TOKEN = "a token with % & signs"
FOLLOWED = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}


@pytest.fixture
async def store() -> AsyncGenerator[CatalogStore]:
    async with CatalogStore.open("sqlite://") as store:
        await write(store, [{"id": "m"}])
        yield store


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("127.0.0.1:8484", True),
        ("localhost:8484", True),
        ("gallery.localhost", True),
        ("[::1]:8484", True),
        ("192.168.1.5", True),
        ("named.example:80", True),
        ("NAMED.example", True),
        ("other.example", False),
        ("127.0.0.1.other.example", False),
        ("named.example.other.example", False),
        ("localhost.other.example", False),
        ("", False),
        ("[::1", False),
    ],
)
def test_only_names_that_no_other_site_can_have_lead_here(host: str, *, known: bool) -> None:
    assert Access(hosts=("named.example",)).knows(host) is known


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {}, None),
        ("HEAD", {}, None),
        ("POST", {}, 405),
        ("DELETE", {}, 405),
        ("GET", {"Origin": "http://localhost:1"}, None),
        ("GET", {"Origin": "http://localhost:2"}, 403),
        ("GET", {"Origin": "https://other.example"}, 403),
        ("GET", {"Origin": "null"}, 403),
        ("GET", {"Origin": "http://["}, 403),
        ("GET", {"Sec-Fetch-Site": "same-origin"}, None),
        ("GET", {"Sec-Fetch-Site": "none"}, None),
        ("GET", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("GET", {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        ("GET", FOLLOWED, None),
        ("GET", {**FOLLOWED, "Sec-Fetch-Dest": "document"}, None),
        ("GET", {**FOLLOWED, "Sec-Fetch-Dest": "iframe"}, 403),
        ("GET", {**FOLLOWED, "Sec-Fetch-Dest": "embed"}, 403),
        ("GET", {"Host": "other.example"}, 403),
    ],
)
def test_other_sites_get_nothing(method: str, headers: dict[str, str], status: int | None) -> None:
    refused = refusal(Access(), method, {"Host": "localhost:1", **headers})

    assert (None if refused is None else refused[0]) == status


def test_a_host_is_refused_by_the_name_that_it_could_be_given() -> None:
    assert refusal(Access(), "GET", {"Host": "app.example:8484"}) == (
        403,
        "The gallery is not known as 'app.example': whoever runs it can give it that name.",
    )


def test_an_empty_token_and_hosts_that_are_one_string_are_refused() -> None:
    store = CatalogStore.open("sqlite://")
    for empty in ("", " "):
        with pytest.raises(ValueError, match="token must not be empty"):
            application(store, token=empty)
    with pytest.raises(TypeError, match=r"such as \['app.example'\], and not one str"):
        application(store, hosts="app.example")


@given(st.text(), st.text())
def test_a_token_is_right_when_it_is_the_same(one: str, other: str) -> None:
    token = Token(one)

    assert token.is_right(one)
    assert token.is_right(other) is (one == other)
    assert token.is_in({token.cookie_name: token.cookie})
    assert Token(other).is_in({token.cookie_name: token.cookie}) is (one == other)
    assert not token.is_in({})
    # Eight letters may be those that each name of a cookie begins with.
    assert len(one) < 9 or one not in repr(token) + token.cookie + token.cookie_name


@pytest.mark.anyio
@pytest.mark.one_loop
async def test_a_token_is_asked_for_once_and_stays_in_no_url(
    store: CatalogStore, tmp_path: Path
) -> None:
    async with browsing(store, tmp_path, token=TOKEN) as browser:
        browser.session._cookie_jar = CookieJar(unsafe=True)  # for addresses as well
        for path in ("/", "/models/m", "/preview/a", "/cards"):
            page = await text_of(await browser.get(path), 401)
            assert "asks for a token" in page
        assert (await browser.get("/static/gallery.css")).status == 200
        part = await browser.get("/store", headers={"HX-Request": "true"})
        assert "<" not in await text_of(part, 401), "a page would be shown as text"
        wrong = await browser.get("/", params={"token": "another", "q": '"&m'})
        page = await text_of(wrong, 401)
        assert "This is not the token" in page
        assert '<input type="hidden" name="q" value="&#34;&amp;m">' in page
        assert "another" not in page

        query = {"token": TOKEN, "q": "m"}
        let_in = await browser.get("/models/m", params=query, allow_redirects=False)
        assert let_in.status == 303
        assert let_in.headers["Location"] == "./m?q=m"
        (cookie,) = let_in.cookies.values()
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax", "links in mails and chats lead here"
        assert cookie["path"] == "/"
        assert TOKEN not in str(let_in.headers)

        assert (await browser.get("/models/m")).status == 200
        # Whoever opens the URL of the terminal once more is not asked again.
        for token in (TOKEN, "that of yesterday"):
            again = await browser.get("/", params={"token": token})
            assert again.status == 200
            assert not again.url.query


@pytest.mark.anyio
@pytest.mark.one_loop
async def test_under_a_prefix_a_token_holds_with_and_without_the_slash(
    store: CatalogStore, tmp_path: Path
) -> None:
    async with browsing(store, tmp_path, prefix="/g", token=TOKEN) as browser:
        browser.session._cookie_jar = CookieJar(unsafe=True)  # for addresses as well
        let_in = await browser.get("/g", params={"token": TOKEN})
        assert (let_in.status, let_in.url.path) == (200, "/g/")


@pytest.mark.anyio
@pytest.mark.one_loop
async def test_each_answer_tells_browsers_to_run_and_load_nothing_else(
    store: CatalogStore, tmp_path: Path
) -> None:
    async with browsing(store, tmp_path) as browser:
        for path in ("/", "/models/m", "/static/gallery.css", "/none", "/?x=1"):
            response = await browser.get(path)
            assert {name: response.headers[name] for name in HEADERS} == HEADERS
        picture = await browser.get("/preview/a")
        assert picture.headers["Content-Security-Policy"].endswith("; sandbox")
        assert HEADERS.items() - picture.headers.items() == {
            ("Content-Security-Policy", HEADERS["Content-Security-Policy"])
        }
        posted = await browser.post("/")
        assert posted.status == 405
        rebound = await browser.get("/", headers={"Host": "other.example"})
        assert rebound.status == 403
        assert posted.headers["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.anyio
@pytest.mark.one_loop
async def test_no_page_has_a_script_or_a_style_of_its_own(
    store: CatalogStore, tmp_path: Path
) -> None:
    async with browsing(store, tmp_path) as browser:
        for path in ("/", "/models/m", "/none"):
            page = await (await browser.get(path)).text()
            assert "<script>" not in page
            assert "<style" not in page
            assert " style=" not in page
            assert " onclick=" not in page
            assert "hx-on" not in page
