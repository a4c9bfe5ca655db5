"""What can go wrong with a store, and with a file of it."""

from __future__ import annotations

from typing import Final

from scenario_async import APIError, ScenarioError

__all__ = [
    "PASSING_ERRORS",
    "EmptyExportError",
    "ExportError",
    "StoreBusyError",
    "StoreError",
    "StoreVersionError",
    "TooManyDeletionsError",
]


class StoreError(ScenarioError):
    """The database failed or cannot be used. What was committed before is whole."""


class StoreBusyError(StoreError):
    """Another run is at work on the same store, or on one of the same scopes."""


class StoreVersionError(StoreError):
    """The tables are of another version than this package writes, or not its own."""


class TooManyDeletionsError(ScenarioError):
    """A run would mark more models as deleted than it may, and marks none of them.

    Attributes:
        scope: Of which scope.
        deletions: How many were found to be gone; after these, no more were looked for.
        models: How many models the store has of the scope.
    """

    def __init__(
        self, message: str, *, scope: str = "", deletions: int = 0, models: int = 0
    ) -> None:
        # Only the message is an argument of the exception: pickle calls the class with `args` and
        # then restores the attributes from `__dict__`.
        super().__init__(message)
        self.scope = scope
        self.deletions = deletions
        self.models = models


class ExportError(ScenarioError):
    """The file cannot be written. What was there before is untouched."""


class EmptyExportError(ExportError):
    """No model fits, and a file that has something else in it stays as it is."""


PASSING_ERRORS: Final = (APIError, StoreBusyError, TooManyDeletionsError)
"""What a run may end with while the next one may do well, without anybody changing anything."""
