"""Two accounts of one database are like two databases, whatever happens to either."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import AsyncExitStack, aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.catalogue_copies import row

from scenario_async.sync import CatalogStore, FleetStore, SyncReport, unwatch
from scenario_async.sync._comparison import Coverage, ScopePage
from scenario_async.sync._state import ScopeState
from scenario_async.sync._store import (
    Members,
    RunLog,
    ScopeWriter,
    Search,
    contents,
    copy_status,
    database_of,
    facets,
    found,
    records,
    scopes_of,
    scopes_with,
)
from scenario_async.sync._watch import _begin, _next

if TYPE_CHECKING:
    from collections.abc import Sequence

    from support.postgresql import PostgreSQL

NOW = datetime(2026, 10, 15, tzinfo=UTC)
_accounts = itertools.count()

ids = st.lists(st.sampled_from("abc"), max_size=3, unique=True)
scopes = st.sampled_from(["private", "public"])
events = st.one_of(
    st.tuples(st.just("write"), scopes, st.tuples(ids, st.sampled_from("xy"), st.booleans())),
    st.tuples(st.just("remove"), scopes, ids),
    st.tuples(st.just("leave"), scopes, ids),
    st.tuples(st.just("miss"), scopes, ids),
    st.tuples(st.just("finish"), scopes, st.none()),
    st.tuples(st.just("run"), scopes, st.booleans()),
    st.tuples(st.just("watch"), scopes, st.booleans()),
)


async def apply(store: CatalogStore, kind: str, scope: str, value: Any) -> None:
    """Let something happen to a store, as runs and watches do."""
    database = database_of(store)
    writer = ScopeWriter(database, scope, run=1, now=NOW)
    await writer.load()
    match kind:
        case "write":
            names, tag, joins = value
            rows = [row(one, name=tag, tags=[tag], collectionIds=[tag, one]) for one in names]
            await writer.write(ScopePage(rows=rows, joins=joins))
        case "remove":
            await writer.remove(value, {"a": "2026-10-14T00:00:00.000Z"})
        case "leave":
            await writer.leave(value)
        case "miss":
            coverage = Coverage(seen=frozenset(value), after=None, before=None)
            await writer.write(ScopePage(rows=[], coverage=coverage, state=ScopeState()))
        case "finish":
            await writer.finish_walk(ScopeState(full_at=NOW), 2)
        case "run":
            log = await RunLog.begin(database, [scope])
            if value:
                await log.end("finished", SyncReport(run=1, scopes=[], seconds=1.0), None)
        case _:
            await (_begin(database) if value else unwatch(store))


async def seen(store: CatalogStore) -> list[Any]:
    """All that a store says, but for moments and numbers that are not its own."""
    async with aclosing(store.models(deleted=None)) as stored:
        models = [one async for one in stored]
    queries: list[dict[str, Any]] = [
        *({"scope": scope} for scope in ("private", "public")),
        {"ids": ["c", "a"], "order_by": "-name", "deleted": None},
        {"tags": ["x"], "collection": "a"},
    ]
    of_queries = [[one.id async for one in store.models(**query)] for query in queries]
    looked_up = [await store.get(one) for one in "abc"]
    numbers = msgspec.to_builtins(await store.statistics())
    del numbers["sizes"]["store"], numbers["runs"]["first_at"], numbers["runs"]["last_at"]
    table = await store.to_arrow(["id", "name", "tags"], deleted=None)
    runs = [(run.status, run.scopes) for run in await store.runs(100)]
    status = await copy_status(store, ["private", "public"])
    noted = [tuple(one)[1:] for one in await _next(database_of(store))]
    general = Search(text="x", tags=("x",), scope="private")
    async with aclosing(found(store, general, order_by="id", offset=0, limit=9)) as hits:
        searched = [one.id async for one in hits]
    parts = [part async for part in contents(store, ["private", "public"])]
    whole = [(one.id, text) async for one, text in records(store, ["a", "b", "c"])]
    members = Members(database_of(store), "private")
    return [
        models, of_queries, looked_up, numbers, table.to_pylist(), runs, status.finished,
        status.as_of, noted, searched, [[tuple(one) for one in part] for part in parts],
        sorted(whole), await store.counts(), await scopes_of(store), await facets(store, general),
        [await scopes_with(store, one) for one in "abc"], await members.count(),
        await members.missing(), await members.nowhere(), await members.alive(["a", "b"]),
    ]  # fmt: skip


async def live_through(url: str, history: Sequence[tuple[int, tuple[str, str, Any]]]) -> None:
    number = next(_accounts)
    async with AsyncExitStack() as stack:
        fleet = await stack.enter_async_context(FleetStore.open(url, partitions=2))
        accounts = [fleet.account(f"account {number}{end}") for end in ("", "%")]
        alone = [await stack.enter_async_context(CatalogStore.open("sqlite://")) for _ in accounts]
        for which, event in history:
            for stores in (accounts, alone):
                await apply(stores[which], *event)
        for account, store in zip(accounts, alone, strict=True):
            assert await seen(account) == await seen(store)


@pytest.fixture(scope="module")
def url(postgresql: PostgreSQL) -> str:
    return postgresql.url(postgresql.create())


_ALL = ("write", "private", (["a", "b", "c"], "x", True))
# Both have the same, and then one of them does each thing.
_STORY = [
    *((which, one) for which in (0, 1) for one in (("watch", "private", True), _ALL)),
    (0, ("run", "private", False)),
    (1, ("run", "private", True)),
    (1, ("write", "private", (["a"], "y", True))),
    (1, ("remove", "private", ["b"])),
    (1, ("miss", "private", ["a", "b"])),
    (1, ("finish", "private", None)),
    (1, ("leave", "private", ["a"])),
    (1, ("watch", "private", False)),
]


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(history=_STORY)
@given(history=st.lists(st.tuples(st.integers(0, 1), events), max_size=12))
def test_an_account_is_like_a_store_of_its_own_beside_any_other(
    url: str, history: list[tuple[int, tuple[str, str, Any]]]
) -> None:
    asyncio.run(live_through(url, history))
