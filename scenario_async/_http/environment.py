"""The proxy of the environment, or of the settings of the system."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, getproxies_environment, proxy_bypass

from scenario_async._credentials import Secret

from .proxies import proxy_for

if TYPE_CHECKING:
    from .proxies import Proxy

__all__ = ["environment_proxy"]


def environment_proxy(url: str) -> Proxy | None:
    """The proxy for a URL, or ``None`` where it is asked directly.

    Not by aiohttp's ``trust_env``: that reads a ``.netrc`` file too, in a thread, at each request.

    Raises:
        UsageError: The proxy is of another kind, or its URL cannot be used.
    """
    # Where the environment names no proxy, some systems have settings of their own.
    if not getproxies_environment() and proxy_bypass(urlsplit(url).hostname or ""):
        return None
    return proxy_for(url, {kind: Secret(value) for kind, value in getproxies().items()})
