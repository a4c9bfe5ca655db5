"""What can go wrong with a store, and with a file of it."""

from __future__ import annotations

from scenario_async import ScenarioError

__all__ = ["ExportError", "StoreBusyError", "StoreError", "StoreVersionError"]


class StoreError(ScenarioError):
    """The database failed or cannot be used. What was committed before is whole."""


class StoreBusyError(StoreError):
    """Another run is at work on the same store, or on one of the same scopes."""


class StoreVersionError(StoreError):
    """The tables are of another version than this package writes, or not its own."""


class ExportError(ScenarioError):
    """The file cannot be written. What was there before is untouched."""
