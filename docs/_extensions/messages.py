"""What the package can say, and whether the page on troubleshooting has it right.

A heading of that page that is code is a message, with ``…`` for what differs. The build fails where
the package says no such thing, and where an exception or warning that is exported has no heading.
"""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from exports import PUBLIC_MODULES, exports
from sphinx.util import logging

import scenario_async

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

PAGE = "how-to/troubleshooting"
_HEADING = re.compile(r"^#{2,4} `(.+)`$", re.MULTILINE)
_FIELD = re.compile(r"\{[^{}]*\}|%[.\d]*[a-z]")
_log = logging.getLogger(__name__)


def said() -> str:
    """Every sentence in the source of the package, a line each, with ``…`` for each value."""
    package = Path(scenario_async.__file__).parent
    trees = (ast.parse(file.read_text(encoding="utf-8")) for file in package.rglob("*.py"))
    return "\n".join(sentence for tree in trees for sentence in _sentences(tree))


def _sentences(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        text = _text(node)
        if text and " " in text:
            yield text.replace("\n", " ")


def _text(node: ast.AST) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return _FIELD.sub("…", text)
        case ast.JoinedStr(values=parts):
            return "".join(_text(part) for part in parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _text(left) + _text(right)
        case ast.Call(args=parts):  # the parts of a sentence that says what is wrong
            return "".join(map(_text, parts))
        case _:
            return "…"


def exceptions() -> set[str]:
    """The names of all exceptions and warnings that the package exports."""
    return {
        name
        for module in map(importlib.import_module, PUBLIC_MODULES)
        for name, value in exports(module).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }


def check_messages(app: Sphinx, _env: BuildEnvironment) -> list[str]:
    """Warn of each message that is never said, and of each exception without a heading."""
    page = Path(app.srcdir, f"{PAGE}.md").read_text(encoding="utf-8")
    headings = set(_HEADING.findall(page))
    for name in sorted(exceptions() - headings):
        _log.warning("%s: %s has no heading", PAGE, name)
    all_said = said()
    for heading in sorted(headings - exceptions()):
        if heading not in all_said:
            _log.warning("%s: nothing in the package says: %s", PAGE, heading)
    return []


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("env-updated", check_messages)
    return {"parallel_read_safe": True}
