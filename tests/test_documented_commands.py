"""Every command line of the documentation is right, and those of the first pages run.

The build of the documentation runs the blocks of all other pages and compares what they print.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scenario_async.cli._options import StrictCommand
from scenario_async.sandbox import Catalogue, Sandbox

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from support.command_line import Run

ROOT = Path(__file__).parent.parent
PAGES = [
    *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("**/*.md")),
    *(name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md") if (ROOT / name).exists()),
]
RUN_HERE = ["README.md", "docs/reference/command-line.md"]

# What stands in blocks of these pages and does not run in a test: it installs something, needs a
# key or a server, or goes on until Ctrl-C. `test_readme.py` runs the main command of the README.
INSTALLS = ("pip", "python3", ".venv/bin/python")
NOT_RUN = (*INSTALLS, "export", "scenario-async gallery", "scenario-async fleet")
# What is meant to be replaced.
MODEL, COLLECTION = re.compile("MODEL_ID|model_abc"), re.compile("COLLECTION_ID")

BLOCK = re.compile(r"^```(sh|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ARRAY = re.compile(r'\["(?:scenario-async", )?"?[a-z]+".*\]')
INLINE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
# The name of the command, also behind a path, and that of the image on the page about containers.
OWN = re.compile(r"(?:^|[\s/(])(?:scenario-(?:async|copy)|python -m scenario_async)[ \n]")
OTHERS = re.compile("pip install|docker build")


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def lines_of(page: str) -> list[str]:
    """The lines of all blocks for a shell, those that are continued as one."""
    lines: list[str] = []
    for language, block in BLOCK.findall(text_of(page)):
        text = block.replace("\\\n", " ")
        if language == "console":
            text = text.replace("\n> ", " ")
            text = "\n".join(re.findall(r"^\$ (.+)", text, re.MULTILINE))
        lines += [line.strip() for line in text.splitlines() if line.strip()]
    return lines


def words_of(text: str) -> list[str]:
    """The words of a command, up to what a shell does with its output."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars="|>&;()")
    lexer.wordchars += ",%@:+[]{}$!^"
    words: list[str] = []
    for word in lexer:
        if set(word) <= set("|>&;()"):
            return words[:-1] if words[-1:] == ["2"] and word.startswith(">") else words
        words.append(word)
    return words


def own_commands(line: str) -> Iterator[list[str]]:
    """What our command is given in a line for a shell."""
    if not OTHERS.search(line):
        for found in OWN.finditer(line):
            if words := words_of(line[found.end() :]):
                yield words


def documented(page: str) -> Iterator[list[str]]:
    """What our command is given on a page, in blocks, in lists of a container, and in sentences."""
    for line in lines_of(page):
        yield from own_commands(line)
    for found in ARRAY.finditer(text_of(page) if "docker" in page else ""):
        program, *words = json.loads(found[0])
        yield words if program == "scenario-async" else [program, *words]
    for sentence in INLINE.findall(BLOCK.sub("", text_of(page))):
        for words in own_commands(sentence):
            # What is meant there may be the option alone, without all that belongs to it.
            yield [*words, "--help"]


@pytest.mark.parametrize("page", [page for page in PAGES if any(documented(page))])
def test_every_command_line_is_right(run: Run, monkeypatch: pytest.MonkeyPatch, page: str) -> None:
    monkeypatch.setattr(StrictCommand, "invoke", nothing)
    for words in documented(page):
        if "COMMAND" not in words:
            ran = run(*words)
            assert (words, ran.code, ran.err) == (words, 0, "")


@pytest.mark.parametrize(
    ("line", "commands"),
    [
        ("scenario-async list public --tag a:b | jq -r .id", [["list", "public", "--tag", "a:b"]]),
        ("FOO=1 .venv/bin/scenario-async sync 'my models.db' > x 2>&1", [["sync", "my models.db"]]),
        (
            "scenario-async get x 2> log && scenario-async status m.db &",
            [["get", "x"], ["status", "m.db"]],
        ),
        ('eval "$(scenario-async --completion bash)"', [["--completion", "bash"]]),
        ("docker run -v copy:/data scenario-copy status models.db", [["status", "models.db"]]),
        ("docker build --tag scenario-copy .", []),
        ("pip install scenario-async other", []),
        ("scenario-async sync m.db --private   # again", [["sync", "m.db", "--private"]]),
        ("python -m scenario_async list private", [["list", "private"]]),
    ],
)
def test_commands_are_found_in_lines_for_a_shell(line: str, commands: list[list[str]]) -> None:
    assert list(own_commands(line)) == commands


@pytest.fixture(scope="module")
def running_sandbox() -> Generator[Sandbox]:
    with Sandbox(Catalogue.seeded(public=60, private=120)).in_thread() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    running_sandbox.reset()
    monkeypatch.setattr(Sandbox, "serve_forever", nothing)
    return running_sandbox


async def nothing(*_: object) -> None:
    pass


@pytest.mark.parametrize("page", [page for page in RUN_HERE if page in PAGES])
def test_the_commands_of_a_page_run_in_their_order(ask: Run, sandbox: Sandbox, page: str) -> None:
    model = sandbox.catalogue.ids("public")[0]
    collection = sandbox.catalogue.collection_ids[0]
    lines = [line for line in lines_of(page) if not line.startswith(NOT_RUN)]
    assert len(lines) >= 5
    for line in lines:
        name, *words = words_of(COLLECTION.sub(collection, MODEL.sub(model, line)))
        assert name == "scenario-async", f"{line} does not run: name it in NOT_RUN"
        if "--port" in words:
            words[words.index("--port") + 1] = "0"
        ran = ask(*words)
        assert (line, ran.code, ran.err) == (line, 0, "")
        read_by_the_next_program(line, ran.out)


def read_by_the_next_program(line: str, data: bytes) -> None:
    """Pipe what our command has written as the line does, where the other program is there."""
    _, piped, rest = line.partition(" | ")
    program = shlex.split(rest, comments=True)
    if piped and shutil.which(program[0]) is not None:
        subprocess.run(program, input=data, check=True, capture_output=True)  # noqa: S603 - as documented
