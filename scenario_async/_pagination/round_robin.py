"""Several planners as one, which share the requests that may be under way. No I/O."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenario_async._errors import APIError

    from .planner import Planner

__all__ = ["Interleaved", "Part"]

PartT_co = TypeVar("PartT_co", covariant=True)
RequestT = TypeVar("RequestT")
AnswerT = TypeVar("AnswerT")
ReleasedT = TypeVar("ReleasedT")


@dataclass(frozen=True, slots=True)
class Part(Generic[PartT_co]):
    """A request of one of several planners, or what it released.

    Attributes:
        index: Which planner.
        item: Its request, or what it released.
    """

    index: int
    item: PartT_co


class Interleaved(Generic[RequestT, AnswerT, ReleasedT]):
    """Asks the planners in turn, one request at a time, so that none waits for another's end.

    What is released comes as it comes. With more than ``most`` of it waiting for the caller,
    nothing is asked for. The failure of one planner is that of all.
    """

    def __init__(
        self, planners: Sequence[Planner[RequestT, AnswerT, ReleasedT]], *, most: int
    ) -> None:
        self._planners = planners
        self._most = most
        # Those at work; the one whose turn is next comes first.
        self._line = deque(range(len(planners)))
        # Who released what the caller has not taken yet: it takes the oldest first.
        self._waiting: deque[int] = deque()

    def requests(self, room: int, waiting: int) -> Sequence[Part[RequestT]]:
        """What the planners ask for, in turn, each told of what of its own is waiting."""
        while len(self._waiting) > waiting:
            self._waiting.popleft()
        if waiting > self._most:
            return ()
        own_waiting = Counter(self._waiting)
        requests: list[Part[RequestT]] = []
        idle = 0
        while len(requests) < room and idle < len(self._line):
            index = self._line[0]
            self._line.rotate(-1)
            asked = self._planners[index].requests(1, own_waiting[index])
            requests += [Part(index, request) for request in asked]
            idle = 0 if asked else idle + 1
        return requests

    def receive(self, request: Part[RequestT], answer: AnswerT) -> Sequence[Part[ReleasedT]]:
        """What the planner that asked releases."""
        if request.index not in self._line:
            return ()
        released = self._planners[request.index].receive(request.item, answer)
        return self._released(request.index, released)

    def failed(self, request: Part[RequestT], error: APIError) -> Sequence[Part[ReleasedT]]:
        """Raises the error unless the planner that asked can go on."""
        if request.index not in self._line:
            return ()
        released = self._planners[request.index].failed(request.item, error)
        return self._released(request.index, released)

    def finished(self) -> bool:
        """Whether all planners are finished."""
        for index in tuple(self._line):
            if self._planners[index].finished():
                self._line.remove(index)
        return not self._line

    def _released(self, index: int, released: Sequence[ReleasedT]) -> Sequence[Part[ReleasedT]]:
        self._waiting.extend([index] * len(released))
        return [Part(index, one) for one in released]
