"""A store that is kept fresh while it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest
from support.gallery import browsing, count, text_of

from scenario_async.gallery import application
from scenario_async.sandbox import Catalogue
from scenario_async.sync import CatalogStore, sync

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from support.client import Connect
    from support.gallery import Browser

    from scenario_async import AsyncScenario
    from scenario_async.sandbox import Sandbox

pytestmark = [pytest.mark.anyio, pytest.mark.one_loop]
SOON = 0.001  # seconds


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue.seeded(private=3, public=0)


@pytest.fixture
async def store(scenario: AsyncScenario) -> AsyncGenerator[CatalogStore]:
    async with CatalogStore.open("sqlite://") as store:
        await sync(scenario, store)
        yield store


async def until_shown(browser: Browser, path: str, words: str) -> str:
    with anyio.fail_after(30):
        while words not in (page := await text_of(await browser.get(path))):
            pass  # each request lets the others come to their turn
    return page


async def test_what_is_new_shows_by_itself(
    sandbox: Sandbox, scenario: AsyncScenario, store: CatalogStore, tmp_path: Path
) -> None:
    async with browsing(store, tmp_path, scenario=scenario, refresh_every=SOON) as browser:
        assert count(await text_of(await browser.get("/"))) == "3 models"
        sandbox.catalogue.add("new", name="A new one")
        page = await until_shown(browser, "/", "4 models")  # counted before the models are read

    assert "A new one" in page


async def test_a_failure_is_said_and_the_models_stay(
    connect: Connect, store: CatalogStore, tmp_path: Path
) -> None:
    async with (
        connect(api_key="wrong", api_secret="a wrong secret", max_retries=0) as scenario,
        browsing(store, tmp_path, scenario=scenario, refresh_every=SOON) as browser,
    ):
        page = await until_shown(browser, "/", "It cannot be refreshed")

    assert count(page) == "3 models"
    assert "a wrong secret" not in page


async def test_a_copy_that_is_fresh_is_left_alone(
    sandbox: Sandbox, scenario: AsyncScenario, store: CatalogStore, tmp_path: Path
) -> None:
    sandbox.reset()
    async with browsing(store, tmp_path, scenario=scenario, refresh_every=3600) as browser:
        await until_shown(browser, "/store", "just now")

    assert not sandbox.requests


async def test_another_run_on_the_store_is_no_failure(
    scenario: AsyncScenario, store: CatalogStore, tmp_path: Path
) -> None:
    async with browsing(store, tmp_path, scenario=scenario, refresh_every=SOON) as browser:
        await sync(scenario, store, wait=True)
        page = await text_of(await browser.get("/store"))

    assert "cannot be refreshed" not in page


async def test_an_interval_or_a_client_that_is_missing_is_said_at_once(
    scenario: AsyncScenario, store: CatalogStore
) -> None:
    with pytest.raises(ValueError, match="must be above zero, not 0"):
        application(store, scenario=scenario, refresh_every=0)
    with pytest.raises(ValueError, match="needs scenario"):
        application(store, refresh_every=60)
