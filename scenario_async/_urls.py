"""What can be the host of a URL, which hosts are this machine, and what is shown of a URL."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "address_of",
    "host_and_port",
    "host_problem",
    "is_this_machine",
    "port_problem",
    "redact",
]

# Not only what DNS allows: names of containers have underscores.
_LABEL = re.compile(r"[a-z0-9_-]+", re.IGNORECASE)
_LONGEST_LABEL = 63
_LONGEST_NAME = 253
_LAST_PORT = 65535
# Shorter strings are not real credentials, and replacing them would cut ordinary words to pieces.
_SHORTEST_SECRET = 8
# Userinfo, and everything from the question mark on: a signed URL carries its signature there.
# The slashes may be spelled as in JSON, where one answer quotes another.
_SCHEME = r"(?i)(https?:(?:\\*/|\\+u002f){2}"
# No part of a text is looked through twice, however hostile it is: one ends where another URL
# begins, and the other matches URLs without a query as well.
_USERINFO = re.compile(_SCHEME + r")(?:(?!https?:\\+u002f)[^\s/?#@\"<>])+@")
_QUERY = re.compile(_SCHEME + r"[^\s?#\"<>]*)([?#][^\s\"<>]*)?")


def host_and_port(place: str) -> tuple[str, str]:
    """The host and the port of what is between ``//`` and the path of a URL without a user.

    Brackets around an IPv6 address are left out, and stay around anything else.
    """
    host, closed, port = place.removeprefix("[").partition("]")
    if closed and place.startswith("[") and isinstance(address_of(host), IPv6Address):
        return host, port.removeprefix(":")
    host, _, port = place.partition(":")
    return host, port


def host_problem(host: str) -> str | None:
    """Why nothing can have this name, or ``None``. IPv6 addresses come without brackets.

    The answer does not quote the host: it may be a piece of a password.
    """
    if address_of(host) is not None:
        return None
    if not host:
        return "it has no host"
    try:
        labels = [_wire_label(label) for label in host.removesuffix(".").split(".")]
    except UnicodeError:
        labels = ["?"]
    problems = (
        ("" in labels, "a dot too many: two of them stand together, or one in front"),
        (not all(map(_LABEL.fullmatch, labels)), "characters that no name has"),
        (max(map(len, labels)) > _LONGEST_LABEL, f"a part of more than {_LONGEST_LABEL} letters"),
        (len(".".join(labels)) > _LONGEST_NAME, f"more than {_LONGEST_NAME} letters"),
        (labels[-1].isdecimal(), "a number at its end and is not four numbers up to 255"),
    )
    return next((f"its host has {problem}" for applies, problem in problems if applies), None)


def port_problem(port: str) -> str | None:
    """Why this cannot be the port of a URL, or ``None``. It is not quoted, as a host is not."""
    # More digits would be slow to read, and are not a port.
    if port.isascii() and port.isdecimal() and len(port) <= len("65535"):
        number = int(port)
        if 0 < number <= _LAST_PORT:
            return None
    return f"the port, between its host and its path, must be a number from 1 to {_LAST_PORT}"


def address_of(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a host is, where it is one and not a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def is_this_machine(host: str) -> bool:
    """Whether a host is this machine for whoever asks on it: no other one can reach it there."""
    address = address_of(host)
    if address is not None:
        return address.is_loopback or address.is_unspecified
    name = host.lower().removesuffix(".")
    # https://www.rfc-editor.org/rfc/rfc6761#section-6.3
    return name == "localhost" or name.endswith(".localhost")


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without the secrets given and without userinfo and query in any URL."""
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "***")
    text = _USERINFO.sub(r"\1***@", text)
    return _QUERY.sub(lambda found: f"{found[1]}?***" if found[2] else found[0], text)


def _wire_label(label: str) -> str:
    return label if label.isascii() else label.encode("idna").decode("ascii")
