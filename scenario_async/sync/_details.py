"""Full records, with ``inputs`` and ``uiConfig``, of what is new or changed."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, or_, select, update

from ._tables import memberships, models

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._database import Database
    from ._lanes import Lanes
    from ._report import ScopeReport

__all__ = ["fetch_details"]

_BATCH = 100


_keep = (
    update(models)
    .where(models.c.id == bindparam("of"))
    .values(details=bindparam("full"), details_hash=bindparam("of_row"))
)


async def fetch_details(
    database: Database,
    lanes: Lanes,
    scope: str,
    report: ScopeReport,
    notify: Callable[[], None],
) -> None:
    """Fetch the full records of a scope that are missing or older than the row of the listing.

    Each batch is committed by itself. A model whose record cannot be read is not asked for again
    until it changes.

    Raises:
        APIError: A record could not be fetched.
        StoreError: The database failed.
    """
    last = ""
    while hashes := await _next(database, scope, last):
        *_, last = hashes
        async with aclosing(lanes.details(list(hashes))) as details:
            read = {model_id: record async for model_id, record in details}
        async with database.writing() as connection:
            await connection.execute(
                _keep,
                [
                    {"of": model_id, "full": read.get(model_id), "of_row": of_row}
                    # As pages are written, whatever order the database has: two programs that
                    # write the same rows must lock them in the same order.
                    for model_id, of_row in sorted(hashes.items())
                ],
            )
        report.details += len(read.keys() & hashes.keys())
        report.pages += 1
        notify()


async def _next(database: Database, scope: str, last: str) -> dict[str, str]:
    """The next models without fresh details, in the order of the database, with their hashes."""
    stale = or_(models.c.details_hash.is_(None), models.c.details_hash != models.c.content_hash)
    query = (
        select(models.c.id, models.c.content_hash)
        .join(memberships, memberships.c.model_id == models.c.id)
        .where(memberships.c.scope == scope, models.c.deleted_at.is_(None), stale)
        .where(models.c.id > last)
        .order_by(models.c.id)
        .limit(_BATCH)
    )
    async with database.transaction() as connection:
        return {row[0]: row[1] for row in await connection.execute(query)}
