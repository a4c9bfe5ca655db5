"""Records by ids that come little by little, one in a request or many. No I/O."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar, cast

from scenario_async._errors import APIError, NotFoundError, PermissionDeniedError

from .bulk_refusals import refuses_bulk, refuses_ids

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "IdsRead",
    "Indexed",
    "Known",
    "Missing",
    "MoreIds",
    "Outcome",
    "RecordPlanner",
    "RecordRequest",
]

IdT = TypeVar("IdT", bound=Hashable)
RecordT = TypeVar("RecordT")
RecordT_co = TypeVar("RecordT_co", covariant=True)

# Records under way, waiting for one before them, or waiting for the caller: so many for each
# request that may be under way, so that a record that takes twice as long holds nobody up.
_AHEAD = 2


@dataclass(frozen=True, slots=True)
class Missing:
    """In the place of a model that was asked for by its id, and that the service does not give.

    Or in the place of its preview, where there is none.

    Attributes:
        id: The id that was asked for, always that of the model.
        status_code: 403 where these credentials may not read it, 404 where there is no such model,
            or no such picture. A service that is asked for many at once leaves out both: 404.
        reason: Why, in the service's own words where it gave any.
        request_id: The service's name for the request, where it gave one; no part of ``==``.
    """

    id: str
    status_code: int
    reason: str | None = None
    request_id: str | None = field(default=None, repr=False, compare=False)


Outcome: TypeAlias = RecordT | Missing | APIError
"""What comes of one id."""

Indexed: TypeAlias = tuple[int, RecordT | Missing]
"""What comes of one id, with the number of those before it."""


@dataclass(frozen=True, slots=True)
class Known(Generic[RecordT_co]):
    """In the place of an id: what needs no request."""

    record: RecordT_co | Missing


@dataclass(frozen=True, slots=True)
class MoreIds:
    """Wanted: so many more ids at most."""

    count: int


@dataclass(frozen=True, slots=True)
class IdsRead(Generic[IdT, RecordT]):
    """The ids that come next; fewer than wanted is not the end.

    Attributes:
        ids: In their order.
        last: Whether none come after them.
        error: Why none come after them, where that is not the end.
    """

    ids: Sequence[IdT | Known[RecordT]]
    last: bool = False
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class RecordRequest(Generic[IdT]):
    """Records to fetch at once.

    Attributes:
        ids: Which, each once.
        bulk: Whether the ids are asked for together; else it is a single one.
    """

    ids: tuple[IdT, ...]
    bulk: bool = False


class RecordPlanner(Generic[IdT, RecordT]):
    """Asks for the record of each id, ``most`` requests at a time, and now and then for more ids.

    A record is emitted in the order of the ids, or with ``ordered=False`` as it comes. A 403 or
    404 of a single record is an answer like any other. Another failure, of a record or of the ids
    themselves, ends the run after the records before it; of a run without order, after those
    that came.

    An id that is repeated while it is asked for, or is to be, costs no other request, and what came
    is emitted as often as it was given.

    With a ``batch`` so many ids are asked for in one request. Fewer are where no more ids follow,
    or where none are known while nothing is under way: ids that come slowly are not waited for
    longer than an answer, and do not cost a request each. An id of which such an answer tells
    nothing is asked for by itself; so are all ids once the service refuses to answer for many.

    Ids are read no more than ``2 * most * batch`` ahead of the requests, and records are asked for
    no more than ``2 * most * batch`` ahead of the caller.

    Args:
        most: How many requests may be under way.
        ordered: Whether records are emitted in the order of the ids.
        batch: How many ids stand in one request.
        singly: Whether an id can be asked for by itself. Without, a refusal is a failure.
        patient: Whether ids come without delay, so that it is worth waiting for a whole batch.

    Attributes:
        most: As above.
        batch: How many ids stand in the next request: 1 after a refusal.
    """

    def __init__(
        self,
        *,
        most: int,
        ordered: bool,
        batch: int = 1,
        singly: bool = True,
        patient: bool = False,
    ) -> None:
        self.most: int = most
        self._ordered = ordered
        self.batch: int = batch
        self._singly = singly
        self._patient = patient
        self._ids: deque[IdT] = deque()
        # The places of each id that is to be asked for or under way: nothing is asked for twice.
        self._pending: dict[IdT, list[int]] = {}
        self._ids_asked = False
        self._ids_ended = False
        self._ids_error: Exception | None = None
        # What an answer for many told nothing of.
        self._alone: deque[IdT] = deque()
        self._read = 0
        self._emitted = 0
        self._under_way = 0
        # What came before its turn, by its index.
        self._held: dict[int, Outcome[RecordT]] = {}
        # The first index that is known to fail; what stands behind it is not asked for.
        self._fails_at = math.inf
        self._failure: APIError | None = None

    def requests(self, free_slots: int, buffered: int) -> Sequence[MoreIds | RecordRequest[IdT]]:
        """The next records, and the next ids where few are known."""
        requests: list[MoreIds | RecordRequest[IdT]] = []
        several = self.most * self.batch
        ahead = self._ahead(buffered)
        few = len(self._ids) < several and ahead < _AHEAD * several
        if few and free_slots > 0 and not (self._ids_asked or self._ids_ended or self._fails):
            self._ids_asked = True
            requests.append(MoreIds(several))
        free = min(free_slots - len(requests), self.most - self._under_way)
        while free > 0:
            # Where nothing else is to come, nobody else can bring the caller further.
            must = not (self._under_way or buffered)
            request = self._next_request(_AHEAD * several - ahead, must=must)
            if request is None:
                break
            requests.append(request)
            ahead = self._ahead(buffered)
            self._under_way += 1
            free -= 1
        return requests

    def receive(
        self,
        request: MoreIds | RecordRequest[IdT],
        answer: IdsRead[IdT, RecordT] | Mapping[IdT, Outcome[RecordT]],
    ) -> Sequence[Indexed[RecordT]]:
        """Keep ids; emit a record once it is its turn."""
        if isinstance(request, MoreIds):
            return self._take_ids(cast("IdsRead[IdT, RecordT]", answer))
        self._under_way -= 1
        outcomes = cast("Mapping[IdT, Outcome[RecordT]]", answer)
        came: list[tuple[int, Outcome[RecordT]]] = []
        for model_id in request.ids:
            if model_id in outcomes:
                came += [(index, outcomes[model_id]) for index in self._pending.pop(model_id)]
            else:
                self._alone.append(model_id)
        return self._take(came)

    def failed(
        self, request: MoreIds | RecordRequest[IdT], error: APIError
    ) -> Sequence[Indexed[RecordT]]:
        """Emit what stands for a record that is missing; keep another failure for its turn."""
        if isinstance(request, MoreIds):
            return self._take_ids(IdsRead((), last=True, error=error))
        if request.bulk and self._singly and (refuses_bulk(error) or refuses_ids(error)):
            if refuses_bulk(error):
                self.batch = 1
            return self.receive(request, {})
        outcome: Outcome[RecordT] = error
        if not request.bulk and isinstance(error, PermissionDeniedError | NotFoundError):
            (model_id,) = request.ids
            outcome = Missing(str(model_id), error.status_code, error.reason, error.request_id)
        return self.receive(request, dict.fromkeys(request.ids, outcome))

    def finished(self) -> bool:
        """Whether the record of the last id was emitted.

        Raises:
            Exception: What failed, when all that stands before it was emitted.
        """
        if self._failure is not None:
            raise self._failure
        if not self._ids_ended or self._emitted < self._read:
            return False
        if self._ids_error is not None:
            raise self._ids_error
        return True

    def _ahead(self, buffered: int) -> int:
        """How many records the caller has not taken of those asked for."""
        return self._read - len(self._ids) - self._emitted + buffered

    @property
    def _fails(self) -> bool:
        return self._fails_at < math.inf

    def _next_request(self, allowed: int, *, must: bool) -> RecordRequest[IdT] | None:
        """The ids that are asked for next: so many at most, unless there ``must`` be some."""
        while self._alone:
            model_id = self._alone.popleft()
            if self._pending[model_id][0] < self._fails_at:
                return RecordRequest((model_id,))
        if self._fails:
            return None
        count = min(len(self._ids), self.batch)
        whole = count == self.batch or self._ids_ended
        if not whole and (self._under_way or (self._patient and self._ids_asked)):
            return None
        if not count or (count > allowed and not must):
            return None
        wanted = tuple(self._ids.popleft() for _ in range(count))
        return RecordRequest(wanted, bulk=self.batch > 1)

    def _take_ids(self, answer: IdsRead[IdT, RecordT]) -> Sequence[Indexed[RecordT]]:
        self._ids_asked = False
        self._ids_ended = answer.last
        self._ids_error = answer.error
        known: list[tuple[int, Outcome[RecordT]]] = []
        for index, one in enumerate(answer.ids, self._read):
            if isinstance(one, Known):
                known.append((index, cast("Known[RecordT]", one).record))
            elif one in self._pending:
                self._pending[one].append(index)
            else:
                self._pending[one] = [index]
                self._ids.append(one)
        self._read += len(answer.ids)
        return self._take(known)

    def _take(self, came: Iterable[tuple[int, Outcome[RecordT]]]) -> Sequence[Indexed[RecordT]]:
        emitted: list[Indexed[RecordT]] = []
        for index, outcome in came:
            if isinstance(outcome, APIError):
                self._fails_at = min(self._fails_at, index)
            if self._ordered:
                self._held[index] = outcome
            else:
                self._emit(index, outcome, emitted)
        while self._failure is None and (index := self._emitted) in self._held:
            self._emit(index, self._held.pop(index), emitted)
        return emitted

    def _emit(self, index: int, outcome: Outcome[RecordT], emitted: list[Indexed[RecordT]]) -> None:
        if not isinstance(outcome, APIError):
            self._emitted += 1
            emitted.append((index, outcome))
        elif self._failure is None:
            self._failure = outcome
