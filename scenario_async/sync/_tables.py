"""The tables of a store, the same in SQLite and PostgreSQL. A fleet's have an account besides.

``docs/reference/store.md`` describes them.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    case,
    cast,
    literal_column,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

from scenario_async._query import wire_time

if TYPE_CHECKING:
    from sqlalchemy import BindParameter, ColumnElement

__all__ = [
    "SCOPE_KEY",
    "Moment",
    "by_creation",
    "changes",
    "memberships",
    "metadata",
    "models",
    "rejected",
    "runs",
    "state",
    "within_calendar",
]

_FIRST: ColumnElement[Any] = literal_column("timestamptz '0001-01-01T00:00:00Z'")
_LAST: ColumnElement[Any] = literal_column("timestamptz '9999-12-31T23:59:59.999Z'")


def within_calendar(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A moment of PostgreSQL, which beyond the calendar is its first or last moment."""
    return case((column < _FIRST, _FIRST), (column > _LAST, _LAST), else_=column)


class _Timestamp(UserDefinedType[str]):
    """A timestamp of PostgreSQL, written as text and read within the calendar.

    The driver takes the first moment of the calendar for ``-infinity``, reads that as a moment
    without zone, and cannot read what lies beyond.
    """

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Its name in ``CREATE TABLE``."""
        return "TIMESTAMP WITH TIME ZONE"

    def bind_expression(self, bindvalue: BindParameter[str]) -> ColumnElement[Any]:
        """The server reads the text."""
        return cast(cast(bindvalue, Text), TIMESTAMP(timezone=True))

    def column_expression(self, colexpr: ColumnElement[Any]) -> ColumnElement[Any]:
        """What lies beyond the calendar is read as its first or last moment."""
        return within_calendar(colexpr)


class Moment(TypeDecorator[datetime | str]):
    """A moment, ``timestamptz`` in PostgreSQL, in SQLite text that sorts by time.

    It is given as an aware ``datetime`` or as the API writes it: ISO 8601 in UTC with
    milliseconds. It is read as the driver returns it: PostgreSQL's as ``datetime``, SQLite's as
    text, in which somebody may have written anything.
    """

    impl = Text().with_variant(_Timestamp(), "postgresql")
    cache_ok = True

    def process_bind_param(self, value: datetime | str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - the same for both
        """To the database."""
        return wire_time(value) if isinstance(value, datetime) else value


def _json() -> TypeEngine[Any]:
    return JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def _number() -> TypeEngine[int]:
    # SQLite counts up by itself only in a column that is declared INTEGER.
    return BigInteger().with_variant(Integer(), "sqlite")


metadata = MetaData()

models = Table(
    "models",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text),
    Column("type", Text),
    Column("status", Text),
    Column("privacy", Text),
    Column("capabilities", _json()),
    Column("tags", _json()),
    Column("collection_ids", _json()),
    Column("created_at", Moment),
    Column("updated_at", Moment),
    Column("thumbnail_asset_id", Text),
    Column("deleted_at", Moment),
    Column("first_seen_at", Moment, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("record", Text, nullable=False),
    Column("details", Text),
    Column("details_hash", Text),
)

by_creation = Index("models_by_creation", models.c.created_at)
"""Made when the first full walk is complete: until then it is not needed, and a copy is faster
without it."""

memberships = Table(
    "memberships",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("model_id", Text, primary_key=True),
    # The run whose full walk did not find the model where it was.
    Column("missing_in", _number()),
    sqlite_with_rowid=False,
)

runs = Table(
    "runs",
    metadata,
    Column("id", _number(), primary_key=True, autoincrement=True),
    Column("started_at", Moment, nullable=False),
    Column("finished_at", Moment),
    Column("status", Text, nullable=False),
    Column("scopes", _json(), nullable=False),
    Column("report", _json()),
    Column("error", Text),
)

state = Table(
    "state",
    metadata,
    Column("key", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("value", _json()),
)

SCOPE_KEY = "scope:"
"""What the keys of ``state`` begin with that say how far the copy of a scope is."""

rejected = Table(
    "rejected",
    metadata,
    Column("scope", Text, primary_key=True),
    # The id of the model, or a hash of the row where none could be read.
    Column("row_key", Text, primary_key=True),
    Column("model_id", Text),
    Column("raw", LargeBinary, nullable=False),
    Column("error", Text, nullable=False),
    Column("run", _number(), nullable=False),
    sqlite_with_rowid=False,
)

changes = Table(
    "changes",
    metadata,
    Column("id", _number(), primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False),
    Column("model_id", Text, nullable=False),
    Column("fields", _json()),
)
