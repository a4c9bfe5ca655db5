"""What the models of a store are like, in numbers that the database makes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import distinct, func, select, true

from scenario_async.sync._backends import in_own_task
from scenario_async.sync._report import Counts
from scenario_async.types._base import Timestamp  # noqa: TC001 - msgspec reads it at run time

from .filters import conditions_of
from .values import moment_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncConnection

    from scenario_async.sync._backends import Database

    from .filters import ModelFilters

__all__ = ["RunTotals", "StoreSizes", "StoreStatistics", "statistics_of"]

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_WORK = tuple(name for name in Counts.__struct_fields__ if name != "seconds")


class StoreSizes(msgspec.Struct, frozen=True, kw_only=True):
    """What takes how much room.

    Attributes:
        store: Bytes of the database, with all that the store has in it. Of an account in a database
            of many, of its rows, as the server keeps them: indexes are not counted.
        records: Bytes of the records of the models, as they were sent.
        largest_record: Bytes of the largest one.
        details: Bytes of the full records.
        detailed: How many models have a full record.
    """

    store: int
    records: int
    largest_record: int
    details: int
    detailed: int


class RunTotals(msgspec.Struct, frozen=True, kw_only=True):
    """What the runs did that the store remembers: the last 1,000, or 100 of an account.

    Attributes:
        runs: How many there were.
        by_status: How many ended so; see :class:`RunRecord`.
        first_at: When the first one began.
        last_at: When the last one began.
        work: What they did in all, requests included. Of runs that were killed it is not known.
    """

    runs: int
    by_status: dict[str, int]
    first_at: Timestamp | None
    last_at: Timestamp | None
    work: Counts


class StoreStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """How many models of a store are of which kind.

    Models without a value, or with one that cannot be read, are in no group. The group that has the
    most models comes first.

    Attributes:
        models: How many there are.
        by_type: How many are of each type.
        by_status: How many have each status.
        by_privacy: How many are private, public and unlisted.
        by_capability: How many have each capability. A model may have several.
        by_tag: How many have each tag. A model may have several.
        by_month: How many were created in each month of UTC, as ``2026-10``; the first one first,
            without months that have none.
        sizes: What takes how much room.
        runs: What the runs of the store did, whatever the filters.
    """

    models: int
    by_type: dict[str, int]
    by_status: dict[str, int]
    by_privacy: dict[str, int]
    by_capability: dict[str, int]
    by_tag: dict[str, int]
    by_month: dict[str, int]
    sizes: StoreSizes
    runs: RunTotals


@in_own_task
async def statistics_of(database: Database, filters: ModelFilters) -> StoreStatistics:
    """Each number by one query, all of them of the same moment; no model is read.

    Raises:
        ValueError: A filter that fits nothing.
        TypeError: A filter of the wrong type.
        StoreError: The database failed.
    """
    models = database.tables.models
    fitting = conditions_of(database, filters)
    number = select(func.count()).select_from(models).where(*fitting)
    async with database.transaction() as connection:
        await database.keep_moment(connection)

        async def by(group: ColumnElement[Any]) -> dict[str, int]:
            """How many there are in each group."""
            query = number.add_columns(group).group_by(group)
            return _groups((await connection.execute(query)).all())

        async def by_each(column: ColumnElement[Any]) -> dict[str, int]:
            """How many have each value of a list, which may have one twice."""
            values = database.values(column)
            query = select(func.count(distinct(models.c.id)), values.c.value)
            query = query.select_from(models.join(values, true())).where(*fitting)
            return _groups((await connection.execute(query.group_by(values.c.value))).all())

        by_month = await by(database.month(models.c.created_at))
        months = sorted(month for month in by_month if _MONTH.fullmatch(month))
        return StoreStatistics(
            models=await connection.scalar(number) or 0,
            by_type=await by(models.c.type),
            by_status=await by(models.c.status),
            by_privacy=await by(models.c.privacy),
            by_capability=await by_each(models.c.capabilities),
            by_tag=await by_each(models.c.tags),
            by_month={month: by_month[month] for month in months},
            sizes=await _sizes(connection, database, fitting),
            runs=await _runs(connection, database),
        )


async def _sizes(
    connection: AsyncConnection, database: Database, fitting: Sequence[ColumnElement[bool]]
) -> StoreSizes:
    models, octets = database.tables.models, database.octets
    record, details = octets(models.c.record), octets(models.c.details)
    query = select(func.sum(record), func.max(record), func.sum(details), func.count(details))
    found = await connection.execute(query.select_from(models).where(*fitting))
    records, largest, detail_bytes, detailed = found.one()
    return StoreSizes(
        store=int(await connection.scalar(select(database.size())) or 0),
        records=int(records or 0),
        largest_record=int(largest or 0),
        details=int(detail_bytes or 0),
        detailed=int(detailed),
    )


async def _runs(connection: AsyncConnection, database: Database) -> RunTotals:
    runs = database.tables.runs
    of_each_status = select(
        func.count(),
        runs.c.status,
        func.min(runs.c.started_at),
        func.max(runs.c.started_at),
        *(func.sum(runs.c.report[name].as_integer()) for name in _WORK),
        func.sum(runs.c.report["seconds"].as_float()),
    ).group_by(runs.c.status)
    rows = (await connection.execute(of_each_status)).all()
    moments = [moment_of(moment) for row in rows for moment in row[2:4]]
    known = [moment for moment in moments if moment is not None]
    work = [sum(row[4 + place] or 0 for row in rows) for place in range(len(_WORK) + 1)]
    return RunTotals(
        runs=sum(row[0] for row in rows),
        by_status=_groups([row[:2] for row in rows]),
        first_at=min(known, default=None),
        last_at=max(known, default=None),
        work=Counts(
            **{name: int(count) for name, count in zip(_WORK, work, strict=False)},
            seconds=float(work[-1]),
        ),
    )


def _groups(rows: Iterable[Sequence[Any]]) -> dict[str, int]:
    """Groups, of a number and a name: the one that has most first, equal ones by their names."""
    named = [(str(name), int(number)) for number, name in rows if name is not None]
    return dict(sorted(named, key=lambda group: (-group[1], group[0])))
