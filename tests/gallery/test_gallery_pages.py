"""The pages of the gallery, as a browser gets them."""

from __future__ import annotations

import html
import os
import re
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from support.gallery import NOW, browsing, count, names, text_of, write

from scenario_async.sync import CatalogStore, sync

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

    from support.gallery import Browser

    from scenario_async import AsyncScenario

pytestmark = [pytest.mark.anyio, pytest.mark.one_loop]
PAGE = 48
SIGNED = "https://cdn.example/a.webp?Expires=1&Signature=SECRET"
HOSTILE = "</a><script>alert(1)</script>\"'> \u202egpj.exe \0 {{ 7*7 }} " + "x" * 10_000


def record(number: int) -> dict[str, object]:
    moment = NOW - timedelta(hours=number)
    return {
        "id": f"model_{number:03}",
        "name": f"Model {number:03}",
        "type": "custom" if number % 3 else "flux.1-lora",
        "status": "trained",
        "createdAt": f"{moment:%Y-%m-%dT%H:%M:%S}.000Z",
        "tags": ["even"] if number % 2 == 0 else ["odd", "a&b"],
        "capabilities": ["txt2img"],
        "exampleAssetIds": [f"asset_{number}", "asset_other"],
        "thumbnail": {"assetId": f"asset_{number}", "url": SIGNED},
    }


@pytest.fixture
async def store(new_sqlite: Callable[[], str]) -> AsyncGenerator[CatalogStore]:
    async with CatalogStore.open(new_sqlite()) as store:
        yield store


@pytest.fixture
async def browser(store: CatalogStore, tmp_path: Path) -> AsyncGenerator[Browser]:
    await write(store, map(record, range(130)), deleted=["model_007"])
    async with browsing(store, tmp_path) as browser:
        yield browser


async def get(browser: Browser, path: str, status: int = 200) -> str:
    return await text_of(await browser.get(path), status)


async def test_the_grid_shows_the_newest_models_and_what_there_is_to_choose(
    browser: Browser,
) -> None:
    page = await get(browser, "/")

    assert names(page) == [f"Model {n:03}" for n in range(49) if n != 7]
    assert count(page) == "129 models"
    assert re.search(r"<bdi>flux.1-lora</bdi><span class=\"number\">44</span>", page)
    assert "a&amp;b" in page
    assert 'hx-get="cards?page=2"' in page


async def test_the_whole_state_is_in_the_url(browser: Browser) -> None:
    page = await get(browser, "/?q=model_0&type=custom&tag=odd&sort=name&deleted=all")

    shown = [n for n in range(100) if n % 3 and n % 2]
    assert count(page) == f"{len(shown)} models"
    assert names(page) == [f"Model {n:03}" for n in shown][:PAGE]
    assert 'value="model_0"' in page
    assert '<option value="name" selected>' in page
    # The form keeps what was chosen beside it.
    assert '<input type="hidden" form="search" name="tag" value="odd">' in page
    for link in re.findall(r'href="\./\?([^"]*)"', page):
        await get(browser, f"/?{html.unescape(link)}")


async def test_whoever_scrolls_gets_page_after_page_and_each_model_once(browser: Browser) -> None:
    seen = names(await get(browser, "/?sort=name"))
    more = "sort=name&page=2"
    while more:
        response = await browser.get(f"/cards?{more}")
        part = await text_of(response)
        assert response.headers["HX-Replace-Url"] == f"?{more}"
        seen += names(part)
        found = re.search(r'hx-get="cards\?([^"]*)"', part)
        more = html.unescape(found[1]) if found else ""

    assert seen == [f"Model {n:03}" for n in range(130) if n != 7]
    # Who comes back finds all of it again, and a page that is not there any more leads to the last.
    assert names(await get(browser, "/?sort=name&page=3")) == seen
    assert names(await get(browser, "/?sort=name&page=900")) == seen


async def test_far_down_the_models_before_are_left_to_a_link(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scenario_async.gallery._pages._PAGES_AT_ONCE", 2)

    page = await get(browser, "/?sort=name&page=3")

    assert len(names(page)) == 129 - PAGE
    assert "Earlier models" in page


async def test_a_store_in_postgresql_has_the_same_pages(
    browser: Browser, new_postgresql: Callable[[], str], tmp_path: Path
) -> None:
    async with CatalogStore.open(new_postgresql()) as store:
        await write(store, map(record, range(130)), deleted=["model_007"])
        async with browsing(store, tmp_path) as other:
            for path in ("/", "/?q=model_0&tag=odd&sort=name", "/cards?page=3", "/?deleted=only"):
                page = await get(browser, path)
                assert await get(other, path) == page
            assert "Model 003" in await get(other, "/models/model_003")


async def test_typing_replaces_the_url_and_choosing_adds_one_to_go_back_to(
    browser: Browser,
) -> None:
    typed = await browser.get("/results?q=003", headers={"HX-Trigger": "search"})
    chosen = await browser.get("/results?type=custom&page=2", headers={"HX-Trigger": "type-1"})

    part = await text_of(typed)
    assert names(part) == ["Model 003"]
    assert "<html" not in part
    assert 'id="count" hx-swap-oob="innerHTML">1 model<' in part
    assert typed.headers["HX-Replace-Url"] == "?q=003"
    assert chosen.headers["HX-Push-Url"] == "?type=custom"


async def test_a_search_that_finds_nothing_says_so(browser: Browser) -> None:
    page = await get(browser, "/?q=nothing+of+the+kind")

    assert count(page) == "0 models"
    assert "No model fits" in page


async def test_a_model_has_a_page_with_all_that_is_known(browser: Browser) -> None:
    page = await get(browser, "/models/model_003")

    assert "<h1><bdi>Model 003</bdi></h1>" in page
    assert page.count('src="../preview/asset_3?') == 2
    assert "../preview/asset_other?label=M0" in page
    assert 'href="../?tag=a%26b"' in page
    assert "scenario.models.retrieve(&#34;model_003&#34;)" in page
    assert "First seen by this copy" in page
    assert "Seen in <bdi>private</bdi>" in page
    assert "https://cdn.example/a.webp?***" in html.unescape(page)
    assert "SECRET" not in page


async def test_a_deleted_model_is_still_there_and_marked(browser: Browser) -> None:
    assert names(await get(browser, "/?deleted=only")) == ["Model 007"]
    assert "marked as deleted" in await get(browser, "/models/model_007")


async def test_what_is_not_there_is_said_on_a_page(browser: Browser) -> None:
    assert "no such model" in await get(browser, "/models/unknown", 404)
    assert 'href="../../"' in await get(browser, "/a/b/c", 404)
    assert "no such page" in await get(browser, "/static/..%2F__init__.py", 404)
    assert "no parameter &#39;tpe&#39;" in await get(browser, "/?tpe=custom", 400)
    assert "no such model" in await get(browser, "/models/%00", 404)
    part = await browser.get("/cards?page=x", headers={"HX-Request": "true"})
    assert "<html" not in await text_of(part, 400)


async def test_other_peoples_text_is_text(store: CatalogStore, tmp_path: Path) -> None:
    hostile = {
        "id": "model/../<b>?#{%}\u202e",
        "name": HOSTILE,
        "type": HOSTILE,
        "status": "<i>",
        "tags": [HOSTILE, "<b>bold</b>", " ", SIGNED],
        "collectionIds": [SIGNED],
        "shortDescription": HOSTILE + SIGNED,
        "<script>": HOSTILE,
        "thumbnail": {"assetId": "../../etc/passwd", "url": "javascript:alert(1)"},
        "complianceMetadata": {"licenseTerms": "javascript:alert(1)"},
    }
    odd = {"id": "odd", "exampleAssetIds": None, "shortDescription": 5, "thumbnail": None}
    await write(store, [hostile, odd, {"id": "odder", "exampleAssetIds": [5, "", "..", None]}])
    async with browsing(store, tmp_path) as browser:
        grid = await get(browser, "/")
        (path,) = re.findall(r'href="(models/model[^"]*)"', grid)
        page = await get(browser, f"/{path}")
        assert "<bdi>odd</bdi>" in await get(browser, "/models/odd")

    for text in (grid, page):
        assert "<script>alert" not in text
        assert "<b>bold" not in text
        assert "\u202e" not in text
        assert "\0" not in text
        assert "{{ 7*7 }}" in text
        assert 'href="javascript' not in text
        assert "SECRET" not in text
        assert not re.search(r'(?:src|href)="[^"]*\.\./etc', text)
    assert len(grid) < 40_000


async def test_a_store_without_models_says_what_to_run(store: CatalogStore, tmp_path: Path) -> None:
    async with browsing(store, tmp_path) as browser:
        page = await get(browser, "/")

    assert "There are no models here yet" in page
    assert "scenario-async sync" in page
    assert "Nothing was copied yet" in page


@pytest.mark.skipif(sys.platform in {"darwin", "win32"}, reason="names of files are text there")
async def test_a_store_whose_name_is_no_text_is_shown(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"my \xff.db")
    async with CatalogStore.open(path) as store, browsing(store, tmp_path) as browser:
        page = await get(browser, "/")
        assert f"sync '{tmp_path}/my \ufffd.db' --public" in html.unescape(page)
        await write(store, [record(1)])
        assert "\\udcff.db" in await get(browser, "/models/model_001")


async def test_a_page_says_of_what_it_is_a_copy_and_how_old_that_is(
    scenario: AsyncScenario, store: CatalogStore, tmp_path: Path
) -> None:
    await sync(scenario, store, scopes=["private"])
    async with browsing(store, tmp_path) as browser:
        page = await get(browser, "/store")

    assert "just now" in page
    assert "this machine" in page


async def test_a_store_that_fails_is_a_page_and_no_traceback(
    new_sqlite: Callable[[], str], tmp_path: Path
) -> None:
    store = CatalogStore.open(new_sqlite())
    async with store, browsing(store, tmp_path / "pictures") as browser:
        (tmp_path / "store_0.db").unlink()

        assert "The store cannot be read" in await get(browser, "/", 503)


async def test_what_nobody_expected_is_a_page_and_in_the_log(
    new_sqlite: Callable[[], str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with browsing(CatalogStore.open(new_sqlite()), tmp_path) as browser:
        assert "The gallery failed at this" in await get(browser, "/", 500)

    assert "the store is not open" in caplog.text


async def test_without_a_script_the_next_page_is_a_link_to_where_it_begins(
    browser: Browser,
) -> None:
    (link,) = re.findall(r'href="\./(\?page=2#page-2)"', await get(browser, "/"))

    page = await get(browser, f"/{link}")

    assert len(names(page)) == 2 * PAGE
    assert page.count('id="page-2"') == 1


async def test_mounted_under_a_prefix_all_links_stay_below_it(
    store: CatalogStore, tmp_path: Path
) -> None:
    await write(store, map(record, range(60)))
    async with browsing(store, tmp_path, prefix="/my/gallery") as browser:
        root = await browser.get("/my/gallery?tag=even", allow_redirects=False)
        assert root.headers["Location"] == "./gallery/?tag=even"
        grid = await get(browser, "/my/gallery/")
        (path, *_) = re.findall(r'href="(models/[^"]*)"', grid)
        page = await get(browser, f"/my/gallery/{path}")
        missing = await get(browser, "/my/gallery/a/b", 404)

        assert not re.findall(r'(?:href|src|hx-get|action)="/', grid + page + missing)
        style = re.search(r'stylesheet" href="([^"]*)"', page)
        assert style is not None
        got = await browser.get(f"/my/gallery/models/{html.unescape(style[1])}")
        assert got.headers["Content-Type"].startswith("text/css")
        assert "immutable" in got.headers["Cache-Control"]
        assert 'href="../"' in missing
