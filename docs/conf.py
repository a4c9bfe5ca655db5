"""How the documentation is built. The examples run as part of the build."""

from __future__ import annotations

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

# Before autodoc does it with TYPE_CHECKING set: the examples run in the same process.
import scenario_async.types  # noqa: F401 - see above

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "scenario-async"
author = "The scenario-async authors"
release = version = installed_version("scenario-async")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "run_examples"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"scenario-async {release}"

autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_default_options = {"members": True, "undoc-members": False}
napoleon_use_ivar = True
myst_heading_anchors = 3
nitpicky = False
