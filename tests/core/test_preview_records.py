"""What a model is shown with, and when the URL of it expires."""

from __future__ import annotations

import math
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenario_async import Preview
from scenario_async.types import Thumbnail
from scenario_async.types._preview import Asset, PicturedModel
from scenario_async.types._signed_urls import expiry

NOW = datetime(2026, 8, 20, 12, tzinfo=UTC)
SECONDS = st.integers(0, 4_000_000_000)


def policy_of(statement: Any) -> str:
    text = b64encode(msgspec.json.encode({"Statement": [statement]})).decode()
    return text.translate(str.maketrans("+=/", "-_~"))


def policy(seconds: float) -> str:
    condition = {"DateLessThan": {"AWS:EpochTime": seconds}}
    return policy_of({"Resource": "https://cdn.example/?>~*", "Condition": condition})


def signed(**parameters: object) -> str:
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    return f"https://cdn.example/asset_a?p=100&width=640&{query}&Key-Pair-Id=K&Signature=s__"


def in_days(days: float) -> str:
    return signed(Expires=math.floor((NOW + timedelta(days=days)).timestamp()))


@given(SECONDS)
def test_a_url_expires_when_it_says_so(seconds: int) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)
    assert expiry(signed(Expires=seconds)) == moment
    assert expiry(signed(Policy=policy(seconds))) == moment


@given(SECONDS, SECONDS)
def test_of_two_moments_the_earlier_counts(one: int, other: int) -> None:
    url = signed(Expires=one, Policy=policy(other))
    assert expiry(url) == datetime.fromtimestamp(min(one, other), UTC)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://cdn.example/a.png",
        "http://[broken",
        signed(Expires="soon"),
        signed(Expires=10**30),
        signed(Policy="p__"),
        signed(Policy=policy_of({})),
        signed(Policy=policy_of("text")),
        signed(Policy=b64encode(b"\xff\xfe").decode()),
    ],
)
def test_a_url_that_does_not_say_so_has_no_moment(url: str) -> None:
    assert expiry(url) is None


@given(st.text())
def test_no_text_is_too_odd_for_a_url(text: str) -> None:
    assert expiry(text) is None or "Expires" in text or "Policy" in text


def test_a_thumbnail_is_the_preview_until_its_url_expires() -> None:
    thumbnail = Thumbnail(asset_id="asset_t", url=in_days(1))
    model = PicturedModel(id="model_a", thumbnail=thumbnail, example_asset_ids=("asset_e",))

    preview = model.preview(NOW)

    assert preview == Preview(
        model_id="model_a",
        asset_id="asset_t",
        kind="image",
        url=thumbnail.url or "",
        expires_at=NOW + timedelta(days=1),
    )
    assert model.preview(NOW + timedelta(days=1)) is None
    assert model.asset_id == "asset_t"


@pytest.mark.parametrize(
    ("fields", "asset_id"),
    [
        ({"thumbnail": Thumbnail(url=in_days(-1)), "example_asset_ids": ("asset_e",)}, "asset_e"),
        ({"thumbnail": Thumbnail(asset_id="asset_t")}, "asset_t"),
        ({"thumbnail": Thumbnail(), "example_asset_ids": (None, "", "asset_e")}, "asset_e"),
        ({"thumbnail_url": in_days(-1)}, None),
        ({"example_asset_ids": ()}, None),
        ({}, None),
    ],
    ids=["expired", "without URL", "empty", "article", "no examples", "nothing"],
)
def test_without_a_url_that_works_an_asset_is_asked_for(
    fields: dict[str, Any], asset_id: str | None
) -> None:
    model = PicturedModel(id="model_a", **fields)
    assert model.preview(NOW) is None
    assert model.asset_id == asset_id


def test_a_url_without_a_date_is_taken_as_it_is() -> None:
    model = PicturedModel(id="model_a", thumbnail_url="https://cdn.example/a.png")
    preview = model.preview(NOW)
    assert preview == Preview(
        model_id="model_a", kind="image", url="https://cdn.example/a.png", expires_at=None
    )


def test_the_short_form_of_a_model_has_the_asset_that_is_asked_for() -> None:
    model = PicturedModel(id="model_a", example_asset_ids=(None, "asset_e", "asset_f"))
    assert model.short().asset_id == "asset_e"


def test_an_asset_that_is_no_picture_is_shown_by_its_picture() -> None:
    thumbnail = Thumbnail(asset_id="asset_t", url=in_days(2))
    video = Asset(id="asset_v", kind="video", url=in_days(1), thumbnail=thumbnail)
    bare = Asset(id="asset_v", kind="video", url=in_days(1))
    image = Asset(id="asset_i", kind="image", url=in_days(1), thumbnail=thumbnail)

    shown = [asset.preview_of("model_a") for asset in (video, bare, image)]

    assert [one and (one.asset_id, one.kind, one.url) for one in shown] == [
        ("asset_v", "image", in_days(2)),
        ("asset_v", "video", in_days(1)),
        ("asset_i", "image", in_days(1)),
    ]
    assert Asset(id="asset_a").preview_of("model_a") is None


def test_no_repr_shows_a_signature() -> None:
    preview = Preview(model_id="model_a", asset_id="asset_a", url=signed(Expires=1))
    asset = Asset(id="asset_a", url=preview.url, preview=Thumbnail(url=preview.url))
    for shown in (repr(preview), repr(asset), str(preview)):
        assert "https://cdn.example/asset_a?…" in shown
        assert "Signature" not in shown
        assert "Expires" not in shown
