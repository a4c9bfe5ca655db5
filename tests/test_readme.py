"""The examples of the README run as they stand there."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
from importlib.metadata import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from scenario_async.sandbox import Sandbox

pytestmark = pytest.mark.once

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROGRAMS: list[str] = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
SHELL = "\n".join(re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL))


def run(
    *command: str, folder: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own examples
        command,
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_quick_start_runs(sandbox: Sandbox, tmp_path: Path) -> None:
    program = tmp_path / "quick_start.py"
    program.write_text(PROGRAMS[0], encoding="utf-8")

    done = run(
        sys.executable,
        "-W",
        "error",
        str(program),
        SCENARIO_BASE_URL=sandbox.base_url,
        SCENARIO_SDK_API_KEY=sandbox.api_key,
        SCENARIO_SDK_API_SECRET=sandbox.api_secret,
        SCENARIO_SDK_JWT="",
    )

    assert done.returncode == 0, done.stderr
    assert "official models" in done.stdout


def test_the_example_for_pytest_passes(tmp_path: Path) -> None:
    (tmp_path / "test_example.py").write_text(PROGRAMS[1], encoding="utf-8")

    done = run(
        sys.executable,
        *("-m", "pytest", "-q", "-o", "anyio_mode=auto", "-k", "asyncio"),
        *("--rootdir", str(tmp_path), str(tmp_path)),
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_example_for_pytest_passes_in_the_strict_mode_of_pytest_asyncio(
    tmp_path: Path,
) -> None:
    pytest.importorskip("pytest_asyncio")
    marked = "import pytest\n\npytestmark = pytest.mark.asyncio\n" + PROGRAMS[1]
    (tmp_path / "test_example.py").write_text(marked, encoding="utf-8")
    options = ["-q", "--strict-markers", "-W", "error", "-o", "asyncio_mode=strict"]
    options += ["-o", "asyncio_default_fixture_loop_scope=function"]
    # Installed it is loaded by itself, and from a working tree it is named.
    fixtures = "scenario_async.pytest_plugin"

    done = run(
        sys.executable,
        *("-m", "pytest", *options, "-p", "pytest_asyncio.plugin", "-p", fixtures),
        *("--rootdir", str(tmp_path), str(tmp_path)),
        PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_the_main_command_copies_a_few_thousand_models_and_the_next_one_counts_them(
    tmp_path: Path,
) -> None:
    lines = SHELL.splitlines()
    command = next(line for line in lines if "--sandbox-models" in line)
    arguments = shlex.split(command.partition("scenario-async ")[2])
    query = shlex.split(next(line for line in lines if "SELECT" in line))

    done = run(sys.executable, "-m", "scenario_async.cli", *arguments, folder=tmp_path)
    counted = run(sys.executable, *query[1:], folder=tmp_path)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].split()[:3] == ["in", "all", "6,000"]
    assert counted.returncode == 0, counted.stderr
    rows = [ast.literal_eval(line) for line in counted.stdout.splitlines()]
    assert sum(count for _, count in rows) == 6000


def test_the_main_command_installs_what_it_needs() -> None:
    command = next(line for line in SHELL.splitlines() if "--sandbox-models" in line)

    assert "'.[cli,sync]'" in command


LINK = re.compile(
    r"""\]\(\s*<?(?P<inline>[^)\s>]*) | ^\s*\[[^\]]+\]:\s*<?(?P<reference>[^\s>]+)
    | \b(?:href|src)\s*=\s*["']?(?P<tag>[^"'\s>]+)""",
    re.MULTILINE | re.VERBOSE,
)


def links(text: str) -> list[str]:
    """The targets of all links and images of a text in Markdown."""
    return [found[found.lastgroup or 0] for found in LINK.finditer(text)]


@pytest.mark.parametrize(
    "text",
    ["[a](docs/b.md)", "![a](docs/b.md)", "[a]\n\n[a]: docs/b.md", '<img src="docs/b.md">'],
)
def test_a_link_is_found_however_it_is_written(text: str) -> None:
    assert links(text) == ["docs/b.md"]


def test_links_lead_somewhere_on_a_package_index_too() -> None:
    description = metadata("scenario-async")["Description"] or ""
    assert links(description)
    assert [link for link in links(description) if not link.startswith("https://")] == []


def test_pictures_are_there() -> None:
    pictures = [link for link in links(README) if not link.startswith("https://")]
    assert pictures
    assert [picture for picture in pictures if not (ROOT / picture).is_file()] == []


def test_the_test_command_is_the_one_of_the_checks_before_landing() -> None:
    command = next(line for line in SHELL.splitlines() if line.endswith("nox -s tests"))

    assert command in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
