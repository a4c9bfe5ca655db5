"""What is kept in step: the scopes of a store, as text and as listings. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import msgspec

from scenario_async._query import LARGEST_PAGE, ListingQuery, Privacy, given_texts

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Scope", "parse_scopes"]

_FORMS = (
    '"private", "public", "unlisted", "collection:ID", "public:collection:ID,ID" or '
    '"unlisted:collection:ID"'
)
_PRIVACIES: dict[str, Privacy] = {one: one for one in get_args(Privacy)}
# Collections of private models have none.
_PREFIXES: dict[str, Privacy] = {"public": "public", "unlisted": "unlisted"}
_LONGEST = 1_000  # bytes; an index of PostgreSQL takes 2,704, of which an id may need some
Kind: TypeAlias = Literal[
    "full", "created", "updated", "newest", "latest", "new", "training", "deleted"
]


class Scope(msgspec.Struct, frozen=True):
    """The private, the public or the unlisted models, all of them or those of collections.

    Attributes:
        privacy: Which models.
        collections: Only those in one of these; all where there are none.
    """

    privacy: Privacy
    collections: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Scope:
        """A scope from its text, which is that of ``Listing.scope``.

        Raises:
            ValueError: It is not a scope; says what would be.
        """
        if text in _PRIVACIES:
            return cls(_PRIVACIES[text])
        if len(text.encode()) > _LONGEST:
            raise ValueError(
                f"a scope of {len(text):,} characters is too long to be a key of the store: "
                "give the collections in several scopes"
            )
        prefix, _, rest = text.partition(":")
        privacy = _PREFIXES.get(prefix, "private")
        kind, _, names = (text if privacy == "private" else rest).partition(":")
        ids = tuple(name.strip() for name in names.split(","))
        if kind != "collection" or not all(ids):
            raise ValueError(f"a scope is {_FORMS}, not {text!r}")
        if privacy != "public" and len(ids) > 1:
            raise ValueError(
                f"{privacy} models are listed by one collection at a time: in place of {text!r} "
                "give " + " and ".join(f'"{cls(privacy, (one,))}"' for one in ids)
            )
        return cls(privacy, ids)

    def __str__(self) -> str:
        if not self.collections:
            return self.privacy
        within = "collection:" + ",".join(self.collections)
        return within if self.privacy == "private" else f"{self.privacy}:{within}"

    @property
    def public(self) -> bool:
        """Whether its models are public: only of those the service can list what was updated."""
        return self.privacy == "public"

    def query(self, kind: Kind) -> ListingQuery:
        """What is listed for one kind of query of a run.

        ``"full"``: everything, oldest first. ``"created"`` and ``"updated"``: the same by that
        date, oldest first. ``"newest"``: the model that was updated last, alone. ``"latest"``: as
        the service lists them by itself, which for private models begins with those that were
        created last. ``"new"`` and ``"training"``: models of that status. ``"deleted"``:
        what was deleted in the last 30 days.
        """
        one = ListingQuery(privacy=self.privacy, page_size=LARGEST_PAGE)
        if self.collections:
            ids = ",".join(self.collections)
            one = msgspec.structs.replace(
                one,
                collection_id=None if self.public else ids,
                collection_ids=ids if self.public else None,
            )
        match kind:
            case "full" | "created":
                return msgspec.structs.replace(one, sort_by="createdAt", sort_direction="asc")
            case "updated":
                return msgspec.structs.replace(one, sort_by="updatedAt", sort_direction="asc")
            case "newest":
                return msgspec.structs.replace(
                    one, sort_by="updatedAt", sort_direction="desc", page_size=1
                )
            case "latest":
                return one
            case "new" | "training" | "deleted":
                return msgspec.structs.replace(one, status=kind)


def parse_scopes(texts: Iterable[str]) -> list[Scope]:
    """Several scopes from their texts.

    Raises:
        TypeError: It is one string, or there is something else among them.
        ValueError: There is none, one is not a scope, or one is given twice.
    """
    parsed: list[Scope] = []
    for text in given_texts("scopes", texts):
        scope = Scope.parse(text)
        if scope in parsed:
            raise ValueError(f"the scope {str(scope)!r} is given twice")
        parsed.append(scope)
    if not parsed:
        raise ValueError('scopes must name at least one scope, such as "private"')
    return parsed
