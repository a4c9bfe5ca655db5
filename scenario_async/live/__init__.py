"""A live view of the catalogue in memory, for programs that answer from it without waiting.

Needs the extra ``scenario-async[sync]``.
"""

from ._catalog import LiveCatalog
from ._deltas import Delta, Resync
from ._errors import NotLoadedError, StaleError
from ._lookup import SnapshotFilters
from ._snapshot import Snapshot
from ._status import LiveStatus

__all__ = [
    "Delta",
    "LiveCatalog",
    "LiveStatus",
    "NotLoadedError",
    "Resync",
    "Snapshot",
    "SnapshotFilters",
    "StaleError",
]
