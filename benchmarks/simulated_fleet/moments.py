"""From seconds of a simulation to the calendar, and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["moment", "seconds"]

_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def moment(of: float) -> datetime:
    """A moment of the simulation by the calendar."""
    return _BEGIN + timedelta(seconds=of)


def seconds(of: datetime) -> float:
    """A moment of the calendar in seconds from the beginning of the simulation."""
    return (of - _BEGIN).total_seconds()
