"""What is said to people, on standard error: one line each, in words of the command line."""

from __future__ import annotations

import errno
import logging
import os
import sys
import warnings
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import asyncclick as click

from scenario_async import APIError, ScenarioError, ScenarioWarning
from scenario_async._argument_errors import ArgumentError, InPython, Parameter
from scenario_async._formats import printable, without_steering
from scenario_async._system_errors import system_reason

from .output import OutputError, abandon

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = [
    "WrongUsageError",
    "cannot_listen",
    "clock",
    "counted",
    "debug_log",
    "option_names",
    "say",
    "stamp",
    "stamp_messages",
    "warnings_said",
    "wrong_usage",
]

# What the client calls something else than its option.
_OPTIONS = {
    "api_key": "SCENARIO_SDK_API_KEY",
    "api_secret": "SCENARIO_SDK_API_SECRET",
    "base_url": "--base-url (or SCENARIO_BASE_URL)",
    "collection_ids": "--collection",
    "credential_ref": "--credentials",
    "ids": "ID",
    "name": "ACCOUNT",
    "tags": "--tag",
    "types": "--type",
}


class WrongUsageError(click.ClickException):
    """Options or an environment that the client refuses, each valid in itself."""

    exit_code = 2


def stamp(moment: datetime) -> str:
    """A moment as logs have it: UTC in whole seconds."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number of things, as in ``1,200 models``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def clock(seconds: float) -> str:
    """How long something took, as in ``1:05``."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"


class _Said:
    """How messages are said, for as long as the command runs."""

    stamped = False


def stamp_messages(*, wanted: bool = True) -> None:
    """Let each message begin with the time, as in a log, up to the end of the command."""
    _Said.stamped = wanted


def say(text: str, *, laid_out: bool = False) -> None:
    """Write one line to standard error. Nothing is lost where nobody listens there.

    Args:
        text: The line.
        laid_out: Whether its spaces mean something, as those of a help do.
    """
    if sys.stderr is None:
        return  # a process may well have been started without one
    time = f"{stamp(datetime.now(UTC))} " if _Said.stamped else ""
    line = without_steering(text) if laid_out else printable(text)
    try:
        sys.stderr.write(f"{time}{line}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        abandon(sys.stderr)


def in_words(error: Exception) -> str:
    """What an error says, with what else is known of it."""
    more: list[str] = list(getattr(error, "__notes__", ()))
    if isinstance(error, APIError):
        if error.retry_after is not None:
            more.append(f"the service asks to wait {error.retry_after:,g} s")
        if error.request_id is not None:
            more.append(f"request {error.request_id}")
    return f"{error} ({'; '.join(more)})" if more else str(error)


def cannot_listen(host: str, port: int, error: OSError) -> click.ClickException:
    """What to raise where a server cannot listen."""
    # Since Python 3.13 asyncio has a sentence of its own for an address that no interface has.
    elsewhere = error.errno is None
    reason = os.strerror(errno.EADDRNOTAVAIL) if elsewhere else system_reason(error)
    place = f"{host}, port {port}" if port else host
    taken = error.errno in {errno.EADDRINUSE, errno.EACCES}
    hint = "; --port 0 takes any free one" if taken else ""
    return click.ClickException(f"cannot listen on {place}: {reason}{hint}")


def option_names(error: ValueError) -> str:
    """What an error says, with parameters of the client named as the options that set them."""
    if not isinstance(error, ArgumentError):
        return str(error)
    return "".join(map(_on_the_command_line, error.parts))


def _on_the_command_line(parameter: str | Parameter) -> str:
    if isinstance(parameter, str):
        return "" if isinstance(parameter, InPython) else parameter
    name = parameter.name.partition("[")[0]  # one of several values
    option = _OPTIONS.get(name, "--" + name.replace("_", "-"))
    return option if parameter.value is None else f"{option} {parameter.value}"


@contextmanager
def wrong_usage() -> Generator[None]:
    """Turn a ``ValueError`` of the client into wrong usage of the command line."""
    try:
        yield
    except ValueError as error:
        raise WrongUsageError(option_names(error)) from error


@contextmanager
def warnings_said() -> Generator[None]:
    """Say what the client warns of in one line each, without the place in its code."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", ScenarioWarning)
        as_python_shows = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            *place: Any,  # noqa: ANN401 - as Python hands it over
            **more: Any,  # noqa: ANN401 - as above
        ) -> None:
            if issubclass(category, ScenarioWarning):
                say(f"Warning: {message}")
            else:
                as_python_shows(message, category, *place, **more)

        warnings.showwarning = show
        yield


class _OneLine(logging.Formatter):
    """Only the traceback of a bug may have more than one."""

    def formatException(self, ei: Any) -> str:  # noqa: ANN401, N802 - as in logging
        return "\n".join(map(without_steering, super().formatException(ei).split("\n")))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name in logging
        record.message = printable(record.message)
        return super().formatMessage(record)


class _Saying(logging.StreamHandler[Any]):
    """Says a warning as any other message, with the time where those have it."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info is None:
            say(f"Warning: {record.getMessage()}")
        else:  # a bug, with its traceback
            super().emit(record)


@contextmanager
def debug_log(*, shown: bool) -> Generator[None]:
    """Write the log of the package to standard error meanwhile: all of it, or its warnings."""
    log = logging.getLogger("scenario_async")
    if not shown:
        said = _Saying()
        said.setLevel(logging.WARNING)
        said.setFormatter(_OneLine())
        log.addHandler(said)
        try:
            yield
        finally:
            log.removeHandler(said)
        return
    level = log.level
    handler = logging.StreamHandler()
    handler.setFormatter(_OneLine("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    try:
        yield
    except (ScenarioError, click.ClickException, OutputError):
        raise
    except Exception:
        log.debug("this is a bug", exc_info=True)
        raise
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
