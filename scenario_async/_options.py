"""How a client asks: limits, retries, headers. Values only."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, TypeGuard, TypeVar, cast
from urllib.parse import urlsplit

from scenario_async._query import given_text

from ._argument_errors import ArgumentError, Parameter, argument_error, check_count
from ._events import EventHooks
from ._urls import host_and_port, host_problem, port_problem

if TYPE_CHECKING:
    from ._credentials import Credentials

__all__ = [
    "DEFAULT_BASE_URL",
    "DEFAULT_MAX_RESPONSE_SIZE",
    "NOT_GIVEN",
    "ClientOptions",
    "NotGiven",
    "Timeout",
    "check_base_url",
    "check_headers",
    "given_mapping",
    "seconds_of",
]

ValueT = TypeVar("ValueT")

DEFAULT_BASE_URL = "https://api.cloud.scenario.com/v1"
# A page of 500 models is 1.5 to 2.5 MB.
DEFAULT_MAX_RESPONSE_SIZE = 64 * 1024 * 1024
# Seconds: 31 years. An int may be more than any float.
_NEVER = 1e9
# https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class NotGiven:
    """The type of :data:`NOT_GIVEN`, which tells "leave as it is" from ``None``."""

    def __repr__(self) -> str:
        return "NOT_GIVEN"

    def __bool__(self) -> bool:
        return False


NOT_GIVEN = NotGiven()


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeout:
    """Three limits in seconds; ``None`` is no limit.

    None of them includes the time that a call waits before it is sent: for a free slot
    (``max_concurrency``), for a rate (``requests_per_second``, or one that was learned from 429s),
    or for the end of a pause that the service asked for, if it takes requests again then.

    Attributes:
        connect: One attempt to connect, with TLS, and with the name look-up except on a borrowed
            session.
        read: The longest silence of the service, before the answer or between two parts of it.
        total: One call as a whole: all attempts and the pauses between them. 429s are waited out
            within this limit, which takes a minute where the service counts by the minute.
    """

    connect: float | None = 10.0
    read: float | None = 60.0
    total: float | None = 300.0

    def __post_init__(self) -> None:
        for name in ("connect", "read", "total"):
            seconds = getattr(self, name)
            if seconds is not None:
                _check_limit(f"timeout: {name}", seconds)

    @classmethod
    def of(cls, value: Timeout | float | None) -> Timeout:
        """A timeout made of a number, of ``None``, or of another one.

        A number limits connecting and reading of each attempt, as it does in the official SDK. The
        limit for the whole call stays, unless the number is larger. ``None`` removes all limits.
        """
        if isinstance(value, Timeout):
            return value
        if value is None:
            return cls(connect=None, read=None, total=None)
        if not _is_number(value):
            kind = type(value)
            named = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
            raise TypeError(
                "timeout must be a number of seconds, None or a scenario_async.Timeout, "
                f"not {named}"
            )
        _check_limit("timeout", value)
        default = cls()
        assert default.total is not None  # noqa: S101 - for the type checker: see the field above
        return cls(connect=value, read=value, total=max(default.total, value))


def _check_limit(name: str, seconds: object) -> None:
    if not _is_number(seconds):
        raise TypeError(f"{name} must be a number of seconds or None, not {type(seconds).__name__}")
    if not seconds > 0 or math.isinf(seconds):
        raise ValueError(f"{name} must be more than 0 seconds, or None for no limit")


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOptions:
    """Everything that :meth:`AsyncScenario.with_options` can change."""

    credentials: Credentials
    base_url: str
    project_id: str | None
    timeout: Timeout
    max_retries: int
    max_concurrency: int
    requests_per_second: float | None
    max_response_size: int = DEFAULT_MAX_RESPONSE_SIZE
    default_headers: Mapping[str, str] = field(repr=False)
    default_query: Mapping[str, object]
    event_hooks: EventHooks

    def __post_init__(self) -> None:
        check_count("max_retries", self.max_retries, least=0)
        check_count("max_concurrency", self.max_concurrency, least=1)
        check_count("max_response_size", self.max_response_size, least=1)
        _check_rate("requests_per_second", self.requests_per_second)
        check_headers("default_headers", self.default_headers)
        given_text("project_id", self.project_id)
        if not isinstance(self.event_hooks, EventHooks):  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
            raise TypeError(
                f"event_hooks must be EventHooks, not {type(self.event_hooks).__name__}"
            )


def seconds_of(name: str, value: object) -> float:
    """A length of time, given as seconds or a ``timedelta``.

    Raises:
        TypeError: It is something else.
        ValueError: It is not above zero.
    """
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if not _is_number(seconds):
        raise TypeError(f"{name} must be seconds or a timedelta, not {type(value).__name__}")
    if not seconds > 0:
        raise ArgumentError(Parameter(name), f" must be above zero, not {value!r}")
    return min(seconds, _NEVER)


def _check_rate(name: str, value: object) -> None:
    if value is None:
        return
    if not _is_number(value):
        raise TypeError(f"{name} must be a number or None, not {type(value).__name__}")
    if not value > 0 or math.isinf(value):
        raise ValueError(f"{name} must be more than 0, or None for no limit, not {value}")


def given_mapping(name: str, given: Mapping[str, ValueT] | None) -> dict[str, ValueT]:
    """A copy of a mapping, or an empty one where none is given.

    Raises:
        TypeError: It is something else, or has a name that is not a string.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
        raise TypeError(f"{name} must be a mapping such as a dict, not {type(given).__name__}")
    for one in cast("Mapping[object, ValueT]", given):
        if not isinstance(one, str):
            raise TypeError(f"{name} must have names that are str, not {type(one).__name__}")
    return dict(given)


def check_headers(name: str, headers: Mapping[str, object]) -> None:
    """Raises TypeError or ValueError for headers that cannot be sent, and for ``Authorization``."""
    for header, value in headers.items():
        if not _HEADER_NAME.fullmatch(header):
            # Not quoted: it may be a whole line, with credentials in it.
            raise ValueError(
                f"{name} has a name that no header can have: a name is letters, digits and '-', "
                "and what follows the colon is its value"
            )
        if not isinstance(value, str):
            raise TypeError(f"{name} must map str to str: {header!r} does not")
        if not value.isprintable():
            raise ValueError(f"{name}: {header!r} has a control character in its value")
        if header.lower() == "authorization":
            raise ValueError(
                f"{name} cannot carry Authorization: give api_key and api_secret, bearer_auth or "
                "public=True, also with with_options"
            )


def check_base_url(base_url: str) -> str:
    """The base URL without a slash at its end.

    Raises:
        ValueError: It is not an absolute HTTP URL, or has parts that a base cannot have.
    """
    text = str(base_url).strip()
    if not text.isprintable() or " " in text:
        raise argument_error("{base_url} is not a URL: it has a space or a control character in it")
    try:
        parts = urlsplit(text)
    except ValueError:
        raise argument_error(
            "{base_url} is not a URL: the brackets of its host do not fit"
        ) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise argument_error(f"{{base_url}} must be an absolute URL such as {DEFAULT_BASE_URL}")
    if parts.username is not None or parts.password is not None:
        raise argument_error("{base_url} must not hold credentials: use {api_key} and {api_secret}")
    host, port = host_and_port(parts.netloc)
    problem = host_problem(host) or (port_problem(port) if port else None)
    if problem is not None:
        raise argument_error(
            "{base_url} is not a URL that can be asked: {problem}", problem=problem
        )
    if parts.query or parts.fragment:
        raise argument_error("{base_url} must not have a query or a fragment: use {default_query}")
    return parts.geturl().rstrip("/")
