"""What a planner is, and what it takes and emits. No I/O, no clock, no randomness.

A planner is a state machine: the driver asks it what may be requested, tells it what came back, and
hands what it emits to the caller. Every run of a listing has a planner of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenario_async._decoding import PageAnswer
    from scenario_async._errors import APIError, PaginationError
    from scenario_async._query import ListingQuery

__all__ = [
    "EmittedPage",
    "NotByDateError",
    "PagePlanner",
    "PageRequest",
    "Planner",
    "is_refusal",
]

RequestT = TypeVar("RequestT")
AnswerT_contra = TypeVar("AnswerT_contra", contravariant=True)
EmittedT_co = TypeVar("EmittedT_co", covariant=True)


class Planner(Protocol[RequestT, AnswerT_contra, EmittedT_co]):
    """Decides what is fetched next, and what of it is known good."""

    def requests(self, free_slots: int, buffered: int) -> Sequence[RequestT]:
        """Return the requests to send now, at most ``free_slots``. Each is returned once.

        The caller has not taken ``buffered`` of the things emitted yet. A planner that is far ahead
        of a slow caller requests nothing more, which bounds the memory.
        """
        ...

    def receive(self, request: RequestT, answer: AnswerT_contra) -> Sequence[EmittedT_co]:
        """Take an answer in, and return what is known good now."""
        ...

    def failed(self, request: RequestT, error: APIError) -> Sequence[EmittedT_co]:
        """Take a failure in. Raises the error unless the run can go on without an answer."""
        ...

    def finished(self) -> bool:
        """Whether everything was emitted. Requests that are under way then are not needed.

        Raises:
            PaginationError: The service leads nowhere behind the pages emitted so far.
        """
        ...


class NotByDateError(Exception):
    """A listing cannot be cut: it is not sorted by date, or bounds have no effect."""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """One page to fetch.

    Attributes:
        query: All that is asked.
        depth: How many pages of the run come before it, as far as that is known.
        serial: Tells requests with the same query apart.
    """

    query: ListingQuery
    depth: int = 0
    serial: int = 0


@dataclass(frozen=True, slots=True)
class EmittedPage:
    """A page that is known good.

    Attributes:
        request: What it answers. Its depth is the number of pages emitted before.
        answer: What came. Its token leads through all the rest of the listing, or is ``None``.
        following: The request for what comes after this page; ``None`` at the end of the listing,
            and the error where the service leads nowhere.
        sort_key: Puts pages in listing order, unless a page begins again.
        covers: The part ``[start, stop)`` of the timeline of which nothing is missing now; without
            ``stop`` to the end of the listing. ``None`` where the listing is not cut by dates.
        begins_again: Why this page and those after it repeat all that was emitted behind the first
            page: the listing turned out not to come by date. ``None`` on the other pages.
    """

    request: PageRequest
    answer: PageAnswer
    following: PageRequest | PaginationError | None
    sort_key: int
    covers: tuple[int, int | None] | None = None
    begins_again: NotByDateError | None = None


PagePlanner: TypeAlias = Planner[PageRequest, "PageAnswer", EmittedPage]


_REFUSED = frozenset({400, 404, 410, 422})


def is_refusal(error: APIError) -> bool:
    """Whether the service would not take a request as it is, such as one with an expired token."""
    return error.status_code in _REFUSED
