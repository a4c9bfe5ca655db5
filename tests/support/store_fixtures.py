"""Databases for tests of the store: a fresh one for each, of both kinds."""

from __future__ import annotations

import asyncio
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from scenario_async.sync import CatalogStore, FleetStore
from support.postgresql import PostgreSQL, binaries

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path


@contextmanager
def running_postgresql(**settings: str) -> Generator[PostgreSQL]:
    """A running server of one's own, which may be stopped and started again."""
    folder = binaries()
    if folder is None:
        reason = "PostgreSQL is not installed: apt-get install postgresql"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    server = PostgreSQL(folder, **settings)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def postgresql() -> Generator[PostgreSQL]:
    """A running server, one for each process of the tests."""
    with running_postgresql() as server:
        yield server


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


# Whatever a test does with the store of one account, this one is to be as it was.
_NEIGHBOUR = """
    INSERT INTO models (account, id, name, tags, capabilities, collection_ids, created_at,
        first_seen_at, content_hash, record)
        VALUES ('other', 'a', 'other', '["x"]', '["y"]', '["z"]', now(), now(), '#', '{}'),
            ('other', 'neighbour', 'other', '["n"]', '["n"]', '["n"]', now(), now(), '#', '{}');
    INSERT INTO memberships (account, scope, model_id, missing_in)
        VALUES ('other', 'private', 'a', NULL), ('other', 'private', 'neighbour', 1),
            ('other', 'public', 'a', 1), ('other', 'collection:neighbour', 'neighbour', NULL);
    INSERT INTO state (account, key, version, value)
        VALUES ('other', 'scope:private', 1, '{}'), ('other', 'scope:neighbour', 1, '{}'),
            ('other', 'source', 1, '{"service": "elsewhere"}'), ('other', 'watch', 1, NULL),
            ('other', 'owners', 1, '["neighbour"]');
    INSERT INTO runs (account, started_at, status, scopes)
        VALUES ('other', now(), 'running', '["private", "public"]');
    INSERT INTO changes (account, kind, model_id) VALUES ('other', 'removed', 'neighbour');
    INSERT INTO rejected (account, scope, row_key, raw, error, run)
        VALUES ('other', 'private', 'neighbour', '', 'neighbour', 0);
"""
_TABLES = ("models", "memberships", "state", "runs", "changes", "rejected")
_AS_IT_WAS = " UNION ALL ".join(
    f"SELECT '{name}', md5(string_agg({name}::text, ' ' ORDER BY {name}::text)) FROM {name} "  # noqa: S608 - no values
    "WHERE account = 'other'"
    for name in _TABLES
)
ACCOUNT = "studio-7"


@pytest.fixture(scope="session")
def postgresql_with_accounts(postgresql: PostgreSQL) -> str:
    """A database with the copy of an account, to make others like it."""

    async def make(url: str) -> None:
        async with FleetStore.open(url, partitions=2):
            pass

    name = postgresql.create()
    asyncio.run(make(postgresql.url(name)))
    postgresql.query(_NEIGHBOUR, name)
    return name


@pytest.fixture
def new_account(
    postgresql: PostgreSQL, postgresql_with_accounts: str, monkeypatch: pytest.MonkeyPatch
) -> Generator[Callable[[], str]]:
    """Makes databases of accounts, and gives their URLs, at which one account is opened.

    What another account has there is as it was when the test ends.
    """
    made: list[str] = []
    opened = CatalogStore.open

    def make() -> str:
        made.append(postgresql.create(like=postgresql_with_accounts))
        return postgresql.url(made[-1])

    def open_account(url: str | Path, **options: Any) -> CatalogStore:
        own = str(url).rpartition("/")[2] in made
        return opened(url, account=ACCOUNT if own else None, **options)

    monkeypatch.setattr(CatalogStore, "open", open_account)
    before = postgresql.query(_AS_IT_WAS, postgresql_with_accounts)
    yield make
    for name in made:
        assert postgresql.query(_AS_IT_WAS, name) == before
        postgresql.drop(name)


@pytest.fixture(params=["sqlite", "postgresql", "account"])
def new_store_or_account(request: pytest.FixtureRequest) -> Callable[[], str]:
    """The same as ``new_store``, and those of accounts as well."""
    make: Callable[[], str] = request.getfixturevalue(f"new_{request.param}")
    return make


@pytest.fixture(params=["sqlite", "postgresql"])
def new_store(request: pytest.FixtureRequest) -> Callable[[], str]:
    """Gives the URL of another empty database each time, in both kinds of databases in turn."""
    make: Callable[[], str] = request.getfixturevalue(f"new_{request.param}")
    return make
