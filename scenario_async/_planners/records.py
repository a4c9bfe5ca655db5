"""Single records, by ids that come little by little. No I/O."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar, cast

from scenario_async._errors import APIError, NotFoundError, PermissionDeniedError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["IdsRead", "Missing", "MoreIds", "RecordRequest", "Records"]

RecordT = TypeVar("RecordT")

# Records under way, waiting for one before them, or waiting for the caller: so many for each
# request that may be under way, so that a record that takes twice as long holds nobody up.
_AHEAD = 2


@dataclass(frozen=True, slots=True)
class Missing:
    """In the place of a model that was asked for by its id, and that the service does not give.

    Attributes:
        id: The id that was asked for.
        status_code: 403 where these credentials may not read it, 404 where there is no such model.
        reason: The service's own words, where it gave any.
    """

    id: str
    status_code: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class MoreIds:
    """Wanted: so many more ids at most."""

    count: int


@dataclass(frozen=True, slots=True)
class IdsRead:
    """The ids that come next; fewer than wanted is not the end.

    Attributes:
        ids: In their order.
        last: Whether none come after them.
        error: Why none come after them, where that is not the end.
    """

    ids: Sequence[str]
    last: bool = False
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class RecordRequest:
    """One record to fetch; ``place`` counts the ids before it."""

    id: str
    place: int


Request: TypeAlias = MoreIds | RecordRequest


class Records(Generic[RecordT]):
    """Asks for the record of each id, ``most`` at a time, and now and then for more ids.

    A record is released in the order of the ids, or with ``ordered=False`` as it comes. A 403 or
    404 is an answer like any other. Another failure, of a record or of the ids themselves, ends the
    walk after the records before it; of a walk without order, after those that came.

    Ids are read no more than ``2 * most`` ahead of the requests, and records are asked for no more
    than ``2 * most`` ahead of the caller.
    """

    def __init__(self, *, most: int, ordered: bool) -> None:
        self._most = most
        self._ordered = ordered
        self._ids: deque[str] = deque()
        self._ids_asked = False
        self._ids_ended = False
        self._ids_error: Exception | None = None
        self._asked = 0
        self._released = 0
        self._under_way = 0
        # What came before its turn, by its place.
        self._held: dict[int, RecordT | Missing | APIError] = {}
        self._failing = False
        self._failure: APIError | None = None

    def requests(self, room: int, waiting: int) -> Sequence[Request]:
        """The next records, and the next ids where few are known."""
        if self._failing:
            return ()
        requests: list[Request] = []
        if len(self._ids) < self._most and not (self._ids_asked or self._ids_ended) and room > 0:
            self._ids_asked = True
            requests.append(MoreIds(self._most))
        ahead = self._under_way + len(self._held) + waiting
        free = min(room - len(requests), self._most - self._under_way, _AHEAD * self._most - ahead)
        while self._ids and free > 0:
            requests.append(RecordRequest(self._ids.popleft(), self._asked))
            self._asked += 1
            self._under_way += 1
            free -= 1
        return requests

    def receive(self, request: Request, answer: IdsRead | RecordT) -> Sequence[RecordT | Missing]:
        """Keep ids; release a record once it is its turn."""
        if isinstance(request, MoreIds):
            return self._take_ids(cast("IdsRead", answer))
        return self._take(request, cast("RecordT", answer))

    def failed(self, request: Request, error: APIError) -> Sequence[RecordT | Missing]:
        """Release what stands for a record that is missing; keep another failure for its turn."""
        if isinstance(request, MoreIds):
            return self._take_ids(IdsRead((), last=True, error=error))
        if isinstance(error, PermissionDeniedError | NotFoundError):
            return self._take(request, Missing(request.id, error.status_code, error.reason))
        return self._take(request, error)

    def finished(self) -> bool:
        """Whether the record of the last id was released.

        Raises:
            Exception: What failed, when all that stands before it was released.
        """
        if self._failure is not None:
            raise self._failure
        if not self._ids_ended or self._ids or self._under_way or self._held:
            return False
        if self._ids_error is not None:
            raise self._ids_error
        return True

    def _take_ids(self, answer: IdsRead) -> Sequence[RecordT | Missing]:
        self._ids_asked = False
        self._ids.extend(answer.ids)
        self._ids_ended = answer.last
        self._ids_error = answer.error
        return ()

    def _take(
        self, request: RecordRequest, outcome: RecordT | Missing | APIError
    ) -> Sequence[RecordT | Missing]:
        self._under_way -= 1
        # What was not asked for yet stands behind the failure.
        self._failing = self._failing or isinstance(outcome, APIError)
        self._held[request.place if self._ordered else self._released] = outcome
        released: list[RecordT | Missing] = []
        while self._failure is None and self._released in self._held:
            first = self._held.pop(self._released)
            if isinstance(first, APIError):
                self._failure = first
            else:
                self._released += 1
                released.append(first)
        return released
