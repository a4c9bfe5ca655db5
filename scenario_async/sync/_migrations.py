"""How the tables of an earlier version become those of the next one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = ["MIGRATIONS", "MIGRATIONS_WITH_ACCOUNTS", "Migration"]

Migration: TypeAlias = Callable[[AsyncConnection], Awaitable[None]]

MIGRATIONS_WITH_ACCOUNTS: tuple[Migration, ...] = ()
"""The same of tables that have accounts, whose versions are counted by themselves."""

MIGRATIONS: tuple[Migration, ...] = ()
"""The first one leads from version 1 to version 2, and so on. What was released is not changed.

Releases 0.1 and 0.2 write the same tables, version 1. Each step has both databases in mind, and is
executed in one transaction with those behind it. Plain functions are enough: Alembic would bring
its own table of versions, and no lock.
"""
