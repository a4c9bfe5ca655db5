"""A copy of the catalogue in a database: complete, cheap to keep fresh, and safe from crashes.

Needs the extra ``scenario-async[sync]``.
"""

# First, as it looks whether they are there.
from . import _dependencies  # noqa: F401 # pyright: ignore[reportUnusedImport]  # isort: skip
from ._errors import (
    EmptyExportError,
    ExportError,
    StoreBusyError,
    StoreError,
    StoreVersionError,
    TooManyDeletionsError,
)
from ._export import ExportFormat, export
from ._report import Counts, ScopeReport, SyncReport
from ._runs import sync
from ._store import (
    PUBLIC_ACCOUNT,
    CatalogStore,
    FleetStore,
    ModelFilters,
    ModelSelection,
    RunRecord,
    RunTotals,
    StoreCounts,
    StoredModel,
    StoreSizes,
    StoreStatistics,
)
from ._watch import Added, Change, Changed, Removed, unwatch, watch

__all__ = [
    "PUBLIC_ACCOUNT",
    "Added",
    "CatalogStore",
    "Change",
    "Changed",
    "Counts",
    "EmptyExportError",
    "ExportError",
    "ExportFormat",
    "FleetStore",
    "ModelFilters",
    "ModelSelection",
    "Removed",
    "RunRecord",
    "RunTotals",
    "ScopeReport",
    "StoreBusyError",
    "StoreCounts",
    "StoreError",
    "StoreSizes",
    "StoreStatistics",
    "StoreVersionError",
    "StoredModel",
    "SyncReport",
    "TooManyDeletionsError",
    "export",
    "sync",
    "unwatch",
    "watch",
]
