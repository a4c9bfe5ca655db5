"""The settings of an account, checked. No I/O."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from scenario_async._argument_errors import ArgumentError, Parameter, argument_error
from scenario_async.sync import PUBLIC_ACCOUNT
from scenario_async.sync._runs import check_duration
from scenario_async.sync._scopes import parse_scopes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenario_async.sync._scopes import Scope

__all__ = ["Settings", "settings_of"]

_LONGEST_NAME = 200  # bytes, as the store has it
_SHORTEST = timedelta(seconds=1)
_LONGEST = timedelta(days=366)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of an account, as :class:`Account` has them."""

    name: str
    credential_ref: str
    scopes: tuple[str, ...]
    every: timedelta
    limit_group: str


def settings_of(
    name: str,
    *,
    credential_ref: str,
    scopes: Sequence[str],
    every: timedelta,
    limit_group: str | None,
) -> Settings:
    """The settings of an account, checked.

    Raises:
        TypeError: One of them is of the wrong type.
        ValueError: One of them does not do; says what would.
    """
    _check_text("name", name)
    _check_text("credential_ref", credential_ref)
    if limit_group is not None:
        _check_text("limit_group", limit_group)
    check_duration("every", every)
    if not _SHORTEST <= every <= _LONGEST:
        raise argument_error(
            "{every} must be from a second to {days} days, not {given}",
            days=_LONGEST.days,
            given=every,
        )
    return Settings(
        name=name,
        credential_ref=credential_ref,
        scopes=_scopes_of(name, parse_scopes(scopes)),
        every=every,
        limit_group=name if limit_group is None else limit_group,
    )


def _scopes_of(name: str, scopes: Sequence[Scope]) -> tuple[str, ...]:
    for scope in scopes:
        if scope.collections:
            raise ValueError(
                f"the models of {str(scope)!r} are among those of {scope.privacy!r}: give that, "
                "and ask the store for models of the collection"
            )
        if scope.public != (name == PUBLIC_ACCOUNT):
            raise ValueError(
                f"public models are the same for all accounts, and are copied once: add an account "
                f"of the name {PUBLIC_ACCOUNT!r} with the scope 'public' alone, and leave that "
                "scope out of the others"
            )
    return tuple(map(str, scopes))


def _check_text(what: str, text: object) -> None:
    if not isinstance(text, str):
        raise TypeError(f"{what} must be a str, not {type(text).__name__}")
    if not text or text != text.strip() or not text.isprintable():
        raise ArgumentError(
            Parameter(what),
            " must be text on one line, without white space around it and control characters",
        )
    if len(text.encode()) > _LONGEST_NAME:
        raise ArgumentError(Parameter(what), f" must have at most {_LONGEST_NAME} bytes")
