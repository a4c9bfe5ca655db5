"""The command as a process: pipes, signals, terminals, and what it leaves behind."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import urllib.request
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol, TypeAlias

import anyio
import pytest
from support.forked import Forked

from scenario_async.sandbox import Catalogue, Delayed, Sandbox
from scenario_async.sync import CatalogStore

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from support.command_line import Run

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="signals, pipes and terminals as POSIX has them"
)

SECRET = "invented-secret-90be"
PRIVATE = 1500
ENDS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
LONG = 120  # seconds; nothing here takes a tenth of that, but on a very busy machine


@pytest.fixture(scope="module")
def running_sandbox() -> Generator[Sandbox]:
    catalogue = Catalogue.seeded(public=20, private=PRIVATE)
    with Sandbox(catalogue, api_secret=SECRET).in_thread() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Sandbox:
    running_sandbox.reset()
    return running_sandbox


@pytest.fixture
def environment(sandbox: Sandbox) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SCENARIO_", "COVERAGE_")) and "proxy" not in name.lower()
    }
    hidden = ("COLUMNS", "FORCE_COLOR", "NO_COLOR", "PYTHONUNBUFFERED", "TTY_COMPATIBLE")
    for name in hidden:
        kept.pop(name, None)
    return {
        **kept,
        "PYTHONWARNINGS": "error",
        "TERM": "xterm",
        "SCENARIO_BASE_URL": sandbox.base_url,
        "SCENARIO_SDK_API_KEY": sandbox.api_key,
        "SCENARIO_SDK_API_SECRET": sandbox.api_secret,
    }


Process: TypeAlias = "subprocess.Popen[bytes] | Forked"


class Start(Protocol):
    def __call__(
        self,
        *arguments: str,
        stdout: int | IO[bytes] = ...,
        stderr: int = ...,
        env: dict[str, str] | None = ...,
        within: Sequence[str] = ...,
        cwd: Path | None = ...,
        afresh: bool = ...,
    ) -> Process: ...


@pytest.fixture
def start(environment: dict[str, str]) -> Generator[Start]:
    """Starts the command with pipes; whatever still runs at the end is killed.

    ``afresh`` is how users start it, and takes a second of imports.
    """
    # A shell's background job is deaf to Ctrl-C, and what it starts inherits that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    started: list[Process] = []

    def start_command(
        *arguments: str,
        stdout: int | IO[bytes] = subprocess.PIPE,
        stderr: int = subprocess.PIPE,
        env: dict[str, str] | None = None,
        within: Sequence[str] = (),
        cwd: Path | None = None,
        afresh: bool = False,
    ) -> Process:
        process: Process
        if afresh or within:
            process = subprocess.Popen(  # noqa: S603 - our own command
                [*within, sys.executable, "-m", "scenario_async.cli", *arguments],
                cwd=cwd,
                stdout=stdout,
                stderr=stderr,
                env=env or environment,
                bufsize=0,  # or `communicate` would not see what a `readline` has read ahead
            )
        else:
            process = Forked(
                *arguments, stdout=stdout, stderr=stderr, env=env or environment, cwd=cwd
            )
        started.append(process)
        return process

    yield start_command
    signal.signal(signal.SIGINT, before)
    for process in started:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def read_line(process: Process) -> bytes:
    assert process.stdout is not None
    return process.stdout.readline()


def stored(path: Path) -> int:
    """How many models are committed."""
    if path.exists():
        with closing(sqlite3.connect(path)) as database, suppress(sqlite3.OperationalError):
            count: int = database.execute("SELECT count(*) FROM models").fetchone()[0]
            return count
    return 0


def wait_for(process: Process, reached: Callable[[], object]) -> None:
    """Wait until a process has come so far, which can be seen from outside alone."""
    for _ in range(LONG * 20):
        if reached():
            return
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
    pytest.fail("it never came so far")


def ended(process: Process) -> tuple[int, bytes, str]:
    out, err = process.communicate(timeout=LONG)
    return process.wait(0), out, err.decode()


GOES_ON = "Interrupted: what was listed is kept; the same command goes on from there.\n"


class TestStreams:
    def test_data_and_messages_keep_apart(self, start: Start) -> None:
        process = start("list", "private", "--format", "jsonl", "--verbose", afresh=True)
        code, out, err = ended(process)
        assert code == 0
        assert len([json.loads(line) for line in out.splitlines()]) == PRIVATE
        assert "answered with 200" in err
        assert SECRET not in err

    def test_nothing_but_data_is_said_into_pipes(self, start: Start) -> None:
        code, out, err = ended(start("list", "public"))
        assert (code, err, len(out.splitlines())) == (0, "", 21)
        assert b"\x1b" not in out

    def test_data_is_utf_8_whatever_the_locale(
        self, start: Start, sandbox: Sandbox, environment: dict[str, str]
    ) -> None:
        sandbox.catalogue.add("model_named", privacy="unlisted", name="Übergröße 名前")
        ascii_only = {**environment, "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
        process = start("get", "model_named", env=ascii_only, afresh=True)
        code, out, err = ended(process)
        assert (code, err) == (0, "")
        assert "Übergröße 名前".encode() in out

    @pytest.mark.parametrize("form", ["jsonl", "json", "csv", "table", "export"])
    def test_a_reader_that_has_enough_is_no_failure(
        self, start: Start, form: str, tmp_path: Path
    ) -> None:
        command = ["list", "private", "--format", form, "--page-size", "500"]
        if form == "export":
            path = str(tmp_path / "models.db")
            assert ended(start("sync", path, "--private"))[0] == 0
            command = ["export", path, "-", "--format", "jsonl"]
        process = start(*command)
        assert process.stdout is not None
        assert read_line(process)
        process.stdout.close()
        assert process.wait(LONG) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""

    @pytest.mark.parametrize("arguments", ["--help", "list public", "get nothing"])
    def test_nobody_reading_from_the_start_is_quiet(self, start: Start, arguments: str) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        process = start(*arguments.split(), stdout=writing, stderr=writing, afresh=True)
        os.close(writing)
        assert process.wait(LONG) == (4 if "get" in arguments else 0)

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full")
    @pytest.mark.parametrize("arguments", ["--help", "list private --format csv", "list public"])
    def test_a_full_disk_is_one_sentence(self, start: Start, arguments: str) -> None:
        with Path("/dev/full").open("wb") as full:
            # Python itself would say more at its end.
            process = start(*arguments.split(), stdout=full, afresh=arguments == "--help")
            code, _, err = ended(process)
        assert code == 1
        assert err.startswith("Error: ")
        assert err.endswith("No space left on device\n")
        assert err.count("\n") == 1

    @pytest.mark.parametrize(
        ("closing", "code", "message"),
        [(">&-", 1, "Error: there is no standard output\n"), ("2>&-", 0, "")],
    )
    def test_a_stream_that_was_never_there_is_no_bug(
        self, environment: dict[str, str], closing: str, code: int, message: str
    ) -> None:
        script = f'exec "$0" -m scenario_async.cli list public {closing}'
        ran = subprocess.run(  # noqa: S603 - our own command
            ["/bin/sh", "-c", script, sys.executable],
            capture_output=True,
            env=environment,
            timeout=LONG,
            check=False,
        )
        assert (ran.returncode, ran.stderr.decode()) == (code, message)


class TestSignals:
    @pytest.mark.parametrize(("number", "code"), ENDS)
    @pytest.mark.parametrize(
        "arguments",
        [
            "list private --format jsonl --page-size 10",
            "list private --format jsonl --sandbox --sandbox-models 1500",
            "sandbox --public 3 --private 3",
        ],
    )
    def test_a_signal_ends_what_is_under_way_in_order(
        self, start: Start, sandbox: Sandbox, arguments: str, number: signal.Signals, code: int
    ) -> None:
        sandbox.faults.add(Delayed(LONG), after=1, times=None)
        process = start(*arguments.split())
        first = read_line(process)
        process.send_signal(number)
        ended_with, out, err = ended(process)
        assert (ended_with, err) == (code, "Interrupted.\n")
        lines = (first + out).splitlines() if arguments.startswith("list") else []
        assert all(json.loads(line)["id"] for line in lines)

    def test_the_page_under_way_is_still_written(self, start: Start) -> None:
        # A page is larger than a pipe: the rest of it waits for the reader.
        process = start("list", "private", "--format", "jsonl", "--page-size", "500")
        first = read_line(process)
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.09)
        code, out, err = ended(process)
        assert (code, err) == (130, "Interrupted.\n")
        assert [json.loads(line) for line in (first + out).splitlines()]

    @pytest.mark.parametrize(("number", "code"), ENDS)
    def test_a_signal_again_does_not_wait_for_a_reader_that_does_not_read(
        self, number: signal.Signals, code: int, start: Start
    ) -> None:
        process = start("list", "private", "--format", "jsonl", "--page-size", "500")
        read_line(process)
        # Until it is gone: there is no telling from outside when the first one was taken.
        for _ in range(LONG * 20):
            process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
                break
        assert process.stderr is not None
        assert (process.wait(0), process.stderr.read()) == (code, b"Interrupted.\n")

    def test_sigterm_ends_what_is_deaf_to_ctrl_c(self, start: Start, sandbox: Sandbox) -> None:
        sandbox.faults.add(Delayed(LONG), after=1, times=None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # as for a job in the background of a shell
        process = start("list", "private", "--format", "jsonl", "--max-concurrency", "1")
        read_line(process)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        code, _, err = ended(process)
        assert (code, err) == (143, "Interrupted.\n")

    def test_sigterm_ends_watching_between_two_runs(self, start: Start, tmp_path: Path) -> None:
        path = str(tmp_path / "m.db")
        process = start("sync", path, "--public", "--watch", "600", "--json")
        assert json.loads(read_line(process))["run"] == 1
        process.send_signal(signal.SIGTERM)
        code, _, err = ended(process)
        assert (code, err[err.index("Z ") + 2 :]) == (143, GOES_ON)
        _, out, _ = ended(start("status", path, "--json"))
        assert [run["status"] for run in json.loads(out)["runs"]] == ["finished"]


class TestSignalsInsideThisProcess:
    """What SIGTERM leaves of the work of each command: sent by the command itself, half way."""

    @pytest.fixture
    def sent_meanwhile(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        """Half way through what it does, a command gets the signal."""

        def send(*_: object) -> bool:
            os.kill(os.getpid(), signal.SIGTERM)
            return True

        async def send_and_wait(*_: object) -> None:
            send()
            await anyio.sleep_forever()

        sandbox.faults.add(Delayed(LONG), when=send, times=None)
        monkeypatch.setattr(CatalogStore, "runs", send_and_wait)
        monkeypatch.setattr(Sandbox, "serve_forever", send_and_wait)
        monkeypatch.setattr("scenario_async.sync._export.replacement.os.fsync", send)

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ("list private", "Interrupted.\n"),
            ("get model_1", "Interrupted.\n"),
            ("sync new.db --public", GOES_ON),
            ("status models.db", "Interrupted.\n"),
            ("export models.db models.csv", "Interrupted.\n"),
            ("sandbox --public 1 --private 1", "Interrupted.\n"),
        ],
    )
    def test_every_command_ends_in_order(
        self, ask: Run, request: pytest.FixtureRequest, arguments: str, said: str
    ) -> None:
        if "models.db" in arguments:
            ask("sync", "models.db", "--public")
            ask("export", "models.db", "models.csv")
        before = {path: path.read_bytes() for path in Path.cwd().glob("*.csv*")}
        handler = signal.getsignal(signal.SIGTERM)
        request.getfixturevalue("sent_meanwhile")
        ran = ask(*arguments.split())
        assert (ran.code, ran.err) == (143, said)
        assert {path: path.read_bytes() for path in Path.cwd().glob("*.csv*")} == before
        assert signal.getsignal(signal.SIGTERM) == handler


ALONE = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"]
CONTAINER = Path(__file__).parent.parent / "docs" / "how-to" / "docker.md"


class TestProcessNumber1:
    """As in a container: in a namespace of its own no signal ends what does not handle it."""

    @pytest.fixture(autouse=True)
    def _can_be_alone(self) -> None:
        probe = partial(subprocess.run, check=False, capture_output=True)
        if shutil.which("unshare") is None or probe([*ALONE, "true"]).returncode:
            pytest.skip("no process can be the first of a namespace of its own here")

    def terminate(self, outer: Process) -> None:
        children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text()
        os.kill(int(children), signal.SIGTERM)

    def instruction(self, name: str) -> list[str]:
        """What the file for an image on the page has for this."""
        found = re.search(
            rf"^{name} (\[.*\])$", CONTAINER.read_text(encoding="utf-8"), re.MULTILINE
        )
        assert found is not None, name
        words: list[str] = json.loads(found[1])
        return words

    def test_sigterm_ends_a_server_that_has_nothing_to_do(self, start: Start) -> None:
        process = start("sandbox", "--public", "3", "--private", "0", within=ALONE)
        assert read_line(process)
        self.terminate(process)
        assert ended(process)[::2] == (143, "Interrupted.\n")

    def test_sigterm_ends_what_is_still_being_imported(
        self, start: Start, environment: dict[str, str], tmp_path: Path
    ) -> None:
        program = "import os, signal, time\nos.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(99)\n"
        (tmp_path / "asyncclick.py").write_text(program)
        environment["PYTHONPATH"] = str(tmp_path)
        assert ended(start("status", "models.db", within=ALONE)) == (143, b"", "Interrupted.\n")

    @pytest.mark.once
    @pytest.mark.parametrize("moment", ["in a run", "between two runs"])
    def test_the_documented_container_ends_in_order_and_says_whether_it_is_healthy(
        self, start: Start, sandbox: Sandbox, tmp_path: Path, moment: str
    ) -> None:
        assert self.instruction("ENTRYPOINT") == ["scenario-async"]
        path = tmp_path / "models.db"
        if moment == "in a run":
            sandbox.faults.add(Delayed(LONG), after=2, times=None)
        process = start(*self.instruction("CMD"), within=ALONE, cwd=tmp_path)
        if moment == "in a run":
            wait_for(process, lambda: stored(path))
        else:
            assert b" run 1: 1,520 new, " in read_line(process)
        self.terminate(process)
        code, _, err = ended(process)
        assert (code, err[err.index("Z ") + 2 :]) == (143, GOES_ON)

        program, *health = self.instruction("    CMD")
        code, out, err = ended(start(*health, cwd=tmp_path))
        assert program == "scenario-async"
        assert f"models  {stored(path):,}" in " ".join(out.decode().split(" "))[:200] or out
        if moment == "in a run":
            assert (code, err) == (1, "Error: none of the last runs has finished\n")
        else:
            assert (code, err) == (0, "")


class TestSync:
    def test_ctrl_c_keeps_what_was_listed_and_the_next_run_goes_on(
        self, start: Start, sandbox: Sandbox, tmp_path: Path
    ) -> None:
        path = tmp_path / "models.db"
        command = ("sync", str(path), "--private", "--max-concurrency", "1", "--json")
        sandbox.faults.add(Delayed(LONG), after=2, times=None)
        process = start(*command, afresh=True)
        wait_for(process, lambda: stored(path))
        process.send_signal(signal.SIGINT)
        assert ended(process) == (130, b"", GOES_ON)
        kept = stored(path)
        assert 0 < kept < PRIVATE

        sandbox.reset()
        code, out, err = ended(start(*command))
        (report,) = json.loads(out)["scopes"]
        assert (code, err, report["mode"]) == (0, "", "resumed")
        assert report["new"] == PRIVATE - kept == PRIVATE - report["unchanged"] - kept
        assert stored(path) == PRIVATE
        _, out, _ = ended(start("status", str(path), "--json"))
        assert [run["status"] for run in json.loads(out)["runs"]] == ["finished", "interrupted"]

    def test_watching_goes_on_until_ctrl_c(self, start: Start, tmp_path: Path) -> None:
        process = start("sync", str(tmp_path / "m.db"), "--public", "--watch", "0.001", "--json")
        reports = [json.loads(read_line(process)) for _ in range(3)]
        assert [report["run"] for report in reports] == [1, 2, 3]
        process.send_signal(signal.SIGINT)
        code, _, err = ended(process)
        assert (code, err[err.index("Z ") + 2 :]) == (130, GOES_ON)

    def test_ctrl_c_again_does_not_wait_for_a_database_that_somebody_holds(
        self, start: Start, sandbox: Sandbox, tmp_path: Path
    ) -> None:
        path = tmp_path / "models.db"
        sandbox.faults.add(Delayed(LONG), times=None)
        process = start("sync", str(path), "--private")
        wait_for(process, lambda: sandbox.requests.unanswered)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            # Until it is gone: there is no telling from outside when the first one was taken.
            for _ in range(LONG * 20):
                process.send_signal(signal.SIGINT)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.05)
                    break
        assert process.stderr is not None
        assert (process.wait(0), process.stderr.read()) == (130, b"Interrupted.\n")

    def test_a_file_of_another_kind_is_one_sentence(self, start: Start, tmp_path: Path) -> None:
        path = tmp_path / "models.db"
        path.write_text("no database " * 100)
        code, out, err = ended(start("sync", str(path), "--private"))
        assert (code, out, err.count("\n")) == (1, b"", 1)
        assert "file is not a database" in err

    def test_nothing_but_the_summary_is_said_into_pipes(self, start: Start, tmp_path: Path) -> None:
        code, out, err = ended(start("sync", str(tmp_path / "m.db"), "--private", "--public"))
        assert (code, err, len(out.splitlines())) == (0, "", 4)
        assert b"\x1b" not in out


class TestSandbox:
    def test_it_serves_until_ctrl_c_and_tells_a_shell_how_to_ask(
        self, start: Start, environment: dict[str, str]
    ) -> None:
        environment["SCENARIO_SDK_JWT"] = SECRET
        numbers = "--public 7 --private 5 --unlisted 4 --collections 2 --seed 3"
        options = "--latency 0.001 --rate-limit 100 --behavior end=null"
        process = start("sandbox", *numbers.split(), *options.split())
        assert process.stdout is not None
        lines = process.stdout.read(4096).decode().splitlines(keepends=True)
        assert lines[0].startswith(
            "# 7 public, 5 private and 4 unlisted models at http://127.0.0.1:"
        )
        assert lines[1].count("collection_") == 2
        assert lines[5:] == ["unset SCENARIO_SDK_JWT\n"]
        script = f'{"".join(lines)}exec "$0" -m scenario_async.cli list public'
        shell = subprocess.run(  # noqa: S603 - our own command
            ["/bin/sh", "-c", script, sys.executable],
            capture_output=True,
            env=environment,
            timeout=LONG,
            check=True,
        )
        assert (shell.stderr, len(shell.stdout.splitlines())) == (b"", 8)
        process.send_signal(signal.SIGINT)
        assert ended(process) == (130, b"", "Interrupted.\n")

    def test_many_accounts_have_their_keys_in_files(self, start: Start, tmp_path: Path) -> None:
        keys = tmp_path / "new" / "keys\nof  it"
        command = ("sandbox", "--accounts", "12", "--private", "2", "--public", "3")
        process = start(*command, "--keys", str(keys))
        assert process.stdout is not None
        lines = process.stdout.read(4096).decode().splitlines()
        url = lines[2].removeprefix("export SCENARIO_BASE_URL=")
        assert lines[:2] == [
            f"# 12 accounts at {url}, until Ctrl-C",
            # On one line, as a shell reads these.
            f"# keys in {tmp_path}/new/keys\ufffdof  it: account-001 to account-012",
        ]
        files = sorted(keys.iterdir())
        assert [path.name for path in files] == [f"account-{number:03}" for number in range(1, 13)]
        assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
        for path in files[:2]:
            shown = json.loads(path.read_text())
            pair = base64.b64encode(f"{shown['api_key']}:{shown['api_secret']}".encode()).decode()
            request = urllib.request.Request(  # noqa: S310 - the sandbox
                f"{shown['base_url']}/models", headers={"Authorization": f"Basic {pair}"}
            )
            with urllib.request.urlopen(request) as answer:  # noqa: S310 - the sandbox
                assert len(json.load(answer)["models"]) == 2
        process.send_signal(signal.SIGINT)
        assert ended(process) == (130, b"", "Interrupted.\n")

    def test_it_does_not_behave_in_a_way_that_there_is_not(self, start: Start) -> None:
        status, _, errors = ended(start("sandbox", "--behavior", "end=never"))

        assert status == 2
        assert "--behavior" in errors
        assert "end must be one of 'absent', 'null', 'empty'" in errors


class TestTerminal:
    @pytest.fixture
    def terminal(self) -> Generator[tuple[int, int]]:
        """Both ends of a terminal of 90 columns: what a user sees, and what a program gets."""
        import pty  # noqa: PLC0415 - POSIX only
        import termios  # noqa: PLC0415 - POSIX only

        seen, given = pty.openpty()
        termios.tcsetwinsize(given, (30, 90))
        yield seen, given
        for end in (seen, given):
            os.close(end)

    def shown(self, terminal: tuple[int, int], process: Process) -> str:
        seen, given = terminal
        # Closed it would be the number of whatever the server opens next, which the fixture closes.
        os.dup2(seen, given, inheritable=False)
        parts: list[bytes] = []
        with suppress(OSError):  # how Linux says that nobody has the terminal open any more
            while part := os.read(seen, 65536):
                parts.append(part)
        assert process.wait(LONG) == 0
        return b"".join(parts).decode()

    def test_progress_is_shown_while_data_goes_elsewhere(
        self, start: Start, terminal: tuple[int, int], tmp_path: Path
    ) -> None:
        with (tmp_path / "models.jsonl").open("wb") as file:
            options = ("--format", "jsonl", "--max-concurrency", "1")
            process = start("list", "private", *options, stdout=file, stderr=terminal[1])
            text = self.shown(terminal, process)
        assert f"{PRIVATE:,} models, 4 pages, 4 requests, " in text
        assert len((tmp_path / "models.jsonl").read_bytes().splitlines()) == PRIVATE

    def test_a_sync_has_a_bar_for_each_scope(
        self, start: Start, terminal: tuple[int, int], tmp_path: Path
    ) -> None:
        command = ("sync", str(tmp_path / "m.db"), "--private", "--public")
        process = start(*command, stdout=subprocess.DEVNULL, stderr=terminal[1], afresh=True)
        last = re.split(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\n]+", self.shown(terminal, process))
        words = " ".join(part for part in last if part)
        assert f"{PRIVATE:,} models, " in words
        assert "20 models, " in words
        for scope in ("private", "public"):
            assert scope in words

    def test_what_is_done_before_the_first_bar_is_said(
        self, start: Start, terminal: tuple[int, int], tmp_path: Path
    ) -> None:
        command = ("sync", str(tmp_path / "m.db"), "--public", "--sandbox", "--sandbox-models", "1")
        process = start(*command, stdout=subprocess.DEVNULL, stderr=terminal[1])
        erased = "\r\x1b[2K"
        before = (
            "Loading the database driver ...",
            "Starting the sandbox ...",
            "Opening the store ...",
        )
        assert self.shown(terminal, process).startswith(erased.join((*before, "")))

    def test_a_terminal_without_cursor_is_told_nothing_that_has_to_be_erased(
        self, start: Start, terminal: tuple[int, int], environment: dict[str, str]
    ) -> None:
        environment["TERM"] = "dumb"
        command = ("list", "public", "--sandbox", "--sandbox-models", "1")
        process = start(*command, stdout=subprocess.DEVNULL, stderr=terminal[1])
        assert "\x1b" not in self.shown(terminal, process)

    def test_a_full_sync_knows_from_the_store_how_long_it_will_take(
        self, start: Start, terminal: tuple[int, int], tmp_path: Path, sandbox: Sandbox
    ) -> None:
        command = ("sync", str(tmp_path / "m.db"), "--private", "--max-concurrency", "1")
        assert ended(start(*command))[0] == 0
        sandbox.faults.add(Delayed(1), after=3, times=1)
        process = start(*command, "--full", stdout=subprocess.DEVNULL, stderr=terminal[1])
        assert " left" in self.shown(terminal, process)

    @pytest.mark.parametrize("option", ["--quiet", "--verbose"])
    @pytest.mark.parametrize("command", ["sync", "list"])
    def test_progress_can_be_left_out(
        self, start: Start, terminal: tuple[int, int], tmp_path: Path, command: str, option: str
    ) -> None:
        given = (str(tmp_path / "m.db"), "--public") if command == "sync" else ("public",)
        process = start(command, *given, option, stdout=subprocess.DEVNULL, stderr=terminal[1])
        text = self.shown(terminal, process)
        assert " models, " not in text
        assert " ..." not in text

    def test_a_table_follows_the_progress_and_fits(
        self, start: Start, terminal: tuple[int, int], sandbox: Sandbox
    ) -> None:
        process = start("list", "public", stdout=terminal[1], stderr=terminal[1])
        text = self.shown(terminal, process)
        progress, _, table = text.partition("\x1b[1mID ")
        assert "20 models, 1 page, 1 request, " in progress
        lines = table.splitlines()[1:]
        ids = sandbox.catalogue.ids("public")
        assert [line.split()[0] for line in lines if line.startswith("model_")] == ids
        assert max(map(len, lines)) <= 90

    @pytest.mark.parametrize("command", ["list public", "get"])
    def test_models_on_a_terminal_are_followed_by_the_counts_and_not_mixed_with_progress(
        self, start: Start, terminal: tuple[int, int], sandbox: Sandbox, command: str
    ) -> None:
        ids = sandbox.catalogue.ids("public")
        given = (*ids, "--summary") if command == "get" else ()
        arguments = (*command.split(), *given, "--format", "jsonl")
        process = start(*arguments, stdout=terminal[1], stderr=terminal[1])
        text = self.shown(terminal, process)
        *models, counts = text.splitlines()
        assert [json.loads(line)["id"] for line in models] == ids
        assert re.fullmatch(r"20 models, (1 page, )?1 request, 0:\d\d", counts)
        assert "\x1b" not in text

    def test_models_behind_a_pipe_are_not_mixed_with_progress(
        self, start: Start, terminal: tuple[int, int]
    ) -> None:
        process = start("list", "public", "--format", "csv", "--limit", "3", stderr=terminal[1])
        assert self.shown(terminal, process) == ""

    def test_no_colour_is_respected(
        self, start: Start, terminal: tuple[int, int], environment: dict[str, str]
    ) -> None:
        environment["NO_COLOR"] = "1"
        process = start("list", "public", "--quiet", stdout=terminal[1])
        assert "\x1b[3" not in self.shown(terminal, process)
