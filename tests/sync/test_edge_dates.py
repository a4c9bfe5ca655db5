"""Dates at the edge of the calendar: whatever a row says, it costs no other row."""

from __future__ import annotations

import csv
import json
import warnings
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from support.catalogue_copies import Copy, copying

from scenario_async import ScenarioWarning
from scenario_async.sandbox import Catalogue
from scenario_async.sync import StoredModel, export, sync

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.anyio, pytest.mark.one_loop]

parquet: Any = import_module("pyarrow.parquet")  # it has no types

FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)
COLUMNS = ("created_at", "updated_at")
FIELDS = ("createdAt", "updatedAt")
# As sent, and as it is stored.
EDGES = {
    "0001-01-01T00:00:00Z": FIRST,
    "0001-01-01T00:00:00.000+00:00": FIRST,
    "0001-01-01T00:00:00.001Z": FIRST.replace(microsecond=1000),
    "0001-01-01T00:00:00+14:00": FIRST,
    "0001-01-01T00:00:00-01:00": FIRST.replace(hour=1),
    "1582-10-10T12:00:00Z": datetime(1582, 10, 10, 12, tzinfo=UTC),
    "9999-12-31T23:59:59.999Z": LAST,
    "9999-12-31T23:59:59.999999Z": LAST,
    "9999-12-31T23:30:00-12:00": LAST,
    "9999-12-31T23:00:00+01:00": datetime(9999, 12, 31, 22, tzinfo=UTC),
}


async def stored(copy: Copy) -> dict[str, StoredModel]:
    return {model.id: model async for model in copy.store.models(deleted=None)}


async def bring_up_to_date(copy: Copy, *, full: bool | None = None) -> tuple[int, int, int]:
    with warnings.catch_warnings():
        # The sandbox sorts by the dates of its own, and rows show others.
        warnings.simplefilter("ignore", ScenarioWarning)
        report = await sync(copy.scenario, copy.store, scopes=["private", "public"], full=full)
    return report.new, report.rejected, report.deleted


async def test_dates_at_the_edge_of_the_calendar_are_stored_and_read(
    tmp_path: Path, new_store: Callable[[], str]
) -> None:
    catalogue = Catalogue.seeded(public=3, private=3, odd=False)
    expected: dict[str, tuple[str, datetime]] = {}
    for sent, moment in EDGES.items():
        for field, column in zip(FIELDS, COLUMNS, strict=True):
            for privacy in ("private", "public"):
                added = catalogue.add(privacy=privacy, fields={field: sent})
                expected[added] = column, moment

    async with copying(catalogue, new_store()) as copy:
        size = len(expected) + 6
        assert await bring_up_to_date(copy) == (size, 0, 0)
        for full in (None, True, False):
            assert await bring_up_to_date(copy, full=full) == (0, 0, 0)
        models = await stored(copy)
        assert len(models) == size
        for model_id, (column, moment) in expected.items():
            assert getattr(models[model_id], column) == moment, (model_id, column)
        for form in ("csv", "jsonl", "parquet"):
            await export(copy.store, tmp_path / f"models.{form}")

    with (tmp_path / "models.csv").open(newline="") as file:
        written = {row["id"]: row for row in csv.DictReader(file)}
    lines = (tmp_path / "models.jsonl").read_text().splitlines()
    assert {json.loads(line)["id"] for line in lines} == written.keys() >= expected.keys()
    columns = parquet.read_table(tmp_path / "models.parquet").to_pylist()
    rows = {row["id"]: row for row in columns}
    for model_id, (column, moment) in expected.items():
        assert datetime.fromisoformat(written[model_id][column]) == moment
        assert rows[model_id][column] == moment


async def test_a_date_of_deletion_at_the_edge_of_the_calendar_is_stored_and_read(
    new_store: Callable[[], str],
) -> None:
    catalogue = Catalogue.seeded(public=0, private=40, odd=False)
    ids = catalogue.ids()

    async with copying(catalogue, new_store()) as copy:
        await bring_up_to_date(copy)
        dates = dict(zip(ids, ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"), strict=False))
        for model_id, date in dates.items():
            catalogue.update(model_id, fields={"deletedAt": date})
            catalogue.delete(model_id)
        assert (await bring_up_to_date(copy, full=False))[2] == len(dates)
        models = await stored(copy)
        for model_id, date in dates.items():
            assert models[model_id].deleted_at == datetime.fromisoformat(date)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("-infinity", FIRST),
        ("infinity", LAST),
        ("0044-03-15T12:00:00Z BC", FIRST),
        ("10000-01-01T00:00:00Z", LAST),
    ],
)
async def test_a_date_of_postgresql_beyond_the_calendar_is_read_as_its_edge_and_can_be_repaired(
    tmp_path: Path, new_postgresql: Callable[[], str], value: str, read: datetime
) -> None:
    catalogue = Catalogue.seeded(public=0, private=5, odd=False)
    strange = catalogue.ids()[2]

    async with copying(catalogue, new_postgresql()) as copy:
        await bring_up_to_date(copy)
        before = (await stored(copy))[strange]
        columns = ("created_at", "updated_at", "deleted_at", "first_seen_at")
        values = ", ".join(f"{column} = '{value}'" for column in columns)
        await copy.execute(f"UPDATE models SET {values} WHERE id = '{strange}'")  # noqa: S608 - ours
        await copy.execute(f"UPDATE runs SET started_at = '{value}', finished_at = '{value}'")  # noqa: S608 - ours

        model = (await stored(copy))[strange]
        assert [getattr(model, column) for column in columns] == [read] * len(columns)
        assert (await copy.store.runs())[0].started_at == read
        await export(copy.store, tmp_path / "models.parquet", deleted=None)
        assert parquet.read_table(tmp_path / "models.parquet").num_rows == 5

        await copy.execute(f"UPDATE models SET content_hash = '' WHERE id = '{strange}'")  # noqa: S608 - ours
        await bring_up_to_date(copy, full=True)
        after = (await stored(copy))[strange]
        assert (after.created_at, after.updated_at) == (before.created_at, before.updated_at)
        assert after.deleted_at is None


async def test_a_model_that_was_stored_before_all_time_is_missed_when_it_is_gone(
    new_postgresql: Callable[[], str],
) -> None:
    catalogue = Catalogue.seeded(public=40, private=0, odd=False)
    gone = catalogue.ids("public")[0]

    async with copying(catalogue, new_postgresql()) as copy:
        await bring_up_to_date(copy)
        await copy.execute(f"UPDATE models SET created_at = '-infinity' WHERE id = '{gone}'")  # noqa: S608 - ours
        catalogue.delete(gone)
        assert (await bring_up_to_date(copy, full=True))[2] == 1
