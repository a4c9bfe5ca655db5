"""Several listings as one."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from scenario_async._context import PAGES_AT_ONCE
from scenario_async._decoding import InvalidRow, RowDecoder
from scenario_async._iteration import Iteration
from scenario_async._options import check_count
from scenario_async._pagination import RoundRobin, fetch_planned

from .listing import Listing, begin
from .run import Identity, warn_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from scenario_async._context import Context
    from scenario_async._decoding import PageAnswer
    from scenario_async._pagination import AdaptivePlanner, EmittedPage, PageRequest, Part

    from .listing import Beginning

__all__ = ["Found", "Merged"]

RowT = TypeVar("RowT")
_IDENTITY = RowDecoder(Identity)


class _Sighting:
    """In which listings a model was found so far. It is all that a walk keeps beside the id."""

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

        While the walk that gave it goes on, another listing may come to the same model and be
        added. It is complete when that walk is at its end, as after :meth:`Merged.collect`.
        """
        return self._sighting.scopes


@dataclass(frozen=True, slots=True)
class _Sight(Generic[RowT]):
    """A listing came to a model.

    Attributes:
        sighting: Where it was found so far.
        position: Orders all sights by listing, and within one as listed.
        found: The model, at first sight.
    """

    sighting: _Sighting
    position: tuple[int, ...]
    found: Found[RowT] | None = None


class Merged(Generic[RowT]):
    """Several listings as one, gone through at once, each model once.

    Nothing is requested before it is used. It can be used any number of times, also at once; each
    use begins all listings at their start. ``async for`` gives each :class:`Found` at first sight,
    as pages arrive; its scopes grow while the walk goes on. The listings take turns, and together
    they ask for no more pages at once than the bound. If one of them fails, the walk fails.

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
            walk, wanted = begin(listing).walk, begin(listings[0]).walk.options.type_
            if walk.context is not context:
                raise ValueError(
                    f"{listing!r} is of another client: a client merges its own listings, which "
                    "share its slots; one that was made by with_options is another"
                )
            if walk.options.type_ is not wanted:
                raise TypeError(
                    f"rows of {listing!r} are decoded into {walk.options.type_!r}, those of the "
                    f"first listing into {wanted!r}: as_type gives all the same type"
                )
        self._context = context
        self._listings = tuple(listings)
        self._most = context.at_once(max_concurrency or PAGES_AT_ONCE)

    def __repr__(self) -> str:
        scopes = ", ".join(listing.scope for listing in self._listings)
        return f"<Merged of {len(self._listings)} listings: {scopes}>"

    def __aiter__(self) -> AsyncGenerator[Found[RowT], None]:  # noqa: PYI058 - so that callers can aclose
        return Iteration(self._first_sights(), "merged listing")

    async def collect(self) -> list[Found[RowT]]:
        """All models with all their scopes: those of the first listing, those the next one adds...

        Each listing's own order is kept. They stay in memory: about 15 KB each with their bytes.

        Raises:
            APIError: As any walk. There is no partial result.
        """
        first: dict[_Sighting, tuple[int, ...]] = {}
        found: list[tuple[_Sighting, Found[RowT]]] = []
        async with aclosing(self._sights()) as sights:
            async for sight in sights:
                first[sight.sighting] = min(
                    sight.position, first.get(sight.sighting, sight.position)
                )
                if sight.found is not None:
                    found.append((sight.sighting, sight.found))
        found.sort(key=lambda one: first[one[0]])
        return [one for _, one in found]

    async def _first_sights(self) -> AsyncGenerator[Found[RowT], None]:
        async with aclosing(self._sights()) as sights:
            async for sight in sights:
                if sight.found is not None:
                    yield sight.found

    async def _sights(self) -> AsyncGenerator[_Sight[RowT], None]:
        self._context.requester.check_usable()
        walks = _Walks(self._context, [begin(listing) for listing in self._listings])
        fetched = fetch_planned(
            walks.planner(self._most),
            walks.fetch,
            concurrency=self._most,
            lifetime=self._context.lifetime,
        )
        async with aclosing(fetched) as parts:
            async for part in parts:
                async with aclosing(walks.sights(part)) as sights:
                    async for sight in sights:
                        yield sight
        walks.over()


class _Walks(Generic[RowT]):
    """One way through several listings: what was found in which so far."""

    def __init__(self, context: Context, begun: Sequence[Beginning[RowT]]) -> None:
        self._begun = begun
        self._planners: list[AdaptivePlanner] = []
        self._names = [one.scope for one in begun]
        self._found: dict[str, _Sighting] = {}
        self._pages = 0
        self._turn = context.new_slice()

    def planner(self, most: int) -> RoundRobin[PageRequest, PageAnswer, EmittedPage]:
        """A planner for all of them."""
        self._planners = [
            one.walk.planner(one.first, ordered=False, most=min(most, one.walk.most))
            for one in self._begun
        ]
        return RoundRobin(self._planners, limit=most)

    def over(self) -> None:
        """To be told when all was given."""
        for one, planner in zip(self._begun, self._planners, strict=True):
            one.walk.over(planner)

    async def fetch(self, part: Part[PageRequest]) -> PageAnswer:
        """Fetch a page of one of them."""
        return await self._begun[part.index].walk.fetch(part.item)

    async def sights(self, part: Part[EmittedPage]) -> AsyncGenerator[_Sight[RowT], None]:
        """The models of a page; those that were found before are not typed again."""
        self._pages += 1
        walk, emitted = self._begun[part.index].walk, part.item
        warn_of(emitted)
        reader = walk.reader(emitted)
        repeated = 0
        for number, raw in enumerate(emitted.answer.rows):
            if self._turn.over():
                await self._turn.give_back()
            if not reader.was_asked(raw):
                continue
            # Where a walk by windows had to begin again by cursor, that one has the order.
            by_date = emitted.covers is not None
            position = (part.index, by_date, emitted.position, self._pages, number)
            identity = _IDENTITY.decode(raw)
            known = None if isinstance(identity, InvalidRow) else self._found.get(identity.id)
            if known is not None:
                repeated += 1
                known.add(part.index)
                yield _Sight(known, position)
                continue
            model = reader.take_asked(raw)
            if model is None or isinstance(identity, InvalidRow):
                continue
            sighting = self._found[identity.id] = _Sighting(self._names)
            sighting.add(part.index)
            yield _Sight(sighting, position, Found(model, sighting))
        walk.report(reader, emitted, repeated=repeated)
        if reader.error is not None:
            raise reader.error


def _refuse_others(given: object) -> None:
    if not isinstance(given, Listing):
        raise TypeError(
            "merge takes listings, such as merge(models.private(), models.public()), "
            f"not a {type(given).__name__}"
        )
