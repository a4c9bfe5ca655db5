"""What can be wrong with an account."""

from __future__ import annotations

from scenario_async import ScenarioError
from scenario_async._formats import printable
from scenario_async._urls import redact

__all__ = ["CredentialsError", "ResolverError", "UnknownAccountError", "in_short"]

_LONGEST = 300  # characters


class UnknownAccountError(ScenarioError, LookupError):
    """The fleet has no account of this name."""


class CredentialsError(ScenarioError):
    """There are no credentials of an account where its reference says, or none that are valid.

    The message shows the reference, and nothing of what is found there.
    """


class ResolverError(ScenarioError):
    """The function that finds the credentials of accounts failed.

    The account is not to blame, and is tried again: a vault may be away.
    """


def in_short(error: BaseException) -> str:
    """An error as it is kept with an account, on one line.

    Of one that is not of this package only the name: nobody knows what it quotes.
    """
    name = type(error).__name__
    if not isinstance(error, ScenarioError):
        return name
    text = printable(redact(f"{name}: {error}"))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"
