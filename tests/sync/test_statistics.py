"""What the models of a store are like, in numbers."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest
from support.catalogue_copies import copying

from scenario_async.sandbox import Catalogue
from scenario_async.sync import CatalogStore, ModelFilters, RunTotals, StoredModel, sync

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

pytestmark = [pytest.mark.anyio, pytest.mark.one_loop]


def counted(values: Iterable[str | None]) -> dict[str, int]:
    found = Counter(value for value in values if value is not None)
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def expected(models: list[StoredModel]) -> dict[str, Any]:
    months = counted(f"{one.created_at:%Y-%m}" if one.created_at else None for one in models)
    return {
        "models": len(models),
        "by_type": counted(one.type for one in models),
        "by_status": counted(one.status for one in models),
        "by_privacy": counted(one.privacy for one in models),
        "by_capability": counted(chain.from_iterable(set(one.capabilities or ()) for one in models)),
        "by_tag": counted(chain.from_iterable(set(one.tags or ()) for one in models)),
        "by_month": {month: months[month] for month in sorted(months)},
    }


async def test_numbers_are_those_of_the_models_that_fit(new_store: Callable[[], str]) -> None:
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

    async with copying(catalogue, new_store()) as copy:
        await sync(copy.scenario, copy.store, scopes=["private", "public"])
        catalogue.delete(private[5])
        await sync(copy.scenario, copy.store, scopes=["private", "public"], full=True)
        for filters in queries:
            found = await copy.store.statistics(**filters)
            fitting = [model async for model in copy.store.models(**filters)]
            for name, value in expected(fitting).items():
                assert getattr(found, name) == value, (filters, name)
                assert not isinstance(value, dict) or list(getattr(found, name)) == list(value)
            sizes = [len(model.record.encode()) for model in fitting]
            assert (found.sizes.records, found.sizes.largest_record) == (
                sum(sizes),
                max(sizes, default=0),
            )
            assert found.sizes.store > 0
