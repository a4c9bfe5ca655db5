"""The sandbox: one account, and a server for it."""

from __future__ import annotations

import itertools
import time

from scenario_async.sandbox._api import (
    Account,
    Behavior,
    Credentials,
    Limiter,
    PageCache,
    RateLimit,
)
from scenario_async.sandbox._catalogue import Catalogue

from ._account import BaseAccount, Shared
from ._base import BaseSandbox


class Sandbox(BaseSandbox, BaseAccount):
    """A Scenario API on this machine, for trying, testing and measuring.

    ``async with Sandbox() as sandbox:`` serves in the running event loop;
    ``with Sandbox().in_thread() as sandbox:`` serves in a thread with its own loop, for programs
    that are not asynchronous or that measure their own loop. Either way nothing is left behind.

    Args:
        catalogue: What is listed; an ordinary seeded catalogue if left out.
        host: The address to listen on.
        port: The port to listen on; 0 for any free one.
        latency: Seconds to wait before each answer; can be changed while the sandbox runs.
        rate_limit: How many requests are taken, ``None`` for all.
        behavior: How the service behaves where it is not known; as measured if left out.
        api_key: The API key that is accepted.
        api_secret: The API secret that is accepted.
        bearer_auth: The JWT that is accepted.
        compression: Whether answers are compressed for clients that ask for it.
        cache_bytes: How much memory may go to ready answers, which make a sandbox fast enough to
            measure clients with.

    Attributes:
        catalogue: What is listed.
        faults: The faults to show.
        requests: The requests so far.
        latency: Seconds to wait before each answer.
        behavior: How the service behaves where it is not known.
        api_key: The API key that is accepted.
        api_secret: The API secret that is accepted.
        bearer_auth: The JWT that is accepted.
        key_refused: Whether these are refused, as if somebody had revoked them.
        rate_limit: How many requests are taken.

    Key, secret, JWT and limit can be changed while the sandbox runs.

    Raises:
        TypeError: ``catalogue``, ``behavior``, ``rate_limit`` or ``latency`` is of the wrong type.
        ValueError: ``latency`` is below 0.
    """

    def __init__(
        self,
        catalogue: Catalogue | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        latency: float = 0.0,
        rate_limit: RateLimit | None = None,
        behavior: Behavior | None = None,
        api_key: str = "sandbox-key",
        api_secret: str = "sandbox-secret",  # noqa: S107 -- invented, for the sandbox only
        bearer_auth: str = "sandbox-jwt",
        compression: bool = True,
        cache_bytes: int = 256 * 1024 * 1024,
    ) -> None:
        self.behavior: Behavior = Behavior() if behavior is None else behavior
        BaseSandbox.__init__(self, host=host, port=port, latency=latency, compression=compression)
        BaseAccount.__init__(
            self,
            Catalogue.seeded() if catalogue is None else catalogue,
            Credentials(api_key, api_secret, bearer_auth),
            Limiter(rate_limit, time.monotonic()),
            Shared(self.behavior, PageCache(cache_bytes), itertools.count(1)),
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._where()}, {self.catalogue!r}>"

    def _find(self, authorization: str | None) -> Account:
        del authorization  # there is one account: right and wrong credentials are for it to tell
        return self._account

    def _serve_at(self, origin: str) -> None:
        self.begin(origin)
