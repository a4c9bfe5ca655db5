"""What is odd in a row, a date or a store: it costs nothing else, is named, and can be repaired."""

from __future__ import annotations

import csv
import json
import warnings
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from sqlalchemy import select
from support.catalogue_copies import Copy, cap, copying

from scenario_async import ScenarioWarning
from scenario_async.sandbox import Catalogue
from scenario_async.sync import CatalogStore, StoreError, export, sync, watch
from scenario_async.sync._store.catalog_store import database_of
from scenario_async.sync._tables import rejected

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.anyio, pytest.mark.one_loop]
parquet: Any = import_module("pyarrow.parquet")  # it has no types


# Too deep for every Python: their limits differ.
DEEP = b"[" * 500_000 + b"]" * 500_000
# What a record may have without any harm, as its text is stored and no column has it.
HARMLESS: dict[str, dict[str, Any]] = {
    "a number beyond all": {"anything": msgspec.Raw(b"1e400000")},
    "digits": {"anything": msgspec.Raw(b"7" * 140_000)},
    "depth": {"anything": msgspec.Raw(b"[" * 500 + b"]" * 500)},
    "a NUL": {"anything": ["\0"], "name": "a\0b", "tags": ["\0"]},
}
# What does not fit, and whether the id of the model can still be told.
UNFIT: dict[str, tuple[dict[str, Any], bool]] = {
    "a number beyond all in a list": ({"tags": msgspec.Raw(b"[1e400000]")}, True),
    "digits in a list": ({"tags": msgspec.Raw(b"[" + b"7" * 140_000 + b"]")}, True),
    "an object in a list": ({"capabilities": [{"a": 1}]}, True),
    "half a character": ({"anything": msgspec.Raw(b'"\\ud800"')}, True),
    "half a character in a column": ({"name": msgspec.Raw(b'"\\ud800"')}, True),
    "depth in a list": ({"tags": msgspec.Raw(b"[" + DEEP + b"]")}, False),
    "depth elsewhere": ({"anything": msgspec.Raw(DEEP)}, False),
    "a NUL in the id": ({"id": "model_\0"}, False),
    "a NUL in the id, and more": ({"id": "model_\0", "name": 5}, False),
    "an id beyond all": ({"id": "model_" * 1000}, False),
}


async def rejected_rows(store: CatalogStore) -> dict[bytes, str | None]:
    async with database_of(store).transaction() as connection:
        found = await connection.execute(select(rejected.c.raw, rejected.c.model_id))
        return {bytes(row[0]): row[1] for row in found}


async def test_a_record_is_stored_whatever_else_it_has(new_store: Callable[[], str]) -> None:
    catalogue = Catalogue()
    odd = [catalogue.add(fields=fields) for fields in HARMLESS.values()]

    async with copying(catalogue, new_store()) as copy:
        async with aclosing(watch(copy.scenario, copy.store, every=3600)) as watched:
            for _ in odd:
                await anext(watched)
        for words in ("Once", "Again"):
            for model_id, fields in zip(odd, HARMLESS.values(), strict=True):
                catalogue.update(model_id, fields={**fields, "shortDescription": words})
            report = await sync(copy.scenario, copy.store, full=True)
            assert (report.changed, report.rejected, report.deleted) == (len(odd), 0, 0)
        async for model in copy.store.models():
            assert model.record.encode() == copy.sandbox.record(model.id)
        assert (await copy.stored()).keys() == set(odd)


async def test_a_row_that_no_database_takes_is_rejected_and_the_others_are_stored(
    new_store: Callable[[], str],
) -> None:
    catalogue = Catalogue.seeded(public=0, private=5, odd=False)
    good = set(catalogue.ids())
    odd = {catalogue.add(fields=fields): told for fields, told in UNFIT.values()}

    async with copying(catalogue, new_store()) as copy:
        for full in (None, True, False):
            report = await sync(copy.scenario, copy.store, full=full)
            assert (report.rejected, report.deleted) == (len(odd), 0)
            assert report.scopes[0].complete
            assert (await copy.stored()).keys() == good
            assert await rejected_rows(copy.store) == {
                copy.sandbox.record(one): one if told else None for one, told in odd.items()
            }


async def test_a_model_whose_row_no_database_takes_any_more_is_not_gone(
    new_store: Callable[[], str],
) -> None:
    catalogue = Catalogue.seeded(public=0, private=60, odd=False)
    known = set(catalogue.ids())

    async with copying(catalogue, new_store()) as copy:
        cap(copy.sandbox, 9)
        await sync(copy.scenario, copy.store)
        for model_id, (fields, _) in zip(catalogue.ids()[::6], UNFIT.values(), strict=True):
            catalogue.update(model_id, fields=fields)
        for full in (True, False, True):
            report = await sync(copy.scenario, copy.store, full=full)
            assert (report.deleted, report.scopes[0].complete) == (0, True)
            assert (await copy.stored()).keys() == known


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
        models = await copy.stored(deleted=None)
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
        models = await copy.stored(deleted=None)
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
        before = (await copy.stored(deleted=None))[strange]
        columns = ("created_at", "updated_at", "deleted_at", "first_seen_at")
        values = ", ".join(f"{column} = '{value}'" for column in columns)
        await copy.execute(f"UPDATE models SET {values} WHERE id = '{strange}'")  # noqa: S608 - ours
        await copy.execute(f"UPDATE runs SET started_at = '{value}', finished_at = '{value}'")  # noqa: S608 - ours

        model = (await copy.stored(deleted=None))[strange]
        assert [getattr(model, column) for column in columns] == [read] * len(columns)
        assert (await copy.store.runs())[0].started_at == read
        await export(copy.store, tmp_path / "models.parquet", deleted=None)
        assert parquet.read_table(tmp_path / "models.parquet").num_rows == 5

        await copy.execute(f"UPDATE models SET content_hash = '' WHERE id = '{strange}'")  # noqa: S608 - ours
        await bring_up_to_date(copy, full=True)
        after = (await copy.stored(deleted=None))[strange]
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


EDITS = [
    ("created_at", "yesterday"),
    ("updated_at", "2026-01-31T12:00:00"),
    ("tags", "a,b"),
    ("capabilities", '{"a": 1}'),
    ("collection_ids", "true"),
    ("tags", '["a"'),
]


@pytest.mark.parametrize("repair", ["delete", "hash"])
@pytest.mark.parametrize(("column", "value"), EDITS)
async def test_a_column_that_cannot_be_read_is_named_and_a_full_run_writes_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, column: str, value: str, repair: str
) -> None:
    # Each date is looked at before a full run.
    monkeypatch.setattr("scenario_async.sync._runs.full_run.WINDOW_ROWS", 1)
    catalogue = Catalogue.seeded(public=0, private=12, odd=False)
    broken = catalogue.ids()[5]
    here = f"WHERE id = '{broken}'"

    async with copying(catalogue, tmp_path / "models.db") as copy:
        await sync(copy.scenario, copy.store)
        before = await copy.stored()
        await copy.execute(f"UPDATE models SET {column} = '{value}' {here}")  # noqa: S608 - ours
        for form in ("csv", "parquet", "jsonl"):
            with pytest.raises(StoreError) as caught:
                await export(copy.store, tmp_path / f"models.{form}")
            assert f"the model {broken!r} cannot be read, for its {column}" in str(caught.value)
            assert "content_hash" in str(caught.value)
            assert value not in str(caught.value)
            assert not (tmp_path / f"models.{form}").exists()

        if repair == "hash":
            await copy.execute(f"UPDATE models SET content_hash = '' {here}")  # noqa: S608 - ours
        else:
            await copy.execute(f"DELETE FROM models {here}")  # noqa: S608 - ours
        report = await sync(copy.scenario, copy.store, full=True)
        assert (report.new + report.changed, report.deleted) == (1, 0)
        after = await copy.stored()
        assert after.keys() == before.keys()
        assert after[broken].record == before[broken].record
        assert getattr(after[broken], column) == getattr(before[broken], column)


async def test_lists_are_given_as_texts_whatever_is_stored(tmp_path: Path) -> None:
    catalogue = Catalogue.seeded(public=0, private=3, odd=False)
    model_id = catalogue.ids()[1]
    texts = ["a", '{"b": [1, null]}', "1e400000", "7" * 5000, "true"]

    async with copying(catalogue, tmp_path / "models.db") as copy:
        await sync(copy.scenario, copy.store)
        json = f'[null, "a", {", ".join(texts[1:])}]'
        await copy.execute(f"UPDATE models SET tags = '{json}' WHERE id = '{model_id}'")  # noqa: S608 - ours
        assert (await copy.stored())[model_id].tags == texts
        await export(copy.store, tmp_path / "models.parquet")
        await export(copy.store, tmp_path / "models.csv")
    rows = parquet.read_table(tmp_path / "models.parquet").to_pylist()
    assert {row["id"]: row["tags"] for row in rows}[model_id] == texts
    with (tmp_path / "models.csv").open(newline="") as file:
        tags = {row["id"]: row["tags"] for row in csv.DictReader(file)}
    assert tags[model_id] == ",".join(texts)


@pytest.mark.parametrize(
    ("column", "value"),
    [("report", "garbage"), ("report", '{"run": "one"}'), ("scopes", "private"), ("status", None)],
)
async def test_a_run_that_cannot_be_read_is_named(
    tmp_path: Path, column: str, value: str | None
) -> None:
    async with copying(Catalogue(), tmp_path / "models.db") as copy:
        await sync(copy.scenario, copy.store)
        if value is None:
            await copy.execute(f"UPDATE runs SET {column} = x'00ff'")  # noqa: S608 - ours
        else:
            await copy.execute(f"UPDATE runs SET {column} = '{value}'")  # noqa: S608 - ours
        with pytest.raises(StoreError, match=f"run 1 cannot be read, for its {column}: delete"):
            await copy.store.runs()
        await copy.execute("DELETE FROM runs")
        assert await copy.store.runs() == []


@pytest.mark.parametrize("value", ["garbage", "5", '{"full_at": "yesterday"}'])
async def test_a_state_that_cannot_be_read_is_named_and_forgotten_with_its_row(
    tmp_path: Path, value: str
) -> None:
    catalogue = Catalogue.seeded(public=0, private=3, odd=False)

    async with copying(catalogue, tmp_path / "models.db") as copy:
        await sync(copy.scenario, copy.store)
        await copy.execute(f"UPDATE state SET value = '{value}' WHERE key = 'scope:private'")  # noqa: S608 - ours
        with pytest.raises(StoreError, match="delete the row 'scope:private' of the table"):
            await sync(copy.scenario, copy.store)
        await copy.execute("DELETE FROM state WHERE key = 'scope:private'")
        catalogue.delete(catalogue.ids()[0])
        catalogue.advance(timedelta(days=31))
        report = await sync(copy.scenario, copy.store)
        assert (report.scopes[0].mode, report.unchanged, report.deleted) == ("full", 2, 1)
        assert await copy.alive() == set(catalogue.ids())
