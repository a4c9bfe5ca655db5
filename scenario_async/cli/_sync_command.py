"""``scenario-async sync``: a copy of the catalogue in a database, once or again and again."""

from __future__ import annotations

import asyncio
import math
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import anyio
import asyncclick as click
import msgspec

from scenario_async import APIError

from ._connection import connection_options
from ._exit_codes import ExitCode
from ._extras import opened_store, store_argument
from ._interrupts import InterruptedRunError
from ._listing import check_collections
from ._messages import WrongUsageError, debug_log, in_words, say, warnings_said
from ._options import Option, StrictCommand, gathered, ids
from ._output import is_terminal, terminal_width, write_out
from ._summaries import summary_lines
from ._sync_progress import SyncProgress

if TYPE_CHECKING:
    from scenario_async import AsyncScenario
    from scenario_async.sync import CatalogStore, SyncReport

    from ._connection import Connection

__all__ = ["sync"]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Options:
    """What is copied, how, and how often; see the help of the options."""

    private: bool
    public: bool
    collections: tuple[str, ...]
    public_collections: tuple[str, ...]
    details: bool
    full: bool
    wait: bool
    watch: float | None
    as_json: bool
    quiet: bool

    def scopes(self) -> list[str]:
        """The scopes as the store names them, each once."""
        named = [name for name in ("private", "public") if getattr(self, name)]
        named += [f"collection:{one}" for one in self.collections]
        named += [f"public:collection:{one}" for one in self.public_collections]
        if not named:
            raise WrongUsageError(
                "nothing to copy: give --private, --public, --collection ID or "
                "--public-collection ID, or several of them"
            )
        return list(dict.fromkeys(named))


def _finite(_: click.Context, __: click.Parameter, given: float | None) -> float | None:
    """Check what a range lets pass."""
    if given is not None and not math.isfinite(given):
        raise click.BadParameter(f"{given} is no time to wait for")
    return given


_sync_options: Option = gathered(
    "options",
    _Options,
    (
        click.option("--private", is_flag=True, help="Copy all private models."),
        click.option("--public", is_flag=True, help="Copy all public models."),
        click.option(
            "--collection",
            "collections",
            multiple=True,
            metavar="ID",
            callback=ids,
            help="Copy the private models of this collection. Repeatable.",
        ),
        click.option(
            "--public-collection",
            "public_collections",
            multiple=True,
            metavar="ID",
            callback=ids,
            help="Copy the public models of this collection. Repeatable.",
        ),
        click.option(
            "--details",
            is_flag=True,
            help="Also fetch the full records of models that have none, or have changed since.",
        ),
        click.option(
            "--full",
            is_flag=True,
            help="List everything, also where it was done today. A walk that was broken off is "
            "finished.",
        ),
        click.option(
            "--wait", is_flag=True, help="Wait while another run is at work, instead of failing."
        ),
        click.option(
            "--watch",
            type=click.FloatRange(min=0, min_open=True),
            callback=_finite,
            metavar="SECONDS",
            help="Run again so long after the end of each run, until Ctrl-C.",
        ),
        click.option(
            "--json", "as_json", is_flag=True, help="Report in JSON, one line for each run."
        ),
        click.option("--quiet", is_flag=True, help="Show no progress."),
    ),
)


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
With --watch such rows are only said, and so is a service that fails after the first run.

\b
Examples:
  scenario-async sync models.db --private --public
  scenario-async sync models.db --collection collection_01 --details
  scenario-async sync postgresql://user@host/database --public --watch 300
  scenario-async sync models.db --private --public --sandbox
""",
)
@store_argument
@_sync_options
@connection_options
async def sync(connection: Connection, options: _Options, store: str) -> None:
    """Bring a copy of the catalogue in a database up to date."""
    scopes = options.scopes()
    opened = opened_store(store, create=True)
    try:
        async with AsyncExitStack() as stack:
            stack.enter_context(debug_log(shown=connection.verbose))
            stack.enter_context(warnings_said())
            # First the service: without credentials no file is made.
            service = await stack.enter_async_context(connection.open())
            check_collections(options.collections, service.collections)
            check_collections(options.public_collections, service.collections)
            rounds = _Rounds(
                service.client,
                await stack.enter_async_context(opened),
                scopes,
                options,
                shows_progress=not (options.quiet or connection.verbose)
                and is_terminal(sys.stderr),
            )
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
    options: _Options
    shows_progress: bool

    async def first(self) -> SyncReport:
        """Run, and report also where it fails.

        Raises:
            APIError: The service could not be listed.
            StoreError: The database failed.
            click.ClickException: Another run is at work.
        """
        from scenario_async.sync import StoreBusyError  # noqa: PLC0415 - the extra is there

        try:
            return await self._run()
        except StoreBusyError as error:
            raise click.ClickException(f"{error}; --wait waits for its end") from error

    async def again_and_again(self, seconds: float) -> NoReturn:
        """Run so long after the end of each run. What may pass is said.

        Raises:
            StoreError: The database failed.
        """
        from scenario_async.sync import StoreBusyError  # noqa: PLC0415 - the extra is there

        while True:
            await anyio.sleep(seconds)
            try:
                await self._run()
            except (APIError, StoreBusyError) as error:
                say(f"Error: {in_words(error)}; the next run is in {seconds:g} s")

    async def _run(self) -> SyncReport:
        from scenario_async.sync import sync as run  # noqa: PLC0415 - the extra is there

        stored = (await self.store.counts()).scopes if self.shows_progress else {}
        try:
            with SyncProgress(stored, shown=self.shows_progress) as progress:
                report = await run(
                    self.client,
                    self.store,
                    scopes=self.scopes,
                    full=True if self.options.full else None,
                    details=self.options.details,
                    wait=self.options.wait,
                    on_progress=progress.update,
                )
        except APIError:
            # The other scopes were finished all the same.
            runs = await self.store.runs()
            failed = next((run for run in runs if run.scopes == self.scopes), None)
            if failed is not None and failed.report is not None:
                await self._write(failed.report)
            raise
        await self._write(report)
        return report

    async def _write(self, report: SyncReport) -> None:
        if self.options.as_json:
            await write_out(msgspec.json.encode(report) + b"\n")
        else:
            lines = summary_lines(report, width=terminal_width(sys.stdout))
            await write_out("".join(f"{line}\n" for line in lines).encode())
        if report.rejected:
            rows = "row does" if report.rejected == 1 else "rows do"
            say(f"{report.rejected:,} {rows} not fit: see the table 'rejected' of the store.")
