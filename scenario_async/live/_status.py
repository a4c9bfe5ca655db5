"""How a live catalogue is, as a value. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ._errors import StaleError

if TYPE_CHECKING:
    from datetime import datetime

    from ._arguments import Role
    from ._reader import StoreReader
    from ._refresher import Refresher

__all__ = ["LiveStatus", "check_age", "status_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveStatus:
    """How a :class:`LiveCatalog` is.

    Attributes:
        state: ``"loading"`` until there is a snapshot; ``"current"``; ``"failing"`` where there is
            one and the last refresh failed; ``"closed"``.
        role: ``"leader"`` where it refreshes the store, ``"follower"`` where it takes over from the
            one that does, ``"reader"`` where it never does.
        models: How many models the snapshot has.
        invalid: How many it leaves out, as their records do not fit the type.
        version: As of the snapshot; ``None`` where there is none.
        as_of: When the refresh began that brought it, by the clock of the machine that refreshed. A
            change before that moment shows in it, as far as :func:`watch` says.
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


def status_of(
    reader: StoreReader[Any] | None, refresher: Refresher | None, role: Role, *, closed: bool
) -> LiveStatus:
    """How a catalogue with these parts is, as far as it has them yet."""
    loaded = reader is not None and reader.as_of is not None
    failures = 0 if refresher is None else refresher.failures
    leads = refresher is not None and refresher.leads
    return LiveStatus(
        state=_state_of(closed=closed, loaded=loaded, failures=failures),
        role="reader" if role == "reader" else "leader" if leads else "follower",
        models=0 if reader is None else len(reader.snapshot),
        invalid=0 if reader is None else reader.invalid,
        version=reader.snapshot.version if reader is not None and loaded else None,
        as_of=None if reader is None else reader.as_of,
        age=None if reader is None else reader.age(),
        failures=failures,
        error=None if refresher is None else refresher.error,
    )


def check_age(status: LiveStatus, seconds: float) -> None:
    """See that a catalogue is not older than this.

    Raises:
        StaleError: It is.
    """
    if status.age is not None and status.age > seconds:
        because = "" if status.error is None else f"; the last refresh failed: {status.error}"
        raise StaleError(
            f"what was loaded is {status.age:,.0f} seconds old, and may be {seconds:,.0f}{because}",
            age=status.age,
        ) from status.error


def _state_of(
    *, closed: bool, loaded: bool, failures: int
) -> Literal["loading", "current", "failing", "closed"]:
    if closed:
        return "closed"
    if not loaded:
        return "loading"
    return "failing" if failures else "current"
