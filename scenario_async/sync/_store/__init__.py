"""The tables of a store: what is written into them and read from them."""

from .accounts import PUBLIC_ACCOUNT, checked_account
from .catalog_store import CatalogStore, database_of, scopes_of
from .copies import CopyStatus, contents, copy_status, records
from .counts import settled_run
from .filter_values import check_scope, check_values
from .filters import ModelFilters, ModelSelection, RecordOrder, check_names
from .fleet_store import FleetStore, connected_to, fleet_database_of
from .identity import StoreIdentity, claim, identity_of, stored_identity
from .members import ChangingModel, Members
from .owners import Owners
from .run_log import RunLog
from .scopes import copied_as
from .search import FACETS, Facets, Search, facets, found, scopes_with
from .statistics import RunTotals, StoreSizes, StoreStatistics
from .values import RunRecord, StoreCounts, StoredModel, as_stored, read_model
from .writer import WATCH, ScopeWriter

__all__ = [
    "FACETS",
    "PUBLIC_ACCOUNT",
    "WATCH",
    "CatalogStore",
    "ChangingModel",
    "CopyStatus",
    "Facets",
    "FleetStore",
    "Members",
    "ModelFilters",
    "ModelSelection",
    "Owners",
    "RecordOrder",
    "RunLog",
    "RunRecord",
    "RunTotals",
    "ScopeWriter",
    "Search",
    "StoreCounts",
    "StoreIdentity",
    "StoreSizes",
    "StoreStatistics",
    "StoredModel",
    "as_stored",
    "check_names",
    "check_scope",
    "check_values",
    "checked_account",
    "claim",
    "connected_to",
    "contents",
    "copied_as",
    "copy_status",
    "database_of",
    "facets",
    "fleet_database_of",
    "found",
    "identity_of",
    "read_model",
    "records",
    "scopes_of",
    "scopes_with",
    "settled_run",
    "stored_identity",
]
