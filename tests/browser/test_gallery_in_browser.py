"""The gallery as people see it, in a real browser.

Each window is looked at when it is left: there may be no message on its console, no request to
another host, and nothing that keeps people out.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from support.browser import until_pictures

from scenario_async.sandbox import Catalogue, Dropped, ExpiredURL, Request, Sandbox, Stalled

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Locator, Page, Response
    from support.gallery_server import Gallery

    Look = Callable[..., Page]
    Serve = Callable[..., Gallery]

pytestmark = pytest.mark.browser

# What the first pictures of the page are.
_KINDS = """images => Promise.all(images.slice(0, 6).map(async one => {
    const answer = await fetch(one.src, { cache: "force-cache" });
    return answer.headers.get("content-type");
}))"""
_PICTURE, _DRAWN = "image/png", "image/svg+xml"


def cards(page: Page) -> Locator:
    return page.locator(".card h2 a")


def count(page: Page) -> Locator:
    return page.locator("#count")


def loaded(page: Page) -> set[str]:
    """What the pictures on the screen are, once they are there."""
    until_pictures(page)
    return set(page.locator(".card img").evaluate_all(_KINDS))


def previews(page: Page) -> list[Response]:
    """The pictures that came from now on."""
    came: list[Response] = []
    page.on("response", lambda one: came.append(one) if "/preview/" in one.url else None)
    return came


def test_search_while_typing(look: Look, gallery: Gallery, sandbox: Sandbox) -> None:
    page = look(gallery.url)
    expect(count(page)).to_have_text("1,009 models")
    before: int = page.evaluate("history.length")

    found = sum("fernweh" in f"{row.id}{row.name}{row.tags}".lower() for row in sandbox.catalogue)

    page.locator("#q").press_sequentially("fernweh", delay=20)

    expect(count(page)).to_have_text(f"{found} models")
    expect(page).to_have_url(f"{gallery.url}?q=fernweh")
    # What was typed is not a step each.
    assert page.evaluate("history.length") <= before + 1
    page.reload()
    expect(page.locator("#q")).to_have_value("fernweh")

    page.locator("#q").fill("nothing is called this")
    expect(page.get_by_role("heading", name="No model fits")).to_be_visible()
    page.get_by_role("link", name="show all models").click()
    expect(count(page)).to_have_text("1,009 models")


def test_facets(look: Look, gallery: Gallery) -> None:
    page = look(gallery.url)
    filters = page.get_by_role("navigation", name="Filters")
    choice = filters.locator("a.choice", has_text="flux.1-lora")
    number = choice.locator(".number").inner_text()

    choice.click()

    expect(count(page)).to_have_text(f"{number} models")
    expect(page).to_have_url(re.compile(r"type=flux\.1-lora"))
    filters.locator("a.choice", has_text="sc:third-party").click()
    expect(count(page)).not_to_have_text(f"{number} models")
    expect(page.locator(".chip")).to_have_count(2)
    page.go_back()
    expect(count(page)).to_have_text(f"{number} models")
    page.locator(".chip").click()
    expect(count(page)).to_have_text("1,009 models")

    page.locator("#sort").select_option("name")
    expect(page).to_have_url(re.compile("sort=name"))


def test_back_leads_to_the_same_place(look: Look, gallery: Gallery) -> None:
    page = look(gallery.url)
    expect(cards(page)).to_have_count(48)
    while cards(page).count() < 144:
        shown = cards(page).count()
        page.locator(".more").scroll_into_view_if_needed()
        expect(cards(page)).not_to_have_count(shown)
    card = cards(page).nth(120)
    name = card.inner_text()
    card.scroll_into_view_if_needed()
    before = card.bounding_box()

    card.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    page.go_back()

    same = cards(page).nth(120)
    expect(same).to_have_text(name)
    expect(same).to_be_in_viewport()
    after = same.bounding_box()
    assert before is not None
    assert after is not None
    assert abs(before["y"] - after["y"]) < 200
    page.reload()
    expect(cards(page).nth(120)).to_have_text(name)


def test_everything_by_keyboard(look: Look, gallery: Gallery) -> None:
    page = look(gallery.url)
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("portrait")
    expect(count(page)).not_to_have_text("1,009 models")
    expect(page).to_have_url(re.compile("q=portrait"))

    page.keyboard.press("ArrowDown")
    expect(cards(page).nth(0)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(cards(page).nth(1)).to_be_focused()
    name = cards(page).nth(1).inner_text()
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile("q=portrait"))
    expect(cards(page).nth(1)).to_be_focused()
    expect(cards(page).nth(1)).to_have_text(name)


def test_a_page_of_a_model(look: Look, gallery: Gallery) -> None:
    page = look(gallery.url)
    cards(page).first.click()
    for name in ("Examples", "History", "In Python", "Raw record"):
        expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
    page.get_by_text("Show the JSON").click()
    record = page.locator("#record").inner_text()
    assert json.loads(record)["id"] == page.locator("#model-id").inner_text()
    assert "Signature=" not in page.content()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").first.click()
    copied: str = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("#model-id").inner_text()


HOSTILE = "<img src=x onerror=alert(1)>\"'><script>alert(2)</script>\u202egnp.exe{{7*7}}"


def test_a_model_with_a_hostile_name_is_text(look: Look, serve: Serve, tmp_path: Path) -> None:
    catalogue = Catalogue()
    catalogue.add(
        "model_<b>'\"&/../x",
        privacy="public",
        name=HOSTILE,
        type="<i>custom",
        status="<u>new",
        tags=("</ul><h1>", "javascript:alert(3)"),
        fields={
            "shortDescription": HOSTILE,
            "thumbnail": {"assetId": "../../static/gallery.js", "url": "javascript:alert(4)"},
            "exampleAssetIds": ["<svg onload=alert(5)>", 5, None],
            "extra": {"url": "javascript:alert(6)", HOSTILE: HOSTILE},
        },
    )
    with Sandbox(catalogue).in_thread() as service:
        gallery = serve(tmp_path / "odd.db", service)
        gallery.sync().finish()
    page = look(gallery.url)
    expect(cards(page)).to_have_count(1)
    assert "<script>alert(2)</script>" in cards(page).inner_text()
    cards(page).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("<script>alert(2)</script>")
    assert page.locator("a[href^='javascript']").count() == 0
    assert page.locator("article b, article i, article u").count() == 0
    page.get_by_role("link", name="</ul><h1>").click()
    expect(cards(page)).to_have_count(1)


def test_without_the_service_all_data_and_all_pictures_seen_before_are_there(
    look: Look, gallery: Gallery, sandbox: Sandbox
) -> None:
    page = look(gallery.url)
    assert loaded(page) == {_PICTURE}
    sandbox.faults.add(Dropped(), times=None)
    sandbox.faults.add(Dropped(), times=None, pictures=True)

    other = look(gallery.url)  # a window that has kept nothing
    assert loaded(other) == {_PICTURE}
    other.locator("#sort").select_option("created_at")
    expect(cards(other).first).not_to_have_text(cards(page).first.inner_text())
    assert loaded(other) == {_DRAWN}
    cards(other).first.click()
    expect(other.get_by_role("heading", name="History")).to_be_visible()


def test_urls_that_expire_while_one_scrolls_are_looked_up_anew(
    look: Look, gallery: Gallery, sandbox: Sandbox
) -> None:
    page = look(gallery.url)
    loaded(page)
    came = previews(page)
    refused: set[str] = set()

    def is_new(request: Request) -> bool:
        known = request.path in refused
        refused.add(request.path)
        return not known

    sandbox.faults.add(ExpiredURL(), times=None, when=is_new)

    page.locator(".more").scroll_into_view_if_needed()
    expect(cards(page)).not_to_have_count(48)
    page.wait_for_load_state("networkidle")

    assert len(came) >= 12
    assert {one.headers["content-type"] for one in came} == {_PICTURE}
    assert len(refused) >= 12


def test_a_sync_under_way_is_shown_and_what_it_has_copied(
    look: Look, serve: Serve, sandbox: Sandbox, tmp_path: Path
) -> None:
    gallery = serve(tmp_path / "models.db")
    page = look(gallery.url)
    page.clock.install()
    expect(page.get_by_role("heading", name="There are no models here yet")).to_be_visible()
    sandbox.faults.add(Stalled(), times=None, after=2, path="/models")
    run = gallery.sync()
    expect_text(page, "A sync is under way")
    expect(cards(page)).to_have_count(48)
    before = count(page).inner_text()
    assert before != "1,009 models"
    run.cancel()
    sandbox.faults.clear()
    gallery.sync().finish()
    # The page asks how the copy is now and then, and says where it is newer.
    page.clock.fast_forward("00:21")
    page.get_by_role("link", name="Show what is new").click()
    expect(count(page)).to_have_text("1,009 models")
    expect(page.get_by_text("Copied just now")).to_be_visible()


def expect_text(page: Page, text: str) -> None:
    """Load the page until it says so."""
    for _ in range(200):
        page.reload()
        if page.get_by_text(text).is_visible() and cards(page).count():
            return
    raise AssertionError(f"the page never said {text!r}")


def test_dark(look: Look, gallery: Gallery) -> None:
    page = look(gallery.url, color_scheme="dark")
    loaded(page)
    color: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(map(int, re.findall(r"\d+", color)[:3])) < 64
    other = look(f"{gallery.url}{cards(page).first.get_attribute('href')}", color_scheme="dark")
    expect(other.get_by_role("heading", name="Examples")).to_be_visible()


def test_a_narrow_screen(look: Look, gallery: Gallery) -> None:
    page = look(gallery.url, viewport={"width": 390, "height": 844}, has_touch=True)
    loaded(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    filters = page.locator("#filters")
    expect(filters).to_be_hidden()
    page.get_by_role("button", name="Filters").click()
    expect(filters).to_be_visible()
    filters.locator("a.choice", has_text="flux.1-lora").click()
    expect(page.locator(".chip")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(filters).to_be_hidden()
    cards(page).first.click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
