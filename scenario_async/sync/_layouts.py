"""How the tables lie in a database: those of one store, or those of many accounts.

The latter have the same names and columns, and an ``account`` besides, first in each key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from sqlalchemy import Column, FromClause, Index, MetaData, Table, Text, select

from ._tables import by_creation, changes, memberships, models, rejected, runs, state

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ACCOUNTS", "PLAIN", "Layout", "Tables"]

TableT_co = TypeVar("TableT_co", bound=FromClause, covariant=True)

_PARTITIONED = ("models", "memberships")


class Tables(NamedTuple, Generic[TableT_co]):
    """The tables of a store, to read from or to write into.

    Attributes:
        models: What was copied.
        memberships: Which model was seen in which scope.
        runs: What was done.
        state: How far the copies are, and of what.
        rejected: Rows that do not fit.
        changes: What changed, for whoever watches.
    """

    models: TableT_co
    memberships: TableT_co
    runs: TableT_co
    state: TableT_co
    rejected: TableT_co
    changes: TableT_co


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the tables of a store lie in its database.

    Attributes:
        tables: All of them.
        version_key: Where ``state`` says of which version they are. Releases that know one layout
            do not find that of another.
        kept_runs: How many runs are remembered.
        later: The index that is made when the first full walk is complete: until then it is not
            needed, and a copy is faster without it.
        has_accounts: Whether they have an ``account``.
        partitions: Into how many parts the large ones are cut, where they have one.
    """

    tables: Tables[Table]
    version_key: str
    kept_runs: int
    later: Index | None = None
    has_accounts: bool = False
    partitions: int = 0

    def read(self, account: str | None) -> Tables[FromClause]:
        """The tables of an account, as queries name them; all of them without one."""
        if account is None:
            return self.tables
        return Tables(*(_of_account(table, account) for table in self.tables))

    def parts(self, table: Table) -> Sequence[str]:
        """The names of the parts of a table."""
        if table.name not in _PARTITIONED:
            return ()
        return [f"{table.name}_{number:02}" for number in range(self.partitions)]


def _of_account(table: Table, account: str) -> FromClause:
    """What a query reads in place of a table: PostgreSQL sees through it."""
    columns = [column for column in table.c if column.name != "account"]
    return select(*columns).where(table.c.account == account).subquery(table.name)


def _with_accounts(table: Table, metadata: MetaData) -> Table:
    columns = (
        Column(
            one.name,
            one.type,
            primary_key=one.primary_key,
            nullable=one.nullable,
            autoincrement=one.autoincrement,
        )
        for one in table.c
    )
    cut = "HASH (account)" if table.name in _PARTITIONED else None
    account = Column("account", Text, primary_key=True)
    return Table(table.name, metadata, account, *columns, postgresql_partition_by=cut)


# A week of runs each ten minutes. A worker that runs each minute for years must not fill the disk.
_KEPT_RUNS = 1_000
# Of thousands of accounts each has its own.
_KEPT_RUNS_OF_AN_ACCOUNT = 100

PLAIN = Layout(
    tables=Tables(models, memberships, runs, state, rejected, changes),
    version_key="schema",
    kept_runs=_KEPT_RUNS,
    later=by_creation,
)
"""A database, or a schema of one, for one store."""

_metadata = MetaData()
ACCOUNTS = Layout(
    tables=Tables(*(_with_accounts(table, _metadata) for table in PLAIN.tables)),
    version_key="schema with accounts",
    kept_runs=_KEPT_RUNS_OF_AN_ACCOUNT,
    has_accounts=True,
    partitions=32,
)
"""A database of PostgreSQL, or a schema of one, for many accounts."""

Index("models_by_creation", ACCOUNTS.tables.models.c.account, ACCOUNTS.tables.models.c.created_at)
