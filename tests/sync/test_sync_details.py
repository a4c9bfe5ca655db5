"""Full records beside the rows of listings: asked for once, and again when a model changes."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from support.catalogue_copies import Copy, copying

from scenario_async import EventHooks, InternalServerError
from scenario_async.sandbox import Catalogue, NotJSON, ServerError
from scenario_async.sync import SyncReport, export, sync

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scenario_async import ResponseEvent
    from scenario_async.sandbox import Sandbox

pytestmark = [pytest.mark.anyio, pytest.mark.one_loop]

RECORD = r"/models/model_"


def some_models(count: int = 12) -> Catalogue:
    catalogue = Catalogue()
    for _ in range(count):
        catalogue.add()
    return catalogue


async def copy_details(copy: Copy, **options: Any) -> SyncReport:
    copy.sandbox.requests.clear()
    return await sync(copy.scenario, copy.store, details=True, **options)


def asked_for(sandbox: Sandbox) -> Counter[str]:
    """How often each record was asked for."""
    paths = [one.path.removeprefix("/v1/models/") for one in sandbox.requests]
    return Counter(path for path in paths if path.startswith("model_"))


async def details_of(copy: Copy) -> dict[str, Any]:
    """The full records in the store."""
    rows = await copy.rows("SELECT id, details FROM models WHERE details IS NOT NULL")
    return {model_id: msgspec.json.decode(text) for model_id, text in rows}


async def test_full_records_have_what_listings_leave_out(tmp_path: Path) -> None:
    async with copying(some_models(), tmp_path / "models.db") as copy:
        report = await copy_details(copy)
        assert report.details == 12
        details = await details_of(copy)
        assert details.keys() == set(copy.catalogue.ids())
        for model_id, record in details.items():
            assert record["id"] == model_id
            assert record["inputs"]
            assert record["uiConfig"]
        async for model in copy.store.models():
            assert "inputs" not in msgspec.json.decode(model.record)
            inputs = model.model().inputs
            assert inputs is not None
            assert inputs[0].name == "prompt"


async def test_without_asking_for_details_there_are_none(tmp_path: Path) -> None:
    async with copying(some_models(), tmp_path / "models.db") as copy:
        await sync(copy.scenario, copy.store)
        assert not asked_for(copy.sandbox)
        assert await details_of(copy) == {}
        # Asked for later, all of them are new.
        report = await copy_details(copy)
        assert report.details == 12


@pytest.mark.parametrize("full", [True, False])
async def test_only_new_and_changed_models_are_asked_for_again(tmp_path: Path, full: bool) -> None:
    catalogue = some_models()
    changed, training = catalogue.ids()[:2]
    catalogue.update(training, status="training")

    async with copying(catalogue, tmp_path / "models.db") as copy:
        await copy_details(copy)
        assert asked_for(copy.sandbox) == Counter(catalogue.ids())
        report = await copy_details(copy, full=full)
        assert report.details == 0
        assert not asked_for(copy.sandbox)

        catalogue.sign_again()
        await copy_details(copy, full=full)
        assert not asked_for(copy.sandbox)

        added = catalogue.add()
        catalogue.update(training, status="trained")
        if full:
            catalogue.update(changed, name="Another name")
        await copy_details(copy, full=full)
        wanted = [added, training, changed] if full else [added, training]
        assert asked_for(copy.sandbox) == Counter(wanted)
        details = await details_of(copy)
        assert details[training]["status"] == "trained"
        assert (details[changed]["name"] == "Another name") is full


async def test_a_model_that_was_deleted_when_it_was_asked_for_is_asked_for_again_once_it_exists(
    tmp_path: Path,
) -> None:
    catalogue = some_models(2)
    gone, other = catalogue.ids()

    async with copying(catalogue, tmp_path / "models.db") as copy:
        copy.sandbox.faults.add(ServerError(404), path=RECORD + ".*" + gone[-3:])
        await copy_details(copy)
        assert (await details_of(copy)).keys() == {other}
        catalogue.delete(gone)
        await copy_details(copy, full=True)
        catalogue.restore(gone)
        await copy_details(copy, full=True)
        assert asked_for(copy.sandbox) == Counter([gone])
        assert (await details_of(copy)).keys() == {gone, other}


async def test_a_full_record_of_an_older_row_is_not_given_for_what_the_model_is_now(
    tmp_path: Path,
) -> None:
    catalogue = some_models()
    renamed = catalogue.ids()[0]

    async def names(copy: Copy) -> tuple[str | None, bool]:
        """The name of the record, and whether that is the full one."""
        (model,) = [one async for one in copy.store.models() if one.id == renamed]
        return model.model().name, model.details is not None

    async with copying(catalogue, tmp_path / "models.db") as copy:
        await copy_details(copy)
        catalogue.update(renamed, name="Another name")
        await sync(copy.scenario, copy.store, full=True)
        assert await names(copy) == ("Another name", False)
        exported = tmp_path / "models.jsonl"
        await export(copy.store, exported)
        records = map(msgspec.json.decode, exported.read_bytes().splitlines())
        full = {record["id"]: "inputs" in record for record in records}
        assert full == {one: one != renamed for one in catalogue.ids()}
        await copy_details(copy)
        assert await names(copy) == ("Another name", True)


async def test_deleted_models_are_not_asked_for(tmp_path: Path) -> None:
    catalogue = some_models()

    async with copying(catalogue, tmp_path / "models.db") as copy:
        await sync(copy.scenario, copy.store)
        gone = catalogue.ids()[3]
        catalogue.delete(gone)
        await copy_details(copy)
        assert asked_for(copy.sandbox) == Counter(catalogue.ids())


async def test_a_model_of_two_scopes_is_asked_for_once(tmp_path: Path) -> None:
    catalogue = some_models()
    collection = catalogue.add_collection("Some")
    for model_id in catalogue.ids()[::2]:
        catalogue.move(model_id, collection)

    async with copying(catalogue, tmp_path / "models.db") as copy:
        report = await copy_details(copy, scopes=[f"collection:{collection}", "private"])
        assert report.details == 12
        assert [one.details for one in report.scopes] == [6, 6]
        assert asked_for(copy.sandbox) == Counter(catalogue.ids())


@pytest.mark.parametrize("status", [403, 404])
async def test_what_may_not_be_read_is_not_asked_for_until_it_changes(
    tmp_path: Path, status: int
) -> None:
    catalogue = some_models()
    hidden = catalogue.ids()[4]

    async with copying(catalogue, tmp_path / "models.db") as copy:
        copy.sandbox.faults.add(ServerError(status), path=f"/models/{hidden}", times=None)
        report = await copy_details(copy)
        assert report.details == 11
        assert hidden not in await details_of(copy)
        for full in (True, False):
            await copy_details(copy, full=full)
            assert not asked_for(copy.sandbox)
        copy.sandbox.faults.clear()
        catalogue.update(hidden, name="Open now")
        report = await copy_details(copy, full=True)
        assert report.details == 1
        assert asked_for(copy.sandbox) == Counter([hidden])
        assert (await details_of(copy))[hidden]["name"] == "Open now"


async def test_a_failure_in_the_middle_keeps_every_record_that_came(tmp_path: Path) -> None:
    catalogue = some_models(250)
    ids = sorted(catalogue.ids())
    broken = ids[120]

    async with copying(catalogue, tmp_path / "models.db") as copy:
        copy.sandbox.faults.add(ServerError(500), path=f"/models/{broken}")
        with pytest.raises(InternalServerError) as caught:
            await copy_details(copy)
        first = asked_for(copy.sandbox)
        assert (await details_of(copy)).keys() == first.keys() - {broken}
        assert len(first) < 130
        (failed,) = await copy.store.runs(limit=1)
        assert failed.status == "failed"
        assert failed.report is not None
        assert failed.report.details == len(first) - 1
        assert caught.value.report == failed.report
        # The rows of the listing are whole, and what is there is not asked for again.
        assert await copy.alive() == set(ids)
        report = await copy_details(copy, full=False)
        assert report.details == 250 - len(first) + 1
        assert asked_for(copy.sandbox) + first == Counter([*ids, broken])
        assert (await details_of(copy)).keys() == set(ids)


async def test_a_cancellation_keeps_every_record_that_came(
    new_store_or_account: Callable[[], str],
) -> None:
    catalogue = some_models(60)

    async with copying(catalogue, new_store_or_account()) as copy:
        await sync(copy.scenario, copy.store)
        came = 0

        def count(event: ResponseEvent) -> None:
            nonlocal came
            came += event.path.startswith("/models/model_")
            if came == 30:
                copying_details.cancel()

        hooks = EventHooks(on_response=count)
        counted = copy.scenario.with_options(event_hooks=hooks)
        copying_details = asyncio.create_task(sync(counted, copy.store, details=True))
        with pytest.raises(asyncio.CancelledError):
            await copying_details
        (ended,) = await copy.store.runs(limit=1)
        assert ended.report is not None
        assert 30 <= came == ended.report.details < 40
        stored = [one.details async for one in copy.store.models()]
        assert sum(one is not None for one in stored) == came
        report = await copy_details(copy)
        assert report.details == 60 - came


async def test_a_scope_that_failed_leaves_details_for_the_next_run(tmp_path: Path) -> None:
    async with copying(some_models(), tmp_path / "models.db") as copy:
        copy.sandbox.faults.add(
            ServerError(500), when=lambda one: one.query.get("privacy") == "public"
        )
        with pytest.raises(InternalServerError):
            await copy_details(copy, scopes=["private", "public"])
        assert not asked_for(copy.sandbox)
        report = await copy_details(copy, scopes=["private", "public"])
        assert report.details == 12


async def test_a_record_that_never_can_be_read_does_not_keep_the_others_away(
    tmp_path: Path,
) -> None:
    catalogue = some_models(40)
    ids = sorted(catalogue.ids())

    async with copying(catalogue, tmp_path / "models.db") as copy:
        copy.sandbox.faults.add(NotJSON(), path=f"/models/{ids[3]}", times=None)
        await copy_details(copy)
        assert (await details_of(copy)).keys() == set(ids) - {ids[3]}


async def test_an_id_that_cannot_be_asked_for_does_not_keep_the_others_away(tmp_path: Path) -> None:
    catalogue = some_models()
    catalogue.add(" ")

    async with copying(catalogue, tmp_path / "models.db") as copy:
        await copy_details(copy)
        assert len(await details_of(copy)) == 12
