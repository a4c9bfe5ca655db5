"""Where runs meet: at one millisecond with many models, at nothing, and at rows that do not fit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

import msgspec
import pytest
from support.catalogue_copies import Copy, cap, copying, on_server

from scenario_async import InternalServerError
from scenario_async.sandbox import BadRow, Behavior, Catalogue, ExpiredToken, Sandbox, ServerError
from scenario_async.sync import ScopeReport, sync

if TYPE_CHECKING:
    from pathlib import Path

    from scenario_async.sandbox import BadRowKind, Privacy, Row

pytestmark = [pytest.mark.anyio, pytest.mark.one_loop, pytest.mark.once]


MOMENT = datetime(2026, 10, 1, 12, tzinfo=UTC)


def privacy_of(scope: str) -> Privacy:
    return "public" if scope.startswith("public") else "private"


def add_many(catalogue: Catalogue, count: int, *, scope: str, name: str) -> None:
    """Models of one millisecond, those of two calls mixed in the order of the listing."""
    for index in range(count):
        model_id = f"model_{index:05}_{name}"
        catalogue.add(model_id, privacy=privacy_of(scope), created_at=MOMENT)


async def bring_up_to_date(
    copy: Copy, scope: str, *, full: bool | None = None, max_deletions: float = 0.5
) -> ScopeReport:
    report = await sync(
        copy.scenario, copy.store, scopes=[scope], full=full, max_deletions=max_deletions
    )
    return report.scopes[0]


async def check_equal(copy: Copy, scope: str) -> None:
    wanted = on_server(copy.catalogue, scope)
    assert len(await copy.members(scope)) == len(wanted)
    assert await copy.members(scope) == wanted
    assert await copy.alive() == wanted


@pytest.mark.parametrize("scope", ["private", "public"])
@pytest.mark.parametrize("older", [0, 10], ids=["nothing older", "older"])
async def test_no_model_of_a_full_millisecond_is_lost(
    tmp_path: Path, scope: str, older: int
) -> None:
    """A strict bound "after the mark", or a mark from the clock, would lose what comes late."""
    catalogue = Catalogue()
    for index in range(older):
        before = MOMENT - timedelta(days=1, seconds=index)
        catalogue.add(privacy=privacy_of(scope), created_at=before)
    add_many(catalogue, 1_300, scope=scope, name="early")

    async with copying(catalogue, tmp_path / "models.db") as copy:
        report = await bring_up_to_date(copy, scope, full=True)
        assert (report.new, report.changed, report.unchanged) == (1_300 + older, 0, 0)
        await check_equal(copy, scope)
        add_many(catalogue, 700, scope=scope, name="late")
        report = await bring_up_to_date(copy, scope, full=False)
        assert report.mode == "incremental"
        assert report.new == 700
        await check_equal(copy, scope)
        report = await bring_up_to_date(copy, scope, full=False)
        assert (report.new, report.changed) == (0, 0)
        report = await bring_up_to_date(copy, scope, full=True)
        assert (report.new, report.changed, report.deleted) == (0, 0, 0)
        await check_equal(copy, scope)
        sizes = await copy.rows("SELECT length(value) FROM state WHERE value IS NOT NULL")
        assert max(size for (size,) in sizes) < 2_000


async def test_no_model_that_was_updated_in_the_millisecond_of_the_mark_is_lost(
    tmp_path: Path,
) -> None:
    """They were created long before, so that only the listing by update shows them."""
    catalogue = Catalogue()
    early, late = (
        [
            catalogue.add(
                f"model_{index:05}_{name}",
                privacy="public",
                created_at=MOMENT - timedelta(days=5, minutes=index),
            )
            for index in range(600)
        ]
        for name in ("early", "late")
    )

    def touch(ids: list[str], name: str) -> None:
        """All at once, as a program does that edits many."""
        for model_id in ids:
            catalogue.update(model_id, name=name, touch=False, fields={"updatedAt": wire})
        store = catalogue.store
        moment = round(MOMENT.timestamp() * 1000)
        store.put([_updated(catalogue, model_id, moment) for model_id in ids])

    wire = "2026-10-01T12:00:00.000Z"

    async with copying(catalogue, tmp_path / "models.db") as copy:
        touch(early, "early")
        await bring_up_to_date(copy, "public", full=True)
        touch(late, "late")
        report = await bring_up_to_date(copy, "public", full=False)
        assert report.changed == 600
        names = await copy.rows("SELECT name, count(*) FROM models GROUP BY name ORDER BY name")
        assert names == [("early", 600), ("late", 600)]


def _updated(catalogue: Catalogue, model_id: str, moment: int) -> Row:
    return msgspec.structs.replace(catalogue.get(model_id), updated=moment)


@pytest.mark.parametrize("scope", ["private", "public"])
async def test_pages_of_one_millisecond_are_kept_whatever_their_size(
    tmp_path: Path, scope: str
) -> None:
    catalogue = Catalogue()
    add_many(catalogue, 30, scope=scope, name="early")

    async with copying(catalogue, tmp_path / "models.db", max_concurrency=1) as copy:
        cap(copy.sandbox, 5)
        await bring_up_to_date(copy, scope)
        await check_equal(copy, scope)


@pytest.mark.parametrize("scope", ["private", "public"])
async def test_a_service_that_sorts_by_the_second_loses_no_model(
    tmp_path: Path, scope: str
) -> None:
    catalogue, chance = Catalogue(), Random(7)  # noqa: S311 - no secret
    created = MOMENT
    for _ in range(600):
        created += timedelta(milliseconds=chance.choice([0, 1, 30, 400, 700, 1_500, 90_000]))
        catalogue.add(privacy=privacy_of(scope), created_at=created)

    sandbox = Sandbox(catalogue, behavior=Behavior(dates="seconds"))
    async with copying(catalogue, tmp_path / "models.db", sandbox=sandbox) as copy:
        cap(copy.sandbox, 20)
        for _ in range(2):
            await bring_up_to_date(copy, scope, full=True)
            await check_equal(copy, scope)


async def test_models_of_a_millisecond_that_is_begun_again_count_once(tmp_path: Path) -> None:
    catalogue = Catalogue()
    add_many(catalogue, 1_300, scope="private", name="early")

    async with copying(catalogue, tmp_path / "models.db") as copy:
        copy.sandbox.faults.add(ExpiredToken(), after=1)
        report = await bring_up_to_date(copy, "private")
        assert (report.new, report.unchanged > 0) == (1_300, True)
        await check_equal(copy, "private")


async def test_a_large_public_catalogue_without_changes_is_looked_through_in_one_request(
    tmp_path: Path,
) -> None:
    catalogue = Catalogue.seeded(public=5_000, private=0, odd=False)

    async with copying(catalogue, tmp_path / "models.db") as copy:
        await bring_up_to_date(copy, "public")
        report = await bring_up_to_date(copy, "public")
        assert report.mode == "incremental"
        copy.sandbox.requests.clear()
        report = await bring_up_to_date(copy, "public")
        assert (report.new, report.changed, report.deleted) == (0, 0, 0)
        assert len(copy.sandbox.requests) == 1
        assert report.requests == len(copy.sandbox.requests)


SCOPES = ["private", "public", "collection:{}", "public:collection:{}"]


@pytest.mark.parametrize("form", SCOPES)
async def test_a_scope_may_be_empty_and_fill_up(tmp_path: Path, form: str) -> None:
    catalogue = Catalogue()
    collection = catalogue.add_collection("Some")
    scope = form.format(collection)

    async with copying(catalogue, tmp_path / "models.db") as copy:
        for full in (None, False, True):
            report = await bring_up_to_date(copy, scope, full=full)
            assert report.complete
            assert report.new == report.deleted == 0
        catalogue.add(privacy=privacy_of(scope), collection_ids=[collection])
        report = await bring_up_to_date(copy, scope, full=False)
        assert report.new == 1
        await check_equal(copy, scope)


@pytest.mark.parametrize("form", SCOPES)
async def test_a_scope_whose_models_are_all_deleted_becomes_empty(
    tmp_path: Path, form: str
) -> None:
    catalogue = Catalogue()
    collection = catalogue.add_collection("Some")
    scope = form.format(collection)
    for _ in range(130):
        catalogue.add(privacy=privacy_of(scope), collection_ids=[collection])

    async with copying(catalogue, tmp_path / "models.db") as copy:
        await bring_up_to_date(copy, scope)
        for model_id in on_server(catalogue, scope):
            catalogue.delete(model_id)
        report = await bring_up_to_date(copy, scope, full=True, max_deletions=1.0)
        assert report.deleted == 130
        await check_equal(copy, scope)
        report = await bring_up_to_date(copy, scope, full=True)
        assert report.deleted == 0


@pytest.mark.parametrize("form", SCOPES[2:])
async def test_a_collection_that_was_emptied_keeps_no_members_and_deletes_nothing(
    tmp_path: Path, form: str
) -> None:
    catalogue = Catalogue()
    collection = catalogue.add_collection("Some")
    scope = form.format(collection)
    ids = {catalogue.add(privacy=privacy_of(scope), collection_ids=[collection]) for _ in range(60)}

    async with copying(catalogue, tmp_path / "models.db") as copy:
        await bring_up_to_date(copy, scope)
        for model_id in ids:
            catalogue.move(model_id)
        report = await bring_up_to_date(copy, scope, full=True)
        assert report.deleted == 0
        assert await copy.members(scope) == set()
        assert await copy.alive() == ids


def add_undated(catalogue: Catalogue, count: int, *collection_ids: str) -> list[str]:
    return [
        catalogue.add(collection_ids=collection_ids, fields={"createdAt": None, "updatedAt": None})
        for _ in range(count)
    ]


@pytest.mark.parametrize("most", [1, 4])
async def test_models_without_a_creation_date_are_copied_and_found_to_be_gone(
    tmp_path: Path, most: int
) -> None:
    catalogue = Catalogue.seeded(public=0, private=20, odd=False)
    undated = add_undated(catalogue, 12)

    async with copying(catalogue, tmp_path / "models.db", max_concurrency=most) as copy:
        cap(copy.sandbox, 4)
        report = await bring_up_to_date(copy, "private", full=True)
        assert report.new == 32
        await check_equal(copy, "private")
        report = await bring_up_to_date(copy, "private", full=True)
        assert (report.new, report.changed, report.deleted) == (0, 0, 0)
        for model_id in undated[:5]:
            catalogue.delete(model_id)
        # Nobody lists them as deleted any more.
        catalogue.advance(timedelta(days=31))
        report = await bring_up_to_date(copy, "private", full=True)
        assert report.deleted == 5
        await check_equal(copy, "private")


@pytest.mark.parametrize("moved", [1, 3], ids=["one of them", "all of them"])
async def test_models_without_a_creation_date_can_leave_a_collection(
    tmp_path: Path, moved: int
) -> None:
    catalogue = Catalogue()
    collection = catalogue.add_collection("Some")
    scope = f"collection:{collection}"
    undated = add_undated(catalogue, 3, collection)

    async with copying(catalogue, tmp_path / "models.db") as copy:
        await bring_up_to_date(copy, scope)
        for model_id in undated[:moved]:
            catalogue.move(model_id)
        await bring_up_to_date(copy, scope, full=True)
        assert await copy.members(scope) == on_server(catalogue, scope)


async def test_a_row_that_does_not_fit_is_kept_aside_until_it_fits(tmp_path: Path) -> None:
    catalogue = Catalogue.seeded(public=0, private=20, odd=False)
    model_id = catalogue.add(name="Right")
    rejected = "SELECT model_id FROM rejected"

    async with copying(catalogue, tmp_path / "models.db") as copy:
        await bring_up_to_date(copy, "private")
        catalogue.update(model_id, name="Wrong", fields={"tags": ["a"], "type": 5})
        report = await bring_up_to_date(copy, "private", full=True)
        assert report.rejected == 1
        assert await copy.rows(rejected) == [(model_id,)]
        # What was there before stays, and is not taken for gone.
        assert report.deleted == 0
        assert await copy.rows("SELECT name FROM models WHERE id = ?", model_id) == [("Right",)]
        await check_equal(copy, "private")
        catalogue.update(model_id, name="Right again", fields={"type": "custom"})
        report = await bring_up_to_date(copy, "private", full=True)
        assert report.rejected == 0
        assert await copy.rows(rejected) == []
        names = await copy.rows("SELECT name FROM models WHERE id = ?", model_id)
        assert names == [("Right again",)]


KINDS: list[tuple[BadRowKind, bool]] = [
    ("lone-surrogate", True),
    ("control-character", True),
    ("nan", True),
    ("wrong-type", True),
    ("invalid-utf8", True),
    ("missing-id", False),
    ("not-an-object", False),
]


@pytest.mark.parametrize(("kind", "has_id"), KINDS)
async def test_each_kind_of_broken_row_costs_that_row_alone(
    tmp_path: Path, kind: BadRowKind, has_id: bool
) -> None:
    catalogue = Catalogue.seeded(public=0, private=20, odd=False)

    async with copying(catalogue, tmp_path / "models.db") as copy:
        broken = BadRow(kind, index=0)
        for _ in range(2):
            copy.sandbox.faults.add(broken, when=lambda one: "status" not in one.query)
            await bring_up_to_date(copy, "private", full=True)
            found = await copy.rows("SELECT model_id, run FROM rejected")
            run_number = (await copy.rows("SELECT max(id) FROM runs"))[0][0]
            assert found == [(broken.id if has_id else None, run_number)]
            await check_equal(copy, "private")
        await bring_up_to_date(copy, "private", full=True)
        assert await copy.rows("SELECT model_id FROM rejected") == []
        await check_equal(copy, "private")


async def test_rows_that_an_interrupted_walk_rejected_are_still_rejected_when_it_is_complete(
    tmp_path: Path,
) -> None:
    catalogue = Catalogue.seeded(public=0, private=20, odd=False)

    async with copying(catalogue, tmp_path / "models.db", max_concurrency=1) as copy:
        cap(copy.sandbox, 4)
        copy.sandbox.faults.add(BadRow("nan"))
        copy.sandbox.faults.add(ServerError(), after=3)
        with pytest.raises(InternalServerError):
            await bring_up_to_date(copy, "private")
        report = await bring_up_to_date(copy, "private")
        assert report.mode == "resumed"
        assert len(await copy.rows("SELECT * FROM rejected")) == 1
        await check_equal(copy, "private")


async def test_a_row_without_an_id_is_kept_aside_once_however_its_urls_are_signed(
    tmp_path: Path,
) -> None:
    catalogue = Catalogue.seeded(public=0, private=3)
    catalogue.update(catalogue.ids()[0], fields={"id": None})

    async with copying(catalogue, tmp_path / "models.db") as copy:
        for _ in range(3):
            report = await bring_up_to_date(copy, "private")
            assert report.rejected == 1
            catalogue.sign_again()
        assert (await copy.store.counts()).rejected == 1


async def test_a_model_that_does_not_fit_once_it_is_trained_is_kept_aside(tmp_path: Path) -> None:
    catalogue = Catalogue()
    trained = catalogue.add(status="training", created_at=MOMENT - timedelta(days=1))
    catalogue.add(created_at=MOMENT)

    async with copying(catalogue, tmp_path / "models.db") as copy:
        await bring_up_to_date(copy, "private")
        catalogue.update(trained, status="trained", fields={"tags": [1]})
        report = await bring_up_to_date(copy, "private")
        assert (report.changed, report.rejected) == (0, 1)
        assert await copy.rows("SELECT model_id FROM rejected") == [(trained,)]
