"""Who asks for an account: found where its reference says, and shown nowhere."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import anyio
import anyio.to_thread
import msgspec

from scenario_async._argument_errors import argument_error
from scenario_async._credentials import hidden, resolve_credentials
from scenario_async._options import check_base_url

from ._errors import CredentialsError, ResolverError

if TYPE_CHECKING:
    from scenario_async import ScenarioError

__all__ = ["Credentials", "Resolver", "check_reference", "credentials_of", "resolving"]

_FORMS = "'env:NAME', a variable of the environment, or 'file:PATH'"
_PATIENCE = 60.0  # seconds; a vault that does not answer must not hold all slots
_HOLDS = "KEY:SECRET, or a JSON object with api_key and api_secret, or with bearer_auth"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Credentials:
    """Who asks for an account. Its ``repr`` shows nothing of them.

    Attributes:
        api_key: With ``api_secret``.
        api_secret: With ``api_key``.
        bearer_auth: The JWT alone, without ``Bearer``.
        public: Ask with the service's public token: public models alone.
        base_url: The service; default: that of the fleet's client.
        project_id: Which project requests are for.

    Raises:
        ValueError: There are none, half a pair, two kinds at once, or something that no header and
            no URL can be.
    """

    api_key: str | None = None
    api_secret: str | None = None
    bearer_auth: str | None = None
    public: bool = False
    base_url: str | None = None
    project_id: str | None = None

    def __post_init__(self) -> None:
        for name in ("api_key", "api_secret", "bearer_auth"):
            # What a traceback shows of a frame, it shows without them.
            object.__setattr__(self, name, hidden(getattr(self, name)))
        if not self.public and self.api_key is self.api_secret is self.bearer_auth is None:
            raise ValueError(
                "no credentials: give api_key and api_secret, or bearer_auth, or public=True"
            )
        resolve_credentials(
            api_key=self.api_key,
            api_secret=self.api_secret,
            bearer_auth=self.bearer_auth,
            public=self.public,
            environment={},
        )
        if self.base_url is not None:
            check_base_url(self.base_url)

    def __repr__(self) -> str:
        kind = "public" if self.public else "basic" if self.bearer_auth is None else "bearer"
        return f"<{type(self).__name__} ({kind})>"


Resolver: TypeAlias = Callable[[str, str], Awaitable[Credentials]]
"""Finds the credentials of an account: by its name and its reference."""


def check_reference(reference: str) -> None:
    """See that :func:`credentials_of` knows what a reference means.

    Raises:
        ValueError: It does not. It is not quoted, as it may be the secret itself.
    """
    kind, _, where = reference.partition(":")
    if kind not in ("env", "file") or not where:
        raise argument_error(
            "{credential_ref} says where the credentials are, and is not the credentials: {forms}",
            forms=_FORMS,
        )


async def credentials_of(account: str, reference: str) -> Credentials:
    """The credentials that a reference leads to; what a fleet does unless it is told otherwise.

    ``"env:NAME"`` is a variable of the environment, ``"file:PATH"`` a file, which is read anew each
    time. Either has ``KEY:SECRET``, or a JSON object with the parameters of :class:`Credentials`.

    Args:
        account: The name of the account, for messages.
        reference: Where they are.

    Raises:
        CredentialsError: There is no such variable or file, or it has something else.
    """
    try:
        check_reference(reference)
        kind, _, where = reference.partition(":")
        if kind == "env":
            text = hidden(os.environ[where])
        else:
            text = hidden(await anyio.to_thread.run_sync(Path(where).read_text))
        return _read(text or "")
    except KeyError:
        problem = "there is no such variable in the environment"
    except OSError as error:
        problem = error.strerror or type(error).__name__
    except UnicodeDecodeError:
        problem = f"this is not text: it has {_HOLDS}"
    except (ValueError, TypeError) as error:
        problem = str(error)
    # Not chained: what was read stands in the frames of the other.
    raise CredentialsError(f"account {account!r}, {reference}: {problem}") from None


def resolving(resolver: Resolver, *, patience: float = _PATIENCE) -> Resolver:
    """A resolver that fails in two ways: there are no credentials, or it cannot be known.

    Args:
        resolver: The user's.
        patience: How many seconds it may take.
    """

    async def resolve(account: str, reference: str) -> Credentials:
        problem: ScenarioError
        try:
            with anyio.fail_after(patience):
                found: object = await resolver(account, reference)
            if isinstance(found, Credentials):  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
                return found
            what = f"returned {type(found).__name__}, and not Credentials"
            problem = ResolverError(f"the function that finds credentials {what}")
        except CredentialsError as error:
            problem = error
        except Exception as error:  # noqa: BLE001 - anything may come out of a user's function
            # Not chained: what it says, and what is in its frames, may be secret.
            what = f"raised {type(error).__name__}"
            problem = ResolverError(f"the function that finds credentials {what}")
        raise problem

    return resolve


def _read(text: str) -> Credentials:
    text = text.strip()
    if text.startswith("{"):
        try:
            found: dict[str, Any] = {**msgspec.json.decode(text, type=dict[str, str | bool])}
            return Credentials(**found)
        except (msgspec.MsgspecError, TypeError):
            raise ValueError(f"this cannot be read: it has {_HOLDS}") from None
    key, colon, secret = text.partition(":")
    if not colon:
        raise ValueError(f"this cannot be read: it has {_HOLDS}")
    return Credentials(api_key=key, api_secret=secret)
