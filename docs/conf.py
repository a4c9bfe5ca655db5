"""How the documentation is built. The examples run as part of the build."""

from __future__ import annotations

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

# Before autodoc does it with TYPE_CHECKING set: the examples run in the same process.
import scenario_async.gallery
import scenario_async.live
import scenario_async.pytest_plugin
import scenario_async.sandbox
import scenario_async.sync
import scenario_async.types  # noqa: F401 - see above

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "scenario-async"
author = "The scenario-async authors"
release = version = installed_version("scenario-async")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "descriptions",
    "diagrams",
    "links",
    "messages",
    "run_examples",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"scenario-async {release}"
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True, "undoc-members": True}
# Signatures name these, and the reference says what they stand for.
autodoc_type_aliases = {name: name for name in ("Change", "ExportFormat", "Number", "Timestamp")}
python_maximum_signature_line_length = 88
python_use_unqualified_type_names = True

nitpicky = True
nitpick_ignore_regex = [
    # Other projects' names: their documentation is on the network, where a build need not be.
    ("py:class", r"(abc|asyncio|collections\.abc|dataclasses|datetime|re|pathlib|types)\.\w+"),
    ("py:class", r"datetime|timedelta|Path|TracebackType|AbstractContextManager"),
    ("py:class", r"(aiohttp|msgspec|web)\.\w+|TracerProvider|MeterProvider"),
    # Type variables, which Sphinx has no entries for.
    ("py:class", r"(scenario_async(\.\w+)+\.)?(ModelT|OtherT|RowT)"),
]
