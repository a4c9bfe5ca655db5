"""Several listings as one."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from scenario_async._argument_errors import check_count
from scenario_async._context import PAGES_AT_ONCE
from scenario_async._decoding import ListedRow
from scenario_async._iteration import RowIteration
from scenario_async._pagination import RoundRobin, fetch_planned

from .arrow import arrow_table, listed_columns
from .collecting import in_order
from .listing import Listing, begin
from .run import key_of, warn_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence

    from scenario_async._context import Context
    from scenario_async._decoding import PageAnswer, Sighted
    from scenario_async._pagination import PageRequest, Part

__all__ = ["Found", "Merged"]

RowT = TypeVar("RowT")
OtherT = TypeVar("OtherT")
# Of which listing, and of which page of it.
_Key: TypeAlias = tuple[int, bool, int]
_FoundSlice: TypeAlias = "tuple[_Key, Iterable[Sighted[Found[RowT]]]]"


class _Sighting:
    """In which listings a model was found so far. It is all that a run keeps beside the id."""

    __slots__ = ("_listings", "_names")

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._listings = 0  # a bit for each

    def add(self, listing: int) -> None:
        self._listings |= 1 << listing

    @property
    def scopes(self) -> tuple[str, ...]:
        found = (name for bit, name in enumerate(self._names) if self._listings >> bit & 1)
        return tuple(dict.fromkeys(found))


class Found(Generic[RowT]):
    """A model of several listings, and where it was found.

    Attributes:
        model: The model, as the listing had it that came to it first.
    """

    __slots__ = ("_sighting", "model")

    def __init__(self, model: RowT, sighting: _Sighting) -> None:
        self.model: RowT = model
        self._sighting = sighting

    def __repr__(self) -> str:
        return f"Found({self.model!r}, scopes={self.scopes!r})"

    @property
    def scopes(self) -> tuple[str, ...]:
        """Where it was found so far: :attr:`Listing.scope`, in the order of the listings.

        While the run that gave it goes on, another listing may come to the same model and be
        added. It is complete when that run is at its end, as after :meth:`Merged.collect`.
        """
        return self._sighting.scopes


class _Sightings(dict[str, _Sighting]):
    """What was found in which listing so far, by ids.

    Args:
        names: Those of the listings.
    """

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self._names = names

    def of(self, listing: int, rows: Iterable[Sighted[RowT]]) -> Iterator[Sighted[Found[RowT]]]:
        """Note where rows were found, each when it is asked for."""
        for model_id, model in rows:
            found = None
            if model is not None:
                sighting = self[model_id] = _Sighting(self._names)
                found = Found(model, sighting)
            # Where a row of this id did not fit, it is not there.
            if model_id in self:
                self[model_id].add(listing)
            yield model_id, found


class Merged(Generic[RowT]):
    """Several listings as one, gone through at once, each model once.

    Nothing is requested before it is used. It can be used any number of times, also at once; each
    use begins all listings at their start. ``async for`` gives each :class:`Found` at first sight,
    as pages arrive; its scopes grow while the run goes on. The listings take turns, and together
    they ask for no more pages at once than the bound. If one of them fails, the run fails.

    Models are compared by id. A row that does not fit goes to ``on_invalid`` of its listing, or
    raises after the good rows of its page.
    """

    def __init__(
        self, context: Context, listings: Sequence[Listing[RowT]], max_concurrency: int | None
    ) -> None:
        if max_concurrency is not None:
            check_count("max_concurrency", max_concurrency, least=1)
        for listing in listings:
            _refuse_others(listing)
            run, wanted = begin(listing), begin(listings[0]).options.type_
            if run.context is not context:
                raise ValueError(
                    f"{listing!r} is of another client: a client merges its own listings, which "
                    "share its slots; one that was made by with_options is another"
                )
            if run.options.type_ is not wanted:
                raise TypeError(
                    f"rows of {listing!r} are decoded into {run.options.type_!r}, those of the "
                    f"first listing into {wanted!r}: as_type gives all the same type"
                )
        self._context = context
        self._listings = tuple(listings)
        self._most = context.at_once(max_concurrency or PAGES_AT_ONCE)

    def __repr__(self) -> str:
        scopes = ", ".join(listing.scope for listing in self._listings)
        return f"<Merged of {len(self._listings)} listings: {scopes}>"

    def __aiter__(self) -> AsyncGenerator[Found[RowT], None]:  # noqa: PYI058 - so that callers can aclose
        return RowIteration(self._first_sights(), "merged listing")

    async def collect(self) -> list[Found[RowT]]:
        """All models with all their scopes: those of the first listing, those the next one adds...

        Each listing's own order is kept. They stay in memory: about 15 KB each with their bytes.

        Raises:
            APIError: A page could not be fetched. There is no partial result.
        """
        return await in_order(self._slices(), self._context.new_slice())

    async def to_arrow(self, columns: Iterable[str] | None = None) -> Any:  # noqa: ANN401 - pyarrow has no types
        """All models as a ``pyarrow.Table``, each once, with all its scopes.

        The columns of :meth:`Listing.to_arrow`, and ``scopes``: those of :class:`Found`. The rows
        are sorted by the listing that came to the model first, and within it in its order.

        Args:
            columns: Which ones, in this order; default: all of them.

        Raises:
            ValueError: There is no such column.
            TypeError: ``columns`` are not strings.
            ModuleNotFoundError: pyarrow is not installed.
            APIError: A page could not be fetched. There is no partial result.
            APIResponseValidationError: A row does not fit, and its listing has no ``on_invalid``.
        """
        names = listed_columns(columns, several=True)
        listings = [listing.as_type(ListedRow) for listing in self._listings]
        sightings = _Sightings([listing.scope for listing in listings])
        slices = self._slices_of(listings, sightings)
        return await arrow_table(_models(slices), names, sightings.__getitem__)

    async def _first_sights(self) -> AsyncGenerator[Iterable[Found[RowT]], None]:
        async with aclosing(self._slices()) as slices:
            async for _, rows in slices:
                yield (found for _, found in rows if found is not None)

    def _slices(self) -> AsyncGenerator[_FoundSlice[RowT], None]:
        names = [listing.scope for listing in self._listings]
        return self._slices_of(self._listings, _Sightings(names))

    async def _slices_of(
        self, listings: Sequence[Listing[OtherT]], sightings: _Sightings
    ) -> AsyncGenerator[_FoundSlice[OtherT], None]:
        names = dict.fromkeys(listing.scope for listing in listings)
        with self._context.stepwise("listing", " ".join(names)) as context:
            async with aclosing(self._slices_within(context, listings, sightings)) as slices:
                async for one in slices:
                    yield one

    async def _slices_within(
        self, context: Context, listings: Sequence[Listing[OtherT]], sightings: _Sightings
    ) -> AsyncGenerator[_FoundSlice[OtherT], None]:
        runs = [begin(listing).within(context) for listing in listings]
        planners = [run.planner(ordered=False, most=self._most) for run in runs]

        async def fetch(part: Part[PageRequest]) -> PageAnswer:
            return await runs[part.index].fetch(part.item)

        time_slice = context.new_slice()
        fetched = fetch_planned(
            RoundRobin(planners, limit=self._most),
            fetch,
            concurrency=self._most,
            lifetime=context.lifetime,
        )
        async with aclosing(context.steps(fetched)) as parts:
            async for part in parts:
                run, emitted = runs[part.index], part.item
                warn_of(emitted)
                reader = run.reader(emitted, known=sightings)
                while reader.left:
                    rows = reader.take(await time_slice.rows())
                    yield (part.index, *key_of(emitted)), sightings.of(part.index, rows)
                run.report(reader, emitted)
                if reader.error is not None:
                    raise reader.error
        for run, planner in zip(runs, planners, strict=True):
            run.over(planner)


async def _models(
    slices: AsyncGenerator[_FoundSlice[ListedRow], None],
) -> AsyncGenerator[tuple[_Key, Iterable[Sighted[ListedRow]]], None]:
    """The models of slices, of which each row is read when it is asked for."""
    async with aclosing(slices):
        async for key, rows in slices:
            yield key, ((one, None if found is None else found.model) for one, found in rows)


def _refuse_others(given: object) -> None:
    if not isinstance(given, Listing):
        raise TypeError(
            "merge takes listings, such as merge(models.private(), models.public()), "
            f"not a {type(given).__name__}"
        )
