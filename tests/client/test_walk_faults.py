"""Faults in mid-walk, whichever way the walk goes: nothing is lost, or there is a clear error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.client import CURSOR, PREDICTED, WAYS, WINDOWS, into

from scenario_async import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    BadRequestError,
    EventHooks,
    InternalServerError,
    InvalidRow,
    PageEvent,
    PaginationError,
    RateLimitError,
)
from scenario_async.sandbox import (
    BadRow,
    Catalogue,
    Dropped,
    EmptyPage,
    EndToken,
    ExpiredToken,
    Fault,
    NotJSON,
    RateLimited,
    RepeatedRows,
    RepeatedToken,
    ServerError,
    Truncated,
)

if TYPE_CHECKING:
    from support.client import Connect, Way
    from support.clocks import FakeClock

    from scenario_async import AsyncScenario
    from scenario_async.pytest_plugin import SandboxFactory
    from scenario_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio

each_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
parallel_way = pytest.mark.parametrize("way", [WINDOWS, PREDICTED], ids=["windows", "predicted"])
ways_by_token = pytest.mark.parametrize("way", [CURSOR, PREDICTED], ids=["cursor", "predicted"])


@pytest.mark.parametrize(
    "fault",
    [
        RateLimited(retry_after=3),
        RateLimited(retry_after=3, hint="date"),
        RateLimited(retry_after=3, hint="body"),
        RateLimited(),
        ServerError(500),
        ServerError(502, body="html"),
        ServerError(503, retry_after=2),
        ServerError(504, body="text"),
        ServerError(408),
        ServerError(409),
        Dropped(),
        Dropped(reset=True),
        Truncated(),
        Truncated(chunked=True),
        Truncated(fraction=0.0),
        NotJSON("html"),
        NotJSON("empty"),
        NotJSON("words"),
        NotJSON("text"),
    ],
    ids=repr,
)
async def test_a_passing_fault_in_mid_walk_costs_no_model(
    fault: Fault, connect: Connect, sandbox: Sandbox, clock: FakeClock
) -> None:
    sandbox.faults.add(fault, after=2, times=2)
    async with connect() as scenario:
        found = [model.id async for model in CURSOR.listing(scenario)]

    assert found == CURSOR.ids(sandbox)
    assert len(sandbox.faults) == 0


@parallel_way
@pytest.mark.parametrize("after", [1, 3])
@pytest.mark.parametrize(
    "fault",
    [RateLimited(retry_after=3), RateLimited(), ServerError(503), Dropped(), Truncated()],
    ids=repr,
)
async def test_a_passing_fault_of_several_requests_at_once_costs_no_model(
    fault: Fault,
    after: int,
    *,
    way: Way,
    connect: Connect,
    sandbox: Sandbox,
    clock: FakeClock,
) -> None:
    sandbox.faults.add(fault, after=after, times=4)
    async with connect(max_retries=5) as scenario:
        found = [model.id async for model in way.listing(scenario)]

    assert found == way.ids(sandbox)
    assert len(sandbox.faults) == 0


@each_way
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (RateLimited(retry_after=1), RateLimitError),
        (ServerError(500), InternalServerError),
        (Dropped(), APIConnectionError),
        (Truncated(), APIConnectionError),
        (NotJSON("html"), APIResponseValidationError),
    ],
    ids=repr,
)
async def test_a_lasting_fault_fails_the_walk_after_good_pages_in_order(
    fault: Fault,
    error: type[APIError],
    *,
    way: Way,
    connect: Connect,
    sandbox: Sandbox,
    clock: FakeClock,
) -> None:
    sandbox.faults.add(fault, after=2, times=None)
    found: list[str] = []
    async with connect(max_retries=2) as scenario:
        with pytest.raises(error) as caught:
            await into(found, way.listing(scenario))

    assert type(caught.value) is error
    assert 20 <= len(found) <= 60
    assert found == way.ids(sandbox)[: len(found)]
    if way is CURSOR:
        assert len(found) == 40


@each_way
@pytest.mark.parametrize("form", ["collect", "unordered"])
async def test_a_lasting_fault_leaves_no_partial_result(
    form: str, way: Way, connect: Connect, sandbox: Sandbox, clock: FakeClock
) -> None:
    sandbox.faults.add(ServerError(500), after=3, times=None)
    async with connect(max_retries=1) as scenario:
        listing = way.listing(scenario)
        with pytest.raises(InternalServerError):
            if form == "collect":
                await listing.collect()
            async for _ in listing.unordered():
                pass


@each_way
@pytest.mark.parametrize(("after", "times"), [(0, 1), (1, 1), (2, 1), (3, 1), (6, 1), (1, 4)])
async def test_an_empty_page_anywhere_ends_nothing(
    after: int, times: int, way: Way, scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    sandbox.faults.add(EmptyPage(), after=after, times=times)

    assert [m.id async for m in way.listing(scenario)] == way.ids(sandbox)
    assert len(sandbox.faults) == 0


@each_way
@pytest.mark.parametrize("style", ["absent", "null", "empty"])
async def test_a_listing_may_end_in_any_style(
    style: Any, way: Way, scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    sandbox.faults.add(EndToken(style), times=None)

    assert [m.id async for m in way.listing(scenario)] == way.ids(sandbox)


@ways_by_token
async def test_repeated_rows_are_given_once_and_counted(
    way: Way, connect: Connect, sandbox: Sandbox
) -> None:
    sandbox.faults.add(RepeatedRows(5), times=2)
    events: list[PageEvent] = []
    async with connect(event_hooks=EventHooks(on_page=events.append)) as scenario:
        found = [m.id async for m in way.listing(scenario)]

    assert found == way.ids(sandbox)
    assert sum(event.repeated for event in events) == 10


@each_way
@pytest.mark.parametrize("form", ["ordered", "unordered"])
async def test_the_events_of_pages_add_up_and_name_the_last_one(
    form: str, way: Way, connect: Connect, sandbox: Sandbox
) -> None:
    events: list[PageEvent] = []
    async with connect(event_hooks=EventHooks(on_page=events.append)) as scenario:
        listing = way.listing(scenario)
        found = [m.id async for m in (listing if form == "ordered" else listing.unordered())]

    assert sorted(found) == sorted(way.ids(sandbox))
    assert sum(event.models for event in events) == len(found)
    assert [event.last for event in events] == [False] * (len(events) - 1) + [True]
    assert not any(event.invalid for event in events)
    if way is not WINDOWS:
        assert len(events) == -(-len(found) // 20)
        assert not any(event.repeated for event in events)


@ways_by_token
async def test_a_repeated_token_is_an_error_after_all_good_pages(
    way: Way, scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    sandbox.faults.add(RepeatedToken(), after=1, times=None)
    found: list[str] = []

    with pytest.raises(PaginationError, match="never end"):
        await into(found, way.listing(scenario))

    assert found == way.ids(sandbox)[: len(found)]
    if way is CURSOR:
        assert (len(found), len(sandbox.requests)) == (60, 3)
    else:
        assert len(found) >= 40


@ways_by_token
async def test_a_token_that_is_always_refused_is_a_clear_error_after_the_good_pages(
    way: Way, scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    sandbox.faults.add(ExpiredToken(), times=None)
    found: list[str] = []

    with pytest.raises(BadRequestError, match="expired"):
        await into(found, way.listing(scenario, sort_by="score", **_scored(way)))

    assert len(found) == 20


def _scored(way: Way) -> dict[str, str]:
    """By score: there is no date to go on from."""
    return {"status": "trained"} if way.scope == "private" else {}


BAD_ROWS = [
    "lone-surrogate",
    "nan",
    "control-character",
    "wrong-type",
    "missing-id",
    "not-an-object",
    "huge-number",
    "invalid-utf8",
]


@pytest.mark.parametrize("kind", BAD_ROWS)
@pytest.mark.parametrize("index", [0, 10, 500])
async def test_one_bad_row_costs_one_row(
    kind: Any, index: int, connect: Connect, sandbox: Sandbox
) -> None:
    sandbox.faults.add(BadRow(kind, index=index), after=1)
    await _only_the_bad_row_is_missing(CURSOR, kind, connect, sandbox)


# The broken rows of the sandbox are from 1970, wherever they stand: its listing is not sorted then.
@pytest.mark.filterwarnings("ignore:the service does not:scenario_async.ScenarioWarning")
@parallel_way
@pytest.mark.parametrize("kind", BAD_ROWS)
async def test_one_bad_row_on_every_page_costs_one_row(
    kind: Any, way: Way, connect: Connect, sandbox: Sandbox
) -> None:
    sandbox.faults.add(BadRow(kind, index=10), after=1, times=None)
    await _only_the_bad_row_is_missing(way, kind, connect, sandbox)


async def _only_the_bad_row_is_missing(
    way: Way, kind: Any, connect: Connect, sandbox: Sandbox
) -> None:
    invalid: list[InvalidRow] = []
    async with connect() as scenario:
        listing = way.listing(scenario, on_invalid=invalid.append)
        found = [model.id async for model in listing]

    assert [model_id for model_id in found if model_id != BadRow(kind).id] == way.ids(sandbox)
    if kind == "huge-number":  # it may be read as infinity, and the row with it
        assert len(found) + len(invalid) == len(way.ids(sandbox)) + 1
        return
    (row,) = invalid
    assert row.raw
    assert row.id == (None if kind in ("missing-id", "not-an-object") else BadRow(kind).id)
    assert isinstance(row.error, APIResponseValidationError)


UNFIT = {"tags": {"0": "not a list"}}


@each_way
@pytest.mark.parametrize("place", [25, 60, 128])
async def test_a_bad_row_in_its_place_costs_that_row_alone(
    place: int, way: Way, connect: Connect, scenario_sandbox_factory: SandboxFactory
) -> None:
    sandbox = scenario_sandbox_factory(Catalogue.seeded(public=130, private=130))
    ids = way.ids(sandbox)
    sandbox.catalogue.update(ids[place], fields=UNFIT, touch=False)
    invalid: list[InvalidRow] = []
    async with connect(base_url=sandbox.base_url) as scenario:
        listing = way.listing(scenario, on_invalid=invalid.append)
        found = [model.id async for model in listing]

    assert found == ids[:place] + ids[place + 1 :]
    assert [row.id for row in invalid] == [ids[place]]
    bounded = [request for request in sandbox.requests if "createdBefore" in request.query]
    assert bool(bounded) == (way is WINDOWS)


@each_way
@pytest.mark.parametrize("form", ["models", "pages"])
async def test_a_bad_row_raises_after_the_good_rows_of_its_page(
    form: str, way: Way, connect: Connect, scenario_sandbox_factory: SandboxFactory
) -> None:
    sandbox = scenario_sandbox_factory(Catalogue.seeded(public=130, private=130))
    ids = way.ids(sandbox)
    sandbox.catalogue.update(ids[63], fields=UNFIT, touch=False)
    found: list[str] = []
    async with connect(base_url=sandbox.base_url) as scenario:
        listing = way.listing(scenario)
        with pytest.raises(APIResponseValidationError) as caught:
            if form == "models":
                await into(found, listing)
            async for page in listing.pages():
                found += [model.id for model in page.models]

    assert caught.value.model_id == ids[63]
    assert caught.value.field is not None
    assert ids[63] in str(caught.value)
    assert caught.value.field in str(caught.value)
    good = ids[:63] + ids[64:]
    assert found == good[: len(found)]
    assert len(found) >= 63
    if way is not WINDOWS:
        assert len(found) == 79


@each_way
async def test_a_bad_row_fails_whoever_collects(
    way: Way, connect: Connect, scenario_sandbox_factory: SandboxFactory
) -> None:
    sandbox = scenario_sandbox_factory(Catalogue.seeded(public=130, private=130))
    bad = way.ids(sandbox)[100]
    sandbox.catalogue.update(bad, fields=UNFIT, touch=False)
    async with connect(base_url=sandbox.base_url) as scenario:
        with pytest.raises(APIResponseValidationError, match=bad):
            await way.listing(scenario).collect()
