"""The listings of ``scenario.models``."""

from __future__ import annotations

from inspect import isfunction, unwrap
from typing import TYPE_CHECKING, Literal, overload

from scenario_async._argument_errors import ArgumentError, Parameter
from scenario_async._http import RequestOptions
from scenario_async._options import NOT_GIVEN, NotGiven, Timeout
from scenario_async._query import checks_names, instead_of, listing_query
from scenario_async.types import Model

from .listing import Listing
from .run import ListingOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scenario_async._context import Context
    from scenario_async._decoding import InvalidRow
    from scenario_async._pagination import Strategy
    from scenario_async._query import (
        ListingQuery,
        Names,
        Privacy,
        Route,
        SortBy,
        SortDirection,
        Status,
        Time,
    )

__all__ = ["Listings", "request_options"]


class Listings:
    """The listings of :class:`Models`, whose parameters it explains."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def __init_subclass__(cls) -> None:
        # Of a wrong argument Python says whose method it is: the class that is public.
        for name, method in vars(Listings).items():
            if isfunction(method):
                for function in (method, unwrap(method)):
                    function.__qualname__ = f"{cls.__name__}.{name}"

    @checks_names
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
        strategy: Strategy = "auto",
        max_concurrency: int | None = None,
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
            sort_direction: ``"asc"`` or ``"desc"``; needs ``sort_by``, and not ``"score"``.
            status: Private and unlisted only. ``"deleted"`` lists the deletions of 30 days.
            tags: Public only. Several are a union: models that carry at least one of them, spelled
                exactly so.
            type: Public only; one type.
            types: Public only; several types. Not together with ``type``.
            updated_after: Public only; only models updated after this moment.
            updated_before: Public only; only models updated before this moment.
            on_invalid: Takes rows that do not fit.
            strategy: How pages are fetched at once.
            max_concurrency: How many requests of this listing may be under way.
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
        request = request_options(extra_headers, extra_query, extra_body, timeout)
        return self._listing(query, on_invalid, strategy, max_concurrency, request)

    @checks_names
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
        strategy: Strategy = "auto",
        max_concurrency: int | None = None,
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
        request = request_options(extra_headers, extra_query, extra_body, timeout)
        return self._listing(query, on_invalid, strategy, max_concurrency, request)

    @checks_names
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
        strategy: Strategy = "auto",
        max_concurrency: int | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: object | None = None,
        timeout: Timeout | float | NotGiven | None = NOT_GIVEN,
    ) -> Listing[Model]:
        """The public models, best score first. Arguments as in :meth:`list`, and three more.

        ``route="filter"`` asks ``GET /models?privacy=public``; ``route="public"`` asks
        ``GET /models/public``, the route that the service's help describes. There, ``offset`` is
        the row to begin with, and ``limit`` is the help's name for the rows of one page, the same
        as ``page_size``: it does not limit the listing.

        Of that route there are two descriptions: by ``pageSize`` and ``paginationToken``, or by
        ``limit`` and ``offset``. It is gone through by whichever it takes, which its answers show:
        a client remembers it, and may have one or two requests refused for it in its life. Where it
        has no tokens, only an empty page shows the end. ``await`` without a size has 50 rows there.
        """
        for name, given in (("limit", limit), ("offset", offset)):
            if given is not None and route == "filter":
                raise ArgumentError(
                    Parameter(name),
                    " needs ",
                    Parameter("route", "public"),
                    ": only /models/public takes it, and there a limit is one of the rows of a "
                    f"page; {instead_of(name)}",
                )
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
        request = request_options(extra_headers, extra_query, extra_body, timeout)
        return self._listing(query, on_invalid, strategy, max_concurrency, request)

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
        strategy: Strategy = "auto",
        max_concurrency: int | None = None,
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
        strategy: Strategy = "auto",
        max_concurrency: int | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: object | None = None,
        timeout: Timeout | float | NotGiven | None = NOT_GIVEN,
    ) -> Listing[Model]: ...

    @checks_names
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
        strategy: Strategy = "auto",
        max_concurrency: int | None = None,
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
            raise ArgumentError(
                "several collections need ",
                Parameter("privacy", "public"),
                ": the API lists private models of one collection at a time",
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
        request = request_options(extra_headers, extra_query, extra_body, timeout)
        return self._listing(query, on_invalid, strategy, max_concurrency, request)

    def _listing(
        self,
        query: ListingQuery,
        on_invalid: Callable[[InvalidRow], object] | None,
        strategy: Strategy,
        max_concurrency: int | None,
        request: RequestOptions,
    ) -> Listing[Model]:
        options = ListingOptions(
            type_=Model,
            on_invalid=on_invalid,
            strategy=strategy,
            max_concurrency=max_concurrency,
            request=request,
        )
        return Listing(self._context, query, options)


def request_options(
    extra_headers: Mapping[str, str] | None,
    extra_query: Mapping[str, object] | None,
    extra_body: object | None,
    timeout: Timeout | float | NotGiven | None,
) -> RequestOptions:
    """What each request adds, from what a user gave."""
    return RequestOptions(
        extra_headers=extra_headers or {},
        extra_query=extra_query or {},
        extra_body=extra_body,
        timeout=timeout,
    )
