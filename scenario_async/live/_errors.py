"""What can be wrong with a live catalogue."""

from __future__ import annotations

from scenario_async import ScenarioError

__all__ = ["NotLoadedError", "StaleError"]


class StaleError(ScenarioError):
    """What a live catalogue has is older than it may be.

    Attributes:
        age: How old it is, in seconds; ``None`` where it has nothing yet.
    """

    def __init__(self, message: str, *, age: float | None = None) -> None:
        # Only the message is an argument of the exception: pickle calls the class with `args` and
        # then restores the attributes from `__dict__`.
        super().__init__(message)
        self.age = age


class NotLoadedError(StaleError):
    """A live catalogue has nothing yet."""
