"""What requests show of those who sent them. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from ._requests import Request


def most_within(requests: Iterable[Request], seconds: float) -> int:
    """Return the largest number of requests that arrived in any span of so many seconds."""
    times = sorted(request.when for request in requests)
    first = most = 0
    for position, time in enumerate(times):
        while time - times[first] >= seconds:
            first += 1
        most = max(most, position - first + 1)
    return most


def overlaps(
    requests: Iterable[Request], *, gap: float, by: Callable[[Request], Hashable] | None
) -> list[tuple[Request, Request]]:
    """Return the requests with which a client begins while another one is at work.

    A client is at work from a request on until the answer to it begins, and from there to its next
    request if that is no more than ``gap`` seconds later.

    Args:
        requests: The requests, in any order.
        gap: The longest pause in seconds that a client makes while it is at work.
        by: Names the client of a request; ``None`` for its ``User-Agent``.

    Returns:
        Pairs in order of time: the last request before it of the client that was at work, and the
        request of the other one.
    """
    of_client: defaultdict[Hashable, list[Request]] = defaultdict(list)
    for request in sorted(requests, key=_arrival):
        of_client[request.user_agent if by is None else by(request)].append(request)
    stretches = [one for ordered in of_client.values() for one in _stretches(ordered, gap)]
    found: list[tuple[Request, Request]] = []
    at_work: list[_Stretch] = []
    for stretch in sorted(stretches, key=lambda one: _arrival(one.requests[0])):
        first = stretch.requests[0]
        # The stretches of one client do not overlap: whoever is at work still is another one.
        at_work = [one for one in at_work if one.end > first.when]
        for other in at_work:
            before = [one for one in other.requests if _arrival(one) < _arrival(first)]
            found.append((before[-1], first))
        at_work.append(stretch)
    return found


@dataclass(slots=True)
class _Stretch:
    """Requests of one client without a longer pause; ``end`` is when it had all answers."""

    requests: list[Request]
    end: float


def _stretches(ordered: Iterable[Request], gap: float) -> list[_Stretch]:
    stretches: list[_Stretch] = []
    for request in ordered:
        ended = math.inf if request.ended is None else request.ended
        if stretches and request.when <= stretches[-1].end + gap:
            stretches[-1].requests.append(request)
            stretches[-1].end = max(stretches[-1].end, ended)
        else:
            stretches.append(_Stretch([request], ended))
    return stretches


def _arrival(request: Request) -> tuple[float, int]:
    return request.when, request.number
