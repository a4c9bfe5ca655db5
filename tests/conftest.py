from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from client_support import Connect, FakeClock, Leftovers
from hypothesis import settings

from scenario_async import AsyncScenario
from scenario_async.sandbox import Catalogue

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from scenario_async.pytest_plugin import SandboxFactory
    from scenario_async.sandbox import Sandbox


# How long an example takes says more about the machine than about the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--without-uvloop",
        action="store_true",
        help="leave out what the same tests do on uvloop, which one interpreter can show for all",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--without-uvloop"):
        return
    left_out = [item for item in items if "uvloop-debug" in item.name]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if "uvloop-debug" not in item.name]


@pytest.fixture(
    params=[
        pytest.param(("asyncio", {"debug": True, "use_uvloop": False}), id="asyncio-debug"),
        pytest.param(("asyncio", {"debug": True, "use_uvloop": True}), id="uvloop-debug"),
    ],
)
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    backend: tuple[str, dict[str, bool]] = request.param
    return backend


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    clock = FakeClock()
    monkeypatch.setattr("scenario_async._client.SystemClock", lambda: clock)
    return clock


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    catalogue = Catalogue.seeded(public=230, private=136, collections=3)
    for model_id in tuple(catalogue.ids(privacy="private"))[::25]:
        catalogue.delete(model_id)
    for index, model_id in enumerate(tuple(catalogue.ids(privacy="public"))[::9]):
        catalogue.move(model_id, catalogue.collection_ids[index % 3])
    return catalogue


@pytest.fixture
def sandbox(catalogue: Catalogue, scenario_sandbox_factory: SandboxFactory) -> Sandbox:
    return scenario_sandbox_factory(catalogue)


@pytest.fixture
def connect(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Makes clients of the sandbox; the environment of whoever runs the tests plays no part."""
    for name in ("API_KEY", "API_SECRET", "JWT"):
        monkeypatch.delenv(f"SCENARIO_SDK_{name}", raising=False)
    monkeypatch.delenv("SCENARIO_BASE_URL", raising=False)

    def make(**options: Any) -> AsyncScenario:
        if not options.keys() & {"api_key", "bearer_auth", "public"}:
            options |= {"api_key": sandbox.api_key, "api_secret": sandbox.api_secret}
        options.setdefault("base_url", sandbox.base_url)
        return AsyncScenario(**options)

    return make


@pytest.fixture
async def scenario(connect: Connect) -> AsyncGenerator[AsyncScenario, None]:
    async with connect() as scenario:
        yield scenario


@pytest.fixture
async def leftovers(sandbox: Sandbox) -> Leftovers:
    return Leftovers(sandbox)
