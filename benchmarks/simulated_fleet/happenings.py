"""Deploys, outages, and full walks of everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from scenario_async.sync._state import ScopeState

from .scene import Deploy, FullWalks, Outage
from .schedule import due_now

if TYPE_CHECKING:
    from .fleet import Fleet

__all__ = ["plan_happenings"]

# Workers do not all come back in the same moment.
_RECONNECT = 30.0


def plan_happenings(fleet: Fleet) -> None:
    """Have everything happen when it is to happen."""
    clock = fleet.clock
    for one in fleet.scene.happenings:
        match one:
            case Deploy():
                clock.at(one.at, _replace, fleet, 0)
            case FullWalks():
                clock.at(one.at, _want_full_walks, fleet, one.empty)
            case Outage(of="service"):
                clock.at(one.at, _service, fleet, True)  # noqa: FBT003 - down
                clock.at(one.at + one.seconds, _service, fleet, False)  # noqa: FBT003 - up
            case Outage():
                clock.at(one.at, _lose_database, fleet)
                clock.at(one.at + one.seconds, _find_database, fleet)


def _replace(fleet: Fleet, number: int) -> None:
    """Stop one worker, and the next one when its successor is there."""
    worker = fleet.workers[number]
    fleet.stop(worker, in_order=True)
    back = fleet.clock.now + fleet.scene.workers.restart
    fleet.clock.at(back, fleet.start, worker)
    if number + 1 < len(fleet.workers):
        fleet.clock.at(back, _replace, fleet, number + 1)


def _want_full_walks(fleet: Fleet, empty: bool) -> None:
    fleet.walks_wanted_at = fleet.clock.now
    for account in fleet.accounts:
        account.empty = empty
        if empty:
            account.copied = ScopeState()
        else:
            account.copied = msgspec.structs.replace(account.copied, full_at=None, walk=None)
        due_now(account, fleet.clock.now)
        fleet.add_due(account)


def _service(fleet: Fleet, down: bool) -> None:
    fleet.service_down = down


def _lose_database(fleet: Fleet) -> None:
    fleet.database_down = True
    for servers in (fleet.database, fleet.disk):
        servers.forget(fleet.clock.now)
    for worker in fleet.workers:
        worker.running = False
        for job in list(worker.jobs):
            job.cut(in_order=False)


def _find_database(fleet: Fleet) -> None:
    fleet.database_down = False
    for worker in fleet.workers:
        back = fleet.clock.now + fleet.chance.random() * _RECONNECT
        fleet.clock.at(back, fleet.start, worker)
