"""Models that go from one scope to another, and come back elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from support.catalogue_copies import copying, row

from scenario_async.sandbox import Catalogue, ServerError
from scenario_async.sandbox._answers import Answer
from scenario_async.sandbox._faults.faults import AnswerFault
from scenario_async.sync import CatalogStore, sync
from scenario_async.sync._comparison import Coverage, ScopePage
from scenario_async.sync._state import ScopeState
from scenario_async.sync._store.catalog_store import database_of
from scenario_async.sync._store.members import Members
from scenario_async.sync._store.writer import ScopeWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenario_async.sandbox import Fault

pytestmark = [pytest.mark.anyio, pytest.mark.one_loop]

NOW = datetime(2026, 10, 15, tzinfo=UTC)
ABSENT = ScopePage(rows=(), coverage=Coverage(None, None, set()))
UNDATED = {"createdAt": None, "updatedAt": None}


@pytest.mark.parametrize("fields", [None, UNDATED], ids=["dated", "undated"])
async def test_a_deleted_model_that_comes_back_elsewhere_has_left_its_scope(
    new_store_or_account: Callable[[], str], fields: dict[str, Any] | None
) -> None:
    catalogue = Catalogue()
    catalogue.add()
    model_id = catalogue.add("model_moved", fields=fields)

    async with copying(catalogue, new_store_or_account()) as copy:

        async def full(scope: str) -> None:
            await sync(copy.scenario, copy.store, scopes=[scope], full=True)

        await full("public")
        await full("private")
        catalogue.delete(model_id)
        await full("private")
        catalogue.restore(model_id)
        catalogue.update(model_id, privacy="public")
        await full("private")
        assert [*await copy.stored(scope="private", deleted=True)] == [model_id]
        await full("public")
        assert [*await copy.stored(scope="public")] == [model_id]
        assert model_id not in [*await copy.stored(scope="private", deleted=False)]


async def test_a_deleted_model_that_comes_back_is_in_the_scopes_that_were_not_listed_since(
    new_store: Callable[[], str],
) -> None:
    catalogue = Catalogue()
    collection = catalogue.add_collection("Some")
    model_id = catalogue.add(collection_ids=[collection])
    scopes = ["private", f"collection:{collection}"]

    async with copying(catalogue, new_store()) as copy:
        await sync(copy.scenario, copy.store, scopes=scopes)
        catalogue.delete(model_id)
        await sync(copy.scenario, copy.store, full=True)
        catalogue.restore(model_id)
        await sync(copy.scenario, copy.store, full=True)
        for scope in scopes:
            assert [*await copy.stored(scope=scope)] == [model_id]


async def test_a_model_that_another_scope_finds_before_a_walk_ends_is_not_where_the_walk_missed_it(
    new_store_or_account: Callable[[], str],
) -> None:
    async with CatalogStore.open(new_store_or_account()) as store:
        private, public = (writer_of(store, scope) for scope in ("private", "public"))
        members = Members(database_of(store), "private")
        await private.write(ScopePage(rows=[row("a"), row("b")]))
        await private.remove(["a"], {})
        await private.write(ABSENT)
        await public.write(ScopePage(rows=[row("a")]))
        assert await members.missing() == ["b"]
        await private.finish_walk(ScopeState(), 1)
        assert await members.count() == 0
        assert await Members(database_of(store), "public").count() == 1


async def test_a_scope_has_as_many_models_as_exist_of_it(
    new_store_or_account: Callable[[], str],
) -> None:
    async with CatalogStore.open(new_store_or_account()) as store:
        writer = writer_of(store, "private")
        members = Members(database_of(store), "private")
        await writer.write(ScopePage(rows=[row("a"), row("b"), row("c")]))
        await writer_of(store, "public").write(ScopePage(rows=[row("d")]))
        await writer.remove(["b"], {})
        assert await members.count() == 2
        assert [await members.are_at_least(count) for count in range(4)] == [True] * 3 + [False]


async def test_a_model_that_is_asked_for_by_its_id_and_exists_again_is_in_no_scope_that_missed_it(
    new_store: Callable[[], str],
) -> None:
    async with CatalogStore.open(new_store()) as store:
        writer = writer_of(store, "private")
        members = Members(database_of(store), "private")
        await writer.write(ScopePage(rows=[row("a")]))
        await writer.write(ABSENT)
        await writer.remove(["a"], {})
        await writer.write(ScopePage(rows=[row("a")], joins=False))
        assert await members.count() == 0
        assert await members.nowhere() == ["a"]


async def test_an_undated_model_whose_row_does_not_fit_any_more_stays_in_its_scope(
    new_store: Callable[[], str],
) -> None:
    catalogue = Catalogue()
    model_id = catalogue.add(fields=UNDATED)

    async with copying(catalogue, new_store()) as copy:
        await sync(copy.scenario, copy.store)
        catalogue.update(model_id, fields={"tags": 5})
        report = await sync(copy.scenario, copy.store, full=True)
        assert report.rejected == 1
        assert [*await copy.stored(scope="private")] == [model_id]


@dataclass(frozen=True, slots=True)
class Deleted(AnswerFault):
    """Gives the record of a deleted model, with the date of that."""

    model_id: str

    def answer(self) -> Answer:
        model = {"id": self.model_id, "deletedAt": "2026-10-15T00:00:00.000Z"}
        return Answer(body=msgspec.json.encode({"model": model}))


@pytest.mark.parametrize(
    "answer",
    [*map(ServerError, (403, 404, 410)), Deleted("model_gone")],
    ids=["forbidden", "not found", "gone", "a record that says so"],
)
async def test_a_model_that_is_gone_is_deleted_however_the_service_says_so(
    new_store: Callable[[], str], answer: Fault
) -> None:
    catalogue = Catalogue()
    model_id = catalogue.add("model_gone")

    async with copying(catalogue, new_store()) as copy:
        await sync(copy.scenario, copy.store)
        catalogue.delete(model_id)
        copy.sandbox.faults.add(ServerError(404), path="/models/get-bulk", times=None)
        copy.sandbox.faults.add(answer, path="/models/model_gone", times=None)
        assert (await copy.full()).deleted == 1
        assert await copy.deleted() == {model_id}


def writer_of(store: CatalogStore, scope: str) -> ScopeWriter:
    return ScopeWriter(database_of(store), scope, run=1, now=NOW)
