"""Scripts written for the official SDK run on this package with only the import changed."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest
import scenario_sdk

import scenario_async
from scenario_async.sandbox import RateLimited, ServerError

if TYPE_CHECKING:
    from types import ModuleType

    from scenario_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio

PACKAGES = pytest.mark.parametrize(
    "package", [scenario_sdk, scenario_async], ids=lambda package: package.__name__
)


@pytest.fixture(autouse=True)
def environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCENARIO_BASE_URL", sandbox.base_url)
    monkeypatch.setenv("SCENARIO_SDK_API_KEY", sandbox.api_key)
    monkeypatch.setenv("SCENARIO_SDK_API_SECRET", sandbox.api_secret)


@PACKAGES
async def test_manual_paging(package: ModuleType, sandbox: Sandbox) -> None:
    client = package.AsyncScenario()
    found: list[str] = []

    page = await client.models.list(page_size=40)
    while True:
        found += [model.id for model in page.models]
        if not page.has_next_page():
            break
        page = await page.get_next_page()
    await client.close()

    assert found == list(sandbox.catalogue.ids(privacy="private"))
    assert not page.next_pagination_token


@PACKAGES
async def test_iterating_a_listing_and_a_page(package: ModuleType, sandbox: Sandbox) -> None:
    async with package.AsyncScenario() as client:
        listed = [model.id async for model in client.models.list(privacy="public", page_size=90)]
        page = await client.models.list(privacy="public", page_size=90)
        from_page = [model.id async for model in page]
        pages = [len(one.models) async for one in page.iter_pages()]

    assert listed == from_page
    assert sorted(listed) == sorted(sandbox.catalogue.ids(privacy="public"))
    assert pages == [90, 90, 50]


@PACKAGES
async def test_attributes_of_a_model(package: ModuleType) -> None:
    async with package.AsyncScenario() as client:
        page = await client.models.list(privacy="public", page_size=50)
        answer = await client.models.retrieve(page.models[0].id)

    model = answer.model
    assert model.id == page.models[0].id
    assert model.inputs[0].name
    assert (model.name, model.type, model.privacy) == (
        page.models[0].name,
        page.models[0].type,
        "public",
    )


@PACKAGES
@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "BadRequestError"),
        (401, "AuthenticationError"),
        (403, "PermissionDeniedError"),
        (404, "NotFoundError"),
        (409, "ConflictError"),
        (422, "UnprocessableEntityError"),
        (500, "InternalServerError"),
        (503, "InternalServerError"),
    ],
)
async def test_catching_errors_by_name(
    package: ModuleType, sandbox: Sandbox, status: int, name: str
) -> None:
    sandbox.faults.add(ServerError(status))
    async with package.AsyncScenario(max_retries=0) as client:
        with pytest.raises(getattr(package, name)) as caught:
            await client.models.list()

    assert isinstance(caught.value, package.APIStatusError)
    assert isinstance(caught.value, package.APIError)
    assert isinstance(caught.value, package.ScenarioError)
    assert caught.value.status_code == status
    assert caught.value.message


@PACKAGES
async def test_catching_a_rate_limit(package: ModuleType, sandbox: Sandbox) -> None:
    sandbox.faults.add(RateLimited(retry_after=1), times=None)
    async with package.AsyncScenario().with_options(max_retries=0) as client:
        with pytest.raises(package.RateLimitError) as caught:
            await client.models.list()

    assert caught.value.status_code == 429
    assert caught.value.body


@PACKAGES
async def test_catching_a_server_that_is_not_there(package: ModuleType) -> None:
    async with package.AsyncScenario(base_url="http://127.0.0.1:9/v1", max_retries=0) as client:
        with pytest.raises(package.APIConnectionError):
            await client.models.list()


def test_every_argument_of_the_official_listing_is_taken() -> None:
    official = inspect.signature(
        scenario_sdk.AsyncScenario(api_key="k", api_secret="s").models.list
    )
    ours = inspect.signature(scenario_async.Models.list)

    assert set(official.parameters) <= set(ours.parameters)


def test_every_argument_of_the_official_retrieve_is_taken() -> None:
    official: Any = scenario_sdk.AsyncScenario(api_key="k", api_secret="s").models.retrieve
    ours = inspect.signature(scenario_async.Models.retrieve)

    assert set(inspect.signature(official).parameters) <= set(ours.parameters)


def test_every_other_name_of_the_official_models_is_an_error_that_says_what_to_do() -> None:
    official = scenario_sdk.AsyncScenario(api_key="k", api_secret="s").models
    ours = scenario_async.AsyncScenario(public=True).models
    others = [name for name in dir(official) if not name.startswith("_") and name not in dir(ours)]

    assert {"get_bulk", "train", "update_tags", "with_raw_response"} <= set(others)
    for name in others:
        with pytest.raises(AttributeError, match=rf"no attribute '{name}': \w") as caught:
            getattr(ours, name)
        assert caught.value.name == name
