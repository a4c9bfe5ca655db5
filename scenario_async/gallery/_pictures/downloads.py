"""Pictures from their signed URLs, asked for without any other credentials."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Address
from socket import inet_aton
from typing import TYPE_CHECKING, Any, Self

import aiohttp
from yarl import URL

from scenario_async import UsageError
from scenario_async._http.environment import environment_proxy
from scenario_async._urls import address_of, is_this_machine

from .content import claims_picture, content_type

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Downloads", "ExpiredURLError", "NoPictureError", "checked_url"]

_MOST_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_EXPIRED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.GONE})
# What is compressed could inflate without bound, and pictures are not.
_HEADERS = {"Accept": "image/avif,image/webp,image/*", "Accept-Encoding": "identity"}


class NoPictureError(Exception):
    """No picture came. What it says names no URL."""


class ExpiredURLError(NoPictureError):
    """The URL is refused: another one may not be."""


class Downloads:
    """Fetches pictures, some at once. Used with ``async with``.

    Args:
        most_bytes: A larger picture is not read to its end.
        seconds: How long one may take in all.
        at_once: How many are fetched at once; the others wait.
    """

    def __init__(self, *, most_bytes: int, seconds: float, at_once: int) -> None:
        self._most = most_bytes
        self._timeout = aiohttp.ClientTimeout(total=seconds)
        self._slots = asyncio.Semaphore(at_once)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(), headers=_HEADERS, auto_decompress=False
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def fetch(self, url: str) -> bytes:
        """The picture behind a URL.

        Raises:
            ExpiredURLError: The URL is refused.
            NoPictureError: Nothing came, or no picture, or one that is too large.
        """
        try:
            async with self._slots, asyncio.timeout(self._timeout.total):
                return await self._follow(checked_url(url, None))
        except (aiohttp.ClientError, OSError, UsageError, ValueError) as error:
            # What aiohttp says of a failure has the URL in it. It reads ports and encodes names
            # late: what it cannot read is a ValueError.
            raise NoPictureError(f"it could not be fetched: {type(error).__name__}") from None

    async def _follow(self, url: URL) -> bytes:
        assert self._session is not None  # noqa: S101 - entered first
        for _ in range(_MOST_REDIRECTS + 1):
            async with self._session.get(
                url, allow_redirects=False, timeout=self._timeout, **_by_proxy(url)
            ) as response:
                if response.status in _REDIRECTS:
                    url = checked_url(response.headers.get("Location", ""), url)
                    continue
                return await self._read(response)
        raise NoPictureError("it was redirected too often")

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        if response.status in _EXPIRED:
            raise ExpiredURLError(f"it was refused with {response.status}")
        if response.status != HTTPStatus.OK:
            raise NoPictureError(f"it was answered with {response.status}")
        if not claims_picture(response.headers.get("Content-Type", "")):
            raise NoPictureError("it is not sent as a picture that is shown")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise NoPictureError("it is compressed, which was not asked for")
        content = bytearray()
        async for piece in response.content.iter_any():
            content += piece
            if max(len(content), response.content_length or 0) > self._most:
                raise NoPictureError(f"it has more than {self._most:,} bytes")
        if content_type(bytes(content[:32])) is None:
            raise NoPictureError("it is not a picture that is shown")
        return bytes(content)


def checked_url(text: str, before: URL | None) -> URL:
    """The URL as it is written, if it may be asked for.

    Args:
        text: The URL, or where a redirect leads.
        before: What redirects there.
    """
    try:
        # A signature holds for the very letters: nothing is to be escaped anew.
        url = URL(text, encoded=True)
        url = url if before is None else before.join(url)
    except ValueError:
        raise NoPictureError("its URL cannot be read") from None
    if url.scheme not in ("http", "https") or not url.host or url.user or url.password:
        raise NoPictureError("its URL is not one of HTTP without a user")
    if before is not None:
        if before.scheme == "https" != url.scheme:
            raise NoPictureError("it is redirected from HTTPS to HTTP")
        if _is_near(url.host) and not _is_near(before.host or ""):
            raise NoPictureError("it is redirected to this machine or its network")
    return url


def _is_near(host: str) -> bool:
    """Whether a host is this machine, or an address that is not of the public network."""
    with suppress(OSError):
        # As the system reads addresses: also "0x7f.1" is one.
        return not IPv4Address(inet_aton(host)).is_global
    address = address_of(host)
    if address is None:
        # To the system other dots are dots as well, and other digits are digits.
        return is_this_machine(host) or not host.isascii()
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return not (mapped or address).is_global


def _by_proxy(url: URL) -> Mapping[str, Any]:
    """What to say of the proxy for a URL, where the environment names one."""
    proxy = environment_proxy(str(url))
    if proxy is None:
        return {}
    # Its login is for the proxy alone: inside of a connection by HTTPS nobody else gets it.
    headers = proxy.headers if url.scheme == "http" else None
    return {"proxy": proxy.url, "proxy_headers": proxy.headers, "headers": headers}
