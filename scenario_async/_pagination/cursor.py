"""One page after the other, by the service's own cursors. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenario_async._errors import PaginationError

from .planner import EmittedPage, PageRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenario_async._decoding import PageAnswer
    from scenario_async._errors import APIError

    from .cursor_tracker import CursorTracker

__all__ = ["CursorPlanner"]


class CursorPlanner:
    """Page n+1 after page n: always right, whatever the tokens are.

    The next page is requested as soon as its token is known, while the caller handles this one, and
    the page after it when the caller has taken that one.
    """

    def __init__(self, first: PageRequest, tracker: CursorTracker) -> None:
        self._tracker = tracker
        self._next: PageRequest | PaginationError | None = first
        self._under_way = False

    def requests(self, free_slots: int, buffered: int) -> Sequence[PageRequest]:
        """The next page, once it is known how to ask for it."""
        if not isinstance(self._next, PageRequest) or self._under_way:
            return ()
        if free_slots < 1 or buffered > 0:
            return ()
        self._under_way = True
        return (self._next,)

    def receive(self, request: PageRequest, answer: PageAnswer) -> Sequence[EmittedPage]:
        """Every page is known good as it comes."""
        self._under_way = False
        self._next = self._tracker.following(request, answer)
        return (EmittedPage(request, answer, self._next, request.depth),)

    def failed(self, request: PageRequest, error: APIError) -> Sequence[EmittedPage]:  # noqa: ARG002 - the protocol
        """There is no way around a page."""
        raise error

    def finished(self) -> bool:
        """Whether the last page came."""
        if isinstance(self._next, PaginationError):
            raise self._next
        return self._next is None
