"""Pictures for a page: together, each once, and again before they expire."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import anyio
import msgspec
import pytest
from support.client import Leftovers, until_requests

from scenario_async import InternalServerError, Missing, Model, Preview, ScenarioError, UsageError
from scenario_async._argument_errors import ArgumentError
from scenario_async._retrieval import PreviewUrls, preview_urls
from scenario_async.live import LiveCatalog
from scenario_async.sandbox import Catalogue, ServerError, Stalled

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

    from support.client import Connect

    from scenario_async import AsyncScenario
    from scenario_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio
LATER = 3600.0
MARGIN = timedelta(minutes=10)


class Short(msgspec.Struct):
    id: str


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue.seeded(private=3, public=60, odd=False)


async def test_many_who_ask_at_once_take_one_request_and_later_ones_none(
    sandbox: Sandbox, scenario: AsyncScenario
) -> None:
    models = [model async for model in scenario.models.public()]
    async with LiveCatalog(scenario, scopes=["public"], every=LATER) as live:
        sandbox.requests.clear()
        ids = sorted(live.now)
        urls = await asyncio.gather(*(live.preview_url(one) for one in (*ids, *ids)))
        assert len(sandbox.requests) == 1
        assert urls[: len(ids)] == urls[len(ids) :]
        again = await live.preview_urls(models)
        assert len(sandbox.requests) == 1
        assert again == dict(zip(ids, urls, strict=False))
        assert all(url and url.startswith("http") for url in again.values())


async def test_a_model_that_is_not_there_has_no_picture(
    sandbox: Sandbox, scenario: AsyncScenario
) -> None:
    async with LiveCatalog(scenario, every=LATER) as live:
        assert await live.preview_url("model_of_nobody") is None


async def test_a_failure_is_raised_to_all_who_wait_and_not_kept(
    sandbox: Sandbox, connect: Connect
) -> None:
    async with (
        connect(max_retries=0) as scenario,
        LiveCatalog(scenario, scopes=["public"], every=LATER) as live,
    ):
        sandbox.faults.add(ServerError(500), times=1)
        # By ids that are not there: each takes a request.
        asked = [live.preview_url("model_of_nobody") for _ in range(2)]
        failed = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(one) for one in failed] == [InternalServerError] * 2
        assert await live.preview_url("model_of_nobody") is None


async def test_whoever_stops_waiting_does_not_end_the_request_and_leaving_does(
    sandbox: Sandbox, connect: Connect, leftovers: Leftovers
) -> None:
    async with connect() as scenario:
        async with LiveCatalog(scenario, scopes=["public"], every=LATER) as live:
            sandbox.requests.clear()
            sandbox.faults.add(Stalled(), times=None)
            first = asyncio.create_task(live.preview_url("model_of_nobody"))
            second = asyncio.create_task(live.preview_url("model_of_nobody"))
            await until_requests(sandbox, 1)
            first.cancel()
            await asyncio.wait([first])
            assert not second.done()
        with pytest.raises(UsageError, match="was left before"):
            await second
        with pytest.raises(UsageError, match="enter it"):
            await live.preview_url("model_of_nobody")
        assert len(sandbox.requests) == 1
    await leftovers.check_connections()


async def test_a_cancellation_that_nobody_asked_for_is_told_to_all_who_wait() -> None:
    async def fetch(models: Iterable[Model | str]) -> AsyncGenerator[Preview | Missing, None]:
        for model in models:
            if odd:
                raise asyncio.CancelledError
            yield Missing(str(model), 404, "nobody")

    previews = PreviewUrls(fetch, margin=MARGIN)
    odd = True
    with anyio.fail_after(30), pytest.raises(ScenarioError, match="was cancelled"):
        await previews.urls({"model_x": "model_x"})
    odd = False
    assert await previews.urls({"model_x": "model_x"}) == {"model_x": None}


async def test_whoever_asks_after_an_end_does_not_wait_for_what_was_wanted_before_it() -> None:
    async def fetch(models: Iterable[Model | str]) -> AsyncGenerator[Preview | Missing, None]:
        for model in models:
            yield Missing(str(model), 404, "nobody")

    previews = PreviewUrls(fetch, margin=MARGIN)
    previews.want({"model_x": "model_x"})
    await previews.end(UsageError("left"))

    with anyio.fail_after(30):
        assert await previews.urls({"model_y": "model_y"}) == {"model_y": None}


async def test_leaving_at_once_ends_those_who_have_just_asked(scenario: AsyncScenario) -> None:
    async with LiveCatalog(scenario, every=LATER) as live:
        asked = asyncio.create_task(live.preview_url("model_of_nobody"))
        await asyncio.sleep(0)
    with pytest.raises(UsageError, match="was left before"):
        await asked


async def test_what_cannot_be_asked_for_fails_for_nobody_else(
    sandbox: Sandbox, scenario: AsyncScenario
) -> None:
    async with LiveCatalog(scenario, every=LATER, as_type=Short) as live:
        odd: list[Any] = ["", 1, live[sandbox.catalogue.ids("private")[0]]]
        wrong = [live.preview_url(one) for one in odd]
        *failed, url = await asyncio.gather(
            *wrong, live.preview_url(next(iter(live.now))), return_exceptions=True
        )
        assert [type(one) for one in failed] == [ArgumentError, TypeError, TypeError]
        assert str(failed[-1]) == "models[0] must be a Model or the id of one, not Short"
        assert isinstance(url, str)
        with pytest.raises(TypeError, match="models must be several"):
            await live.preview_urls("model_x")


async def test_a_row_that_cannot_be_read_is_a_model_without_a_picture(
    sandbox: Sandbox, scenario: AsyncScenario
) -> None:
    async with LiveCatalog(scenario, scopes=["public"], every=LATER, as_type=Short) as live:
        odd = sandbox.catalogue.ids("public")[3]
        sandbox.catalogue.update(odd, fields={"thumbnail": "not a record"})
        urls = await live.preview_urls(live.now)
        assert urls.keys() == live.now.keys()
        assert [model_id for model_id, url in urls.items() if url is None] == [odd]


async def test_pictures_of_ids_that_are_made_up_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fetch(models: Iterable[Model | str]) -> AsyncGenerator[Preview | Missing, None]:
        for model in models:
            assert isinstance(model, str)
            yield Missing(model, 404, "nobody")

    monkeypatch.setattr(preview_urls, "_KEPT", timedelta(0))
    previews = PreviewUrls(fetch, margin=MARGIN)
    for start in range(0, 5_000, 500):
        ids = [f"model_{start + number}" for number in range(500)]
        assert set((await previews.urls(dict(zip(ids, ids, strict=True)))).values()) == {None}
    assert len(previews._pictures) < 3_000


async def test_a_url_is_given_as_long_as_it_can_be_loaded_for_ten_minutes(
    scenario: AsyncScenario,
) -> None:
    def shown(model_id: str, minutes: int, number: int) -> Model:
        expires = int((datetime.now(UTC) + timedelta(minutes=minutes)).timestamp())
        url = f"https://cdn.invalid/{number}?Expires={expires}"
        return Model(id=model_id, thumbnail_url=url)

    first, second = ([shown("soon", 9, number), shown("late", 60, number)] for number in (1, 2))
    async with LiveCatalog(scenario, every=LATER) as live:
        assert await live.preview_urls(first) == {one.id: one.thumbnail_url for one in first}
        assert await live.preview_urls(second) == {
            "soon": second[0].thumbnail_url,
            "late": first[1].thumbnail_url,
        }


async def test_a_url_that_expired_long_ago_takes_none_from_those_beside_it() -> None:
    async def fetch(models: Iterable[Model | str]) -> AsyncGenerator[Preview | Missing, None]:
        for model in models:
            past = datetime.min.replace(tzinfo=UTC)
            yield Preview(model_id=str(model), url=f"http://{model}", expires_at=past)

    previews = PreviewUrls(fetch, margin=MARGIN)

    assert await previews.urls({"a": "a", "b": "b"}) == {"a": "http://a", "b": "http://b"}


async def test_a_url_that_expires_while_others_come_is_asked_for_by_itself(
    scenario: AsyncScenario,
) -> None:
    came, goes_on = asyncio.Event(), asyncio.Event()
    asked: list[list[Any]] = []

    async def fetch(models: Iterable[Model | str]) -> AsyncGenerator[Preview | Missing, None]:
        asked.append(list(models))
        number = len(asked)
        if number > 1:
            goes_on.set()
            while not first.done():  # noqa: ASYNC110 - it ends in a few passes of the loop
                await asyncio.sleep(0)
        soon = datetime.now(UTC) + timedelta(minutes=5)
        yield Preview(model_id="soon", url=f"http://{number}", expires_at=soon)
        came.set()
        await goes_on.wait()

    previews = PreviewUrls(fetch, margin=MARGIN)
    first = asyncio.create_task(previews.urls({"soon": "soon", "none": "none"}))
    await came.wait()

    assert await previews.urls({"soon": "soon"}) == {"soon": "http://2"}
    assert await first == {"soon": "http://1", "none": None}
    assert asked == [["soon", "none"], ["soon"]]
