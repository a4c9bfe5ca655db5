"""Faults that change a page of models before it is written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, get_args

from .bad_rows import BadRowKind, bad_row, bad_row_id
from .faults import Fault, Phase

if TYPE_CHECKING:
    from scenario_async.sandbox._api import EndStyle, Page, TokenStyle


class PageFault(Fault, ABC):
    """A fault that changes a page of models."""

    __slots__ = ()

    phase: ClassVar[Phase] = "page"

    def fits(self, page: Page) -> bool:
        """Tell whether this fault changes that page; one that does not is not counted."""
        del page
        return True

    @abstractmethod
    def change(self, page: Page) -> Page:
        """Give the changed page."""


@dataclass(frozen=True, slots=True)
class EmptyPage(PageFault):
    """Gives a page without models, whose token leads to the models that would have been on it.

    Nothing is lost. The token differs from the one that was sent; on public listings it is still
    an offset, with one member more.

    Attributes:
        page: Only this page of a walk (the first is 0); ``None`` for whichever page comes.
        hide: Whether the models stay hidden and the usual token follows, as from a store that
            filters after it has counted. A walk does not find these models, and that is right.
    """

    page: int | None = None
    hide: bool = False

    def fits(self, page: Page) -> bool:
        """Tell whether it is that page, and there is something to withhold."""
        if self.page is not None and page.number != self.page:
            return False
        if page.following is not None:
            return True
        return bool(page.rows) and page.gives_tokens and not self.hide

    def change(self, page: Page) -> Page:
        """Take the rows away and lead to the same place."""
        following = page.following if self.hide else page.place.again()
        return replace(page, rows=[], following=following)


@dataclass(frozen=True, slots=True)
class EmptyListing(PageFault):
    """Gives a page without models and without a token, as if there were nothing to list."""

    def change(self, page: Page) -> Page:
        """Take the rows away, and what follows."""
        return replace(page, rows=[], following=None)


@dataclass(frozen=True, slots=True)
class RepeatedRows(PageFault):
    """Repeats the last models of the page before, ahead of the page's own.

    Attributes:
        count: How many; the page is that much longer.
    """

    count: int = 3

    def fits(self, page: Page) -> bool:
        """Tell whether there is a page before."""
        return bool(page.before(1))

    def change(self, page: Page) -> Page:
        """Put the repeated rows in front."""
        return replace(page, rows=[*page.before(self.count), *page.rows])


@dataclass(frozen=True, slots=True)
class RepeatedToken(PageFault):
    """Hands out the token that came with the request: a walk that follows it never ends."""

    def fits(self, page: Page) -> bool:
        """Tell whether a token came with the request."""
        return page.sent_token is not None

    def change(self, page: Page) -> Page:
        """Hand out the token that was sent."""
        return replace(page, repeat_token=True)


@dataclass(frozen=True, slots=True)
class EndToken(PageFault):
    """Changes how the last page says that it is the last.

    Attributes:
        style: No ``nextPaginationToken``, a null, or an empty text.
    """

    style: EndStyle = "null"

    def fits(self, page: Page) -> bool:
        """Tell whether it is the last page."""
        return page.following is None

    def change(self, page: Page) -> Page:
        """Say the end in that style."""
        return replace(page, end=self.style)


@dataclass(frozen=True, slots=True)
class ChangedTokens(PageFault):
    """Hands out the token of the next page in another format, which leads to the same place.

    Attributes:
        style: ``reordered`` turns the members of a plain offset round; ``sealed`` makes it one that
            cannot be read. Tokens that cannot be read anyway get a prefix.
    """

    style: TokenStyle = "sealed"

    def fits(self, page: Page) -> bool:
        """Tell whether there is a next page."""
        return page.following is not None

    def change(self, page: Page) -> Page:
        """Write the token in that style."""
        return replace(page, style=self.style)


@dataclass(frozen=True, slots=True)
class BadRow(PageFault):
    """Adds one row that is broken; all rows of the page itself are still there.

    Attributes:
        kind: How it is broken, see ``BadRowKind``.
        index: Its place on the page, counted from 0; the end of the page if that is shorter.
    """

    kind: BadRowKind
    index: int = 0

    def __post_init__(self) -> None:
        if self.kind not in get_args(BadRowKind):
            kinds = ", ".join(map(repr, get_args(BadRowKind)))
            raise ValueError(f"kind must be one of {kinds}, not {self.kind!r}")

    @property
    def id(self) -> str:
        """The id inside the broken row, which no model has (``missing-id`` rows lack it)."""
        return bad_row_id(self.kind)

    def change(self, page: Page) -> Page:
        """Put the broken row in."""
        rows = list(page.rows)
        rows.insert(self.index, bad_row(self.kind))
        return replace(page, rows=rows)
