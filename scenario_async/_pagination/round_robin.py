"""Several planners as one, which share the requests that may be under way. No I/O."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenario_async._errors import APIError

    from .planner import Planner

__all__ = ["Part", "RoundRobin"]

PartT_co = TypeVar("PartT_co", covariant=True)
RequestT = TypeVar("RequestT")
AnswerT = TypeVar("AnswerT")
EmittedT = TypeVar("EmittedT")


@dataclass(frozen=True, slots=True)
class Part(Generic[PartT_co]):
    """A request of one of several planners, or what it emitted.

    Attributes:
        index: Which planner.
        item: Its request, or what it emitted.
    """

    index: int
    item: PartT_co


class RoundRobin(Generic[RequestT, AnswerT, EmittedT]):
    """Asks the planners in turn, one request at a time, so that none waits for another's end.

    With more than ``limit`` things emitted that the caller has not taken, nothing is requested. The
    failure of one planner is that of all.
    """

    def __init__(
        self, planners: Sequence[Planner[RequestT, AnswerT, EmittedT]], *, limit: int
    ) -> None:
        self._planners = planners
        self._limit = limit
        # Those that are not finished; the one to be asked next comes first.
        self._working = deque(range(len(planners)))
        # Who emitted what the caller has not taken yet; it takes the oldest first.
        self._buffered: deque[int] = deque()

    def requests(self, free_slots: int, buffered: int) -> Sequence[Part[RequestT]]:
        """Return what the planners ask for in turn. Each is told what of its own is buffered."""
        while len(self._buffered) > buffered:
            self._buffered.popleft()
        if buffered > self._limit:
            return ()
        own_buffered = Counter(self._buffered)
        requests: list[Part[RequestT]] = []
        idle = 0
        while len(requests) < free_slots and idle < len(self._working):
            index = self._working[0]
            self._working.rotate(-1)
            asked = self._planners[index].requests(1, own_buffered[index])
            requests += [Part(index, request) for request in asked]
            idle = 0 if asked else idle + 1
        return requests

    def receive(self, request: Part[RequestT], answer: AnswerT) -> Sequence[Part[EmittedT]]:
        """Return what the planner that asked emits."""
        if request.index not in self._working:
            return ()
        emitted = self._planners[request.index].receive(request.item, answer)
        return self._emitted(request.index, emitted)

    def failed(self, request: Part[RequestT], error: APIError) -> Sequence[Part[EmittedT]]:
        """Raises the error unless the planner that asked can go on."""
        if request.index not in self._working:
            return ()
        emitted = self._planners[request.index].failed(request.item, error)
        return self._emitted(request.index, emitted)

    def finished(self) -> bool:
        """Whether all planners are finished."""
        for index in tuple(self._working):
            if self._planners[index].finished():
                self._working.remove(index)
        return not self._working

    def _emitted(self, index: int, emitted: Sequence[EmittedT]) -> Sequence[Part[EmittedT]]:
        self._buffered.extend([index] * len(emitted))
        return [Part(index, one) for one in emitted]
