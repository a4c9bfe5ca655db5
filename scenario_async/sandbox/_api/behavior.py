"""How the service behaves where what is known of it leaves a choice."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Literal, Self, get_args, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Iterable

TagIndex = Literal["all", "ordinary", "none"]
"""Which tags a route can select by: all, all but those that begin with ``sc:``, or none."""

EndStyle = Literal["absent", "null", "empty"]
"""How the last page says that it is the last: no token, a null or an empty string."""

_OFFICIAL = "sc:"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Behavior:
    """How a sandbox behaves where sources on the service disagree, or say nothing.

    The defaults are what users of the live service measured; where nobody did, what its reference
    says.

    Attributes:
        models_tags: Which tags ``GET /models`` has an index of. A tag without an index selects
            nothing, although rows carry it.
        public_route_tags: The same for ``GET /models/public``.
        unindexed_tags: More tags that no route has an index of.
        several_tags: Whether several tags select the models that carry any of them, or all.
        score_direction: Whether ``sortDirection`` with ``sortBy=score`` is refused with 400 or
            ignored (which it is on public listings only).
        end: How the last page says that it is the last.
        unknown_status: Whether a ``status`` that the reference does not have selects everything,
            deleted models too, or is refused with 400.
        public_route_paging: What ``GET /models/public`` pages by: ``pageSize`` and
            ``paginationToken``, ``limit`` and ``offset`` (then no page has a token), or either.
        public_route_unknown: Whether it ignores paging parameters that it does not know, or
            refuses them with 400. If it knows both kinds, the latter makes it refuse a mixture.
        public_route_page: How many rows a page of it has where no size is asked for.
        short_pages: Whether pages may be short. Under tag, type and collection filters a page then
            looks at four times ``pageSize`` rows of the listing, and has those that match, at most
            ``pageSize``: it may be empty and still carry a token. Under date bounds every fourth
            page of a walk by tokens is a tenth short. Pages by ``limit`` and ``offset`` are full.
        dates: Whether listings sort by the milliseconds of dates and compare bounds with them, or
            by their seconds alone: models of one second then come by their ids.
        bulk: Whether ``POST /models/get-bulk`` answers, or refuses with 403.
        assets: Whether ``POST /assets/get-bulk`` answers, or refuses with 403.

    Raises:
        ValueError: A value is not one of those above.
    """

    models_tags: TagIndex = "ordinary"
    public_route_tags: TagIndex = "all"
    unindexed_tags: frozenset[str] = frozenset()
    several_tags: Literal["any", "all"] = "any"
    score_direction: Literal["refused", "ignored"] = "refused"
    end: EndStyle = "empty"
    unknown_status: Literal["everything", "refused"] = "everything"
    public_route_paging: Literal["tokens", "offsets", "both"] = "tokens"
    public_route_unknown: Literal["ignored", "refused"] = "ignored"
    public_route_page: int = 50
    short_pages: bool = True
    dates: Literal["milliseconds", "seconds"] = "milliseconds"
    bulk: Literal["allowed", "refused"] = "allowed"
    assets: Literal["allowed", "refused"] = "allowed"

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(type(self)).items():
            value, choices = getattr(self, name), get_args(hint)
            if hint not in (int, bool, frozenset[str]) and value not in choices:
                listed = ", ".join(map(repr, choices))
                raise ValueError(f"{name} must be one of {listed}, not {value!r}")
        if self.public_route_page < 1:
            raise ValueError(f"public_route_page must be at least 1, not {self.public_route_page}")

    @classmethod
    def from_text(cls, settings: Iterable[str]) -> Self:
        """Make a behavior out of settings such as ``several_tags=all`` and ``short_pages=false``.

        Names may have hyphens in the place of underscores; several tags are separated by commas.

        Raises:
            ValueError: A setting is none of these, or one is given twice.
        """
        hints = get_type_hints(cls)
        values: dict[str, Any] = {}
        for setting in settings:
            given, _, text = setting.partition("=")
            name = given.strip().replace("-", "_")
            if name not in hints:
                raise ValueError(f"{setting!r} must be NAME=VALUE, NAME one of {', '.join(hints)}")
            if name in values:
                raise ValueError(f"{name} is given twice")
            values[name] = _value(name, hints[name], text.strip())
        return cls(**values)

    def indexed(self, tags: Iterable[str], *, public_route: bool) -> tuple[str, ...]:
        """Return the tags that a route has an index of; no other one selects anything there."""
        index = self.public_route_tags if public_route else self.models_tags
        if index == "none":
            return ()
        return tuple(
            tag
            for tag in tags
            if tag not in self.unindexed_tags and (index == "all" or not tag.startswith(_OFFICIAL))
        )


def _value(name: str, hint: object, text: str) -> object:
    if hint is bool:
        if text not in {"true", "false"}:
            raise ValueError(f"{name} must be true or false, not {text!r}")
        return text == "true"
    if hint is int:
        if not (text.isascii() and text.isdigit()):
            raise ValueError(f"{name} must be a whole number, not {text!r}")
        return int(text)
    if hint == frozenset[str]:
        return frozenset(filter(None, (tag.strip() for tag in text.split(","))))
    return text
