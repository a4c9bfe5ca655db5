"""Fixtures for tests of programs that talk to the Scenario API.

Registered with pytest by installing this package. The sandbox is imported by the first test that
asks for it, so that test suites without such tests do not pay for it.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol, TypedDict

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Unpack

    from .sandbox import Behavior, Catalogue, RateLimit, Sandbox


class SandboxOptions(TypedDict, total=False):
    """The keyword arguments of ``scenario_async.sandbox.Sandbox``."""

    host: str
    port: int
    latency: float
    rate_limit: RateLimit | None
    behavior: Behavior | None
    api_key: str
    api_secret: str
    bearer_auth: str
    compression: bool
    cache_bytes: int


class SandboxFactory(Protocol):
    """What the fixture ``scenario_sandbox_factory`` gives."""

    def __call__(
        self, catalogue: Catalogue | None = None, **options: Unpack[SandboxOptions]
    ) -> Sandbox:
        """Start a sandbox that is stopped when the test ends."""
        ...


@pytest.fixture
def scenario_sandbox() -> Generator[Sandbox]:
    """A fresh Scenario API on loopback, running in a thread of its own.

    It has 60 public models, 40 private ones and 2 collections, the same ones in every test. Point
    a client at ``scenario_sandbox.base_url``, with ``.api_key`` and ``.api_secret``.
    """
    from .sandbox import Catalogue, Sandbox  # noqa: PLC0415 -- a light plugin

    catalogue = Catalogue.seeded(public=60, private=40, collections=2)
    with Sandbox(catalogue).in_thread() as sandbox:
        yield sandbox


@pytest.fixture
def scenario_sandbox_factory() -> Generator[SandboxFactory]:
    """Makes running Scenario APIs: call it with the arguments of ``Sandbox``.

    Each one runs in a thread of its own, and all are closed when the test ends.
    """
    from .sandbox import Sandbox  # noqa: PLC0415 -- a light plugin

    with ExitStack() as stack:

        def make(catalogue: Catalogue | None = None, **options: Unpack[SandboxOptions]) -> Sandbox:
            return stack.enter_context(Sandbox(catalogue, **options).in_thread())

        yield make
