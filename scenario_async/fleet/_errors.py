"""What can be wrong with an account."""

from __future__ import annotations

from scenario_async import ScenarioError

__all__ = ["CredentialsError", "UnknownAccountError"]


class UnknownAccountError(ScenarioError, LookupError):
    """The fleet has no account of this name."""


class CredentialsError(ScenarioError):
    """The credentials of an account cannot be found where its reference says, or are none.

    The message shows the reference, and nothing of what is found there.
    """
