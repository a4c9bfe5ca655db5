"""The listings of ``scenario.models``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Unpack, overload

from scenario_async._argument_errors import InPython, Parameter, argument_error
from scenario_async._http import RequestOptions
from scenario_async._options import NOT_GIVEN, NotGiven, Timeout, given_mapping
from scenario_async._query import listing_query
from scenario_async.types import Model

from .argument_names import checks_names, instead_of
from .listing import Listing
from .parameters import FetchParameters, ListParameters, PrivateParameters, PublicParameters
from .run import ListingOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scenario_async._context import Context
    from scenario_async._query import Names, Privacy, Route

__all__ = ["Listings", "request_options"]


class Listings:
    """The part of :class:`Models` that makes listings."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @checks_names
    def list(
        self,
        *,
        privacy: Privacy | None = None,
        collection_id: str | None = None,
        collection_ids: Names | None = None,
        **parameters: Unpack[ListParameters],
    ) -> Listing[Model]:
        """Any listing, with the arguments of the official SDK's ``models.list``.

        Times are aware ``datetime`` objects or ISO 8601 strings (UTC where they name no zone). Rows
        are checked against ``tags``, ``status``, ``type``, ``types``, collections and bounds too: a
        row that does not fit them, or has none of the ``tags``, is left out and counted
        (:class:`PageEvent`). What ``extra_query`` says is not checked.

        Args:
            privacy: ``"private"`` (the service's default), ``"public"`` or ``"unlisted"``.
            collection_id: The collection of private or unlisted models to list.
            collection_ids: The collections of public models to list.
            blacklisted: Also list blacklisted models; for team admins.
            created_after: Only models created after this moment. A bound alone sets ``sort_by``, as
                the API demands.
            created_before: Only models created before this moment.
            loaded_only: Only models that are loaded on a GPU now.
            original_assets: Return assets without transformation.
            page_size: 1 to 500 rows; see :class:`Listing` for what happens without.
            pagination_token: A token from an earlier page of the same listing, where this one
                begins. The service takes it with the same ``page_size`` only, which is 100 where an
                awaited page had none.
            project_id: The project whose models are listed, in place of the client's.
            sort_by: ``"createdAt"``, ``"updatedAt"`` (public only) or ``"score"``. Without it
                private models come newest first, and public ones by score.
            sort_direction: ``"asc"`` or ``"desc"``; needs ``sort_by``, and not ``"score"``.
            status: Private and unlisted only. ``"deleted"`` lists the deletions of 30 days.
            tags: Public only. Several are a union: models that carry at least one of them, spelled
                exactly so.
            type: Public only; one type.
            types: Public only; several types. Not together with ``type``.
            updated_after: Public only; only models updated after this moment.
            updated_before: Public only; only models updated before this moment.
            on_invalid: Called with each :class:`InvalidRow`; without it such a row raises
                :class:`APIResponseValidationError` after the good rows of its page.
            strategy: How pages are fetched at once. ``"auto"`` goes by what the first page shows:
                ``"windows"`` of time where models come by creation or update, ``"predicted"``
                cursors where those are row numbers, else ``"cursor"``, one page after the other.
                Only windows miss no model when others are deleted, added or updated meanwhile.
            max_concurrency: How many requests of the listing may be under way, within the client's
                own bound. Default: 8, because a page has some 2 MB.
            extra_headers: Added to each request of the listing, as in the official SDK.
            extra_query: Likewise; overrides what this package would send. Where it, or the client's
                ``default_query``, has an order, bounds or a page, the listing goes by cursor.
            extra_body: A JSON body.
            timeout: In place of the client's.
        """
        return self._listing(
            parameters, privacy=privacy, collection_id=collection_id, collection_ids=collection_ids
        )

    @checks_names
    def private(self, **parameters: Unpack[PrivateParameters]) -> Listing[Model]:
        """The private models, newest first. Arguments as in :meth:`list`."""
        return self._listing(parameters, privacy="private")

    @checks_names
    def public(
        self,
        *,
        route: Route = "filter",
        collection_ids: Names | None = None,
        limit: int | None = None,
        offset: int | None = None,
        **parameters: Unpack[PublicParameters],
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
        by_filter = route == "filter"
        for name, given in (("limit", limit), ("offset", offset)):
            if given is not None and by_filter:
                raise argument_error(
                    "{name} needs {route=public}: only /models/public takes it, and there a limit "
                    "is one of the rows of a page{instead}",
                    name=Parameter(name),
                    instead=InPython(f"; {instead_of(name)}"),
                )
        return self._listing(
            parameters,
            route=route,
            privacy="public" if by_filter else None,
            collection_ids=collection_ids,
            limit=limit,
            offset=offset,
        )

    @overload
    def collection(
        self,
        collection_id: str,
        /,
        *,
        privacy: Literal["private", "unlisted"] = "private",
        **parameters: Unpack[PrivateParameters],
    ) -> Listing[Model]: ...

    @overload
    def collection(
        self,
        collection_id: str,
        /,
        *more: str,
        privacy: Literal["public"],
        **parameters: Unpack[PublicParameters],
    ) -> Listing[Model]: ...

    @checks_names
    def collection(
        self,
        collection_id: str,
        /,
        *more: str,
        privacy: Privacy = "private",
        **parameters: Unpack[ListParameters],
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
        if privacy == "public":
            return self._listing(parameters, privacy=privacy, collection_ids=[collection_id, *more])
        if more:
            raise argument_error(
                "several collections need {privacy=public}: the API lists private models of one "
                "collection at a time"
            )
        return self._listing(parameters, privacy=privacy, collection_id=collection_id)

    def _listing(self, parameters: FetchParameters, **filters: object) -> Listing[Model]:
        options = ListingOptions(
            type_=Model,
            on_invalid=parameters.get("on_invalid"),
            strategy=parameters.get("strategy", "auto"),
            max_concurrency=parameters.get("max_concurrency"),
            request=request_options(
                parameters.get("extra_headers"),
                parameters.get("extra_query"),
                parameters.get("extra_body"),
                parameters.get("timeout", NOT_GIVEN),
            ),
        )
        filters |= {k: v for k, v in parameters.items() if k not in FetchParameters.__annotations__}
        return Listing(self._context, listing_query(**filters), options)


def request_options(
    extra_headers: Mapping[str, str] | None,
    extra_query: Mapping[str, object] | None,
    extra_body: object | None,
    timeout: Timeout | float | NotGiven | None,
) -> RequestOptions:
    """What each request adds, from what a user gave."""
    return RequestOptions(
        extra_headers=given_mapping("extra_headers", extra_headers),
        extra_query=given_mapping("extra_query", extra_query),
        extra_body=extra_body,
        timeout=timeout,
    )
