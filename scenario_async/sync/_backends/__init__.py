"""The databases that a store can be in: SQLite and PostgreSQL."""

from .connections import Connections
from .database import Database
from .engine import reason_of
from .many_rows import ManyRows
from .postgresql_engine import connected
from .schema import is_empty
from .store_file import FILE_SUFFIXES
from .task import in_own_task
from .urls import database_url, in_memory

__all__ = [
    "FILE_SUFFIXES",
    "Connections",
    "Database",
    "ManyRows",
    "connected",
    "database_url",
    "in_memory",
    "in_own_task",
    "is_empty",
    "reason_of",
]
