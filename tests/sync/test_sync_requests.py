"""What runs cost in requests, which are the scarcest thing there is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from support.catalogue_copies import Copy, all_trained, copying

from scenario_async.sandbox import Catalogue, ServerError
from scenario_async.sandbox._faults.page_faults import PageFault
from scenario_async.sync import ScopeReport, sync

if TYPE_CHECKING:
    from pathlib import Path

    from scenario_async.sandbox import Request
    from scenario_async.sandbox._api.pages import Page

pytestmark = [pytest.mark.anyio, pytest.mark.one_loop]

MANY = 1_200  # models: three windows of a full walk


@dataclass(frozen=True, slots=True)
class IgnoredStatus(PageFault):
    """Lists models of all statuses, deleted ones first, as if none had been asked for."""

    catalogue: Catalogue
    status: str

    def concerns(self, request: Request) -> bool:
        return request.query.get("status") == self.status

    def change(self, page: Page) -> Page:
        rows = sorted(self.catalogue.store.rows(), key=lambda row: row.deleted is None)
        # The listing of deleted models is gone through to its end.
        following = None if self.status == "deleted" else page.place.again()
        return replace(page, rows=[*rows[:500]], following=following)


def many_trained(count: int = MANY) -> Catalogue:
    return all_trained(Catalogue.seeded(public=0, private=count, odd=False))


def begin_training(catalogue: Catalogue, count: int, status: str = "training") -> list[str]:
    """Let so many models be in training, spread over the catalogue but for its latest ones."""
    ids = catalogue.ids()[len(catalogue) // 10 :]
    some = ids[:: len(ids) // count][:count]
    for model_id in some:
        catalogue.update(model_id, status=status)
    return some


async def asked(copy: Copy, **options: Any) -> tuple[ScopeReport, Counter[str]]:
    """A run, and how often it asked for what; the report counts the same."""
    copy.sandbox.requests.clear()
    report = await sync(copy.scenario, copy.store, **options)
    assert report.requests == len(copy.sandbox.requests)
    assert sum(scope.requests for scope in report.scopes) == report.requests
    kinds = (
        one.path.removeprefix("/v1/")
        if one.path != "/v1/models"
        else one.query.get("status") or ("since" if "createdAfter" in one.query else "listing")
        for one in copy.sandbox.requests
    )
    return report.scopes[0], Counter(kinds)


def refuse_bulk(copy: Copy) -> None:
    copy.sandbox.faults.add(ServerError(403), path="/models/get-bulk", times=None)


async def test_a_catalogue_in_training_costs_its_share_of_status_pages(tmp_path: Path) -> None:
    catalogue = many_trained(10_000)
    begin_training(catalogue, 2_500)

    async with copying(catalogue, tmp_path / "models.db") as copy:
        await sync(copy.scenario, copy.store)
        refuse_bulk(copy)
        report, requests = await asked(copy)
        assert (report.mode, report.changed, report.new) == ("incremental", 0, 0)
        assert requests["training"] == 5
        assert requests.total() <= 13


async def test_what_is_still_in_training_is_not_asked_for(tmp_path: Path) -> None:
    catalogue = many_trained()
    begin_training(catalogue, 7)
    begin_training(catalogue, 1, "new")

    async with copying(catalogue, tmp_path / "models.db") as copy:
        await sync(copy.scenario, copy.store)
        for _ in range(3):
            _, requests = await asked(copy)
            # As many as a full walk takes.
            assert requests.total() == 4


@pytest.mark.parametrize("bulk", [True, False], ids=["bulk", "no bulk"])
@pytest.mark.parametrize("status", ["new", "training", "copying"])
async def test_what_ends_its_training_is_written_for_one_request_more(
    tmp_path: Path, status: str, bulk: bool
) -> None:
    catalogue = many_trained()
    (changing,) = begin_training(catalogue, 1, status)

    async with copying(catalogue, tmp_path / "models.db") as copy:
        await sync(copy.scenario, copy.store)
        if not bulk:
            refuse_bulk(copy)
        catalogue.update(changing, status="trained", name="Ready")
        report, requests = await asked(copy)
        assert (report.mode, report.changed) == ("incremental", 1)
        by_id = {"models/get-bulk": 1} | ({} if bulk else {"since": 2})
        by_status = {} if status == "copying" else {status: 1}
        assert requests == {"since": 1, "deleted": 1} | by_status | by_id
        stored = {model.id: model async for model in copy.store.models()}
        assert (stored[changing].status, stored[changing].name) == ("trained", "Ready")
        # And that was all.
        _, requests = await asked(copy)
        assert requests == {"since": 1, "deleted": 1}


@pytest.mark.filterwarnings("ignore:.*refused createdAfter and createdBefore")
@pytest.mark.parametrize("undated", [True, False], ids=["in no window", "no windows"])
async def test_what_ends_its_training_is_found_where_neither_ids_nor_dates_lead_to_it(
    tmp_path: Path, undated: bool
) -> None:
    catalogue = many_trained()
    (changing,) = begin_training(catalogue, 1)
    if undated:
        catalogue.update(changing, fields={"createdAt": None})

    async with copying(catalogue, tmp_path / "models.db") as copy:
        await sync(copy.scenario, copy.store)
        refuse_bulk(copy)
        if not undated:
            copy.sandbox.faults.add(
                ServerError(400), times=None, when=lambda one: "createdBefore" in one.query
            )
        catalogue.update(changing, status="trained")
        report, _ = await asked(copy)
        assert (report.mode, report.changed) == ("full", 1)


async def test_a_few_models_are_listed_again_where_that_is_cheaper(tmp_path: Path) -> None:
    catalogue = many_trained(40)
    (changing,) = begin_training(catalogue, 1)
    renamed = next(one for one in catalogue.ids() if one != changing)

    async with copying(catalogue, tmp_path / "models.db") as copy:
        await sync(copy.scenario, copy.store)
        catalogue.update(renamed, name="Another name")
        report, requests = await asked(copy, full=False)
        assert (report.mode, report.changed) == ("full", 1)
        assert requests.total() == 2


async def test_many_that_end_their_training_at_once_are_listed_and_not_asked_for(
    tmp_path: Path,
) -> None:
    catalogue = many_trained()
    some = begin_training(catalogue, 300)

    async with copying(catalogue, tmp_path / "models.db") as copy:
        await sync(copy.scenario, copy.store)
        _, everything = await asked(copy, full=True)
        for model_id in some:
            catalogue.update(model_id, status="trained")
        report, requests = await asked(copy)
        assert (report.mode, report.changed) == ("full", 300)
        assert not requests["models/get-bulk"]
        # What is new, a page that told that so many have, and a full walk.
        assert requests.total() <= 2 + everything.total()


async def test_a_service_that_ignores_the_status_is_not_believed(tmp_path: Path) -> None:
    catalogue = many_trained()
    (changing, other) = begin_training(catalogue, 2)
    gone = next(one for one in catalogue.ids() if one not in (changing, other))

    async with copying(catalogue, tmp_path / "models.db") as copy:
        await sync(copy.scenario, copy.store)
        catalogue.update(changing, status="trained")
        catalogue.delete(gone)
        for status in ("training", "deleted"):
            copy.sandbox.faults.add(IgnoredStatus(catalogue, status), times=None)
        report, requests = await asked(copy)
        assert (report.changed, report.deleted, report.new) == (1, 1, 0)
        # One page shows that, with the next one under way, and the models are asked for.
        assert requests.pop("training") <= 2
        assert requests == {"since": 1, "deleted": 1, "models/get-bulk": 2}
        assert await copy.alive() == set(catalogue.ids())


async def test_models_of_a_collection_are_listed_by_their_status_too(tmp_path: Path) -> None:
    catalogue = many_trained()
    collection = catalogue.add_collection("Some")
    for model_id in catalogue.ids()[:1_100]:
        catalogue.move(model_id, collection)
    (changing, still) = (one for one in catalogue.ids()[:1_100:700])
    for model_id in (changing, still):
        catalogue.update(model_id, status="training")

    scope = f"collection:{collection}"
    async with copying(catalogue, tmp_path / "models.db") as copy:
        await sync(copy.scenario, copy.store, scopes=[scope])
        catalogue.update(changing, status="failed")
        report, requests = await asked(copy, scopes=[scope])
        assert (report.mode, report.changed) == ("incremental", 1)
        assert requests["training"] == 1
        status_page = next(one for one in copy.sandbox.requests if "status" in one.query)
        assert status_page.query["collectionId"] == collection


async def test_requests_that_were_tried_again_are_counted(tmp_path: Path) -> None:
    async with copying(many_trained(5), tmp_path / "models.db", max_retries=3) as copy:
        copy.sandbox.faults.add(ServerError(500), times=2)
        report, _ = await asked(copy)
        assert (report.requests, report.retries) == (3, 2)
        (kept,) = await copy.store.runs()
        assert kept.report is not None
        assert kept.report.scopes == [report]
