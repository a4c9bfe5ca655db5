"""How a live catalogue is, as a value. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

    from ._arguments import Role

__all__ = ["LiveStatus", "role_of", "state_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveStatus:
    """How a :class:`LiveCatalog` is.

    Attributes:
        state: ``"loading"`` until there is a snapshot; ``"current"``; ``"failing"`` where there is
            one and the last refresh failed; ``"closed"``.
        role: ``"leader"`` where it refreshes the store, ``"follower"`` where another one may, and
            it takes over from that, ``"reader"`` where it never does.
        models: How many models the snapshot has.
        invalid: How many it leaves out, as their records do not fit the type.
        version: As of the snapshot; ``None`` where there is none.
        as_of: When the refresh began that it is the outcome of, by the clock of the machine that
            refreshed; a change before that moment shows in it, as far as :func:`watch` says.
        age: How long ago that is, in seconds.
        failures: How many refreshes have failed since one did not.
        error: What the last one failed with.
    """

    state: Literal["loading", "current", "failing", "closed"]
    role: Literal["leader", "follower", "reader"]
    models: int
    invalid: int
    version: str | None
    as_of: datetime | None
    age: float | None
    failures: int
    error: Exception | None


def state_of(
    *, closed: bool, loaded: bool, failures: int
) -> Literal["loading", "current", "failing", "closed"]:
    """The word for it."""
    if closed:
        return "closed"
    if not loaded:
        return "loading"
    return "failing" if failures else "current"


def role_of(role: Role, *, leads: bool) -> Literal["leader", "follower", "reader"]:
    """The word for what it does with the store."""
    if role == "reader":
        return "reader"
    return "leader" if leads else "follower"
