"""What the sandbox remembers of the requests it got."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Final, Literal, overload

from . import _traffic

_KEPT_REQUESTS: Final = 100_000

AuthorizationKind = Literal["basic", "bearer", "public", "none"]
"""How a request showed who sent it; the credentials themselves are not kept."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, as logged and as shown to the ``when`` of a fault.

    Attributes:
        number: Counts the requests of a sandbox, from 1, over all its accounts; sent back as
            ``x-request-id``.
        method: The HTTP method.
        path: The whole path, such as ``/v1/models``.
        parameters: The query as sent, in order.
        authorization_kind: How the request showed who sent it.
        connection: The same text for requests on the same connection.
        user_agent: The ``User-Agent``, empty where there was none.
        when: Time of arrival in seconds, by the monotonic clock.
        status: The HTTP status of the answer, set before its first byte leaves. ``None`` while
            there is no answer, and for good where the connection was dropped instead.
        ended: When the answer began, or the connection was dropped, by the same clock as ``when``;
            ``None`` until then.
        compressed: Whether the body of the answer was compressed.
    """

    number: int
    method: str
    path: str
    parameters: tuple[tuple[str, str], ...]
    authorization_kind: AuthorizationKind
    connection: str
    when: float
    user_agent: str = ""
    status: int | None = None
    ended: float | None = None
    compressed: bool = False

    @property
    def query(self) -> dict[str, str]:
        """The query by name; the last one counts where a name comes twice."""
        return dict(self.parameters)


class RequestLog(Sequence[Request]):
    """The last 100,000 requests, in order of arrival. Reading and writing are safe in any thread.

    Looking at the log gives what there is at that moment: an iteration does not see requests that
    arrive meanwhile.

    Args:
        numbers: Where the numbers of requests come from; logs may share them.
    """

    def __init__(self, numbers: Iterator[int]) -> None:
        self._numbers = numbers
        self._lock = threading.Lock()
        self._requests: dict[int, Request] = {}
        self._open: set[int] = set()
        self._most_open = 0

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self)} requests>"

    def __len__(self) -> int:
        return len(self._requests)

    def __iter__(self) -> Iterator[Request]:
        return iter(self._snapshot())

    @overload
    def __getitem__(self, index: int) -> Request: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Request]: ...
    def __getitem__(self, index: int | slice) -> Request | Sequence[Request]:
        return self._snapshot()[index]

    @property
    def unanswered(self) -> int:
        """How many requests wait for their answer to begin."""
        return len(self._open)

    @property
    def most_unanswered(self) -> int:
        """The largest number of requests that waited at once since the log was cleared."""
        return self._most_open

    def most_within(self, seconds: float = 60.0) -> int:
        """Return the largest number of requests that arrived in any span of so many seconds.

        All requests count, also those that were refused.
        """
        return _traffic.most_within(self, seconds)

    def overlaps(
        self, *, gap: float = 0.0, by: Callable[[Request], Hashable] | None = None
    ) -> list[tuple[Request, Request]]:
        """Return the requests with which a client began while another one was at work.

        A client is at work from a request on until the answer to it begins, and from there to its
        next request if that is no more than ``gap`` seconds later. So with a gap that is longer
        than the pauses within a run of ``sync``, no two runs of different clients were under way
        at once if the list is empty.

        Args:
            gap: The longest pause in seconds that a client makes while it is at work.
            by: Names the client of a request. Its ``User-Agent`` if left out, so each client needs
                one of its own: ``AsyncScenario(default_headers={"User-Agent": "worker-1"})``.

        Returns:
            Pairs in order of time, of the last request before it of the client that was at work and
            the request of the other one.
        """
        return _traffic.overlaps(self, gap=gap, by=by)

    def clear(self) -> None:
        """Forget all requests; the numbers go on."""
        with self._lock:
            self._requests.clear()
            self._most_open = len(self._open)

    def next_number(self) -> int:
        """Count one more request."""
        return next(self._numbers)

    def arrived(self, request: Request) -> None:
        """Note a request that arrived."""
        with self._lock:
            self._requests[request.number] = request
            if len(self._requests) > _KEPT_REQUESTS:
                del self._requests[next(iter(self._requests))]
            self._open.add(request.number)
            self._most_open = max(self._most_open, len(self._open))

    def answered(self, number: int, *, status: int | None, compressed: bool = False) -> None:
        """Note that the answer to a request begins, or never will (``status`` of ``None``)."""
        with self._lock:
            self._open.discard(number)
            request = self._requests.get(number)
            if request is not None and request.ended is None:
                self._requests[number] = dataclasses.replace(
                    request, status=status, ended=time.monotonic(), compressed=compressed
                )

    def _snapshot(self) -> list[Request]:
        with self._lock:
            return list(self._requests.values())
