from __future__ import annotations

from importlib.util import find_spec

collect_ignore_glob: list[str] = []
if find_spec("playwright") is None or find_spec("jinja2") is None:
    collect_ignore_glob.append("test_*.py")
else:
    from support.browser import _service, chromium, copied, gallery, look, sandbox, serve

    __all__ = ["_service", "chromium", "copied", "gallery", "look", "sandbox", "serve"]
