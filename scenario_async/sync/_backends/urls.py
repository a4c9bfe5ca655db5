"""What a string says about a database: which kind it is, where it is, and what to call it."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from sqlalchemy import make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["PARAMETERS", "database_url", "in_memory"]

_FORMS = "'sqlite:///models.db', a path, or 'postgresql://user@host/database'"
_IN_MEMORY = (None, "", ":memory:")
_LAST_PORT = 65535
# What libpq lets a query say of what may stand before it.
_PARTS = {"user": "username", "password": "password", "host": "host", "dbname": "database"}
# What else a query may say, and the values of what has only some of them.
PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "application_name": (),
    # The driver does without, and must not look as if it did not.
    "channel_binding": ("disable", "prefer"),
    "connect_timeout": (),
    "options": (),
    "passfile": (),
    "sslcert": (),
    "sslkey": (),
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslrootcert": (),
    "target_session_attrs": (
        *("any", "primary", "standby", "read-write", "read-only", "prefer-standby"),
    ),
}
# A URL that lost a character or two would be the name of a file, password and all.
_MISTYPED = re.compile(
    r"""
    (?! /(?!/) | \.\.?/ | [a-z]:\\ )          # surely a path
    (?: (?: postgres (?:ql)? | sqlite ) (?: \+\w+ )? \s* (?: : | // )
      | .* (?: :.*@ | @.*: )
      | .* \b (?: host | hostaddr | dbname | user | password | passfile ) \s* =
    )
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


def database_url(given: str | Path) -> URL:
    """The URL of a database with the driver that this package speaks through.

    What is wrong with one is said without quoting it: it may have a password, wherever that got to.

    Raises:
        TypeError: It is neither a string nor a path.
        ValueError: It is not a URL, or of another kind of database, or has a parameter that means
            nothing here.
    """
    text = _text_of(given)
    if "://" not in text:
        if _MISTYPED.match(text):
            raise ValueError(
                f"this looks like a URL and is not one: a store is {_FORMS}; "
                "a path like it is written 'sqlite:///PATH'"
            )
        return URL.create("sqlite+aiosqlite", database=text)
    try:
        url = make_url(text)
    except ArgumentError:
        raise ValueError(f"a store is {_FORMS}; this URL cannot be read") from None
    except ValueError:
        raise ValueError(f"a store is {_FORMS}; {_NO_PORT}") from None
    kind = url.drivername.partition("+")[0].lower()
    if kind == "sqlite":
        return _sqlite(url, text)
    if kind in ("postgresql", "postgres"):
        return _postgresql(url, text)
    raise ValueError(f"a store is {_FORMS}, and not in {kind!r}")


def in_memory(url: URL) -> bool:
    """Whether this is a SQLite database without a file."""
    return url.get_backend_name() == "sqlite" and url.database in _IN_MEMORY


_NO_PORT = (
    f"between the last ':' and the path of this URL stands no number from 1 to {_LAST_PORT}, "
    "the port (with a password it is 'postgresql://user:password@host:port/database')"
)


def _text_of(given: str | Path) -> str:
    try:
        text = os.fspath(given)
    except TypeError:
        raise TypeError(f"a store is {_FORMS}, not of the type {type(given).__name__}") from None
    if not text.strip():
        raise ValueError(f"a store is {_FORMS}; this one has no name")
    return text


def _sqlite(url: URL, text: str) -> URL:
    if "?" in text:
        raise ValueError("a URL of SQLite has no parameters here: give 'sqlite:///PATH' or a path")
    if url.username or url.password or url.port:
        raise ValueError("a URL of SQLite has neither user nor host: give 'sqlite:///PATH'")
    if url.host:
        path = f"{url.host}/{url.database}" if url.database else url.host
        raise ValueError(f"with two slashes this names a host: write 'sqlite:///{path}'")
    return url.set(drivername="sqlite+aiosqlite")


def _postgresql(url: URL, text: str) -> URL:
    # Unescaped, the password would be cut short, and the rest be taken for the host.
    if text.count("@") > (url.username is not None or url.password is not None):
        raise ValueError(
            "a URL has one '@', before the host: in a user, a password or a parameter write '@' "
            "as %40, ':' as %3A and '/' as %2F"
        )
    given: dict[str, str] = {}
    for name, values in url.normalized_query.items():
        if name not in PARAMETERS and name not in _PARTS and name != "port":
            raise ValueError(f"{_named(name)} means nothing here; {_accepted()}")
        if len(values) > 1:
            raise ValueError(f"the parameter {name!r} of the URL is given twice")
        given[name] = values[0]
    _check(given)
    port = given.pop("port", None)
    parts = {part: given.pop(name) for name, part in _PARTS.items() if name in given}
    url = url.set(drivername="postgresql+asyncpg", query=given, **parts)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    if port is not None:
        url = url.set(port=int(port) if port.isdecimal() else 0)
    if url.port is not None and not 0 < url.port <= _LAST_PORT:
        raise ValueError(_NO_PORT)
    return url


def _check(parameters: Mapping[str, str]) -> None:
    for name, value in parameters.items():
        choices = PARAMETERS.get(name, ())
        if choices and value not in choices:
            raise ValueError(
                f"the parameter {name!r} of the URL can only be {' or '.join(choices)}"
            )
        if name == "connect_timeout" and not value.isdecimal():
            raise ValueError(f"the parameter {name!r} of the URL is a number of whole seconds")


def _named(name: str) -> str:
    # A piece of a password may stand where a name is expected.
    return f"the parameter {name!r} of the URL" if name.isidentifier() else "a parameter of the URL"


def _accepted() -> str:
    return "there are " + ", ".join(repr(name) for name in sorted([*PARAMETERS, *_PARTS, "port"]))
