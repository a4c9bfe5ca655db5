"""Which proxy the environment names for a host, and which hosts it excepts. No I/O.

A URL of a proxy may have a password, and where a character of it is not escaped, pieces of it are
anywhere. So none is quoted, and none is in a frame that raises but as a :class:`Secret`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from scenario_async._credentials import Secret, basic_authorization
from scenario_async._errors import UsageError
from scenario_async._urls import (
    address_of,
    host_and_port,
    host_problem,
    is_this_machine,
    port_problem,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Proxy", "excepted", "proxy_for"]

_FORM = "'http://user:password@host:port', where user and password can be left out"
_DEFAULT_PORTS = {"http": 80, "https": 443}
_OTHER_KINDS = frozenset({"ftp", "socks", "socks4", "socks4a", "socks5", "socks5h"})


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy. ``headers`` carry its login; ``url`` does not."""

    url: str
    headers: Mapping[str, str] = field(repr=False)


def proxy_for(url: str, proxies: Mapping[str, Secret]) -> Proxy | None:
    """The proxy for a URL, or ``None`` where it is asked directly.

    Args:
        url: What is asked for.
        proxies: The variables whose names end with ``_proxy``, without that, in lower case.

    Raises:
        UsageError: The proxy is of another kind, or its URL cannot be used.
    """
    parts = urlsplit(url)
    kind = parts.scheme if proxies.get(parts.scheme) else "all"
    given = proxies.get(kind)
    host, port = parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme]
    if not given or is_this_machine(host) or excepted(host, port, proxies.get("no", Secret())):
        return None
    proxy = _parsed(given)
    if isinstance(proxy, str):
        raise UsageError(f"{kind.upper()}_PROXY of the environment cannot be used: {proxy}")
    return proxy


def excepted(host: str, port: int, no_proxy: str) -> bool:
    """Whether ``NO_PROXY`` excepts a host.

    Its entries, between commas or spaces, are names (a name excepts whatever is below it, with a
    dot or ``*.`` in front or without), addresses, networks such as ``10.0.0.0/8``, or ``*``; names
    and addresses may have a port, as for Go. What cannot be read excepts nothing.
    """
    host = host.lower().removesuffix(".")
    return any(_excepts(entry, host, port) for entry in no_proxy.lower().replace(",", " ").split())


def _excepts(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    address = address_of(host)
    if "/" in entry:
        try:
            network = ip_network(entry, strict=False)
        except ValueError:
            return False
        return address is not None and address in network
    if address_of(entry) is None:
        # An IPv6 address without brackets has colons and no port.
        entry, given_port = host_and_port(entry)
        if given_port and given_port != str(port):
            return False
    if address is not None:
        return address == address_of(entry)
    name = entry.removeprefix("*").removeprefix(".").removesuffix(".")
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _parsed(given: Secret) -> Proxy | str:
    """The proxy, or why it is not one. Raises nothing: see above."""
    scheme, separator, rest = given.partition("://")
    if not separator:
        scheme, rest = "http", given
    scheme = scheme.lower()
    if scheme in _OTHER_KINDS:
        return f"it is a {scheme} proxy, and only http and https proxies work"
    if scheme not in _DEFAULT_PORTS:
        return f"it is not {_FORM}"
    end = next((place for place, one in enumerate(rest) if one in "/?#"), len(rest))
    if any(one in rest[end:] for one in "@?#"):
        return (
            f"it is not {_FORM}; in a user or a password write '#' as %23, '/' as %2F, '?' as "
            "%3F, '@' as %40 and ':' as %3A"
        )
    login, _, place = rest[:end].rpartition("@")
    host, port = host_and_port(place)
    problem = host_problem(host) or (port_problem(port) if port else None)
    if problem is not None:
        return f"{problem} (it is {_FORM})"
    headers: dict[str, str] = {}
    if login:
        user, _, password = login.partition(":")
        headers["Proxy-Authorization"] = basic_authorization(unquote(user), unquote(password))
    shown = f"[{host}]" if ":" in host else host
    return Proxy(f"{scheme}://{shown}:{port or _DEFAULT_PORTS[scheme]}", headers)
