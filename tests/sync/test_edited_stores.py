"""Stores that somebody has written into: what cannot be read is named, and can be repaired."""

from __future__ import annotations

import csv
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from support.catalogue_copies import Copy, copying

from scenario_async.sandbox import Catalogue
from scenario_async.sync import StoredModel, StoreError, export, sync

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.anyio, pytest.mark.one_loop]

parquet: Any = import_module("pyarrow.parquet")  # it has no types

EDITS = [
    ("created_at", "yesterday"),
    ("updated_at", "2026-01-31T12:00:00"),
    ("tags", "a,b"),
    ("capabilities", '{"a": 1}'),
    ("collection_ids", "true"),
    ("tags", '["a"'),
]


async def stored(copy: Copy) -> dict[str, StoredModel]:
    return {model.id: model async for model in copy.store.models()}


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
        before = await stored(copy)
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
        after = await stored(copy)
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
        assert (await stored(copy))[model_id].tags == texts
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
