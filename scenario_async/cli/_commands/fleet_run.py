"""``scenario-async fleet run``: a worker."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import asyncclick as click

from scenario_async import EventHooks, _extras
from scenario_async.cli._connection import base_url_option, timeout_option
from scenario_async.cli._options import Numbers, StrictCommand, Whole
from scenario_async.cli._output import (
    counted,
    debug_log,
    in_words,
    is_terminal,
    say,
    stamp_messages,
    warnings_said,
    wrong_usage,
)
from scenario_async.cli._stores import opened_fleet, store_argument

if TYPE_CHECKING:
    from scenario_async import AsyncScenario, FailureEvent

__all__ = ["run"]


@click.command(
    "run",
    cls=StrictCommand,
    short_help="Be a worker: sync what is due, again and again.",
    epilog="""
It ends in order at SIGTERM or Ctrl-C: what is under way is given to other workers, and goes on
where it was. The exit code is 0 then. Needs: pip install 'scenario-async[fleet]'

Accounts that fail are said, each time. The service's limit is kept to by one worker at a time for
each limit group.
""",
    examples=(
        "scenario-async fleet run postgresql://host/db",
        "scenario-async fleet run postgresql://host/db --concurrency 20 --rate 50",
    ),
)
@store_argument
@click.option(
    "--concurrency",
    type=Whole(min=1),
    default=50,
    show_default=True,
    metavar="N",
    help="How many accounts are synced at once.",
)
@click.option(
    "--connections",
    type=Whole(min=1),
    default=10,
    show_default=True,
    metavar="N",
    help="How many connections to PostgreSQL there are at most.",
)
@click.option(
    "--rate",
    type=Numbers(min=0, min_open=True),
    default=100,
    show_default=True,
    metavar="PER_MINUTE",
    help="Requests in a minute for each limit group, evenly spaced.",
)
@base_url_option
@timeout_option
@click.option("--verbose", is_flag=True, help="Log each request to standard error.")
async def run(
    store: str,
    *,
    concurrency: int,
    connections: int,
    rate: float,
    base_url: str | None,
    timeout: float | None,  # noqa: ASYNC109 - of the client
    verbose: bool,
) -> None:
    """Sync the accounts that are due, as one of any number of workers."""
    opened = opened_fleet(store, create=True, connections=connections)
    # Before a table is made, and before it is said that work begins.
    _extras.need("fleet run", "pgqueuer", extra="fleet")
    from scenario_async.fleet import Fleet  # noqa: PLC0415 - the extra is there

    if not is_terminal(sys.stderr):
        stamp_messages()
    client = _client(base_url, timeout)
    with ExitStack() as shown:
        shown.enter_context(debug_log(shown=verbose))
        shown.enter_context(warnings_said())
        async with client, opened as found:
            say(f"Syncing up to {counted(concurrency, 'account')} at once, until Ctrl-C.")
            await Fleet(found, scenario=client, requests_per_minute=rate).run(
                concurrency=concurrency
            )


def _client(base_url: str | None, timeout: float | None) -> AsyncScenario:
    from scenario_async import NOT_GIVEN, AsyncScenario  # noqa: PLC0415 - slow, and not for help

    with wrong_usage():
        return AsyncScenario(
            public=True,
            base_url=base_url,
            timeout=NOT_GIVEN if timeout is None else timeout,
            event_hooks=EventHooks(on_failure=_say_failure),
        )


def _say_failure(event: FailureEvent) -> None:
    # Not where a shutdown has ended it.
    if event.operation.kind == "account" and isinstance(event.error, Exception):
        say(f"Account {event.operation.name}: {in_words(event.error)}")
