"""The accounts of a fleet in PostgreSQL, and several workers that ask for them at once."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from sqlalchemy import text

from scenario_async import APIConnectionError, AuthenticationError, PaginationError
from scenario_async.fleet import UnknownAccountError
from scenario_async.fleet._settings import settings_of
from scenario_async.fleet._worker_accounts import WorkerAccounts
from scenario_async.sync import FleetStore, StoreError, StoreVersionError, SyncReport
from scenario_async.sync._store import fleet_database_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from sqlalchemy.ext.asyncio import AsyncConnection

pytestmark = [pytest.mark.anyio, pytest.mark.one_loop]

HOUR = timedelta(hours=1)
REPORT = SyncReport(
    run=1, new=3, changed=2, unchanged=5, deleted=1, requests=4, seconds=1.5, scopes=[]
)


class Workers:
    """Several objects with connections of their own, as several processes have them."""

    def __init__(self, url: str, stack: AsyncExitStack) -> None:
        self._url = url
        self._stack = stack

    async def another(self) -> WorkerAccounts:
        store = await self._stack.enter_async_context(FleetStore.open(self._url, partitions=1))
        self._database = fleet_database_of(store)
        return WorkerAccounts(self._database)

    @asynccontextmanager
    async def unanswered(self) -> AsyncGenerator[None]:
        """Lose the answer of the server that a transaction of the last one is committed."""
        whole = self._database.transaction

        @asynccontextmanager
        async def transaction() -> AsyncGenerator[AsyncConnection]:
            async with whole() as connection:
                yield connection
            raise StoreError("no answer")

        self._database.transaction = transaction  # type: ignore[method-assign]
        try:
            with pytest.raises(StoreError, match="no answer"):
                yield
        finally:
            self._database.transaction = whole  # type: ignore[method-assign]

    async def execute(self, statement: str) -> None:
        async with self._database.transaction() as connection:
            await connection.execute(text(statement))


@pytest.fixture
async def workers(new_postgresql: Callable[[], str]) -> AsyncGenerator[Workers, None]:
    async with AsyncExitStack() as stack:
        yield Workers(new_postgresql(), stack)


async def add(accounts: WorkerAccounts, *names: str, **settings: Any) -> None:
    given: dict[str, Any] = {
        "credential_ref": "env:X",
        "scopes": ["private"],
        "every": HOUR,
        "limit_group": None,
    }
    for name in names:
        await accounts.add(settings_of(name, **{**given, **settings}))


async def state(accounts: WorkerAccounts, name: str) -> tuple[str, int]:
    account = await accounts.get(name)
    assert account is not None
    return account.state, account.failures


async def test_an_account_is_due_when_it_is_added_and_a_period_after_its_success(
    workers: Workers,
) -> None:
    accounts = await workers.another()
    await add(accounts, "studio-7", limit_group="project-9")

    assert await accounts.overdue(10) == ["project-9"]
    assert await accounts.overdue(0) == []
    found = await accounts.next_due("project-9")
    assert found is not None
    assert (found.name, found.scopes, found.every) == ("studio-7", ("private",), HOUR)
    assert await accounts.begin("studio-7")
    assert await state(accounts, "studio-7") == ("running", 1)
    assert await accounts.overdue(10) == []
    assert await accounts.succeeded("studio-7", REPORT)

    done = await accounts.get("studio-7")
    assert done is not None
    assert done.last_success_at is not None
    assert HOUR / 2 <= done.due_at - done.last_success_at <= HOUR * 1.5 + HOUR / 1000
    assert (done.rows, done.changes, done.requests, done.seconds) == (10, 6, 4, 1.5)
    assert (await accounts.status()).rows_per_second == pytest.approx(10 / 300)


async def test_groups_come_by_the_account_that_is_overdue_longest(workers: Workers) -> None:
    accounts = await workers.another()
    await add(accounts, "a", "b", limit_group="one")
    await add(accounts, "c", limit_group="two")
    await workers.execute("""
        UPDATE fleet_accounts SET due_at = now() - CASE name
            WHEN 'a' THEN interval '1 minute' WHEN 'b' THEN interval '3 minutes'
            ELSE interval '2 minutes' END
    """)

    assert await accounts.overdue(10) == ["one", "two"]
    assert await accounts.overdue(1) == ["one"]
    first = await accounts.next_due("one")
    assert first is not None
    second = await accounts.next_due("one", after=first)
    assert second is not None
    assert (first.name, second.name) == ("b", "a")
    assert await accounts.next_due("one", after=second) is None


async def test_a_run_that_begins_in_two_places_at_once_counts_twice_and_the_first_one_is_not_heard(
    workers: Workers,
) -> None:
    first, second = await workers.another(), await workers.another()
    await add(first, "a")

    begun: list[bool] = []
    async with anyio.create_task_group() as tasks:
        for accounts in (first, second):
            tasks.start_soon(lambda one: _note(one, begun), accounts)
    assert begun == [True, True]
    assert await state(first, "a") == ("running", 2)
    heard = [await first.succeeded("a", REPORT), await second.succeeded("a", REPORT)]
    assert sorted(heard) == [False, True]
    assert await state(first, "a") == ("waiting", 0)


async def _note(accounts: WorkerAccounts, begun: list[bool]) -> None:
    begun.append(await accounts.begin("a"))


async def test_what_many_connections_change_at_once_is_all_counted(workers: Workers) -> None:
    several = [await workers.another() for _ in range(4)]
    await add(several[0], "a")
    counted: list[int] = []

    async def work(accounts: WorkerAccounts) -> None:
        for _ in range(5):
            await accounts.beat(f"worker {id(accounts)}", 1)
            counted.append(await accounts.begin("a"))
            await add(accounts, "a")
            counted.append(-(await accounts.returned("a")))

    async with anyio.create_task_group() as tasks:
        for accounts in several:
            tasks.start_soon(work, accounts)

    # A run that another one has overtaken stays counted.
    assert (await state(several[0], "a"))[1] == sum(counted)


async def test_two_that_make_the_tables_at_once_make_them_once(workers: Workers) -> None:
    several = [await workers.another() for _ in range(3)]
    async with anyio.create_task_group() as tasks:
        for number, accounts in enumerate(several):
            tasks.start_soon(add, accounts, str(number))

    assert (await several[0].status()).accounts == 3


async def test_tables_of_others_are_left_alone(workers: Workers) -> None:
    accounts = await workers.another()
    await workers.execute("CREATE TABLE fleet_accounts (name text)")

    with pytest.raises(StoreVersionError, match="'fleet_accounts' is of another release"):
        await accounts.status()


async def test_an_account_whose_worker_is_killed_six_times_is_set_aside_until_it_is_released(
    workers: Workers,
) -> None:
    accounts = await workers.another()
    await add(accounts, "poison")
    for number in range(6):
        await accounts.beat(f"worker {number}", 1)
        assert await accounts.begin("poison")
        await workers.execute("UPDATE fleet_workers SET seen_at = now() - interval '31 seconds'")
        await accounts.beat("another worker", 1)
        assert await state(accounts, "poison") == (
            ("waiting" if number < 5 else "set aside"),
            number + 1,
        )

    assert not await accounts.begin("poison")
    status = await accounts.status()
    assert (status.set_aside, status.states["set aside"]) == (("poison",), 1)
    await workers.execute("UPDATE fleet_accounts SET due_at = now() - interval '1 day'")
    assert await accounts.overdue(9) == []
    assert await accounts.next_due("poison") is None
    aside = await accounts.get("poison")
    assert aside is not None
    assert aside.last_error == "its worker ended without a word"
    await accounts.release("poison")
    assert await accounts.overdue(9) == ["poison"]


async def test_whoever_has_the_lock_of_a_group_takes_over_what_ran_there(workers: Workers) -> None:
    accounts = await workers.another()
    await add(accounts, "a")
    assert await accounts.begin("a")
    assert await accounts.next_due("a") is None  # its pause is not over
    await workers.execute("UPDATE fleet_accounts SET due_at = now()")

    found = await accounts.next_due("a")
    assert found is not None
    assert found.state == "running"
    # After its sixth run nobody takes it over, also where nobody has missed its worker yet.
    await workers.execute("UPDATE fleet_accounts SET failures = 6")
    assert await accounts.next_due("a") is None
    assert not await accounts.begin("a")


async def test_a_worker_that_lives_keeps_its_runs_and_one_that_leaves_has_none(
    workers: Workers,
) -> None:
    first, second = await workers.another(), await workers.another()
    await add(first, "a")
    await first.beat("first", 3)
    await second.beat("second", 4)
    assert await first.begin("a")
    await second.beat("second", 4)
    assert await state(second, "a") == ("running", 1)
    assert await second.slots() == 7

    assert await first.returned("a")
    await first.leave("first")
    assert await second.slots() == 4
    assert await state(second, "a") == ("waiting", 0)
    status = await second.status()
    assert (status.workers, status.slots) == (1, 4)


async def test_a_beginning_that_got_no_answer_is_taken_back_by_the_next_beat(
    workers: Workers,
) -> None:
    accounts = await workers.another()
    await add(accounts, "a", "b")
    await accounts.beat("worker", 2)
    assert await accounts.begin("b")
    async with workers.unanswered():
        await accounts.begin("a")
    assert await state(accounts, "a") == ("running", 1)

    await accounts.beat("worker", 2)
    assert await state(accounts, "a") == ("waiting", 0)
    assert await state(accounts, "b") == ("running", 1)
    assert await accounts.overdue(9) == ["a"]
    assert await accounts.succeeded("b", REPORT)


async def test_an_end_that_got_no_answer_counts_once_when_it_is_told_again(
    workers: Workers,
) -> None:
    accounts = await workers.another()
    await add(accounts, "a")
    error = AuthenticationError("the credentials are wrong")
    assert await accounts.begin("a")
    async with workers.unanswered():
        await accounts.failed("a", error)
    told = await accounts.get("a")

    assert not await accounts.failed("a", error)
    assert await accounts.get("a") == told


async def test_failures_and_refusals_say_why_and_nothing_that_is_secret(workers: Workers) -> None:
    accounts = await workers.another()
    await add(accounts, "a", "b", "c", "d")
    errors = {
        "a": PaginationError("see https://cdn.example/x?Signature=s3cret&Expires=1"),
        "b": AuthenticationError("the credentials are wrong"),
        "c": ValueError("key:s3cret"),
        "d": APIConnectionError("no\nanswer\0" + "!" * 1_000),
    }
    for name, error in errors.items():
        assert await accounts.begin(name)
        assert await accounts.failed(name, error)

    found = {name: await accounts.get(name) for name in errors}
    assert {name: one and (one.state, one.failures) for name, one in found.items()} == {
        "a": ("waiting", 1),
        "b": ("refused", 0),
        "c": ("waiting", 1),
        "d": ("waiting", 0),
    }
    said = {name: (one and one.last_error) or "" for name, one in found.items()}
    assert said["a"] == "PaginationError: see https://cdn.example/x?***"
    assert said["b"] == "AuthenticationError: the credentials are wrong"
    assert said["c"] == "ValueError"
    assert said["d"].startswith("APIConnectionError: no answer")
    assert len(said["d"]) == 300
    status = await accounts.status()
    assert (status.refused, status.failing) == (("b",), 3)


async def test_lag_is_of_those_that_wait(workers: Workers) -> None:
    accounts = await workers.another()
    await add(accounts, *map(str, range(10)))
    await workers.execute("""
        UPDATE fleet_accounts SET
            due_at = now() + CASE name WHEN '0' THEN interval '-100 seconds'
                WHEN '2' THEN interval '-2 days' ELSE interval '1 minute' END,
            state = CASE name WHEN '1' THEN 'running' WHEN '2' THEN 'set aside' ELSE 'waiting' END
    """)

    status = await accounts.status()
    assert (status.accounts, status.overdue, status.oldest_due) == (10, 1, "0")
    assert status.oldest_due_at is not None
    assert status.lag.median == 0
    assert status.lag.worst == pytest.approx(100, abs=60)
    assert 0 < status.lag.p95 < status.lag.worst
    assert status.states == {"waiting": 8, "running": 1, "refused": 0, "set aside": 1}


async def test_a_fleet_without_accounts_has_a_status(workers: Workers) -> None:
    accounts = await workers.another()
    status = await accounts.status()

    assert (status.accounts, status.lag.worst, status.oldest_due) == (0, 0, None)
    assert await accounts.next_due("nobody") is None


async def test_a_clock_that_was_set_back_does_not_keep_accounts_waiting_for_years(
    workers: Workers,
) -> None:
    accounts = await workers.another()
    await add(accounts, "hourly")
    await add(accounts, "yearly", every=timedelta(days=366))
    await workers.execute("""
        UPDATE fleet_accounts SET due_at = now() + interval '400 days';
    """)
    await accounts.beat("worker", 1)

    assert await accounts.overdue(9) == ["hourly"]


async def test_settings_are_replaced_and_history_stays(workers: Workers) -> None:
    accounts = await workers.another()
    await add(accounts, "a")
    assert await accounts.begin("a")
    assert await accounts.succeeded("a", REPORT)
    await add(accounts, "a", limit_group="other", every=2 * HOUR, credential_ref="env:Y")

    found = await accounts.get("a")
    assert found is not None
    assert (found.limit_group, found.every, found.credential_ref) == ("other", 2 * HOUR, "env:Y")
    assert found.rows == 10
    assert await accounts.overdue(9) == []
    await add(accounts, "a", scopes=["private", "unlisted"])
    assert await accounts.overdue(9) == ["a"]


async def test_what_is_not_there_is_said(workers: Workers) -> None:
    accounts = await workers.another()
    await add(accounts, "a")
    assert await accounts.begin("a")
    await accounts.remove("a")

    assert await accounts.get("a") is None
    assert not await accounts.begin("a")
    assert not await accounts.succeeded("a", REPORT)
    assert not await accounts.returned("never begun")
    for ask in (accounts.remove, accounts.release):
        with pytest.raises(UnknownAccountError, match="no account 'a'"):
            await ask("a")


async def test_a_run_of_an_account_that_was_removed_is_not_one_of_the_next_of_this_name(
    workers: Workers,
) -> None:
    first, second = await workers.another(), await workers.another()
    await add(first, "a")
    assert await first.begin("a")
    await first.remove("a")
    await add(second, "a")
    assert await second.begin("a")

    assert not await first.succeeded("a", REPORT)
    assert await second.succeeded("a", REPORT)
