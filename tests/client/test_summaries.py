"""Summaries of many models, fifty in a request: with the promises of the full records."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from itertools import count
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import pytest
from support.client import into, one_by_one

from scenario_async import (
    APIResponseValidationError,
    AuthenticationError,
    InternalServerError,
    Missing,
    Model,
)
from scenario_async.sandbox import Behavior, Catalogue, NotJSON, Sandbox, ServerError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator

    from support.client import Connect, Leftovers
    from support.clocks import FakeClock

    from scenario_async import AsyncScenario, InvalidRow
    from scenario_async.pytest_plugin import SandboxFactory

    Records = AsyncGenerator[Model | Missing, None]

pytestmark = pytest.mark.anyio

BULK = "/v1/models/get-bulk"
BULK_FAULT = "/models/get-bulk$"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.seeded(public=20, private=700, collections=0)


@pytest.fixture
def ids(sandbox: Sandbox) -> list[str]:
    return sandbox.catalogue.ids(privacy="private")


def in_bulk(sandbox: Sandbox) -> int:
    return sum(request.path == BULK for request in sandbox.requests)


@pytest.mark.parametrize("make", [list, iter, one_by_one], ids=["list", "iterator", "async"])
@pytest.mark.parametrize("ordered", [True, False])
async def test_seven_hundred_summaries_are_fourteen_requests(
    ordered: bool,
    make: Callable[[list[str]], Any],
    scenario: AsyncScenario,
    ids: list[str],
    sandbox: Sandbox,
) -> None:
    records = scenario.models.retrieve_many(make(ids), full=False, ordered=ordered)
    models = [model async for model in records]

    given = [model.id for model in models]
    assert given == ids if ordered else sorted(given) == sorted(ids)
    assert all(isinstance(model, Model) and model.name and model.inputs is None for model in models)
    assert [request.path for request in sandbox.requests] == [BULK] * 14


async def test_a_summary_is_the_row_of_the_listing(scenario: AsyncScenario, ids: list[str]) -> None:
    row = (await scenario.models.private(page_size=1)).models[0]
    (summary,) = [one async for one in scenario.models.retrieve_many([row.id], full=False)]
    assert isinstance(summary, Model)
    assert summary.raw == row.raw


@pytest.mark.parametrize("ordered", [True, False])
async def test_what_the_service_leaves_out_is_missing_in_its_place(
    ordered: bool, scenario: AsyncScenario, ids: list[str], sandbox: Sandbox
) -> None:
    (foreign, *_) = sandbox.catalogue.foreign_ids
    wanted = [*ids[:60], "gone", *ids[60:70], foreign, "gone"]

    found = scenario.models.retrieve_many(wanted, full=False, ordered=ordered)
    records = [one async for one in found]

    missing = [one for one in records if isinstance(one, Missing)]
    assert sorted(one.id for one in missing) == sorted(["gone", foreign, "gone"])
    assert {(one.status_code, one.reason) for one in missing} == {
        (404, "the service left the model out of its answer")
    }
    assert "status_code=404," in repr(missing[0])
    given = [one.id for one in records]
    assert given == wanted if ordered else sorted(given) == sorted(wanted)
    assert len(sandbox.requests) == 2


async def test_ids_without_end_are_read_no_further_than_needed(
    connect: Connect, sandbox: Sandbox, leftovers: Leftovers
) -> None:
    read = count()

    def endless() -> Iterator[str]:
        return (f"model_{number}" for number in read)

    async with connect() as scenario:
        records = scenario.models.retrieve_many(endless(), full=False, max_concurrency=2)
        async with aclosing(records):
            await anext(records)
            for _ in range(300):
                await anyio.lowlevel.checkpoint()
            assert len(sandbox.requests) <= 2 * 2
    assert next(read) <= 1 + 4 * 2 * 50
    await leftovers.check()


async def test_a_slow_iterator_is_not_waited_for_and_costs_a_request_for_each_answer(
    scenario: AsyncScenario, ids: list[str], sandbox: Sandbox, leftovers: Leftovers
) -> None:
    more = asyncio.Event()

    async def slow() -> AsyncGenerator[str, None]:
        yield ids[0]
        await more.wait()
        for model_id in ids[1:40]:
            yield model_id
        more.clear()
        await more.wait()

    records = scenario.models.retrieve_many(slow(), full=False)
    async with aclosing(records):
        given = [(await anext(records)).id]
        more.set()
        given += [(await anext(records)).id for _ in range(39)]
    assert given == ids[:40]
    assert len(sandbox.requests) == 2
    await leftovers.check()


async def test_parameters_stand_in_the_query_and_more_in_the_body(
    scenario: AsyncScenario, ids: list[str], sandbox: Sandbox
) -> None:
    records = scenario.models.retrieve_many(
        ids[:3],
        full=False,
        project_id="project_x",
        original_assets=True,
        extra_body={"minimal": True},
    )
    models = [one async for one in records]
    assert [one.created_at for one in models if isinstance(one, Model)] == [None] * 3
    assert [request.query for request in sandbox.requests] == [
        {"originalAssets": "true", "projectId": "project_x"}
    ]


async def test_a_body_that_cannot_stand_beside_the_ids_is_refused_at_once(
    scenario: AsyncScenario,
) -> None:
    with pytest.raises(TypeError, match="extra_body must be a mapping"):
        scenario.models.retrieve_many([], full=False, extra_body=["a"])


class TestFailures:
    async def test_a_request_is_tried_again_like_any(
        self, connect: Connect, clock: FakeClock, ids: list[str], sandbox: Sandbox
    ) -> None:
        sandbox.faults.add(ServerError(503), times=2, path=BULK_FAULT)
        given: list[str] = []
        async with connect() as scenario:
            await into(given, scenario.models.retrieve_many(ids[:200], full=False))
        assert given == ids[:200]
        assert len(sandbox.requests) == 4 + 2
        assert clock.slept

    async def test_one_that_fails_in_the_end_fails_after_the_records_before_it(
        self, connect: Connect, ids: list[str], sandbox: Sandbox, leftovers: Leftovers
    ) -> None:
        sandbox.faults.add(ServerError(500), after=2, times=None, path=BULK_FAULT)
        given: list[str] = []
        async with connect(max_retries=0) as scenario:
            records = scenario.models.retrieve_many(ids, full=False, max_concurrency=1)
            with pytest.raises(InternalServerError):
                await into(given, records)
        assert given == ids[:100]
        await leftovers.check()

    async def test_wrong_credentials_are_not_asked_one_by_one(
        self, connect: Connect, ids: list[str], sandbox: Sandbox
    ) -> None:
        async with connect(api_key="wrong", api_secret="wrong") as scenario:
            with pytest.raises(AuthenticationError):
                await into([], scenario.models.retrieve_many(ids[:50], full=False))
        assert len(sandbox.requests) == 1


class TestRefusals:
    @pytest.fixture
    def sandbox(self, catalogue: Catalogue, scenario_sandbox_factory: SandboxFactory) -> Sandbox:
        return scenario_sandbox_factory(catalogue, behavior=Behavior(bulk="refused"))

    @pytest.mark.parametrize("ordered", [True, False])
    async def test_ids_are_then_asked_for_one_by_one_and_the_refusal_is_remembered(
        self, ordered: bool, scenario: AsyncScenario, ids: list[str], sandbox: Sandbox
    ) -> None:
        wanted = [*ids[:120], "gone"]
        for client in (scenario, scenario.with_options(timeout=20)):
            records = client.models.retrieve_many(wanted, full=False, ordered=ordered)
            given = [one async for one in records]
            found = [one.id for one in given]
            assert found == wanted if ordered else sorted(found) == sorted(wanted)
            assert [one.id for one in given if isinstance(one, Missing)] == ["gone"]
        assert in_bulk(sandbox) <= 3
        assert len(sandbox.requests) == in_bulk(sandbox) + 2 * 121

    async def test_full_records_never_ask(
        self, scenario: AsyncScenario, ids: list[str], sandbox: Sandbox
    ) -> None:
        await into([], scenario.models.retrieve_many(ids[:3]))
        assert in_bulk(sandbox) == 0


@pytest.mark.parametrize("status", [404, 405])
async def test_other_refusals_are_remembered_as_well(
    status: int, scenario: AsyncScenario, ids: list[str], sandbox: Sandbox
) -> None:
    sandbox.faults.add(ServerError(status), times=None, path=BULK_FAULT)
    for _ in range(2):
        given: list[str] = []
        await into(given, scenario.models.retrieve_many(ids[:20], full=False))
        assert given == ids[:20]
    assert in_bulk(sandbox) == 1


async def test_a_batch_that_is_not_taken_says_nothing_of_the_next(
    scenario: AsyncScenario, ids: list[str], sandbox: Sandbox
) -> None:
    sandbox.faults.add(ServerError(400), times=1, path=BULK_FAULT)
    given: list[str] = []
    await into(given, scenario.models.retrieve_many(ids[:100], full=False, max_concurrency=1))
    assert given == ids[:100]
    assert in_bulk(sandbox) == 2
    assert len(sandbox.requests) == 2 + 50


class TestRecordsThatDoNotFit:
    @pytest.fixture
    def catalogue(self) -> Catalogue:
        catalogue = Catalogue.seeded(public=0, private=60, collections=0)
        catalogue.update(catalogue.ids()[5], fields={"tags": {"0": "not a list"}})
        return catalogue

    async def test_one_raises_after_the_records_before_it(
        self, scenario: AsyncScenario, ids: list[str]
    ) -> None:
        given: list[str] = []
        with pytest.raises(APIResponseValidationError) as caught:
            await into(given, scenario.models.retrieve_many(ids, full=False))
        assert given == ids[:5]
        assert (caught.value.model_id, caught.value.field) == (ids[5], "$.tags")

    async def test_without_order_it_raises_after_the_others_of_its_answer(
        self, scenario: AsyncScenario, ids: list[str]
    ) -> None:
        given: list[str] = []
        with pytest.raises(APIResponseValidationError):
            await into(given, scenario.models.retrieve_many(ids[:50], full=False, ordered=False))
        assert sorted(given) == sorted(ids[:5] + ids[6:50])

    async def test_on_invalid_takes_it(
        self, scenario: AsyncScenario, ids: list[str], sandbox: Sandbox
    ) -> None:
        rejected: list[InvalidRow] = []
        given: list[str] = []
        records = scenario.models.retrieve_many(ids, full=False, on_invalid=rejected.append)
        await into(given, records)
        assert given == ids[:5] + ids[6:]
        assert [row.id for row in rejected] == [ids[5]]
        assert len(sandbox.requests) == 2

    async def test_beside_a_row_without_a_readable_id_what_is_left_is_asked_for_singly(
        self, scenario: AsyncScenario, ids: list[str], sandbox: Sandbox
    ) -> None:
        sandbox.catalogue.update(ids[2], fields={"id": 5})
        rejected: list[InvalidRow] = []
        wanted = [*ids, "gone"]
        records = scenario.models.retrieve_many(wanted, full=False, on_invalid=rejected.append)
        given = [one async for one in records]
        assert [one.id for one in given] == [ids[0], ids[1], ids[3], ids[4], *ids[6:], "gone"]
        assert [row.id for row in rejected] == [None, ids[5]]
        # The first batch has it, and nothing else is missing there.
        assert [request.path for request in sandbox.requests if request.path != BULK] == [
            f"/v1/models/{ids[2]}"
        ]

    async def test_an_answer_that_is_none_leads_to_single_records(
        self, connect: Connect, ids: list[str], sandbox: Sandbox
    ) -> None:
        sandbox.faults.add(NotJSON(), times=1, path=BULK_FAULT)
        given: list[str] = []
        async with connect(max_retries=0) as scenario:
            await into(given, scenario.models.retrieve_many(ids[:5], full=False))
        assert given == ids[:5]
        assert len(sandbox.requests) == 1 + 5
