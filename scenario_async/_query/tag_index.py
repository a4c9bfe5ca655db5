"""Which tags the service can select by, as its answers have shown. No I/O.

Rows carry tags that the filter does not know: for tags of the service itself, such as
``sc:scenario``, ``GET /models`` was seen to answer nothing at all, while its rows carry them.
A listing by such a tag is gone through without the filter, and its rows are checked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec

from .query import LARGEST_PAGE, ListingQuery, Route, names_in
from .row_checks import tags_of

if TYPE_CHECKING:
    from scenario_async._decoding import PageAnswer

__all__ = ["TagIndex"]

_OF_THE_SERVICE = "sc:"

_Tags: TypeAlias = tuple[Route, frozenset[str]]


class TagIndex:
    """What is known of the index of tags, for the life of a client.

    Ordinary tags are in the index (measured). Of the others an answer decides, once for each tag
    and route; and of several at once, whether the service selects by them as a union. What is
    decided stays: the tokens of a run lead on in the listing that it began.
    """

    def __init__(self) -> None:
        self._selects: dict[_Tags, bool] = {}
        self._unions: set[Route] = set()

    def probe(self, query: ListingQuery) -> ListingQuery | None:
        """What has to be asked to know how to ask for a query; ``None`` where that is known.

        A page of tags alone, without other filters. A large one: a small page may be empty although
        the tags are in the index, as of a service that looks at so many rows for each page and
        returns those that fit.
        """
        parts = self._parts(query)
        if any(self._selects.get(part) is False for part in parts):
            return None
        unknown = next((part for part in parts if not self._known(part)), None)
        return None if unknown is None else _alone(query, unknown[1])

    def saw(self, query: ListingQuery, answer: PageAnswer, *, filtered: bool = False) -> None:
        """Note what the first page of a query shows.

        A row that carries one of the tags and none of the others was found by it; one that carries
        some of them and not all was found by a union. A page without such a row shows the contrary
        if nothing else was asked for, and the page is the last or as large as any. If no model
        carries the tags at all, the listing is only more work than it had to be.

        Args:
            query: What was asked.
            answer: What came.
            filtered: Whether other parameters were sent than those of the query.
        """
        tags = names_in(query.tags)
        found = {tags & tags_of(raw) for raw in answer.rows}
        if found - {tags, frozenset()}:
            self._unions.add(query.route)
        whole = answer.token is None or query.rows_per_page == LARGEST_PAGE
        for part in self._parts(query):
            if self._known(part) or (part[1] in found and len(part[1]) == 1):
                self._selects.setdefault(part, True)
            elif whole and not filtered and _listed(query) == _listed(_alone(query, part[1])):
                self._selects.setdefault(part, False)

    def sendable(self, query: ListingQuery) -> ListingQuery:
        """The query with its tags, unless the service does not select by them."""
        if all(self._selects.get(part) is not False for part in self._parts(query)):
            return query
        return msgspec.structs.replace(query, tags=None)

    def surely_selects(self, query: ListingQuery) -> bool:
        """Whether a page of a query has rows that were asked for, however small it is."""
        return self.probe(query) is None and self.sendable(query) == query

    def _parts(self, query: ListingQuery) -> list[_Tags]:
        """What of the tags is in doubt: each one of the service's, and all of several together."""
        tags = names_in(query.tags)
        parts = [frozenset({tag}) for tag in sorted(tags) if tag.startswith(_OF_THE_SERVICE)]
        return [(query.route, part) for part in [*parts, *([tags] if len(tags) > 1 else [])]]

    def _known(self, part: _Tags) -> bool:
        route, tags = part
        return part in self._selects or (len(tags) > 1 and route in self._unions)


def _alone(query: ListingQuery, tags: frozenset[str]) -> ListingQuery:
    return ListingQuery(
        route=query.route,
        privacy=query.privacy,
        project_id=query.project_id,
        page_size=LARGEST_PAGE,
        tags=",".join(sorted(tags)),
    )


def _listed(query: ListingQuery) -> tuple[ListingQuery, frozenset[str]]:
    """What is listed, in whatever order."""
    plain = msgspec.structs.replace(query.whole(), sort_by=None, sort_direction=None, tags=None)
    return plain, names_in(query.tags)
