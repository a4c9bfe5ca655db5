"""What users give a live catalogue, checked. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict, TypeVar, get_args

from scenario_async import AsyncScenario
from scenario_async._argument_errors import ArgumentError, Parameter
from scenario_async._options import seconds_of
from scenario_async.sync._runs import check_duration, check_max_deletions
from scenario_async.sync._scopes import parse_scopes
from scenario_async.sync._store import database_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from scenario_async.sync import CatalogStore

__all__ = ["LiveOptions", "Role", "Settings", "Start", "one_of"]

Start: TypeAlias = Literal["wait", "stored", "background"]
"""What entering a :class:`LiveCatalog` waits for."""

Role: TypeAlias = Literal["auto", "reader"]
"""Whether a :class:`LiveCatalog` may send requests."""

TextT = TypeVar("TextT", bound=str)
_KNOWN = {"start": get_args(Start), "role": get_args(Role)}


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

    Attributes:
        scenario: Who is asked; ``None`` for ``role="reader"``.
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

    @classmethod
    def of(
        cls,
        scenario: AsyncScenario | None,
        store: CatalogStore | None,
        *,
        scopes: Sequence[str],
        every: timedelta | float,
        start: Start,
        role: Role,
        full_every: timedelta,
        max_deletions: float | None,
    ) -> Settings:
        """What is given, checked.

        Raises:
            TypeError: One is of the wrong type.
            ValueError: One fits nothing.
        """
        if not (scenario is None or isinstance(scenario, AsyncScenario)):  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
            raise TypeError(
                f"scenario must be an AsyncScenario or None, not {type(scenario).__name__}"
            )
        if store is not None:
            database_of(store)
        check_duration("full_every", full_every)
        check_max_deletions(max_deletions)
        if one_of("role", role) == "reader" and store is None:
            raise ValueError('role="reader" reads a store that others refresh: give it one')
        if role != "reader" and scenario is None:
            raise ValueError('a client is needed for all but role="reader"')
        return cls(
            scenario=None if role == "reader" else scenario,
            store=store,
            scopes=[str(scope) for scope in parse_scopes(scopes)],
            every=seconds_of("every", every),
            start=one_of("start", start),
            role=role,
            full_every=full_every,
            max_deletions=max_deletions,
        )


def one_of(name: str, value: TextT) -> TextT:
    """The value of an option that has a few.

    Raises:
        ValueError: It is none of them.
    """
    known = _KNOWN[name]
    if value not in known:
        names = ", ".join(map(repr, known))
        raise ArgumentError(Parameter(name), f" must be one of {names}, not {value!r}")
    return value
