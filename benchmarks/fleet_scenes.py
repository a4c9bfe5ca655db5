"""What is simulated of a fleet of 10,000 keys and 50 million models, and in which order."""

from __future__ import annotations

from simulated_fleet import Deploy, FullWalks, Outage, Scene, Service, Workers
from simulated_fleet.scene import DAY, HOUR, MINUTE

__all__ = ["AT", "INCIDENTS", "PERIODS", "RESYNCS", "USUAL"]

USUAL = Scene()
"""A day without incidents."""

AT = 2 * HOUR
"""When something happens in the other ones."""

_WHILE = 6 * HOUR

PERIODS = {
    "5 minutes": Scene(every=5 * MINUTE, seconds=HOUR),
    "15 minutes": Scene(every=15 * MINUTE, seconds=_WHILE / 4),
    "1 hour": Scene(seconds=_WHILE),
    "6 hours": Scene(every=6 * HOUR, seconds=DAY),
    "1 day": Scene(every=DAY, seconds=DAY),
}
"""By how often an account is run."""

INCIDENTS = {
    "a deploy": Scene(happenings=(Deploy(at=AT),), seconds=_WHILE),
    "the service is down for an hour": Scene(
        happenings=(Outage(of="service", at=AT),), seconds=_WHILE
    ),
    "PostgreSQL is down for an hour": Scene(
        happenings=(Outage(of="database", at=AT),), seconds=_WHILE
    ),
    "a full run of everything": Scene(happenings=(FullWalks(at=AT),), seconds=_WHILE),
    "the first load of everything": Scene(
        happenings=(FullWalks(at=AT, empty=True),), seconds=_WHILE
    ),
    "13 accounts that fail, 10 refused keys": Scene(
        failing=10, killing=3, refused=10, seconds=_WHILE
    ),
}
"""What happens beside the usual. Of the accounts that fail, three end their worker's process."""


def _resync(kind: str, number: int, slots: int, service: Service = USUAL.service) -> Scene:
    return Scene(
        happenings=(FullWalks(at=0.0, empty=kind == "first load"),),
        workers=Workers(number=number, slots=slots),
        service=service,
        seconds=1.5 * HOUR,
    )


RESYNCS = {
    (f"{number} x {slots}", kind): _resync(kind, number, slots)
    for number, slots in ((1, 50), (2, 50), (4, 10), (4, 50), (4, 200), (8, 50))
    for kind in ("full run", "first load")
} | {
    ("4 x 50, pages take three times as long", kind): _resync(
        kind, 4, 50, Service(answer=0.9, answer_row=0.003)
    )
    for kind in ("full run", "first load")
}
"""Everything at once, by the workers there are and their slots."""
