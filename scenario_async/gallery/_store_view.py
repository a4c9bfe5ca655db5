"""How a store is: of what it is a copy, how old that is, and whether a sync is at work on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from scenario_async.sync._store import copy_status, scopes_of, stored_identity

from ._text import ago, line

if TYPE_CHECKING:
    from scenario_async.sync import CatalogStore

__all__ = ["StoreView", "store_view"]

_HTTPS = "https://"
_ERROR = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreView:
    """What pages say of the store.

    Attributes:
        name: Of the database, without who asks.
        service: Of what it is a copy; ``None`` where no run has begun.
        scopes: What was ever copied.
        as_of: When the copy was whole, for machines; ``None`` where it never was.
        age: The same, in words.
        under_way: Whether a run is at work on it.
        error: What ended the last run, where something did.
        refresh_error: Why it is not kept fresh, where it should be.
    """

    name: str
    service: str | None
    scopes: tuple[str, ...]
    as_of: str | None
    age: str | None
    under_way: bool
    error: str | None
    refresh_error: str | None


async def store_view(
    store: CatalogStore, name: str, *, refresh_error: str | None = None
) -> StoreView:
    """How a store is now.

    Raises:
        StoreError: The database failed.
    """
    identity, scopes = await stored_identity(store), await scopes_of(store)
    state = await copy_status(store, scopes)
    now, as_of = datetime.now(UTC), state.as_of
    return StoreView(
        name=name,
        service=None if identity is None else line(str(identity).removeprefix(_HTTPS)),
        scopes=tuple(line(scope) for scope in scopes),
        as_of=None if as_of is None else as_of.isoformat(),
        age=None if as_of is None else ago(as_of, now),
        under_way=state.under_way,
        error=None if state.error is None else line(state.error, _ERROR),
        refresh_error=None if refresh_error is None else line(refresh_error, _ERROR),
    )
