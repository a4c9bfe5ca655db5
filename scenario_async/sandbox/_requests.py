"""What the sandbox remembers of the requests it got."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator, Sequence
from typing import Final, Literal, overload

_KEPT_REQUESTS: Final = 100_000

AuthorizationKind = Literal["basic", "bearer", "public", "none"]
"""How a request showed who sent it; the credentials themselves are not kept."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, as logged and as shown to the ``when`` of a fault.

    Attributes:
        number: Counts the requests of a sandbox, from 1; sent back as ``x-request-id``.
        method: The HTTP method.
        path: The whole path, such as ``/v1/models``.
        parameters: The query as sent, in order.
        authorization_kind: How the request showed who sent it.
        connection: The same text for requests on the same connection.
        when: Time of arrival in seconds, by the monotonic clock.
        status: The HTTP status of the answer, set before its first byte leaves. ``None`` while
            there is no answer, and for good where the connection was dropped instead.
        compressed: Whether the body of the answer was compressed.
    """

    number: int
    method: str
    path: str
    parameters: tuple[tuple[str, str], ...]
    authorization_kind: AuthorizationKind
    connection: str
    when: float
    status: int | None = None
    compressed: bool = False

    @property
    def query(self) -> dict[str, str]:
        """The query by name; the last one counts where a name comes twice."""
        return dict(self.parameters)


class RequestLog(Sequence[Request]):
    """The last 100,000 requests, in order of arrival. Reading and writing are safe in any thread.

    Looking at the log gives what there is at that moment: an iteration does not see requests that
    arrive meanwhile.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: dict[int, Request] = {}
        self._open: set[int] = set()
        self._most_open = 0
        self._last_number = 0

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

    def clear(self) -> None:
        """Forget all requests; the numbers go on."""
        with self._lock:
            self._requests.clear()
            self._most_open = len(self._open)

    def next_number(self) -> int:
        """Count one more request."""
        with self._lock:
            self._last_number += 1
            return self._last_number

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
            if request is not None and request.status is None:
                self._requests[number] = dataclasses.replace(
                    request, status=status, compressed=compressed
                )

    def _snapshot(self) -> list[Request]:
        with self._lock:
            return list(self._requests.values())
