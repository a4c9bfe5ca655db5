"""A copy of the catalogue in a database: complete, cheap to keep fresh, and safe from crashes.

Needs the extra ``scenario-async[sync]``.
"""

# First, as it looks whether they are there.
from . import _dependencies  # noqa: F401 # pyright: ignore[reportUnusedImport]
from ._errors import (
    ExportError,
    StoreBusyError,
    StoreError,
    StoreVersionError,
    TooManyDeletionsError,
)
from ._export import export
from ._formats import ExportFormat
from ._report import Counts, ScopeReport, SyncReport
from ._run import sync
from ._store import CatalogStore
from ._stored import RunRecord, StoreCounts, StoredModel
from ._watch import Added, Change, Changed, Removed, unwatch, watch

__all__ = [
    "Added",
    "CatalogStore",
    "Change",
    "Changed",
    "Counts",
    "ExportError",
    "ExportFormat",
    "Removed",
    "RunRecord",
    "ScopeReport",
    "StoreBusyError",
    "StoreCounts",
    "StoreError",
    "StoreVersionError",
    "StoredModel",
    "SyncReport",
    "TooManyDeletionsError",
    "export",
    "sync",
    "unwatch",
    "watch",
]
