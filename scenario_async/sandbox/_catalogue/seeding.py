"""Invented models in any number: row i is the same however many there are."""

from __future__ import annotations

import random
from bisect import bisect_right
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from . import words as _words
from .letters import letters
from .rows import SERVICE_ID, Oddity, Privacy, Row, milliseconds_of

if TYPE_CHECKING:
    from collections.abc import Iterator

NEWEST: Final = milliseconds_of(datetime(2026, 10, 15, 12, tzinfo=UTC))
"""No seeded model is younger than this."""

ODD_EVERY: Final = 10
"""Every tenth row is odd, where odd rows are wanted."""

_PUBLIC_ODDITIES: Final[tuple[Oddity, ...]] = (
    "article",
    "draft",
    "unknown-value",
    "new-field",
    "nulls",
)
_PRIVATE_ODDITIES: Final = _PUBLIC_ODDITIES[1:]
# Two public models have a number that the enumeration of the reference lacks (measured).
_RESTRICTED_ROWS: Final = (3, 6)
_DEPRECATED_EVERY: Final = 50
_HOUR: Final = 3_600_000
_KINDS: Final = {"public": 1, "private": 2, "unlisted": 3}
_BURST_KIND: Final = 8
_COLLECTION_KIND: Final = 4
_FOREIGN_KIND: Final = 5


def seeded_rows(
    privacy: Privacy,
    count: int,
    *,
    seed: int,
    burst: int,
    odd: bool,
    collections: tuple[str, ...],
    owner: str,
) -> Iterator[Row]:
    """Give ``count`` rows, the newest burst first.

    Models are born in bursts: ``burst`` neighbours were created within half a minute, about half
    of them in one and the same millisecond. Bursts lie hours, at times weeks, apart.
    """
    moment = NEWEST
    for index in range(count):
        if index % burst == 0:
            moment -= _gap(seed, privacy, index // burst)
        yield _row(
            privacy,
            index,
            seed=seed,
            moment=moment,
            odd=odd,
            collections=collections,
            owner=SERVICE_ID if privacy == "public" else owner,
        )


def seeded_collection_ids(count: int, *, seed: int) -> tuple[str, ...]:
    """Give the ids of ``count`` collections."""
    return tuple(
        "collection_" + letters(_random(seed, _COLLECTION_KIND, index).getrandbits(60), 24)
        for index in range(count)
    )


def seeded_foreign_ids(count: int, *, seed: int) -> tuple[str, ...]:
    """Give the ids of ``count`` models that belong to another project."""
    return tuple(
        "model_" + letters(_random(seed, _FOREIGN_KIND, index).getrandbits(60), 24)
        for index in range(count)
    )


def _random(seed: int, kind: int, index: int) -> random.Random:
    # A whole number as seed means the same in every process; the hash of a text would not.
    number = (abs(seed) << 56) | (kind << 48) | index
    return random.Random(number)  # noqa: S311 -- invented data, nothing to protect


def _gap(seed: int, privacy: Privacy, number: int) -> int:
    """Give the milliseconds between two bursts: mostly some hours, now and then a month."""
    chance = _random(seed, _KINDS[privacy] + _BURST_KIND, number).random()
    return int(3 * _HOUR / (1.0015 - chance)) + 30_000


def _row(
    privacy: Privacy,
    index: int,
    *,
    seed: int,
    moment: int,
    odd: bool,
    collections: tuple[str, ...],
    owner: str,
) -> Row:
    source = _random(seed, _KINDS[privacy], index)
    content = source.getrandbits(60)
    oddity = _oddity(privacy, index) if odd else ""
    created = moment if source.random() < 0.5 else moment - int(source.random() * 25_000)  # noqa: PLR2004 -- about half
    updated = created + int((NEWEST - created) * source.random() ** 3)
    return Row(
        id=_model_id(privacy, index, seed, content),
        name=_name(content, index),
        privacy=privacy,
        type=_type(privacy, oddity, content, source.random()),
        status=_status(privacy, oddity, source.random()),
        created=created,
        updated=updated,
        score=int(source.random() * 10_000),
        tags=_tags(privacy, index, seed, content),
        collections=_collections(collections, source.random()),
        loaded=content % 11 == 0,
        content=content,
        oddity=oddity,
        owner=owner,
    )


def _oddity(privacy: Privacy, index: int) -> Oddity:
    if privacy == "public" and index in _RESTRICTED_ROWS:
        return "restricted"
    turn, place = divmod(index, ODD_EVERY)
    if place != ODD_EVERY - 1:
        return ""
    kinds = _PUBLIC_ODDITIES if privacy == "public" else _PRIVATE_ODDITIES
    return kinds[turn % len(kinds)]


def _model_id(privacy: Privacy, index: int, seed: int, content: int) -> str:
    if privacy != "public":
        # The index makes it unique: letters cut from one pool may meet.
        return f"model_{letters(content >> 5, 18)}{index:06d}"
    maker = _words.MAKERS[(content >> 23) % len(_words.MAKERS)].replace(" ", "-").lower()
    thing = _words.THINGS[(content >> 27) % len(_words.THINGS)].lower()
    return f"model_{maker}-{thing}-{seed}-{index}"


def _name(content: int, index: int) -> str:
    maker = _words.MAKERS[(content >> 23) % len(_words.MAKERS)]
    thing = _words.THINGS[(content >> 27) % len(_words.THINGS)]
    flourish = _words.FLOURISHES[(content >> 31) % len(_words.FLOURISHES)]
    return f"{maker} {thing} {index}{flourish}"


def _type(privacy: Privacy, oddity: Oddity, content: int, chance: float) -> str:
    if oddity == "article":
        return ("checkpoint", "lora")[content & 1]
    if oddity == "unknown-value":
        return "hologram.1-lora"
    if privacy == "public":
        return _words.PUBLIC_TYPES[bisect_right(_words.PUBLIC_TYPE_BOUNDS, chance)]
    return _words.PRIVATE_TYPES[bisect_right(_words.PRIVATE_TYPE_BOUNDS, chance)]


def _status(privacy: Privacy, oddity: Oddity, chance: float) -> str:
    if oddity == "draft":
        return "draft"
    if privacy == "public":
        return "trained"
    return _words.PRIVATE_STATUSES[bisect_right(_words.PRIVATE_STATUS_BOUNDS, chance)]


def _tags(privacy: Privacy, index: int, seed: int, content: int) -> tuple[str, ...]:
    words = _words.PUBLIC_TAGS if privacy == "public" else _words.PRIVATE_TAGS
    first = content % len(words)
    chosen = {words[(first + step * 5) % len(words)] for step in range((content >> 35) % 4)}
    if privacy == "public":
        chosen.add("sc:scenario" if (content >> 39) % 5 == 0 else "sc:third-party")
        if index % _DEPRECATED_EVERY == _DEPRECATED_EVERY - 1:
            successor = _random(seed, _KINDS[privacy], index - 1).getrandbits(60)
            chosen.add("deprecated:" + _model_id(privacy, index - 1, seed, successor))
    return tuple(sorted(chosen))


def _collections(collections: tuple[str, ...], chance: float) -> tuple[str, ...]:
    """Put about half of the models into one collection, a few of them into a second one."""
    if not collections or chance >= 0.5:  # noqa: PLR2004 -- about half
        return ()
    place = int(chance * 2 * len(collections))
    if chance < 0.45 or len(collections) == 1:  # noqa: PLR2004 -- nine of ten
        return (collections[place],)
    return (collections[place], collections[(place + 1) % len(collections)])
