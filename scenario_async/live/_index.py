"""What models of a snapshot are found by and sorted by, made from that of the one before. No I/O.

What takes long is a generator of small steps, between which the loop can be given back.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from heapq import merge
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, get_args

from ._entries import Facet, SortKey, facets_of, sort_value

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence

    from ._entries import Entry

__all__ = ["Index", "Order"]

_Key: TypeAlias = tuple[Any, str]
# Up to this share of a list its members are put in and taken out one by one.
_FEW = 1 / 20
_RUN = 500


class Order(NamedTuple):
    """The ids in the order of one value.

    Attributes:
        present: The values with the ids, sorted.
        absent: The ids of those without the value, sorted: they come last, whichever way.
    """

    present: Sequence[_Key]
    absent: Sequence[_Key]

    @classmethod
    def of(cls, keys: Sequence[tuple[Any, str]]) -> Order:
        """The order of these values with their ids, at once: for some models only."""
        present = sorted(key for key in keys if key[0] is not None)
        return cls(present, sorted(key for key in keys if key[0] is None))

    def ids(self, *, backwards: bool) -> Iterator[str]:
        """The ids, the largest value first if that is wanted."""
        present = reversed(self.present) if backwards else self.present
        return (model_id for _, model_id in chain(present, self.absent))


class Index(NamedTuple):
    """What the models of a snapshot are found by. Never changed.

    Attributes:
        facets: The ids with each value of each facet.
        orders: The ids in each order.
    """

    facets: Mapping[Facet, Mapping[str, frozenset[str]]]
    orders: Mapping[SortKey, Order]

    @classmethod
    def empty(cls) -> Index:
        """The index of no models."""
        return cls(
            {facet: {} for facet in get_args(Facet)},
            {key: Order((), ()) for key in get_args(SortKey)},
        )

    def successor(
        self, gone: Sequence[Entry[Any]], come: Sequence[Entry[Any]]
    ) -> Generator[None, None, Index]:
        """The index without some entries and with others; what changed is in both."""
        facets = yield from _refiled(self.facets, gone, come)
        orders: dict[SortKey, Order] = {}
        for key, order in self.orders.items():
            left = yield from _keys(key, gone)
            joined = yield from _keys(key, come)
            orders[key] = Order(
                (yield from _reordered(order.present, left.present, joined.present)),
                (yield from _reordered(order.absent, left.absent, joined.absent)),
            )
        return Index(facets, orders)

    def parts(self) -> Iterator[object]:
        """What takes long to let go of, one after the other."""
        for order in self.orders.values():
            yield from order


def _refiled(
    old: Mapping[Facet, Mapping[str, frozenset[str]]],
    gone: Iterable[Entry[Any]],
    come: Iterable[Entry[Any]],
) -> Generator[None, None, Mapping[Facet, Mapping[str, frozenset[str]]]]:
    moved: defaultdict[tuple[Facet, str], tuple[set[str], set[str]]]
    moved = defaultdict(lambda: (set(), set()))
    for entries, side in ((gone, 0), (come, 1)):
        for entry in entries:
            for place in facets_of(entry):
                moved[place][side].add(entry.id)
            yield
    facets: dict[Facet, dict[str, frozenset[str]]] = {name: dict(old[name]) for name in old}
    for (facet, value), (out, into) in moved.items():
        # Most that change keep most values: what is the same is one object in all snapshots.
        if out != into:
            ids = (facets[facet].pop(value, frozenset()) - out) | into
            if ids:
                facets[facet][value] = ids
        yield
    return facets


def _keys(key: SortKey, entries: Iterable[Entry[Any]]) -> Generator[None, None, Order]:
    """The keys of some entries, not sorted."""
    present: list[_Key] = []
    absent: list[_Key] = []
    for entry in entries:
        value = sort_value(entry, key)
        (absent if value is None else present).append((value, entry.id))
        yield
    return Order(present, absent)


def _reordered(
    old: Sequence[_Key], gone: Sequence[_Key], come: Sequence[_Key]
) -> Generator[None, None, Sequence[_Key]]:
    if not gone and not come:
        return old
    if len(gone) + len(come) > _FEW * len(old):
        return (yield from _merged(old, gone, come))
    keys = list(old)
    for key in gone:
        del keys[bisect_left(keys, key)]
        yield
    for key in come:
        insort(keys, key)
        yield
    return keys


def _merged(
    old: Sequence[_Key], gone: Iterable[_Key], come: Sequence[_Key]
) -> Generator[None, None, Sequence[_Key]]:
    # By their ids, as a hash of a date takes several times as long.
    left = {model_id for _, model_id in gone}
    runs: list[Iterable[_Key]] = []
    runs.append(key for key in old if key[1] not in left)
    for start in range(0, len(come), _RUN):
        runs.append(sorted(come[start : start + _RUN]))
        yield
    keys: list[_Key] = []
    for key in merge(*runs):
        keys.append(key)
        yield
    return keys
