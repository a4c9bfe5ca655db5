"""The pytest plugin, as a test suite of somebody else uses it."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]

TESTS = """
import http.client
import threading

from scenario_async.sandbox import Behavior, Catalogue


def status(sandbox, path="/v1/models/public"):
    host = sandbox.base_url.removeprefix("http://").removesuffix("/v1")
    connection = http.client.HTTPConnection(host, timeout=60)
    connection.request("GET", path, headers={"Authorization": "public-auth-token"})
    with connection.getresponse() as response:
        response.read()
    connection.close()
    return response.status


def test_a_sandbox_runs(scenario_sandbox):
    assert status(scenario_sandbox) == 200
    assert len(scenario_sandbox.catalogue) == 100
    assert len(scenario_sandbox.requests) == 1


def test_each_test_gets_a_fresh_one(scenario_sandbox):
    assert len(scenario_sandbox.requests) == 0


def test_a_factory_makes_sandboxes_to_measure(scenario_sandbox_factory):
    one = scenario_sandbox_factory(Catalogue.seeded(public=3, private=0))
    two = scenario_sandbox_factory(compression=False, behavior=Behavior(bulk="refused"))
    assert one.base_url != two.base_url
    assert status(one) == status(two) == 200
    assert len(one.catalogue) == 3
    assert two.behavior.bulk == "refused"


def test_nothing_is_left_running():
    assert not [one for one in threading.enumerate() if "sandbox" in one.name]
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    # Other plugins stay out, and so does this one if it is installed: it is named below.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", ":".join(sys.path))
    pytester.makepyfile(TESTS)
    return pytester


def test_the_fixtures_work(suite: pytest.Pytester) -> None:
    result = suite.runpytest_inprocess("-p", "scenario_async.pytest_plugin")

    result.assert_outcomes(passed=4)


def test_the_fixtures_explain_themselves(suite: pytest.Pytester) -> None:
    result = suite.runpytest_subprocess("-p", "scenario_async.pytest_plugin", "--fixtures")

    result.stdout.fnmatch_lines(
        [
            "scenario_sandbox*",
            "*A fresh Scenario API on loopback, running in a thread of its own.",
            "scenario_sandbox_factory*",
            "*Makes running Scenario APIs*",
        ]
    )


def test_the_plugin_is_light() -> None:
    """It is imported by every pytest run where the package is installed."""
    program = (
        "import sys, pytest\n"
        "before = set(sys.modules)\n"
        "import scenario_async.pytest_plugin\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    result = subprocess.run(  # noqa: S603 -- our own text
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )

    assert result.stdout.split() == [
        "scenario_async",
        "scenario_async._version",
        "scenario_async.pytest_plugin",
    ]
