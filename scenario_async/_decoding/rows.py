"""From the rows of a page to records: the one loop over them. No I/O."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, cast

from scenario_async._events import PageEvent
from scenario_async.types import Model
from scenario_async.types._decoding import NOT_DECODED, model_decoder

from .columns import ListedRow, listed_row
from .envelope import decoder_of
from .invalid_row import AskableRow, Identity, InvalidRow, invalid_row, read_id

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterator, Sequence

    import msgspec

    from scenario_async._errors import APIResponseValidationError
    from scenario_async._query import RowCheck

__all__ = ["PageReader", "RowDecoder", "Sighted"]

RowT = TypeVar("RowT")

Sighted: TypeAlias = tuple[str, RowT | None]
"""The id of a row, and its record; ``None`` where the id came before."""


class RowDecoder(Generic[RowT]):
    """From a raw row to a record. The decoder of a type is built once in a process.

    A :class:`Model` and a :class:`ListedRow` get their bytes along.

    Args:
        type_: Of the records.
        read: Makes one whose ``id`` is that of the row, in place of decoding it; raises an error of
            ``NOT_DECODED`` where it does not fit.

    Attributes:
        read: Makes a record of a row, or raises such an error.
        has_id: Whether the ``id`` of a record is that of the row, whatever the caller's type calls
            its fields.
    """

    def __init__(
        self, type_: type[RowT], read: Callable[[msgspec.Raw | bytes], RowT] | None = None
    ) -> None:
        kind = cast("object", type_)  # which may as well be dict[str, Any] and no class
        if kind is ListedRow:
            read = cast("Callable[[msgspec.Raw | bytes], RowT]", listed_row)
        self.has_id: bool = read is not None or kind is Identity or kind is AskableRow
        self.read: Callable[[msgspec.Raw | bytes], Any]
        if read is not None:
            self.read = read
        elif isinstance(kind, type) and issubclass(kind, Model):
            self.read, self.has_id = model_decoder(kind), True
        else:
            self.read = decoder_of(cast("Hashable", type_)).decode

    def decode(self, raw: msgspec.Raw | bytes) -> RowT | InvalidRow:
        """The record of a single row, or why there is none."""
        try:
            row: RowT = self.read(raw)
        except NOT_DECODED as error:
            return invalid_row(raw, error)
        return row


class PageReader(Generic[RowT]):
    """Reads the rows of one page: checks them, types them and tells them apart.

    A row becomes a record, an :class:`InvalidRow`, one that came before, or one that was not asked
    for. Nothing else loops over the rows of a page.

    Args:
        decoder: Makes the records.
        rows: Those of the page, as they were sent.
        on_invalid: Takes the rows that do not fit, each once.
        check: Tells which rows were asked for.
        seen: The ids that pages of this run gave, each with the depth of the page: such a page may
            be read again, and then gives its rows again. Rows that do not fit may come twice as
            well; those without a readable id are known by their bytes.
        depth: Of this page.
        known: The ids of rows that came from elsewhere. They are not typed again.

    Attributes:
        error: The first row that did not fit, where nobody else takes care of those.
    """

    def __init__(
        self,
        decoder: RowDecoder[RowT],
        rows: Sequence[msgspec.Raw | bytes],
        *,
        on_invalid: Callable[[InvalidRow], object] | None = None,
        check: RowCheck | None = None,
        seen: dict[str | bytes, int] | None = None,
        depth: int = 0,
        known: Collection[str] = (),
    ) -> None:
        self._decoder = decoder
        self._rows = iter(rows)
        self._left = len(rows)
        self._on_invalid = on_invalid
        self._check = check
        self._seen: dict[str | bytes, int] = {} if seen is None else seen
        self._depth = depth
        self._known = known
        self._here: set[str] = set()
        self._repeated = self._invalid = self._filtered = 0
        self.error: APIResponseValidationError | None = None

    @property
    def left(self) -> bool:
        """Whether there are more rows."""
        return self._left > 0

    def take(self, count: int) -> Iterator[Sighted[RowT]]:
        """Read the next rows, each when it is asked for, and all before more are taken.

        Those that do not fit, and those that were not asked for, are passed over.
        """
        read, has_id = self._decoder.read, self._decoder.has_id
        check, known, here = self._check, self._known, self._here
        seen, depth = self._seen, self._depth
        self._left -= count
        for raw in islice(self._rows, count):
            if check is not None and not check(raw):
                self._filtered += 1
                continue
            try:
                if known and (model_id := read_id(raw)) in known:
                    row = None
                else:
                    row = read(raw)
                    model_id = row.id if has_id else read_id(raw)
            except NOT_DECODED as error:
                misfit = invalid_row(raw, error)
            else:
                new = row is not None and seen.setdefault(model_id, depth) >= depth
                if new and model_id not in here:
                    here.add(model_id)
                else:
                    self._repeated += 1
                    row = None
                yield model_id, row
                continue
            # Not while the error is handled, which would be the context of what a caller raises.
            self._report(misfit)

    def event(self, *, last: bool, listing: int | None = None) -> PageEvent:
        """What became of the rows taken so far."""
        return PageEvent(
            models=len(self._here),
            repeated=self._repeated,
            invalid=self._invalid,
            last=last,
            filtered=self._filtered,
            listing=listing,
        )

    def _report(self, row: InvalidRow) -> None:
        known_by = row.raw if row.id is None else row.id
        if self._seen.setdefault(known_by, self._depth) < self._depth:
            self._repeated += 1
            return
        self._invalid += 1
        if self._on_invalid is not None:
            self._on_invalid(row)
        elif self.error is None:
            self.error = row.error
