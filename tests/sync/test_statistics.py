"""What the models of a store are like, in numbers."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection
from support.catalogue_copies import copying

from scenario_async.sandbox import Catalogue
from scenario_async.sync import CatalogStore, Counts, ModelFilters, StoredModel, sync
from scenario_async.sync._backends.sqlite import SQLite
from scenario_async.sync._backends.urls import database_url
from scenario_async.sync._store import check_values
from scenario_async.sync._tables import models as table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

pytestmark = [pytest.mark.anyio, pytest.mark.one_loop]


def counted(values: Iterable[str | None]) -> dict[str, int]:
    found = Counter(value for value in values if value is not None)
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def each(lists: Iterable[list[str] | None]) -> Iterable[str]:
    return chain.from_iterable(set(one or ()) for one in lists)


def expected(models: list[StoredModel]) -> dict[str, Any]:
    months = counted(f"{one.created_at:%Y-%m}" if one.created_at else None for one in models)
    return {
        "models": len(models),
        "by_type": counted(one.type for one in models),
        "by_status": counted(one.status for one in models),
        "by_privacy": counted(one.privacy for one in models),
        "by_capability": counted(
            chain.from_iterable(set(one.capabilities or ()) for one in models)
        ),
        "by_tag": counted(chain.from_iterable(set(one.tags or ()) for one in models)),
        "by_month": {month: months[month] for month in sorted(months)},
    }


async def test_numbers_are_those_of_the_models_that_fit(
    new_store_or_account: Callable[[], str],
) -> None:
    catalogue = Catalogue.seeded(public=60, private=150, collections=2)
    private = catalogue.ids("private")
    catalogue.update(private[0], tags=["twice", "twice", "é"])
    catalogue.update(private[1], fields={"tags": [None, "twice"], "type": None, "createdAt": None})
    queries: list[ModelFilters] = [
        {},
        {"scope": "public"},
        {"deleted": None},
        {"deleted": True},
        {"status": "trained", "privacy": "private"},
        {"tags": ["twice"], "collection": catalogue.collections[0].id},
    ]

    async with copying(catalogue, new_store_or_account()) as copy:
        await sync(copy.scenario, copy.store, scopes=["private", "public"])
        catalogue.delete(private[5])
        await sync(copy.scenario, copy.store, scopes=["private", "public"], full=True)
        for filters in queries:
            found = await copy.store.statistics(**filters)
            fitting = [model async for model in copy.store.models(**filters)]
            for name, value in expected(fitting).items():
                assert getattr(found, name) == value, (filters, name)
                # The order of the groups as well.
                assert repr(getattr(found, name)) == repr(value)
            sizes = [len(model.record.encode()) for model in fitting]
            assert (found.sizes.records, found.sizes.largest_record) == (
                sum(sizes),
                max(sizes, default=0),
            )
            assert found.sizes.store > 0


async def test_numbers_are_of_one_moment_whatever_is_written_meanwhile(
    new_store: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with copying(Catalogue.seeded(public=0, private=9, odd=False), new_store()) as copy:
        await sync(copy.scenario, copy.store)
        scalar = AsyncConnection.scalar

        async def scalar_and_change(*asked: Any) -> Any:
            number = await scalar(*asked)
            await copy.execute("UPDATE models SET deleted_at = first_seen_at")
            return number

        monkeypatch.setattr(AsyncConnection, "scalar", scalar_and_change)
        counts = await copy.store.counts()
        await copy.execute("UPDATE models SET deleted_at = NULL")
        found = await copy.store.statistics()

    assert (counts.models, counts.deleted) == (9, 0)
    assert (found.models, sum(found.by_type.values())) == (9, 9)
    assert found.sizes.records > 0


async def test_runs_are_summed_up(new_store: Callable[[], str]) -> None:
    async with copying(Catalogue.seeded(public=0, private=30), new_store()) as copy:
        empty = await copy.store.statistics()
        reports = [await sync(copy.scenario, copy.store) for _ in range(2)]
        await copy.execute("UPDATE runs SET status = 'running', report = NULL WHERE id = 2")
        found = (await copy.store.statistics()).runs
        runs = await copy.store.runs()

    assert (empty.models, empty.by_type, empty.sizes.records, empty.runs.runs) == (0, {}, 0, 0)
    assert (empty.runs.first_at, empty.runs.work) == (None, Counts())
    assert (found.runs, found.by_status) == (2, {"finished": 1, "running": 1})
    assert (found.first_at, found.last_at) == (runs[1].started_at, runs[0].started_at)
    for name in Counts.__struct_fields__:
        assert getattr(found.work, name) == pytest.approx(getattr(reports[0], name))


async def test_what_cannot_be_read_is_in_no_group(new_store: Callable[[], str]) -> None:
    url = new_store()
    sqlite = url.startswith("sqlite")

    async with copying(Catalogue.seeded(public=0, private=9, odd=False), url) as copy:
        await sync(copy.scenario, copy.store)
        moments = ["'-infinity'", "'0044-03-15T12:00:00Z BC'"] * 2
        if sqlite:
            moments = ["'yesterday'", "'2026-0'", "'2026-13-01'", "'2026-00-01'"]
        lists = ["'[\"a'" if sqlite else "'true'", "'{\"a\": 1}'", "'5'", "'\"alone\"'"]
        ids = [model.id async for model in copy.store.models(limit=4)]
        for model_id, moment, values in zip(ids, moments, lists, strict=True):
            changes = f"created_at = {moment}, tags = {values}, type = NULL"
            await copy.execute(f"UPDATE models SET {changes} WHERE id = '{model_id}'")  # noqa: S608 - ours
        found = await copy.store.statistics()
        await copy.execute("UPDATE models SET tags = NULL WHERE type IS NULL")
        without = await copy.store.statistics()

    assert (found.models, sum(found.by_type.values())) == (9, 5)
    assert found.by_tag == without.by_tag
    assert sum(found.by_month.values()) == (5 if sqlite else 9)
    assert sqlite or next(iter(found.by_month.items())) == ("0001-01", 4)


async def test_a_value_that_no_model_has_is_told_whatever_lists_have(
    new_store_or_account: Callable[[], str],
) -> None:
    catalogue = Catalogue.seeded(public=0, private=3, odd=False)
    catalogue.update(catalogue.ids("private")[0], fields={"tags": [None, "anime"]})
    async with copying(catalogue, new_store_or_account()) as copy:
        await sync(copy.scenario, copy.store)
        last = catalogue.ids("private")[-1]
        for tags in ('["anime"]', "5", '["x", 7, {"a": 1}]'):
            await copy.execute(f"UPDATE models SET tags = '{tags}' WHERE id = '{last}'")  # noqa: S608 - ours
            await check_values(copy.store, tags=["nothing", "anime"])
            with pytest.raises(ValueError, match="has tags='anme'; did you mean 'anime'"):
                await check_values(copy.store, tags=["anme"])


async def test_a_filter_that_there_is_not_is_named() -> None:
    unknown: Any = {"stat": "trained"}
    with pytest.raises(TypeError, match=r"statistics\(\) got .* 'stat'; did you mean 'status'[?]"):
        await CatalogStore.open("sqlite://").statistics(**unknown)


@pytest.mark.parametrize(
    ("version", "sql"), [((3, 42, 0), "length(CAST("), ((3, 43, 0), "octet_length(")]
)
def test_an_sqlite_that_knows_how_long_a_text_is_need_not_read_it(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int], sql: str
) -> None:
    monkeypatch.setattr("sqlite3.sqlite_version_info", version)
    backend = SQLite(database_url("sqlite://"))
    assert str(backend.octets(table.c.record)).startswith(sql)
