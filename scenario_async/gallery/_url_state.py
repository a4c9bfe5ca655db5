"""What a URL of the grid says: the search, its order, and how far one has scrolled. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from scenario_async._query import did_you_mean
from scenario_async.sync._store import Search

from ._text import is_signed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scenario_async.sync._store.filters import OrderBy

__all__ = ["SORTS", "BadUrlError", "GridState", "can_be_in_url"]

SORTS: dict[OrderBy, str] = {
    "-created_at": "Newest first",
    "created_at": "Oldest first",
    "-updated_at": "Recently updated",
    "-first_seen_at": "Recently seen",
    "name": "Name, A to Z",
    "-name": "Name, Z to A",
}
"""The orders, and what people call them."""

_DELETED: dict[str, bool | None] = {"only": True, "all": None}
_ONE = ("type", "status", "collection", "scope")
_SEVERAL = {"tag": "tags", "capability": "capabilities"}
_NAMES = ("q", *_ONE, *_SEVERAL, "deleted", "sort", "page")
_LONGEST = 1_000
_MOST = 20
_LAST_PAGE = 100_000
_UNSTORABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


class BadUrlError(ValueError):
    """A URL that asks for what cannot be shown, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GridState:
    """Which models the grid shows, in which order, and how many of them.

    Attributes:
        search: Which ones.
        sort: In which order.
        page: The last page that is shown, from 1.
    """

    search: Search = field(default_factory=Search)
    sort: OrderBy = "-created_at"
    page: int = 1

    @classmethod
    def parse(cls, query: Iterable[tuple[str, str]]) -> GridState:
        """The state that the parameters of a URL say. Empty ones, as of a form, say nothing.

        Raises:
            BadUrlError: There is an unknown parameter, a value that cannot be, or one too many.
        """
        given: dict[str, list[str]] = {}
        for name, value in query:
            if name not in _NAMES:
                raise BadUrlError(f"There is no parameter {name!r}{did_you_mean(name, _NAMES)}.")
            if value.strip():
                given.setdefault(name, []).append(_checked(name, value))
        one = {name: _only(name, values) for name, values in given.items() if name not in _SEVERAL}
        fields: dict[str, Any] = {name: one[name] for name in _ONE if name in one}
        for name, several in _SEVERAL.items():
            fields[several] = tuple(dict.fromkeys(given.get(name, ())))
            if len(fields[several]) > _MOST:
                raise BadUrlError(f"The parameter {name!r} is there more than {_MOST} times.")
        fields["text"] = " ".join(one.get("q", "").split())
        if "deleted" in one:
            fields["deleted"] = _DELETED[_among("deleted", one["deleted"], _DELETED)]
        sort: Any = _among("sort", one.get("sort", "-created_at"), SORTS)
        return cls(search=Search(**fields), sort=sort, page=_page(one.get("page", "1")))

    def pairs(self) -> list[tuple[str, str]]:
        """The parameters that say this, without those that go without saying."""
        search = self.search
        deleted = {value: name for name, value in _DELETED.items()}
        pairs: list[tuple[str, str]] = [("q", search.text)]
        pairs += [(name, getattr(search, name) or "") for name in _ONE]
        pairs += [(name, one) for name, of in _SEVERAL.items() for one in getattr(search, of)]
        pairs.append(("deleted", deleted.get(search.deleted, "")))
        pairs.append(("sort", "" if self.sort == "-created_at" else self.sort))
        pairs.append(("page", "" if self.page == 1 else str(self.page)))
        return [(name, value) for name, value in pairs if value]

    def query(self) -> str:
        """The same as they stand in a URL."""
        return urlencode(self.pairs())

    def at(self, page: int) -> GridState:
        """The same up to another page."""
        return replace(self, page=page)

    def chosen(self, facet: str) -> tuple[str, ...]:
        """What is chosen of a facet."""
        if facet in _SEVERAL:
            values: tuple[str, ...] = getattr(self.search, _SEVERAL[facet])
            return values
        value: str | None = getattr(self.search, facet)
        return () if value is None else (value,)

    def toggled(self, facet: str, value: str) -> GridState:
        """With a value of a facet chosen, or not any more if it was; from the first page."""
        chosen = self.chosen(facet)
        if facet not in _SEVERAL:
            return self._with(**{facet: None if value in chosen else value})
        rest = tuple(one for one in chosen if one != value)
        return self._with(**{_SEVERAL[facet]: rest if value in chosen else (*chosen, value)})

    def with_deleted(self, *, deleted: bool | None) -> GridState:
        """With models that are deleted, without, or none but those."""
        return self._with(deleted=deleted)

    @property
    def filters(self) -> int:
        """How many filters are chosen."""
        several = sum(len(self.chosen(facet)) for facet in (*_ONE, *_SEVERAL))
        return several + (self.search.deleted is not False)

    def _with(self, **changes: Any) -> GridState:  # noqa: ANN401 - fields of several types
        return replace(self, search=replace(self.search, **changes), page=1)


def can_be_in_url(value: str) -> bool:
    """Whether a value can be asked for, and gives no access by itself."""
    fits = bool(value.strip()) and len(value) <= _LONGEST and not _UNSTORABLE.search(value)
    return fits and not is_signed(value)


def _checked(name: str, value: str) -> str:
    if len(value) > _LONGEST:
        raise BadUrlError(f"The parameter {name!r} is longer than {_LONGEST:,} characters.")
    if _UNSTORABLE.search(value):
        raise BadUrlError(f"The parameter {name!r} has a character that no text has.")
    return value


def _only(name: str, values: list[str]) -> str:
    if len(values) > 1:
        raise BadUrlError(f"The parameter {name!r} is there {len(values)} times; it has one value.")
    return values[0]


def _among(name: str, value: str, known: Iterable[str]) -> str:
    names = list(known)
    if value not in names:
        raise BadUrlError(f"The parameter {name!r} is one of {', '.join(names)}, not {value!r}.")
    return value


def _page(value: str) -> int:
    if value.isascii() and value.isdecimal() and 0 < int(value[:9]) <= _LAST_PAGE:
        return int(value[:9])
    raise BadUrlError(f"The parameter 'page' is a number from 1 to {_LAST_PAGE:,}, not {value!r}.")
