"""What users give a live catalogue, checked. No I/O."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict, TypeVar, get_args

from scenario_async._argument_errors import ArgumentError, Parameter
from scenario_async.sync._scopes import Scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenario_async.sync import CatalogStore

__all__ = ["LiveOptions", "Role", "Start", "check_scopes", "one_of", "seconds_of"]

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


def seconds_of(name: str, value: object) -> float:
    """A length of time, given as seconds or a ``timedelta``.

    Raises:
        TypeError: It is something else.
        ValueError: It is not above zero.
    """
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError(f"{name} must be seconds or a timedelta, not {type(value).__name__}")
    if not seconds > 0:
        raise ArgumentError(Parameter(name), f" must be above zero, not {value!r}")
    return seconds


def check_scopes(scopes: Sequence[str]) -> list[str]:
    """The scopes, as a store knows them.

    Raises:
        TypeError: It is one text.
        ValueError: There is none, one is no scope, or one is given twice.
    """
    if isinstance(scopes, str):
        raise TypeError(f"scopes must be several scopes, such as [{scopes!r}], and not one str")
    parsed = [str(Scope.parse(scope)) for scope in scopes]
    if not parsed:
        raise ValueError('scopes must name at least one scope, such as "private"')
    if len(set(parsed)) < len(parsed):
        raise ValueError(f"a scope is given twice in {parsed}")
    return parsed


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
