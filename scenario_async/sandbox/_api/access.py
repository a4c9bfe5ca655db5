"""Who may read what: the three kinds of authorization."""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scenario_async.sandbox._requests import AuthorizationKind

PUBLIC_TOKEN = "public-auth-token"  # noqa: S105 -- no secret: the documented word for access without an account


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the sandbox accepts; a ``repr`` shows none of it.

    Attributes:
        api_key: The API key.
        api_secret: The API secret.
        bearer_auth: The JWT.
    """

    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    bearer_auth: str = field(repr=False)

    @property
    def names(self) -> tuple[str, str]:
        """What tells whose they are: the key and the JWT."""
        return self.api_key, self.bearer_auth

    def accept(self, header: str | None) -> bool:
        """Tell whether an ``Authorization`` header is right."""
        kind = authorization_kind(header)
        if header is None or kind == "none":
            return False
        if kind == "public":
            return True
        pair = f"{self.api_key}:{self.api_secret}".encode()
        expected = base64.b64encode(pair).decode() if kind == "basic" else self.bearer_auth
        given = header.partition(" ")[2].strip()
        return hmac.compare_digest(given.encode(errors="surrogateescape"), expected.encode())


def authorization_kind(header: str | None) -> AuthorizationKind:
    """Tell which kind of authorization a header is, right or wrong."""
    if header is None:
        return "none"
    if header == PUBLIC_TOKEN:
        return "public"
    scheme = header.partition(" ")[0].lower()
    if scheme == "basic":
        return "basic"
    return "bearer" if scheme == "bearer" else "none"
