from __future__ import annotations

from support.store_fixtures import (
    new_account,
    new_postgresql,
    new_sqlite,
    new_store,
    new_store_or_account,
    postgresql,
    postgresql_with_accounts,
)

__all__ = [
    "new_account",
    "new_postgresql",
    "new_sqlite",
    "new_store",
    "new_store_or_account",
    "postgresql",
    "postgresql_with_accounts",
]
