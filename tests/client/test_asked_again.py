"""Whatever gives models says so, when it is asked again, where it was cut short."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from support.client import CURSOR, WAYS, until, until_requests

from scenario_async import InternalServerError, UsageError
from scenario_async.sandbox import ServerError, Stalled

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from support.client import Connect, Leftovers, Way

    from scenario_async import AsyncScenario, Listing, Model
    from scenario_async.sandbox import Sandbox

    Models = AsyncGenerator[object, None]
    Form = Callable[[AsyncScenario], Awaitable[Models]]

pytestmark = pytest.mark.anyio


def listing(scenario: AsyncScenario) -> Listing[Model]:
    return scenario.models.private(page_size=1)


async def following(scenario: AsyncScenario) -> Models:
    """What comes behind the models of a page that is there."""
    models = aiter(await listing(scenario))
    await anext(models)
    return models


async def following_pages(scenario: AsyncScenario) -> Models:
    pages = (await listing(scenario)).iter_pages()
    await anext(pages)
    return pages


def at_once(make: Callable[[AsyncScenario], Models]) -> Form:
    async def made(scenario: AsyncScenario) -> Models:
        return make(scenario)

    return made


FORMS: dict[str, Form] = {
    "listing": at_once(lambda scenario: aiter(listing(scenario))),
    "unordered": at_once(lambda scenario: listing(scenario).unordered()),
    "pages": at_once(lambda scenario: listing(scenario).pages()),
    "with_details": at_once(lambda scenario: listing(scenario).with_details()),
    "page": following,
    "iter_pages": following_pages,
    "merge": at_once(lambda scenario: aiter(scenario.models.merge(listing(scenario)))),
    "retrieve_many": at_once(lambda scenario: scenario.models.retrieve_many(["a", "b"])),
    "previews": at_once(lambda scenario: scenario.models.previews(["a", "b"])),
}
each_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


@each_form
async def test_after_a_cancelled_step_nothing_looks_complete(
    form: Form, scenario: AsyncScenario, sandbox: Sandbox, leftovers: Leftovers
) -> None:
    models = await form(scenario)
    sent = len(sandbox.requests)
    sandbox.faults.add(Stalled(), times=None)
    step = asyncio.ensure_future(anext(models))
    await until_requests(sandbox, sent + 1)
    step.cancel()
    with pytest.raises(asyncio.CancelledError):
        await step

    await leftovers.check()
    for _ in range(2):
        with pytest.raises(UsageError, match="was cancelled before its end"):
            await anext(models)


@each_form
async def test_after_an_error_nothing_looks_complete(
    form: Form, connect: Connect, sandbox: Sandbox
) -> None:
    async with connect(max_retries=0) as scenario:
        models = await form(scenario)
        sandbox.faults.add(ServerError(500), times=None)
        with pytest.raises(InternalServerError):
            await anext(models)
        with pytest.raises(UsageError, match="was ended by InternalServerError before its end"):
            await anext(models)


@each_form
async def test_closed_in_the_middle_nothing_looks_complete(
    form: Form, scenario: AsyncScenario, leftovers: Leftovers
) -> None:
    models = await form(scenario)
    await anext(models)
    await models.aclose()

    await leftovers.check()
    with pytest.raises(UsageError, match="was closed before its end"):
        await anext(models)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
async def test_a_loop_that_looks_at_the_clock_beside_each_step_loses_nothing(
    way: Way, scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    models = aiter(way.listing(scenario))
    found: list[str] = []
    beats = 0
    step = asyncio.ensure_future(anext(models))
    try:
        while True:
            done, _ = await asyncio.wait([step], timeout=0)
            if not done:
                beats += 1
                await until(step.done)
                continue
            found.append(step.result().id)
            step = asyncio.ensure_future(anext(models))
    except StopAsyncIteration:
        pass

    assert beats
    assert found == way.ids(sandbox)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
async def test_a_listing_that_was_left_begins_anew_and_its_loop_goes_on(
    way: Way, scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    listing = way.listing(scenario)
    models = aiter(listing)
    first = [await anext(models) for _ in range(21)]
    async for _ in listing:
        break
    anew = [model.id async for model in listing]
    rest = [model.id async for model in models]

    assert anew == way.ids(sandbox)
    assert [*(model.id for model in first), *rest] == anew


async def test_one_that_came_to_its_end_may_be_asked_and_closed_again(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    models = aiter(CURSOR.listing(scenario))

    assert len([model async for model in models]) == len(CURSOR.ids(sandbox))
    assert [model async for model in models] == []
    await models.aclose()
    assert [model async for model in models] == []
