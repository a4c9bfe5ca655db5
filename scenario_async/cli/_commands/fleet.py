"""``scenario-async fleet``: many accounts in one PostgreSQL, and the workers for them."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import asyncclick as click
import msgspec

from scenario_async.cli._durations import duration
from scenario_async.cli._group import Group
from scenario_async.cli._options import Choice, StrictCommand
from scenario_async.cli._output import (
    WrongUsageError,
    account_lines,
    fleet_lines,
    terminal_width,
    write_data,
    write_lines,
    wrong_usage,
)
from scenario_async.cli._stores import opened_fleet, store_argument

from .fleet_run import run

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from datetime import timedelta

    from scenario_async.fleet import Account, Fleet, FleetStatus

__all__ = ["fleet"]

_ANY = "postgresql://host/db"

account_argument = click.argument("account", metavar="ACCOUNT")


@click.group(
    "fleet",
    cls=Group,
    short_help="Keep many accounts fresh in one PostgreSQL.",
    examples=(
        f"scenario-async fleet add {_ANY} studio-7 --credentials env:S7",
        f"scenario-async fleet run {_ANY}",
        f"scenario-async fleet status {_ANY}",
    ),
)
def fleet() -> None:
    """Keep many accounts fresh in one PostgreSQL.

    STORE is postgresql://user@host/database. It has the accounts, when each is due, and their
    models, and none of their credentials. Workers may run on any number of machines.
    """


@click.command(
    "add",
    cls=StrictCommand,
    short_help="Add an account, or change its settings.",
    epilog="""
Credentials are read by the workers, from where --credentials says: env:NAME is a variable of their
environment, file:PATH a file of theirs, best with a whole path. Either has KEY:SECRET, or a JSON
object with api_key and api_secret, or with bearer_auth; base_url and project_id may be in it.

An account that is there gets these settings, and keeps its history. The account "public" is the one
of the public models, which are the same for all.
""",
    examples=(
        f"scenario-async fleet add {_ANY} studio-7 --credentials env:S7",
        f"scenario-async fleet add {_ANY} s8 --credentials file:/run/s8",
        f"scenario-async fleet add {_ANY} public --credentials env:S7",
    ),
)
@store_argument
@account_argument
@click.option(
    "--credentials",
    required=True,
    metavar="WHERE",
    help="Where its credentials are: env:NAME or file:PATH.",
)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=Choice(["private", "unlisted", "public"]),
    help='What is copied: "private" by default, and "public" for the account of that name. '
    "Repeatable.",
)
@click.option(
    "--every",
    default="1h",
    show_default=True,
    callback=duration,
    metavar="TIME",
    help="How often, such as 15m, 6h or 1d.",
)
@click.option(
    "--limit-group",
    metavar="NAME",
    help="Accounts of a group share one limit of the service, as the keys of one project do.",
)
async def add(
    store: str,
    account: str,
    *,
    credentials: str,
    scopes: Sequence[str],
    every: timedelta,
    limit_group: str | None,
) -> None:
    """Add an account, which is due at once, or change the settings of one that is there."""
    opened = opened_fleet(store, create=True)
    from scenario_async.fleet import Fleet  # noqa: PLC0415 - the extra is there
    from scenario_async.fleet._credentials import check_reference  # noqa: PLC0415 - as above
    from scenario_async.fleet._settings import settings_of  # noqa: PLC0415 - as above
    from scenario_async.sync import PUBLIC_ACCOUNT  # noqa: PLC0415 - as above

    settings: dict[str, Any] = {
        "credential_ref": credentials,
        "scopes": scopes or ["public" if account == PUBLIC_ACCOUNT else "private"],
        "every": every,
        "limit_group": limit_group,
    }
    with wrong_usage():
        # Before any table is made.
        check_reference(credentials)
        settings_of(account, **settings)
    async with opened as found:
        await Fleet(found).add(account, **settings)


@click.command(
    "status",
    cls=StrictCommand,
    short_help="How many accounts are overdue, and for how long.",
    epilog="""
With --max-lag the exit code is 1 where an account is overdue for longer: an alert. What there is to
say is said all the same. Accounts that are set aside are not overdue.
""",
    examples=(
        f"scenario-async fleet status {_ANY}",
        f"scenario-async fleet status {_ANY} studio-7",
        f"scenario-async fleet status {_ANY} --max-lag 15m",
        f"scenario-async fleet status {_ANY} --json | jq .lag.p95",
    ),
)
@store_argument
@click.argument("account", metavar="[ACCOUNT]", required=False)
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object in place of tables.")
@click.option(
    "--max-lag",
    callback=duration,
    metavar="TIME",
    help="Fail where an account is overdue for longer, such as 90s, 15m or 1d.",
)
async def status(
    store: str, account: str | None, *, as_json: bool, max_lag: timedelta | None
) -> None:
    """Say how a fleet is, or one of its accounts."""
    if account is not None and max_lag is not None:
        raise WrongUsageError("--max-lag is of the whole fleet: leave out ACCOUNT")
    async with _opened(store) as found:
        told = await found.status()
        one = None if account is None else await _account_of(found, account)
    width = terminal_width()
    if as_json:
        await write_data(msgspec.json.encode(told if one is None else one) + b"\n")
    elif one is not None:
        await write_lines(account_lines(one, width=width))
    else:
        await write_lines(fleet_lines(told, width=width))
    if max_lag is not None:
        _check_lag(told, max_lag)


async def _account_of(fleet: Fleet, name: str) -> Account:
    with wrong_usage():
        found = await fleet.account(name)
    if found is None:
        raise click.ClickException(f"the fleet has no account {name!r}")
    return found


def _check_lag(told: FleetStatus, limit: timedelta) -> None:
    if told.lag.worst > limit.total_seconds():
        raise click.ClickException(
            f"account {told.oldest_due!r} is overdue for {told.lag.worst:,.0f} s"
        )


@click.command(
    "release",
    cls=StrictCommand,
    short_help="Let accounts be due now that were set aside.",
    epilog="""
For accounts that failed six times in a row, or whose credentials were refused, once that is mended.
Of any other account it makes the next run begin now. Where one is unknown, none is released.
""",
    examples=(
        f"scenario-async fleet release {_ANY} studio-7",
        f"scenario-async fleet release {_ANY} studio-7 studio-8",
    ),
)
@store_argument
@click.argument("accounts", metavar="ACCOUNT...", nargs=-1, required=True)
async def release(store: str, accounts: Sequence[str]) -> None:
    """Let accounts be due now, as if they had never failed."""
    async with _opened(store) as found:
        for account in accounts:
            await _account_of(found, account)
        for account in accounts:
            await found.release(account)


@click.command(
    "remove",
    cls=StrictCommand,
    short_help="Remove an account.",
    epilog="""
Its models stay in the store without --delete-copy. With it the command waits for the end of a run
that is under way.
""",
    examples=(
        f"scenario-async fleet remove {_ANY} studio-7",
        f"scenario-async fleet remove {_ANY} studio-7 --delete-copy",
    ),
)
@store_argument
@account_argument
@click.option("--delete-copy", is_flag=True, help="Delete its models from the store as well.")
async def remove(store: str, account: str, *, delete_copy: bool) -> None:
    """Remove an account from the fleet."""
    async with _opened(store) as found:
        with wrong_usage():
            await found.remove(account, delete_copy=delete_copy)


@asynccontextmanager
async def _opened(store: str) -> AsyncGenerator[Fleet]:
    """The fleet of a store that is there, open meanwhile."""
    opened = opened_fleet(store, create=False)
    from scenario_async.fleet import Fleet  # noqa: PLC0415 - the extra is there

    async with opened as found:
        yield Fleet(found)


fleet.add_section("Accounts", add, release, remove)
fleet.add_section("Work", run, status)
