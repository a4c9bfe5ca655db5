"""A simulation of many accounts, several workers and one database, in simulated time.

What a run asks for is decided by the package's own functions; how long each thing takes comes from
what was measured, or is assumed, and stands in :class:`Scene`.
"""

from __future__ import annotations

from .fleet import simulate
from .formulas import Expected, expected
from .inputs import Measured, load_measured
from .outcome import Outcome
from .scene import Database, Deploy, FullWalks, Outage, Scene, Service, Workers

__all__ = [
    "Database",
    "Deploy",
    "Expected",
    "FullWalks",
    "Measured",
    "Outage",
    "Outcome",
    "Scene",
    "Service",
    "Workers",
    "expected",
    "load_measured",
    "simulate",
]
