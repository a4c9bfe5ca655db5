"""The blocks of a page that are run, in the order in which they stand there.

``python``
    Runs in one namespace for the page, with ``await`` at the top level. What it prints must equal
    the ``text`` block after it, if there is one. A block that begins with ``# NAME.py`` is saved
    under that name instead, for the commands and imports that come after it. So is a ``yaml``
    block that begins so.
``console``
    Lines that begin with ``$`` are commands, run by one shell; the others are what these write.
``sh``
    Commands that must not fail.

``...`` stands for any text in what is printed. A block that cannot run has a line above it that
says why: ``% not run: it needs an account``. Commands that install something, write into the home
folder or serve until Ctrl-C are not run either, and those that need another program only where it
is there.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sphinx.errors import SphinxError
from sphinx.util import logging

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK = re.compile(
    r"^(?:% (?P<mark>not run\b[^\n]*)\n+)?"
    r"^(?P<fence>`{3,})(?P<language>[^\n`]*)\n(?P<text>.*?)^(?P=fence)$"
    r"(?:\s*^```text\n(?P<output>.*?)^```$)?",
    re.MULTILINE | re.DOTALL,
)
_REASON = re.compile(r"not run: \w.+")
_HIDDEN = re.compile(r"^[ \t>]+`{3,}(?:python|console|sh)$", re.MULTILINE)
_FILE = re.compile(r"# (\w+\.(?:py|yml))\n")
_COMMAND = re.compile(r"\$ (.+)\n")
_CONTINUED = re.compile(r"> (.*)\n")
_ELSEWHERE = re.compile(
    r"^(?:\$ )?(?:\S+/)?(?:docker|git|kubectl|nox|pip|podman|systemctl)\b|> ~/", re.MULTILINE
)
_SERVES = re.compile(r"^scenario-async (?:gallery|sandbox)\b", re.MULTILINE)
_PROGRAMS = re.compile(r"(?:^(?:[$>] *)?|\| *)(curl|datasette|jq|sqlite3)\b", re.MULTILINE)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """A block that is run.

    Attributes:
        place: Where it is, for people.
        language: ``"python"``, ``"console"``, ``"sh"``, or that of a file.
        code: What is run.
        output: What it must print; ``None`` where that does not matter.
    """

    place: str
    language: str
    code: str
    output: str | None

    @property
    def file(self) -> str | None:
        """The name under which it is saved instead of being run."""
        found = _FILE.match(self.code)
        return found[1] if found else None


def blocks(page: str, text: str) -> Iterator[Block]:
    """The blocks of a page that are run.

    Raises:
        SphinxError: A block is indented, does not say why it is not run, or has no command.
    """
    if hidden := _HIDDEN.search(text):
        raise SphinxError(f"{page}: a block is indented, and would not be run: {hidden[0].strip()}")
    for found in _BLOCK.finditer(text):
        place = f"{page}, line {text.count(chr(10), 0, found.start('fence')) + 1}"
        language, code, output = found["language"], found["text"], found["output"]
        saved = language == "yaml" and _FILE.match(code)
        if language not in ("python", "console", "sh") and not saved:
            continue
        if found["mark"] is not None:
            if not _REASON.fullmatch(found["mark"]):
                raise SphinxError(f"{place}: say why: `% not run: REASON`")
            continue
        if language in ("console", "sh") and (reason := _why_not_here(code)):
            _log.info("%s is not run: %s", place, reason)
            continue
        if language == "console":
            code, output = _session(place, code)
        yield Block(place=place, language=language, code=code, output=output)


def _why_not_here(commands: str) -> str | None:
    if _ELSEWHERE.search(commands):
        return "it would change this machine"
    if _SERVES.search(commands):
        return "it serves until Ctrl-C"
    missing = [name for name in _PROGRAMS.findall(commands) if shutil.which(name) is None]
    return f"there is no {missing[0]}" if missing else None


def _session(place: str, text: str) -> tuple[str, str]:
    """The commands of a block, and all that they write."""
    commands, output = "", ""
    for line in text.splitlines(keepends=True):
        if (found := _COMMAND.fullmatch(line)) or (found := _CONTINUED.fullmatch(line)):
            commands += f"{found[1]}\n"
        else:
            output += line
    if not commands:
        raise SphinxError(f"{place}: no line begins with `$ `")
    return commands, output
