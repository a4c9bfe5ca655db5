"""Stores and browsers for tests of the gallery."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from scenario_async.gallery import application
from scenario_async.sync._comparison import ScopePage
from scenario_async.sync._rows import ModelRow, read_row
from scenario_async.sync._store.catalog_store import database_of
from scenario_async.sync._store.writer import ScopeWriter

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping
    from pathlib import Path

    from aiohttp import ClientResponse

    from scenario_async.sync import CatalogStore

NOW = datetime(2026, 10, 15, tzinfo=UTC)

Browser = TestClient[Any, Any]


async def write(
    store: CatalogStore,
    records: Iterable[Mapping[str, object]],
    *,
    scope: str = "private",
    deleted: Iterable[str] = (),
) -> None:
    """Put models into a store, as a run would, and mark some of them as deleted."""
    rows = [read_row(msgspec.json.encode(record)) for record in records]
    writer = ScopeWriter(database_of(store), scope, run=1, now=NOW)
    await writer.load()
    await writer.write(ScopePage(rows=[row for row in rows if isinstance(row, ModelRow)]))
    await writer.remove(list(deleted), {})


@asynccontextmanager
async def browsing(
    store: CatalogStore, pictures: Path, *, prefix: str = "", **options: Any
) -> AsyncGenerator[Browser]:
    """Ask for the pages of a gallery, which may be mounted in another application."""
    app = application(store, pictures=pictures, **options)
    if prefix:
        app, mounted = web.Application(), app
        app.add_subapp(prefix, mounted)
    async with TestClient(TestServer(app)) as browser:
        yield browser


async def text_of(response: ClientResponse, status: int = 200) -> str:
    """The text of a response with this status."""
    text = await response.text()
    assert response.status == status, text
    return text


def names(page: str) -> list[str]:
    """The names of the models on a page, in order."""
    return re.findall(r'title="[^"]*"><bdi>(.*?)</bdi></a></h2>', page)


def count(page: str) -> str:
    """How many models a page says there are."""
    found = re.search(r'id="count"[^>]*>(.*?)</span>', page)
    assert found is not None
    return found[1].strip()
