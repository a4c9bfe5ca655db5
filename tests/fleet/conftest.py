from __future__ import annotations

from support.store_fixtures import new_postgresql, postgresql

__all__ = ["new_postgresql", "postgresql"]
