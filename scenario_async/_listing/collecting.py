"""The models of a listing as a list: all of them, or the first ones."""

from __future__ import annotations

from contextlib import aclosing
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

from scenario_async._pagination import PageRequest
from scenario_async._query import LARGEST_PAGE

from .page import fetch_page

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable

    from scenario_async._decoding import Sighted
    from scenario_async._http import TimeSlice

    from .run import ListingRun

__all__ = ["first_models", "in_order"]

RowT = TypeVar("RowT")


async def in_order(
    slices: AsyncGenerator[tuple[Any, Iterable[Sighted[RowT]]], None], time_slice: TimeSlice
) -> list[RowT]:
    """All models of slices in the order of their keys, each at its first one.

    Pages are taken as they come, which needs fewer requests, and sorted in the end.

    Args:
        slices: Rows, with a key that they are sorted by.
        time_slice: A share of the loop.

    Raises:
        APIError: A page could not be fetched.
    """
    models: dict[str, RowT] = {}
    keyed: list[tuple[Any, list[str]]] = []
    async with aclosing(slices):
        async for key, rows in slices:
            ids: list[str] = []
            keyed.append((key, ids))
            for model_id, model in rows:
                ids.append(model_id)
                if model is not None:
                    models[model_id] = model
    keyed.sort(key=itemgetter(0))
    ordered: dict[str, RowT] = {}
    for _, ids in keyed:
        if time_slice.over():
            await time_slice.give_back()
        # A model of which an earlier row did not fit is not there.
        ordered |= {one: models[one] for one in ids if one in models}
    return list(ordered.values())


async def first_models(
    begin: Callable[[], ListingRun[RowT]], limit: int, *, small: PageRequest | None
) -> list[RowT]:
    """The first models in listing order, in as few requests as there can be.

    Args:
        begin: Makes a new run.
        limit: How many models, or as many as there are.
        small: A page of so many rows, where one is likely to be enough.

    Raises:
        APIError: A page could not be fetched.
    """
    run = begin()
    found: list[RowT] = []
    if small is not None:
        page = await fetch_page(run, PageRequest(small.query, -1))
        found = page.models
        if len(found) >= limit or not page.has_next_page():
            return found[:limit]
        # Rows were left out, or the page was empty: how many more would be is not known, and pages
        # as small as this one might be very many. What this one had is repeated, and not given.
        seen, run = run.seen, begin()
        run.seen = seen
    pages = -(-limit // (run.first.query.rows_per_page or LARGEST_PAGE))
    planner = run.planner(ordered=True, most=pages)
    async with aclosing(run.rows(planner)) as parts:
        async for rows in parts:
            # No row behind the last one is read, of which nobody wants to hear.
            found += islice(rows, limit - len(found))
            if len(found) == limit:
                break
    return found
