"""A listing that is suddenly empty, or much shorter: what is gone, and what only seems to be."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from support.catalogue_copies import Copy, all_trained, copying

from scenario_async import InternalServerError
from scenario_async.sandbox import Catalogue, ServerError
from scenario_async.sandbox._answers import Answer
from scenario_async.sandbox._faults.faults import AnswerFault
from scenario_async.sandbox._faults.page_faults import PageFault
from scenario_async.sync import Removed, StoreCounts, SyncReport, TooManyDeletionsError, sync, watch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scenario_async.sandbox._api.pages import Page

pytestmark = [pytest.mark.anyio, pytest.mark.one_loop]

NEVER_FRESH = timedelta(0)


@dataclass(frozen=True, slots=True)
class NoModels(PageFault):
    """Lists nothing."""

    def change(self, page: Page) -> Page:
        return replace(page, rows=[], following=None)


@dataclass(frozen=True, slots=True)
class KnowsNone(AnswerFault):
    """Gives none of the models that are asked for at once."""

    def answer(self) -> Answer:
        return Answer(body=b'{"models": []}')


def many(count: int) -> Catalogue:
    return all_trained(Catalogue.seeded(public=0, private=count, odd=False))


async def full(copy: Copy, **options: Any) -> SyncReport:
    copy.sandbox.requests.clear()
    return await sync(copy.scenario, copy.store, full=True, **options)


def asked_by_id(copy: Copy) -> int:
    return sum(one.path != "/v1/models" for one in copy.sandbox.requests)


def list_nothing(copy: Copy, *, times: int | None = None) -> None:
    copy.sandbox.faults.add(NoModels(), path="/models$", times=times)


def know_none(copy: Copy) -> None:
    copy.sandbox.faults.add(KnowsNone(), path="/models/get-bulk", times=None)


async def test_a_listing_that_is_empty_once_costs_another_walk_and_no_model(
    new_store: Callable[[], str],
) -> None:
    catalogue = many(1_000)

    async with copying(catalogue, new_store()) as copy:
        for _ in range(2):
            await full(copy, max_concurrency=1)
        windows = len(copy.sandbox.requests) - 1  # but for the listing of deletions
        list_nothing(copy, times=windows)
        report = await full(copy, max_concurrency=1)
        assert (report.new, report.changed, report.deleted) == (0, 0, 0)
        assert report.unchanged == 0  # none was seen the first time
        assert asked_by_id(copy) == 0
        assert len(copy.sandbox.requests) <= 2 * windows + 1
        assert await copy.alive() == set(catalogue.ids())
        assert (await full(copy)).unchanged == 1_000


@pytest.mark.parametrize("count", [30, 1_000])
async def test_models_that_are_not_listed_and_still_exist_only_leave_the_scope(
    new_store: Callable[[], str], count: int
) -> None:
    catalogue = many(count)

    async with copying(catalogue, new_store()) as copy:
        await full(copy)
        list_nothing(copy)
        report = await full(copy)
        assert report.deleted == 0
        assert asked_by_id(copy) == -(-count // 50)
        assert await copy.store.counts() == counts_of(models=count, private=0)


def counts_of(*, models: int, private: int, deleted: int = 0) -> StoreCounts:
    return StoreCounts(models=models, deleted=deleted, rejected=0, scopes={"private": private})


@pytest.mark.parametrize("count", [21, 1_000])
async def test_a_run_that_would_delete_most_of_a_scope_stops_before_it_does(
    new_store: Callable[[], str], count: int
) -> None:
    catalogue = many(count)

    async with copying(catalogue, new_store()) as copy:
        await full(copy)
        list_nothing(copy)
        know_none(copy)
        for _ in range(2):
            with pytest.raises(TooManyDeletionsError, match=r"max_deletions=1\.0") as caught:
                await sync(copy.scenario, copy.store, full=True)
            assert (caught.value.scope, caught.value.models) == ("private", count)
            assert count // 2 < caught.value.deletions <= count // 2 + 50
            assert await copy.store.counts() == counts_of(models=count, private=count)
            (failed,) = await copy.store.runs(1)
            assert failed.status == "failed"

        # The next run lists everything again, whatever it is told.
        copy.sandbox.faults.clear()
        report = await sync(copy.scenario, copy.store, full=False)
        assert (report.unchanged, report.deleted) == (count, 0)
        assert await copy.store.counts() == counts_of(models=count, private=count)


def test_the_error_survives_pickling() -> None:
    error = TooManyDeletionsError("too many", scope="private", deletions=21, models=40)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert (str(again), vars(again)) == (str(error), vars(error))
    assert (again.scope, again.deletions, again.models) == ("private", 21, 40)


@pytest.mark.parametrize("told", [1.0, None, 40])
async def test_most_of_a_scope_is_deleted_where_that_is_told(
    new_store_or_account: Callable[[], str], told: float | None
) -> None:
    async with copying(many(40), new_store_or_account()) as copy:
        await full(copy)
        list_nothing(copy)
        know_none(copy)
        with pytest.raises(TooManyDeletionsError):
            await full(copy)
        # Without ``full``: the walk was not finished.
        report = await sync(copy.scenario, copy.store, max_deletions=told)
        assert report.deleted == 40
        counts = counts_of(models=0, private=0, deleted=40)
        assert await copy.store.counts() == counts


async def test_what_else_a_run_has_found_is_kept_where_it_stops(
    new_store_or_account: Callable[[], str],
) -> None:
    catalogue = many(60)

    async with copying(catalogue, new_store_or_account()) as copy:
        await full(copy)
        gone = forget(catalogue, 10)
        new = catalogue.add()
        with pytest.raises(TooManyDeletionsError, match="of the 61 models") as caught:
            await full(copy, max_deletions=5)
        assert caught.value.deletions > 5
        assert await copy.alive() == {*catalogue.ids(), *gone}
        assert new in {one.id async for one in copy.store.models(scope="private")}
        assert (await full(copy)).deleted == 10
        assert await copy.alive() == set(catalogue.ids())


async def test_half_of_a_scope_and_all_of_a_small_one_may_be_deleted(tmp_path: Path) -> None:
    for count, gone in ((60, 30), (20, 20)):
        catalogue = many(count)
        async with copying(catalogue, tmp_path / f"{count}.db") as copy:
            await full(copy)
            forget(catalogue, gone)
            assert (await full(copy)).deleted == gone


@pytest.mark.parametrize("everything", [True, False])
async def test_deletions_that_the_service_lists_do_not_count(
    tmp_path: Path, everything: bool
) -> None:
    catalogue = many(600)

    async with copying(catalogue, tmp_path / "models.db") as copy:
        await full(copy)
        for model_id in catalogue.ids()[:599]:
            catalogue.delete(model_id)
        report = await sync(copy.scenario, copy.store, full=everything, max_deletions=0)
        assert report.deleted == 599
        assert await copy.alive() == set(catalogue.ids())


async def test_answers_for_single_models_are_kept_whatever_ends_the_run(tmp_path: Path) -> None:
    catalogue = many(600)

    async with copying(catalogue, tmp_path / "models.db") as copy:
        await full(copy)
        forget(catalogue, 130)
        copy.sandbox.faults.add(ServerError(403), path="/models/get-bulk", times=None)
        copy.sandbox.faults.add(ServerError(500), path="/models/model_", after=30)
        with pytest.raises(InternalServerError):
            await full(copy)
        (failed,) = await copy.store.runs(1)
        assert failed.report is not None
        asked = asked_by_id(copy) - 1
        assert failed.report.deleted == asked - 1 < 40
        report = await full(copy)
        assert report.deleted == 130 - (asked - 1)
        # Whether many may be asked for is known.
        assert asked_by_id(copy) == report.deleted
        assert await copy.alive() == set(catalogue.ids())


async def test_where_models_are_asked_for_one_by_one_another_walk_comes_first(
    tmp_path: Path,
) -> None:
    catalogue = many(600)

    async with copying(catalogue, tmp_path / "models.db") as copy:
        for _ in range(2):
            await full(copy, max_concurrency=1)
        windows = len(copy.sandbox.requests)
        copy.sandbox.faults.add(ServerError(403), path="/models/get-bulk", times=None)
        # Fewer than a walk costs by fifties, and more by ones.
        list_nothing(copy, times=1)
        report = await full(copy, max_concurrency=1)
        assert report.deleted == 0
        assert asked_by_id(copy) <= 1
        assert len(copy.sandbox.requests) <= 2 * windows + 1
        assert await copy.members("private") == set(catalogue.ids())


async def test_who_watches_is_told_as_well(tmp_path: Path) -> None:
    catalogue = many(40)

    async with copying(catalogue, tmp_path / "models.db") as copy:
        await full(copy)
        forget(catalogue, 30)
        with pytest.raises(TooManyDeletionsError):
            await anext(watch(copy.scenario, copy.store, every=1, full_every=NEVER_FRESH))
        changes = watch(
            copy.scenario, copy.store, every=1, full_every=NEVER_FRESH, max_deletions=30
        )
        assert isinstance(await anext(changes), Removed)
        await changes.aclose()


@pytest.mark.parametrize(
    ("limit", "error"),
    [
        (-1, ValueError),
        (1.5, ValueError),
        (-0.1, ValueError),
        (float("nan"), ValueError),
        (True, TypeError),
        ("50%", TypeError),
    ],
)
async def test_a_limit_that_is_none_is_refused(
    tmp_path: Path, limit: Any, error: type[Exception]
) -> None:
    async with copying(Catalogue(), tmp_path / "models.db") as copy:
        with pytest.raises(error, match="max_deletions"):
            await sync(copy.scenario, copy.store, max_deletions=limit)
        assert not copy.sandbox.requests


def forget(catalogue: Catalogue, count: int) -> list[str]:
    """Delete models so long ago that the service does not list them any more."""
    gone = catalogue.ids()[-count:]
    for model_id in gone:
        catalogue.delete(model_id)
    catalogue.advance(timedelta(days=31))
    return gone
