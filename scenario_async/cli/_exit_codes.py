"""What the exit codes mean, and which error ends with which."""

from __future__ import annotations

from enum import IntEnum

import asyncclick as click

from scenario_async import APIError, AuthenticationError, PermissionDeniedError
from scenario_async._extras import MissingExtraError
from scenario_async.cli._output import OutputClosedError, WrongUsageError

__all__ = ["ExitCode", "exit_code_for"]


class ExitCode(IntEnum):
    """How a run ended."""

    DONE = 0
    """All was written, or whoever read standard output had enough."""

    FAILED = 1
    """Something on this machine: output or a store that fails, a port that is taken, a bug."""

    WRONG_USAGE = 2
    """Options that do not fit, or no credentials to ask with."""

    REFUSED = 3
    """The service refused the credentials, or what they ask for."""

    SERVICE = 4
    """The service could not be reached, failed, or has no such model."""

    REJECTED = 5
    """A sync came to its end, and some rows did not fit."""

    DELETIONS = 6
    """A sync would have marked more models as deleted than it may, and marked none of them."""

    INTERRUPTED = 130
    """Ctrl-C; 128 and the number of the signal, as shells count."""

    TERMINATED = 143
    """SIGTERM, counted in the same way."""


# The first that fits.
_CODES: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], ExitCode], ...] = (
    ((KeyboardInterrupt, click.Abort), ExitCode.INTERRUPTED),
    # Nothing but an argument has what no text can have.
    (
        (click.UsageError, WrongUsageError, UnicodeEncodeError, MissingExtraError),
        ExitCode.WRONG_USAGE,
    ),
    ((AuthenticationError, PermissionDeniedError), ExitCode.REFUSED),
    (APIError, ExitCode.SERVICE),
    (OutputClosedError, ExitCode.DONE),
)


def exit_code_for(error: BaseException) -> ExitCode:
    """The exit code of a run that this ended."""
    return next((code for types, code in _CODES if isinstance(error, types)), ExitCode.FAILED)
