"""A plain HTTP client for tests: the standard library's, so that nothing of ours is in between."""

from __future__ import annotations

import base64
import http.client
import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import pytest

from scenario_async.sandbox import Behavior, Catalogue, Sandbox, SandboxAccount, SandboxAccounts

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def reason(self) -> str:
        reason = self.json["reason"]
        assert isinstance(reason, str)
        return reason

    @property
    def ids(self) -> list[str]:
        return [row["id"] for row in self.json["models"]]

    @property
    def token(self) -> str | None:
        token = self.json.get("nextPaginationToken")
        assert token is None or isinstance(token, str)
        return token or None


class Wire:
    """One keep-alive connection to a sandbox."""

    def __init__(self, base_url: str, authorization: str) -> None:
        parts = urlsplit(base_url)
        self.connection = http.client.HTTPConnection(parts.netloc, timeout=60)
        self.prefix = parts.path
        self.authorization = authorization

    def send(
        self,
        path: str,
        parameters: Mapping[str, object] | str = "",
        *,
        method: str = "GET",
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        query = parameters if isinstance(parameters, str) else urlencode(parameters)
        text = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        self.connection.request(
            method,
            self.prefix + path + ("?" + query if query else ""),
            body=text,
            headers={"Authorization": self.authorization, **(headers or {})},
        )

    def get(
        self,
        path: str = "/models",
        parameters: Mapping[str, object] | str = "",
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        self.send(path, parameters, headers=headers)
        return self.receive()

    def post(self, path: str, body: object) -> Reply:
        self.send(path, method="POST", body=body)
        return self.receive()

    def receive(self) -> Reply:
        with self.connection.getresponse() as response:
            return Reply(response.status, dict(response.getheaders()), response.read())

    def walk(self, path: str = "/models", **parameters: object) -> list[Reply]:
        """Follow the tokens to the end."""
        replies = [self.get(path, parameters)]
        while (token := replies[-1].token) is not None:
            assert len(replies) < 2_000
            replies.append(self.get(path, {**parameters, "paginationToken": token}))
            assert replies[-1].status == 200, replies[-1].body
        return replies

    def walk_ids(self, path: str = "/models", **parameters: object) -> list[str]:
        return [model_id for reply in self.walk(path, **parameters) for model_id in reply.ids]


def authorization_of(account: Sandbox | SandboxAccount) -> str:
    """The header with the account's key and secret."""
    pair = f"{account.api_key}:{account.api_secret}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


@contextmanager
def wired(sandbox: Sandbox | SandboxAccounts, authorization: str = "") -> Generator[Wire]:
    """Connect to a running sandbox, with the key of the only account unless told otherwise."""
    shown = authorization_of(sandbox) if isinstance(sandbox, Sandbox) else authorization
    wire = Wire(sandbox.base_url, shown)
    try:
        yield wire
    finally:
        wire.connection.close()


@contextmanager
def serving(
    catalogue: Catalogue | None = None, behavior: Behavior | None = None
) -> Generator[tuple[Sandbox, Wire]]:
    """Run a small sandbox in a thread and connect to it."""
    if catalogue is None:
        catalogue = Catalogue.seeded(public=60, private=40, collections=2)
    with Sandbox(catalogue, behavior=behavior).in_thread() as sandbox, wired(sandbox) as wire:
        yield sandbox, wire


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """The models of the sandbox that the tests of a module share."""
    return Catalogue.seeded(public=60, private=40, collections=2)


@pytest.fixture(scope="module")
def served(catalogue: Catalogue) -> Generator[tuple[Sandbox, Wire]]:
    with serving(catalogue) as running:
        yield running


@pytest.fixture
def sandbox(served: tuple[Sandbox, Wire]) -> Generator[Sandbox]:
    """The sandbox of the module, without faults and requests of other tests."""
    served[0].reset()
    yield served[0]
    served[0].reset()


@pytest.fixture
def wire(served: tuple[Sandbox, Wire]) -> Wire:
    return served[1]


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long a sandbox would have waited before each answer; it does not wait."""
    paused: list[float] = []

    async def pause(_: object, seconds: float) -> bool:
        paused.append(seconds)
        return True

    monkeypatch.setattr("scenario_async.sandbox._api.server.Server._pause", pause)
    return paused
