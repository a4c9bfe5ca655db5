"""The official SDK, a client that we did not write, finds in a sandbox what is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import scenario_sdk
from scenario_sdk.types import AssetGetBulkResponse

from scenario_async.sandbox import Behavior, Catalogue, RateLimited, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from scenario_async.sandbox import Row


@pytest.fixture(scope="module")
def sandbox() -> Generator[Sandbox]:
    catalogue = Catalogue.seeded(public=230, private=140, unlisted=12, collections=3, burst=25)
    for model_id in catalogue.ids()[:5]:
        catalogue.delete(model_id)
    with Sandbox(catalogue).in_thread() as running:
        yield running


@pytest.fixture
def sdk(sandbox: Sandbox) -> Generator[scenario_sdk.Scenario]:
    sandbox.reset()
    with scenario_sdk.Scenario(
        base_url=sandbox.base_url,
        api_key=sandbox.api_key,
        api_secret=sandbox.api_secret,
        max_retries=0,
    ) as client:
        yield client


@dataclass(frozen=True)
class Case:
    """A listing, the models that it must give, and what it must sort them by."""

    arguments: dict[str, Any]
    wanted: Callable[[Row], bool]
    sorted_by: str
    ascending: bool = False


def public(row: Row) -> bool:
    return row.privacy == "public"


def private(row: Row) -> bool:
    return row.privacy == "private"


LISTINGS = [
    Case({}, private, "created"),
    Case({"sort_by": "createdAt", "sort_direction": "asc"}, private, "created", ascending=True),
    Case({"status": "failed"}, lambda row: private(row) and row.status == "failed", "created"),
    Case(
        {"privacy": "private", "status": "trained", "sort_by": "score"},
        lambda row: private(row) and row.status == "trained",
        "score",
    ),
    Case({"privacy": "unlisted"}, lambda row: row.privacy == "unlisted", "created"),
    Case({"privacy": "public"}, public, "score"),
    Case(
        {"privacy": "public", "sort_by": "updatedAt", "sort_direction": "asc"},
        public,
        "updated",
        ascending=True,
    ),
    Case(
        {"privacy": "public", "type": "flux.1-lora"},
        lambda row: public(row) and row.type == "flux.1-lora",
        "score",
    ),
    Case(
        {"privacy": "public", "tags": "sc:third-party,Video"},
        lambda row: public(row) and "Video" in row.tags,  # no index of the other one there
        "score",
    ),
    Case(
        {"privacy": "public", "loaded_only": True},
        lambda row: public(row) and row.loaded,
        "score",
    ),
]


@pytest.mark.parametrize(
    "case",
    LISTINGS,
    ids=[" ".join(f"{name}={value}" for name, value in one.arguments.items()) for one in LISTINGS],
)
@pytest.mark.parametrize("page_size", [23, 500])
def test_the_official_sdk_lists_exactly_the_wanted_models_in_order(
    sandbox: Sandbox, sdk: scenario_sdk.Scenario, case: Case, page_size: int
) -> None:
    expected = sorted(
        filter(case.wanted, sandbox.catalogue),
        key=lambda row: (getattr(row, case.sorted_by), row.id),
        reverse=not case.ascending,
    )
    assert expected, "a listing of nothing proves nothing"

    listed = [model.id for model in sdk.models.list(page_size=page_size, **case.arguments)]

    assert listed == [row.id for row in expected]


def test_the_official_sdk_lists_a_collection(sandbox: Sandbox, sdk: scenario_sdk.Scenario) -> None:
    for collection_id in sandbox.catalogue.collection_ids:
        expected = {row.id for row in sandbox.catalogue if collection_id in row.collections}
        models = sdk.models.list(collection_id=collection_id, page_size=10)
        unlisted = sdk.models.list(
            collection_id=collection_id,
            page_size=10,
            extra_query={"privacy": "unlisted"},  # its own type leaves it out
        )
        assert {model.id for model in models} | {model.id for model in unlisted} == expected


def test_the_official_sdk_lists_deleted_models_with_their_date(
    sandbox: Sandbox, sdk: scenario_sdk.Scenario
) -> None:
    models = list(sdk.models.list(status="deleted", page_size=2))

    assert [model.id for model in models] == sandbox.catalogue.ids(status="deleted")
    assert len(models) == 5
    assert all(model.deleted_at is not None for model in models)


def test_the_official_sdk_walks_within_dates(sandbox: Sandbox, sdk: scenario_sdk.Scenario) -> None:
    rows = sorted(filter(public, sandbox.catalogue), key=lambda row: (row.created, row.id))
    low, high = rows[40], rows[-40]
    dates = {
        model.id: model.created_at
        for model in sdk.models.list(privacy="public")
        if getattr(model, "created_at", None)
    }
    models = sdk.models.list(
        privacy="public",
        sort_by="createdAt",
        created_after=dates[low.id],
        created_before=dates[high.id],
        page_size=9,
    )

    expected = [row.id for row in rows if low.created < row.created < high.created]
    assert [model.id for model in models] == expected[::-1]


def test_the_official_sdk_reads_single_models_with_their_inputs(
    sandbox: Sandbox, sdk: scenario_sdk.Scenario
) -> None:
    model_id = sandbox.catalogue.ids("public")[0]

    listed = next(iter(sdk.models.list(privacy="public")))
    model = sdk.models.retrieve(model_id).model

    assert listed.id == model.id == model_id
    assert listed.inputs is None
    assert model.inputs
    assert model.inputs[0].name == "prompt"
    assert model.ui_config is not None


def test_the_official_sdk_asks_a_bulk_read_for_more(
    sandbox: Sandbox, sdk: scenario_sdk.Scenario
) -> None:
    row = next(row for row in sandbox.catalogue if row.type != "custom" and row.content % 40 > 3)

    (model,) = sdk.models.get_bulk(
        model_ids=[row.id], all_training_images=True, settings=True, thumbnail=True
    ).models

    assert len(model.training_images or ()) == model.training_images_number == row.content % 40
    assert model.prompt_embedding is not None
    assert model.thumbnail is not None


def test_the_official_sdk_reads_assets_of_the_shape_that_it_declares(
    sandbox: Sandbox, sdk: scenario_sdk.Scenario
) -> None:
    model = next(iter(sdk.models.list(privacy="public")))
    asset_ids = (model.example_asset_ids or [])[:3]

    answer = sdk.assets.get_bulk(asset_ids=[*asset_ids, "asset_unknown"])

    assert [asset.id for asset in answer.assets] == asset_ids
    assert [asset.mime_type for asset in answer.assets] == ["image/png"] * 3
    # Reading an answer does not check it; this does, enumerations too.
    AssetGetBulkResponse.model_validate(answer.to_dict(), strict=True)
    with pytest.raises(scenario_sdk.BadRequestError, match="assetIds"):
        sdk.assets.get_bulk(asset_ids=["asset_unknown"] * 201)


def test_the_official_sdk_stops_at_an_empty_page_that_has_a_token() -> None:
    catalogue = Catalogue()
    for number in range(40):
        tags = ["rare"] if number == 0 else []
        catalogue.add(privacy="public", score=number, tags=tags)
    found: dict[bool, list[str]] = {}
    for short_pages in (True, False):
        with (
            Sandbox(catalogue, behavior=Behavior(short_pages=short_pages)).in_thread() as running,
            scenario_sdk.Scenario(
                base_url=running.base_url, api_key=running.api_key, api_secret=running.api_secret
            ) as sdk,
        ):
            models = sdk.models.list(privacy="public", tags="rare", page_size=2)
            found[short_pages] = [model.id for model in models]

    assert found == {True: [], False: [catalogue.ids("public")[-1]]}


def test_the_official_sdk_lists_collections(sandbox: Sandbox, sdk: scenario_sdk.Scenario) -> None:
    collections = list(sdk.collections.list(page_size=2))

    assert [one.id for one in collections] == list(sandbox.catalogue.collection_ids)
    counts = [one.api_model_count for one in collections]
    assert counts == [sandbox.catalogue.model_count(one.id) for one in collections]


def test_the_official_sdk_gets_its_own_errors(sandbox: Sandbox, sdk: scenario_sdk.Scenario) -> None:
    with pytest.raises(scenario_sdk.BadRequestError, match="collectionId"):
        sdk.models.list(privacy="public", collection_id="collection_1")
    with pytest.raises(scenario_sdk.NotFoundError):
        sdk.models.retrieve("model_unknown")
    with pytest.raises(scenario_sdk.PermissionDeniedError):
        sdk.models.retrieve(next(iter(sandbox.catalogue.foreign_ids)))
    with pytest.raises(scenario_sdk.AuthenticationError):
        sdk.with_options(api_secret="wrong").models.list()
    sandbox.faults.add(RateLimited(retry_after=1))
    with pytest.raises(scenario_sdk.RateLimitError):
        sdk.models.list()


@pytest.mark.anyio
async def test_the_official_async_sdk_lists_every_scope_in_the_same_loop() -> None:
    catalogue = Catalogue.seeded(public=130, private=70, collections=2)
    async with (
        Sandbox(catalogue) as sandbox,
        scenario_sdk.AsyncScenario(
            base_url=sandbox.base_url, bearer_auth=sandbox.bearer_auth, max_retries=0
        ) as sdk,
    ):
        public = [model.id async for model in sdk.models.list(privacy="public", page_size=40)]
        private = [model.id async for model in sdk.models.list(page_size=40)]
        collected = [
            model.id async for model in sdk.models.list(collection_id=catalogue.collection_ids[0])
        ]

    assert public == catalogue.ids("public")
    assert private == catalogue.ids()
    assert collected == catalogue.ids(collection_id=catalogue.collection_ids[0])
    assert {request.authorization_kind for request in sandbox.requests} == {"bearer"}
    assert {request.compressed for request in sandbox.requests} == {True}
