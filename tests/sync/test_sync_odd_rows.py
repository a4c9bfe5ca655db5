"""Rows that no database takes: each is rejected by itself, and nothing is taken for gone."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from sqlalchemy import select
from support.catalogue_copies import cap, copying

from scenario_async.sandbox import Catalogue
from scenario_async.sync import CatalogStore, sync, watch
from scenario_async.sync._store.catalog_store import database_of
from scenario_async.sync._tables import rejected

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.anyio, pytest.mark.one_loop]

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


async def ids(store: CatalogStore) -> set[str]:
    return {model.id async for model in store.models()}


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
        assert await ids(copy.store) == set(odd)


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
            assert await ids(copy.store) == good
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
            assert await ids(copy.store) == known
