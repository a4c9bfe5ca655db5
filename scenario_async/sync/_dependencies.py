"""What the extra ``scenario-async[sync]`` brings is there, or its absence is said at once."""

from __future__ import annotations

from functools import partial

from scenario_async import _extras

__all__ = ["need"]

need = partial(_extras.need, "scenario_async.sync", extra="sync")

need("greenlet", "sqlalchemy", "xxhash")
