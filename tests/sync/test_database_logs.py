"""What the libraries below a store write into a log: nothing of what is in its rows."""

from __future__ import annotations

import logging
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, text

from scenario_async.sandbox import Catalogue
from scenario_async.sync import CatalogStore, StoreError, export, sync, watch
from scenario_async.sync._store.catalog_store import database_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scenario_async import AsyncScenario

pytestmark = pytest.mark.anyio
WORDS = "A-name-nobody-else-has"


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """With asyncio's debug mode, which logs more."""
    return "asyncio", {"use_uvloop": False}


@pytest.fixture
def catalogue() -> Catalogue:
    catalogue = Catalogue.seeded(public=3, private=3, odd=False)
    catalogue.add(name=WORDS, tags=[WORDS])
    return catalogue


async def test_show_neither_rows_nor_parameters_at_any_level(
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


def test_of_other_engines_stay_as_they_are(caplog: pytest.LogCaptureFixture) -> None:
    CatalogStore.open("sqlite://")
    caplog.set_level(logging.DEBUG, "sqlalchemy.engine")
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        connection.execute(text("SELECT 4711")).all()
    engine.dispose()
    assert "Row (4711,)" in [record.getMessage() for record in caplog.records]
