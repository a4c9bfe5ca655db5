"""Who may ask, and what browsers are told. Decides, and knows no server.

The gallery has nothing but pages to read. What it guards against are other sites: that they read
it through a browser on this machine (a name of theirs that leads here, or a request with cookies),
or show it in a frame; and text of other people that would run as a program.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from scenario_async._urls import address_of, host_and_port, is_this_machine

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["HEADERS", "Access", "Token", "refusal"]

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""What each answer carries."""

_SHOWN = 100  # characters of a host
_OWN = ("same-origin", "none")


@dataclass(frozen=True, slots=True)
class Token:
    """What whoever asks has to know.

    Args:
        secret: It is compared in constant time, and is not shown.
    """

    secret: str

    def __repr__(self) -> str:
        return "<Token>"

    def is_right(self, given: str) -> bool:
        """Whether this is it."""
        return hmac.compare_digest(_bytes(given), _bytes(self.secret))

    @property
    def cookie_name(self) -> str:
        """Another one for each token: cookies do not tell the ports of a host apart."""
        return f"gallery_{self._derived('name')[:12]}"

    @property
    def cookie(self) -> str:
        """What a browser shows instead of it from then on."""
        return self._derived("cookie")

    def is_in(self, cookies: Mapping[str, str]) -> bool:
        """Whether a browser has shown it before."""
        given = _bytes(cookies.get(self.cookie_name, ""))
        return hmac.compare_digest(given, _bytes(self.cookie))

    def _derived(self, use: str) -> str:
        # Hashed at first: to HMAC itself a key is the same with NULs behind it.
        key = sha256(_bytes(self.secret)).digest()
        return hmac.new(key, use.encode(), sha256).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who may ask.

    Attributes:
        hosts: The names by which the gallery is asked for, beside addresses and this machine's own
            names, which no other site can have.
        token: What has to be known; ``None`` where everybody may ask who can reach it.
    """

    hosts: Collection[str] = ()
    token: Token | None = None

    def knows(self, host: str) -> bool:
        """Whether a ``Host`` is one of the gallery's.

        Any name may lead to any address, for whoever owns the name. An address has no owner who
        could let it lead elsewhere.
        """
        name, _ = host_and_port(host)
        if address_of(name) is not None or is_this_machine(name):
            return True
        return name.lower() in {one.lower() for one in self.hosts}


def refusal(access: Access, method: str, headers: Mapping[str, str]) -> tuple[int, str] | None:
    """Why a request is not answered: a status and a sentence; ``None`` where it is."""
    host = headers.get("Host", "")
    if not access.knows(host):
        name = host_and_port(host)[0][:_SHOWN]
        return 403, f"The gallery is not known as {name!r}: whoever runs it can give it that name."
    if method not in ("GET", "HEAD"):
        return 405, "The gallery has pages to read, and takes nothing."
    origin = headers.get("Origin")
    # No more than a scheme and a host: "null" has neither.
    if origin is not None and origin.partition("://")[2].lower() != host.lower():
        return 403, "Another site asks."
    # A link from elsewhere may lead here, and nothing else: no frame and no object.
    is_page = headers.get("Sec-Fetch-Dest", "document") == "document"
    followed = is_page and headers.get("Sec-Fetch-Mode") == "navigate"
    if headers.get("Sec-Fetch-Site", "none") not in _OWN and not followed:
        return 403, "Another site asks."
    return None


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")
