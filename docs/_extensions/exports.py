"""What the package exports, and where the reference has it.

- The directive ``exported-classes`` documents the classes that a module exports.
- The directive ``type-aliases`` documents aliases: those that a module exports, or those that it is
  given, of the module or of one below it. The values of a ``Literal`` come from the code.
- Names in annotations and docstrings lead to the exports, wherever those are defined.
- An export that no page documents is a warning, which fails the build.
"""

from __future__ import annotations

import importlib
import re
import sys
import typing
from typing import TYPE_CHECKING

from sphinx.addnodes import pending_xref
from sphinx.pycode import ModuleAnalyzer
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from types import ModuleType

    from docutils.nodes import Node, document
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

# In the order in which a name is looked up: the records are documented where all of them are.
PUBLIC_MODULES = (
    "scenario_async.types",
    "scenario_async",
    "scenario_async.sync",
    "scenario_async.fleet",
    "scenario_async.live",
    "scenario_async.otel",
    "scenario_async.sandbox",
    "scenario_async.pytest_plugin",
)

_log = logging.getLogger(__name__)


def exports(module: ModuleType) -> dict[str, object]:
    """What is in ``__all__``, or is defined here, of a module without one."""
    here = [name for name, value in vars(module).items() if _home(value) == module.__name__]
    return {name: getattr(module, name) for name in getattr(module, "__all__", here)}


def _home(value: object) -> str | None:
    return getattr(value, "__module__", None)


def public_names(value: object, name: str) -> list[str]:
    """Under which full names a value of this name is exported."""
    modules = map(importlib.import_module, PUBLIC_MODULES)
    return [f"{one.__name__}.{name}" for one in modules if getattr(one, name, None) is value]


def source(module: str) -> ModuleAnalyzer:
    """The source of a module, with its descriptions and annotations."""
    analyzer = ModuleAnalyzer.for_module(module)
    analyzer.analyze()
    return analyzer


class ExportedClasses(SphinxDirective):
    """The classes that a module exports, each as ``autoclass`` shows it."""

    required_arguments = 1

    def run(self) -> list[Node]:
        """Document each in order of its name."""
        module = importlib.import_module(self.arguments[0])
        classes = [name for name in module.__all__ if isinstance(getattr(module, name), type)]
        lines = [f".. autoclass:: {module.__name__}.{name}" for name in sorted(classes)]
        return self.parse_text_to_nodes("\n".join(lines))


class TypeAliases(SphinxDirective):
    """Aliases of types: those that a module exports, or those that are named, a line each."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[Node]:
        """Document each with its description, and its values or its definition."""
        module = importlib.import_module(self.arguments[0])
        named = [line.strip() for line in self.content if line.strip()]
        names = named or [name for name in module.__all__ if _is_alias(getattr(module, name))]
        found: list[Node] = []
        for name in names:
            exported = module.__name__ in PUBLIC_MODULES and name in module.__all__
            home = module.__name__ if exported else "None"
            lines = [f".. py:currentmodule:: {home}", "", *_alias(name, *_definition(module, name))]
            found += self.parse_text_to_nodes("\n".join(lines))
        return found


def _is_alias(value: object) -> bool:
    return typing.get_origin(value) is not None


def _definition(module: ModuleType, name: str) -> tuple[object, str, list[str]]:
    """The type that an alias stands for, how that is written, and what is said of it."""
    root = module.__name__.partition(".")[0]
    for home in (*sorted(_loaded_below(module.__name__)), *sorted(_loaded_below(root))):
        analyzer = source(home)
        docstring = analyzer.attr_docs.get(("", name))
        if docstring is not None:
            written = re.search(rf"^{name}(?:: TypeAlias)? = (.+)$", analyzer.code, re.MULTILINE)
            return getattr(sys.modules[home], name), written[1] if written else "", docstring
    raise LookupError(f"{name} has no docstring in {module.__name__}")


def _loaded_below(package: str) -> list[str]:
    return [name for name in sys.modules if f"{name}.".startswith(f"{package}.")]


def _alias(name: str, stands_for: object, written: str, docstring: list[str]) -> list[str]:
    values = typing.get_args(stands_for) if typing.get_origin(stands_for) is typing.Literal else ()
    canonical = [] if values else [f"   :canonical: {written}"]
    known = ", ".join(f'``"{one}"``' if isinstance(one, str) else f"``{one}``" for one in values)
    body = [*docstring, "", *([f"{known}.", ""] if known else [])]
    return [f".. py:type:: {name}", *canonical, "", *(f"   {line}" for line in body)]


def name_in_full(_app: Sphinx, document: document) -> None:
    """Let names in annotations and docstrings lead to exports, wherever those are defined."""
    for reference in document.findall(pending_xref):
        if reference.get("refdomain") == "py":
            reference["reftarget"] = _full(reference["reftarget"], reference.get("py:module"))
            if not reference.get("refspecific"):
                # Sphinx looks whether there is one, and not at its value, and then takes any name
                # that ends alike.
                reference.attributes.pop("refspecific", None)


def _full(name: str, context: str | None) -> str:
    inside = name.rpartition(".")[2] if name.startswith("scenario_async.") else name
    if name.startswith(PUBLIC_MODULES) and "._" not in name:
        return name
    head, _, rest = inside.partition(".")
    modules = [context] if context in PUBLIC_MODULES and context != "scenario_async" else []
    for module in (*modules, *PUBLIC_MODULES):
        if head in exports(importlib.import_module(module)):
            return f"{module}.{head}.{rest}" if rest else f"{module}.{head}"
    return name


def check_exports(_app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Warn of each export that no page documents."""
    documented = env.domains.python_domain.objects.keys()
    for module in map(importlib.import_module, PUBLIC_MODULES):
        for name, value in exports(module).items():
            if documented.isdisjoint(public_names(value, name)):
                _log.warning("%s.%s is not in the reference", module.__name__, name)
    return []


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("exported-classes", ExportedClasses)
    app.add_directive("type-aliases", TypeAliases)
    app.connect("doctree-read", name_in_full)
    app.connect("env-updated", check_exports)
    return {"parallel_read_safe": False}
