"""The store behind a command."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import asyncclick as click

from scenario_async._query import Status
from scenario_async.cli._output import WrongUsageError, wrong_usage
from scenario_async.types import ModelType

from ._completion import files, values
from ._options import Choice, Option, section

if TYPE_CHECKING:
    from scenario_async.sync import CatalogStore, FleetStore

__all__ = ["account_option", "opened_fleet", "opened_store", "store_argument", "store_filters"]

store_argument = click.argument("store", metavar="STORE", shell_complete=files)
"""A path, or the URL of a database."""

account_option: Option = click.option(
    "--account", metavar="NAME", help="The account, in a database of PostgreSQL that has many."
)
"""Declares the option that says which account of a database is the store."""

store_filters: Option = section(
    "Which models",
    click.option("--scope", metavar="SCOPE", help="Only models of this scope; see status."),
    click.option(
        "--privacy", type=Choice(["private", "public", "unlisted"]), help="Only such models."
    ),
    click.option(
        "--status",
        metavar="STATUS",
        shell_complete=values(get_args(Status)),
        help="Only models of this status.",
    ),
    click.option(
        "--type",
        metavar="TYPE",
        shell_complete=values(get_args(ModelType)),
        help="Only models of this type.",
    ),
    click.option(
        "--tag", "tags", multiple=True, metavar="TAG", help="Only models with this tag. Repeatable."
    ),
    click.option("--collection", metavar="ID", help="Only models in this collection."),
    click.option("--with-deleted", is_flag=True, help="Also models that are marked as deleted."),
)
"""Declares the options on a command that choose models of a store."""


def opened_store(url: str, *, create: bool, account: str | None = None) -> CatalogStore:
    """A store, or that of an account, which ``async with`` opens.

    Raises:
        WrongUsageError: It is not a URL, or one of a database that ends with the command or has
            no accounts.
        MissingExtraError: The extra is not installed.
    """
    with wrong_usage():
        # Only here: the other commands need no database.
        from scenario_async.sync import CatalogStore  # noqa: PLC0415 - see above
        from scenario_async.sync._backends import database_url, in_memory  # noqa: PLC0415 - see above

        parsed = database_url(url)
        if in_memory(parsed):
            raise WrongUsageError(
                "this is a database in memory, of which nothing would be kept: give the path of a "
                "file, such as 'models.db'"
            )
        if parsed.get_backend_name() == "sqlite":
            _check_file(parsed.database or "")
        return CatalogStore.open(url, create=create, account=account)


def opened_fleet(url: str, *, create: bool, connections: int = 10) -> FleetStore:
    """A store of many accounts, which ``async with`` opens.

    Raises:
        WrongUsageError: It is not a URL, or not one of PostgreSQL.
        MissingExtraError: The extra is not installed.
    """
    with wrong_usage():
        from scenario_async.sync import FleetStore  # noqa: PLC0415 - as above

        return FleetStore.open(url, create=create, connections=connections)


def _check_file(path: str) -> None:
    """Refuse what SQLite would make a file of, or fail at in words of its own."""
    if path.endswith(("/", os.sep)) or Path(path).is_dir():
        file = str(Path(path) / "models.db")
        raise WrongUsageError(f"{path!r} is a folder: name a file in it, such as {file!r}")
    if Path(path).exists() and not Path(path).is_file():
        raise WrongUsageError(f"{path!r} is not a file that a store could be in")
