"""Whose requests a server answers: an account's, or those of whoever shows no account's key."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from .access import PUBLIC_TOKEN, authorization_kind

if TYPE_CHECKING:
    from collections.abc import Collection

    from scenario_async.sandbox._requests import RequestLog

    from .access import Credentials
    from .limits import Limiter
    from .service import Service


class Account:
    """An account as the server knows it.

    Args:
        service: Decides the answers.
        log: Where its requests are noted.
        limiter: Its rate limit, which accounts may share.
        credentials: What its requests must show; ``None`` where only public access is allowed.

    Attributes:
        service: Decides the answers.
        log: Where its requests are noted.
        limiter: Its rate limit.
        refused: Whether its credentials are refused, right as they are.
    """

    def __init__(
        self, service: Service, log: RequestLog, limiter: Limiter, credentials: Credentials | None
    ) -> None:
        self.service = service
        self.log = log
        self.limiter = limiter
        self.refused = False
        self._credentials = credentials
        self._names: set[str] = set() if credentials is None else set(credentials.names)

    @property
    def credentials(self) -> Credentials | None:
        """What its requests must show from now on."""
        return self._credentials

    @credentials.setter
    def credentials(self, credentials: Credentials) -> None:
        self._names.update(credentials.names)
        self._credentials = credentials

    def accepts(self, header: str | None) -> bool:
        """Tell whether an ``Authorization`` header is right."""
        if self._credentials is None:
            return header == PUBLIC_TOKEN
        return not self.refused and self._credentials.accept(header)

    def has(self, name: str) -> bool:
        """Tell whether a key or a JWT is the account's."""
        return self._credentials is not None and name in self._credentials.names

    def had(self, name: str) -> bool:
        """Tell whether a key or a JWT is the account's, or was before it was replaced."""
        return name in self._names


class Accounts:
    """Finds the account that a request belongs to, right or wrong as its credentials may be.

    Args:
        accounts: The accounts.
        others: Who answers requests that show no key of them.
    """

    def __init__(self, accounts: Collection[Account], others: Account) -> None:
        self._accounts = accounts
        self._others = others
        self._found: dict[str, Account] = {}

    def find(self, header: str | None) -> Account:
        """Return the account that has the key of an ``Authorization`` header, or once had it."""
        name = _name(header)
        if name is None:
            return self._others
        found = self._found.get(name)
        if found is None or not found.has(name):
            accounts = self._accounts
            found = next((one for one in accounts if one.has(name)), None)
            if found is None:
                return next((one for one in accounts if one.had(name)), self._others)
            self._found[name] = found
        return found


def _name(header: str | None) -> str | None:
    """Return the key or the JWT in a header, ``None`` if it has neither."""
    kind = authorization_kind(header)
    if header is None or kind not in {"basic", "bearer"}:
        return None
    given = header.partition(" ")[2].strip()
    if kind == "bearer":
        return given
    try:
        return base64.b64decode(given).partition(b":")[0].decode()
    except ValueError:  # neither base64 nor text
        return None
