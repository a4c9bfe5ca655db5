"""Typing the rows of pages: each model once, each bad row reported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from scenario_async._events import PageEvent

from .envelope import InvalidRow

if TYPE_CHECKING:
    from collections.abc import Callable

    import msgspec

    from scenario_async._errors import APIResponseValidationError
    from scenario_async._query import RowCheck

    from .envelope import RowDecoder

__all__ = ["PageReader", "SeenIds"]

RowT = TypeVar("RowT")


class SeenIds:
    """The ids that a walk has given, each with the page that gave it.

    With the page, because a page may be asked for again and must then give its models again. Rows
    that do not fit may come twice as well; those without a readable id are known by their bytes.
    """

    def __init__(self) -> None:
        self._depths: dict[str | bytes, int] = {}

    def back_to(self, depth: int) -> SeenIds:
        """The ids up to this page, for another way on from it."""
        seen = SeenIds()
        seen._depths = {model_id: at for model_id, at in self._depths.items() if at <= depth}
        return seen

    def has(self, row: InvalidRow) -> bool:
        """Whether a row that does not fit, or a model of its id, came before."""
        return _known_by(row) in self._depths

    def first_on(self, row: str | bytes, depth: int) -> int:
        """The page that gave this id first: this one, unless a page before it did."""
        return self._depths.setdefault(row, depth)


class PageReader(Generic[RowT]):
    """Types the rows of one page.

    Attributes:
        error: The first row that did not fit, where nobody else takes care of those.
    """

    def __init__(
        self,
        decoder: RowDecoder[RowT],
        on_invalid: Callable[[InvalidRow], object] | None,
        seen: SeenIds,
        depth: int,
        *,
        check: RowCheck | None = None,
    ) -> None:
        self._decoder = decoder
        self._on_invalid = on_invalid
        self._seen = seen
        self._depth = depth
        self._here: set[str] = set()
        self._repeated = 0
        self._invalid = 0
        self._check = check
        self._filtered = 0
        self.error: APIResponseValidationError | None = None

    def take(self, raw: msgspec.Raw | bytes) -> RowT | None:
        """The row, or ``None`` where it was not asked for, came before or does not fit."""
        return self.take_asked(raw) if self.was_asked(raw) else None

    def was_asked(self, raw: msgspec.Raw | bytes) -> bool:
        """Whether a row is one of those that were asked for, as far as it shows."""
        if self._check is None or self._check(raw):
            return True
        self._filtered += 1
        return False

    def take_asked(self, raw: msgspec.Raw | bytes) -> RowT | None:
        """The same as :meth:`take`, for a row that is known to be asked for."""
        row = self._decoder.decode(raw)
        if isinstance(row, InvalidRow):
            self._report(row)
            return None
        model_id = self._decoder.identify(row, raw)
        if isinstance(model_id, InvalidRow):
            self._report(model_id)
            return None
        if model_id in self._here or self._seen.first_on(model_id, self._depth) < self._depth:
            self._repeated += 1
            return None
        self._here.add(model_id)
        return row

    def event(self, *, last: bool) -> PageEvent:
        """What became of the rows taken so far."""
        return PageEvent(
            models=len(self._here),
            repeated=self._repeated,
            invalid=self._invalid,
            last=last,
            filtered=self._filtered,
        )

    def _report(self, row: InvalidRow) -> None:
        if self._seen.first_on(_known_by(row), self._depth) < self._depth:
            self._repeated += 1
            return
        self._invalid += 1
        if self._on_invalid is not None:
            self._on_invalid(row)
        elif self.error is None:
            self.error = row.error


def _known_by(row: InvalidRow) -> str | bytes:
    return row.raw if row.id is None else row.id
