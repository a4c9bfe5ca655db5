"""Pages of templates, and the files that they need: read once, and nothing else is ever served."""

from __future__ import annotations

from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from ._text import line

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["StaticFile", "Templates"]

_TYPES = {
    "gallery.css": "text/css",
    "gallery.js": "text/javascript",
    "htmx-2.0.11.min.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}


class StaticFile(NamedTuple):
    """A file that pages need.

    Attributes:
        content: What it has.
        content_type: As in HTTP.
        version: Another one for another content.
    """

    content: bytes
    content_type: str
    version: str


class Templates:
    """The templates of the gallery, and the files beside them.

    Attributes:
        files: The files by their names.
    """

    def __init__(self) -> None:
        folder = files("scenario_async.gallery") / "static"
        self.files: Mapping[str, StaticFile] = {
            name: _static(folder.joinpath(name).read_bytes(), kind) for name, kind in _TYPES.items()
        }
        self._templates = Environment(
            loader=PackageLoader("scenario_async.gallery"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["line"] = line
        self._versions = {name: file.version for name, file in self.files.items()}

    def render(self, name: str, context: Mapping[str, object]) -> str:
        """A page, or a part of one."""
        return self._templates.get_template(name).render(context, versions=self._versions)


def _static(content: bytes, kind: str) -> StaticFile:
    return StaticFile(content, kind, sha256(content).hexdigest()[:12])
