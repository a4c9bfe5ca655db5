"""The credentials of an account: found where its reference says, and shown nowhere."""

from __future__ import annotations

import asyncio
import os
import re
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import anyio
import anyio.to_thread
import msgspec

from scenario_async._argument_errors import argument_error
from scenario_async._credentials import Secret, hidden, resolve_credentials
from scenario_async._options import check_base_url
from scenario_async._query import given_text

from ._errors import CredentialsError, ResolverError

if TYPE_CHECKING:
    from scenario_async import ScenarioError

__all__ = ["Credentials", "Resolver", "check_reference", "credentials_of", "resolving"]

_FORMS = "'env:NAME', a variable of the environment, or 'file:PATH'"
_TIMEOUT = 60.0  # seconds; a vault that does not answer must not hold all slots
_CONTENT_FORMS = "KEY:SECRET, or a JSON object with api_key and api_secret, or with bearer_auth"
_LONGEST = 65_536  # bytes
# Nothing that KEY:SECRET, a JSON object or, as a variable, a JWT could be: a shell that puts the
# value of a variable in the place of its name makes such a reference.
_REFERENCE = re.compile(r"env:[A-Za-z0-9_-]+|file:(?:[A-Za-z]:)?(?=.)[^:{/\\]*(?:[/\\].*)?")


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks for an account. Neither its ``repr`` nor an encoder shows anything of them.

    Attributes:
        api_key: With ``api_secret``.
        api_secret: With ``api_key``.
        bearer_auth: The JWT alone, without ``Bearer``.
        public: Ask with the service's public token: public models alone.
        base_url: The service; default: that of the fleet's client.
        project_id: Which project requests are for.

    Raises:
        TypeError: One of them is of the wrong type.
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
        if not isinstance(self.public, bool):  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
            raise TypeError(f"public must be a bool, not {type(self.public).__name__}")
        for name in ("api_key", "api_secret", "bearer_auth"):
            # What a traceback shows of a frame, it shows without them.
            msgspec.structs.force_setattr(self, name, hidden(getattr(self, name)))
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
        given_text("project_id", self.project_id)
        if given_text("base_url", self.base_url) is not None:
            check_base_url(self.base_url or "")

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
    if not _REFERENCE.fullmatch(reference):
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
        CredentialsError: The variable or file is missing, or has no credentials.
    """
    try:
        check_reference(reference)
    except ValueError as error:
        raise CredentialsError(f"account {account!r}: {error}") from None
    kind, _, where = reference.partition(":")
    try:
        if kind == "env":
            text = Secret(os.environ[where])
        else:
            # A disk that is away must not keep a worker from ending.
            text = await anyio.to_thread.run_sync(_content, Path(where), abandon_on_cancel=True)
        return _read(text)
    except KeyError:
        problem = "there is no such variable in the environment"
    except OSError as error:
        problem = error.strerror or type(error).__name__
    except UnicodeDecodeError:
        problem = f"this is not text: it has {_CONTENT_FORMS}"
    except (ValueError, TypeError) as error:
        problem = str(error)
    # Not chained: what was read stands in the frames of the other.
    raise CredentialsError(f"account {account!r}, {reference}: {problem}") from None


def _content(path: Path) -> Secret:
    """The content of a file. Anything else at this path, such as a device, may have no end."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError("this is not a file")
    with path.open("rb") as file:
        # Editors of Windows write a mark at the beginning.
        content = Secret(file.read(_LONGEST + 1).decode("utf-8-sig"))
    if len(content) > _LONGEST:
        raise ValueError(f"this is too long: it has {_CONTENT_FORMS}")
    return content


def resolving(resolver: Resolver, *, timeout: float = _TIMEOUT) -> Resolver:
    """A user's resolver, so that it fails in no more than two ways.

    It raises CredentialsError where there are no credentials, and ResolverError where it cannot
    tell.

    Args:
        resolver: The user's.
        timeout: How many seconds it may take.
    """

    async def resolve(account: str, reference: str) -> Credentials:
        problem: ScenarioError
        try:
            with anyio.fail_after(timeout):
                found: object = await resolver(account, reference)
            if isinstance(found, Credentials):  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
                return found
            what = f"returned {type(found).__name__}, and not Credentials"
            del found  # it may be the secret itself, and this frame is in the traceback
            problem = ResolverError(f"the function that finds credentials {what}")
        except CredentialsError as error:
            problem = error.with_traceback(None)
            problem.__cause__ = problem.__context__ = None
        except asyncio.CancelledError:
            if _is_cancelled():
                raise
            problem = ResolverError("the function that finds credentials raised CancelledError")
        except Exception as error:  # noqa: BLE001 - anything may come out of a user's function
            # Not chained: what it says, and what is in its frames, may be secret.
            what = f"raised {type(error).__name__}"
            problem = ResolverError(f"the function that finds credentials {what}")
        raise problem

    return resolve


def _is_cancelled() -> bool:
    """Whether somebody has cancelled this task, and not a task that it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _read(text: str) -> Credentials:
    text = text.strip()
    if text.startswith("{"):
        try:
            found: dict[str, Any] = {**msgspec.json.decode(text, type=dict[str, str | bool])}
            return Credentials(**found)
        except (msgspec.MsgspecError, TypeError):
            raise ValueError(f"this cannot be read: it has {_CONTENT_FORMS}") from None
    key, colon, secret = text.partition(":")
    if not colon:
        raise ValueError(f"this cannot be read: it has {_CONTENT_FORMS}")
    return Credentials(api_key=key, api_secret=secret)
