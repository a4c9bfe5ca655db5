"""Catalogues: always the same models, shaped and weighing like real ones, and open to change."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.wire import serving

from scenario_async.sandbox import Catalogue
from scenario_async.sandbox._catalogue.rows import encode_row, iso, milliseconds_of

FINGERPRINT = """
import hashlib
from scenario_async.sandbox import Catalogue
from scenario_async.sandbox._catalogue.rows import encode_row
catalogue = Catalogue.seeded(public=150, private=150, unlisted=5, seed=7)
digest = hashlib.sha256()
for row in catalogue:
    digest.update(encode_row(row))
for collection_id in (*catalogue.collection_ids, *sorted(catalogue.foreign_ids)):
    digest.update(collection_id.encode())
print(digest.hexdigest())
"""


def records(catalogue: Catalogue) -> list[dict[str, Any]]:
    return [json.loads(encode_row(row)) for row in catalogue]


def test_a_seed_means_the_same_bytes_in_every_process() -> None:
    prints = {
        subprocess.run(  # noqa: S603 -- our own text
            [sys.executable, "-c", FINGERPRINT],
            check=True,
            capture_output=True,
            text=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        ).stdout
        for seed in ("1", "2")
    }

    assert len(prints) == 1


def test_another_seed_means_other_models() -> None:
    first, second = Catalogue.seeded(seed=1), Catalogue.seeded(seed=2)

    assert {row.id for row in first}.isdisjoint(row.id for row in second)
    assert set(first.collection_ids).isdisjoint(second.collection_ids)


def test_a_row_does_not_depend_on_how_many_there_are() -> None:
    small = {row.id: encode_row(row) for row in Catalogue.seeded(public=30, private=20)}
    large = {row.id: encode_row(row) for row in Catalogue.seeded(public=300, private=200)}

    assert small.items() <= large.items()


def test_ids_are_unique() -> None:
    catalogue = Catalogue.seeded(public=5_000, private=5_000, unlisted=500)

    assert len({row.id for row in catalogue}) == len(catalogue) == 10_500


@pytest.mark.parametrize("privacy", ["public", "private"])
def test_a_page_of_500_weighs_what_real_ones_weigh(privacy: str) -> None:
    with serving(Catalogue.seeded(public=500, private=500)) as (_, wire):
        reply = wire.get("/models", {"privacy": privacy, "pageSize": 500})

    assert len(reply.json["models"]) == 500
    assert 1_500_000 <= len(reply.body) <= 2_500_000


def test_records_have_the_shape_of_real_ones() -> None:
    public = records(Catalogue.seeded(public=300, private=0, odd=False))
    always = {
        "id", "userId", "authorId", "ownerId", "createdAt", "updatedAt", "name",
        "shortDescription", "type", "privacy", "capabilities", "source", "status",
        "trainingProgress", "parameters", "trainingImagesNumber", "trainingImagePairs", "tags",
        "collectionIds", "exampleAssetIds", "custom", "accessRestrictions", "complianceMetadata",
    }  # fmt: skip
    for record in public:
        assert always <= set(record) <= {*always, "thumbnail"}
        assert record["trainingProgress"] == record["parameters"] == {}
        assert 32 <= len(set(record["exampleAssetIds"])) <= 130
        assert record["collectionIds"] == []
        assert record["custom"] is (record["type"] == "custom")
        assert record["createdAt"] <= record["updatedAt"]
    urls = [record["thumbnail"]["url"] for record in public if "thumbnail" in record]
    assert 60 <= len(urls) <= 90
    assert all(660 <= len(url) <= 760 and "Signature=" in url for url in urls)
    tags = Counter(tag for record in public for tag in record["tags"])
    assert tags["sc:scenario"] > 20
    assert tags["sc:third-party"] > 100
    ids = {record["id"] for record in public}
    successors = [tag[11:] for tag in tags if tag.startswith("deprecated:")]
    assert len(successors) == 6
    assert ids.issuperset(successors)


def test_types_are_mixed_as_in_the_public_catalogue() -> None:
    types = Counter(row.type for row in Catalogue.seeded(public=709, private=0, odd=False))

    assert 500 < types["custom"] < 600
    assert 100 < types["flux.1-lora"] < 180
    assert 5 < types["flux.1-composition"] < 30


def test_every_tenth_row_is_odd_in_one_of_five_ways_and_two_public_ones_are_restricted() -> None:
    catalogue = Catalogue.seeded(public=100, private=0)
    odd = [json.loads(encode_row(row)) for row in catalogue if row.oddity]

    articles = [record for record in odd if "thumbnailUrl" in record]
    assert len(odd) == 12
    assert len(articles) == 2
    for record in articles:
        assert record["type"] in {"checkpoint", "lora"}
        assert not {"createdAt", "updatedAt", "status"} & set(record)
    assert sum(record.get("status") == "draft" for record in odd) == 2
    assert sum("lineage" in record for record in odd) == 2
    assert sum(record["accessRestrictions"] == 1 for record in records(catalogue)) == 2
    assert sum(record["source"] == "elsewhere" for record in odd) == 2
    assert sum(record["shortDescription"] is None for record in odd) == 2


def test_private_rows_are_odd_too_but_keep_their_dates() -> None:
    catalogue = Catalogue.seeded(public=0, private=100)

    assert {row.oddity for row in catalogue} == {
        "", "draft", "unknown-value", "new-field", "nulls",
    }  # fmt: skip
    assert all("createdAt" in record for record in records(catalogue))


def test_models_are_born_in_bursts_that_share_a_millisecond() -> None:
    catalogue = Catalogue.seeded(public=0, private=2_000, burst=1_000)
    births = Counter(row.created for row in catalogue)

    (most, second) = births.most_common(2)
    assert most[1] > 450
    assert second[1] > 450
    assert abs(most[0] - second[0]) > 3_600_000
    assert all(row.created <= milliseconds_of(catalogue.now) for row in catalogue)


def test_an_added_model_is_the_newest() -> None:
    catalogue = Catalogue.seeded(public=5, private=5)

    first = catalogue.add(name="First")
    second = catalogue.add(privacy="public", tags=["x"], fields={"extra": [1]}, score=10**6)

    assert catalogue.ids()[0] == first
    assert catalogue.ids("public")[0] == second
    record = json.loads(encode_row(catalogue.get(second)))
    assert (record["tags"], record["extra"], record["name"]) == (["x"], [1], "Added 2")
    assert len(catalogue) == 12
    assert first in catalogue
    assert 5 not in catalogue


def test_an_added_model_takes_its_date_and_id() -> None:
    catalogue = Catalogue()
    moment = datetime(2025, 1, 2, 3, 4, 5, 678_900, tzinfo=UTC)

    catalogue.add("model_mine", created_at=moment, collection_ids=["c"])

    record = json.loads(encode_row(catalogue.get("model_mine")))
    assert record["createdAt"] == record["updatedAt"] == "2025-01-02T03:04:05.678Z"
    assert record["collectionIds"] == ["c"]
    with pytest.raises(ValueError, match="taken"):
        catalogue.add("model_mine")
    with pytest.raises(ValueError, match="time zone"):
        catalogue.add(created_at=datetime(2025, 1, 2))  # noqa: DTZ001 -- the point


def test_an_update_changes_what_it_names() -> None:
    catalogue = Catalogue.seeded(public=0, private=3)
    model_id = catalogue.ids()[1]
    before = catalogue.get(model_id)

    catalogue.update(model_id, name="New", tags=["a"], status="training", type="custom")
    catalogue.update(model_id, fields={"one": 1})
    catalogue.update(model_id, fields={"two": 2}, touch=False)

    after = catalogue.get(model_id)
    assert (after.name, after.tags, after.status, after.type) == (
        "New", ("a",), "training", "custom",
    )  # fmt: skip
    assert after.created == before.created
    assert after.updated == milliseconds_of(catalogue.now) - 1000
    assert after.fields == {"one": 1, "two": 2}
    assert before.name != "New"


def test_a_model_moves_between_collections_and_privacies() -> None:
    catalogue = Catalogue.seeded(public=0, private=4, collections=2)
    model_id = catalogue.ids()[0]
    mine = catalogue.add_collection("Mine")

    catalogue.move(model_id, mine)
    assert catalogue.ids(collection_id=mine) == [model_id]
    assert catalogue.model_count(mine) == 1
    assert catalogue.collection_ids[0] == mine
    catalogue.move(model_id)
    assert catalogue.ids(collection_id=mine) == []
    with pytest.raises(KeyError):
        catalogue.move(model_id, "collection_unknown")
    catalogue.update(model_id, privacy="public")
    assert catalogue.ids("public") == [model_id]


def test_a_deleted_model_is_listed_as_deleted_for_30_days() -> None:
    catalogue = Catalogue.seeded(public=3, private=3)
    model_id, other, _ = catalogue.ids()
    with serving(catalogue) as (_, wire):
        catalogue.delete(model_id)
        assert wire.get("/models").ids == catalogue.ids()
        assert model_id not in catalogue
        assert model_id not in catalogue.ids()
        assert wire.get(f"/models/{model_id}").status == 404
        (record,) = wire.get("/models", {"status": "deleted"}).json["models"]
        assert record["id"] == model_id
        assert record["deletedAt"] == iso(milliseconds_of(catalogue.now))

        catalogue.advance(timedelta(days=29))
        catalogue.delete(other)
        assert len(wire.get("/models", {"status": "deleted"}).ids) == 2
        catalogue.advance(timedelta(days=2))
        assert wire.get("/models", {"status": "deleted"}).ids == [other]
        catalogue.restore(other)
        assert other in wire.get("/models").ids
        assert wire.get("/models", {"status": "deleted"}).ids == []
    with pytest.raises(KeyError):
        catalogue.delete(model_id)


def test_signed_urls_change_on_their_own() -> None:
    catalogue = Catalogue.seeded(public=20, private=20, odd=False)
    before = {record["id"]: record for record in records(catalogue)}

    catalogue.sign_again()

    changed = 0
    for record in records(catalogue):
        old = before[record["id"]]
        if "thumbnail" in record:
            new_url, old_url = record["thumbnail"].pop("url"), old["thumbnail"].pop("url")
            assert new_url != old_url
            assert new_url.partition("?")[0] == old_url.partition("?")[0]
            changed += 1
        assert record == old
    assert changed > 10


def test_changes_show_at_once_in_a_running_sandbox() -> None:
    catalogue = Catalogue.seeded(public=0, private=8)
    with serving(catalogue) as (_, wire):
        assert wire.get("/models").ids == catalogue.ids()
        version = catalogue.version
        added = catalogue.add(name="Later")
        assert catalogue.version > version
        reply = wire.get("/models")
        assert reply.ids[0] == added
        catalogue.update(added, name="Latest")
        assert wire.get("/models").json["models"][0]["name"] == "Latest"
        catalogue.delete(added)
        assert wire.get("/models").ids == catalogue.ids()


def test_a_catalogue_keeps_only_so_many_encoded_rows() -> None:
    catalogue = Catalogue.seeded(public=0, private=9, kept_rows=4)
    with serving(catalogue) as (_, wire):
        first = wire.get("/models", {"pageSize": 500}).json
        second = wire.get("/models", {"pageSize": 499}).json

    assert first == second
    kept = [
        row for row in catalogue if catalogue.store.encoded(row) is catalogue.store.encoded(row)
    ]
    assert len(kept) == 4


def test_a_repr_tells_the_size() -> None:
    assert repr(Catalogue.seeded(public=2, private=1)) == "<Catalogue of 3 models, version 0>"
    with pytest.raises(KeyError):
        Catalogue().get("model_unknown")


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1)))  # noqa: DTZ001 -- hypothesis wants naive bounds
def test_times_are_written_as_the_service_does(moment: datetime) -> None:
    aware = moment.replace(tzinfo=UTC)

    text = iso(milliseconds_of(aware))

    assert text.endswith("Z")
    assert len(text) == 24
    assert aware - datetime.fromisoformat(text) < timedelta(milliseconds=1)


def test_private_models_carry_their_owner() -> None:
    mine, theirs = (
        Catalogue.seeded(public=5, private=5, unlisted=2, owner=owner)
        for owner in ("proj_mine", "proj_theirs")
    )
    mine.add()
    mine.add(privacy="public")

    owners = {(record["privacy"], record["ownerId"]) for record in records(mine)}
    authors = {record["authorId"] for record in records(mine) if record["privacy"] == "private"}
    public = [record for record in records(theirs) if record["privacy"] == "public"]
    assert {owner for privacy, owner in owners if privacy != "public"} == {"proj_mine"}
    assert authors == {"apiu_mine"}
    assert "proj_theirs" not in {record["ownerId"] for record in public}
    assert {row.id for row in mine} > {row.id for row in theirs}
