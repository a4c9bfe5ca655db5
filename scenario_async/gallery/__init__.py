"""Web pages over a store: a grid of models, search, facets, and a page for each model.

Needs the extra ``scenario-async[gallery]``.
"""

from scenario_async._extras import need

need("scenario_async.gallery", "jinja2", extra="gallery")

from ._application import application  # noqa: E402 - what it imports may be missing

__all__ = ["application"]
