from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, find, settings
from hypothesis.strategies import none
from support.client import Connect, Leftovers
from support.clocks import FakeClock
from support.command_line import Ran, Run

from scenario_async import AsyncScenario, cli
from scenario_async.sandbox import Catalogue

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

    from scenario_async.pytest_plugin import SandboxFactory
    from scenario_async.sandbox import Sandbox


# How long an example takes says more about the machine than about the code. The examples of a test
# are the same each time, until it is changed: what lands is what was tried.
settings.register_profile("any machine", deadline=None, derandomize=True)
settings.register_profile("drawn anew", deadline=None, derandomize=False)
# A mutant has failed at the first example that shows it, which need be no small one.
settings.register_profile(
    "mutants",
    max_examples=25,
    derandomize=True,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("any machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--briefly",
        action="store_true",
        help="leave out what one interpreter shows for all: tests that are marked `once`, asyncio's"
        " debug mode, and uvloop",
    )
    parser.addoption(
        "--mutants",
        action="store_true",
        help="all of it on one loop, with few examples, which are the same each time: what is run"
        " for each mutant",
    )
    parser.addoption("--screenshots", metavar="FOLDER", help="keep what browsers have shown")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--mutants"):
        settings.load_profile("mutants")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    briefly = bool(config.getoption("--briefly"))
    mutants = bool(config.getoption("--mutants"))

    def is_wanted(item: pytest.Item) -> bool:
        parameters: Any = getattr(item, "callspec", None)
        loop: object = parameters and parameters.params.get("anyio_backend")
        if briefly and item.get_closest_marker("once") is not None:
            return False
        one_loop = briefly or mutants or item.get_closest_marker("one_loop") is not None
        return loop is None or (loop == PLAIN) == one_loop

    wanted = [item for item in items if is_wanted(item)]
    config.hook.pytest_deselected(items=[item for item in items if not is_wanted(item)])
    items[:] = wanted
    if mutants:
        for item in items:
            _take_few_examples(item)


def _take_few_examples(item: pytest.Item) -> None:
    """Set a test's own number of examples aside, which no profile and no other decorator does."""
    name = "_hypothesis_internal_use_settings"
    test: Any = getattr(item, "obj", None)
    own: settings | None = getattr(test, name, None)
    few = settings.get_profile("mutants")
    if own is not None and own.max_examples > few.max_examples:
        setattr(test, name, settings(own, max_examples=few.max_examples))


def pytest_collection_finish() -> None:
    """Let the garbage collector leave out what is there before the first test.

    Tests collect garbage to see what a piece of work has left behind, and all modules with their
    objects would be looked through each time.
    """
    # Older releases of hypothesis look for who refers to the numbers that they draw by, once these
    # are made, and find nobody among what is left out.
    find(none(), lambda _: True)
    gc.collect()
    gc.freeze()


PLAIN = ("asyncio", {"use_uvloop": False})
LOOPS = (("asyncio", {"debug": True, "use_uvloop": False}), ("asyncio", {"use_uvloop": True}))


@pytest.fixture(params=[*LOOPS, PLAIN], ids=["asyncio-debug", "uvloop", "asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    backend: tuple[str, dict[str, bool]] = request.param
    return backend


@pytest.fixture
def forget_modules(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Lets modules whose names begin like this be imported anew; afterwards all are as before."""

    def forget(beginning: str) -> None:
        for name in [name for name in sys.modules if name.startswith(beginning)]:
            package, _, own = name.rpartition(".")
            # To be put back: importing it anew would leave another one there.
            monkeypatch.setattr(sys.modules[package], own, sys.modules[name])
        for name in [name for name in sys.modules if name.startswith(beginning)]:
            monkeypatch.delitem(sys.modules, name)

    return forget


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
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of whoever runs the tests plays no part."""
    for name in ("SDK_API_KEY", "SDK_API_SECRET", "SDK_JWT", "BASE_URL"):
        monkeypatch.delenv(f"SCENARIO_{name}", raising=False)


@pytest.fixture
def connect(sandbox: Sandbox, _bare_environment: None) -> Connect:
    """Makes clients of the sandbox."""

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


@pytest.fixture
def run(
    capsysbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    _bare_environment: None,
) -> Run:
    """Runs the command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run_command(*arguments: str) -> Ran:
        code = cli.main(arguments)
        captured = capsysbinary.readouterr()
        return Ran(code, captured.out, captured.err.decode())

    return run_command


@pytest.fixture
def ask(run: Run, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command against the sandbox, with its credentials in the environment."""
    monkeypatch.setenv("SCENARIO_BASE_URL", sandbox.base_url)
    monkeypatch.setenv("SCENARIO_SDK_API_KEY", sandbox.api_key)
    monkeypatch.setenv("SCENARIO_SDK_API_SECRET", sandbox.api_secret)
    return run
