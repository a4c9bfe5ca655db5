"""Whatever happens to a catalogue, before, between and during runs: what its copies promise holds.

Always the same 20 histories; ``SYNC_HISTORIES`` in the environment is how many others to try.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import tempfile
from contextlib import AsyncExitStack, closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, get_args

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from support.catalogue_copies import Copy, cap, copying, on_server

from scenario_async import APIStatusError
from scenario_async.sandbox import Catalogue, Delayed, Privacy, Request, ServerError
from scenario_async.sandbox._catalogue.rows import PROJECT_ID, iso
from scenario_async.sync import ScopeReport, SyncReport, sync
from scenario_async.sync._rows import content_hash
from scenario_async.sync._scopes import Scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

pytestmark = pytest.mark.once

Kind: TypeAlias = Literal[
    "add",
    "add undated",
    "add tie",
    "rename",
    "tag",
    "train",
    "finish training",
    "delete",
    "restore",
    "move",
    "make public",
    "make private",
    "sign again",
    "wait",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
LISTED = timedelta(days=30)
MOST_MODELS = 30
# A project makes only models private that are its own.
OURS = {"ownerId": PROJECT_ID}
UNDATED = {"createdAt": None, "updatedAt": None}


class Event(NamedTuple):
    """Something that happens to the catalogue.

    Attributes:
        kind: What.
        which: Counts through the models that it may happen to.
        how: Counts through the ways in which it may happen.
    """

    kind: Kind
    which: int
    how: int


class Timed(NamedTuple):
    """An event before a request of a run is answered.

    Attributes:
        request: Which one, counted from 0.
        event: What happens.
    """

    request: int
    event: Event


class Promise(NamedTuple):
    """What an incremental run has to bring up to date, by what is known when it begins.

    Attributes:
        records: Models whose records have to be those of the service, if they are in the scope.
        deleted: Models that have to be marked as deleted.
    """

    records: frozenset[str]
    deleted: frozenset[str]


# What incremental runs look for should happen often.
kinds = st.sampled_from((*KINDS, *(3 * ("train", "finish training", "delete", "restore"))))
events = st.builds(Event, kinds, st.integers(0, 29), st.integers(0, 5))
during = st.lists(st.builds(Timed, st.integers(0, 14), events), max_size=4)


class Histories(RuleBasedStateMachine):
    """One history of a catalogue, and of a store that follows it."""

    def __init__(self) -> None:
        super().__init__()
        self.catalogue = Catalogue()
        first, second = (self.catalogue.add_collection(name) for name in ("One", "Two"))
        self.collections = (first, second)
        self.scopes = (
            "private",
            "public",
            f"collection:{first}",
            f"public:collection:{first},{second}",
        )
        self.rows_per_page = 4
        # Whether the service gives many models by their ids at once.
        self.bulk = True
        # Created or updated since the last complete run of a scope, as its listing would show.
        self.lately: dict[str, set[str]] = {scope: set() for scope in self.scopes}
        self.touched: set[str] = set()
        # Touched since the full walk of a scope began.
        self.since: dict[str, set[str]] = {scope: set() for scope in self.scopes}
        self.running = False
        self.waited = False
        self.wrong: list[str] = []
        self.folder = Path(tempfile.mkdtemp(prefix="histories-"))
        self.path = self.folder / "models.db"
        self.runner = asyncio.Runner(debug=False)
        self.stack = AsyncExitStack()
        copied = copying(self.catalogue, self.path)
        self.copy: Copy = self.runner.run(self.stack.enter_async_context(copied))
        self.runner.run(self.copy.count_writes())

    def teardown(self) -> None:
        try:
            self.runner.run(self.copy_is_equal())
        finally:
            self.runner.run(self.stack.aclose())
            self.runner.close()
            shutil.rmtree(self.folder)

    # What happens to the catalogue

    @initialize(
        rows=st.integers(3, 6),
        begin=st.lists(events, min_size=10, max_size=25),
        copied=st.booleans(),
        bulk=st.booleans(),
    )
    def begin(self, *, rows: int, begin: list[Event], copied: bool, bulk: bool) -> None:
        self.rows_per_page = rows
        self.bulk = bulk
        for place in range(8):
            self.happens(Event("add", place, place % 6))
        self.change(begin)
        if copied:
            self.runner.run(self.one_run(self.scopes, full=True, most=3))

    def change(self, changes: Sequence[Event]) -> None:
        for event in changes:
            self.happens(event)

    def happens(self, event: Event) -> None:
        """One change; whom it may concern is in ``touched`` from then on."""
        kind, which, how = event
        if kind == "sign again":
            self.catalogue.sign_again()
        elif kind == "wait":
            self.waited = True
            self.catalogue.advance(timedelta(days=(0, 1, 29, 30, 31, 90)[how], seconds=which))
        elif kind.startswith("add"):
            self.add(kind, which, how)
        else:
            rows = sorted(self.catalogue.store.rows(), key=lambda one: one.id)
            there = [row.id for row in rows if (row.deleted is None) is (kind != "restore")]
            if kind == "finish training":
                there = [one for one in there if self.catalogue.get(one).status == "training"]
            if there:
                self.change_one(kind, there[which % len(there)], how)

    def add(self, kind: Kind, which: int, how: int) -> None:
        rows = list(self.catalogue.store.rows())
        if len(rows) >= MOST_MODELS:
            return
        privacy: Privacy = "public" if which % 2 else "private"
        created_at = None
        all_created = [row.created for row in rows]
        created = [row.created for row in rows if row.privacy == privacy]
        newest = max(created, default=0)
        if kind == "add tie" and created:
            # Of the same millisecond as the last one, but fewer than fill a page.
            if sum(row.created == newest for row in rows) + 1 < self.rows_per_page:
                created_at = datetime.fromisoformat(iso(newest))
        else:
            # Further apart than incremental runs look back.
            self.catalogue.advance(timedelta(minutes=how))
        status = "training" if how == 5 else "trained"
        model_id = self.catalogue.add(
            # Not in the order of their creation.
            f"model_{(which * 7 + how) % 32:02}_{len(rows)}",
            privacy=privacy,
            collection_ids=self.chosen(how),
            status=status,
            created_at=created_at,
            fields=OURS | UNDATED if kind == "add undated" else OURS,
        )
        self.touched.add(model_id)
        if created_at is not None and (privacy == "public" or newest < max(all_created)):
            return  # its dates are those of long ago
        for scope in self.scopes:
            if model_id in on_server(self.catalogue, scope):
                self.lately[scope].add(model_id)

    def change_one(self, kind: Kind, model_id: str, how: int) -> None:
        self.touched.add(model_id)
        if kind == "delete":
            self.catalogue.delete(model_id)
        elif kind == "restore":
            self.catalogue.restore(model_id)
        else:
            self.catalogue.update(model_id, **self.changes(kind, how))
        for scope in self.scopes:
            if scope.startswith("public") and kind not in ("delete", "restore"):
                self.lately[scope].add(model_id)
            elif self.running or kind not in ("rename", "tag", "train", "finish training"):
                # No listing by date shows it as late as this, or not once a run has read it.
                self.lately[scope].discard(model_id)

    def changes(self, kind: Kind, how: int) -> dict[str, Any]:
        """What is given for a model where something happens to its record."""
        name = f"Name {self.catalogue.version}"
        given: dict[Kind, dict[str, Any]] = {
            "rename": {"name": name},
            "tag": {"tags": [name, "b"]},
            "train": {"status": "training"},
            "finish training": {"status": "trained"},
            "move": {"collection_ids": self.chosen(how)},
            "make public": {"privacy": "public"},
            "make private": {"privacy": "private"},
        }
        return given[kind]

    def chosen(self, how: int) -> tuple[str, ...]:
        first, second = self.collections
        return ((), (first,), (second,), (first, second), (first,), ())[how]

    # Runs

    @rule(
        changes=st.lists(events, max_size=8),
        places=st.sets(st.integers(0, 3), min_size=1),
        full=st.booleans(),
        most=st.sampled_from([1, 3]),
        during=during,
    )
    def bring_up_to_date(
        self,
        *,
        changes: list[Event],
        places: set[int],
        full: bool,
        most: int,
        during: list[Timed],
    ) -> None:
        self.change(changes)
        scopes = [self.scopes[place] for place in sorted(places)]
        self.runner.run(self.one_run(scopes, full=full, most=most, during=during))

    @rule(
        changes=st.lists(events, max_size=8),
        places=st.sets(st.integers(0, 3), min_size=1),
        full=st.booleans(),
        failing=st.integers(0, 3),
        after=st.integers(0, 5),
        status=st.sampled_from([403, 500]),
        during=during,
    )
    def fail(
        self,
        *,
        changes: list[Event],
        places: set[int],
        full: bool,
        failing: int,
        after: int,
        status: int,
        during: list[Timed],
    ) -> None:
        scopes = [self.scopes[place] for place in sorted(places | {failing})]
        scope = self.scopes[failing]
        self.change(changes)
        self.copy.sandbox.faults.add(
            ServerError(status), after=after, when=lambda request: _lists(request, scope)
        )
        work = self.one_run(scopes, full=full, most=1, during=during, failing=scope, after=after)
        self.runner.run(work)

    async def one_run(
        self,
        scopes: Sequence[str],
        *,
        full: bool,
        most: int,
        during: Sequence[Timed] = (),
        failing: str | None = None,
        after: int = 0,
    ) -> SyncReport:
        """A run, and all that it promises."""
        before = await self.copy.deleted()
        promised = {scope: await self.promise(scope) for scope in scopes}
        for since in self.since.values():
            since.update(self.touched)
        self.touched.clear()
        self.waited = False
        self.wrong.clear()
        cap(self.copy.sandbox, self.rows_per_page)
        if not self.bulk:
            self.copy.sandbox.faults.add(ServerError(403), path="/models/get-bulk", times=None)
        self.watch(during, before)
        self.running = True
        try:
            report = await sync(
                self.copy.scenario, self.copy.store, scopes=scopes, full=full, max_concurrency=most
            )
        except APIStatusError:
            assert failing is not None
            (last,) = await self.copy.store.runs(limit=1)
            assert last.report is not None
            report = last.report
            assert [one.scope for one in report.scopes if not one.complete] == [failing]
        finally:
            self.running = False
        self.copy.sandbox.faults.clear()
        assert self.wrong == []
        self.nothing_that_exists_is_deleted(before)
        for one in report.scopes:
            if one.mode != "resumed":
                self.since[one.scope].clear()
            if not one.complete:
                assert after > 0 or one.deleted == 0
                continue
            if one.mode != "incremental":
                await self.scope_is_right(one.scope)
            else:
                await self.promise_was_kept(one.scope, promised[one.scope])
            if one.mode != "resumed":
                self.lately[one.scope] &= self.touched
        return report

    def watch(self, during: Sequence[Timed], before: set[str]) -> None:
        """Let events happen before requests are answered, and look at the store each time."""
        number = 0

        def when(request: Request) -> bool:
            nonlocal number
            self.nothing_that_exists_is_deleted(before)
            for timed in during:
                if timed.request == number:
                    self.happens(timed.event)
            number += 1
            return False

        self.copy.sandbox.faults.add(Delayed(0), times=None, when=when)

    def nothing_that_exists_is_deleted(self, before: Iterable[str]) -> None:
        """None of the models that exist and that nobody has touched was marked in this run."""
        with closing(sqlite3.connect(self.path)) as database:
            rows = database.execute("SELECT id FROM models WHERE deleted_at IS NOT NULL").fetchall()
        marked = {row[0] for row in rows}.difference(before, self.touched)
        self.wrong += [model_id for model_id in marked if model_id in self.catalogue]

    async def promise(self, scope: str) -> Promise:
        """What the next run has to find out about a scope if it is an incremental one."""
        lately = frozenset(self.lately[scope])
        wanted = Scope.parse(scope)
        if wanted.public:
            return Promise(lately, frozenset())
        query = (
            "SELECT model_id FROM memberships JOIN models ON model_id = id "
            "WHERE scope = ? AND status = 'training' AND deleted_at IS NULL"
        )
        training = {row[0] for row in await self.copy.rows(query, scope)}
        alive = await self.copy.alive()
        longest = round((self.catalogue.now - LISTED).timestamp() * 1000)
        deleted = {
            row.id
            for row in self.catalogue.store.rows()
            if row.deleted is not None
            and row.deleted > longest
            and row.privacy == "private"
            and (not wanted.collections or set(wanted.collections) & set(row.collections))
        }
        return Promise(lately | training, frozenset(deleted & alive))

    async def promise_was_kept(self, scope: str, promise: Promise) -> None:
        there = on_server(self.catalogue, scope)
        records = (promise.records - self.touched) & there
        await self.are_right(scope, records)
        if not self.waited:
            at = dict(
                await self.copy.rows("SELECT id, deleted_at FROM models WHERE deleted_at NOT NULL")
            )
            for model_id in promise.deleted - self.touched:
                deleted = self.catalogue.get(model_id).deleted
                assert deleted is not None
                assert at[model_id] is not None, model_id

    async def scope_is_right(self, scope: str) -> None:
        """After a full walk: the same as the service, but for what was touched since it began."""
        touched = self.touched | self.since[scope]
        there = on_server(self.catalogue, scope) - touched
        assert await self.copy.members(scope) - touched == there
        await self.are_right(scope, there)

    async def are_right(self, scope: str, ids: Iterable[str]) -> None:
        """These models exist in the store, in this scope, and are as the service lists them."""
        members = await self.copy.members(scope)
        records = dict(await self.copy.rows("SELECT id, content_hash FROM models"))
        for model_id in ids:
            assert model_id in members
            assert records[model_id] == content_hash(self.copy.sandbox.record(model_id)), model_id

    # The end of each history

    async def copy_is_equal(self) -> None:
        """After one more full run all is equal; after another one nothing was to be written."""
        for _ in range(3):
            report = await self.one_run(self.scopes, full=True, most=3)
            if all(one.mode == "full" for one in report.scopes):
                break
        else:
            raise AssertionError("a walk that was resumed should have been complete")
        there = {row.id for row in self.catalogue}
        members = {row[0] for row in await self.copy.rows("SELECT model_id FROM memberships")}
        assert await self.copy.alive() & members == there & members
        assert await self.copy.deleted() & members == members - there
        for scope in self.scopes:
            assert await self.copy.members(scope) == on_server(self.catalogue, scope)
        await self.copy.writes()
        self.catalogue.sign_again()
        for full in (True, False):
            report = await self.one_run(self.scopes, full=full, most=3)
            counts = [_counts(one) for one in report.scopes]
            assert counts == [(0, 0, 0)] * len(self.scopes)
            assert await self.copy.writes() == []


def _counts(report: ScopeReport) -> tuple[int, int, int]:
    return report.new, report.changed, report.deleted


def _lists(request: Request, scope: str) -> bool:
    """Whether a request lists something of a scope."""
    wanted = Scope.parse(scope)
    query = request.query
    within = query.get("collectionIds", query.get("collectionId", ""))
    return (
        request.path == "/v1/models"
        and query.get("privacy") == wanted.privacy
        and within == ",".join(wanted.collections)
    )


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=int(os.environ.get("SYNC_HISTORIES", "20")),
    derandomize="SYNC_HISTORIES" not in os.environ,
    stateful_step_count=8,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
