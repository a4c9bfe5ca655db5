"""The full records of many models: in order, missing ones in their place, nothing left behind."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from itertools import count
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import msgspec
import pytest
from support.client import UnderWay, into, one_by_one, until

from scenario_async import (
    APIResponseValidationError,
    InternalServerError,
    Missing,
    Model,
    NotFoundError,
    PermissionDeniedError,
    UsageError,
)
from scenario_async._http.rate import LearnedRate
from scenario_async.sandbox import BadRow, Catalogue, Delayed, NotJSON, ServerError, Stalled

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator

    from support.client import Connect, Leftovers
    from support.clocks import FakeClock

    from scenario_async import AsyncScenario, InvalidRow
    from scenario_async.sandbox import Request, Sandbox

    Records = AsyncGenerator[Model | Missing, None]

pytestmark = pytest.mark.anyio

RECORDS = "/models/model"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.seeded(public=60, private=100, collections=2)


@pytest.fixture
def ids(sandbox: Sandbox) -> list[str]:
    return sandbox.catalogue.ids(privacy="private")


def is_for(*ids: str) -> Callable[[Request], bool]:
    return lambda request: request.path.rpartition("/")[2] in ids


async def test_full_records_come_in_the_order_of_the_ids(
    scenario: AsyncScenario, ids: list[str], sandbox: Sandbox
) -> None:
    sandbox.faults.add(Delayed(0.05), times=3, path=RECORDS)
    wanted = [*reversed(ids)]

    models = [model async for model in scenario.models.retrieve_many(wanted)]

    assert [model.id for model in models] == wanted
    assert all(isinstance(model, Model) and model.inputs and model.ui_config for model in models)
    assert sorted(request.path for request in sandbox.requests) == sorted(
        f"/v1/models/{model_id}" for model_id in ids
    )


async def test_as_they_arrive_no_slow_one_holds_up_the_others(
    scenario: AsyncScenario, ids: list[str], sandbox: Sandbox
) -> None:
    sandbox.faults.add(Stalled(), path=RECORDS, when=is_for(ids[0]))
    given: list[str] = []

    records = scenario.models.retrieve_many(ids, ordered=False)
    async with aclosing(records):
        async for record in records:
            given.append(record.id)
            if len(given) == len(ids) - 1:
                break

    assert sorted(given) == sorted(ids[1:])
    assert len(ids) == LearnedRate.REQUESTS
    assert sum(is_for(ids[0])(request) for request in sandbox.requests) == 1, "it timed out"


@pytest.mark.parametrize("make", [tuple, iter, one_by_one], ids=["tuple", "iterator", "async"])
async def test_ids_come_from_anything_that_can_be_gone_through(
    make: Callable[[list[str]], Any], scenario: AsyncScenario, ids: list[str]
) -> None:
    models = [model.id async for model in scenario.models.retrieve_many(make(ids))]
    assert models == ids


@pytest.mark.parametrize("make", [iter, one_by_one], ids=["iterator", "async"])
async def test_no_ids_give_nothing(make: Callable[[list[str]], Any], connect: Connect) -> None:
    async with connect() as scenario:
        assert [model async for model in scenario.models.retrieve_many(make([]))] == []


async def test_ids_may_be_those_of_another_walk(scenario: AsyncScenario, ids: list[str]) -> None:
    listing = scenario.models.private(page_size=30)
    records = scenario.models.retrieve_many(model.id async for model in listing)
    assert [record.id async for record in records] == ids


@pytest.mark.parametrize("ordered", [True, False])
async def test_what_is_missing_is_a_value_in_its_place(
    ordered: bool, scenario: AsyncScenario, ids: list[str], sandbox: Sandbox
) -> None:
    (foreign, *_) = sandbox.catalogue.foreign_ids
    wanted = [ids[0], "model_that_is_not_there", ids[1], foreign, ids[2]]
    with pytest.raises(NotFoundError) as not_found:
        await scenario.models.retrieve(wanted[1])
    with pytest.raises(PermissionDeniedError) as forbidden:
        await scenario.models.retrieve(foreign)

    records = [one async for one in scenario.models.retrieve_many(wanted, ordered=ordered)]

    assert {record.id for record in records} == {*wanted}
    missing = [record for record in records if isinstance(record, Missing)]
    assert {*missing} == {
        Missing(wanted[1], 404, not_found.value.reason),
        Missing(foreign, 403, forbidden.value.reason),
    }
    assert not ordered or [record.id for record in records] == wanted


async def test_a_repeated_id_gives_a_record_each_time_for_one_request(
    scenario: AsyncScenario, ids: list[str], sandbox: Sandbox
) -> None:
    wanted = [ids[0], ids[1], ids[0], "gone", "gone"]
    records = [record.id async for record in scenario.models.retrieve_many(wanted)]
    assert records == wanted
    assert len(sandbox.requests) == 3


async def test_a_failure_comes_after_all_records_before_it(
    connect: Connect, ids: list[str], sandbox: Sandbox, leftovers: Leftovers
) -> None:
    sandbox.faults.add(ServerError(500), times=None, when=is_for(ids[20]))
    given: list[str] = []
    async with connect(max_retries=0) as scenario:
        with pytest.raises(InternalServerError):
            await into(given, scenario.models.retrieve_many(ids))
        await leftovers.check()

    assert given == ids[:20]
    assert len(sandbox.requests) < len(ids)


async def test_a_record_is_tried_again_like_any_request(
    connect: Connect, clock: FakeClock, ids: list[str], sandbox: Sandbox
) -> None:
    sandbox.faults.add(ServerError(503), times=5, path=RECORDS)
    async with connect() as scenario:
        given = [record.id async for record in scenario.models.retrieve_many(ids)]
    assert given == ids
    assert clock.slept


class TestRecordsThatDoNotFit:
    @pytest.fixture
    def catalogue(self) -> Catalogue:
        catalogue = Catalogue.seeded(public=0, private=12, collections=0)
        catalogue.update(catalogue.ids()[5], fields={"tags": {"0": "not a list"}})
        return catalogue

    async def test_one_raises_after_the_records_before_it(
        self, scenario: AsyncScenario, ids: list[str], leftovers: Leftovers
    ) -> None:
        given: list[str] = []
        with pytest.raises(APIResponseValidationError) as caught:
            await into(given, scenario.models.retrieve_many(ids))
        assert given == ids[:5]
        assert caught.value.model_id == ids[5]
        assert caught.value.field == "$.tags"
        await leftovers.check()

    async def test_on_invalid_takes_it_and_the_walk_goes_on(
        self, scenario: AsyncScenario, ids: list[str]
    ) -> None:
        rejected: list[InvalidRow] = []
        records = scenario.models.retrieve_many(ids, on_invalid=rejected.append)
        assert [record.id async for record in records] == ids[:5] + ids[6:]
        assert [row.id for row in rejected] == [ids[5]]

    async def test_an_answer_that_is_no_record_at_all_is_one_of_them(
        self, connect: Connect, ids: list[str], sandbox: Sandbox
    ) -> None:
        sandbox.faults.add(NotJSON(), times=None, when=is_for(ids[3]))
        rejected: list[InvalidRow] = []
        async with connect(max_retries=0) as scenario:
            records = scenario.models.retrieve_many(ids, on_invalid=rejected.append)
            assert [record.id async for record in records] == [*ids[:3], ids[4], *ids[6:]]
        assert [row.id for row in rejected] == [ids[3], ids[5]]
        assert b"<" in rejected[0].raw

    async def test_with_details_tells_of_rows_and_of_records(
        self, scenario: AsyncScenario, ids: list[str], sandbox: Sandbox
    ) -> None:
        sandbox.faults.add(BadRow("missing-id"), path="/models$")
        rejected: list[InvalidRow] = []
        listing = scenario.models.private(on_invalid=rejected.append)
        assert [one.id async for one in listing.with_details()] == ids[:5] + ids[6:]
        assert [row.id for row in rejected] == [None, ids[5]]

    @pytest.mark.parametrize("odd", ["", " ", ".", ".."])
    async def test_with_details_tells_of_rows_whose_id_cannot_be_asked_for(
        self, odd: str, scenario: AsyncScenario, ids: list[str], sandbox: Sandbox
    ) -> None:
        sandbox.catalogue.update(ids[2], fields={"id": odd})
        rejected: list[InvalidRow] = []
        listing = scenario.models.private(on_invalid=rejected.append)
        given = [one.id async for one in listing.with_details()]
        assert given == [one for number, one in enumerate(ids) if number not in (2, 5)]
        assert [row.id for row in rejected] == [odd, ids[5]]

    async def test_with_details_asks_for_any_other_id_of_a_row(
        self, scenario: AsyncScenario, ids: list[str], sandbox: Sandbox
    ) -> None:
        sandbox.catalogue.update(ids[2], fields={"id": "odd id\n"})
        rejected: list[InvalidRow] = []
        listing = scenario.models.private(on_invalid=rejected.append)
        given = [one.id async for one in listing.with_details()]
        assert given == [*ids[:2], "odd id\n", *ids[3:5], *ids[6:]]
        assert [row.id for row in rejected] == [ids[5]]

    async def test_a_row_without_an_id_fails_with_details_after_the_others(
        self, scenario: AsyncScenario, ids: list[str], sandbox: Sandbox
    ) -> None:
        sandbox.faults.add(BadRow("missing-id", index=4), path="/models$")
        given: list[str] = []
        with pytest.raises(APIResponseValidationError):
            await into(given, scenario.models.private(page_size=5).with_details())
        assert given == ids[:5]


class TestIds:
    @pytest.mark.parametrize(
        ("ids", "error", "message"),
        [
            ("model_a", TypeError, "several ids"),
            (17, TypeError, "iterable of str, not int"),
            (["a", None], TypeError, r"ids\[1\] must be a str, not NoneType"),
            (("a", " "), ValueError, r"ids\[1\] must be the id of a model"),
            (["a", ".."], ValueError, r"ids\[1\]"),
            (b"model_a", TypeError, r"ids\[0\] must be a str, not int"),
        ],
        ids=repr,
    )
    async def test_what_is_no_id_is_told_at_once(
        self, ids: Any, error: type[Exception], message: str, scenario: AsyncScenario
    ) -> None:
        with pytest.raises(error, match=message):
            scenario.models.retrieve_many(ids)

    @pytest.mark.parametrize(
        ("option", "error"),
        [
            ({"full": "no"}, TypeError),
            ({"ordered": "no"}, TypeError),
            ({"original_assets": 1}, TypeError),
            ({"project_id": 5}, TypeError),
            ({"project_id": ""}, ValueError),
        ],
        ids=repr,
    )
    async def test_an_option_that_means_nothing_is_told_at_once(
        self, option: dict[str, Any], error: type[Exception], scenario: AsyncScenario
    ) -> None:
        (name,) = option
        with pytest.raises(error, match=f"^{name}"):
            scenario.models.retrieve_many(["model_a"], **option)
        if name not in {"full", "original_assets"}:
            with pytest.raises(error, match=f"^{name}"):
                scenario.models.previews(["model_a"], **option)

    @pytest.mark.parametrize("odd", ["{}\n", "{}\r", " {}", "{}\t5", "{}\udc80"], ids=ascii)
    async def test_a_line_of_a_file_is_told_from_an_id_before_any_request(
        self, odd: str, scenario: AsyncScenario, ids: list[str], sandbox: Sandbox
    ) -> None:
        before = len(sandbox.requests)
        line = odd.format(ids[0])
        told = "has white space around it or a control character in it"
        for ask in (
            lambda: scenario.models.retrieve_many([line]),
            lambda: scenario.models.previews([line]),
            lambda: scenario.models.as_trained([line], max_wait=1),
        ):
            with pytest.raises(ValueError, match=rf"\[0\] {told}"):
                ask()
        for asked in (
            scenario.models.retrieve(line),
            scenario.models.wait_until_trained(line, max_wait=1),
        ):
            with pytest.raises(ValueError, match=f"model_id {told}"):
                await asked
        assert len(sandbox.requests) == before

    @pytest.mark.parametrize("make", [iter, one_by_one], ids=["iterator", "async"])
    async def test_what_is_no_id_in_an_iterator_is_told_after_the_records_before_it(
        self,
        make: Callable[[list[Any]], Any],
        scenario: AsyncScenario,
        ids: list[str],
        leftovers: Leftovers,
    ) -> None:
        given: list[str] = []
        with pytest.raises(TypeError, match=r"ids\[30\] must be a str, not Model: give its id"):
            await into(given, scenario.models.retrieve_many(make([*ids[:30], Model(id="a")])))
        assert given == ids[:30]
        await leftovers.check()

    async def test_ids_that_fail_fail_as_themselves_after_the_records_before(
        self, scenario: AsyncScenario, ids: list[str], leftovers: Leftovers
    ) -> None:
        async def fails() -> AsyncGenerator[str, None]:
            for model_id in ids[:30]:
                yield model_id
            raise LookupError("mine")

        given: list[str] = []
        with pytest.raises(LookupError, match="mine"):
            await into(given, scenario.models.retrieve_many(fails()))
        assert given == ids[:30]
        await leftovers.check()

    async def test_ids_whose_reading_is_cancelled_are_no_end_of_the_ids(
        self, scenario: AsyncScenario, ids: list[str], leftovers: Leftovers
    ) -> None:
        async def cancelled() -> AsyncGenerator[str, None]:
            yield ids[0]
            raise asyncio.CancelledError

        with pytest.raises(UsageError, match="ids was cancelled"):
            async for _ in scenario.models.retrieve_many(cancelled()):
                pass
        await leftovers.check()

    async def test_all_ids_are_read_in_one_task_so_that_they_may_hold_a_time_limit(
        self, scenario: AsyncScenario, ids: list[str], leftovers: Leftovers
    ) -> None:
        tasks: set[asyncio.Task[Any] | None] = set()

        async def limited() -> AsyncGenerator[str, None]:
            with anyio.fail_after(60):
                for model_id in ids:
                    tasks.add(asyncio.current_task())
                    yield model_id
            tasks.add(asyncio.current_task())

        records = scenario.models.retrieve_many(limited())
        assert [record.id async for record in records] == ids
        assert len(tasks) == 1
        await leftovers.check()

    async def test_ids_are_closed_in_their_task_by_whoever_leaves_early(
        self, scenario: AsyncScenario, ids: list[str], leftovers: Leftovers
    ) -> None:
        tasks: list[asyncio.Task[Any] | None] = []

        async def limited() -> AsyncGenerator[str, None]:
            with anyio.fail_after(60):
                tasks.append(asyncio.current_task())
                try:
                    for model_id in ids:
                        yield model_id
                finally:
                    await anyio.lowlevel.checkpoint()
                    tasks.append(asyncio.current_task())

        mine = limited()
        records = scenario.models.retrieve_many(mine)
        async with aclosing(mine), aclosing(records):
            await anext(records)
        begun, ended = tasks
        assert begun is ended
        await leftovers.check()

    async def test_ids_may_close_the_client(self, connect: Connect, ids: list[str]) -> None:
        scenario = connect()

        async def closing() -> AsyncGenerator[str, None]:
            for model_id in ids[:3]:
                yield model_id
            await scenario.aclose()

        with anyio.fail_after(30), pytest.raises(UsageError, match="closed"):
            async for _ in scenario.models.retrieve_many(closing()):
                pass

    async def test_the_first_record_does_not_wait_for_the_next_id(
        self, scenario: AsyncScenario, ids: list[str], leftovers: Leftovers
    ) -> None:
        more = asyncio.Event()

        async def slow() -> AsyncGenerator[str, None]:
            yield ids[0]
            await more.wait()
            yield ids[1]

        records = scenario.models.retrieve_many(slow())
        async with aclosing(records):
            first = await anext(records)
            more.set()
            second = await anext(records)
        assert [first.id, second.id] == ids[:2]
        await leftovers.check()

    @pytest.mark.parametrize("make", [iter, one_by_one], ids=["iterator", "async"])
    async def test_ids_without_end_are_read_as_they_are_needed(
        self,
        make: Callable[[Iterator[str]], Any],
        connect: Connect,
        sandbox: Sandbox,
        leftovers: Leftovers,
    ) -> None:
        read = count()
        async with connect(max_concurrency=3) as scenario:
            records = scenario.models.retrieve_many(make(f"model_{number}" for number in read))
            async with aclosing(records):
                assert (await anext(records)).id == "model_0"
                for _ in range(300):
                    await anyio.lowlevel.checkpoint()
                # One is with the caller, and as many ahead as may be under way and as many again.
                assert len(sandbox.requests) <= 1 + 2 * 3
        assert next(read) <= 1 + 5 * 3
        await leftovers.check()


class TestConcurrency:
    async def test_all_of_the_clients_slots_are_used(
        self, connect: Connect, ids: list[str], sandbox: Sandbox
    ) -> None:
        sandbox.faults.add(Delayed(60), times=None)
        # A tenth of the documented limit: beyond it a new client sends fewer at once.
        async with connect(max_concurrency=10) as scenario:
            task = asyncio.create_task(into([], scenario.models.retrieve_many(ids)))
            await until(lambda: sandbox.requests.unanswered == 10)
            for _ in range(100):
                await anyio.lowlevel.checkpoint()
            task.cancel()
            await asyncio.wait([task])
        assert sandbox.requests.most_unanswered == 10

    async def test_max_concurrency_bounds_one_walk(
        self, connect: Connect, ids: list[str], sandbox: Sandbox
    ) -> None:
        sandbox.faults.add(Delayed(0.01), times=None)
        under_way = UnderWay()
        async with connect(event_hooks=under_way.hooks) as scenario:
            records = scenario.models.retrieve_many(ids[:20], max_concurrency=3)
            assert [record.id async for record in records] == ids[:20]
        assert under_way.most == 3
        assert sandbox.requests.most_unanswered <= 3

    @pytest.mark.parametrize(("value", "error"), [(0, ValueError), ("3", TypeError)])
    async def test_a_bound_that_is_none_is_refused_at_once(
        self, value: Any, error: type[Exception], scenario: AsyncScenario
    ) -> None:
        with pytest.raises(error, match="max_concurrency"):
            scenario.models.retrieve_many([], max_concurrency=value)
        with pytest.raises(error, match="max_concurrency"):
            scenario.models.private().with_details(max_concurrency=value)


class TestWhatIsAsked:
    async def test_parameters_and_options_reach_each_request(
        self, scenario: AsyncScenario, ids: list[str], sandbox: Sandbox
    ) -> None:
        records = scenario.models.retrieve_many(
            ids[:3], original_assets=True, project_id="project_x", extra_query={"more": 1}
        )
        assert [record.id async for record in records] == ids[:3]
        assert [request.query for request in sandbox.requests] == 3 * [
            {"originalAssets": "true", "projectId": "project_x", "more": "1"}
        ]

    async def test_an_id_is_one_segment_of_the_path(
        self, scenario: AsyncScenario, sandbox: Sandbox
    ) -> None:
        (record,) = [one async for one in scenario.models.retrieve_many(["a/b?c"])]
        assert record == Missing("a/b?c", 404, record.reason if isinstance(record, Missing) else "")
        assert sandbox.requests[0].query == {}

    async def test_on_invalid_must_be_a_plain_function(self, scenario: AsyncScenario) -> None:
        async def nobody_would_await(row: InvalidRow) -> None: ...

        with pytest.raises(TypeError, match="on_invalid"):
            scenario.models.retrieve_many([], on_invalid=nobody_would_await)


class Name(msgspec.Struct):
    id: str
    inputs: tuple[msgspec.Raw, ...] = ()


class TestWithDetails:
    async def test_a_whole_listing_comes_in_full_and_in_its_order(
        self, scenario: AsyncScenario, ids: list[str], sandbox: Sandbox
    ) -> None:
        records = [one async for one in scenario.models.private(page_size=30).with_details()]
        assert [one.id for one in records] == ids
        assert all(isinstance(one, Model) and one.inputs for one in records)
        assert sum(request.path != "/v1/models" for request in sandbox.requests) == len(ids)

    async def test_as_they_arrive_all_come(self, scenario: AsyncScenario, ids: list[str]) -> None:
        listing = scenario.models.private(page_size=30)
        records = [one.id async for one in listing.with_details(ordered=False)]
        assert sorted(records) == sorted(ids)

    async def test_records_are_of_the_type_of_the_listing(
        self, scenario: AsyncScenario, ids: list[str]
    ) -> None:
        names = [one async for one in scenario.models.private().as_type(Name).with_details()]
        assert [one.id for one in names] == ids
        assert all(isinstance(one, Name) and one.inputs for one in names)

    async def test_a_model_that_is_deleted_meanwhile_is_missing(
        self, connect: Connect, sandbox: Sandbox, ids: list[str]
    ) -> None:
        async with connect(max_concurrency=1) as scenario:
            records = scenario.models.private().with_details()
            async with aclosing(records):
                await anext(records)
                sandbox.catalogue.delete(ids[-1])
                try:
                    rest = [one async for one in records]
                finally:
                    sandbox.catalogue.restore(ids[-1])
        assert [one.id for one in rest] == ids[1:]
        assert isinstance(rest[-1], Missing)
        assert rest[-1].status_code == 404

    async def test_the_project_and_headers_of_the_listing_hold_for_its_records(
        self, scenario: AsyncScenario, sandbox: Sandbox
    ) -> None:
        listing = scenario.models.private(
            project_id="project_x", original_assets=True, extra_query={"more": 1}
        )
        records = listing.with_details()
        async with aclosing(records):
            await anext(records)
        of_records = [one.query for one in sandbox.requests if one.path != "/v1/models"]
        assert of_records
        assert all(
            one == {"projectId": "project_x", "originalAssets": "true"} for one in of_records
        )

    async def test_a_listing_that_fails_fails_after_the_records_before(
        self, connect: Connect, sandbox: Sandbox, ids: list[str], leftovers: Leftovers
    ) -> None:
        sandbox.faults.add(ServerError(500), after=1, times=None, path="/models$")
        given: list[str] = []
        async with connect(max_retries=0) as scenario:
            listing = scenario.models.private(page_size=30, strategy="cursor")
            with pytest.raises(InternalServerError):
                await into(given, listing.with_details())
            await leftovers.check()
        assert given == ids[:30]
