"""What users give a live catalogue, checked. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict

from scenario_async import AsyncScenario
from scenario_async.sync._runs import check_duration, check_max_deletions
from scenario_async.sync._store import database_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from scenario_async.sync import CatalogStore

__all__ = ["LiveOptions", "Role", "Settings", "Start"]

Start: TypeAlias = Literal["wait", "stored", "background"]
"""What entering a :class:`LiveCatalog` waits for."""

Role: TypeAlias = Literal["auto", "reader"]
"""Whether a :class:`LiveCatalog` may send requests."""


class LiveOptions(TypedDict, total=False):
    """The parameters of :class:`LiveCatalog` that do not decide its type."""

    store: CatalogStore | None
    scopes: Sequence[str]
    every: timedelta | float
    start: Start
    role: Role
    full_every: timedelta
    max_deletions: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The parameters of :class:`LiveCatalog` beside the type, as they are used.

    Raises:
        TypeError: One is of the wrong type.
        ValueError: One fits nothing.

    Attributes:
        scenario: A client, which ``role="reader"`` does without.
        store: An open store; ``None`` for one in memory.
        scopes: As a store knows them.
        every: In seconds.
        start: What entering waits for.
        role: Whether requests may be sent.
        full_every: As for :func:`sync`.
        max_deletions: As for :func:`sync`.
    """

    scenario: AsyncScenario | None
    store: CatalogStore | None
    scopes: Sequence[str]
    every: float
    start: Start
    role: Role
    full_every: timedelta
    max_deletions: float | None

    def __post_init__(self) -> None:
        if not (self.scenario is None or isinstance(self.scenario, AsyncScenario)):  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
            raise TypeError(
                f"scenario must be an AsyncScenario or None, not {type(self.scenario).__name__}"
            )
        if self.store is not None:
            database_of(self.store)
        check_duration("full_every", self.full_every)
        check_max_deletions(self.max_deletions)
        if self.role == "reader" and self.store is None:
            raise ValueError('role="reader" reads a store that others refresh: give it one')
        if self.role != "reader" and self.scenario is None:
            raise ValueError('a client is needed for all but role="reader"')

    @property
    def client(self) -> AsyncScenario | None:
        """Who is asked; ``None`` where no request may be sent."""
        return None if self.role == "reader" else self.scenario
