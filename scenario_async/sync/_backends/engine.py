"""What is the same for the engines of all databases."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

if TYPE_CHECKING:
    from sqlalchemy.engine import URL
    from sqlalchemy.ext.asyncio import AsyncEngine

__all__ = ["database_errors", "json_text", "new_engine", "reason_of"]

_LOG = "scenario_async"


def new_engine(url: URL, **options: Any) -> AsyncEngine:  # noqa: ANN401 - those of SQLAlchemy
    """An engine whose errors and logs show no rows."""
    engine = create_async_engine(
        url,
        # Parameters are records, whose URLs are signed. So are rows that are read, in a log of
        # our own, as other engines of the program may show theirs.
        hide_parameters=True,
        logging_name=_LOG,
        json_serializer=json_text,
        json_deserializer=msgspec.json.decode,
        **options,
    )
    logging.getLogger(f"sqlalchemy.engine.Engine.{_LOG}").addFilter(_is_no_row)
    return engine


def database_errors() -> tuple[type[Exception], ...]:
    """What a failing database may raise.

    The driver of PostgreSQL raises errors of the operating system and its own. SQLAlchemy 2.0 does
    not translate these before there is a connection, and no release does so while one is prepared.
    """
    driver = sys.modules.get("asyncpg")
    # It raises the last of these where a session ends between two steps of one command.
    names = "PostgresError", "InterfaceError", "InternalClientError"
    own = () if driver is None else (getattr(driver, name) for name in names)
    return SQLAlchemyError, OSError, *own


def reason_of(error: Exception) -> str:
    """What went wrong, in the words of the driver: no more than its first line.

    Below that it may quote a row, signed URLs and all.
    """
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    text = str(cause).partition("\n")[0].rpartition(">: ")[2]
    if text:
        return text
    unanswered = isinstance(cause, TimeoutError)
    return "the database did not answer in time" if unanswered else type(cause).__name__


def json_text(value: object) -> str:
    """A value as databases store it."""
    return msgspec.json.encode(value).decode()


def _is_no_row(record: logging.LogRecord) -> bool:
    """Let SQLAlchemy log what it does, and not the rows that it gets."""
    return not str(record.msg).startswith("Row ")
