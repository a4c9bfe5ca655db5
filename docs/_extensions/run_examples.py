"""Runs the examples of every page while the documentation is built.

The blocks of a page (``blocks`` says which) run in an empty folder, against a fresh sandbox that
the environment points to. A block that fails, or prints something else than the page says, fails
the build. In commands ``scenario-async`` and ``python`` are those of this build, and ``PORT`` is a
free port.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import os
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
from doctest import ELLIPSIS, OutputChecker
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blocks import Block, blocks
from sphinx.errors import SphinxError

from scenario_async.sandbox import Catalogue, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

_SECONDS = 120  # for the commands of one block, which take a second or two


def run_examples(_app: Sphinx, docname: str, source: list[str]) -> None:
    """Run the examples of a page."""
    examples = list(blocks(docname, source[0]))
    if not examples:
        return
    catalogue = Catalogue.seeded(public=709, private=300, unlisted=20, collections=3)
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        Sandbox(catalogue).in_thread() as sandbox,
        _environment(sandbox),
        asyncio.Runner() as runner,
    ):
        namespace: dict[str, Any] = {"__name__": docname, "sandbox": sandbox}
        for example in examples:
            if example.file is not None:
                Path(example.file).write_text(example.code, encoding="utf-8")
            elif example.language == "python":
                _compare(example, runner.run(_run(example, namespace)))
            else:
                _compare(example, _run_commands(example))


@contextlib.contextmanager
def _environment(sandbox: Sandbox) -> Iterator[None]:
    """The environment of the examples: whom clients ask, and which commands there are."""
    before = os.environ.copy()
    with tempfile.TemporaryDirectory() as programs:
        for name, module in (("python", ()), ("scenario-async", ("-m", "scenario_async"))):
            program = Path(programs, name)
            program.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, *module])} "$@"\n')
            program.chmod(0o755)
        os.environ.update(
            SCENARIO_BASE_URL=sandbox.base_url,
            SCENARIO_SDK_API_KEY=sandbox.api_key,
            SCENARIO_SDK_API_SECRET=sandbox.api_secret,
            HOME=programs,
            PATH=f"{programs}{os.pathsep}{before.get('PATH', os.defpath)}",
            PORT=str(_free_port()),
            PYTHONUNBUFFERED="1",
            PYTEST_ADDOPTS="-p no:asyncio -p no:cacheprovider",  # it would say how to set it up
        )
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def _free_port() -> int:
    # Below those at which connections begin: one of them could have it when it is wanted.
    while True:
        port = 15_000 + secrets.randbelow(15_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def _compare(example: Block, printed: str) -> None:
    if example.output is None:
        return
    wanted, got = _lines(example.output), _lines(printed)
    if not OutputChecker().check_output(wanted, got, ELLIPSIS):
        raise SphinxError(f"{example.place} printed:\n{printed}\nand not:\n{example.output}")


def _lines(text: str) -> str:
    """A text without blank lines around it, and without trailing whitespace."""
    return "".join(f"{line.rstrip()}\n" for line in text.strip().splitlines())


async def _run(example: Block, namespace: dict[str, Any]) -> str:
    # As it is written: not with what this module imports from the future.
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    compiled = compile(example.code, example.place, "exec", flags=flags, dont_inherit=True)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        result = eval(compiled, namespace)  # noqa: S307 - our own pages
        if inspect.iscoroutine(result):
            await result
    return printed.getvalue()


def _run_commands(example: Block) -> str:
    # What a `console` block writes shows whether it has failed; some of them are meant to.
    strict = ("-e",) if example.language == "sh" else ()
    process = subprocess.Popen(  # noqa: S603 - our own pages
        ["/bin/bash", *strict, "-c", example.code],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        printed, _ = process.communicate(timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        printed, _ = process.communicate()
        raise SphinxError(f"{example.place} does not end; it printed:\n{printed}") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # what it left running behind it
    if strict and process.returncode:
        raise SphinxError(f"{example.place} failed ({process.returncode}):\n{printed}")
    return printed


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("source-read", run_examples)
    return {"parallel_read_safe": False}
