"""Whose copy a store is: by the owner that private rows carry."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import delete, select
from support.catalogue_copies import Copy, copying

from scenario_async.sandbox import Catalogue
from scenario_async.sync import StoreError, TooManyDeletionsError, sync
from scenario_async.sync._store.catalog_store import database_of
from scenario_async.sync._tables import state

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable


pytestmark = [pytest.mark.anyio, pytest.mark.one_loop]

ONE_DAY = timedelta(days=1)
OURS, THEIRS, PARTNERS = "proj_ours", "proj_theirs", "team_partners"


def of(owner: str | None, *names: str, catalogue: Catalogue | None = None) -> Catalogue:
    """A catalogue with models of this owner."""
    catalogue = catalogue or Catalogue()
    for name in names:
        catalogue.add(name, fields={"ownerId": owner})
    return catalogue


@asynccontextmanager
async def other_account(copy: Copy, catalogue: Catalogue) -> AsyncGenerator[Copy, None]:
    """Another account, and the same store."""
    async with copying(catalogue, "sqlite://") as other:
        yield Copy(other.sandbox, other.scenario, copy.store)


async def owners(copy: Copy) -> Any:
    """What the store remembers."""
    database = database_of(copy.store)
    state = database.tables.state
    async with database.transaction() as connection:
        return await connection.scalar(select(state.c.value).where(state.c.key == "owners"))


@pytest.mark.parametrize("everything", [True, False])
async def test_models_of_another_owner_are_refused_before_anything_is_written(
    new_store_or_account: Callable[[], str], everything: bool
) -> None:
    async with copying(of(OURS, "a", "b"), new_store_or_account()) as copy:
        await copy.full()
        async with other_account(copy, of(THEIRS, "x", "y")) as other:
            with pytest.raises(StoreError, match=r"belong to 'proj_ours'.*'proj_theirs'"):
                await sync(other.scenario, other.store, full=everything)
        assert (await copy.stored()).keys() == {"a", "b"}
        assert await owners(copy) == [OURS]
        (failed,) = await copy.store.runs(1)
        assert failed.status == "failed"
        # And the store goes on as the copy that it is.
        copy.catalogue.delete("a")
        assert (await copy.full()).deleted == 1
        assert (await copy.stored()).keys() == {"b"}


async def test_another_owner_may_take_the_place_where_that_is_told(
    new_store_or_account: Callable[[], str],
) -> None:
    names = [f"a{number}" for number in range(30)]
    async with copying(of(OURS, *names), new_store_or_account()) as copy:
        await copy.full()
        async with other_account(copy, of(THEIRS, "x", "y")) as other:
            # It is not told that our models may be deleted.
            with pytest.raises(TooManyDeletionsError):
                await other.full(new_owner=True)
            await other.full(max_deletions=None)
            assert (await copy.stored()).keys() == {"x", "y"}
            assert await owners(copy) == [THEIRS]
        with pytest.raises(StoreError, match="belong to 'proj_theirs'"):
            await copy.full()


async def test_shared_models_of_other_owners_are_no_reason_to_refuse(
    new_store: Callable[[], str],
) -> None:
    catalogue = of(OURS, "a", "b")

    async with copying(catalogue, new_store()) as copy:
        await copy.full()
        # All that is new is of somebody else, and what was new before is gone.
        catalogue.delete("b")
        of(PARTNERS, "p", catalogue=catalogue)
        catalogue.add("q", fields={"ownerId": None})
        copy.sandbox.requests.clear()
        report = await sync(copy.scenario, copy.store, full=False)
        assert (report.new, report.deleted) == (2, 1)
        assert await owners(copy) == [OURS, PARTNERS]


async def test_a_look_at_the_latest_models_tells_shared_ones_from_another_account(
    new_store: Callable[[], str],
) -> None:
    """Where nothing of the owner is on the page that is listed."""

    catalogue = of(OURS, "a")
    catalogue.advance(ONE_DAY)
    of(OURS, "b", catalogue=catalogue)
    async with copying(catalogue, new_store()) as copy:
        await copy.full()
        catalogue.delete("b")
        of(PARTNERS, "p", "q", catalogue=catalogue)
        copy.sandbox.requests.clear()
        report = await sync(copy.scenario, copy.store, full=False)
        assert (report.new, report.deleted) == (2, 1)
        # What is new, whose the latest ones are, what was deleted, and whether it is gone.
        assert report.requests == len(copy.sandbox.requests) == 4


async def test_a_collection_of_shared_models_alone_is_no_reason_to_refuse(
    new_store: Callable[[], str],
) -> None:
    catalogue = of(OURS, "a")
    collection = catalogue.add_collection("Shared")
    catalogue.add("p", fields={"ownerId": PARTNERS}, collection_ids=[collection])

    async with copying(catalogue, new_store()) as copy:
        catalogue.delete("p")
        await copy.full()
        catalogue.restore("p")
        report = await copy.full(scopes=[f"collection:{collection}"])
        assert report.new == 1
        assert await owners(copy) == [OURS, PARTNERS]
        async with other_account(copy, catalogue_of_theirs(collection)) as other:
            with pytest.raises(StoreError, match="belong to 'proj_ours' and 1 more"):
                await other.full(scopes=[f"collection:{collection}"])


def catalogue_of_theirs(collection: str) -> Catalogue:
    catalogue = Catalogue()
    assert catalogue.add_collection("Theirs") == collection
    catalogue.add("x", fields={"ownerId": THEIRS}, collection_ids=[collection])
    return catalogue


@pytest.mark.parametrize("owner", [None, 5, "proj_\0"])
async def test_rows_that_name_no_owner_say_nothing(
    new_store: Callable[[], str], owner: Any
) -> None:
    async with copying(of(OURS, "a"), new_store()) as copy:
        await copy.full()
        async with other_account(copy, of(owner, "a", "x")) as other:
            assert (await other.full()).rejected == 0
            assert await owners(copy) == [OURS]
        async with other_account(copy, Catalogue()) as other:
            await other.full()
            assert await owners(copy) == [OURS]


async def test_public_models_have_whatever_owners(new_store: Callable[[], str]) -> None:
    catalogue = Catalogue.seeded(public=20, private=0)
    async with copying(catalogue, new_store()) as copy:
        await copy.full(scopes=["public"])
        assert await owners(copy) is None
        of(OURS, "a", catalogue=catalogue)
        await copy.full(scopes=["public", "private"])
        assert await owners(copy) == [OURS]


async def test_a_store_that_lost_all_its_private_models_may_be_of_another_owner(
    new_store: Callable[[], str],
) -> None:
    async with copying(of(OURS, "a"), new_store()) as copy:
        await copy.full()
        copy.catalogue.delete("a")
        await copy.full()
        async with other_account(copy, of(THEIRS, "x")) as other:
            await other.full()
            assert await owners(copy) == [THEIRS]


async def test_a_store_of_an_earlier_release_has_its_owner_in_its_records(
    new_store: Callable[[], str],
) -> None:
    async with copying(of(OURS, "a"), new_store()) as copy:
        await copy.full()
        async with database_of(copy.store).writing() as connection:
            await connection.execute(delete(state).where(state.c.key == "owners"))
        async with other_account(copy, of(THEIRS, "x")) as other:
            with pytest.raises(StoreError, match="belong to 'proj_ours'"):
                await other.full()
        await copy.full()
        assert await owners(copy) == [OURS]


async def test_what_is_remembered_and_cannot_be_read_is_named(new_store: Callable[[], str]) -> None:
    async with copying(of(OURS, "a"), new_store()) as copy:
        await copy.full()
        async with database_of(copy.store).writing() as connection:
            await connection.execute(
                state.update().where(state.c.key == "owners").values(value={"a": 1})
            )
        with pytest.raises(StoreError, match="delete the row 'owners' of the table 'state'"):
            await copy.full()
