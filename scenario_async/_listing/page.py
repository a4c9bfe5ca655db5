"""The pages of a listing."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Generic, TypeVar

from scenario_async._errors import PaginationError, UsageError
from scenario_async._iteration import Iteration, RowIteration
from scenario_async._pagination import EmittedPage, PageRequest

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

    from .run import ListingRun

__all__ = ["Page", "fetch_page", "walk_pages"]

RowT = TypeVar("RowT")


class Page(Generic[RowT]):
    """One page of a listing.

    Iterating it with ``async for`` gives its models and those of all pages after it, as a page of
    the official SDK does.

    It can be pickled or copied, which keeps what it has and not the way on: of such a page no other
    can be fetched.

    Attributes:
        models: The models of this page alone. Rows whose id a page before had given are left out.
        next_pagination_token: The service's token for the next page; ``None`` on the last one, and
            where pages come at once by creation date, because no token leads through the rest then:
            :meth:`has_next_page` tells whether there is one.
    """

    # No __dict__, in which an encoder would look for what a page is and find a client.
    __slots__ = (
        "__weakref__",
        "_depth",
        "_following",
        "_run",
        "_walked_on",
        "models",
        "next_pagination_token",
    )

    def __init__(
        self, run: ListingRun[RowT], emitted: EmittedPage, models: list[RowT], *, walked_on: bool
    ) -> None:
        self._run: ListingRun[RowT] | None = run
        self._depth = emitted.request.depth
        self._following = emitted.following
        self._walked_on = walked_on
        self.models: list[RowT] = models
        self.next_pagination_token: str | None = emitted.answer.token

    def __repr__(self) -> str:
        return f"<Page of {len(self.models)} models, {'more' if self.has_next_page() else 'last'}>"

    def __getstate__(self) -> tuple[None, dict[str, object]]:
        state = {name: getattr(self, name) for name in self.__slots__ if name != "__weakref__"}
        return None, {**state, "_run": None}

    def has_next_page(self) -> bool:
        """Whether the listing goes on, also behind an empty page.

        Or may go on: ``/models/public`` does not always tell, and then the next page is empty.
        """
        return self._following is not None

    async def get_next_page(self) -> Page[RowT]:
        """Fetch the next page.

        Raises:
            UsageError: This is the last page, or it was pickled or copied.
            PaginationError: The service sends the listing round in a circle.
            APIError: The page could not be fetched.
        """
        following = self._next()
        return await fetch_page(self._onward(), following)

    def __aiter__(self) -> AsyncGenerator[RowT, None]:  # noqa: PYI058 - so that callers can aclose
        return RowIteration(self._rows(), "listing")

    def iter_pages(self) -> AsyncGenerator[Page[RowT], None]:
        """This page and all after it, the next one fetched while the caller handles one."""
        return Iteration(self._pages(), "listing")

    async def _pages(self) -> AsyncGenerator[Page[RowT], None]:
        yield self
        if self.has_next_page():
            following = self._next()
            async with aclosing(walk_pages(self._onward(), following)) as pages:
                async for page in pages:
                    yield page

    async def _rows(self) -> AsyncGenerator[Iterable[RowT], None]:
        yield self.models
        if self.has_next_page():
            following, run = self._next(), self._onward()
            planner = run.planner(ordered=True, first=following)
            async with aclosing(run.rows(planner)) as parts:
                async for rows in parts:
                    yield rows

    def _onward(self) -> ListingRun[RowT]:
        """The run to go on with: the one that led here, or one of its own if another has it."""
        if self._run is None:
            raise UsageError(
                "this page was pickled or copied, and does not know the way on: list again, from "
                "pagination_token=page.next_pagination_token on where it has one"
            )
        if self._walked_on:
            return self._run.back_to(self._depth)
        self._walked_on = True
        return self._run

    def _next(self) -> PageRequest:
        if self._following is None:
            raise UsageError("this is the last page: ask has_next_page() before get_next_page()")
        if isinstance(self._following, PaginationError):
            raise self._following
        return self._following


async def fetch_page(run: ListingRun[RowT], request: PageRequest) -> Page[RowT]:
    """Fetch one page, and no other."""
    answer = await run.fetch(request)
    following = run.tracker.following(request, answer)
    emitted = EmittedPage(request, answer, following, request.depth)
    models, reader = await run.read(emitted)
    if reader.error is not None:
        raise reader.error
    return Page(run, emitted, models, walked_on=False)


async def walk_pages(run: ListingRun[RowT], first: PageRequest) -> AsyncGenerator[Page[RowT], None]:
    """This page and all after it."""
    planner = run.planner(ordered=True, first=first)
    async with run.under_way(planner) as (told, pages):
        async for emitted in pages:
            models, reader = await told.read(emitted)
            yield Page(run, emitted, models, walked_on=True)
            if reader.error is not None:
                raise reader.error
