"""``scenario.models``: the listings, several of them as one, and single models by their ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from scenario_async._retrieval.previews import previews_of
from scenario_async._retrieval.retrieval import Retrieval, retrieve_many, retrieve_one
from scenario_async.types._preview import PicturedModel

from ._iteration import Iteration
from ._listings import Listings, request_options
from ._merge import Merged
from ._options import NOT_GIVEN, NotGiven, Timeout
from .types import Model

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Mapping

    from scenario_async._decoding.envelope import InvalidRow
    from scenario_async._retrieval.planner import Missing
    from scenario_async.types._preview import Preview

    from ._listing import Listing

__all__ = ["Models"]

RowT = TypeVar("RowT")


class Models(Listings):
    """The model catalogue, as the credentials of one client see it.

    The listings share their parameters:

    - ``created_after``, ``created_before``, ``updated_after``, ``updated_before``: an aware
      ``datetime`` or an ISO 8601 string (UTC where it names no zone); all exclusive. Given alone
      they set ``sort_by``, as the API demands. Updates are known for public models only.
    - ``sort_by``, ``sort_direction``: without them private models come newest first and public ones
      by score, which has no direction.
    - ``tags``, ``status``, ``type``, ``types``, collections and bounds: rows are checked against
      them too. One that shows that it was not asked for, or none of the ``tags``, is left out and
      counted (:class:`PageEvent`). What is said by ``extra_query`` is between you and the service.
    - ``page_size``: 1 to 500 rows; see :class:`Listing` for what happens without.
    - ``pagination_token``: begin at a token from an earlier page of the same listing, which the
      service takes with the same ``page_size`` only: 100 where an awaited page had none.
    - ``project_id``: overrides the client's.
    - ``on_invalid``: called with each :class:`InvalidRow`; without it such a row raises
      :class:`APIResponseValidationError` after the good rows of its page.
    - ``strategy``: how pages are fetched at once. ``"auto"`` goes by what the first page shows:
      ``"windows"`` of time where models come by creation or update, ``"predicted"`` cursors where
      those are row numbers, else ``"cursor"``, one page after the other. Only windows miss no model
      when others are deleted, added or updated during the walk.
    - ``max_concurrency``: how many requests of the listing may be under way, below the client's;
      8 without, because a page is some 2 MB.
    - ``extra_headers``, ``extra_query``, ``extra_body``, ``timeout``: added to each request of the
      listing, as in the official SDK; ``extra_query`` wins over what this package would send. What
      it, or the client's ``default_query``, says of order, bounds or pages makes a walk go by
      cursor.

    Raises:
        ValueError: At once, before any request, for a value or a combination that the API refuses.
        TypeError: Likewise, for a value of the wrong type, or an argument that there is not, with
            what to write instead.
    """

    def merge(self, *listings: Listing[RowT], max_concurrency: int | None = None) -> Merged[RowT]:
        """Several listings of this client as one: each model once, with where it was found.

        Args:
            listings: With rows of one type.
            max_concurrency: How many pages of all listings together may be under way, below the
                client's bound; 8 without. Each listing keeps to its own bound as well.

        Raises:
            ValueError: A listing of another client.
            TypeError: Listings with rows of different types, or something that is no listing.
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
            NotFoundError: There is no such model.
            PermissionDeniedError: These credentials may not read it.
            APIError: The request failed otherwise.
        """
        retrieval = Retrieval(
            type_=Model,
            original_assets=original_assets,
            project_id=project_id,
            request=request_options(extra_headers, extra_query, extra_body, timeout),
        )
        return await retrieve_one(self._context, model_id, retrieval)

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
        """Many models, fetched at once: something for each id, as often as it is given.

        In full they take a request each. With ``full=False`` they are summaries, 50 in a request:
        rows as a listing has them, without ``inputs`` and ``ui_config``. Where the service refuses
        to answer for many (which this client then remembers), or tells nothing of an id, records
        are asked for by themselves, and come in full.

        An id that the service does not give comes as a :class:`Missing` in its place. Ids are read
        as they are needed, and may come from an iterator without end; one that fails ends the walk
        as its own error. A request for summaries waits for 50 ids no longer than for the answer to
        one that is under way. How far the requests run ahead of the caller is bounded.

        Where each request counts, prefer ``ordered=False``: what has arrived is given, also where
        another request fails. In order, whatever stands behind a failure is lost.

        Args:
            ids: An iterable of ids, or an asynchronous one, which is read in a task of its own. An
                asynchronous generator is closed in the end, also by leaving early.
            full: With all that the service has of them; with ``False``, summaries.
            ordered: In the order of the ids; with ``False``, as they arrive, which no slow answer
                holds up.
            original_assets: Give assets without transformation.
            project_id: Overrides the client's.
            on_invalid: Called with each :class:`InvalidRow`, which is then left out; without it
                such a record raises :class:`APIResponseValidationError`.
            max_concurrency: How many requests may be under way at once, below the client's bound;
                default: that bound, and 8 for summaries.
            extra_headers: More headers.
            extra_query: More query parameters.
            extra_body: A JSON body; of summaries a mapping that stands beside the ids, such as
                ``{"thumbnail": True}``.
            timeout: In place of the client's, for each request.

        Raises:
            TypeError: For ids that are no str; at once where ``ids`` is a collection such as a
                list, of an iterator when it comes to them.
            ValueError: For an id that is empty; as above.
            APIError: A record could not be fetched. With ``ordered``, all records before it were
                given, otherwise all that had arrived.
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
        """A picture of each model: something for each, as often as it is given.

        A model that has a thumbnail costs no request, unless the URL of it has expired. The others,
        which most public models are, are shown by their first example; 200 of those are asked for
        in a request. Ids need summaries first, 50 in a request: give models where you have them.
        Nothing is asked for twice in one call, for which it keeps what came of each asset and of
        each id.

        A model without a picture, one that the service does not give, and one whose picture it does
        not give come as a :class:`Missing` in their place. Where each request counts, prefer
        ``ordered=False``, as for :meth:`retrieve_many`.

        Args:
            models: Models or their ids, also mixed, from any iterable or asynchronous iterable,
                such as a listing. Read as the ids of :meth:`retrieve_many` are.
            ordered: In the order of the models; with ``False``, as they arrive.
            project_id: Overrides the client's.
            on_invalid: Called with each :class:`InvalidRow` among the summaries of ids, which is
                then left out; without it such a row raises :class:`APIResponseValidationError`.
            max_concurrency: How many requests for summaries, and how many for pictures, may be
                under way at once, below the client's bound; 8 without.
            extra_headers: More headers.
            extra_query: More query parameters.
            timeout: In place of the client's, for each request.

        Raises:
            TypeError: For what is no model and no str; as for :meth:`retrieve_many`.
            ValueError: For an id that is empty; as above.
            APIError: A request failed, or the service refuses to answer for many assets. What is
                given before is as for :meth:`retrieve_many`.
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
