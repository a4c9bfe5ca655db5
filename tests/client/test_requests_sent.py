"""How many requests a client sends for listings of so many pages, as it says itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from scenario_async import EventHooks
from scenario_async.sandbox import Behavior, Catalogue, Sandbox

if TYPE_CHECKING:
    from support.client import Connect
    from support.clocks import FakeClock

    from scenario_async import AsyncScenario, Listing, Model, RequestEvent

pytestmark = pytest.mark.anyio

PAGE = 20
each_form = pytest.mark.parametrize("form", ["async for", "unordered", "collect"])
each_number = pytest.mark.parametrize("pages", [1, 2, 3, 5, 10])


def first_bound(pages: int) -> float:
    """The most requests of the first walk of a client."""
    if pages <= 8:
        return pages + (0 if pages == 1 else 1 if pages <= 3 else 2)
    return 1.15 * pages


@pytest.fixture
def pages() -> int:
    return 10


@pytest.fixture
def catalogue(pages: int) -> Catalogue:
    """So many pages of public models, and of private ones that were created evenly."""
    catalogue = Catalogue.seeded(public=pages * PAGE - 7, private=0)
    for number in range(pages * PAGE - 7):
        created = datetime(2026, 1, 1, tzinfo=UTC) + number * timedelta(minutes=17)
        catalogue.add(created_at=created)
    return catalogue


class Sent:
    """Counts what a client sends."""

    def __init__(self) -> None:
        self.requests = 0
        self.hooks = EventHooks(on_request=self._sent)

    def _sent(self, _: RequestEvent) -> None:
        self.requests += 1

    async def for_(self, form: str, listing: Listing[Model]) -> tuple[int, list[str]]:
        """How many requests a walk takes, and what it gives."""
        self.requests = 0
        if form == "collect":
            found = [model.id for model in await listing.collect()]
        elif form == "unordered":
            found = [model.id async for model in listing.unordered()]
        else:
            found = [model.id async for model in listing]
        return self.requests, sorted(found)


def listing_of(scenario: AsyncScenario, scope: Any, **options: Any) -> Listing[Model]:
    return scenario.models.list(privacy=scope, page_size=PAGE, **options)


@each_form
@each_number
@pytest.mark.parametrize("scope", ["private", "public"])
async def test_walks_send_few_requests_more_than_there_are_pages(
    scope: Any, pages: int, form: str, connect: Connect, sandbox: Sandbox
) -> None:
    sent, ids = Sent(), sorted(sandbox.catalogue.ids(scope))
    async with connect(event_hooks=sent.hooks) as scenario:
        first, found = await sent.for_(form, listing_of(scenario, scope))
        later, found_later = await sent.for_(form, listing_of(scenario, scope))

    assert found == found_later == ids
    assert pages <= first <= first_bound(pages)
    assert pages <= later <= (pages if scope == "public" else max(pages + 1, 1.1 * pages))


@each_number
async def test_the_public_route_costs_its_pages_too(pages: int, connect: Connect) -> None:
    sent = Sent()
    async with connect(event_hooks=sent.hooks) as scenario:
        listing = scenario.models.public(route="public", page_size=PAGE)
        first, _ = await sent.for_("collect", listing)
        later, _ = await sent.for_("collect", listing)

    # That a single page is all can only be seen from behind it, the first time.
    assert first <= first_bound(pages) + (pages == 1)
    assert later == pages


@each_number
async def test_a_public_route_without_tokens_costs_one_request_more(
    pages: int, catalogue: Catalogue, connect: Connect
) -> None:
    sent = Sent()
    behavior = Behavior(public_route_paging="offsets", public_route_page=PAGE)
    async with (
        Sandbox(catalogue, behavior=behavior) as sandbox,
        connect(base_url=sandbox.base_url, event_hooks=sent.hooks) as scenario,
    ):
        listing = scenario.models.public(route="public", page_size=PAGE)
        first, _ = await sent.for_("collect", listing)
        later, _ = await sent.for_("collect", listing)

    assert first <= first_bound(pages + 1)
    assert later == pages + 1


async def test_two_public_pages_are_two_requests(connect: Connect) -> None:
    sent = Sent()
    async with connect(event_hooks=sent.hooks) as scenario:
        listing = scenario.models.public(page_size=100)
        first, found = await sent.for_("async for", listing)

    assert (first, len(found)) == (2, 193)


@each_form
@pytest.mark.parametrize("scope", ["private", "public"])
async def test_scarce_requests_are_sent_for_what_is_needed(
    scope: Any, form: str, connect: Connect, clock: FakeClock
) -> None:
    sent = Sent()
    async with connect(event_hooks=sent.hooks, requests_per_second=50) as scenario:
        needed, _ = await sent.for_(form, listing_of(scenario, scope, strategy="cursor"))
        first, _ = await sent.for_(form, listing_of(scenario, scope))

    assert needed == 10
    assert first <= 1.02 * needed
    assert clock.slept


async def test_short_pages_under_filters_cost_no_more_than_one_after_the_other(
    sandbox: Sandbox, connect: Connect
) -> None:
    sent = Sent()
    some = sandbox.catalogue
    async with connect(event_hooks=sent.hooks) as scenario:
        for type_ in ("custom", "flux.1-lora"):
            listing = scenario.models.public(types=[type_], page_size=5)
            alone = scenario.models.public(types=[type_], page_size=5, strategy="cursor")
            needed, expected = await sent.for_("collect", alone)
            first, found = await sent.for_("collect", listing)
            later, _ = await sent.for_("collect", listing)

            assert found == expected
            assert set(found) < set(some.ids("public"))
            assert first <= first_bound(needed)
            assert later <= first_bound(needed)
