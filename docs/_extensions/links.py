"""Whether what the documentation points to is there. Nothing is asked of the network.

- A link to another host uses https, and the host is one that is known here: a new one is added by
  hand, and looked at then.
- A file of the repository that is named in a page, a docstring or a comment exists.
- Links of the pages beside the documentation lead to a file, and to a heading in it.
- Every promise names the tests that show it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from docutils.nodes import document, reference
from sphinx.util import logging

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

HOSTS = frozenset(
    {
        "anyio.readthedocs.io",
        "api.cloud.scenario.com",
        "arrow.apache.org",
        "aws.amazon.com",
        "datasette.io",
        "docs.aiohttp.org",
        "docs.aws.amazon.com",
        "docs.pola.rs",
        "docs.pytest.org",
        "docs.python.org",
        "duckdb.org",
        "htmx.org",
        "jcristharif.com",
        "keepachangelog.com",
        "opentelemetry.io",
        "owasp.org",
        "pandas.pydata.org",
        "pola.rs",
        "semver.org",
        "sre.google",
        "www.postgresql.org",
        "www.rfc-editor.org",
        "www.scenario.com",
        "www.sqlite.org",
    }
)
PROMISES = "explanation/promises.md"
_KINDS = "## How it is tested"  # where its promises end
_BESIDE = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
_LINK = re.compile(r"\]\(<?(?P<target>[^)\s>]+)>?\)|^\[[^\]]+\]: (?P<named>\S+)", re.MULTILINE)
_FILE = re.compile(
    r"(?<![\w./])(?:benchmarks|docs|scenario_async|tests)/[\w/-]+\.(?:inc|json|md|py|svg)\b"
)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_PROMISE = re.compile(r"^(?P<term>\w.*)\n(?P<text>: .*\n(?:[: ] .*\n)*)", re.MULTILINE)
_log = logging.getLogger(__name__)


def check_hosts(_app: Sphinx, page: document) -> None:
    """Warn of each link of a page, or of a docstring on it, to a host that is not known."""
    for link in page.findall(reference):
        if problem := _problem(link.get("refuri", "")):
            _log.warning("%s", problem, location=link)


def _problem(target: str) -> str | None:
    parts = urlsplit(target)
    if parts.scheme in ("", "mailto"):
        return None
    if parts.scheme != "https":
        return f"not https: {target}"
    return (
        None
        if parts.hostname in HOSTS
        else f"not one of the hosts in docs/_extensions/links.py: {target}"
    )


def check_files(app: Sphinx, _env: BuildEnvironment) -> list[str]:
    """Warn of links to nothing beside the documentation, and of named files that are not there."""
    root = Path(app.srcdir).parent
    for name in _BESIDE:
        for problem in _dead_links(root / name):
            _log.warning("%s: %s", name, problem)
    for file in _texts(root):
        for named in _FILE.findall(file.read_text(encoding="utf-8")):
            if not (root / named).exists():
                _log.warning("%s names a file that is not there: %s", file.relative_to(root), named)
    promised = Path(app.srcdir, PROMISES).read_text(encoding="utf-8").partition(_KINDS)[0]
    for promise in _PROMISE.finditer(promised):
        if "`tests/" not in promise["text"]:
            _log.warning("%s: no test is named for: %s", PROMISES, promise["term"])
    return []


def _texts(root: Path) -> Iterator[Path]:
    yield from (root / name for name in (*_BESIDE, "pyproject.toml", "noxfile.py"))
    yield from (root / "scenario_async").rglob("*.py")
    yield from (file for file in (root / "docs").rglob("*.md") if "_build" not in file.parts)


def _dead_links(file: Path) -> Iterator[str]:
    for link in _LINK.finditer(file.read_text(encoding="utf-8")):
        target = link["target"] or link["named"]
        path, _, anchor = target.partition("#")
        if ":" in path:
            if problem := _problem(target):
                yield problem
            continue
        there = file.parent / path if path else file
        if not there.exists():
            yield f"there is no file {target}"
        elif anchor and anchor not in _anchors(there):
            yield f"there is no heading {target}"


def _anchors(file: Path) -> set[str]:
    """The headings of a page, as links spell them."""
    headings = _HEADING.findall(file.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("doctree-read", check_hosts)
    app.connect("env-updated", check_files)
    return {"parallel_read_safe": False}
