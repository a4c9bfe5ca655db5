"""``scenario.models``: the listings, several of them as one, and single models by their ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from scenario_async._listing import Listings, Merged, request_options
from scenario_async._retrieval import (
    Retrieval,
    as_trained,
    given_id,
    previews_of,
    retrieve_many,
    retrieve_one,
    wait_until_trained,
)
from scenario_async.types._preview import PicturedModel

from ._iteration import Iteration
from ._options import NOT_GIVEN, NotGiven, Timeout, seconds_of
from .types import Model

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Mapping
    from datetime import timedelta

    from scenario_async._decoding import InvalidRow
    from scenario_async._listing import Listing
    from scenario_async._retrieval import Missing
    from scenario_async.types._preview import Preview

__all__ = ["Models"]

RowT = TypeVar("RowT")

_RAW = "a model has its bytes in raw, and EventHooks.on_response hears of each answer"
# What other names stand for: those of the official SDK, and those that one might expect.
_INSTEAD = {
    "get": "retrieve(model_id) reads one model",
    "get_bulk": "retrieve_many(ids, full=False) reads models by their ids, 50 in a request",
    "unlisted": "list(privacy='unlisted') lists them",
    **dict.fromkeys(("with_raw_response", "with_streaming_response"), _RAW),
}
_OFFICIAL = "this package reads the catalogue, and what else the official SDK has stays with it"


class Models(Listings):
    """The model catalogue, as the credentials of one client see it.

    The listings share their parameters, which :meth:`list` explains.

    Raises:
        ValueError: At once, before any request, for a value or a combination that the API refuses.
        TypeError: Likewise, for a value of the wrong type, or an unknown argument, with what to
            write instead.
    """

    if not TYPE_CHECKING:  # for which any name would be one of ours

        def __getattr__(self, name: str) -> object:
            message = f"'Models' object has no attribute {name!r}: {_INSTEAD.get(name, _OFFICIAL)}"
            raise AttributeError(message, name=name, obj=self)

    def merge(self, *listings: Listing[RowT], max_concurrency: int | None = None) -> Merged[RowT]:
        """Several listings of this client as one: each model once, with where it was found.

        Args:
            listings: Listings whose rows have the same type.
            max_concurrency: How many pages of all listings together may be under way, within the
                client's own bound. Default: 8. Each listing keeps to its own bound as well.

        Raises:
            ValueError: A listing belongs to another client.
            TypeError: The rows have different types, or something is not a listing.
        """
        return Merged(self._context, listings, max_concurrency)

    async def retrieve(
        self,
        model_id: str,
        *,
        original_assets: bool | None = None,
        project_id: str | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: object | None = None,
        timeout: Timeout | float | NotGiven | None = NOT_GIVEN,  # noqa: ASYNC109 - the SDK's name
    ) -> Model:
        """One model in full: ``inputs`` and ``ui_config`` are in no listing.

        Raises:
            NotFoundError: The model does not exist.
            PermissionDeniedError: These credentials may not read it.
            APIError: The request failed otherwise.
        """
        retrieval = Retrieval(
            type_=Model,
            original_assets=original_assets,
            project_id=project_id,
            request=request_options(extra_headers, extra_query, extra_body, timeout),
        )
        return await retrieve_one(self._context, given_id("model_id", model_id), retrieval)

    def retrieve_many(
        self,
        ids: Iterable[str] | AsyncIterable[str],
        *,
        full: bool = True,
        ordered: bool = True,
        original_assets: bool | None = None,
        project_id: str | None = None,
        on_invalid: Callable[[InvalidRow], object] | None = None,
        max_concurrency: int | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: object | None = None,
        timeout: Timeout | float | NotGiven | None = NOT_GIVEN,
    ) -> AsyncGenerator[Model | Missing, None]:
        """Many models, fetched at once: one result for each id, repeated ids included.

        A full record takes a request. With ``full=False`` the results are summaries, 50 in a
        request: rows as a listing has them, without ``inputs`` and ``ui_config``. Where the service
        refuses to answer for many ids (which this client then remembers), or leaves one out, that
        record is requested by itself, and comes in full.

        An id whose model cannot be read yields a :class:`Missing` in its place. Ids are read as
        they are needed, and may come from an iterator without end. An error of that iterator ends
        the retrieval, and comes out as it is. A request for summaries waits for 50 ids, but no
        longer than until a request under way is answered. How far the requests run ahead of the
        caller is bounded.

        Where each request counts, prefer ``ordered=False``: every record that has arrived comes
        out, also where another request fails. In order, the records behind a failure are lost.

        Args:
            ids: An iterable of ids, or an asynchronous one, which is read in a task of its own. An
                asynchronous generator is closed in the end, also by leaving early.
            full: Full records; with ``False``, summaries.
            ordered: In the order of the ids; with ``False``, as they arrive, so that a slow answer
                does not delay the others.
            original_assets: Return assets without transformation.
            project_id: Overrides the client's.
            on_invalid: Called with each :class:`InvalidRow`, which is then left out; without it
                such a record raises :class:`APIResponseValidationError`.
            max_concurrency: How many requests may be under way at once, within the client's own
                bound. Default: that bound, and 8 for summaries.
            extra_headers: More headers.
            extra_query: More query parameters.
            extra_body: A JSON body. For summaries, a mapping that is sent beside the ids, such as
                ``{"thumbnail": True}``.
            timeout: In place of the client's, for each request.

        Raises:
            TypeError: An id is not a string. Raised at once where ``ids`` is a collection such as a
                list, and when it is read where it comes from an iterator.
            ValueError: An id is empty, or has white space around it. Raised as above.
            APIError: A record could not be fetched. With ``ordered``, all records before it have
                come out, otherwise all that had arrived.
        """
        retrieval = Retrieval(
            type_=Model,
            full=full,
            original_assets=original_assets,
            project_id=project_id,
            on_invalid=on_invalid,
            max_concurrency=max_concurrency,
            request=request_options(extra_headers, extra_query, extra_body, timeout),
        )
        records = retrieve_many(self._context, ids, retrieval, ordered=ordered)
        return Iteration(records, "retrieval")

    def previews(
        self,
        models: Iterable[Model | str] | AsyncIterable[Model | str],
        *,
        ordered: bool = True,
        project_id: str | None = None,
        on_invalid: Callable[[InvalidRow], object] | None = None,
        max_concurrency: int | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, object] | None = None,
        timeout: Timeout | float | NotGiven | None = NOT_GIVEN,
    ) -> AsyncGenerator[Preview | Missing, None]:
        """A picture of each model: one result for each, repeated models included.

        A model with a thumbnail takes no request, unless the URL of the thumbnail has expired. The
        others, which most public models are, are shown by their first example; a request is enough
        for 200 of those. Ids need summaries first, 50 in a request, so pass models where you have
        them. One call requests nothing twice, and remembers each asset and each id for that.

        A model without a picture, and one that cannot be read or whose picture cannot, yields a
        :class:`Missing` in its place. Where each request counts, prefer ``ordered=False``, as for
        :meth:`retrieve_many`.

        Args:
            models: Models or their ids, also mixed, from any iterable or asynchronous iterable,
                such as a listing. Read as the ids of :meth:`retrieve_many` are.
            ordered: In the order of the models; with ``False``, as they arrive.
            project_id: Overrides the client's.
            on_invalid: Called with each :class:`InvalidRow` among the summaries of ids, which is
                then left out; without it such a row raises :class:`APIResponseValidationError`.
            max_concurrency: How many requests for summaries, and how many for pictures, may be
                under way at once, within the client's own bound. Default: 8.
            extra_headers: More headers.
            extra_query: More query parameters.
            timeout: In place of the client's, for each request.

        Raises:
            TypeError: Something is neither a model nor a string. Raised as by
                :meth:`retrieve_many`.
            ValueError: An id is empty, or has white space around it. Raised as above.
            APIError: A request failed, or the service refuses to answer for many assets. What comes
                out before it is as for :meth:`retrieve_many`.
        """
        retrieval = Retrieval(
            type_=PicturedModel,
            full=False,
            project_id=project_id,
            on_invalid=on_invalid,
            max_concurrency=max_concurrency,
            # Without, the service may leave thumbnails out.
            request=request_options(extra_headers, extra_query, {"thumbnail": True}, timeout),
        )
        previews = previews_of(self._context, models, retrieval, ordered=ordered)
        return Iteration(previews, "retrieval")

    async def wait_until_trained(
        self,
        model_id: str,
        *,
        max_wait: timedelta | float,
        project_id: str | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, object] | None = None,
        timeout: Timeout | float | NotGiven | None = NOT_GIVEN,  # noqa: ASYNC109 - the SDK's name
    ) -> Model:
        """One model in full, once it is trained.

        One that is trained already takes one request. Else it is requested again after 5 seconds at
        first, and then after a fifth of the time waited so far, up to a minute: some 20 times in
        the first five minutes, and once a minute after that. An outage does not end the wait, and
        neither does a status that is not documented.

        To wait for several takes fewer requests with :meth:`as_trained`, and none more than its
        refreshes with :meth:`LiveCatalog.wait_until_trained`.

        Args:
            model_id: Its id.
            max_wait: How long to wait: a ``timedelta`` or seconds. It is requested once more when
                that is over; that request takes as long as ``timeout`` lets it.
            project_id: Overrides the client's.
            extra_headers: More headers.
            extra_query: More query parameters.
            timeout: In place of the client's, for each request.

        Raises:
            TrainingError: Its training failed or was canceled, or it is deleted.
            TrainingTimeoutError: It was not trained in time. Also a ``TimeoutError``.
            NotFoundError: The model does not exist.
            APIError: A request failed, and so would the next one.
        """
        request = request_options(extra_headers, extra_query, None, timeout)
        retrieval = Retrieval(type_=Model, project_id=project_id, request=request)
        seconds = seconds_of("max_wait", max_wait)
        return await wait_until_trained(self._context, model_id, retrieval, seconds)

    def as_trained(
        self,
        ids: Iterable[str],
        *,
        max_wait: timedelta | float,
        project_id: str | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, object] | None = None,
        timeout: Timeout | float | NotGiven | None = NOT_GIVEN,
    ) -> AsyncGenerator[Model | Missing, None]:
        """Several models, each once its training has ended, well or not: look at ``status``.

        They are requested as by :meth:`wait_until_trained`, all that are still waited for together,
        50 in a request: summaries, without ``inputs`` and ``ui_config``. An id comes once, however
        often it is given; a model that cannot be read yields a :class:`Missing` in its place.

        Args:
            ids: Their ids.
            max_wait: As for :meth:`wait_until_trained`, for all of them.
            project_id: Overrides the client's.
            extra_headers: More headers.
            extra_query: More query parameters.
            timeout: In place of the client's, for each request.

        Raises:
            TypeError: An id is not a string, or ``ids`` is one. Raised at once.
            ValueError: An id is empty, or has white space around it. Raised at once.
            TrainingTimeoutError: Some have not ended in time; the others have come out.
            APIError: As for :meth:`wait_until_trained`.
        """
        request = request_options(extra_headers, extra_query, None, timeout)
        retrieval = Retrieval(type_=Model, full=False, project_id=project_id, request=request)
        seconds = seconds_of("max_wait", max_wait)
        return Iteration(as_trained(self._context, ids, retrieval, seconds), "wait")
