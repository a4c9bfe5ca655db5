"""Keeps the picture of the gallery that the README shows.

``python -m support.gallery_picture ../docs/images/gallery.webp``, in ``tests``.
"""

from __future__ import annotations

import sys
from base64 import b64decode
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scenario_async.sandbox import Catalogue, Sandbox

from .browser import launched, until_pictures, watched
from .gallery_server import gallery_of

_QUALITY = 82


def take() -> bytes:
    """A picture, as WebP, of a search in the catalogue of the sandbox."""
    with (
        TemporaryDirectory() as name,
        Sandbox(Catalogue.seeded(public=709, private=300)).in_thread() as sandbox,
        gallery_of(Path(name) / "models.db", sandbox, pictures=Path(name) / "kept") as gallery,
        launched() as browser,
    ):
        gallery.sync().finish()
        with watched(browser, f"{gallery.url}?q=sprite", None) as page:
            until_pictures(page)
            session: Any = page.context.new_cdp_session(page)
            taken = session.send("Page.captureScreenshot", {"format": "webp", "quality": _QUALITY})
            return b64decode(taken["data"])


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(take())
