"""Databases for tests of the store: a fresh one for each, of both kinds."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from support.postgresql import PostgreSQL, binaries

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path


@pytest.fixture(scope="session")
def postgresql() -> Generator[PostgreSQL]:
    """A running server, one for each process of the tests."""
    folder = binaries()
    if folder is None:
        reason = "PostgreSQL is not installed: apt-get install postgresql"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    server = PostgreSQL(folder)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def new_postgresql(postgresql: PostgreSQL) -> Generator[Callable[[], str]]:
    """Makes databases in PostgreSQL, and gives their URLs."""
    made: list[str] = []

    def make() -> str:
        made.append(postgresql.create())
        return postgresql.url(made[-1])

    yield make
    for name in made:
        postgresql.drop(name)


@pytest.fixture
def new_sqlite(tmp_path: Path) -> Callable[[], str]:
    """Thinks of files for SQLite, and gives their URLs."""
    made: list[str] = []

    def make() -> str:
        made.append(f"sqlite:///{tmp_path / f'store_{len(made)}.db'}")
        return made[-1]

    return make


@pytest.fixture(params=["sqlite", "postgresql"])
def new_store(request: pytest.FixtureRequest) -> Callable[[], str]:
    """Gives the URL of another empty database each time, in both kinds of databases in turn."""
    make: Callable[[], str] = request.getfixturevalue(f"new_{request.param}")
    return make
