"""How accounts stand, looked at now and then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .outcome import Sample, Spread

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .fleet import Fleet

__all__ = ["sample"]


def sample(fleet: Fleet, every: float) -> None:
    """Note how accounts stand, and do so again after so many seconds."""
    now = fleet.clock.now
    counted = [one for one in fleet.accounts if not one.set_aside]
    fleet.outcome.samples.append(
        Sample(
            at=now,
            lag=_spread(max(0.0, now - one.due_at) for one in counted),
            age=_spread(now - one.succeeded_at for one in counted),
            queued=len(fleet.queue),
            working=sum(len(worker.jobs) for worker in fleet.workers),
            set_aside=len(fleet.accounts) - len(counted),
            behind=sum(one.walked_at < fleet.walks_wanted_at for one in fleet.accounts),
        )
    )
    fleet.clock.at(now + every, sample, fleet, every)


def _spread(seconds: Iterable[float]) -> Spread:
    found = sorted(seconds)
    return Spread(found[len(found) // 2], found[int(len(found) * 0.95)], found[-1])
