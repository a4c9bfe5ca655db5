"""A listing: what is listed, and every way to go through it."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from scenario_async._argument_errors import check_count
from scenario_async._decoding import AskableRow, Identity, ListedRow, RowDecoder
from scenario_async._http import RequestOptions
from scenario_async._iteration import Iteration, RowIteration
from scenario_async._pagination import PageRequest, sorted_by_date
from scenario_async._query import LARGEST_PAGE, given_flag
from scenario_async._retrieval import Retrieval, models_of

from .arrow import arrow_table, listed_columns
from .collecting import first_models, in_order
from .page import Page, fetch_page, walk_pages
from .run import ListingOptions, ListingRun

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Iterable

    from scenario_async._context import Context
    from scenario_async._query import ListingQuery
    from scenario_async._retrieval import Missing

__all__ = ["Listing", "begin"]

RowT = TypeVar("RowT")
OtherT = TypeVar("OtherT")


class Listing(Generic[RowT]):
    """The models that a query finds. Nothing is requested before it is used.

    It can be used any number of times, also at once; each use begins at the start and has a cursor
    of its own. ``await`` returns the first page and requests no other; ``async for`` yields every
    model, typed one by one, with the pages after it requested while the caller handles this one.

    Without ``page_size``, ``await`` leaves the size of the page to the service (100), and whatever
    goes through the whole listing asks for pages of 500, the largest.

    Models are those that were asked for, whichever way the service filters. It may have no
    index of its own tags, such as ``sc:scenario``, and then selects nothing by them. The first
    answer shows it, or one more request. From then on such listings are fetched without the tag, in
    as many requests as the whole listing has pages.
    """

    # No __dict__, in which an encoder would look for what a listing is and find a client.
    __slots__ = ("__weakref__", "_context", "_options", "_query")

    def __init__(
        self, context: Context, query: ListingQuery, options: ListingOptions[RowT]
    ) -> None:
        self._context = context
        self._query = query
        self._options = options
        if options.strategy == "windows" and not sorted_by_date(query):
            raise ValueError(
                "strategy='windows' needs a listing that is sorted by creation or update: "
                "public ones are with sort_by='createdAt' or 'updatedAt', and route='filter'"
            )

        if query.route == "public" and options.request.extra_query.get("offset") is not None:
            raise ValueError(
                "extra_query must not have 'offset' here: each page would be the same one; "
                "offset=... of the listing says where it begins"
            )

    def __repr__(self) -> str:
        parameters = ", ".join(f"{k}={v}" for k, v in self._query.parameters().items())
        return f"<Listing of {self._query.path}: {parameters or 'all'}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Listing cannot be pickled or copied: its client cannot; its models can")

    @property
    def scope(self) -> str:
        """What is listed, in a word; without filters and project.

        ``"private"``, ``"public"`` or ``"unlisted"``; in a collection ``"collection:col_1"`` for
        private models, and ``"public:collection:col_1"`` or ``"unlisted:collection:col_1"`` for
        others. Several collections of one listing are separated by commas.
        """
        return self._query.scope

    def __await__(self) -> Generator[Any, Any, Page[RowT]]:
        return fetch_page(self._begin(), PageRequest(self._query)).__await__()

    def __aiter__(self) -> AsyncGenerator[RowT, None]:  # noqa: PYI058 - so that callers can aclose
        return self._models(ordered=True)

    def pages(self) -> AsyncGenerator[Page[RowT], None]:
        """All pages, in listing order, others fetched while the caller handles one.

        Where several are fetched at once by creation date, they hold as many models as their part
        of the listing has, which may be none, and no token leads from one to the next:
        ``strategy="cursor"`` yields the service's own pages.
        """
        run = self._begin()
        return Iteration(walk_pages(run, run.first), "listing")

    def unordered(self) -> AsyncGenerator[RowT, None]:
        """All models as they arrive: in listing order, or in another where that is faster."""
        return self._models(ordered=False)

    async def first(self) -> RowT | None:
        """The first model, or ``None`` where the listing is empty, which is nothing unusual.

        One request, for a page of one row. Where that row was not asked for or does not fit, or by
        tags that the service may not select by, it takes those of going through the listing.

        Raises:
            APIError: A request failed.
            APIResponseValidationError: The first row does not fit, and there is no ``on_invalid``.
        """
        models = await self.collect(limit=1)
        return models[0] if models else None

    async def count(self) -> int:
        """How many models the listing has: as many as going through it yields.

        The service does not say it, so this takes the requests of going through the listing, one
        for 500 models, and their pages of some 2 MB. Of the rows no more than the id is decoded:
        those that have one are counted, whether they fit or not.

        Raises:
            APIError: A page could not be fetched.
        """
        run = begin(self.as_type(Identity))
        count = 0
        async with aclosing(run.rows(run.planner(ordered=False))) as parts:
            async for rows in parts:
                count += sum(1 for _ in rows)
        return count

    async def collect(self, *, limit: int | None = None) -> list[RowT]:
        """All models, in listing order. They stay in memory: about 15 KB each with their bytes.

        Args:
            limit: No more than the first so many. Up to 500 are one request for a page of that
                size, unless rows are left out of it, as for :meth:`first`.

        Raises:
            APIError: A page could not be fetched. There is no partial result.
            TypeError: ``limit`` is not a whole number.
            ValueError: It is below 0.
        """
        if limit is not None:
            check_count("limit", limit, least=0)
            if limit == 0:
                return []
            return await first_models(self._begin, limit, small=self._small(limit))
        run = self._begin()
        slices = run.slices(run.planner(ordered=False))
        return await in_order(slices, self._context.new_slice())

    async def to_arrow(self, columns: Iterable[str] | None = None) -> Any:  # noqa: ANN401 - pyarrow has no types
        """All models, in listing order, as a ``pyarrow.Table``. Needs ``scenario-async[export]``.

        The columns are strings, lists of strings without nulls, and timestamps in UTC, under the
        names of the fields of :class:`Model`, with ``thumbnail_asset_id`` and, last, the
        ``record`` as it was sent, as :meth:`CatalogStore.to_arrow` has them. A listing without
        models has them as well. Each page becomes a record batch in a thread, when it is there:
        no more than the pages under way are Python objects. Rows are read for these columns
        alone, whatever :meth:`as_type` says.

        Args:
            columns: Which ones, in this order; default: all of them. ``record`` is nearly all of
                the bytes.

        Raises:
            ValueError: There is no such column.
            TypeError: ``columns`` are not strings.
            ModuleNotFoundError: pyarrow is not installed.
            APIError: A page could not be fetched. There is no partial result.
            APIResponseValidationError: A row does not fit, and there is no ``on_invalid``.
        """
        names = listed_columns(columns)
        run = begin(self.as_type(ListedRow))
        return await arrow_table(run.slices(run.planner(ordered=False)), names)

    def with_details(
        self, *, ordered: bool = True, max_concurrency: int | None = None
    ) -> AsyncGenerator[RowT | Missing, None]:
        """The full record of every model, as by :meth:`Models.retrieve_many`, decoded as here.

        Of the rows of the listing no more than the id is decoded. Records are asked for with the
        headers, the ``timeout``, the ``project_id`` and the ``original_assets`` of the listing, and
        ``on_invalid`` takes what does not fit of either. A model that was deleted meanwhile comes
        as a :class:`Missing`.

        Each record is a request. Where a page or a record fails, what had arrived comes out with
        ``ordered=False``; in order, what comes after the failure is lost.

        Args:
            ordered: In listing order; with ``False``, as they arrive: no slow answer holds others
                up.
            max_concurrency: How many records may be under way at once; default: as many as the
                client's requests. All requests together never exceed the client's bound.

        Raises:
            APIError: A page or a record could not be fetched; after the records before it.
            APIResponseValidationError: A record does not fit; after the records before it.
        """
        options = self._options
        retrieval = Retrieval(
            type_=options.type_,
            original_assets=self._query.original_assets,
            project_id=self._query.project_id,
            on_invalid=options.on_invalid,
            max_concurrency=max_concurrency,
            request=RequestOptions(
                extra_headers=options.request.extra_headers, timeout=options.request.timeout
            ),
        )
        given_flag("ordered", ordered)
        return Iteration(self._details(retrieval, ordered=ordered), "listing")

    def as_type(self, type_: type[OtherT]) -> Listing[OtherT]:
        """The same listing, with rows decoded into the caller's own type.

        A smaller ``msgspec.Struct`` that declares only the fields it needs decodes several times
        faster. Field names are those on the wire (``rename="camel"`` helps). Rows of another type
        than :class:`Model` have no ``raw``.

        Raises:
            TypeError: It is not a type, or one that msgspec cannot decode.
        """
        try:
            RowDecoder(type_)
        except TypeError as error:
            raise TypeError(f"as_type takes a type such as a msgspec.Struct: {error}") from error
        options: Any = self._options
        return Listing(self._context, self._query, replace(options, type_=type_))

    def _models(self, *, ordered: bool) -> AsyncGenerator[RowT, None]:
        return RowIteration(self._rows(ordered=ordered), "listing")

    def _rows(self, *, ordered: bool) -> AsyncGenerator[Iterable[RowT], None]:
        run = self._begin()
        return run.rows(run.planner(ordered=ordered))

    def _begin(self) -> ListingRun[RowT]:
        return ListingRun(self._context, self._options, self._query)

    async def _details(
        self, retrieval: Retrieval[RowT], *, ordered: bool
    ) -> AsyncGenerator[RowT | Missing, None]:
        ids = self._ids(ordered=ordered)
        records = models_of(self._context, ids, _as_it_is, retrieval, ordered=ordered)
        async with aclosing(ids), aclosing(records):
            async for record in records:
                yield record

    async def _ids(self, *, ordered: bool) -> AsyncGenerator[str, None]:
        rows = self.as_type(AskableRow)
        async with aclosing(aiter(rows) if ordered else rows.unordered()) as begun:
            async for row in begun:
                yield row.id

    def _small(self, rows: int) -> PageRequest | None:
        """A page of no more rows, if one may be enough."""
        query = self._query
        if rows > LARGEST_PAGE or not self._context.learned.tags.surely_selects(query):
            return None
        if query.pagination_token is not None:
            # In which the size of the page is.
            return PageRequest(query)
        return PageRequest(query.with_rows_per_page(min(rows, query.rows_per_page or rows)))


def _as_it_is(_index: int, model_id: str) -> str:
    return model_id


def begin(listing: Listing[RowT]) -> ListingRun[RowT]:
    """A run through a listing that nobody has begun yet."""
    return listing._begin()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - for the rest of this package alone
