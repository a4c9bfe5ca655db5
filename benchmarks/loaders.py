"""The contenders that load: each puts every model of the service into a new database.

They are like the contenders that list, and have their database, empty, beside the open client
before anything is counted. Each database is in a folder of its own that goes with the contender.
What it holds in the end is counted when the measurement is over.
"""

# ruff: noqa: PLC0415 - as in contenders.py: a process imports what its contender needs and no more

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import asynccontextmanager, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec
from contenders import (
    Contender,
    Seen,
    Target,
    Walk,
    client_of,
    parameters_of,
    session_of,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from dlt.extract import DltSource

_SCHEMA = """
CREATE TABLE models (
    id TEXT PRIMARY KEY,
    name TEXT,
    type TEXT,
    status TEXT,
    privacy TEXT,
    capabilities TEXT,
    tags TEXT,
    collection_ids TEXT,
    created_at TEXT,
    updated_at TEXT,
    thumbnail_asset_id TEXT,
    raw TEXT NOT NULL
)
"""
_UPSERT = """
INSERT INTO models VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT(id) DO UPDATE SET
    name = excluded.name,
    type = excluded.type,
    status = excluded.status,
    privacy = excluded.privacy,
    capabilities = excluded.capabilities,
    tags = excluded.tags,
    collection_ids = excluded.collection_ids,
    created_at = excluded.created_at,
    updated_at = excluded.updated_at,
    thumbnail_asset_id = excluded.thumbnail_asset_id,
    raw = excluded.raw
"""
_COUNT = "SELECT count(DISTINCT id) FROM models"


class _Thumbnail(msgspec.Struct, rename="camel"):
    asset_id: str | None = None


class _Row(msgspec.Struct, rename="camel"):
    id: str
    name: str | None = None
    type: str | None = None
    status: str | None = None
    privacy: str | None = None
    capabilities: list[str] | None = None
    tags: list[str] | None = None
    collection_ids: list[str] | None = None
    created_at: str | None = None
    updated_at: str | None = None
    thumbnail: _Thumbnail | None = None


class _Page(msgspec.Struct, rename="camel"):
    models: list[msgspec.Raw]
    next_pagination_token: str | None = None


@contextmanager
def _new_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def _count(database: Path) -> int:
    """How many models there are in a SQLite file."""
    with closing(sqlite3.connect(database)) as connection:
        return int(connection.execute(_COUNT).fetchone()[0])


@asynccontextmanager
async def ours_sync(target: Target) -> AsyncIterator[Walk]:
    """Ours: ``sync`` into a store, as it comes."""
    from scenario_async.sync import CatalogStore, sync

    with _new_folder() as folder:
        database = folder / "models.db"
        async with (
            client_of(target) as client,
            CatalogStore.open(f"sqlite:///{database}") as store,
        ):

            async def walk() -> Seen:
                await sync(client, store, scopes=[target.privacy])
                return Seen(stored=partial(_count, database))

            yield walk


@asynccontextmanager
async def bare_load(target: Target) -> AsyncIterator[Walk]:
    """What one writes by hand: aiohttp, msgspec and sqlite3, page after page, upserts by id.

    The loop stands still while a page is written. An interrupted load begins again from the start.
    """
    decode_page = msgspec.json.Decoder(_Page).decode
    decode_row = msgspec.json.Decoder(_Row).decode
    encode = msgspec.json.Encoder().encode

    def values(raw: msgspec.Raw) -> tuple[str | None, ...]:
        row = decode_row(raw)
        return (
            row.id,
            row.name,
            row.type,
            row.status,
            row.privacy,
            encode(row.capabilities).decode(),
            encode(row.tags).decode(),
            encode(row.collection_ids).decode(),
            row.created_at,
            row.updated_at,
            row.thumbnail.asset_id if row.thumbnail else None,
            str(raw, "utf-8"),
        )

    with _new_folder() as folder:
        database = folder / "models.db"
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(_SCHEMA)
            async with session_of(target) as session:

                async def walk() -> Seen:
                    url, parameters = f"{target.base_url}/models", parameters_of(target)
                    while True:
                        async with session.get(url, params=parameters) as answer:
                            answer.raise_for_status()
                            page = decode_page(await answer.read())
                        with connection:
                            connection.executemany(_UPSERT, map(values, page.models))
                        if not page.next_pagination_token:
                            return Seen(stored=partial(_count, database))
                        parameters["paginationToken"] = page.next_pagination_token

                yield walk


def dlt_load(
    database: Literal["sqlite", "duckdb"], loader_file_format: Literal["parquet"] | None = None
) -> Contender:
    """dlt, as its documentation has it, spared what it could be.

    Nested values stay JSON columns, and rows are appended, which costs it less than merging by id.

    Args:
        database: Where it loads into.
        loader_file_format: What it writes between the service and the database; dlt chooses where
            there is none.
    """

    @asynccontextmanager
    async def contender(target: Target) -> AsyncIterator[Walk]:
        os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
        import dlt

        with _new_folder() as folder:
            pipeline = dlt.pipeline(
                pipeline_name="models",
                pipelines_dir=str(folder / "pipelines"),
                destination=(
                    dlt.destinations.sqlalchemy(f"sqlite:///{folder / 'models.db'}")
                    if database == "sqlite"
                    else dlt.destinations.duckdb(str(folder / "models.duckdb"))
                ),
                dataset_name="main" if database == "sqlite" else "catalogue",
            )
            source = _dlt_source(target)

            def count() -> int:
                with pipeline.sql_client() as client:
                    rows = client.execute_sql(_COUNT)
                return int(rows[0][0]) if rows else 0

            async def walk() -> Seen:
                pipeline.run(source, loader_file_format=loader_file_format)
                return Seen(stored=count)

            yield walk
            pipeline.deactivate()

    return contender


def _dlt_source(target: Target) -> DltSource:
    from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator
    from dlt.sources.rest_api import rest_api_source

    return rest_api_source(
        {
            "client": {
                "base_url": target.base_url,
                "auth": {
                    "type": "http_basic",
                    "username": target.api_key,
                    "password": target.api_secret,
                },
                "paginator": JSONResponseCursorPaginator(
                    cursor_path="nextPaginationToken", cursor_param="paginationToken"
                ),
            },
            "resources": [
                {
                    "name": "models",
                    "endpoint": {
                        "path": "models",
                        "params": parameters_of(target),
                        "data_selector": "models",
                    },
                }
            ],
        },
        max_table_nesting=0,
    )


# Of what dlt can do here, SQLite is the faster as it comes: loading 10,000 models took 11.9 s, and
# DuckDB 24.6 s. With Parquet in between, which it does not choose by itself, it was DuckDB with
# 7.6 s, and SQLite took 8.4 s.
LOADERS: dict[str, Contender] = {
    "ours-sync": ours_sync,
    "bare-load": bare_load,
    "dlt-sqlite": dlt_load("sqlite"),
    "dlt-duckdb-parquet": dlt_load("duckdb", "parquet"),
}
