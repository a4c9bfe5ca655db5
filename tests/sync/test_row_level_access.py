"""What the page on PostgreSQL says of readers that see one account only, tried on a server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from scenario_async.sync import CatalogStore, FleetStore, StoreError, sync
from scenario_async.sync._store import database_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.postgresql import PostgreSQL

    from scenario_async import AsyncScenario

pytestmark = pytest.mark.anyio
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "postgresql.md"


def statements() -> str:
    """The SQL of the page, for a schema that is the only one."""
    section = PAGE.read_text().partition("### Let a reader see one account only")[2]
    (found,) = re.findall(r"```sql\n(.*?)```", section.partition("\n## ")[0], re.DOTALL)
    return f"{found}".replace("SCHEMA models", "SCHEMA public").replace("= models;", "= public;")


async def test_a_reader_with_a_policy_sees_one_account_only(
    scenario: AsyncScenario, new_postgresql: Callable[[], str], postgresql: PostgreSQL
) -> None:
    url = new_postgresql()
    database = url.rpartition("/")[2]
    reader = url.replace("//postgres@", "//studio-7@")
    async with FleetStore.open(url, partitions=2) as fleet:
        for name in ("studio-7", "studio-8"):
            await sync(scenario, fleet.account(name))
        counts = await fleet.account("studio-7").counts()
    postgresql.query(statements(), database)
    try:
        async with CatalogStore.open(reader, account="studio-7", create=False) as own:
            assert counts.models > 0
            assert await own.counts() == counts
            (run,) = await own.runs()
            assert run.status == "finished"
            with pytest.raises(StoreError, match="permission denied"):
                await sync(scenario, own)
            async with database_of(own).transaction() as connection:
                for table in ("models", "memberships", "runs", "state"):
                    seen = await connection.scalars(text(f"SELECT DISTINCT account FROM {table}"))  # noqa: S608 - names of ours
                    assert {*seen} - {""} == {"studio-7"}
            with pytest.raises(StoreError, match="permission denied"):
                async with database_of(own).transaction() as connection:
                    await connection.execute(text("SELECT * FROM models_00"))
        async with CatalogStore.open(reader, account="studio-8", create=False) as other:
            assert (await other.counts()).models == 0
            assert not await other.runs()
    finally:
        # Roles are those of the whole server.
        drop = 'DROP OWNED BY account_reader; DROP ROLE "studio-7"; DROP ROLE account_reader'
        postgresql.query(drop, database)
