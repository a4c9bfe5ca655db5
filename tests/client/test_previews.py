"""Pictures of models: in their order, few requests, nothing asked for twice."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import pytest
from support.client import one_by_one

from scenario_async import (
    APIResponseValidationError,
    InternalServerError,
    Missing,
    Model,
    PermissionDeniedError,
    Preview,
)
from scenario_async.sandbox import Behavior, Catalogue, Sandbox, ServerError
from scenario_async.types import Thumbnail

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable

    from support.client import Connect, Leftovers

    from scenario_async import AsyncScenario, InvalidRow
    from scenario_async.pytest_plugin import SandboxFactory

    Previews = AsyncGenerator[Preview | Missing, None]

pytestmark = pytest.mark.anyio

MODELS, ASSETS = "/v1/models/get-bulk", "/v1/assets/get-bulk"
# When the sandbox has just signed its URLs, and when they have long expired.
SIGNED = datetime.now(UTC)
EXPIRED = SIGNED + timedelta(days=60)
FAR = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.seeded(public=709, private=20, collections=0)


@pytest.fixture
def ids(sandbox: Sandbox) -> list[str]:
    return sandbox.catalogue.ids(privacy="public")


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Sets the time by which URLs expire."""

    def be(moment: datetime) -> None:
        monkeypatch.setattr("scenario_async._retrieval.previews._now", lambda: moment)

    be(SIGNED)
    return be


@pytest.fixture
async def models(connect: Connect, sandbox: Sandbox) -> list[Model]:
    async with connect() as scenario:
        models = await scenario.models.public().collect()
    sandbox.requests.clear()
    return models


def model_ids(previews: Iterable[Preview | Missing]) -> list[str]:
    return [one.model_id if isinstance(one, Preview) else one.id for one in previews]


def asked(sandbox: Sandbox, path: str) -> int:
    return sum(request.path == path for request in sandbox.requests)


def without_thumbnail(models: Iterable[Model]) -> int:
    return sum(not (model.thumbnail or model.thumbnail_url) for model in models)


@pytest.mark.parametrize("make", [list, iter, one_by_one], ids=["list", "iterator", "async"])
@pytest.mark.parametrize("ordered", [True, False])
async def test_of_all_public_models_only_those_without_thumbnail_are_asked_for(
    ordered: bool,
    make: Callable[[list[Model]], Any],
    scenario: AsyncScenario,
    models: list[Model],
    sandbox: Sandbox,
) -> None:
    previews = [one async for one in scenario.models.previews(make(models), ordered=ordered)]

    given = model_ids(previews)
    wanted = [model.id for model in models]
    assert given == wanted if ordered else sorted(given) == sorted(wanted)
    missing = without_thumbnail(models)
    assert 709 * 2 / 3 < missing < 709 * 0.8
    assert [one.path for one in sandbox.requests] == [ASSETS] * -(-missing // 200)
    by_id = {model.id: model for model in models}
    for one in previews:
        assert isinstance(one, Preview)
        assert one.expires_at is not None
        assert one.expires_at > SIGNED
        thumbnail = by_id[one.model_id].thumbnail
        examples = by_id[one.model_id].example_asset_ids
        if thumbnail is not None:
            assert (one.asset_id, one.url) == (thumbnail.asset_id, thumbnail.url)
        elif one.asset_id is not None:
            assert examples is not None
            assert one.asset_id == examples[0]
            assert f"/{examples[0]}?" in one.url


async def test_a_listing_is_gone_through_as_it_comes(
    scenario: AsyncScenario, ids: list[str], sandbox: Sandbox
) -> None:
    previews = [one async for one in scenario.models.previews(scenario.models.public())]
    assert model_ids(previews) == ids
    assert asked(sandbox, ASSETS) <= 4
    assert asked(sandbox, MODELS) == 0


@pytest.mark.parametrize("ordered", [True, False])
async def test_ids_need_summaries_first_and_no_more_pictures(
    ordered: bool, scenario: AsyncScenario, ids: list[str], models: list[Model], sandbox: Sandbox
) -> None:
    previews = [one async for one in scenario.models.previews(ids, ordered=ordered)]
    given = model_ids(previews)
    assert given == ids if ordered else sorted(given) == sorted(ids)
    assert all(isinstance(one, Preview) for one in previews)
    assert asked(sandbox, MODELS) == 15
    assert asked(sandbox, ASSETS) == -(-without_thumbnail(models) // 200)
    assert len(sandbox.requests) == 15 + asked(sandbox, ASSETS)


async def test_models_and_ids_may_be_mixed(
    scenario: AsyncScenario, models: list[Model], sandbox: Sandbox
) -> None:
    mixed: list[Model | str] = [*models[:40], *(model.id for model in models[40:80])]
    previews = [one async for one in scenario.models.previews(mixed)]
    assert model_ids(previews) == [one.id for one in models[:80]]
    assert (asked(sandbox, MODELS), asked(sandbox, ASSETS)) == (1, 1)


async def test_nothing_is_asked_for_twice(
    scenario: AsyncScenario, ids: list[str], models: list[Model], sandbox: Sandbox
) -> None:
    bare = [model for model in models if model.thumbnail is None and model.thumbnail_url is None]
    same = [Model(id=f"model_{n}", example_asset_ids=bare[0].example_asset_ids) for n in range(300)]

    previews = [one async for one in scenario.models.previews([*same, *same])]
    assert model_ids(previews) == [one.id for one in [*same, *same]]
    assert len({one.url for one in previews if isinstance(one, Preview)}) == 1
    assert asked(sandbox, ASSETS) == 1
    sandbox.requests.clear()

    previews = [one async for one in scenario.models.previews(ids[:100] * 8)]
    assert model_ids(previews) == ids[:100] * 8
    assert (asked(sandbox, MODELS), asked(sandbox, ASSETS)) == (2, 1)


async def test_what_came_before_is_not_asked_for_again(
    scenario: AsyncScenario, models: list[Model], sandbox: Sandbox, leftovers: Leftovers
) -> None:
    bare = next(model for model in models if not (model.thumbnail or model.thumbnail_url))
    more = asyncio.Event()

    async def slow() -> AsyncGenerator[Model | str, None]:
        yield bare
        yield bare.id
        await more.wait()
        yield bare.id
        yield bare
        yield Model(id="model_other", example_asset_ids=bare.example_asset_ids)

    previews = scenario.models.previews(slow())
    async with aclosing(previews):
        given = [await anext(previews), await anext(previews)]
        more.set()
        given += [one async for one in previews]
    assert model_ids(given) == [bare.id] * 4 + ["model_other"]
    assert all(isinstance(one, Preview) for one in given)
    assert sorted(one.path for one in sandbox.requests) == [ASSETS, MODELS]
    await leftovers.check()


async def test_of_an_expired_thumbnail_the_asset_is_asked_for(
    scenario: AsyncScenario,
    models: list[Model],
    sandbox: Sandbox,
    now: Callable[[datetime], None],
) -> None:
    shown = [model for model in models if model.thumbnail is not None][:150]
    now(EXPIRED)

    previews = [one async for one in scenario.models.previews(shown)]

    assert [one.path for one in sandbox.requests] == [ASSETS]
    assert [one.asset_id for one in previews if isinstance(one, Preview)] == [
        model.thumbnail.asset_id for model in shown if model.thumbnail is not None
    ]


async def test_what_is_missing_is_a_value_in_its_place(
    scenario: AsyncScenario, ids: list[str], sandbox: Sandbox
) -> None:
    (foreign, *_) = sandbox.catalogue.foreign_ids
    wanted: list[Model | str] = [
        ids[0],
        "gone",
        Model(id="model_bare"),
        Model(id="model_lost", example_asset_ids=("asset_lost",)),
        foreign,
        Model(id="model_shown", thumbnail=Thumbnail(url="https://cdn.example/a.png")),
    ]
    previews = [one async for one in scenario.models.previews(wanted)]
    assert model_ids(previews) == [
        ids[0], "gone", "model_bare", "model_lost", foreign, "model_shown",
    ]  # fmt: skip
    missing = {one.id: one.reason for one in previews if isinstance(one, Missing)}
    assert missing == {
        "gone": "the service left the model out of its answer",
        "model_bare": "the model has no thumbnail and no example",
        "model_lost": "the service left the asset 'asset_lost' out of its answer, "
        "or has no URL of it",
        foreign: "the service left the model out of its answer",
    }
    codes = {repr(one.status_code) for one in previews if isinstance(one, Missing)}
    assert codes == {"404"}


async def test_models_that_need_no_request_make_none(
    connect: Connect, models: list[Model], sandbox: Sandbox
) -> None:
    shown = [model for model in models if model.thumbnail is not None]
    async with connect() as scenario:
        previews = [one async for one in scenario.models.previews(one_by_one(shown))]
    assert model_ids(previews) == [model.id for model in shown]
    assert not sandbox.requests


async def test_models_without_end_are_read_as_they_are_needed(
    scenario: AsyncScenario, models: list[Model], sandbox: Sandbox, leftovers: Leftovers
) -> None:
    read = count()
    bare = next(model for model in models if not (model.thumbnail or model.thumbnail_url))
    examples = bare.example_asset_ids
    endless = (Model(id=f"model_{number}", example_asset_ids=examples) for number in read)
    previews = scenario.models.previews(endless, max_concurrency=1)
    async with aclosing(previews):
        await anext(previews)
        for _ in range(300):
            await anyio.lowlevel.checkpoint()
    assert next(read) < 2000
    await leftovers.check()


async def test_a_slow_iterator_of_models_is_not_waited_for(
    scenario: AsyncScenario, models: list[Model], leftovers: Leftovers
) -> None:
    more = asyncio.Event()

    async def slow() -> AsyncGenerator[Model, None]:
        for model in models[:5]:
            yield model
        await more.wait()

    previews = scenario.models.previews(slow())
    async with aclosing(previews):
        given = [await anext(previews) for _ in range(5)]
    assert model_ids(given) == [model.id for model in models[:5]]
    await leftovers.check()


class TestFailures:
    async def test_pictures_that_are_refused_fail_after_the_thumbnails_before(
        self, connect: Connect, catalogue: Catalogue, scenario_sandbox_factory: SandboxFactory
    ) -> None:
        sandbox = scenario_sandbox_factory(catalogue, behavior=Behavior(assets="refused"))
        given: list[Preview | Missing] = []
        async with connect(base_url=sandbox.base_url) as scenario:
            models = await scenario.models.public().collect()
            with pytest.raises(PermissionDeniedError):
                async for one in scenario.models.previews(models):
                    given.append(one)  # noqa: PERF401 - what came before is in it as well
        first = next(
            place
            for place, model in enumerate(models)
            if not (model.thumbnail or model.thumbnail_url)
        )
        assert model_ids(given) == [model.id for model in models[:first]]
        assert asked(sandbox, ASSETS) <= 8

    async def test_without_order_all_thumbnails_that_are_known_are_given_before_a_failure(
        self, connect: Connect, models: list[Model], sandbox: Sandbox, leftovers: Leftovers
    ) -> None:
        sandbox.faults.add(ServerError(500), times=None, path="/assets/get-bulk$")
        given: list[Preview | Missing] = []
        async with connect(max_retries=0) as scenario:
            with pytest.raises(InternalServerError):
                async for one in scenario.models.previews(models, ordered=False):
                    given.append(one)  # noqa: PERF401 - as above
        assert len(given) == len(models) - without_thumbnail(models)
        await leftovers.check()

    async def test_a_summary_that_does_not_fit_is_reported(
        self, connect: Connect, scenario_sandbox_factory: SandboxFactory
    ) -> None:
        own = Catalogue.seeded(public=10, private=0, collections=0)
        ids = own.ids("public")
        own.update(ids[3], fields={"thumbnail": "not a record"})
        sandbox = scenario_sandbox_factory(own)
        rejected: list[InvalidRow] = []
        async with connect(base_url=sandbox.base_url) as scenario:
            previews = scenario.models.previews(ids, on_invalid=rejected.append)
            assert model_ids([one async for one in previews]) == ids[:3] + ids[4:]
            with pytest.raises(APIResponseValidationError):
                async for _ in scenario.models.previews(ids):
                    pass
        assert [row.id for row in rejected] == [ids[3]]

    @pytest.mark.parametrize(
        ("models", "error", "message"),
        [
            ("model_a", TypeError, "several"),
            ([5], TypeError, r"models\[0\] must be a Model or a str, not int"),
            (["a", ""], ValueError, r"models\[1\]"),
        ],
        ids=repr,
    )
    async def test_what_is_no_model_is_told_at_once(
        self, models: Any, error: type[Exception], message: str, scenario: AsyncScenario
    ) -> None:
        with pytest.raises(error, match=message):
            scenario.models.previews(models)

    async def test_no_log_and_no_repr_shows_a_signature(
        self, scenario: AsyncScenario, ids: list[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        previews = [one async for one in scenario.models.previews(ids[:30])]
        assert any("Signature=" in one.url for one in previews if isinstance(one, Preview))
        for shown in (repr(previews), caplog.text):
            assert "Signature" not in shown
            assert "Policy" not in shown
        assert "POST /assets/get-bulk" in caplog.text
