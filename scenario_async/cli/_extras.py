"""The store behind a command, and what to install where that is missing."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import asyncclick as click

from scenario_async.cli._output import WrongUsageError, wrong_usage

if TYPE_CHECKING:
    from collections.abc import Generator

    from scenario_async.sync import CatalogStore

__all__ = ["extra_needed", "opened_store", "store_argument"]

_EXTRAS = {
    "sync": frozenset({"aiosqlite", "asyncpg", "greenlet", "sqlalchemy", "xxhash"}),
    "export": frozenset({"pyarrow"}),
}

store_argument = click.argument("store", metavar="STORE")
"""A path, or the URL of a database."""


@contextmanager
def extra_needed() -> Generator[None]:
    """Say which extra of this package brings a module that is missing.

    Raises:
        WrongUsageError: One is.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        extra = next((name for name, modules in _EXTRAS.items() if missing in modules), None)
        if extra is None:
            raise
        raise WrongUsageError(
            f"this needs {missing}: pip install 'scenario-async[{extra}]'"
        ) from error


def opened_store(url: str, *, create: bool) -> CatalogStore:
    """A store, which ``async with`` opens.

    Raises:
        WrongUsageError: The URL is none, or of a database that ends with the command, or the extra
            is missing.
    """
    with extra_needed(), wrong_usage():
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
        return CatalogStore.open(url, create=create)


def _check_file(path: str) -> None:
    """Refuse what SQLite would make a file of, or fail at in words of its own."""
    if path.endswith(("/", os.sep)) or Path(path).is_dir():
        file = str(Path(path) / "models.db")
        raise WrongUsageError(f"{path!r} is a folder: name a file in it, such as {file!r}")
    if Path(path).exists() and not Path(path).is_file():
        raise WrongUsageError(f"{path!r} is not a file that a store could be in")
