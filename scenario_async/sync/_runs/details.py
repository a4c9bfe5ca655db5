"""Full records, with ``inputs`` and ``uiConfig``, of what is new or changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio
from sqlalchemy import bindparam, or_, select

from .at_once import for_each

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scenario_async.sync._backends import Database
    from scenario_async.sync._report import ScopeReport

    from .catalogue_reader import CatalogueReader

__all__ = ["fetch_details"]

# Ids, not records: of those there are no more than may be under way.
_BATCH = 1_000


async def fetch_details(
    database: Database,
    catalogue: CatalogueReader,
    scope: str,
    report: ScopeReport,
    notify: Callable[[], None],
) -> None:
    """Fetch the full records of a scope that are missing or older than the row of the listing.

    Each record is stored once it has come, whatever ends the run. A model whose record cannot be
    read is not asked for again until it changes.

    Raises:
        APIError: A record could not be fetched. What was under way then is stored as well.
        StoreError: The database failed.
    """
    last = ""
    while hashes := await _next(database, scope, last):
        *_, last = hashes
        arrivals = _Arrivals(database, hashes, report, notify)

        async def fetch(model_id: str, arrivals: _Arrivals = arrivals) -> None:
            record = await catalogue.record(model_id)
            await arrivals.store(model_id, record)

        await for_each(hashes, fetch, at_once=catalogue.most)


@dataclass(slots=True)
class _Arrivals:
    """Stores records as they come: those that come while others are written go together.

    Attributes:
        database: Where to.
        hashes: Of which row each record is.
        report: Where the counts go.
        notify: Called after each write.
    """

    database: Database
    hashes: Mapping[str, str]
    report: ScopeReport
    notify: Callable[[], None]
    _came: dict[str, str | None] = field(default_factory=dict["str", "str | None"])
    _writing: anyio.Lock = field(default_factory=anyio.Lock)

    async def store(self, model_id: str, record: str | None) -> None:
        """Store a record, or that there is none. No cancellation keeps it from that."""
        with anyio.CancelScope(shield=True):
            self._came[model_id] = record
            async with self._writing:
                if self._came:
                    await self._write()

    async def _write(self) -> None:
        came, self._came = self._came, {}
        models = self.database.stored.models
        keep = (
            self.database.update(models)
            .where(models.c.id == bindparam("of"))
            .values(details=bindparam("full"), details_hash=bindparam("of_row"))
        )
        async with self.database.writing() as connection:
            await connection.execute(
                keep,
                [
                    {"of": model_id, "full": record, "of_row": self.hashes[model_id]}
                    # As pages are written, whatever order the database has: two programs that
                    # write the same rows must lock them in the same order.
                    for model_id, record in sorted(came.items())
                ],
            )
        self.report.details += sum(record is not None for record in came.values())
        self.report.pages += 1
        self.notify()


async def _next(database: Database, scope: str, last: str) -> dict[str, str]:
    """The next models without fresh details, in the order of the database, with their hashes."""
    models, memberships = database.tables.models, database.tables.memberships
    stale = or_(models.c.details_hash.is_(None), models.c.details_hash != models.c.content_hash)
    query = (
        select(models.c.id, models.c.content_hash)
        .join(memberships, memberships.c.model_id == models.c.id)
        .where(memberships.c.scope == scope, models.c.deleted_at.is_(None), stale)
        .where(models.c.id > last)
        .order_by(models.c.id)
        .limit(_BATCH)
    )
    return {row[0]: row[1] for row in await database.rows(query)}
