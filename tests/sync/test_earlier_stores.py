"""A store that an earlier release has written opens, and its next run goes on."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from support.catalogue_copies import all_trained, copying

from scenario_async.sandbox import Catalogue
from scenario_async.sync import StoreError, sync
from scenario_async.sync._rows import content_hash

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.anyio, pytest.mark.one_loop]

# As release 0.1 makes them, without what only a whole walk adds.
TABLES = """
CREATE TABLE changes (id INTEGER NOT NULL, kind TEXT NOT NULL, model_id TEXT NOT NULL, fields JSON,
    PRIMARY KEY (id));
CREATE TABLE memberships (scope TEXT NOT NULL, model_id TEXT NOT NULL, missing_in INTEGER,
    PRIMARY KEY (scope, model_id)) WITHOUT ROWID;
CREATE TABLE models (id TEXT NOT NULL, name TEXT, type TEXT, status TEXT, privacy TEXT,
    capabilities JSON, tags JSON, collection_ids JSON, created_at TEXT, updated_at TEXT,
    thumbnail_asset_id TEXT, deleted_at TEXT, first_seen_at TEXT NOT NULL,
    content_hash TEXT NOT NULL, record TEXT NOT NULL, details TEXT, details_hash TEXT,
    PRIMARY KEY (id));
CREATE TABLE rejected (scope TEXT NOT NULL, row_key TEXT NOT NULL, model_id TEXT,
    raw BLOB NOT NULL, error TEXT NOT NULL, run INTEGER NOT NULL,
    PRIMARY KEY (scope, row_key)) WITHOUT ROWID;
CREATE TABLE runs (id INTEGER NOT NULL, started_at TEXT NOT NULL, finished_at TEXT,
    status TEXT NOT NULL, scopes JSON NOT NULL, report JSON, error TEXT, PRIMARY KEY (id));
CREATE TABLE state ("key" TEXT NOT NULL, version INTEGER NOT NULL, value JSON, PRIMARY KEY ("key"));
INSERT INTO state VALUES ('schema', 1, NULL);
INSERT INTO state VALUES ('source', 1, '{"service": "this machine", "project": null}');
"""


def write_as_earlier(path: Path, records: list[bytes], walk: Any = None) -> None:
    """A store of private models, as an earlier release has written it an hour ago."""
    ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    rows = list(map(json.loads, records))
    mark = max(row["createdAt"] for row in rows)
    scope = {"mark": mark, "full_at": ago, "run_at": ago, "walk": walk}
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(TABLES)
        for row, record in zip(rows, records, strict=True):
            known = {
                "id": row["id"],
                "name": row["name"],
                "type": row["type"],
                "status": row["status"],
                "privacy": row["privacy"],
                "created_at": row["createdAt"],
                "updated_at": row["updatedAt"],
                "first_seen_at": "2026-10-01T00:00:00.000Z",
                "content_hash": content_hash(record),
                "record": record.decode(),
            }
            names, marks = ", ".join(known), ", ".join("?" * len(known))
            database.execute(
                f"INSERT INTO models ({names}) VALUES ({marks})",  # noqa: S608 - ours
                list(known.values()),
            )
            database.execute("INSERT INTO memberships VALUES ('private', ?, NULL)", [row["id"]])
        database.execute("INSERT INTO state VALUES ('scope:private', 1, ?)", [json.dumps(scope)])


async def records_of(catalogue: Catalogue, folder: Path) -> list[bytes]:
    async with copying(catalogue, folder / "now.db") as copy:
        page = await copy.scenario.models.private(page_size=500)
        return [model.raw for model in page.models]


@pytest.mark.parametrize("everything", [None, True])
async def test_a_store_of_an_earlier_release_goes_on(
    tmp_path: Path, everything: bool | None
) -> None:
    catalogue = all_trained(Catalogue.seeded(public=0, private=40, odd=False))

    path = tmp_path / "models.db"
    write_as_earlier(path, await records_of(catalogue, tmp_path))
    async with copying(catalogue, path) as copy:
        gone = catalogue.ids()[3]
        catalogue.delete(gone)
        catalogue.add(fields={"ownerId": "proj_other"})
        report = await sync(copy.scenario, copy.store, full=everything)
        (scope,) = report.scopes
        assert scope.mode == ("full" if everything else "incremental")
        assert (report.new, report.changed, report.deleted) == (1, 0, 1)
        assert await copy.alive() == set(catalogue.ids())
        # It knows its owner from its records, and that of what is new.
        ((owners,),) = await copy.rows("SELECT value FROM state WHERE key = 'owners'")
        assert len(json.loads(owners)) == 2


async def test_a_walk_that_an_earlier_release_began_is_finished(tmp_path: Path) -> None:
    catalogue = all_trained(Catalogue.seeded(public=0, private=40, odd=False))

    path = tmp_path / "models.db"
    rows = await records_of(catalogue, tmp_path)
    began = {
        "run": 7,
        "began_at": "2026-10-20T00:00:00Z",
        "left": [[0, None]],
        "mark": None,
        "undated": False,
    }
    write_as_earlier(path, rows, walk=began)
    async with copying(catalogue, path) as copy:
        report = await sync(copy.scenario, copy.store)
        assert report.scopes[0].mode == "resumed"
        assert (report.unchanged, report.deleted) == (40, 0)


async def test_another_accounts_models_are_no_surprise_to_a_store_of_an_earlier_release(
    tmp_path: Path,
) -> None:
    path = tmp_path / "models.db"
    ours = all_trained(Catalogue.seeded(public=0, private=40, odd=False))
    write_as_earlier(path, await records_of(ours, tmp_path))
    theirs = Catalogue()
    theirs.add(fields={"ownerId": "proj_theirs"})
    async with copying(theirs, path) as copy:
        with pytest.raises(StoreError, match="'proj_theirs'"):
            await sync(copy.scenario, copy.store, full=True)
        assert len(await copy.alive()) == 40
