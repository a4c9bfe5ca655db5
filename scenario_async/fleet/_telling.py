"""Tells hooks how a fleet is, as long as a worker of it runs."""

from __future__ import annotations

from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING

import anyio

from scenario_async import FleetEvent
from scenario_async._events import emit
from scenario_async.sync import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenario_async import EventHooks

    from ._accounts import Accounts
    from ._status import FleetStatus

__all__ = ["keep_telling"]

_EVERY = 30.0  # seconds
_numbers = count(1)


async def keep_telling(
    accounts: Accounts, hooks: Callable[[], EventHooks], *, every: float = _EVERY
) -> None:
    """Tell the hooks again and again, until cancelled, and then once that it is over.

    The database is asked where somebody listens. While it is away there is nothing to tell.
    """
    number = next(_numbers)
    status: FleetStatus | None = None
    try:
        while True:
            if hooks().on_fleet is not None:
                with suppress(StoreError):
                    status = await accounts.status()
                    emit(hooks().on_fleet, _event_of(status, number))
            await anyio.sleep(every)
    finally:
        if status is not None:
            emit(hooks().on_fleet, _event_of(status, number, closed=True))


def _event_of(status: FleetStatus, fleet: int, *, closed: bool = False) -> FleetEvent:
    return FleetEvent(
        fleet=fleet,
        waiting=status.states["waiting"],
        running=status.states["running"],
        refused=status.states["refused"],
        set_aside=status.states["set aside"],
        failing=status.failing,
        overdue=status.overdue,
        lag_median=status.lag.median,
        lag_p95=status.lag.p95,
        lag_worst=status.lag.worst,
        rows_per_second=status.rows_per_second,
        workers=status.workers,
        slots=status.slots,
        closed=closed,
    )
