"""How ``GET /models/public`` is gone through, as its answers have shown. No I/O.

Its two descriptions exclude each other: the OpenAPI of the service says ``pageSize`` and
``paginationToken``, its help says ``limit`` and ``offset``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .query import ListingQuery

__all__ = ["PublicRoute", "first_row"]


@dataclass(slots=True)
class PublicRoute:
    """What is known of the route, for the life of a client. ``None`` is not known.

    Attributes:
        tokens: Whether it is gone through by ``pageSize`` and ``paginationToken``.
        offsets: Whether it is gone through by ``limit`` and ``offset``.
    """

    tokens: bool | None = None
    offsets: bool | None = None

    def form(self, query: ListingQuery) -> ListingQuery:
        """How a listing begins: by tokens, unless the route is known to have none."""
        return query.at(query.offset or 0) if self.tokens is False else query.after(None)

    def other_form(self, form: ListingQuery) -> ListingQuery | None:
        """The other way to begin, where it may be that the service refuses this one."""
        if self.tokens is not None or form.rows_per_page is None:
            return None
        return form.at(0)

    def by_tokens_alone(self) -> None:
        """Row numbers were refused, or without effect."""
        self.tokens, self.offsets = True, False

    def by_offsets_alone(self) -> None:
        """Row numbers lead on, where no token did."""
        self.tokens, self.offsets = False, True


def first_row(query: ListingQuery) -> ListingQuery:
    """What shows whether ``limit`` has an effect."""
    return query.whole().with_rows_per_page(1).at(0)
