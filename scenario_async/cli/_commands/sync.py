"""``scenario-async sync``: a copy of the catalogue in a database, once or again and again."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NoReturn

import anyio
import asyncclick as click

from scenario_async import APIError
from scenario_async.cli._connection import connection_options
from scenario_async.cli._exit_codes import ExitCode
from scenario_async.cli._filters import filters
from scenario_async.cli._interrupts import InterruptedRunError
from scenario_async.cli._options import StrictCommand
from scenario_async.cli._output import (
    SyncProgress,
    WrongUsageError,
    debug_log,
    doing,
    in_words,
    is_terminal,
    json_line,
    run_line,
    say,
    stamp_messages,
    summary_lines,
    terminal_width,
    warnings_said,
    write_data,
    write_lines,
)
from scenario_async.cli._stores import account_option, opened_store, store_argument

from .listing import check_collections
from .sync_options import SyncOptions, sync_options

if TYPE_CHECKING:
    from datetime import timedelta

    from scenario_async import AsyncScenario
    from scenario_async.cli._connection import Connection
    from scenario_async.sync import CatalogStore, SyncReport

__all__ = ["sync"]


@click.command(
    cls=StrictCommand,
    short_help="Keep a copy of the catalogue in a database.",
    epilog="""
STORE is a path or sqlite:///PATH, which are made where there are none, or
postgresql://user@host/database. Needs: pip install 'scenario-async[sync]'

The first run lists everything. Later ones list what may have changed, and everything once a day.
What is new, changed and deleted is counted on standard output at the end; progress goes to a
terminal. After Ctrl-C or a failure the same command goes on from there.

The exit code is 5 where all was listed and some rows did not fit: the table "rejected" has them.
After a failure of the service it is 3 or 4, the other scopes being finished; of the database, 1.
It is 6 where more models are gone than --max-deletions allows, and none was marked as deleted.
With --watch such rows are only said, and so is a service that fails after the first run.

Times are seconds, or a number with its unit: 90s, 5m, 6h, 1d.
""",
    examples=(
        "scenario-async sync models.db --private --public",
        "scenario-async sync models.db --collection collection_01 --details",
        "scenario-async sync postgresql://user@host/database --public --watch 5m",
        "scenario-async sync models.db --private --public --sandbox",
    ),
)
@store_argument
@account_option
@sync_options
@filters("project_id")
@connection_options
async def sync(
    connection: Connection,
    options: SyncOptions,
    store: str,
    account: str | None,
    project_id: str | None,
) -> None:
    """Bring a copy of the catalogue in a database up to date."""
    # First what has to be installed: whoever has to do that wants to hear of nothing else before.
    shows_progress = is_terminal(sys.stderr) and not (options.quiet or connection.verbose)
    with doing("Loading the database driver", shown=shows_progress):
        opened = opened_store(store, create=True, account=account)
    scopes = options.scopes()
    if account is not None and options.wanted_collections:
        raise WrongUsageError(
            "of an account collections are not copied by themselves: give --private or --public, "
            "and the commands that read take --scope collection:ID"
        )
    if options.watch is not None and not is_terminal(sys.stderr):
        stamp_messages()
    try:
        async with AsyncExitStack() as stack:
            stack.enter_context(debug_log(shown=connection.verbose))
            stack.enter_context(warnings_said())
            # First the service: without credentials no file is made.
            service = await stack.enter_async_context(
                connection.open(project_id=project_id, quiet=options.quiet)
            )
            check_collections(options.wanted_collections, service.collections)
            with doing("Opening the store", shown=shows_progress):
                copy = await stack.enter_async_context(opened)
            rounds = _Rounds(service.client, copy, scopes, options, shows_progress=shows_progress)
            report = await rounds.first()
            if options.watch is not None:
                await rounds.again_and_again(options.watch)
    except asyncio.CancelledError as error:
        # The command ends here, and with it the task that Ctrl-C has cancelled.
        raise InterruptedRunError(
            "what was listed is kept; the same command goes on from there."
        ) from error
    if report.rejected:
        raise click.exceptions.Exit(ExitCode.REJECTED)


@dataclass(frozen=True, slots=True)
class _Rounds:
    """Runs of one command."""

    client: AsyncScenario
    store: CatalogStore
    scopes: list[str]
    options: SyncOptions
    shows_progress: bool

    async def first(self) -> SyncReport:
        """Run, and report also where it fails.

        Raises:
            APIError: The service could not be listed.
            StoreError: The database failed.
            click.ClickException: Another run is at work.
            click.exceptions.Exit: More models are gone than may be marked as deleted.
        """
        from scenario_async.sync import StoreBusyError, TooManyDeletionsError  # noqa: PLC0415 - the extra is there

        try:
            return await self._run()
        except TooManyDeletionsError as error:
            say(f"Error: {in_words(error)}")
            raise click.exceptions.Exit(ExitCode.DELETIONS) from error
        except StoreBusyError as error:
            raise click.ClickException(f"{error}; --wait waits for its end") from error

    async def again_and_again(self, pause: timedelta) -> NoReturn:
        """Run so long after the end of each run. What may pass is said.

        Raises:
            StoreError: The database failed.
        """
        from scenario_async.sync._errors import PASSING_ERRORS  # noqa: PLC0415 - the extra is there

        seconds = pause.total_seconds()
        while True:
            await anyio.sleep(seconds)
            try:
                await self._run()
            except PASSING_ERRORS as error:
                say(f"Error: {in_words(error)}; the next run is in {seconds:g} s")

    async def _run(self) -> SyncReport:
        from scenario_async.sync import TooManyDeletionsError  # noqa: PLC0415 - the extra is there
        from scenario_async.sync import sync as run  # noqa: PLC0415 - as above

        stored = (await self.store.counts()).scopes if self.shows_progress else {}
        try:
            with SyncProgress(stored, shown=self.shows_progress) as progress:
                report = await run(
                    self.client,
                    self.store,
                    scopes=self.scopes,
                    full=True if self.options.full else None,
                    full_every=self.options.full_every,
                    details=self.options.details,
                    wait=self.options.wait,
                    max_deletions=self.options.max_deletions,
                    new_owner=self.options.new_owner,
                    on_progress=progress.update,
                )
        except (APIError, TooManyDeletionsError) as error:
            # The other scopes were finished all the same.
            if error.report is not None:
                await self._write(error.report)
            raise
        await self._write(report)
        return report

    async def _write(self, report: SyncReport) -> None:
        now = datetime.now(UTC)
        into_log = self.options.watch is not None and not is_terminal(sys.stdout)
        if self.options.as_json:
            # It has the service's own words, of an error.
            await write_data(json_line(report, now))
        elif into_log:
            await write_lines([run_line(report, now)])
        else:
            await write_lines(summary_lines(report, width=terminal_width()))
        if report.rejected and not into_log:
            rows = "row does" if report.rejected == 1 else "rows do"
            say(f"{report.rejected:,} {rows} not fit: see the table 'rejected' of the store.")
