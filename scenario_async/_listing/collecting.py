"""The models of a listing as a list: all of them, or the first ones."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from operator import itemgetter
from typing import TYPE_CHECKING, TypeVar

from scenario_async._query import LARGEST_PAGE

from .page import fetch_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenario_async._decoding import InvalidRow
    from scenario_async._pagination import PageRequest

    from .run import ListingOptions, ListingRun

__all__ = ["all_models", "first_models"]

RowT = TypeVar("RowT")


async def all_models(walk: ListingRun[RowT], first: PageRequest) -> list[RowT]:
    """All models in listing order.

    Raises:
        APIError: As any walk.
    """
    # Pages are taken as they come, which needs fewer requests, and sorted in the end.
    placed: list[tuple[int, list[RowT]]] = []
    planner = walk.planner(first, ordered=False, most=walk.most)
    async with aclosing(walk.emitted(planner)) as pages:
        async for emitted in pages:
            if emitted.begins_again is not None:
                # All behind the first page is repeated, in the order of the service.
                del placed[1:]
                walk = replace(walk.back_to(first.depth), options=_unreported(walk))
            models, reader = await walk.read(emitted)
            if reader.error is not None:
                raise reader.error
            placed.append((emitted.position, models))
    placed.sort(key=itemgetter(0))
    return [model for _, models in placed for model in models]


async def first_models(
    begin: Callable[[], ListingRun[RowT]],
    first: PageRequest,
    limit: int,
    *,
    small: PageRequest | None,
) -> list[RowT]:
    """The first models in listing order, in as few requests as there can be.

    Args:
        begin: Makes a new walk.
        first: The page that a walk through the listing begins with.
        limit: How many models, or as many as there are.
        small: A page of so many rows, where one is likely to be enough.

    Raises:
        APIError: As any walk.
    """
    walk = begin()
    if small is not None:
        page = await fetch_page(walk, small)
        if len(page.models) >= limit or not page.has_next_page():
            return page.models[:limit]
        # Rows were left out, or the page was empty: how many more would be is not known, and pages
        # as small as this one might be very many.
        walk = replace(begin(), options=_unreported(walk))
    pages = -(-limit // (first.query.rows_per_page or LARGEST_PAGE))
    planner = walk.planner(first, ordered=True, most=min(walk.most, pages))
    found: list[RowT] = []
    async with aclosing(walk.models(planner)) as models:
        async for model in models:
            found.append(model)
            if len(found) == limit:
                break
    return found


def _unreported(walk: ListingRun[RowT]) -> ListingOptions[RowT]:
    """The options for another walk, in which no row is reported that this one has reported."""
    on_invalid = walk.options.on_invalid
    if on_invalid is None:
        return walk.options

    def report(row: InvalidRow) -> None:
        if not walk.seen.has(row):
            on_invalid(row)

    return replace(walk.options, on_invalid=report)
