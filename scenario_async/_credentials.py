"""Who asks: from arguments and environment to one ``Authorization`` header."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scenario_async._query import given_flag

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Credentials", "Secret", "basic_authorization", "hidden", "resolve_credentials"]

_KEY = "SCENARIO_SDK_API_KEY"
_SECRET = "SCENARIO_SDK_API_SECRET"  # noqa: S105 - the name of a variable, not its value
_JWT = "SCENARIO_SDK_JWT"
# The literal that the API reference gives for public access without an account.
_PUBLIC = "public-auth-token"
# At both ends of a value.
_QUOTES = ("''", '""', "``", "\u2018\u2019", "\u201c\u201d")


class Secret(str):
    """A string whose ``repr`` does not show it, as in a traceback with the values of locals.

    Whatever is made of it, such as a part of it, is an ordinary string.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


@dataclass(frozen=True, slots=True)
class Credentials:
    """One way to ask. Neither ``str`` nor ``repr`` shows what it holds.

    Attributes:
        kind: ``"basic"`` (key and secret), ``"bearer"`` (JWT) or ``"public"``.
        authorization: The value of the header.
        secrets: Every form in which the secret could come back in an answer of the service.
    """

    kind: str
    authorization: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False, default=())


def resolve_credentials(
    *,
    api_key: str | None,
    api_secret: str | None,
    bearer_auth: str | None,
    public: bool,
    environment: Mapping[str, str],
) -> Credentials:
    """Choose the credentials. Whatever is given explicitly beats the environment as a whole.

    Tracebacks can show the values of locals: below here, credentials are :class:`Secret`, and the
    environment is not at hand.

    Raises:
        ValueError: Half a pair, two kinds at once, none at all, or a value no header can carry.
    """
    # An empty variable counts as unset: that is how shells and CI systems switch one off.
    key, secret, jwt = (hidden(environment.get(name) or None) for name in (_KEY, _SECRET, _JWT))
    del environment
    api_key, api_secret, bearer_auth = hidden(api_key), hidden(api_secret), hidden(bearer_auth)
    given_flag("public", public)
    if api_key is None and api_secret is None and bearer_auth is None:
        if public:
            return Credentials("public", _PUBLIC)
        return _from_environment(key, secret, jwt)
    if public:
        raise ValueError(
            "public=True means no account: leave out api_key, api_secret and bearer_auth, "
            "or leave out public"
        )
    return _choose(
        (("api_key", api_key), ("api_secret", api_secret), ("bearer_auth", bearer_auth)),
        missing_half="; the environment does not fill in for half a pair",
    )


def hidden(value: str | None) -> str | None:
    """A credential whose ``repr`` does not show it. What is not a string is refused later."""
    return Secret(value) if isinstance(value, str) else value


def _from_environment(key: str | None, secret: str | None, jwt: str | None) -> Credentials:
    if key is None and secret is None and jwt is None:
        raise ValueError(
            f"no credentials: give api_key and api_secret, or bearer_auth, or set {_KEY} and "
            f"{_SECRET} (or {_JWT}) in the environment; public=True lists public models without "
            "an account"
        )
    return _choose(((_KEY, key), (_SECRET, secret), (_JWT, jwt)), missing_half="")


def _choose(
    named: tuple[tuple[str, str | None], tuple[str, str | None], tuple[str, str | None]],
    *,
    missing_half: str,
) -> Credentials:
    (key_name, key), (secret_name, secret), (token_name, token) = named
    if token is not None and (key is not None or secret is not None):
        other = key_name if key is not None else secret_name
        raise ValueError(f"two kinds of credentials at once: {other} and {token_name}; give one")
    if token is not None:
        return _bearer(token_name, token)
    if key is None or secret is None:
        given, absent = (key_name, secret_name) if secret is None else (secret_name, key_name)
        raise ValueError(f"{given} without {absent}: the two make a pair{missing_half}")
    return _basic(key_name, key, secret_name, secret)


def _basic(key_name: str, key: str, secret_name: str, secret: str) -> Credentials:
    _check(key_name, key)
    _check(secret_name, secret)
    if ":" in key:
        # https://www.rfc-editor.org/rfc/rfc7617#section-2
        raise ValueError(f"{key_name} contains a colon, which Basic authentication cannot carry")
    authorization = basic_authorization(key, secret)
    return Credentials(
        "basic", authorization, (Secret(authorization.removeprefix("Basic ")), secret, key)
    )


def basic_authorization(login: str, password: str) -> Secret:
    """The value of a header for Basic authentication."""
    return Secret("Basic " + base64.b64encode(f"{login}:{password}".encode()).decode("ascii"))


def _bearer(name: str, token: str) -> Credentials:
    _check(name, token)
    if token.lower().startswith("bearer "):
        raise ValueError(f"{name} is the token alone, without 'Bearer ' before it")
    if not token.isascii():
        raise ValueError(f"{name} has characters that a header cannot carry")
    return Credentials("bearer", Secret(f"Bearer {token}"), (token,))


def _check(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")
    if not value:
        raise ValueError(f"{name} is empty")
    if value != value.strip() or not value.isprintable():
        raise ValueError(
            f"{name} has white space around it or a control character in it: "
            "it may have been read from a file with its line end"
        )
    if value[0] + value[-1] in _QUOTES and len(value) > 1:
        raise ValueError(
            f"{name} has quotes around it: a shell takes them away, and what reads a file of "
            "variables may not"
        )
