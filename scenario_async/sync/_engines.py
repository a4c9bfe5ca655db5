"""Which database a URL names, and an engine that reaches it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from ._dependencies import need

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncEngine

__all__ = ["database_url", "in_memory", "json_text", "new_engine"]

_FORMS = "'sqlite:///models.db', a path, or 'postgresql://user@host/database'"
_IN_MEMORY = (None, "", ":memory:")


def database_url(given: str | Path) -> URL:
    """The URL of a database with the driver that this package speaks through.

    Raises:
        ValueError: It is none, or of another kind of database.
    """
    text = str(given)
    if "://" not in text:
        return URL.create("sqlite+aiosqlite", database=text)
    try:
        url = make_url(text)
    except ArgumentError:
        raise ValueError(f"a store is {_FORMS}; this URL cannot be read") from None
    kind = url.drivername.partition("+")[0]
    if kind == "sqlite":
        return url.set(drivername="sqlite+aiosqlite")
    if kind in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+asyncpg")
    raise ValueError(f"a store is {_FORMS}, and not in {kind!r}")


def in_memory(url: URL) -> bool:
    """Whether this is a SQLite database without a file."""
    return url.database in _IN_MEMORY


def new_engine(url: URL, *, patience: float = 30) -> AsyncEngine:
    """An engine whose errors and logs show no rows.

    Args:
        url: As :func:`database_url` gives it.
        patience: How long a connection to SQLite waits for a lock, in seconds; with 0 it is for
            the lock alone, and the database is left as it is.

    Raises:
        ModuleNotFoundError: The driver is not installed.
    """
    need("aiosqlite" if url.get_backend_name() == "sqlite" else "asyncpg")
    options: dict[str, Any] = {}
    if url.get_backend_name() == "sqlite":
        options["connect_args"] = {"timeout": patience}
        if in_memory(url):
            # One connection, as each has a database of its own, and one transaction at a time.
            options |= {"poolclass": AsyncAdaptedQueuePool, "pool_size": 1, "max_overflow": 0}
    engine = create_async_engine(
        url,
        # Parameters are records, whose URLs are signed.
        hide_parameters=True,
        json_serializer=json_text,
        json_deserializer=msgspec.json.decode,
        **options,
    )
    if url.get_backend_name() == "sqlite" and patience:
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    return engine


def json_text(value: object) -> str:
    """A value as databases store it."""
    return msgspec.json.encode(value).decode()


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - as SQLAlchemy has it
    try:
        _set_pragmas(connection)
    except BaseException:
        # Nobody else would: the engine does not know the connection yet.
        connection.close()
        raise


def _set_pragmas(connection: Any) -> None:  # noqa: ANN401 - as SQLAlchemy has it
    cursor = connection.cursor()
    # Most records do not fit into the usual 4 KiB (this is of a new file only), and the index of
    # 100,000 ids not into the usual 2 MB: together that is a third of the time of a write.
    cursor.execute("PRAGMA page_size=16384")
    cursor.execute("PRAGMA cache_size=-8000")
    # Readers go on while a run writes. A power cut may take the last commits with it, as a whole:
    # rows and the progress that they stand for (https://www.sqlite.org/wal.html#performance_considerations).
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()
