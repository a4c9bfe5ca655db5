"""The catalogue at one moment: looked up, found, counted and searched, and never changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, get_args, overload

from scenario_async._query import given_choice
from scenario_async.sync._store import check_names

from ._entries import Facet, sort_value
from ._index import Order
from ._lookup import SnapshotFilters, Sort, fitting, slice_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence
    from typing import Unpack

    from scenario_async._http import LoopBudget

    from ._entries import Entry, SortKey
    from ._index import Index

__all__ = ["Contents", "Snapshot", "changed_to", "contents_of", "replaced"]

ModelT = TypeVar("ModelT")
OtherT = TypeVar("OtherT")
_BITS = 128
_STEP = 20


@dataclass(frozen=True, slots=True)
class Contents(Generic[ModelT]):
    """What a snapshot is made of. Never changed.

    Attributes:
        entries: The models by their ids.
        index: What they are found by.
        digest: The sum of their digests, which is the same in whichever order they came.
        loop_budget: What a search is held to.
    """

    entries: Mapping[str, Entry[ModelT]]
    index: Index
    digest: int
    loop_budget: LoopBudget


class Snapshot(Mapping[str, ModelT], Generic[ModelT]):
    """The models of a :class:`LiveCatalog` at one moment, by their ids.

    It stays as it is, whatever is refreshed meanwhile: take one for all of a request. As a mapping
    it has its models in no particular order.
    """

    __slots__ = ("_contents", "_entries")

    def __init__(self, contents: Contents[ModelT]) -> None:
        self._contents = contents
        self._entries = contents.entries

    @property
    def version(self) -> str:
        """Equal exactly where the same models have the same records: for an ``ETag``, say.

        In other processes as well. New signatures of URLs are no other record.
        """
        return f"{self._contents.digest:032x}"

    def __repr__(self) -> str:
        return f"<Snapshot of {len(self):,} models, version {self.version}>"

    def __getitem__(self, model_id: str) -> ModelT:
        return self._entries[model_id].model

    @overload
    def get(self, model_id: str, /) -> ModelT | None: ...
    @overload
    def get(self, model_id: str, /, default: ModelT | OtherT) -> ModelT | OtherT: ...
    def get(self, model_id: str, /, default: Any = None) -> Any:
        """The model of this id, or the default."""
        entry = self._entries.get(model_id)
        return default if entry is None else entry.model

    def __contains__(self, model_id: object) -> bool:
        return model_id in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def find(
        self,
        *,
        sort: Sort = "id",
        limit: int | None = None,
        offset: int = 0,
        **filters: Unpack[SnapshotFilters],
    ) -> list[ModelT]:
        """The models that fit all of these, as by :meth:`CatalogStore.models`.

        Args:
            sort: ``"id"``, ``"name"`` (without case), ``"created_at"`` or ``"updated_at"``, the
                smallest or earliest first, equal ones by their ids; ``"-created_at"`` and the like
                the other way round. Models without the value come last.
            limit: At most so many.
            offset: Without the first so many.
            **filters: As :class:`SnapshotFilters` names them.

        Raises:
            ValueError: A value that fits nothing, as a number below 0 or another order.
            TypeError: A value is of the wrong type, or there is no such filter.
        """
        found = self._fitting("find", filters)
        start, end, _ = slice_of(limit, offset).indices(len(self))
        ids = self._sorted(found, sort, end)
        return [self._entries[model_id].model for model_id in islice(ids, start, end)]

    def counts(self, facet: Facet, **filters: Unpack[SnapshotFilters]) -> dict[str, int]:
        """How many models have each value, the most frequent one first.

        Args:
            facet: ``"type"``, ``"status"``, ``"privacy"``, ``"tags"``, ``"capabilities"`` or
                ``"collection"``.
            **filters: Of those that fit, as for :meth:`find`.

        Raises:
            ValueError: There is no such facet.
            TypeError: As for :meth:`find`.
        """
        found = self._fitting("counts", filters)
        values = self._contents.index.facets[given_choice("facet", facet, get_args(Facet))]
        counts = {
            value: len(ids if found is None else ids & found) for value, ids in values.items()
        }
        ranked = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
        return {value: count for value, count in ranked if count}

    async def search(
        self,
        words: str,
        *,
        sort: Sort = "-created_at",
        limit: int | None = None,
        offset: int = 0,
        **filters: Unpack[SnapshotFilters],
    ) -> list[ModelT]:
        """The models that have all of these words in their name, tags or description.

        Those that have all of them in the name come first. A word may be a part of a longer one,
        and case does not matter. The loop is given back after each millisecond.

        Args:
            words: The words, with spaces between them; without any, all models fit.
            sort: Within those, and within the others.
            limit: At most so many.
            offset: Without the first so many.
            **filters: Of those that fit, as for :meth:`find`.

        Raises:
            ValueError: As for :meth:`find`.
            TypeError: As for :meth:`find`.
        """
        if not isinstance(words, str):  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
            raise TypeError(f"words must be a str, not {type(words).__name__}")
        wanted = words.casefold().split()
        found = self._fitting("search", filters)
        part = slice_of(limit, offset)
        ids = self._sorted(found, sort, None)
        entries = await self._contents.loop_budget.finish(self._searched(ids, wanted))
        return [entry.model for entry in entries[part]]

    def _fitting(self, method: str, filters: SnapshotFilters) -> frozenset[str] | None:
        check_names(method, filters, SnapshotFilters.__optional_keys__)
        return fitting(self._contents.index, filters)

    def _sorted(self, found: frozenset[str] | None, sort: Sort, end: int | None) -> Iterator[str]:
        order = given_choice("sort", sort, get_args(Sort))
        key = cast("SortKey", order.removeprefix("-"))
        backwards = order.startswith("-")
        if found is not None and self._is_quicker_sorted(len(found), end):
            keys = [(sort_value(self._entries[one], key), one) for one in found]
            return Order.of(keys).ids(backwards=backwards)
        ids = self._contents.index.orders[key].ids(backwards=backwards)
        return ids if found is None else filter(found.__contains__, ids)

    def _is_quicker_sorted(self, found: int, end: int | None) -> bool:
        """Whether sorting so many takes less time than looking for them in the order of all."""
        steps = len(self) if end is None else min(len(self), end * len(self) / max(found, 1))
        return 4 * found < steps

    def _searched(
        self, ids: Iterable[str], words: Sequence[str]
    ) -> Generator[None, None, list[Entry[ModelT]]]:
        named: list[Entry[ModelT]] = []
        others: list[Entry[ModelT]] = []
        for number, model_id in enumerate(ids):
            entry = self._entries[model_id]
            text = entry.text
            if all(word in text for word in words):
                name = text.partition("\n")[0]
                (named if all(word in name for word in words) else others).append(entry)
            if number % _STEP == 0:
                yield
        return named + others


def contents_of(snapshot: Snapshot[ModelT]) -> Contents[ModelT]:
    """What a snapshot is made of, for what makes the next one."""
    return snapshot._contents  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]


def changed_to(
    before: Contents[ModelT], removed: Iterable[str], entries: Sequence[Entry[ModelT]]
) -> Generator[None, None, Contents[ModelT]]:
    """The next contents, made in small steps: without these ids, and with these entries."""
    known = dict(before.entries)
    digest = before.digest
    gone = [known[model_id] for model_id in removed]
    gone += [known[one.id] for one in entries if one.id in known]
    for entry in gone:
        del known[entry.id]
        digest -= entry.digest
        yield
    for entry in entries:
        known[entry.id] = entry
        digest += entry.digest
        yield
    index = yield from before.index.successor(gone, entries)
    return Contents(known, index, digest % (1 << _BITS), before.loop_budget)


def replaced(before: Contents[Any], *changed: Iterable[str]) -> Generator[None, None, list[object]]:
    """What is not in the next contents any more, for whoever lets go of it in small steps.

    Args:
        before: The contents before.
        changed: The ids of what was removed, and of what has become something else.
    """
    found: list[object] = [*before.index.parts()]
    for model_id in chain.from_iterable(changed):
        found.append(before.entries[model_id])
        yield
    return found
