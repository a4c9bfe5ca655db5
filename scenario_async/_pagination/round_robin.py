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

    What is emitted comes as it comes. With more than ``limit`` of it waiting for the caller,
    nothing is asked for. The failure of one planner is that of all.
    """

    def __init__(
        self, planners: Sequence[Planner[RequestT, AnswerT, EmittedT]], *, limit: int
    ) -> None:
        self._planners = planners
        self._limit = limit
        # Those at work; the one whose turn is next comes first.
        self._line = deque(range(len(planners)))
        # Who emitted what the caller has not taken yet: it takes the oldest first.
        self._waiting: deque[int] = deque()

    def requests(self, free_slots: int, buffered: int) -> Sequence[Part[RequestT]]:
        """What the planners ask for, in turn, each told of what of its own is waiting."""
        while len(self._waiting) > buffered:
            self._waiting.popleft()
        if buffered > self._limit:
            return ()
        own_waiting = Counter(self._waiting)
        requests: list[Part[RequestT]] = []
        idle = 0
        while len(requests) < free_slots and idle < len(self._line):
            index = self._line[0]
            self._line.rotate(-1)
            asked = self._planners[index].requests(1, own_waiting[index])
            requests += [Part(index, request) for request in asked]
            idle = 0 if asked else idle + 1
        return requests

    def receive(self, request: Part[RequestT], answer: AnswerT) -> Sequence[Part[EmittedT]]:
        """What the planner that asked releases."""
        if request.index not in self._line:
            return ()
        emitted = self._planners[request.index].receive(request.item, answer)
        return self._emitted(request.index, emitted)

    def failed(self, request: Part[RequestT], error: APIError) -> Sequence[Part[EmittedT]]:
        """Raises the error unless the planner that asked can go on."""
        if request.index not in self._line:
            return ()
        emitted = self._planners[request.index].failed(request.item, error)
        return self._emitted(request.index, emitted)

    def finished(self) -> bool:
        """Whether all planners are finished."""
        for index in tuple(self._line):
            if self._planners[index].finished():
                self._line.remove(index)
        return not self._line

    def _emitted(self, index: int, emitted: Sequence[EmittedT]) -> Sequence[Part[EmittedT]]:
        self._waiting.extend([index] * len(emitted))
        return [Part(index, one) for one in emitted]
