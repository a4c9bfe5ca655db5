"""Pages and listings in the hands of others: caches, encoders, copies."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING

import pytest
from fastapi.encoders import jsonable_encoder

from scenario_async import AsyncScenario, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenario_async import Model, Page

pytestmark = pytest.mark.anyio


class PublicScenario(AsyncScenario):
    """Is made anew where it is pickled."""

    def __getstate__(self) -> dict[str, bool]:
        return {"public": True}

    def __setstate__(self, state: dict[str, bool]) -> None:
        type(self).__init__(self, public=state["public"])


def thawed(page: Page[Model]) -> Page[Model]:
    twin: Page[Model] = pickle.loads(pickle.dumps(page))  # noqa: S301 - pickled a moment ago
    return twin


async def test_a_pickled_page_has_what_the_page_has(scenario: AsyncScenario) -> None:
    page = await scenario.models.private(page_size=5)

    for twin in (thawed(page), copy.deepcopy(page), thawed(thawed(page))):
        assert twin.models == page.models
        assert [model.raw for model in twin.models] == [model.raw for model in page.models]
        assert twin.next_pagination_token == page.next_pagination_token
        assert twin.has_next_page()
        assert repr(twin) == "<Page of 5 models, more>"


async def test_the_page_itself_goes_on_as_before(scenario: AsyncScenario) -> None:
    page = await scenario.models.private(page_size=5)
    thawed(page)

    assert len((await page.get_next_page()).models) == 5


async def test_a_pickled_page_says_that_it_does_not_know_the_way_on(
    scenario: AsyncScenario,
) -> None:
    page = thawed(await scenario.models.private(page_size=5))
    given: list[Model] = []

    with pytest.raises(UsageError, match=r"pagination_token=page\.next_pagination_token"):
        await page.get_next_page()
    with pytest.raises(UsageError, match="pickled or copied"):
        async for model in page:
            given.append(model)  # noqa: PERF401 - what came before the error counts
    with pytest.raises(UsageError, match="pickled or copied"):
        [one async for one in page.iter_pages()]
    assert given == page.models


async def test_the_last_page_is_the_last_when_it_was_pickled(scenario: AsyncScenario) -> None:
    page = thawed(await scenario.models.private(page_size=500))

    assert not page.has_next_page()
    assert [model async for model in page] == page.models
    with pytest.raises(UsageError, match="this is the last page"):
        await page.get_next_page()


async def test_an_encoder_does_not_find_the_client_in_a_page_or_a_listing(
    scenario: AsyncScenario,
) -> None:
    page = await scenario.models.private(page_size=5)

    for value in (page, scenario.models.private()):
        with pytest.raises(TypeError, match="__dict__"):
            vars(value)
        with pytest.raises(ValueError, match="__dict__"):
            jsonable_encoder(value)


@pytest.mark.parametrize("duplicate", [pickle.dumps, copy.deepcopy])
async def test_a_listing_says_that_it_cannot_be_pickled(
    duplicate: Callable[[object], object], scenario: AsyncScenario
) -> None:
    with pytest.raises(TypeError, match="a Listing cannot be pickled or copied"):
        duplicate(scenario.models.private())


@pytest.mark.parametrize("duplicate", [pickle.dumps, copy.deepcopy])
async def test_a_client_says_that_it_cannot_be_pickled_and_so_does_what_has_one(
    duplicate: Callable[[object], object], scenario: AsyncScenario
) -> None:
    await scenario.models.private(page_size=5)
    for value in (scenario, scenario.models, scenario.models.merge(scenario.models.private())):
        with pytest.raises(TypeError, match="a client cannot be pickled or copied"):
            duplicate(value)


async def test_a_class_of_ones_own_can_make_its_client_anew_where_it_is_pickled() -> None:
    thawed = pickle.loads(pickle.dumps(PublicScenario(public=True)))  # noqa: S301 - of this line
    assert isinstance(thawed, PublicScenario)
    async with thawed as scenario:
        assert repr(scenario) == repr(PublicScenario(public=True))


@pytest.mark.parametrize("method", ["list", "private", "public", "collection"])
async def test_a_wrong_argument_is_told_of_the_class_that_is_public(
    method: str, scenario: AsyncScenario
) -> None:
    listing: Callable[..., object] = getattr(scenario.models, method)
    with pytest.raises(TypeError, match=r"^Models\.\w+\(\) got an unexpected keyword"):
        listing(nothing=1)
