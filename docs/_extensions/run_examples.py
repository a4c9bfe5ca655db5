"""Runs the Python examples of the pages that ask for it, while the documentation is built.

A page says so with ``run_examples: true`` in its front matter. Its Python blocks run in order, in
one namespace, with ``await`` at the top level, in an empty folder, against a fresh sandbox that the
environment points to. What a block prints must equal the ``text`` block after it, if there is one.
A block that raises, or prints something else, fails the build.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import os
import re
import tempfile
from typing import TYPE_CHECKING, Any

from sphinx.errors import SphinxError

from scenario_async.sandbox import Catalogue, Sandbox

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_BLOCK = re.compile(
    r"^```python\n(?P<code>.*?)^```$(?:\s*^```text\n(?P<output>.*?)^```$)?",
    re.MULTILINE | re.DOTALL,
)
_ASKS = re.compile(r"\A---\n.*?^run_examples: true$.*?^---$", re.MULTILINE | re.DOTALL)


def run_examples(_app: Sphinx, docname: str, source: list[str]) -> None:
    """Run the examples of a page that asks for it."""
    if not _ASKS.search(source[0]):
        return
    catalogue = Catalogue.seeded(public=709, private=300, collections=3)
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        Sandbox(catalogue).in_thread() as sandbox,
    ):
        os.environ["SCENARIO_BASE_URL"] = sandbox.base_url
        os.environ["SCENARIO_SDK_API_KEY"] = sandbox.api_key
        os.environ["SCENARIO_SDK_API_SECRET"] = sandbox.api_secret
        namespace: dict[str, Any] = {"__name__": docname, "sandbox": sandbox}
        with asyncio.Runner() as runner:
            for number, block in enumerate(_BLOCK.finditer(source[0]), start=1):
                printed = runner.run(_run(block["code"], namespace, f"{docname}, example {number}"))
                if block["output"] is not None and printed.strip() != block["output"].strip():
                    raise SphinxError(
                        f"{docname}, example {number} printed:\n{printed}\n"
                        f"and not:\n{block['output']}"
                    )


async def _run(code: str, namespace: dict[str, Any], name: str) -> str:
    # As it is written: not with what this module imports from the future.
    compiled = compile(code, name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        result = eval(compiled, namespace)  # noqa: S307 - our own pages
        if inspect.iscoroutine(result):
            await result
    return printed.getvalue()


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("source-read", run_examples)
    return {"parallel_read_safe": False}
