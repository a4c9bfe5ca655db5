"""One page after the other, by the service's own cursors. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenario_async._errors import PaginationError

from .planner import PageRequest, ReleasedPage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenario_async._decoding.envelope import PageAnswer
    from scenario_async._errors import APIError

    from .cursor_tracker import PageChain

__all__ = ["CursorWalk"]


class CursorWalk:
    """Page n+1 after page n: always right, whatever the tokens are.

    The next page is requested as soon as its token is known, while the caller handles this one, and
    the page after it when the caller has taken that one.
    """

    def __init__(self, first: PageRequest, chain: PageChain) -> None:
        self._chain = chain
        self._next: PageRequest | PaginationError | None = first
        self._under_way = False

    def requests(self, room: int, waiting: int) -> Sequence[PageRequest]:
        """The next page, once it is known how to ask for it."""
        ready = isinstance(self._next, PageRequest) and not self._under_way
        if not ready or room < 1 or waiting > 0:
            return ()
        self._under_way = True
        assert isinstance(self._next, PageRequest)  # noqa: S101 - for the type checker: see above
        return (self._next,)

    def receive(self, request: PageRequest, answer: PageAnswer) -> Sequence[ReleasedPage]:
        """Every page is known good as it comes."""
        self._under_way = False
        self._next = self._chain.following(request, answer)
        return (ReleasedPage(request, answer, self._next, request.depth),)

    def failed(self, request: PageRequest, error: APIError) -> Sequence[ReleasedPage]:  # noqa: ARG002 - the protocol
        """There is no way around a page."""
        raise error

    def finished(self) -> bool:
        """Whether the last page came."""
        if isinstance(self._next, PaginationError):
            raise self._next
        return self._next is None
