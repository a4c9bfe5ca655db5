"""The shape of the package: who may import what, and what is public."""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from collections import defaultdict
from pathlib import Path

import pytest

import scenario_async

PACKAGE = Path(scenario_async.__file__).parent
# Below each line stands what it may use; a module imports only from its own layer downwards.
LAYERS = (
    ("__init__",),
    ("_client",),
    ("_models",),
    ("_listings", "_merge"),
    ("_listing",),
    ("_previews",),
    ("_page", "_retrieval"),
    ("_bulk", "_ids"),
    ("_walk",),
    ("_asking", "_fetcher", "_reader", "_requester"),
    ("_planners", "_transport", "_retry", "_pacing", "_lifetime", "_answers"),
    ("_connection_errors", "_decode", "_query_arguments", "_tag_index"),
    ("_csv_rows", "_public_route", "_query_rules", "_row_checks", "_salvage"),
    ("_query", "_options", "_proxies", "_rate"),
    (
        "_clock",
        "_credentials",
        "_errors",
        "_events",
        "_hosts",
        "_http",
        "_redaction",
        "_turns",
        "_version",
        "types",
    ),
)
THIRD_PARTY = {
    "aiohttp": {"_connection_errors", "_transport"},
    "tenacity": {"_retry"},
    "anyio": {"_clock", "_fetcher", "_ids", "_lifetime", "_pacing"},
    "msgspec": {"_answers", "_decode", "_planners", "_query", "_row_checks", "_tag_index", "types"},
    # Not when the package is imported: pydantic alone asks for what needs it.
    "pydantic_core": {"types"},
}


def imports(path: Path, *, at_run_time: bool = True) -> set[str]:
    """The modules that a module imports, by their dotted names; relative ones without dots."""
    found: set[str] = set()
    tree = ast.parse(path.read_text())
    guarded = {
        child
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        if at_run_time and node in guarded:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def core_modules() -> dict[str, list[Path]]:
    modules: dict[str, list[Path]] = defaultdict(list)
    for path in PACKAGE.glob("*.py"):
        if path.stem not in {"__main__", "pytest_plugin"}:  # which belong to others
            modules[path.stem].append(path)
    for package in ("_planners", "types"):
        modules[package] = list((PACKAGE / package).glob("*.py"))
    return modules


def test_every_module_of_the_core_has_its_layer() -> None:
    assert set(core_modules()) == {name for layer in LAYERS for name in layer}


def test_data_flows_one_way() -> None:
    level = {name: index for index, layer in enumerate(LAYERS) for name in layer}
    for name, paths in core_modules().items():
        for path in paths:
            for imported in imports(path):
                first = imported.removeprefix("scenario_async.").split(".")[0]
                if name == "types" or first not in level:
                    continue
                assert level[first] >= level[name], f"{name} imports {first} from above"


def test_each_third_party_library_has_its_few_modules() -> None:
    users: dict[str, set[str]] = defaultdict(set)
    for name, paths in core_modules().items():
        for path in paths:
            for imported in imports(path):
                users[imported.split(".")[0]].add(name)
    third_party = {
        library: modules
        for library, modules in users.items()
        if library not in sys.stdlib_module_names
        and library not in core_modules()
        and not library.startswith("_")
        and library != "scenario_async"
    }

    assert third_party == THIRD_PARTY


SYNC_LAYERS = (
    ("__init__",),
    ("_watch",),
    ("_run",),
    ("_incremental_run",),
    ("_full_run",),
    ("_doubts",),
    ("_counting", "_details", "_scope_run"),
    ("_at_once", "_lanes", "_log", "_members", "_owners", "_source", "_writes"),
    ("_export",),
    ("_formats", "_replacement"),
    ("_store",),
    ("_comparison", "_filters", "_stored"),
    ("_database",),
    ("_locks",),
    ("_engines", "_many_rows", "_schema", "_store_file"),
    ("_costs", "_deletions", "_errors", "_report", "_rows", "_scopes", "_state", "_tables"),
    ("_dependencies", "_task", "_urls", "_windows"),
)
SYNC_THIRD_PARTY = {
    "aiosqlite": {"_engines"},
    "anyio": {
        "_at_once",
        "_database",
        "_details",
        "_engines",
        "_export",
        "_owners",
        "_replacement",
        "_run",
        "_scope_run",
        "_store",
        "_task",
        "_watch",
    },
    "msgspec": {
        "_engines",
        "_formats",
        "_full_run",
        "_incremental_run",
        "_lanes",
        "_log",
        "_owners",
        "_report",
        "_rows",
        "_scopes",
        "_source",
        "_state",
        "_stored",
        "_watch",
        "_writes",
    },
    # Queries stand where their rows are used; engines and dialects are known to one module each.
    "sqlalchemy": {
        "_database",
        "_details",
        "_engines",
        "_filters",
        "_locks",
        "_log",
        "_members",
        "_owners",
        "_schema",
        "_source",
        "_store",
        "_store_file",
        "_stored",
        "_tables",
        "_urls",
        "_watch",
        "_writes",
    },
    "xxhash": {"_rows"},
}


def test_the_copy_is_built_in_layers_of_its_own_on_top_of_the_core() -> None:
    level = {name: index for index, layer in enumerate(SYNC_LAYERS) for name in layer}
    users: dict[str, set[str]] = defaultdict(set)
    for path in (PACKAGE / "sync").glob("*.py"):
        for imported in imports(path):
            if imported in level:
                assert level[imported] > level[path.stem], f"{path.stem} imports {imported}"
            elif imported.split(".")[0] not in sys.stdlib_module_names:
                users[imported.split(".")[0]].add(path.stem)

    assert {path.stem for path in (PACKAGE / "sync").glob("*.py")} == set(level)
    assert {name: users[name] for name in SYNC_THIRD_PARTY} == SYNC_THIRD_PARTY
    assert set(users) == {*SYNC_THIRD_PARTY, "scenario_async"}


def test_the_core_knows_nothing_of_the_copy() -> None:
    for paths in core_modules().values():
        for path in paths:
            assert "scenario_async.sync" not in imports(path, at_run_time=False)
            assert "sync" not in imports(path, at_run_time=False)


def test_the_sandbox_is_a_second_opinion_that_shares_nothing_with_the_client() -> None:
    for path in (PACKAGE / "sandbox").glob("*.py"):
        for imported in imports(path, at_run_time=False):
            assert not imported.startswith("scenario_async") or imported.startswith(
                "scenario_async.sandbox"
            ), path.name


def test_the_core_needs_no_extra() -> None:
    for paths in core_modules().values():
        for path in paths:
            assert not {name.split(".")[0] for name in imports(path)} & {
                "asyncclick",
                "rich",
                "pytest",
            }


@pytest.mark.parametrize(
    "name",
    ["scenario_async", "scenario_async.types", "scenario_async.sandbox", "scenario_async.sync"],
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


def test_the_package_says_to_type_checkers_what_it_says_at_run_time() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    said = {
        (f".{node.module}", alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module != "_version"
        for alias in node.names
    }
    homes: dict[str, tuple[str, ...]] = vars(scenario_async)["_HOMES"]
    assert said == {(home, name) for home, names in homes.items() for name in names} - {
        (".types", "types")
    }


def test_nothing_is_public_by_accident() -> None:
    public = {
        name
        for name in dir(scenario_async)
        if not name.startswith("_") and not inspect.ismodule(getattr(scenario_async, name))
    }

    assert public == set(scenario_async.__all__) - {"__version__"}
