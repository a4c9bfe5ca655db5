"""Where no history leads: clocks that stand, databases in memory, models that nobody has."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from support.catalogue_copies import Copy, all_trained, copying

from scenario_async import BadRequestError, InternalServerError, PermissionDeniedError
from scenario_async.sandbox import Catalogue, Delayed, IgnoredBounds, ServerError
from scenario_async.sandbox._answers import Answer, reason
from scenario_async.sandbox._faults.faults import AnswerFault
from scenario_async.sync import CatalogStore, StoreError, export, sync
from scenario_async.sync._store.catalog_store import database_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scenario_async.sandbox import Request
    from scenario_async.sync import ScopeReport

pytestmark = [pytest.mark.anyio, pytest.mark.one_loop]

SCOPES = ["private", "public"]


@pytest.mark.parametrize(
    "times", [(0.0, 0.0, 0.015), (0.0, 0.015, 0.015), (0.0, 0.0, 0.0)], ids=str
)
async def test_a_clock_that_does_not_move_between_two_looks_stops_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: tuple[float, ...]
) -> None:
    """On Windows it moves every 15 ms."""
    looks = iter(times)
    clock = SimpleNamespace(monotonic=lambda: next(looks))
    monkeypatch.setattr("scenario_async.sync._runs.full_run.time", clock)
    catalogue = Catalogue.seeded(public=0, private=600, odd=False)

    async with copying(catalogue, tmp_path / "models.db") as copy:
        # Not to wait for ever where no page is asked for.
        async with asyncio.timeout(60):
            await sync(copy.scenario, copy.store)
        assert len(await copy.alive()) == 600


async def test_who_reads_a_store_in_memory_ends_no_transaction_of_who_writes_it() -> None:
    async with CatalogStore.open("sqlite://") as store:
        database = database_of(store)
        reading: asyncio.Task[object] | None = None
        with pytest.raises(RuntimeError):
            async with database.writing() as connection:
                await connection.exec_driver_sql("INSERT INTO state VALUES ('a', 1, NULL)")
                reading = asyncio.create_task(store.counts())
                # On the same connection, reading would come to its end meanwhile.
                for _ in range(50):
                    await connection.exec_driver_sql("SELECT 1")
                raise RuntimeError
        assert reading is not None
        await reading
        async with database.transaction() as connection:
            found = await connection.exec_driver_sql("SELECT key FROM state")
            assert [row[0] for row in found] == ["schema"]


async def test_a_model_that_left_all_scopes_is_still_found_to_be_deleted(tmp_path: Path) -> None:
    catalogue = Catalogue()
    collection = catalogue.add_collection("Some")
    model_id = catalogue.add(collection_ids=[collection])
    scopes = [f"collection:{collection}"]

    async with copying(catalogue, tmp_path / "models.db") as copy:
        await sync(copy.scenario, copy.store, scopes=scopes)
        catalogue.move(model_id)
        await sync(copy.scenario, copy.store, scopes=scopes, full=True)
        assert await copy.alive() == {model_id}
        catalogue.delete(model_id)
        await sync(copy.scenario, copy.store, scopes=scopes, full=True)
        assert await copy.deleted() == {model_id}


@pytest.mark.parametrize("full", [True, False])
async def test_a_model_that_is_restored_after_it_was_listed_as_deleted_stays(
    tmp_path: Path, full: bool
) -> None:
    catalogue = Catalogue.seeded(public=0, private=5, odd=False)
    model_id = catalogue.ids()[2]

    def restore(request: Request) -> bool:
        if request.path.endswith("/get-bulk"):
            catalogue.restore(model_id)
        return False

    async with copying(catalogue, tmp_path / "models.db") as copy:
        await sync(copy.scenario, copy.store)
        catalogue.delete(model_id)
        copy.sandbox.faults.add(Delayed(0), times=None, when=restore)
        report = await sync(copy.scenario, copy.store, full=full)
        assert report.deleted == 0
        assert model_id in await copy.alive()


async def test_a_model_of_two_scopes_is_deleted_once(tmp_path: Path) -> None:
    catalogue = Catalogue()
    collection = catalogue.add_collection("Some")
    model_id = catalogue.add(collection_ids=[collection])

    async with copying(catalogue, tmp_path / "models.db") as copy:
        scopes = ["private", f"collection:{collection}"]
        await sync(copy.scenario, copy.store, scopes=scopes)
        catalogue.delete(model_id)
        report = await sync(copy.scenario, copy.store, scopes=scopes, full=True)
        assert report.deleted == 1


@pytest.mark.parametrize("calls", [0, 1, 3], ids="after {} calls".format)
async def test_what_a_caller_raises_on_progress_comes_out_as_itself_when_other_scopes_are_finished(
    tmp_path: Path, calls: int
) -> None:
    def fail(report: ScopeReport) -> None:
        nonlocal calls
        calls -= report.scope == "private"
        if report.scope == "private" and calls < 0:
            raise LookupError("mine")

    catalogue = Catalogue.seeded(public=600, private=600, odd=False)
    async with copying(catalogue, tmp_path / "models.db") as copy:
        with pytest.raises(LookupError, match="mine"):
            await sync(copy.scenario, copy.store, scopes=SCOPES, on_progress=fail)
        (last,) = await copy.store.runs()
        assert (last.status, last.error) == ("failed", "mine")
        assert (await copy.store.counts()).scopes["public"] == 600


async def test_a_run_that_is_cancelled_from_within_does_not_end_as_if_it_were_finished(
    tmp_path: Path,
) -> None:
    def cancel(_: ScopeReport) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()

    catalogue = Catalogue.seeded(public=60, private=60, odd=False)
    async with copying(catalogue, tmp_path / "models.db") as copy:
        with pytest.raises(asyncio.CancelledError):
            await sync(copy.scenario, copy.store, scopes=SCOPES, on_progress=cancel)
        (last,) = await copy.store.runs()
        assert last.status == "interrupted"


@pytest.mark.parametrize(
    ("base_url", "project", "told"),
    [
        ("https://service.invalid/v1", None, "asks https://service.invalid/v1:"),
        ("https://127.example/v1", None, "asks https://127.example/v1:"),
        (None, "project_b", "asks this machine, project project_b:"),
        ("https://service.invalid/v1", "project_b", "invalid/v1, project project_b:"),
    ],
)
async def test_a_store_is_a_copy_of_one_service_and_project(
    tmp_path: Path, base_url: str | None, project: str | None, told: str
) -> None:
    catalogue = all_trained(Catalogue.seeded(public=0, private=60, odd=False))
    async with copying(catalogue, tmp_path / "models.db") as copy:
        await sync(copy.scenario, copy.store)
        other = copy.scenario.with_options(base_url=base_url, project_id=project)
        with pytest.raises(StoreError, match="is a copy of this machine, and") as caught:
            await sync(other, copy.store)
        assert told in str(caught.value)
        assert len(await copy.alive()) == 60
        assert len(await copy.store.runs()) == 1
    # On another port.
    async with copying(catalogue, tmp_path / "models.db") as copy:
        report = await sync(copy.scenario, copy.store)
        assert (report.new, report.scopes[0].mode) == (0, "incremental")


async def test_a_store_without_any_model_may_become_a_copy_of_another_project(
    tmp_path: Path,
) -> None:
    catalogue = Catalogue.seeded(public=0, private=5, odd=False)

    async with copying(catalogue, tmp_path / "models.db") as copy:
        mistyped = copy.scenario.with_options(project_id="proj_mistyped")
        copy.sandbox.faults.add(ServerError())
        with pytest.raises(InternalServerError):
            await sync(mistyped, copy.store)
        assert (await sync(copy.scenario, copy.store)).new == 5
        with pytest.raises(StoreError, match="this is a copy of"):
            await sync(mistyped, copy.store)


async def test_an_empty_copy_that_is_complete_stays_one_of_its_service(tmp_path: Path) -> None:
    async with copying(Catalogue(), tmp_path / "models.db") as copy:
        await sync(copy.scenario, copy.store)
        other = copy.scenario.with_options(project_id="proj_other")
        with pytest.raises(StoreError, match="this is a copy of"):
            await sync(other, copy.store)


async def test_models_of_the_first_day_of_the_calendar_stop_no_incremental_run(
    tmp_path: Path,
) -> None:
    catalogue = Catalogue()
    catalogue.add(created_at=datetime.min.replace(tzinfo=UTC))

    async with copying(catalogue, tmp_path / "models.db") as copy:
        for unchanged in (0, 1):
            assert (await sync(copy.scenario, copy.store)).unchanged == unchanged


async def test_an_incremental_run_after_too_long_a_time_does_not_hide_that_it_was_too_long(
    tmp_path: Path,
) -> None:
    catalogue = all_trained(Catalogue.seeded(public=0, private=5, odd=False))
    rarely = timedelta(days=1_000)

    async with copying(catalogue, tmp_path / "models.db") as copy:
        await sync(copy.scenario, copy.store)
        await long_ago(copy, timedelta(days=31))
        for full, mode in ((False, "incremental"), (None, "full"), (None, "incremental")):
            report = await sync(copy.scenario, copy.store, full=full, full_every=rarely)
            assert report.scopes[0].mode == mode


async def long_ago(copy: Copy, age: timedelta) -> None:
    """Make the last complete run of private models so old."""
    ((value,),) = await copy.rows("SELECT value FROM state WHERE key = 'scope:private'")
    scope = json.loads(value)
    for name in ("full_at", "run_at"):
        scope[name] = (datetime.fromisoformat(scope[name]) - age).isoformat()
    await copy.execute("UPDATE state SET value = ? WHERE key = 'scope:private'", json.dumps(scope))


@pytest.mark.parametrize("plain", [False, True], ids=["JSON", "text"])
async def test_what_a_service_says_with_characters_that_no_database_takes_is_kept(
    new_store: Callable[[], str], plain: bool
) -> None:
    async with copying(Catalogue(), new_store()) as copy:
        copy.sandbox.faults.add(Unprintable(plain=plain), times=None)
        with pytest.raises(PermissionDeniedError, match="403 Forbidden: not for you"):
            await sync(copy.scenario, copy.store)
        (failed,) = await copy.store.runs()
        assert failed.status == "failed"
        assert failed.error is not None
        assert failed.error.endswith("not for you")


async def test_what_a_caller_raises_with_a_nul_in_it_is_kept(new_store: Callable[[], str]) -> None:
    def progress(_: ScopeReport) -> None:
        raise LookupError("mi\0ne")

    async with copying(Catalogue(), new_store()) as copy:
        with pytest.raises(LookupError):
            await sync(copy.scenario, copy.store, on_progress=progress)
        (failed,) = await copy.store.runs()
        assert (failed.status, failed.error) == ("failed", "mine")


@dataclass(frozen=True, slots=True)
class Unprintable(AnswerFault):
    """Refuses with a reason that has more than text in it.

    Attributes:
        plain: As text, and not as JSON.
    """

    plain: bool

    def answer(self) -> Answer:
        if self.plain:
            return Answer(status=403, body=b"not\0for\x1b\nyou")
        return reason(403, "not\0for\x1b\nyou")


async def test_a_walk_that_paused_for_longer_than_deletions_are_listed_is_followed_by_a_full_one(
    tmp_path: Path,
) -> None:
    catalogue = all_trained(Catalogue.seeded(public=0, private=1_200, odd=False))
    async with copying(catalogue, tmp_path / "models.db") as copy:
        copy.sandbox.faults.add(ServerError(500), after=2, times=None)
        with pytest.raises(InternalServerError):
            await sync(copy.scenario, copy.store)
        copy.sandbox.faults.clear()
        paused = timedelta(days=40)
        (row,) = await copy.rows("SELECT value FROM state WHERE key = 'scope:private'")
        state = json.loads(row[0])
        began_at = datetime.fromisoformat(state["walk"]["began_at"]) - paused
        state["walk"]["began_at"] = began_at.isoformat()
        await copy.execute(
            "UPDATE state SET value = ? WHERE key = 'scope:private'", json.dumps(state)
        )
        for mode in ("resumed", "full", "incremental"):
            report = await sync(copy.scenario, copy.store, full_every=3 * paused)
            assert report.scopes[0].mode == mode


@pytest.mark.filterwarnings("ignore:.*does not sort by createdAt")
async def test_a_service_that_sorts_by_the_second_is_copied_whole(tmp_path: Path) -> None:
    """Rows within a second come in any order, and few share one."""
    catalogue, second = Catalogue(), datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(1_200):
        # Two in the middle of a page, and the last of a page with the first of the next.
        shared = number in (201, 500)
        second += timedelta(seconds=not shared)
        shown = second + timedelta(milliseconds=100 if shared else 900)
        catalogue.add(
            f"model_{number:04}",
            created_at=second,
            fields={"createdAt": shown.isoformat(timespec="milliseconds")},
        )

    async with copying(catalogue, tmp_path / "models.db") as copy:
        await sync(copy.scenario, copy.store)
        assert await copy.members("private") == set(catalogue.ids())


async def test_an_incremental_run_that_cannot_list_by_date_is_a_full_one(tmp_path: Path) -> None:
    catalogue = Catalogue.seeded(public=60, private=60, odd=False)

    async with copying(catalogue, tmp_path / "models.db") as copy:
        await sync(copy.scenario, copy.store, scopes=["private"])
        gone, renamed = catalogue.ids("private")[:2]
        catalogue.delete(gone)
        catalogue.update(renamed, name="Another name")
        copy.sandbox.faults.add(IgnoredBounds(), times=None)
        (report,) = (await sync(copy.scenario, copy.store, scopes=["private"])).scopes
        assert (report.mode, report.changed, report.deleted) == ("full", 1, 1)
        assert await copy.alive() == set(catalogue.ids("private"))


@pytest.mark.filterwarnings("ignore:.*refused createdAfter and createdBefore")
@pytest.mark.parametrize("status", [400, 422])
async def test_a_service_that_refuses_bounds_is_copied_by_its_cursors(
    tmp_path: Path, status: int
) -> None:
    catalogue = Catalogue.seeded(public=0, private=1_100, odd=False)

    def bounded(request: Request) -> bool:
        return not {"createdAfter", "createdBefore"}.isdisjoint(request.query)

    async with copying(catalogue, tmp_path / "models.db") as copy:
        copy.sandbox.faults.add(ServerError(status), times=None, when=bounded)
        for full in (None, None, True):
            catalogue.delete(catalogue.ids()[7])
            report = await sync(copy.scenario, copy.store, full=full)
            assert report.scopes[0].mode == "full"
            assert await copy.alive() == set(catalogue.ids("private"))


async def test_a_scope_that_is_refused_is_no_matter_of_bounds(tmp_path: Path) -> None:
    async with copying(Catalogue(), tmp_path / "models.db") as copy:
        copy.sandbox.faults.add(ServerError(400), times=None)
        with pytest.raises(BadRequestError):
            await sync(copy.scenario, copy.store)
        assert len(copy.sandbox.requests) == 1


async def test_a_store_keeps_its_last_runs_alone(tmp_path: Path) -> None:
    catalogue = Catalogue.seeded(public=0, private=3, odd=False)
    async with copying(catalogue, tmp_path / "models.db") as copy:
        database_of(copy.store).kept_runs = 3
        for _ in range(5):
            await sync(copy.scenario, copy.store)
        assert [one.id for one in await copy.store.runs()] == [5, 4, 3]


async def test_a_source_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    async with copying(Catalogue(), tmp_path / "models.db") as copy:
        await copy.execute("INSERT INTO state VALUES ('source', 1, '{}')")
        with pytest.raises(StoreError, match="delete the row 'source' of the table 'state'"):
            await sync(copy.scenario, copy.store)


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"full": 1}, TypeError, "full must be True or False, not int"),
        ({"details": "no"}, TypeError, "details must be True or False, not str"),
        ({"wait": "false"}, TypeError, "wait must be True or False, not str"),
        ({"new_owner": "0"}, TypeError, "new_owner must be True or False, not str"),
        ({"full_every": 3_600}, TypeError, "full_every must be a timedelta, not int"),
        ({"max_concurrency": 0}, ValueError, "max_concurrency"),
        ({"on_progress": "all"}, TypeError, "on_progress"),
        ({"scopes": "private"}, TypeError, "scopes must be several, such as"),
    ],
)
async def test_a_run_with_options_that_do_not_fit_is_refused_before_it_begins(
    tmp_path: Path, options: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    async with copying(Catalogue(), tmp_path / "models.db") as copy:
        with pytest.raises(error, match=sentence):
            await sync(copy.scenario, copy.store, **options)
        assert await copy.store.runs() == []


@pytest.mark.parametrize("name", ["csv_safe", "allow_empty"])
async def test_an_export_with_a_word_for_a_flag_is_refused_and_leaves_the_file(
    name: str, tmp_path: Path
) -> None:
    file = tmp_path / "models.csv"
    file.write_text("kept")
    async with copying(Catalogue(), tmp_path / "models.db") as copy:
        flags: dict[str, Any] = {name: "no"}
        with pytest.raises(TypeError, match=f"{name} must be True or False, not str"):
            await export(copy.store, file, **flags)
    assert file.read_text() == "kept"


async def test_the_number_of_runs_is_a_number_from_0_on(tmp_path: Path) -> None:
    async with copying(Catalogue(), tmp_path / "models.db") as copy:
        await sync(copy.scenario, copy.store)
        assert await copy.store.runs(0) == []
        with pytest.raises(ValueError, match="limit must be 0 or more, not -1"):
            await copy.store.runs(-1)
        with pytest.raises(TypeError, match="limit must be an int, not str"):
            await copy.store.runs(cast("Any", "1"))
