"""Completion of command lines: what a shell is answered, and that the shells do so."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Protocol

import pytest

from scenario_async import cli

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from support.command_line import Run

SHELLS = ("bash", "zsh", "fish")
ASKED_BY = "_SCENARIO_ASYNC_COMPLETE"


class Complete(Protocol):
    def __call__(self, *words: str, told_by: str = ...) -> list[list[str]]: ...


@pytest.fixture
def complete(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Complete:
    """Asks as a shell does what the last word can become, which has no error to say."""
    del run  # in its folder

    def ask(*words: str, told_by: str = "zsh") -> list[list[str]]:
        monkeypatch.setenv(ASKED_BY, f"{told_by}_complete")
        monkeypatch.setenv("COMP_WORDS", "\n".join(("scenario-async", *words)))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        with pytest.raises(SystemExit) as ended:
            sys.exit(cli.main([]))
        captured = capsysbinary.readouterr()
        assert captured.err == b""
        assert ended.value.code == 0 or captured.out == b""
        return [line.split("\t") for line in captured.out.decode().splitlines() if line]

    return ask


class TestAnswers:
    def test_commands_come_in_the_order_of_the_overview_with_what_they_do(
        self, complete: Complete
    ) -> None:
        answer = complete("")
        assert [value for _, value, _ in answer][:3] == ["list", "get", "sync"]
        assert ["plain", "get", "Get single models, whole."] in answer

    @pytest.mark.parametrize(
        ("written", "values"),
        [
            ("list pri", ["private"]),
            ("nonsense pri", []),
            ("list private --cr", ["--created-after", "--created-before"]),
            ("list private --status trai", ["training", "trained"]),
            ("list private --status=trai", ["training", "trained"]),
            ("list private --status trained --sta", []),
            ("list public --tag a --ta", ["--tag"]),
            ("list public --type flux.1-kontext-l", ["flux.1-kontext-lora"]),
            ("export models.db m.csv --status trai", ["training", "trained"]),
            ("--completion z", ["zsh"]),
            # What is wrong so far is no reason to say nothing more, and none for an error.
            ("list private --timeout nan --cr", ["--created-after", "--created-before"]),
            ("sync m.db --watch soon --det", ["--details"]),
            ("--summary ge", ["get"]),
            ("help ge", []),
        ],
    )
    @pytest.mark.parametrize("shell", SHELLS)
    def test_options_and_their_values_are_known(
        self, complete: Complete, shell: str, written: str, values: list[str]
    ) -> None:
        words = re.split(" |(?==)|(?<==)" if shell == "bash" else " ", written)
        option, joined, _ = words[-1].partition("=")
        before = f"{option}=" if shell == "fish" and joined else ""
        answer = complete(*words, told_by=shell)
        assert [value for _, value, _ in answer] == [f"{before}{value}" for value in values]

    @pytest.mark.parametrize("written", ["sync mo", "status mo", "export mo", "export x.db mo"])
    def test_files_are_left_to_the_shell(self, complete: Complete, written: str) -> None:
        assert complete(*written.split()) == [["file", "mo", ""]]

    @pytest.mark.parametrize(
        "words",
        [
            ("sync", "'my models.db'", "--pub"),
            ("sync", "my\\ models.db", "--project-id", "=", "p", "--pub"),
            ("sync", '"unfinished', "--pub"),
        ],
    )
    def test_bash_tells_words_as_they_are_written(
        self, complete: Complete, words: tuple[str, ...]
    ) -> None:
        answer = complete(*words, told_by="bash")
        assert [value for _, value, _ in answer] == [
            "--public",
            "--public-collection",
            "--public-access",
        ]

    def test_a_shell_that_asks_in_another_way_is_told_nothing(
        self, complete: Complete, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COMP_CWORD", "x")
        assert complete("li", told_by="tcsh") == []


class TestScripts:
    @pytest.mark.parametrize("shell", SHELLS)
    def test_there_are_two_ways_to_the_same_script(
        self,
        run: Run,
        capsysbinary: pytest.CaptureFixture[bytes],
        monkeypatch: pytest.MonkeyPatch,
        shell: str,
    ) -> None:
        ran = run("--completion", shell)
        assert (ran.code, ran.err) == (0, "")
        monkeypatch.setenv(ASKED_BY, f"{shell}_source")
        with pytest.raises(SystemExit):
            cli.main([])
        assert capsysbinary.readouterr().out.rstrip() == ran.out.rstrip()

    def test_what_is_slow_to_import_is_not_imported(self) -> None:
        program = (
            "import sys\n"
            "from scenario_async import cli\n"
            "try: cli.main([])\n"
            "finally: print({'sqlalchemy', 'pyarrow', 'aiohttp', 'tenacity', 'jinja2', 'rich',\n"
            "    'scenario_async._client', 'scenario_async.sync'} & set(sys.modules))\n"
        )
        asking = {ASKED_BY: "fish_complete", "COMP_CWORD": "3"}
        words = "scenario-async\nlist\nprivate\n--cr"
        ran = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-c", program],
            env=os.environ | asking | {"COMP_WORDS": words},
            capture_output=True,
            text=True,
            check=True,
        )
        assert [line.split("\t")[-1] for line in ran.stdout.splitlines()] == [
            "Only models created after this moment.",
            "Only models created before this moment.",
            "set()",
        ]


LONG = 60  # seconds; no line takes a tenth of that
STARTS = {
    "bash": ("bash", "--norc", "--noprofile", "-i"),
    "zsh": ("zsh", "-f", "-i"),
    "fish": ("fish", "--no-config", "-i"),
}
PROGRAM = f"""\
#!/bin/sh
[ -n "${ASKED_BY}" ] && exec '{sys.executable}' -m scenario_async.cli
for word; do printf '<%s>' "$word"; done; echo .
"""


class Typing:
    """A shell in a terminal, at which somebody types.

    Args:
        terminal: What is typed is written here, and what the shell shows is read.
    """

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self._shown = b""

    def type(self, text: str, until: bytes) -> str:
        """Type this, and wait until something like that is shown."""
        os.write(self._terminal, text.encode())
        while (found := re.search(until, self._shown)) is None:
            readable, _, _ = select.select([self._terminal], [], [], LONG)
            assert readable, self._shown
            self._shown += os.read(self._terminal, 65536)
        self._shown = self._shown[found.end() :]
        return found[0].decode()


@pytest.mark.once
@pytest.mark.skipif(sys.platform == "win32", reason="shells and terminals as POSIX has them")
class TestShells:
    @pytest.fixture(params=SHELLS)
    def typing(self, request: pytest.FixtureRequest, run: Run, tmp_path: Path) -> Generator[Typing]:
        """Each of the shells, with its script loaded, in a folder with a few files."""
        import pty  # noqa: PLC0415 - POSIX only

        shell: str = request.param
        if shutil.which(shell) is None:
            pytest.skip(f"{shell} is not installed")
        (tmp_path / "script").write_bytes(run("--completion", shell).out)
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "scenario-async").write_text(PROGRAM)
        (tmp_path / "bin" / "scenario-async").chmod(0o755)
        (tmp_path / "my models.db").touch()
        seen, given = pty.openpty()
        environment = {
            **os.environ,
            "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "TERM": "xterm",
            "LC_ALL": "C.UTF-8",
        }
        # Opened anew in a session of its own, it is the terminal that fish asks for by name.
        opening = ("/bin/sh", "-c", 'exec "$@" <"$0" >"$0" 2>&1', os.ttyname(given))
        process = subprocess.Popen(  # noqa: S603 - a shell
            [*opening, *STARTS[shell]], env=environment, cwd=tmp_path, start_new_session=True
        )
        try:
            typing = Typing(seen)
            needed = "autoload -U compinit; compinit -u -D; " if shell == "zsh" else ""
            typing.type(f"{needed}source ./script; echo rea''dy\r", b"ready\r")
            yield typing
        finally:
            process.kill()
            process.wait(LONG)
            os.close(seen)
            os.close(given)

    def test_a_tab_completes_commands_values_and_files(self, typing: Typing) -> None:
        for typed, words in {
            "list priv": ["list", "private"],
            "list private --status=traine": ["list", "private", "--status=trained"],
            "sync my": ["sync", "my models.db"],
            "help priv": ["help", "priv"],
        }.items():
            shown = typing.type(f"scenario-async {typed}\t\r", rb"(<[^<>\r\n]*>)+\.\r")
            assert re.findall("<([^>]*)>", shown) == words
