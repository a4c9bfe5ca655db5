"""Several models or assets at once, and the pictures that their URLs lead to."""

from __future__ import annotations

import http.client
import struct
import zlib
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.wire import Reply, Wire, serving, wired

from scenario_async.sandbox import (
    Behavior,
    Catalogue,
    ExpiredURL,
    PictureContent,
    RateLimit,
    Sandbox,
    ServerError,
)
from scenario_async.sandbox._catalogue.pictures import picture, picture_size
from scenario_async.sandbox._catalogue.signed_urls import expiry

PUBLIC = {"Authorization": "public-auth-token"}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.seeded(public=60, private=40, collections=2)


def fetch(url: str) -> Reply:
    """Fetch a signed URL as a browser would, without credentials."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    connection.request("GET", f"{parts.path}?{parts.query}")
    with connection.getresponse() as response:
        reply = Reply(response.status, dict(response.getheaders()), response.read())
    connection.close()
    return reply


def pixels(png: bytes) -> list[bytes]:
    """Decode a PNG of four bits a pixel, and return its lines."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    chunks: dict[bytes, bytes] = {}
    rest = png[8:]
    while rest:
        (length,) = struct.unpack(">I", rest[:4])
        kind, content = rest[4:8], rest[8 : 8 + length]
        assert struct.unpack(">I", rest[8 + length : 12 + length]) == (zlib.crc32(kind + content),)
        chunks[kind] = content
        rest = rest[12 + length :]
    assert list(chunks) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    width, height, depth, kind_of_color = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    lines = zlib.decompress(chunks[b"IDAT"])
    assert (width, height, depth, kind_of_color) == (320, 320, 4, 3)
    assert len(chunks[b"PLTE"]) == 48
    assert len(lines) == 320 * 161
    assert set(lines[::161]) == {0}
    return [lines[start + 1 : start + 161] for start in range(0, len(lines), 161)]


def test_every_example_asset_can_be_read(wire: Wire) -> None:
    for privacy in ("public", "private"):
        rows = wire.get("/models", {"privacy": privacy, "pageSize": 3}).json["models"]
        for row in rows:
            wanted = row["exampleAssetIds"]
            assets = wire.post("/assets/get-bulk", {"assetIds": wanted}).json["assets"]
            assert [asset["id"] for asset in assets] == wanted
            assert {asset["ownerId"] for asset in assets} == {row["ownerId"]}
            assert {asset["privacy"] for asset in assets} == {privacy}


def test_a_thumbnail_is_an_asset_too_and_both_lead_to_a_picture(
    sandbox: Sandbox, wire: Wire
) -> None:
    rows = wire.get("/models", {"pageSize": 500}).json["models"]
    thumbnail = next(row["thumbnail"] for row in rows if row.get("thumbnail"))
    body = {"assetIds": [thumbnail["assetId"]]}

    (asset,) = wire.post("/assets/get-bulk", body).json["assets"]

    urls: list[str] = [thumbnail["url"], asset["url"]]
    for url in urls:
        assert url.startswith(sandbox.base_url.removesuffix("/v1") + "/assets")
        assert {"Expires", "Signature", "Policy", "Key-Pair-Id"} <= set(
            parse_qs(urlsplit(url).query)
        )
        reply = fetch(url)
        assert reply.status == 200
        assert reply.headers["Content-Type"] == asset["mimeType"] == "image/png"
        assert reply.body == picture(asset["id"])
        assert len(reply.body) == asset["properties"]["size"]


def test_a_picture_of_nothing_is_not_found(sandbox: Sandbox) -> None:
    origin = sandbox.base_url.removesuffix("/v1")

    assert fetch(origin + "/assets/model_1").status == 404
    assert fetch(origin + "/assets/").status == 404
    assert fetch(origin + "/pictures/asset_a").status == 401


@settings(max_examples=10)
@given(asset_id=st.from_regex(r"\Aasset_[A-Za-z0-9]{24}\Z"))
def test_an_asset_has_one_picture_of_its_own(asset_id: str) -> None:
    lines = pixels(picture(asset_id))

    assert picture.__wrapped__(asset_id) == picture(asset_id)
    assert len(picture(asset_id)) == picture_size()
    # The sky is above, and the nearest hill below.
    assert set(lines[0]) == {0}
    assert 0xDD in lines[-1]


def test_pictures_differ() -> None:
    assert len({picture(f"asset_{number:024}") for number in range(50)}) == 50


def test_assets_that_cannot_be_read_are_left_out() -> None:
    catalogue = Catalogue.seeded(public=2, private=2)
    with serving(catalogue) as (_, wire):
        private, gone = wire.get("/models").json["models"]
        (public, _) = wire.get("/models", "privacy=public").json["models"]
        catalogue.delete(gone["id"])
        wanted = [row["exampleAssetIds"][5] for row in (private, gone, public)]
        unknown = ["asset_unknown", "", "model_1", "asset_" + "A" * 24]
        body = {"assetIds": [*unknown, *wanted, wanted[0]]}
        own = wire.post("/assets/get-bulk", body).json["assets"]
        wire.send("/assets/get-bulk", method="POST", body=body, headers=PUBLIC)
        without_account = wire.receive().json["assets"]

    assert [asset["id"] for asset in own] == [wanted[0], wanted[2]]
    assert [asset["id"] for asset in without_account] == [wanted[2]]


def test_200_assets_are_the_most(wire: Wire) -> None:
    assert wire.post("/assets/get-bulk", {"assetIds": ["asset_a"] * 200}).status == 200
    refused = wire.post("/assets/get-bulk", {"assetIds": ["asset_a"] * 201})
    assert refused.status == 400
    assert "assetIds" in refused.reason
    assert wire.post("/assets/get-bulk", {"assetIds": "asset_a"}).status == 400
    assert wire.get("/assets/get-bulk").status == 405


def test_assets_may_be_refused() -> None:
    with serving(behavior=Behavior(assets="refused")) as (_, wire):
        reply = wire.post("/assets/get-bulk", {"assetIds": []})

    assert reply.status == 403
    assert reply.reason


def test_a_renewed_signature_changes_the_urls_of_assets_too() -> None:
    catalogue = Catalogue.seeded(public=1, private=0, odd=False)
    with serving(catalogue) as (_, wire):
        (row,) = wire.get("/models", "privacy=public").json["models"]
        body = {"assetIds": row["exampleAssetIds"][:1]}
        (before,) = wire.post("/assets/get-bulk", body).json["assets"]
        catalogue.sign_again()
        (after,) = wire.post("/assets/get-bulk", body).json["assets"]

    assert before.pop("url") != after.pop("url")
    assert before == after


@pytest.mark.parametrize(
    ("made", "expires"),
    [
        ((2026, 10, 1), (2026, 10, 15)),
        ((2026, 10, 7), (2026, 10, 15)),
        ((2026, 10, 8), (2026, 10, 22)),
        ((2026, 10, 15), (2026, 11, 1)),
        ((2026, 2, 21), (2026, 3, 1)),
        ((2026, 12, 22), (2027, 1, 8)),
        ((2026, 10, 31), (2026, 11, 8)),
    ],
)
def test_urls_expire_behind_the_7th_14th_21st_and_last_day(
    made: tuple[int, int, int], expires: tuple[int, int, int]
) -> None:
    assert expiry(datetime(*made, tzinfo=UTC)) == datetime(*expires, tzinfo=UTC)


@given(moment=st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 -- hypothesis wants naive bounds
def test_a_renewed_url_lasts_to_the_next_date(moment: datetime) -> None:
    dates = [expiry(moment, renewals) for renewals in range(6)]

    assert moment < dates[0]
    assert all(6 < (later - one).days < 12 for one, later in pairwise(dates))


def bulk(wire: Wire, model_id: str, **parameters: bool) -> dict[str, Any]:
    reply = wire.post("/models/get-bulk", {"modelIds": [model_id], **parameters})
    records: list[dict[str, Any]] = reply.json["models"]
    assert len(records) == 1
    return records[0]


def test_a_bulk_read_gives_what_a_listing_gives(wire: Wire) -> None:
    for row in wire.get("/models", {"pageSize": 500}).json["models"]:
        assert bulk(wire, row["id"]) == row


def test_a_bulk_read_takes_its_parameters() -> None:
    catalogue = Catalogue()
    trained = catalogue.add(fields={"thumbnail": None})
    custom = catalogue.add(type="custom", fields={"thumbnail": None})
    with serving(catalogue) as (_, wire):
        images = bulk(wire, trained, allTrainingImages=True)["trainingImages"]
        count = bulk(wire, trained)["trainingImagesNumber"]
        few = bulk(wire, trained, trainingImagesPreview=True)["trainingImages"]
        settings = bulk(wire, trained, settings=True)
        thumbnail = bulk(wire, trained, thumbnail=True)["thumbnail"]
        minimal = bulk(wire, trained, minimal=True, settings=True, allTrainingImages=True)

        assert "trainingImages" not in bulk(wire, trained)
        assert "thumbnail" not in bulk(wire, trained, thumbnail=False)
        assert bulk(wire, custom, thumbnail=True)["thumbnail"] is None
        assert bulk(wire, custom, allTrainingImages=True)["trainingImages"] == []
        assert "promptEmbedding" not in bulk(wire, custom, settings=True)
    assert len(images) == count > 3
    assert few == images[:3]
    assert {"promptEmbedding", "negativePromptEmbedding"} <= set(settings)
    assert thumbnail["assetId"] == images[0]["id"]
    assert set(minimal) == {"id", "name", "type"}


def test_a_sandbox_tells_the_record_that_its_listings_carry(sandbox: Sandbox, wire: Wire) -> None:
    body = wire.get("/models", {"pageSize": 500}).body

    for model_id in sandbox.catalogue.ids():
        assert sandbox.record(model_id) in body
    with pytest.raises(KeyError):
        sandbox.record("model_unknown")


def test_a_picture_takes_the_faults_for_pictures_alone_and_counts_for_no_limit() -> None:
    limit = RateLimit(requests_per_second=0.001)
    with Sandbox(Catalogue(), rate_limit=limit).in_thread() as sandbox:
        sandbox.faults.add(ServerError())
        url = sandbox.base_url.removesuffix("/v1") + "/assets/asset_a"

        assert [fetch(url).status for _ in range(3)] == [200, 200, 200]
        assert len(sandbox.faults) == 1
        sandbox.faults.add(ExpiredURL(), path="/assets")
        sandbox.faults.add(PictureContent(b"<svg/>", "image/svg+xml"))
        sandbox.faults.add(ServerError(502), pictures=True)
        with wired(sandbox) as wire:
            assert wire.get("/models").status == 503  # the only one that is not for pictures
            assert wire.get("/models").status == 429
        replies = [fetch(url) for _ in range(4)]

    assert [reply.status for reply in replies] == [403, 200, 502, 200]
    assert (replies[1].headers["Content-Type"], replies[1].body) == ("image/svg+xml", b"<svg/>")


def test_pictures_move_with_a_sandbox_that_is_started_again() -> None:
    sandbox = Sandbox(Catalogue.seeded(public=0, private=5))
    for _ in range(2):
        with sandbox.in_thread(), wired(sandbox) as wire:
            rows = wire.get("/models").json["models"]
            urls = [row["thumbnail"]["url"] for row in rows if row.get("thumbnail")]
            assert urls
            assert all(url.startswith(sandbox.base_url.removesuffix("v1")) for url in urls)
