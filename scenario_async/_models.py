"""``scenario.models``: the listings, and one model by its id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, overload
from urllib.parse import quote

from ._decode import InvalidRow, RowDecoder, decode_record
from ._listing import Listing
from ._options import NOT_GIVEN, NotGiven, Timeout
from ._query import wire_value
from ._query_arguments import listing_query
from ._requester import Call, RequestOptions
from .types import Model

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ._listing import PageSource
    from ._query import ListingQuery, Names, Privacy, Route, SortBy, SortDirection, Status, Time

__all__ = ["Models"]


class Models:
    """The model catalogue, as the credentials of one client see it.

    The listings share their parameters:

    - ``created_after``, ``created_before``, ``updated_after``, ``updated_before``: an aware
      ``datetime`` or an ISO 8601 string (UTC where it names no zone); all exclusive. Given alone
      they set ``sort_by``, as the API demands. Updates are known for public models only.
    - ``sort_by``, ``sort_direction``: without them private models come newest first and public ones
      by score.
    - ``page_size``: 1 to 500 rows; see :class:`Listing` for what happens without.
    - ``pagination_token``: begin at a token from an earlier page of the same listing.
    - ``project_id``: overrides the client's.
    - ``on_invalid``: called with each :class:`InvalidRow`; without it such a row raises
      :class:`APIResponseValidationError` after the good rows of its page.
    - ``extra_headers``, ``extra_query``, ``extra_body``, ``timeout``: added to each request of the
      listing, as in the official SDK; ``extra_query`` wins over what this package would send.

    Raises:
        ValueError: At once, before any request, for a value or a combination that the API refuses.
    """

    def __init__(self, source: PageSource) -> None:
        self._source = source

    def list(
        self,
        *,
        blacklisted: bool | None = None,
        collection_id: str | None = None,
        collection_ids: Names | None = None,
        created_after: Time | None = None,
        created_before: Time | None = None,
        loaded_only: bool | None = None,
        original_assets: bool | None = None,
        page_size: int | None = None,
        pagination_token: str | None = None,
        privacy: Privacy | None = None,
        project_id: str | None = None,
        sort_by: SortBy | None = None,
        sort_direction: SortDirection | None = None,
        status: Status | None = None,
        tags: Names | None = None,
        type: str | None = None,  # noqa: A002 - the API's name
        types: Names | None = None,
        updated_after: Time | None = None,
        updated_before: Time | None = None,
        on_invalid: Callable[[InvalidRow], object] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: object | None = None,
        timeout: Timeout | float | NotGiven | None = NOT_GIVEN,
    ) -> Listing[Model]:
        """Any listing, with the arguments of the official SDK's ``models.list``.

        Args:
            blacklisted: Also list blacklisted models; for team admins.
            collection_id: The collection of private or unlisted models to list.
            collection_ids: The collections of public models to list.
            created_after: Only models created after this moment.
            created_before: Only models created before this moment.
            loaded_only: Only models that are loaded on a GPU now.
            original_assets: Give assets without transformation.
            page_size: Rows in a page.
            pagination_token: Where to begin.
            privacy: ``"private"`` (the service's default), ``"public"`` or ``"unlisted"``.
            project_id: The project whose models are listed.
            sort_by: ``"createdAt"``, ``"updatedAt"`` (public only) or ``"score"``.
            sort_direction: ``"asc"`` or ``"desc"``; needs ``sort_by``.
            status: Private and unlisted only. ``"deleted"`` lists the deletions of 30 days.
            tags: Public only. How several combine is not documented.
            type: Public only; one type.
            types: Public only; several types. Not together with ``type``.
            updated_after: Public only; only models updated after this moment.
            updated_before: Public only; only models updated before this moment.
            on_invalid: Takes rows that do not fit.
            extra_headers: More headers.
            extra_query: More query parameters.
            extra_body: A JSON body.
            timeout: In place of the client's.
        """
        query = listing_query(
            blacklisted=blacklisted,
            collection_id=collection_id,
            collection_ids=collection_ids,
            created_after=created_after,
            created_before=created_before,
            loaded_only=loaded_only,
            original_assets=original_assets,
            page_size=page_size,
            pagination_token=pagination_token,
            privacy=privacy,
            project_id=project_id,
            sort_by=sort_by,
            sort_direction=sort_direction,
            status=status,
            tags=tags,
            type=type,
            types=types,
            updated_after=updated_after,
            updated_before=updated_before,
        )
        options = _options(extra_headers, extra_query, extra_body, timeout)
        return self._listing(query, options, on_invalid)

    def private(
        self,
        *,
        blacklisted: bool | None = None,
        created_after: Time | None = None,
        created_before: Time | None = None,
        loaded_only: bool | None = None,
        original_assets: bool | None = None,
        page_size: int | None = None,
        pagination_token: str | None = None,
        project_id: str | None = None,
        sort_by: Literal["createdAt", "score"] | None = None,
        sort_direction: SortDirection | None = None,
        status: Status | None = None,
        on_invalid: Callable[[InvalidRow], object] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: object | None = None,
        timeout: Timeout | float | NotGiven | None = NOT_GIVEN,
    ) -> Listing[Model]:
        """The private models, newest first. Arguments as in :meth:`list`."""
        query = listing_query(
            privacy="private",
            blacklisted=blacklisted,
            created_after=created_after,
            created_before=created_before,
            loaded_only=loaded_only,
            original_assets=original_assets,
            page_size=page_size,
            pagination_token=pagination_token,
            project_id=project_id,
            sort_by=sort_by,
            sort_direction=sort_direction,
            status=status,
        )
        options = _options(extra_headers, extra_query, extra_body, timeout)
        return self._listing(query, options, on_invalid)

    def public(
        self,
        *,
        route: Route = "filter",
        blacklisted: bool | None = None,
        collection_ids: Names | None = None,
        created_after: Time | None = None,
        created_before: Time | None = None,
        limit: int | None = None,
        loaded_only: bool | None = None,
        offset: int | None = None,
        original_assets: bool | None = None,
        page_size: int | None = None,
        pagination_token: str | None = None,
        project_id: str | None = None,
        sort_by: SortBy | None = None,
        sort_direction: SortDirection | None = None,
        tags: Names | None = None,
        type: str | None = None,  # noqa: A002 - the API's name
        types: Names | None = None,
        updated_after: Time | None = None,
        updated_before: Time | None = None,
        on_invalid: Callable[[InvalidRow], object] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: object | None = None,
        timeout: Timeout | float | NotGiven | None = NOT_GIVEN,
    ) -> Listing[Model]:
        """The public models, best score first. Arguments as in :meth:`list`, and three more.

        ``route="filter"`` asks ``GET /models?privacy=public``; ``route="public"`` asks
        ``GET /models/public``, the route that the service's help describes. There, ``offset`` is
        the row to begin with, and ``limit`` is the API's name for the rows of one page, the same as
        ``page_size``: it does not limit the listing.
        """
        query = listing_query(
            route=route,
            privacy="public" if route == "filter" else None,
            blacklisted=blacklisted,
            collection_ids=collection_ids,
            created_after=created_after,
            created_before=created_before,
            limit=limit,
            loaded_only=loaded_only,
            offset=offset,
            original_assets=original_assets,
            page_size=page_size,
            pagination_token=pagination_token,
            project_id=project_id,
            sort_by=sort_by,
            sort_direction=sort_direction,
            tags=tags,
            type=type,
            types=types,
            updated_after=updated_after,
            updated_before=updated_before,
        )
        options = _options(extra_headers, extra_query, extra_body, timeout)
        return self._listing(query, options, on_invalid)

    @overload
    def collection(
        self,
        collection_id: str,
        /,
        *,
        privacy: Literal["private", "unlisted"] = "private",
        blacklisted: bool | None = None,
        created_after: Time | None = None,
        created_before: Time | None = None,
        loaded_only: bool | None = None,
        original_assets: bool | None = None,
        page_size: int | None = None,
        pagination_token: str | None = None,
        project_id: str | None = None,
        sort_by: Literal["createdAt", "score"] | None = None,
        sort_direction: SortDirection | None = None,
        status: Status | None = None,
        on_invalid: Callable[[InvalidRow], object] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: object | None = None,
        timeout: Timeout | float | NotGiven | None = NOT_GIVEN,
    ) -> Listing[Model]: ...

    @overload
    def collection(
        self,
        collection_id: str,
        /,
        *more: str,
        privacy: Literal["public"],
        blacklisted: bool | None = None,
        created_after: Time | None = None,
        created_before: Time | None = None,
        loaded_only: bool | None = None,
        original_assets: bool | None = None,
        page_size: int | None = None,
        pagination_token: str | None = None,
        project_id: str | None = None,
        sort_by: SortBy | None = None,
        sort_direction: SortDirection | None = None,
        tags: Names | None = None,
        type: str | None = None,
        types: Names | None = None,
        updated_after: Time | None = None,
        updated_before: Time | None = None,
        on_invalid: Callable[[InvalidRow], object] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: object | None = None,
        timeout: Timeout | float | NotGiven | None = NOT_GIVEN,
    ) -> Listing[Model]: ...

    def collection(
        self,
        collection_id: str,
        /,
        *more: str,
        privacy: Privacy = "private",
        blacklisted: bool | None = None,
        created_after: Time | None = None,
        created_before: Time | None = None,
        loaded_only: bool | None = None,
        original_assets: bool | None = None,
        page_size: int | None = None,
        pagination_token: str | None = None,
        project_id: str | None = None,
        sort_by: SortBy | None = None,
        sort_direction: SortDirection | None = None,
        status: Status | None = None,
        tags: Names | None = None,
        type: str | None = None,  # noqa: A002 - the API's name
        types: Names | None = None,
        updated_after: Time | None = None,
        updated_before: Time | None = None,
        on_invalid: Callable[[InvalidRow], object] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: object | None = None,
        timeout: Timeout | float | NotGiven | None = NOT_GIVEN,
    ) -> Listing[Model]:
        """The models of a collection; with ``privacy="public"``, of one or several.

        Filters are those of :meth:`private` or :meth:`public`, by ``privacy``.
        """
        for given in (collection_id, *more):
            if not isinstance(given, str):  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
                raise TypeError(
                    "collection takes each id as an argument of its own, such as "
                    f"collection('a', 'b', privacy='public'), not a {given.__class__.__name__}"
                )
        public = privacy == "public"
        if more and not public:
            raise ValueError(
                "several collections need privacy='public': "
                "the API lists private models of one collection at a time"
            )
        query = listing_query(
            privacy=privacy,
            collection_id=None if public else collection_id,
            collection_ids=[collection_id, *more] if public else None,
            blacklisted=blacklisted,
            created_after=created_after,
            created_before=created_before,
            loaded_only=loaded_only,
            original_assets=original_assets,
            page_size=page_size,
            pagination_token=pagination_token,
            project_id=project_id,
            sort_by=sort_by,
            sort_direction=sort_direction,
            status=status,
            tags=tags,
            type=type,
            types=types,
            updated_after=updated_after,
            updated_before=updated_before,
        )
        options = _options(extra_headers, extra_query, extra_body, timeout)
        return self._listing(query, options, on_invalid)

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
        parameters = {"originalAssets": original_assets, "projectId": project_id}
        call = Call(
            path=f"/models/{_path_segment(model_id)}",
            parameters={k: wire_value(v) for k, v in parameters.items() if v is not None},
        )
        options = _options(extra_headers, extra_query, extra_body, timeout)
        model = RowDecoder(Model).decode(
            await self._source.requester.call(call, decode_record, options)
        )
        if isinstance(model, InvalidRow):
            raise model.error
        return model

    def _listing(
        self,
        query: ListingQuery,
        options: RequestOptions,
        on_invalid: Callable[[InvalidRow], object] | None,
    ) -> Listing[Model]:
        return Listing(self._source, query, options, Model, on_invalid)


def _path_segment(model_id: object) -> str:
    if not isinstance(model_id, str):
        raise TypeError(f"model_id must be a str, not {type(model_id).__name__}")
    if not model_id.strip() or model_id in (".", ".."):
        raise ValueError(f"model_id must be the id of a model, not {model_id!r}")
    return quote(model_id, safe="")


def _options(
    extra_headers: Mapping[str, str] | None,
    extra_query: Mapping[str, object] | None,
    extra_body: object | None,
    timeout: Timeout | float | NotGiven | None,
) -> RequestOptions:
    return RequestOptions(
        extra_headers=extra_headers or {},
        extra_query=extra_query or {},
        extra_body=extra_body,
        timeout=timeout,
    )
