"""What is public."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import scenario_async

if TYPE_CHECKING:
    from types import ModuleType

PACKAGE = Path(scenario_async.__file__).parent
CONTRIBUTING = Path(__file__).parent.parent / "CONTRIBUTING.md"


@pytest.mark.parametrize(
    "name",
    [
        "scenario_async",
        "scenario_async.fleet",
        "scenario_async.gallery",
        "scenario_async.live",
        "scenario_async.otel",
        "scenario_async.sandbox",
        "scenario_async.sync",
        "scenario_async.types",
    ],
)
def test_public_names_are_sorted_and_documented(name: str) -> None:
    module = importlib.import_module(name)
    names: list[str] = module.__all__

    assert names == sorted(names, key=lambda public: (not public.isupper(), public))
    for public in names:
        value = getattr(module, public)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert inspect.getdoc(value), public
            own: dict[str, object] = dict(vars(value)) if inspect.isclass(value) else {}
            for member, function in own.items():
                if inspect.isfunction(function) and not member.startswith("_"):
                    assert inspect.getdoc(function), f"{public}.{member}"


def test_a_name_that_this_package_does_not_have_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Scenario'"):
        _ = vars(scenario_async)["__getattr__"]("Scenario")
    with pytest.raises(ImportError):
        importlib.import_module("scenario_async.Scenario")


def test_modules_have_300_lines_and_functions_50_at_most() -> None:
    """Those of a function without its signature and its docstring."""
    long: list[str] = []
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if len(text.splitlines()) > 300:
            long.append(path.name)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = node.body[ast.get_docstring(node) is not None :][:1] or node.body
                if (node.end_lineno or 0) - first[0].lineno >= 50:
                    long.append(f"{path.name}: {node.name}")
    assert long == []


def test_the_package_says_to_type_checkers_what_it_says_at_run_time() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    said = {
        (f".{(node.module or '').removeprefix('scenario_async.')}", alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module != "_version"
        for alias in node.names
    }
    homes: dict[str, tuple[str, ...]] = vars(scenario_async)["_HOMES"]
    assert said == {(home, name) for home, names in homes.items() for name in names} - {
        (".types", "types")
    }


@pytest.mark.parametrize("module", [scenario_async, scenario_async.types])
def test_nothing_is_public_by_accident(module: ModuleType) -> None:
    public = {
        name
        for name in dir(module)
        if not name.startswith("_") and not inspect.ismodule(getattr(module, name))
    }

    assert public == set(module.__all__) - {"__version__"}


@pytest.mark.skipif(not CONTRIBUTING.exists(), reason="it is beside the tests in the repository")
def test_the_map_for_contributors_has_every_package_and_every_module_beside_them() -> None:
    shown = set(re.findall(r"`([a-z_/]+(?:\.py|/))`", CONTRIBUTING.read_text()))
    rooms = {f"{path.parent.relative_to(PACKAGE)}/" for path in PACKAGE.rglob("*/__init__.py")} | {
        path.name for path in PACKAGE.glob("_*.py") if not path.name.startswith("__")
    }

    assert rooms - shown == {"_version.py"}
    for place in shown:
        assert (PACKAGE / place).exists() or (CONTRIBUTING.parent / place).exists(), place
