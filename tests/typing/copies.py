"""What a caller's type checker must accept of a copy, and what it must refuse; see ``listings``."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import assert_type

import msgspec

from scenario_async import AsyncScenario, Model, ScenarioError
from scenario_async.live import Delta, LiveCatalog, Resync
from scenario_async.sync import (
    Added,
    CatalogStore,
    Change,
    Changed,
    ModelSelection,
    Removed,
    StoredModel,
    StoreStatistics,
    watch,
)


class Short(msgspec.Struct):
    id: str


def take_error(error: ScenarioError) -> None:
    assert_type(error, ScenarioError)


def take_any(error: Exception) -> None:
    assert_type(error, Exception)


async def right(scenario: AsyncScenario, store: CatalogStore) -> None:
    assert_type(await store.get("model_x"), StoredModel | None)
    models = store.models(ids={"a", "b"}, order_by="-created_at", offset=20, limit=20)
    assert_type(models, AsyncGenerator[StoredModel, None])
    store.models(ids=(model.id for model in [Model(id="a")]))
    selected: ModelSelection = {"scope": "public", "order_by": "-name", "limit": 5}
    await store.to_arrow(["id", "name"], **selected)
    await store.to_arrow(columns={"id"}, ids=["a"], deleted=None)
    assert_type(await store.statistics(tags=["a"], deleted=True), StoreStatistics)
    watch(scenario, store, every=timedelta(minutes=1), on_error=take_any)
    changes = watch(scenario, store, every=60, on_error=take_error)
    assert_type(changes, AsyncGenerator[Change, None])
    async for change in changes:
        match change:
            case Added(model=model) | Changed(model=model):
                assert_type(model, Model | None)
            case Removed(id=model_id):
                assert_type(model_id, str)


async def right_live(scenario: AsyncScenario, store: CatalogStore) -> None:
    live = LiveCatalog(scenario, store=store, scopes=["public"], every=timedelta(minutes=1))
    assert_type(live, LiveCatalog[Model])
    assert_type(live["model_x"], Model)
    assert_type(live.get("model_x"), Model | None)
    assert_type(live.get("model_x", 0), Model | int)
    short = LiveCatalog(None, store=store, role="reader", as_type=Short)
    assert_type(short.now.find(type="lora", sort="-name"), list[Short])
    assert_type(await short.now.search("pixel"), list[Short])
    async for change in short.changes():
        match change:
            case Delta(added=added):
                assert_type(dict(added), dict[str, Short])
            case Resync(snapshot=snapshot):
                assert_type(snapshot["model_x"], Short)


async def wrong(scenario: AsyncScenario, store: CatalogStore) -> None:
    store.models(order_by="size")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    store.models(ids=[1])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    store.models(offset="1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await store.to_arrow(typ="a")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await store.to_arrow(limit="1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await store.statistics(limit=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    watch(scenario, store)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    found = await store.get("model_x")
    len(found.record)  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]
    LiveCatalog(scenario, scope="public")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
