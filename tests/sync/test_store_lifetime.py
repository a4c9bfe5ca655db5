"""A store before it is opened, while it is closed, and after; and what is logged of it."""

from __future__ import annotations

import logging
import subprocess
import sys
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

import anyio
import pytest
from sqlalchemy import create_engine, text

from scenario_async import UsageError
from scenario_async.sandbox import Catalogue
from scenario_async.sync import CatalogStore, StoreError, export, sync, unwatch, watch
from scenario_async.sync._store.catalog_store import database_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scenario_async import AsyncScenario

pytestmark = [pytest.mark.anyio, pytest.mark.one_loop]
WORDS = "A-name-nobody-else-has"


@pytest.fixture
def catalogue() -> Catalogue:
    catalogue = Catalogue.seeded(public=3, private=3, odd=False)
    catalogue.add(name=WORDS, tags=[WORDS])
    return catalogue


async def use(store: CatalogStore, scenario: AsyncScenario) -> None:
    """See that each way to use a store says that it is not open."""

    async def read() -> None:
        async for _ in store.models():
            pass

    async def look() -> None:
        async with aclosing(watch(scenario, store, every=60)) as changes:
            await anext(changes)

    for work in (
        store.counts(),
        store.runs(),
        read(),
        sync(scenario, store),
        look(),
        unwatch(store),
    ):
        with pytest.raises(UsageError, match="the store is not open: use it inside of 'async with"):
            await work


async def test_a_store_that_is_not_open_says_what_to_do(
    scenario: AsyncScenario, new_store: Callable[[], str]
) -> None:
    store = CatalogStore.open(new_store())
    await use(store, scenario)
    async with store:
        await store.counts()
    await use(store, scenario)
    async with store:
        assert await store.runs() == []


async def test_a_store_is_entered_once_at_a_time(new_store: Callable[[], str]) -> None:
    async with CatalogStore.open(new_store()) as store:
        with pytest.raises(UsageError, match="the store is open: enter it once"):
            async with store:
                pytest.fail("it is entered")
        assert (await store.counts()).models == 0


async def test_a_scope_without_models_is_counted(
    scenario: AsyncScenario, new_store: Callable[[], str], catalogue: Catalogue
) -> None:
    collection = catalogue.add_collection("Empty")
    async with CatalogStore.open(new_store()) as store:
        await sync(scenario, store, scopes=[f"collection:{collection}"])
        assert (await store.counts()).scopes == {f"collection:{collection}": 0}


async def test_what_is_no_store_is_named(scenario: AsyncScenario) -> None:
    for given in (scenario, "models.db"):
        with pytest.raises(TypeError, match="store must be a CatalogStore, not"):
            await sync(scenario, cast("Any", given))


async def test_an_error_in_a_scope_that_is_cancelled_is_not_lost(
    new_store: Callable[[], str],
) -> None:
    with pytest.raises(ValueError, match="what went wrong"):
        with anyio.CancelScope() as scope:
            async with CatalogStore.open(new_store()) as store:
                await store.counts()
                scope.cancel()
                raise ValueError("what went wrong")


@pytest.mark.parametrize("module", ["sqlalchemy", "greenlet", "xxhash"])
def test_without_the_extra_an_import_says_what_to_install(module: str) -> None:
    program = (
        "import sys\n"
        f"sys.modules[{module!r}] = None\n"
        "try:\n"
        "    import scenario_async.sync\n"
        "except ModuleNotFoundError as error:\n"
        "    print(error.name, error)\n"
    )
    ran = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout == (
        f"{module} scenario_async.sync needs {module}: pip install 'scenario-async[sync]'\n"
    )


@pytest.mark.parametrize(
    ("url", "module"), [("models.db", "aiosqlite"), ("postgresql://host/store", "asyncpg")]
)
def test_without_its_driver_a_store_says_what_to_install(
    url: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ModuleNotFoundError, match="pip install 'scenario-async") as caught:
        CatalogStore.open(url)
    assert caught.value.name == module


async def test_no_log_shows_rows_or_parameters_at_any_level(
    scenario: AsyncScenario,
    new_store: Callable[[], str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name in ("sqlalchemy", "aiosqlite", "asyncpg", "asyncio"):
        caplog.set_level(logging.DEBUG, name)
    async with CatalogStore.open(new_store()) as store:
        async with aclosing(watch(scenario, store, every=60)) as changes:
            await anext(changes)
        await sync(scenario, store, scopes=["private", "public"], full=True, details=True)
        async for model in store.models(tags=[WORDS]):
            assert "Signature=" in (model.details or model.record)
        await export(store, tmp_path / "models.csv")
        with pytest.raises(StoreError):
            async with database_of(store).transaction() as connection:
                await connection.execute(
                    text("INSERT INTO models (id, record) VALUES (:id, :record)"),
                    {"id": WORDS, "record": "https://invented.example/?Signature=ours"},
                )

    said = [record.getMessage() for record in caplog.records]
    assert any("SELECT" in one for one in said)
    for secret in (WORDS, "Signature=", "https://"):
        assert [one for one in said if secret in one] == []


def test_logs_of_other_engines_stay_as_they_are(caplog: pytest.LogCaptureFixture) -> None:
    CatalogStore.open("sqlite://")
    caplog.set_level(logging.DEBUG, "sqlalchemy.engine")
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        connection.execute(text("SELECT 4711")).all()
    engine.dispose()
    assert "Row (4711,)" in [record.getMessage() for record in caplog.records]
