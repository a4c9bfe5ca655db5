"""What a planner is, and what it takes and gives. No I/O, no clock, no randomness.

A planner is a state machine: a fetcher asks it what may go out, tells it what came back, and gives
the caller what the planner releases. Every walk has a planner of its own.
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
        """The requests that may go out now, at most ``free_slots``; each is named once.

        ``buffered`` of the things emitted were not taken by the caller yet: who is far ahead of a
        slow caller asks for nothing more, which bounds the memory.
        """
        ...

    def receive(self, request: RequestT, answer: AnswerT_contra) -> Sequence[EmittedT_co]:
        """Take an answer in, and emit what is now known good, in the order of the walk."""
        ...

    def failed(self, request: RequestT, error: APIError) -> Sequence[EmittedT_co]:
        """Take a failure in. Raises the error unless the walk can go on without an answer."""
        ...

    def finished(self) -> bool:
        """Whether everything was emitted. What is still under way then is not needed.

        Raises:
            PaginationError: The chain of pages is broken behind the pages emitted so far.
        """
        ...


class NotByDateError(Exception):
    """The service does not list by date, or does not respect bounds, so there are no windows."""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """One page to fetch.

    Attributes:
        query: All that is asked.
        depth: Of a page that was emitted, the number of pages emitted before it; it tells the
            requests of one walk apart until then.
    """

    query: ListingQuery
    depth: int = 0


@dataclass(frozen=True, slots=True)
class EmittedPage:
    """A page that is known good.

    Attributes:
        request: What was asked; its depth counts the pages emitted before.
        answer: What came. Its token leads through all the rest of the listing, or is ``None``.
        following: How to ask for what comes after this page; ``None`` at the end of the listing,
            and the error where the service leads nowhere.
        position: Where the page stands in the listing: pages sorted by it are in listing order.
        covers: The places ``[start, stop)`` of the listing's timeline of which nothing is missing
            now; without ``stop`` to the end of the listing. ``None`` where pages have no places.
        begins_again: Why this page and those after it repeat what was emitted behind the first
            page: windows turned out to be of no use. ``None`` on all pages but the first of these.
    """

    request: PageRequest
    answer: PageAnswer
    following: PageRequest | PaginationError | None
    position: int
    covers: tuple[int, int | None] | None = None
    begins_again: NotByDateError | None = None


PagePlanner: TypeAlias = Planner[PageRequest, "PageAnswer", EmittedPage]


_REFUSED = frozenset({400, 404, 410, 422})


def is_refusal(error: APIError) -> bool:
    """Whether the service would not take a request as it is, such as one with an expired token."""
    return error.status_code in _REFUSED
