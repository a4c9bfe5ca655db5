from __future__ import annotations

from support.store_fixtures import new_postgresql, new_sqlite, new_store, postgresql

__all__ = ["new_postgresql", "new_sqlite", "new_store", "postgresql"]
