"""The project's chores: ``nox -l`` lists them, ``nox -s NAME`` runs one."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import nox

nox.needs_version = ">=2025.5"
nox.options.sessions = [
    "tests",
    "interpreters",
    "lowest",
    "coverage",
    "kill",
    "fleet",
    "browser",
    "lint",
    "types",
    "docs",
]
nox.options.error_on_missing_interpreters = False

PYPROJECT = nox.project.load_toml("pyproject.toml")
# The tests see what was installed and not the working tree beside them.
INSTALLED = {"PYTHONSAFEPATH": "1"}
EXTRAS = "[cli,export,fleet,gallery,otel,sync]"
PACKAGE = f".{EXTRAS}"
# Beside those in `docs`.
PAGES = ("README.md", "CONTRIBUTING.md")
# Some tests take half a minute, and the others should not wait for them.
WORKERS = ("--numprocesses=auto", "--dist=worksteal")


def installed_pythons() -> list[str]:
    """The supported interpreters that run here, those of pyenv included.

    A pyenv shim may stand on the path for an interpreter that is not active: found, it fails.
    """
    found = []
    for version in ("3.11", "3.12", "3.13", "3.14", "3.15"):
        name = f"python{version}"
        if shutil.which(name) and _runs(name):
            found.append(version)
        elif (folder := _pyenv_folder(version)) is not None:
            os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
            found.append(version)
    return found


def _runs(command: str) -> bool:
    return subprocess.run([command, "-c", ""], check=False, capture_output=True).returncode == 0


def _pyenv_folder(version: str) -> Path | None:
    pyenv = shutil.which("pyenv") or str(Path.home() / ".pyenv" / "bin" / "pyenv")
    try:
        answer = subprocess.run(
            [pyenv, "prefix", version], check=False, capture_output=True, text=True
        )
    except OSError:
        return None
    folder = Path(answer.stdout.strip()) / "bin"
    return folder if answer.returncode == 0 and (folder / f"python{version}").exists() else None


def groups(*names: str) -> list[str]:
    """The requirements of dependency groups: older versions of pip do not know the groups."""
    return list(nox.project.dependency_groups(PYPROJECT, *names))


PYTHONS = installed_pythons()


@nox.session(python=PYTHONS[:1])
def tests(session: nox.Session) -> None:
    """Run the tests on one interpreter, but for the long ones."""
    session.install(PACKAGE, *groups("test"))
    run_tests(session)


@nox.session(python=PYTHONS[1:])
def interpreters(session: nox.Session) -> None:
    """Run the same on each other supported interpreter."""
    session.install(PACKAGE, *groups("test"))
    run_tests(session)


@nox.session(python=PYTHONS[:1])
def lowest(session: nox.Session) -> None:
    """Run the tests of the sdist against its wheel, with the oldest dependencies allowed."""
    session.install("uv")
    built = Path(session.create_tmp()).resolve()
    shutil.rmtree(built / "dist", ignore_errors=True)
    session.run("uv", "build", "--quiet", "--out-dir", str(built / "dist"))
    (wheel,) = (built / "dist").glob("*.whl")
    (sdist,) = (built / "dist").glob("*.tar.gz")
    shutil.unpack_archive(sdist, built / "dist", filter="data")
    python = str(Path(session.bin) / "python")
    oldest = ("--resolution", "lowest-direct", f"{wheel}{EXTRAS}", *groups("test"))
    session.run("uv", "pip", "install", "--quiet", "--python", python, *oldest)
    session.chdir(built / "dist" / sdist.name.removesuffix(".tar.gz"))
    run_tests(session)


def run_tests(session: nox.Session) -> None:
    """Run the tests against the installed package; whoever names some wants all of those."""
    extent = session.posargs or ["--briefly"]
    session.run("pytest", *WORKERS, *extent, env=INSTALLED)


@nox.session(python=PYTHONS[:1])
def coverage(session: nox.Session) -> None:
    """Run all tests, and see that they reach nearly every branch."""
    session.install(PACKAGE, *groups("coverage"))
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", *WORKERS, *session.posargs, env=INSTALLED)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report")


@nox.session(python=PYTHONS[:1])
def kill(session: nox.Session) -> None:
    """Kill runs of a sync at 50 random instants each; takes a few minutes."""
    session.install(PACKAGE, *groups("test"))
    session.run("pytest", "-m", "kill", *WORKERS, *session.posargs, env=INSTALLED)


@nox.session(python=PYTHONS[:1])
def fleet(session: nox.Session) -> None:
    """Kill, cut off and restart what a fleet consists of; takes a few minutes."""
    session.install(PACKAGE, *groups("test"))
    session.run("pytest", "-m", "fleet", "tests/fleet", *WORKERS, *session.posargs, env=INSTALLED)


@nox.session(python=PYTHONS[:1])
def browser(session: nox.Session) -> None:
    """Look at the gallery in the system's Chromium; ``-- --screenshots FOLDER`` keeps pictures."""
    session.install(PACKAGE, *groups("browser"))
    session.run("pytest", "-m", "browser", "tests/browser", *session.posargs, env=INSTALLED)


@nox.session(python=PYTHONS[:1])
def picture(session: nox.Session) -> None:
    """Take the picture of the gallery anew that the README shows."""
    session.install(PACKAGE, *groups("browser"))
    session.chdir("tests")
    taken = "../docs/images/gallery.webp"
    session.run("python", "-m", "support.gallery_picture", taken)


@nox.session(python=PYTHONS[:1])
def mutants(session: nox.Session) -> None:
    """Change the pure modules in one small way after the other, and name what no test notices.

    All of it takes about an hour on two cores, and goes on where it was stopped; names choose a
    part, such as ``-- 'scenario_async._query*'``, and run it again.
    """
    session.install(PACKAGE, *groups("mutants"))
    session.run("mutmut", "run", *session.posargs, env=INSTALLED)
    session.run("mutmut", "results", env=INSTALLED)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, formatting, and which module imports what."""
    session.install(*groups("lint"))
    session.run("lint-imports", "--no-cache")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check types, of us and as a caller sees them."""
    session.install(PACKAGE, *groups("types"))
    session.run("mypy")
    session.run("pyright")
    session.run("pyright", "--verifytypes", "scenario_async", "--ignoreexternal", env=INSTALLED)


@nox.session
def docs(session: nox.Session) -> None:
    """Check the spelling, and build the documentation; its examples run on the way."""
    session.install(PACKAGE, *groups("docs"))
    session.run("codespell", "docs", *PAGES, "CHANGELOG.md", "scenario_async", "benchmarks")
    pages = (str(page) for page in Path("docs").glob("**/*.md") if "_build" not in page.parts)
    session.run("codespell", "--dictionary", "docs/words.txt", *pages, *PAGES)
    session.run("sphinx-build", "-W", "--keep-going", "-b", "html", "docs", "docs/_build/html")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure against the official SDK, in turns, and write the tables and the plot of the docs.

    All of it takes about 40 minutes; ``-- --quick``, ``-- --only NAME`` or ``-- --resume`` less.
    """
    session.install(".[cli,fleet,sync]", *groups("bench"))
    if not session.posargs:
        session.run("python", "benchmarks/import_time.py", env=INSTALLED)
        session.run("python", "benchmarks/live_catalog.py", env=INSTALLED)
        tests = {**INSTALLED, "PYTHONPATH": str(Path(__file__).parent / "tests")}
        session.run("python", "benchmarks/fleet_scaling.py", env=tests)
    scripts = {**INSTALLED, "PYTHONPATH": str(Path(__file__).parent / "benchmarks")}
    session.run("python", "benchmarks/run.py", *session.posargs, env=scripts)
