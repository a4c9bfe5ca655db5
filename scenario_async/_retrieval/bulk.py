"""Many records, or many pictures, by their ids in one request."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from scenario_async._decoding import PageAnswer, decode_assets, decode_page
from scenario_async._errors import APIError
from scenario_async._http import Call, RequestOptions

from .bulk_refusals import refuses_bulk

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scenario_async._context import Context
    from scenario_async._http import Parse

__all__ = ["ASSETS", "MODELS", "BulkRoute", "fetch_bulk"]

AnswerT = TypeVar("AnswerT")


@dataclass(frozen=True, slots=True)
class BulkRoute(Generic[AnswerT]):
    """A route that answers for many ids.

    Attributes:
        path: Below the base URL.
        parameter: The name of the ids in the body.
        most: How many ids one request may have.
        decode: Takes an answer apart.
    """

    path: str
    parameter: str
    most: int
    decode: Parse[AnswerT]


# No limit is documented; this is what an official client keeps to.
MODELS: BulkRoute[PageAnswer] = BulkRoute("/models/get-bulk", "modelIds", 50, decode_page)
"""Summaries of models: rows as in a listing, without those that cannot be read."""

# The limit is documented.
ASSETS = BulkRoute("/assets/get-bulk", "assetIds", 200, decode_assets)
"""What models are shown with, and made of: the rows of assets."""


async def fetch_bulk(
    context: Context,
    route: BulkRoute[AnswerT],
    ids: Sequence[str],
    *,
    parameters: Mapping[str, str] | None = None,
    request: RequestOptions | None = None,
) -> AnswerT:
    """Ask for so many ids at most as the route takes, in one request.

    That the service refuses the route is remembered in ``context.learned.refused``, for whoever can
    do without it.

    Args:
        context: The client.
        route: What is asked for.
        ids: Without repetitions.
        parameters: Of the query, by their names on the wire.
        request: What the request adds; its ``extra_body`` is a mapping, and stands beside the ids.

    Raises:
        APIError: The service refused, or the request failed.
    """
    request = request or RequestOptions()
    beside = cast("Mapping[str, object]", request.extra_body or {})
    body = {route.parameter: list(ids), **beside}
    call = Call(path=route.path, parameters=parameters or {}, method="POST")
    try:
        return await context.call(call, route.decode, replace(request, extra_body=body))
    except APIError as error:
        if refuses_bulk(error):
            context.learned.refused.add(route.path)
        raise
