"""The tables of a store: what is written into them and read from them."""

from .catalog_store import CatalogStore, database_of, scopes_of
from .copies import Standing, contents, records, standing
from .filter_values import check_values
from .filters import ModelFilters, ModelSelection
from .identity import claim, identity_of
from .members import ChangingModel, Members
from .owners import Owners
from .run_log import RunLog
from .statistics import RunTotals, StoreSizes, StoreStatistics
from .values import RunRecord, StoreCounts, StoredModel, as_stored, read_model
from .writer import WATCH, ScopeWriter

__all__ = [
    "WATCH",
    "CatalogStore",
    "ChangingModel",
    "Members",
    "ModelFilters",
    "ModelSelection",
    "Owners",
    "RunLog",
    "RunRecord",
    "RunTotals",
    "ScopeWriter",
    "Standing",
    "StoreCounts",
    "StoreSizes",
    "StoreStatistics",
    "StoredModel",
    "as_stored",
    "check_values",
    "claim",
    "contents",
    "database_of",
    "identity_of",
    "read_model",
    "records",
    "scopes_of",
    "standing",
]
