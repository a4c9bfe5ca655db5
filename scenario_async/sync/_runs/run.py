"""A run: several scopes at once into one store."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import anyio

from scenario_async import ScenarioError
from scenario_async._argument_errors import check_count
from scenario_async._context import PAGES_AT_ONCE, context_of
from scenario_async._events import check_callback
from scenario_async._query import given_flag
from scenario_async.sync._backends import in_own_task
from scenario_async.sync._report import ScopeReport, SyncReport, total
from scenario_async.sync._scopes import Scope, parse_scopes
from scenario_async.sync._state import Plan, plan
from scenario_async.sync._store import (
    Members,
    Owners,
    RunLog,
    ScopeWriter,
    claim,
    database_of,
    identity_of,
)

from .catalogue_reader import CatalogueReader
from .counting import counting, tell_scopes
from .deletions import MAX_DELETIONS, check_max_deletions
from .details import fetch_details
from .full_run import FullRun
from .incremental_run import IncrementalRun
from .scope_run import ScopeRun

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from scenario_async import AsyncScenario, Operation
    from scenario_async.sync._backends import Database
    from scenario_async.sync._store import CatalogStore

__all__ = ["FULL_EVERY", "check_duration", "sync"]

FULL_EVERY = timedelta(days=1)
"""How often a scope is listed in full, unless it is told otherwise."""


@in_own_task
async def sync(
    scenario: AsyncScenario,
    store: CatalogStore,
    *,
    scopes: Sequence[str] = ("private",),
    full: bool | None = None,
    full_every: timedelta = FULL_EVERY,
    details: bool = False,
    wait: bool = False,
    max_deletions: float | None = MAX_DELETIONS,
    new_owner: bool = False,
    max_concurrency: int = PAGES_AT_ONCE,
    on_progress: Callable[[ScopeReport], object] | None = None,
) -> SyncReport:
    """Bring a store up to date with the service.

    Each page is committed together with the progress that it stands for. A run that is ended in
    whatever way is taken up by the next one: what was listed is not listed again.

    Args:
        scenario: Who is asked.
        store: Where to.
        scopes: What is copied: ``"private"``, ``"public"``, ``"unlisted"``, ``"collection:ID"``,
            ``"public:collection:ID,ID"`` or ``"unlisted:collection:ID"``.
        full: ``True`` lists everything; ``False`` only what may have changed, unless a scope was
            never listed whole or everything takes fewer requests; ``None`` lists everything where
            that was never done or not for ``full_every``. A full walk that an earlier run began is
            finished in any case, and what it had listed is not listed again.
        full_every: How old the last full walk may be. Deletions of public models, and changes of
            private ones that are not in training, show in full walks only.
        details: Also fetch the full records of all models that have none, or have changed since;
            once every scope is listed.
        wait: Wait while another run is at work, in place of an error.
        max_deletions: How many models of a scope a run may find gone: a share as ``float``, which
            holds for scopes of more than 20 models, a number as ``int``, or ``None`` or 1.0 for
            all. What the service itself lists as deleted does not count.
        new_owner: Whether the store becomes a copy of another owner's models, where the service
            lists those.
        max_concurrency: How many pages of each scope may be under way.
        on_progress: Called with the report of a scope after each page of it.

    Returns:
        What was done.

    Raises:
        TypeError: ``store`` is not a store, ``full_every`` not a ``timedelta``, ``max_deletions``
            not a number, ``on_progress`` not a function, ``scopes`` one string, or
            ``max_concurrency`` not a whole number; or a ``bool`` is something else.
        ValueError: There is no scope, one is wrong or given twice, or one is of collections and the
            store that of an account, which answers them from all models; ``max_deletions`` is below
            0 or a share above 1, or ``max_concurrency`` is below 1.
        StoreBusyError: Another run is at work on the store (in PostgreSQL: on one of the scopes).
        StoreError: The database failed, or is a copy of another service, project or owner.
        TooManyDeletionsError: More models are gone than ``max_deletions`` allows. All else is
            written, and the next run looks for them again.
        APIError: The service could not be listed. The other scopes are finished first. Of the
            scope that failed no model is marked as deleted but those that were asked for by their
            ids and are gone. Once a run has begun, ``report`` of each error says what it did.
    """
    parsed = parse_scopes(scopes)
    names = [str(scope) for scope in parsed]
    database = database_of(store)
    _check_copied(database, parsed)
    options = _Options(full, full_every, details, max_deletions, max_concurrency, on_progress)
    given_flag("wait", wait)
    given_flag("new_owner", new_owner)

    async with database.lock(names, wait=wait):
        await claim(database, identity_of(scenario))
        owners = Owners(database, replaced=new_owner)
        log = await RunLog.begin(database, names)
        reports = {scope: ScopeReport(scope=str(scope)) for scope in parsed}
        with context_of(scenario).operation("sync", " ".join(names)) as context:
            run = _Run(scenario, database, owners, log, options, reports, context.within)
            try:
                return await run.run()
            except ScenarioError as error:
                error.report = run.report
                raise
            finally:
                tell_scopes(context, reports.values())


@dataclass(frozen=True, slots=True)
class _Options:
    full: bool | None
    full_every: timedelta
    details: bool
    max_deletions: float | None
    max_concurrency: int
    on_progress: Callable[[ScopeReport], object] | None

    def __post_init__(self) -> None:
        given_flag("full", self.full)
        given_flag("details", self.details)
        check_duration("full_every", self.full_every)
        check_max_deletions(self.max_deletions)
        check_count("max_concurrency", self.max_concurrency, least=1)
        check_callback("on_progress", self.on_progress)


@dataclass(slots=True)
class _Run:
    """One run, from its first line in the table of runs to its last."""

    scenario: AsyncScenario
    database: Database
    owners: Owners
    log: RunLog
    options: _Options
    reports: Mapping[Scope, ScopeReport]
    within: Operation | None
    report: SyncReport | None = None
    _started: float = field(default_factory=time.monotonic)
    _failures: list[Exception] = field(default_factory=list["Exception"])

    async def run(self) -> SyncReport:
        status = "interrupted"
        try:
            async with anyio.create_task_group() as at_once:
                for scope in self.reports:
                    at_once.start_soon(self._bring_up_to_date, scope)
            if not all(report.complete or report.error for report in self.reports.values()):
                # One was cancelled by itself, which ends the others without a word.
                raise anyio.get_cancelled_exc_class()
            if self.options.details and not self._failures:
                await self._fetch_details()
            status = "failed" if self._failures else "finished"
        finally:
            seconds = time.monotonic() - self._started
            self.report = report = total(self.log.run, self.reports.values(), seconds)
            error = _text(self._failures[0]) if self._failures else None
            with anyio.CancelScope(shield=True):
                await self.log.end(status, report, error)
        try:
            if self._failures:
                raise self._failures[0]
        finally:
            # Or its traceback would hold this run, and the run the failure.
            self._failures.clear()
        return report

    async def _bring_up_to_date(self, scope: Scope) -> None:
        """One scope. Its failure is kept until the others are finished."""
        report, options = self.reports[scope], self.options
        run, now = self.log.run, self.log.started_at
        notify = partial(self._notify, report)
        budget = context_of(self.scenario).requester.loop_budget
        writer = ScopeWriter(self.database, str(scope), run=run, now=now, loop_budget=budget)
        catalogue = self._catalogue(report)
        try:
            state = await writer.load()
            planned = plan(
                state,
                now=now,
                full=options.full,
                full_every=options.full_every,
                public=scope.public,
            )
            report.mode = planned.value
            notify()
            scope_run = ScopeRun(
                scope=scope,
                catalogue=catalogue,
                members=Members(self.database, str(scope)),
                writer=writer,
                report=report,
                owners=self.owners,
                run=run,
                now=now,
                alone=len(self.reports) == 1,
                max_deletions=options.max_deletions,
                notify=notify,
                state=state,
            )
            kind = IncrementalRun if planned is Plan.INCREMENTAL else FullRun
            with catalogue.reading(scope):
                await kind(scope_run).run()
            report.complete = True
        except Exception as error:  # noqa: BLE001 - raised again when the other scopes are finished
            self._fail(report, error)
        try:
            notify()
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(report, error)

    def _catalogue(self, report: ScopeReport) -> CatalogueReader:
        client = counting(self.scenario, report)
        return CatalogueReader(client, self.options.max_concurrency, self.within)

    def _notify(self, report: ScopeReport) -> None:
        report.seconds = time.monotonic() - self._started
        if self.options.on_progress is not None:
            self.options.on_progress(report)

    def _fail(self, report: ScopeReport, error: Exception) -> None:
        report.error = f"{type(error).__name__}: {_text(error)}"
        error.add_note(f"while syncing the scope {report.scope!r}")
        self._failures.append(error)

    async def _fetch_details(self) -> None:
        for scope, report in self.reports.items():
            catalogue, notify = self._catalogue(report), partial(self._notify, report)
            try:
                with catalogue.reading(scope):
                    await fetch_details(self.database, catalogue, str(scope), report, notify)
            except Exception as error:  # noqa: BLE001 - raised again when the other scopes are finished
                report.complete = False
                self._fail(report, error)


def _text(error: Exception) -> str:
    """What an error says, as PostgreSQL can store it."""
    return str(error).replace("\0", "")


def _check_copied(database: Database, scopes: Sequence[Scope]) -> None:
    """Raises ValueError for a scope of collections of an account, of which there are no copies."""
    for scope in scopes:
        if database.account is not None and scope.collections:
            raise ValueError(
                f"an account has no copy of {str(scope)!r}: sync {scope.privacy!r}, and ask its "
                f"store for scope={str(scope)!r}"
            )


def check_duration(name: str, value: object) -> None:
    """Raises TypeError where it is not a ``timedelta``."""
    if not isinstance(value, timedelta):
        raise TypeError(f"{name} must be a timedelta, not {type(value).__name__}")
